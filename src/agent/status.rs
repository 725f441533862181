//! `status`: how every database stands.

use jiff::Timestamp;

use super::{Agent, WatchedDatabase, connect::no_database_called, missed::report_missed, usage};
use crate::{
    backup::{BackupId, Label},
    catalog::{Catalog, NearbyPlace},
    error::{Error, Result},
    operation::{self, Health, Schedules},
};

/// How the databases stand.
#[derive(Debug)]
pub struct StatusReport {
    /// When they were looked at.
    pub at: Timestamp,
    /// Every database that could be looked at.
    pub databases: Vec<Health>,
    /// Databases with backups in the bucket that are not configured here, each with its newest backup.
    pub not_configured: Vec<(Label, BackupId)>,
    /// Where else there are backups, if there are none here.
    pub elsewhere: Vec<NearbyPlace>,
    /// Why the first of the others could not be looked at.
    pub failed: Option<Error>,
    /// Why late backups could not be reported, where that was asked for.
    pub not_reported: Option<Error>,
}

impl Agent {
    /// Looks at the databases, and with `notify` reports late backups, once for each missed period. Writes the metrics
    /// file.
    ///
    /// # Errors
    /// What keeps every database from being looked at, and [`Error::Interrupted`].
    pub async fn status(&self, database: Option<&str>, notify: bool) -> Result<StatusReport> {
        let catalog = self.catalog().await?;
        let labels = self.labels(catalog, database).await?;
        self.refuse_unknown(catalog, database, &labels).await?;
        let reported = match notify {
            true => self.report_late(catalog, &labels).await,
            false => Ok(()),
        };
        if database.is_none() {
            self.warn_of_unknown_drills(catalog).await;
        }
        let (mut databases, mut failed) = (Vec::new(), None);
        for label in labels {
            match self.health_with_places(catalog, &label).await {
                Ok(health) => databases.push(health),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                // the others are shown all the same
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if notify {
            self.report_overdue_drills(catalog, &databases).await?;
        }
        let not_configured = match database {
            None => self.interrupt.or(self.not_configured(catalog)).await?,
            Some(_) => Vec::new(),
        };
        let elsewhere =
            match failed.is_none() && databases.iter().all(|one| one.newest_good.is_none() && one.bytes == 0) {
                true => self.nearby_places(catalog).await?,
                false => Vec::new(),
            };
        self.write_metrics(catalog, &databases).await;
        Ok(StatusReport {
            // after the looks, so that what was due in them is due
            at: self.clock.now(),
            databases,
            not_configured,
            elsewhere,
            failed,
            not_reported: reported.err(),
        })
    }

    /// Refuses a name that was mistyped, which is no database without backups. Where nothing is known of any, the place
    /// may be the wrong one, and those nearby are told.
    async fn refuse_unknown(&self, catalog: &Catalog, named: Option<&str>, labels: &[Label]) -> Result<()> {
        let (Some(_), [label]) = (named, labels) else {
            return Ok(());
        };
        match self.others_than(catalog, label).await? {
            Some(known) if !known.is_empty() => Err(no_database_called(label, &known, catalog)),
            _ => Ok(()),
        }
    }

    /// How one database stands now, looked at without its schedule: what is late follows from its newest backups.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub(crate) async fn health(&self, catalog: &Catalog, label: &Label) -> Result<Health> {
        let expected = self.expected_of(label);
        let schedules = Schedules {
            backups: None,
            ..expected.borrowed()
        };
        let look = operation::status(catalog, label, schedules, self.clock.now());
        self.interrupt.or(look).await
    }

    /// Warns of settings of drills for databases that neither the settings nor the bucket have.
    async fn warn_of_unknown_drills(&self, catalog: &Catalog) {
        let unknown = self.unknown_drills();
        if unknown.is_empty() {
            return;
        }
        // who may not list the folders is told by check
        let Ok(there) = catalog.databases().await else {
            return;
        };
        for label in unknown.iter().filter(|label| !there.contains(label)) {
            tracing::warn!(
                "{label} has a setting for drills, and is neither among the databases that are set nor in the bucket: \
                 correct the name in that PGCOFFER_DB_…_DRILL, or remove it"
            );
        }
    }

    /// Databases with backups of ours in the bucket that are not configured here: another machine's, retired ones, and
    /// one whose variable somebody took away. Who may not list the folders is shown none.
    pub(super) async fn not_configured(&self, catalog: &Catalog) -> Result<Vec<(Label, BackupId)>> {
        let mut beside = Vec::new();
        let configured = self.configured();
        if configured.is_empty() {
            return Ok(beside);
        }
        let labels = catalog.databases().await.unwrap_or_default();
        for label in labels.into_iter().filter(|label| !configured.contains(label)) {
            let survey = catalog.survey(&label, 1).await;
            let newest = survey.ok().and_then(|survey| survey.entries.into_iter().next());
            beside.extend(newest.map(|newest| (label, newest.record.id)));
        }
        Ok(beside)
    }

    /// Reports backups that are late, which another machine was to make.
    async fn report_late(&self, catalog: &Catalog, labels: &[Label]) -> Result<()> {
        if self.notifications.is_silent() {
            return Err(usage(
                "--notify has nobody to tell",
                "set PGCOFFER_SLACK_WEBHOOK_URL, PGCOFFER_WEBHOOK_URL, or PGCOFFER_SMTP_URL with PGCOFFER_EMAIL_FROM \
                 and PGCOFFER_EMAIL_TO",
            ));
        }
        let watched: Result<Vec<WatchedDatabase>> = labels.iter().map(|label| self.watched(label)).collect();
        self.report_missed(catalog, &watched?).await
    }

    /// Reports every one of these databases whose backups are late, once for each missed period and again after a day.
    ///
    /// # Errors
    /// The first refusal of the bucket, which is reported as well, and [`Error::Interrupted`].
    pub(crate) async fn report_missed(&self, catalog: &Catalog, watched: &[WatchedDatabase]) -> Result<()> {
        let reported = report_missed(catalog, watched, &self.notifications, &self.interrupt).await;
        for label in reported? {
            tracing::info!(database = %label, "told that its backup is late");
        }
        Ok(())
    }

    /// What is needed to watch a database, configured or not.
    pub(crate) fn watched(&self, label: &Label) -> Result<WatchedDatabase> {
        let configured = self.config.databases.iter().find(|database| database.label == *label);
        let secret = match configured {
            Some(database) => self.config.watching_secret_of(database)?.clone(),
            None => {
                let keys = self.config.keys_for_reading()?;
                let own = keys.of(label).iter().map(|key| key.secret.clone());
                own.chain(keys.secrets())
                    .next()
                    .ok_or_else(|| Error::Internal("no secret".to_owned()))?
            }
        };
        Ok(WatchedDatabase {
            label: label.clone(),
            schedule: self.schedule_of(label),
            secret,
        })
    }
}
