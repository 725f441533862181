//! `copy`: brings backups to the other places, or from one of them back to the bucket.

use clap::Args;
use pgcoffer::{
    Error, Result,
    agent::{CopyOptions, Selector},
    exit_status::ExitStatus,
    operation::{CopyReport, Progress},
};

use super::context::Context;

#[derive(Debug, Args)]
pub(in crate::cli) struct CopyArgs {
    /// The only backup: an id, its beginning or its end, latest, or latest:TIER (default: all that are missing)
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// To this place alone, whose name is in PGCOFFER_COPY_<NAME>_URL (default: all of them)
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// From this place: into the bucket, or with --to into another place
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// Say what would be copied, and copy nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

impl Context<'_> {
    pub(super) async fn copy(&self, args: &CopyArgs) -> Result<()> {
        let database = args.database.as_deref();
        let options = CopyOptions {
            backup: args.id.as_deref().map(|id| Selector {
                id: Some(id),
                before: None,
                database,
            }),
            database,
            to: args.to.as_deref(),
            from: args.from.as_deref(),
            dry_run: args.dry_run,
        };
        let progress = Progress::default();
        let work = self.agent.copy(&options, &progress);
        let reports = self.watched("copy", &progress, work).await?;
        self.output.copied(&reports, args.dry_run)?;
        let failing: Vec<ExitStatus> = reports
            .iter()
            .map(CopyReport::exit_status)
            .filter(|status| *status != ExitStatus::Done)
            .collect();
        match failing.first() {
            None => Ok(()),
            Some(first) => Err(Error::Problems {
                what: "not everything is copied: see above".to_owned(),
                exit_status: if failing.iter().all(|one| one == first) {
                    *first
                } else {
                    ExitStatus::Failed
                },
            }),
        }
    }
}
