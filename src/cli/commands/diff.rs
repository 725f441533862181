//! `diff`: what changed from one backup to another.

use clap::Args;
use pgcoffer::{Result, agent::Selector};

use super::{context::Context, from_place::FromPlace};

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The earlier backup: an id, its beginning or its end, latest, or latest:TIER
    #[arg(value_name = "ID")]
    id: String,
    /// The later backup
    #[arg(value_name = "ID", default_value = "latest")]
    later_id: String,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Name the definitions that differ, too: reads the table of contents of both archives
    #[arg(long)]
    definitions: bool,
    #[command(flatten)]
    pub(in crate::cli) from: FromPlace,
}

impl Context<'_> {
    pub(super) async fn diff(&self, args: &DiffArgs) -> Result<()> {
        let selector = |id| Selector {
            id: Some(id),
            before: None,
            database: args.database.as_deref(),
        };
        let (from, to) = (selector(&args.id), selector(&args.later_id));
        let diff = self.agent.diff(from, to, args.definitions).await?;
        self.output.diff(&diff)
    }
}
