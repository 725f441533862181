//! A tick: for every database, makes the backups that are due and prunes. Safe to call at any time and any number of
//! times.

#[cfg(test)]
mod kept;
mod report;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::{
    BackupRequest, BackupTaken, Baseline, Clock, CopyPlace, Health, Interrupt, Occasion, Progress, PruneRequest,
    Schedules, backup,
    prune::prune_of,
    spans::{OUTCOME, step, traced},
    status::{status, status_of},
};
use crate::{
    backup::{BackupSummary, Failure, Label, Served},
    catalog::{Catalog, Survey},
    error::{Error, Result},
    panics::caught_as_error,
    postgres::{self, Clients, DatabaseUrl},
    retention::RetentionPolicy,
    schedule::{DrillSchedule, Schedule},
    seal::Secret,
};

pub use report::{BackupOutcome, DatabaseTick, PruneOutcome, TickReport};

/// One database of a tick.
#[derive(Debug, Clone)]
pub struct TickDatabase {
    /// Its label.
    pub label: Label,
    /// The database's URL.
    pub url: DatabaseUrl,
    /// The secret that seals its backups. With a catalog key none is made.
    pub secret: Secret,
    /// Its schedule.
    pub schedule: Schedule,
    /// When its backups are drilled, if that is scheduled.
    pub drills: Option<DrillSchedule>,
}

impl TickDatabase {
    fn schedules(&self) -> Schedules<'_> {
        Schedules {
            backups: Some(&self.schedule),
            drills: self.drills.as_ref(),
        }
    }
}

/// The request for a tick.
#[derive(Debug, Clone)]
pub struct TickRequest {
    /// The databases, in the order in which they are handled.
    pub databases: Vec<TickDatabase>,
    /// How many databases are handled at once.
    pub parallel: usize,
    /// Whether to prune as well. Credentials without the right to delete leave that to others.
    pub prune: bool,
    /// The level of zstd; `None` for no compression.
    pub level: Option<i32>,
    /// The time after which a pg_dump that writes nothing counts as hung.
    pub dump_idle_timeout: Duration,
    /// What is kept beyond the retentions.
    pub policy: RetentionPolicy,
    /// The places that get each backup while it is dumped.
    pub beside: Vec<CopyPlace>,
    /// The clock by which backups become due and expire.
    pub clock: Clock,
}

/// A step of a tick for one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TickStep {
    /// Its part of the bucket was surveyed, and nothing was changed yet.
    Seen(Box<Baseline>),
    /// A backup begins.
    Started(Label),
    /// The tick has finished with it.
    Ended(Box<DatabaseTick>),
}

/// Backs up what is due and prunes, database by database. A failure of one doesn't affect the others. `on_step` is
/// called for each step and should not block.
///
/// # Errors
/// Only [`Error::Interrupted`]. Every other failure is in the report.
pub async fn tick(
    catalog: &Catalog,
    clients: &Clients,
    request: &TickRequest,
    on_step: &(dyn Fn(TickStep) + Sync),
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<TickReport> {
    let turns = stream::iter(&request.databases)
        .map(|database| async move {
            let turn = DatabaseRun {
                catalog,
                clients,
                request,
                database,
                on_step,
            };
            // one progress bar can't show several databases at once
            let own = progress.beside();
            let progress = if request.parallel > 1 { &own } else { progress };
            // boxed, as the future is large and several are in progress at once
            Box::pin(turn.take(progress, interrupt)).await
        })
        .buffered(request.parallel.max(1));
    let turns = async {
        let reports: Vec<Result<DatabaseTick>> = turns.collect().await;
        reports.into_iter().collect::<Result<_>>()
    };
    let span = step!("tick", databases = request.databases.len());
    let databases = traced(span, turns).await?;
    Ok(TickReport {
        databases,
        drills: Vec::new(),
        copies: Vec::new(),
    })
}

/// What a tick does for one database.
struct DatabaseRun<'a> {
    catalog: &'a Catalog,
    clients: &'a Clients,
    request: &'a TickRequest,
    database: &'a TickDatabase,
    on_step: &'a (dyn Fn(TickStep) + Sync),
}

impl DatabaseRun<'_> {
    async fn take(&self, progress: &Progress, interrupt: &Interrupt) -> Result<DatabaseTick> {
        let label = &self.database.label;
        let (backup, survey) = match caught_as_error(self.back_up(progress, interrupt)).await {
            Ok(outcome) => outcome,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                tracing::error!(target: OUTCOME, database = %label, "the backup failed: {error}");
                (BackupOutcome::Failed(Failure::from(&error)), None)
            }
        };
        let turn = if self.catalog.store().writes_only() {
            self.unseen(backup)
        } else {
            self.looked_after(backup, survey, interrupt).await?
        };
        (self.on_step)(TickStep::Ended(Box::new(turn.clone())));
        Ok(turn)
    }

    /// The report with write-only credentials: nothing is pruned, and the health is unknown.
    fn unseen(&self, backup: BackupOutcome) -> DatabaseTick {
        DatabaseTick {
            database: self.database.label.clone(),
            backup,
            prune: PruneOutcome::NotBegun,
            health: None,
            write_only: true,
        }
    }

    /// What follows the backup: pruning, and the health afterwards.
    async fn looked_after(
        &self,
        backup: BackupOutcome,
        survey: Option<Survey>,
        interrupt: &Interrupt,
    ) -> Result<DatabaseTick> {
        let (prune, survey) = self.prune(survey, interrupt).await?;
        let look = interrupt.or(self.health(survey));
        let health = caught_as_error(look).await;
        Ok(DatabaseTick {
            database: self.database.label.clone(),
            backup,
            prune,
            health: health.map_or_else(interrupted, |health| Ok(Some(health)))?,
            write_only: false,
        })
    }

    /// The current health, from `survey` if nothing was changed since.
    async fn health(&self, survey: Option<Survey>) -> Result<Health> {
        let (catalog, schedules) = (self.catalog, self.database.schedules());
        let now = self.request.clock.now();
        match survey {
            Some(mut survey) => {
                catalog.check_some_archives(&mut survey, now).await?;
                status_of(catalog, &mut survey, schedules, now).await
            }
            None => status(catalog, &self.database.label, schedules, now).await,
        }
    }

    /// The outcome of the backup, with the survey if nothing was changed since.
    async fn back_up(&self, progress: &Progress, interrupt: &Interrupt) -> Result<(BackupOutcome, Option<Survey>)> {
        let label = &self.database.label;
        if self.catalog.store().writes_only() {
            return self.take_turn(progress, interrupt).await;
        }
        let survey = interrupt.or(self.catalog.survey(label, usize::MAX)).await?;
        let (past, now) = (survey.past(), self.request.clock.now());
        let schedule = Some(&self.database.schedule);
        (self.on_step)(TickStep::Seen(Box::new(Baseline::of(&survey, schedule, now))));
        if let Some(until) = self.database.schedule.waits_until(&past, now) {
            return Ok((BackupOutcome::Paused { until }, Some(survey)));
        }
        let due = self.database.schedule.due(&past, now);
        if due.is_empty() {
            return Ok((BackupOutcome::NotDue, Some(survey)));
        }
        if self.database.secret.is_catalog_key() {
            let due = due.iter().map(|served| served.tier).collect();
            return Ok((BackupOutcome::NeedsMasterKey { due }, Some(survey)));
        }
        tracing::info!(database = %label, "due: {}", names(&due));
        (self.on_step)(TickStep::Started(label.clone()));
        let outcome = match self.serve(due, progress, interrupt).await {
            // another run has just done it
            Err(error @ Error::NotDue { .. }) => BackupOutcome::Busy { why: error.to_string() },
            outcome => outcome?,
        };
        Ok((outcome, None))
    }

    /// With write-only credentials everything may be due: the run itself finds out by turns.
    async fn take_turn(&self, progress: &Progress, interrupt: &Interrupt) -> Result<(BackupOutcome, Option<Survey>)> {
        let turns = self.database.schedule.attempts(self.request.clock.now());
        let due = turns.into_iter().map(|turn| turn.served).collect();
        (self.on_step)(TickStep::Started(self.database.label.clone()));
        match self.serve(due, progress, interrupt).await {
            Err(Error::NotDue { .. }) => Ok((BackupOutcome::NotDue, None)),
            outcome => Ok((outcome?, None)),
        }
    }

    async fn serve(&self, due: Vec<Served>, progress: &Progress, interrupt: &Interrupt) -> Result<BackupOutcome> {
        progress.begin();
        let request = self.backup_request(due);
        match backup(self.catalog, self.clients, &request, progress, interrupt).await {
            Ok(BackupTaken {
                record,
                details,
                copies,
            }) => Ok(BackupOutcome::Done {
                backup: BackupSummary::from(&record),
                suspicious: details.suspicious,
                copies,
            }),
            Err(error @ Error::Postgres(postgres::Error::Locked { .. })) => {
                let why = error.to_string();
                Ok(BackupOutcome::Busy { why })
            }
            Err(error) => Err(error),
        }
    }

    /// Prunes by `survey`, if nothing was changed since, and returns the health afterwards.
    async fn prune(&self, survey: Option<Survey>, interrupt: &Interrupt) -> Result<(PruneOutcome, Option<Survey>)> {
        if !self.request.prune {
            return Ok((PruneOutcome::NotBegun, survey));
        }
        let label = &self.database.label;
        let request = self.prune_request();
        let pruned = async {
            let survey = match survey {
                Some(survey) => survey,
                None => interrupt.or(self.catalog.survey(label, usize::MAX)).await?,
            };
            prune_of(self.catalog, survey, &request, interrupt).await
        };
        match caught_as_error(pruned).await {
            Ok((report, survey)) => Ok((PruneOutcome::Done(report), Some(survey))),
            Err(error @ Error::Interrupted { .. }) => Err(error),
            Err(error) => {
                tracing::error!(target: OUTCOME, database = %label, "nothing was pruned: {error}");
                Ok((PruneOutcome::Failed(Failure::from(&error)), None))
            }
        }
    }

    fn backup_request(&self, due: Vec<Served>) -> BackupRequest {
        BackupRequest {
            database: self.database.label.clone(),
            url: self.database.url.clone(),
            secret: self.database.secret.clone(),
            occasion: Occasion::Due {
                schedule: self.database.schedule.clone(),
                due,
            },
            at_most_every: None,
            level: self.request.level,
            part_bytes: None,
            dump_idle_timeout: self.request.dump_idle_timeout,
            beside: self.request.beside.clone(),
            clock: self.request.clock,
        }
    }

    fn prune_request(&self) -> PruneRequest {
        PruneRequest {
            policy: self.request.policy,
            dry_run: false,
            clock: self.request.clock,
            confirmed: None,
        }
    }
}

/// Ignores an error of finding out the health, except a signal.
fn interrupted(error: Error) -> Result<Option<Health>> {
    match error {
        Error::Interrupted { .. } => Err(error),
        _ => Ok(None),
    }
}

fn names(due: &[Served]) -> String {
    let names: Vec<&str> = due.iter().map(|served| served.tier.as_str()).collect();
    names.join(", ")
}
