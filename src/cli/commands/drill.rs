//! `drill`: proves that backups come back.

use clap::Args;
use pgcoffer::{
    Error, Result,
    agent::DrillOptions,
    backup::{DrillVerdict, Label, Record},
    exit_status::ExitStatus,
    operation::{DrillReport, Drilled, Progress},
};

use super::{chosen::Chosen, context::Context, decide::who, thaw::ThawArgs};
use crate::cli::{log, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct DrillArgs {
    #[command(flatten)]
    pub(in crate::cli) chosen: Chosen,
    #[command(flatten)]
    thaw: ThawArgs,
    /// Leave no report in the bucket, as for credentials that may only read
    #[arg(long)]
    no_report: bool,
}

impl Context<'_> {
    pub(super) async fn drill(&self, args: &DrillArgs) -> Result<()> {
        let selector = args.chosen.selector(self.agent.config())?;
        let records = self.agent.find_to_drill(selector).await?;
        let (mut reports, mut failed, mut unreported) = (Vec::new(), Vec::new(), None);
        for record in &records {
            match self.drill_one(record, args).await {
                Ok(drilled) => {
                    reports.push(drilled.report);
                    unreported = unreported.or(drilled.unreported);
                }
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                // what fails with one backup keeps no other from its drill
                Err(error) => {
                    if records.len() > 1 {
                        output::error_of(&record.database, &error, log::format(self.global.log_format));
                    }
                    failed.push((&record.database, error));
                }
            }
        }
        if self.output.json {
            self.output.drills(&reports)?;
        }
        let verdict = as_status(&reports);
        match (could_not(failed, records.len()), unreported) {
            (Some(error), _) => Err(error),
            // what did not come back is worse than a report that was not written
            (None, Some(error)) if !matches!(&verdict, Err(worse) if worse.exit_status() == ExitStatus::Integrity) => {
                Err(error)
            }
            (None, Some(error)) => {
                output::error(&error, log::format(self.global.log_format));
                verdict
            }
            (None, None) => verdict,
        }
    }

    async fn drill_one(&self, record: &Record, args: &DrillArgs) -> Result<Drilled> {
        self.agent.thaw(record, &args.thaw.request()).await?;
        let progress = Progress::default();
        let options = DrillOptions {
            who: who(None),
            leaves_report: !args.no_report,
        };
        let work = self.agent.drill(record, &options, &progress);
        let drilled = self.watched("drill", &progress, work).await?;
        if !self.output.json {
            self.output.drilled(&drilled.report)?;
        }
        Ok(drilled)
    }
}

/// That some drills could not be carried out: of several each was told.
fn could_not(mut failed: Vec<(&Label, Error)>, of: usize) -> Option<Error> {
    let names: Vec<&str> = failed.iter().map(|(database, _)| database.as_str()).collect();
    let what = format!("{} of {of} could not be drilled: {}", failed.len(), names.join(", "));
    let (_, last) = failed.pop()?;
    Some(match of {
        1 => last,
        _ => Error::Problems {
            what,
            exit_status: last.exit_status(),
        },
    })
}

/// Ends with 0 only if everything was proven.
fn as_status(reports: &[DrillReport]) -> Result<()> {
    let worst = reports.iter().map(|report| report.verdict).max();
    let (what, exit_status) = match worst {
        None | Some(DrillVerdict::Proven) => return Ok(()),
        Some(DrillVerdict::PartlyProven) => (
            "not everything could be compared; what was not is named above",
            ExitStatus::Incomplete,
        ),
        Some(DrillVerdict::NotProven) if reports.iter().all(|report| report.differences.is_empty()) => (
            "all data came back, and not all of your own statements passed; those that failed are named above",
            ExitStatus::Integrity,
        ),
        Some(DrillVerdict::NotProven) => (
            "a backup did not come back as it was dumped; what differs is named above",
            ExitStatus::Integrity,
        ),
    };
    Err(Error::Problems {
        what: what.to_owned(),
        exit_status,
    })
}
