//! `verify`: reads a whole backup back.

use pgcoffer::{Result, agent::Selector, operation::Progress};

use super::{context::Context, thaw::ThawArgs};

impl Context<'_> {
    pub(super) async fn verify(&self, id: &str, database: Option<&str>, thaw: ThawArgs) -> Result<()> {
        let record = self.agent.find_to("verify", Selector { id, database }).await?;
        self.agent.thaw(&record, &thaw.request()).await?;
        let progress = Progress::default();
        let work = self.agent.verify(&record, &progress);
        let verified = self.watched("verify", &progress, work).await?;
        self.output.verified(&verified)
    }
}
