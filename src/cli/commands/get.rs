//! `get`: downloads a backup.

use std::path::PathBuf;

use pgcoffer::{Result, operation::Progress};

use super::{chosen::Chosen, context::Context, thaw::ThawArgs};

impl Context<'_> {
    pub(super) async fn get(&self, chosen: &Chosen, file: Option<PathBuf>, sealed: bool, thaw: ThawArgs) -> Result<()> {
        let record = self.agent.find_to("get", chosen.selector(self.agent.config())?).await?;
        let extension = if sealed { "pgc" } else { "dump" };
        let default = PathBuf::from(format!("{}-{}.{extension}", record.database, record.id));
        let target = self.target(file.unwrap_or(default))?;
        target.check()?;
        self.agent.thaw(&record, &thaw.request()).await?;
        let progress = Progress::default();
        let work = self.agent.get(&record, &target, sealed, &progress);
        let fetched = self.watched("get", &progress, work).await?;
        self.output.fetched(&fetched)
    }
}
