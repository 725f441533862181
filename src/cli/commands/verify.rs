//! `verify`: reads a whole backup back.

use pgcoffer::{Result, operation::Progress};

use super::{chosen::Chosen, context::Context, thaw::ThawArgs};

impl Context<'_> {
    pub(super) async fn verify(&self, chosen: &Chosen, thaw: ThawArgs) -> Result<()> {
        let record = self
            .agent
            .find_to("verify", chosen.selector(self.agent.config())?)
            .await?;
        self.agent.thaw(&record, &thaw.request()).await?;
        let progress = Progress::default();
        let work = self.agent.verify(&record, &progress);
        let verified = self.watched("verify", &progress, work).await?;
        self.output.verified(&verified)
    }
}
