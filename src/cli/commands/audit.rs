//! `audit`: who had what done in the dashboard.

use clap::Args;
use pgcoffer::{Error, Result, exit_status::ExitStatus};

use super::context::Context;
use crate::cli::zone::Zone;

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    /// Show the newest N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
    limit: usize,
}

impl Context<'_> {
    pub(super) async fn audit(&self, args: &AuditArgs) -> Result<()> {
        let found = self.agent.audit(args.limit).await?;
        self.output.audit(&found, &Zone::of(self.agent.config()))?;
        match found.is_whole() {
            true => Ok(()),
            false => Err(Error::Problems {
                what: "not every entry is there as it was sealed: see above".to_owned(),
                exit_status: ExitStatus::Integrity,
            }),
        }
    }
}
