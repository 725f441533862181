//! `diff`: what changed from one backup to another.

use clap::Args;
use pgcoffer::{Result, agent::Selector};

use super::context::Context;

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The earlier backup: an id, the beginning of one, latest, or latest:TIER
    from: String,
    /// The later backup
    #[arg(default_value = "latest")]
    to: String,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

impl Context<'_> {
    pub(super) async fn diff(&self, args: &DiffArgs) -> Result<()> {
        let selector = |id| Selector {
            id,
            database: args.database.as_deref(),
        };
        let diff = self.agent.diff(selector(&args.from), selector(&args.to)).await?;
        self.output.diff(&diff)
    }
}
