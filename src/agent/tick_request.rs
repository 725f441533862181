//! `tick`: what is due by the schedule, for every database.

use super::{Agent, connect::parse_label, tick, usage};
use crate::{
    backup::Label,
    config::{DatabaseSettings, ScheduleOrigin},
    error::{Error, Result},
    operation::{Progress, TickDatabase, TickReport, TickRequest},
    retention::RetentionPolicy,
    rights::AccessMode,
};

/// What a tick is to do.
#[derive(Debug, Clone)]
pub struct TickOptions {
    /// The label of the only database that has its turn; none for every one that has a schedule.
    pub database: Option<String>,
    /// How many databases are backed up at once.
    pub parallel: u8,
    /// Whether what has run out is deleted.
    pub prune: bool,
}

/// What a tick came to.
#[derive(Debug)]
pub struct Ticked {
    /// Every database that had its turn.
    pub report: TickReport,
    /// The databases whose settings kept them from having one, and why.
    pub unready: Vec<(Label, Error)>,
}

impl Agent {
    /// Backs up what is due, prunes, notifies people of how it ended, and writes the metrics file. Safe to call as
    /// often as one likes.
    ///
    /// # Errors
    /// What keeps every database from its turn, and [`Error::Interrupted`]. What goes wrong with one of them stands in
    /// the report.
    pub async fn tick(&self, options: &TickOptions, progress: &Progress) -> Result<Ticked> {
        let work = async {
            let ready = self.or_report(None, self.turns(options)).await;
            let (mut request, unready) = ready?;
            log_unready(unready.iter().skip(1));
            let catalog = self.or_report(None, self.catalog().await).await?;
            let clients = self.or_report(None, self.clients().await).await?;
            let beside = self.places_beside(catalog).await?;
            request.beside.clone_from(&beside.connected);
            let (notifications, interrupt) = (&self.notifications, &self.interrupt);
            let work = tick(catalog, clients, &request, &unready, notifications, progress, interrupt);
            let mut report = Box::pin(work).await?;
            let only = parse_label(options.database.as_deref())?;
            self.copy_what_was_made(catalog, &mut report, &beside, options.prune, progress)
                .await?;
            self.drill_what_is_due(catalog, clients, only.as_ref(), &mut report, progress)
                .await?;
            let seen: Vec<_> = report.databases.iter().filter_map(|one| one.health.clone()).collect();
            self.write_metrics(catalog, &seen).await;
            Ok(Ticked { report, unready })
        };
        self.or_report_panic(work).await
    }

    /// The databases whose turn it is, and those whose settings don't let them take part, with the reason.
    fn turns(&self, options: &TickOptions) -> Result<(TickRequest, Vec<(Label, Error)>)> {
        let config = &self.config;
        let chosen: Vec<&DatabaseSettings> = match &options.database {
            Some(name) => vec![config.database(Some(name))?],
            None if config.databases.is_empty() && config.drills.is_set() => Vec::new(),
            None if config.databases.is_empty() => vec![config.database(None)?],
            None => config.databases.iter().collect(),
        };
        let named = options.database.is_some();
        let turns = chosen.into_iter().filter(|database| named || !database.unscheduled);
        let (databases, unready) = self.readied(turns);
        let only_drills = unready.is_empty() && config.drills.is_set();
        if databases.is_empty() && !only_drills {
            log_unready(unready.iter().skip(1));
            return Err(match unready.into_iter().next() {
                Some((_, error)) => error,
                None => usage(
                    "every database's schedule is off",
                    "name one with --database, or set its PGCOFFER_DB_<NAME>_SCHEDULE",
                ),
            });
        }
        let request = self.tick_request(databases, options.parallel, options.prune);
        Ok((request, unready))
    }

    /// A tick over these databases, by the settings.
    pub(crate) fn tick_request(&self, databases: Vec<TickDatabase>, parallel: u8, prune: bool) -> TickRequest {
        TickRequest {
            databases,
            parallel: parallel.into(),
            prune,
            level: self.config.level,
            dump_idle_timeout: self.config.dump_idle_timeout,
            policy: self.retention_policy(),
            beside: Vec::new(),
            clock: self.clock,
        }
    }

    /// What could be made ready of each database, and why the others could not: what one lacks keeps no other from its
    /// turn.
    pub(crate) fn readied<'d>(
        &self,
        databases: impl Iterator<Item = &'d DatabaseSettings>,
    ) -> (Vec<TickDatabase>, Vec<(Label, Error)>) {
        let (mut ready, mut unready) = (Vec::new(), Vec::new());
        for database in databases {
            match self.readied_one(database) {
                Ok(one) => ready.push(one),
                Err(error) => unready.push((database.label.clone(), error)),
            }
        }
        (ready, unready)
    }

    fn readied_one(&self, database: &DatabaseSettings) -> Result<TickDatabase> {
        let schedule = database.schedule.clone().ok_or_else(|| {
            if let ScheduleOrigin::Unreadable(why) = &database.origin {
                return usage(
                    format!(
                        "the schedule of {} that is stored in the bucket can't be read: {why}",
                        database.label
                    ),
                    "store it again with `pgcoffer schedule set`, or set PGCOFFER_SCHEDULE here",
                );
            }
            let name = database.label.as_str().to_ascii_uppercase();
            usage(
                format!("{} has no schedule", database.label),
                format!(
                    "set PGCOFFER_SCHEDULE, for example to \"daily at 02:30 keep 7d\", or \
                    PGCOFFER_DB_{name}_SCHEDULE to its own or to \"off\"; `pgcoffer schedule set` stores one in the \
                    bucket, for every machine"
                ),
            )
        })?;
        for warning in schedule.warnings() {
            tracing::warn!(database = %database.label, "{warning}");
        }
        // who may only write can't watch either
        let secret = match self.config.mode {
            AccessMode::DropBox => self.config.secret_of(database)?,
            _ => self.config.watching_secret_of(database)?,
        };
        Ok(TickDatabase {
            label: database.label.clone(),
            url: database.url.clone(),
            secret: secret.clone(),
            schedule,
            drills: self.current().drills.schedule_of(&database.label).cloned(),
        })
    }

    pub(super) fn retention_policy(&self) -> RetentionPolicy {
        RetentionPolicy {
            keep_last: self.config.keep_last,
            ..RetentionPolicy::default()
        }
    }
}

/// Logs why databases could not be made ready; of several errors a command can end with one alone.
pub(crate) fn log_unready<'e>(unready: impl Iterator<Item = &'e (Label, Error)>) {
    for (label, error) in unready {
        let hint = error.hint();
        tracing::error!(database = %label, hint, "{error}");
    }
}
