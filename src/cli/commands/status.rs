//! `status`: how every database stands against its schedule.

use clap::Args;
use pgcoffer::{Error, Result, exit_status::ExitStatus, operation::Health};

use super::{chosen_database::ChosenDatabase, context::Context};
use crate::cli::{text_status::StatusView, zone::Zone};

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    database: ChosenDatabase,
    /// Tell of late backups over the channels that are set, once for each missed period: for a monitor beside the
    /// backup
    #[arg(long)]
    notify: bool,
    /// Show every column and whole ids, however long the lines are
    #[arg(long)]
    wide: bool,
}

impl StatusArgs {
    /// Whether it sends notifications, as a monitor's schedule has it.
    pub(in crate::cli) fn notifies(&self) -> bool {
        self.notify
    }
}

impl Context<'_> {
    pub(super) async fn status(&self, args: &StatusArgs) -> Result<()> {
        let report = self.agent.status(args.database.label(), args.notify).await;
        self.say_undelivered();
        let report = report?;
        let location = self.agent.location()?;
        let view = StatusView {
            is_wide: args.wide,
            location,
            zone: &Zone::of(self.agent.config()),
        };
        self.output.status(&report, &view)?;
        if let Some(error) = report.not_reported.or(report.failed) {
            return Err(error);
        }
        // a backup that waits after failures is as wrong here as for `tick`
        let is_wrong = |health: &&Health| !health.problems().is_empty() || health.paused_until.is_some();
        let wrong = report.databases.iter().filter(is_wrong);
        match (wrong.count(), report.databases.is_empty()) {
            (0, false) => Ok(()),
            (count, empty) => Err(Error::Problems {
                what: match (count, empty) {
                    (_, true) => format!("there is no database in {location} and none is configured"),
                    (1, _) => "1 database needs a look".to_owned(),
                    (count, _) => format!("{count} databases need a look"),
                },
                exit_status: ExitStatus::Problem,
            }),
        }
    }
}
