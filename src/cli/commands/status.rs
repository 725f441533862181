//! `status`: how every database stands against its schedule.

use pgcoffer::{Error, Result, exit_status::ExitStatus};

use super::context::Context;

impl Context<'_> {
    pub(super) async fn status(&self, database: Option<&str>, notify: bool) -> Result<()> {
        let report = self.agent.status(database, notify).await;
        self.say_undelivered();
        let report = report?;
        self.output
            .status(&report.databases, &report.not_configured, report.at)?;
        if let Some(error) = report.not_reported.or(report.failed) {
            return Err(error);
        }
        let wrong = report.databases.iter().filter(|health| !health.problems().is_empty());
        match (wrong.count(), report.databases.is_empty()) {
            (0, false) => Ok(()),
            (count, empty) => Err(Error::Problems {
                what: match (count, empty) {
                    (_, true) => "there is no database here and none is configured".to_owned(),
                    (1, _) => "1 database needs a look".to_owned(),
                    (count, _) => format!("{count} databases need a look"),
                },
                exit_status: ExitStatus::Problem,
            }),
        }
    }
}
