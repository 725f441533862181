//! `drill`: proves that backups come back.

use clap::Args;
use pgcoffer::{
    Error, Result,
    backup::Record,
    exit_status::ExitStatus,
    operation::{DrillReport, DrillVerdict, Progress},
};

use super::{chosen::Chosen, context::Context, thaw::ThawArgs};
use crate::cli::{log, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct DrillArgs {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    thaw: ThawArgs,
}

impl Context<'_> {
    pub(super) async fn drill(&self, args: &DrillArgs) -> Result<()> {
        let selector = args.chosen.selector(self.agent.config())?;
        let records = self.agent.find_to_drill(selector).await?;
        let (mut reports, mut failed) = (Vec::new(), None);
        for record in &records {
            match self.drill_one(record, args).await {
                Ok(report) => reports.push(report),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                // what fails with one backup keeps no other from its drill
                Err(error) => {
                    if let Some(earlier) = failed.replace(error) {
                        output::error(&earlier, log::format(self.global.log_format));
                    }
                }
            }
        }
        if self.output.json {
            self.output.drills(&reports)?;
        }
        match failed {
            Some(error) => Err(error),
            None => as_status(&reports),
        }
    }

    async fn drill_one(&self, record: &Record, args: &DrillArgs) -> Result<DrillReport> {
        self.agent.thaw(record, &args.thaw.request()).await?;
        let progress = Progress::default();
        let work = self.agent.drill(record, &progress);
        let report = self.watched("drill", &progress, work).await?;
        if !self.output.json {
            self.output.drilled(&report)?;
        }
        Ok(report)
    }
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
