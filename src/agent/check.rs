//! `check`: everything that a backup, a prune and a restore need is tried.

use super::Agent;
use crate::{
    backup::{Failure, Label},
    catalog::Catalog,
    config::{DatabaseSettings, trimmed},
    error::Result,
    operation::{
        self, Area, CheckDatabase, CheckDrill, CheckPlace, CheckReport, CheckRequest, DrillGround, Finding, Verdict,
    },
    postgres::{DatabaseUrl, Session},
    rights::AccessMode,
};

/// The role that is proposed where the configured one owns the database.
const READER: &str = "pgcoffer";

/// What a check is to do.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions<'a> {
    /// The label of the only database that is tried; none for all.
    pub database: Option<&'a str>,
    /// What the credentials of the bucket are for, where it is not to be found out.
    pub mode: Option<AccessMode>,
    /// Whether a test is sent to everybody who is notified.
    pub notify: bool,
}

impl Agent {
    /// Tries everything and says how to cure what fails. `on_finding` is called with each finding as it is made.
    ///
    /// # Errors
    /// What keeps it from beginning, and [`crate::Error::Interrupted`]. What fails stands in the report.
    pub async fn check(
        &self,
        options: CheckOptions<'_>,
        on_finding: &(dyn Fn(&Finding) + Send + Sync),
    ) -> Result<CheckReport> {
        let config = &self.config;
        let databases: Vec<&DatabaseSettings> = match options.database {
            Some(name) => vec![config.database(Some(name))?],
            None => config.databases.iter().collect(),
        };
        if databases.is_empty() && config.location.is_none() {
            config.database(None)?;
        }
        let request = CheckRequest {
            databases: databases.into_iter().map(|one| self.to_check(one)).collect(),
            secret: config.keys().secrets().into_iter().next(),
            mode: options.mode.or(match config.mode {
                AccessMode::Full => None,
                mode => Some(mode),
            }),
            keep_last: config.keep_last,
            others: self.app_databases(),
            cure_of_none: config.seen.hint(),
            drill: self.drills_to_check(),
            clock: self.clock,
        };
        let catalog = self.catalog_to_try().await?;
        let clients = self.clients().await?;
        let mut report = operation::check(catalog.as_ref(), clients, &request, &self.interrupt, on_finding).await?;
        report
            .findings
            .extend(self.check_places(catalog.as_ref(), &request, on_finding).await?);
        for finding in self.check_notifications(options.notify).await? {
            on_finding(&finding);
            report.findings.push(finding);
        }
        Ok(report)
    }

    /// Tries every other place as the bucket is tried.
    async fn check_places(
        &self,
        catalog: Option<&Catalog>,
        request: &CheckRequest,
        on_finding: &(dyn Fn(&Finding) + Send + Sync),
    ) -> Result<Vec<Finding>> {
        let Some(catalog) = catalog.filter(|_| self.has_places() && !self.config.keys().secrets().is_empty()) else {
            return Ok(Vec::new());
        };
        let mut places = Vec::new();
        for place in self.places() {
            places.push(CheckPlace {
                name: place.name().clone(),
                place: self.place(place, catalog).await,
            });
        }
        let repository = self
            .interrupt
            .or(async { Ok(catalog.repository_here().await.ok().flatten()) });
        let repository = repository.await?.or(self.config.repository);
        let tried = operation::check_places(catalog, places, repository, request, &self.interrupt, on_finding);
        Ok(tried.await?.findings)
    }

    /// What of drills is checked, if any are set up here.
    fn drills_to_check(&self) -> Option<CheckDrill> {
        let config = &self.config;
        let is_set_up = config.drills.is_set() || matches!(config.drill_ground, DrillGround::Server(_));
        let mut labels = self.configured();
        labels.extend(config.drills.of_their_own().cloned());
        labels.sort();
        labels.dedup();
        let schedule = |label: Label| Some((config.drills.schedule_of(&label)?.clone(), label));
        is_set_up.then(|| CheckDrill {
            ground: config.drill_ground.clone(),
            sources: self.sources(),
            unknown: self.unknown_drills(),
            schedules: labels
                .into_iter()
                .filter_map(|label| schedule(label).map(|(schedule, label)| (label, schedule)))
                .collect(),
            bad_statements: self.drill_checks().err().as_ref().map(Failure::from),
        })
    }

    /// The databases that have a setting of their own for drills, and none for backups.
    pub(super) fn unknown_drills(&self) -> Vec<Label> {
        let configured = self.configured();
        let named = self.config.drills.named();
        named.filter(|label| !configured.contains(label)).cloned().collect()
    }

    /// Who is notified, and whether that works.
    async fn check_notifications(&self, send: bool) -> Result<Vec<Finding>> {
        let nobody = || "notifications".to_owned();
        if self.notifications.is_silent() {
            let verdict = if send { Verdict::Failed } else { Verdict::Warning };
            let detail = "nobody is notified if a backup fails or is missed".to_owned();
            let cure = "set PGCOFFER_SLACK_WEBHOOK_URL, PGCOFFER_WEBHOOK_URL, PGCOFFER_SMTP_URL with \
                PGCOFFER_EMAIL_FROM and PGCOFFER_EMAIL_TO, or PGCOFFER_PING_URL";
            return Ok(vec![finding(nobody(), verdict, detail, Some(cure.to_owned()))]);
        }
        if !send {
            let detail = "configured; `pgcoffer check --notify` sends a test".to_owned();
            return Ok(vec![finding(nobody(), Verdict::Skipped, detail, None)]);
        }
        let sent = async { Ok(self.notifications.test().await) };
        let deliveries = self.interrupt.or(sent).await?;
        let each = deliveries.into_iter().map(|delivery| match delivery.result {
            Ok(()) => {
                let detail = "a test was sent: check that it arrived".to_owned();
                finding(delivery.channel, Verdict::Ok, detail, None)
            }
            Err(error) => {
                let cure = error.hint().unwrap_or_else(|| format!("look at {}", delivery.setting));
                finding(delivery.channel, Verdict::Failed, error.to_string(), Some(cure))
            }
        });
        Ok(each.collect())
    }

    fn to_check(&self, database: &DatabaseSettings) -> CheckDatabase {
        let own = database.secret.as_ref();
        CheckDatabase {
            label: database.label.clone(),
            url: database.url.clone(),
            // also a weak passphrase, so that it is said to be one
            secret: own.or(self.config.secret.as_ref()).cloned(),
            schedule: database.schedule.clone(),
            unscheduled: database.unscheduled,
        }
    }

    /// The bucket, where rights are tried whatever the mode is.
    pub(super) async fn catalog_to_try(&self) -> Result<Option<Catalog>> {
        if self.config.location.is_none() {
            return Ok(None);
        }
        let mut options = self.config.store.clone();
        options.write_only = false;
        let store = self.store(options).await?;
        Ok(Some(Catalog::new(store, self.config.keys(), self.config.repository)))
    }

    /// The database that the app itself uses, where it is named here.
    fn app_databases(&self) -> Vec<(String, DatabaseUrl)> {
        let name = "DATABASE_URL";
        let url = self.environment.variable(name);
        let url = url.and_then(|text| DatabaseUrl::parse(trimmed(text)).ok());
        url.map(|url| (name.to_owned(), url)).into_iter().collect()
    }

    /// The SQL by which the owner of a database makes a role that can read all of it and change nothing: the label of
    /// the database, the role, and the statements. Changes nothing itself.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where no single database is meant, and what the server refuses.
    pub async fn reader_sql(&self, database: Option<&str>, role: Option<&str>) -> Result<(Label, String, String)> {
        let database = self.config.database(database)?;
        let work = async {
            let mut session = Session::connect(&database.url).await?;
            let role = match role {
                Some(role) => role.to_owned(),
                None if session.is_owner().await? => READER.to_owned(),
                None => database.url.user().to_owned(),
            };
            let sql = session.reader_sql(&role).await?;
            session.close().await;
            Ok((database.label.clone(), role, sql))
        };
        self.interrupt.or(work).await
    }
}

fn finding(subject: String, verdict: Verdict, detail: String, cure: Option<String>) -> Finding {
    Finding {
        area: Area::Notifications,
        subject,
        what: "notifications",
        verdict,
        detail,
        cure,
    }
}
