//! `prune`: deletes what its retention says.

use clap::Args;
use pgcoffer::{Error, Result, agent::PruneOptions, exit_status::ExitStatus};

use super::{chosen_database::ChosenDatabase, context::Context};
use crate::cli::{text_prune::PruneView, zone::Zone};

#[derive(Debug, Args)]
pub(in crate::cli) struct PruneArgs {
    /// Show the plan, with a reason for every backup, and delete nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    database: ChosenDatabase,
    /// So many good backups may go because newer ones came, although the schedule does not explain it
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
}

impl Context<'_> {
    pub(super) async fn prune(&self, args: &PruneArgs) -> Result<()> {
        let options = PruneOptions {
            database: args.database.label(),
            dry_run: args.dry_run,
            confirmed: args.confirm,
        };
        let pruned = self.agent.prune(options).await?;
        let view = PruneView {
            dry_run: args.dry_run,
            location: self.agent.location()?,
            zone: &Zone::of(self.agent.config()),
        };
        let (reports, places) = (&pruned.reports, &pruned.places);
        self.output.pruned(reports, places, &view, pruned.failed.as_ref())?;
        let of_places = places.iter().flat_map(|place| place.reports.iter().flatten());
        let mut reports = reports.iter().flatten().chain(of_places);
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
