//! `tick`: what is due by the schedule.

use clap::Args;
use pgcoffer::{
    Error, Result,
    agent::TickOptions,
    exit_status::ExitStatus,
    operation::{Progress, TickReport},
};

use super::{chosen_database::ChosenDatabase, context::Context};

#[derive(Debug, Args)]
pub(in crate::cli) struct TickArgs {
    #[command(flatten)]
    database: ChosenDatabase,
    /// How many databases at once; each takes the memory of a backup
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Leave pruning to somebody else: for credentials that may not delete
    #[arg(long)]
    no_prune: bool,
}

impl Context<'_> {
    pub(super) async fn tick(&self, args: &TickArgs) -> Result<()> {
        let result = self.take_tick(args).await;
        self.say_undelivered();
        result
    }

    async fn take_tick(&self, args: &TickArgs) -> Result<()> {
        let options = TickOptions {
            database: args.database.label().map(str::to_owned),
            parallel: args.parallel,
            prune: !args.no_prune,
        };
        let progress = Progress::default();
        let work = self.agent.tick(&options, &progress);
        let ticked = self.watched("backup", &progress, work).await?;
        self.output.ticked(&ticked.report)?;
        match (ticked.unready.into_iter().next(), ticked.report.exit_status()) {
            (Some((_, error)), _) => Err(error),
            (None, ExitStatus::Done) => Ok(()),
            (None, exit_status) => Err(Error::Problems {
                what: format!("not all is well with {}: see above", unwell(&ticked.report)),
                exit_status,
            }),
        }
    }
}

fn unwell(report: &TickReport) -> String {
    let unwell = report
        .databases
        .iter()
        .filter(|one| one.exit_status() != ExitStatus::Done);
    let names: Vec<&str> = unwell.map(|one| one.database.as_str()).collect();
    names.join(", ")
}
