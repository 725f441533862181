//! `prune`: deletes what its retention says.

use pgcoffer::{Error, Result, agent::PruneOptions, exit_status::ExitStatus};

use super::context::Context;

impl Context<'_> {
    pub(super) async fn prune(&self, database: Option<&str>, dry_run: bool, confirmed: Option<usize>) -> Result<()> {
        let options = PruneOptions {
            database,
            dry_run,
            confirmed,
        };
        let pruned = self.agent.prune(options).await?;
        self.output.pruned(&pruned.reports, dry_run, pruned.failed.as_ref())?;
        let mut reports = pruned.reports.iter().flatten();
        let trouble = reports.any(|report| report.troubles().next().is_some());
        match pruned.failed {
            Some(error) => Err(error),
            None if trouble => Err(Error::Problems {
                what: "not everything could be deleted: see above".to_owned(),
                exit_status: ExitStatus::Bucket,
            }),
            None => Ok(()),
        }
    }
}
