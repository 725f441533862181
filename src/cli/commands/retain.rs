//! `retain`: how long one backup is kept.

use clap::Args;
use pgcoffer::{Result, backup::Retention};

use super::{chosen::Named, context::Context, decide::who, kept_for::kept_for_a_time};

#[derive(Debug, Args)]
pub(in crate::cli) struct RetainArgs {
    #[command(flatten)]
    chosen: Named,
    /// How long it is kept, from its beginning on: 24h, 7d, 5w, 12mo, 7y, or forever
    #[arg(value_name = "RETENTION", value_parser = kept_for_a_time)]
    retention: Retention,
    /// Who (default: the user who runs this)
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Context<'_> {
    pub(super) async fn retain(&self, args: &RetainArgs) -> Result<()> {
        let who = who(args.by.as_deref());
        let retaining = self
            .agent
            .retain(args.chosen.selector(self.agent.config())?, args.retention, &who)
            .await?;
        self.output.retained(&retaining)
    }
}
