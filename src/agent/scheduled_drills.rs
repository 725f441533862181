//! Scheduled drills: after the backups of a tick, one after the other, on the machine where `PGCOFFER_DRILL` is set.

use jiff::Timestamp;

use super::{Agent, Notifications, event, missed::is_fresh};
use crate::{
    backup::{
        BackupId, DrillEvent, DrillVerdict, Event, EventKind, Failure, Label, NewestGood, Occurrence, ProvenBackup,
        RunError, Topic,
    },
    catalog::{Catalog, Key},
    error::{Error, Result},
    operation::{
        DrillHealth, DrillPlan, DrillReport, DrillTick, DrillTickOutcome, Health, Progress, TickReport, scheduled_drill,
    },
    postgres::Clients,
    rights::AccessMode,
    seal::Secret,
};

impl Agent {
    /// Drills the newest good backup of each database whose drill is due, and adds what became of it to the report of
    /// the tick, whose backups are made by then. `only`: the only database that has its turn.
    ///
    /// # Errors
    /// Only [`Error::Interrupted`].
    pub(crate) async fn drill_what_is_due(
        &self,
        catalog: &Catalog,
        clients: &Clients,
        only: Option<&Label>,
        ticked: &mut TickReport,
        progress: &Progress,
    ) -> Result<()> {
        if !self.current().drills.is_set() || catalog.store().writes_only() {
            return Ok(());
        }
        let plan = DrillPlan {
            ground: self.config.drill_ground.clone(),
            sources: self.sources(),
            agent_sha256: self.agent_sha256().await,
            checks: self.drill_checks().map_err(|error| Failure::from(&error)),
            dump_idle_timeout: self.config.dump_idle_timeout,
            who: format!("pgcoffer@{}", self.environment.host),
            clock: self.clock,
        };
        for label in self.to_drill(catalog, only).await? {
            let seen = ticked.databases.iter_mut().find(|one| one.database == label);
            let seen = seen.and_then(|one| one.health.as_mut());
            let turn = DrillOfDatabase {
                agent: self,
                catalog,
                clients,
                label: &label,
                plan: &plan,
            };
            let tick = turn.take(seen, progress).await?;
            if tick.outcome != DrillTickOutcome::NotDue {
                ticked.drills.push(tick);
            }
        }
        Ok(())
    }

    /// The databases that are drilled from here: those that are configured, or where none is those in the bucket, and
    /// those that have a schedule of drills of their own.
    async fn to_drill(&self, catalog: &Catalog, only: Option<&Label>) -> Result<Vec<Label>> {
        let mut labels = match only {
            Some(only) => vec![only.clone()],
            None => match self.labels(catalog, None).await {
                Ok(labels) => labels,
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => {
                    tracing::error!("which databases there are to drill can't be seen: {error}");
                    Vec::new()
                }
            },
        };
        let current = self.current();
        let drills = &current.drills;
        if only.is_none() {
            labels.extend(drills.of_their_own().cloned());
        }
        labels.sort();
        labels.dedup();
        labels.retain(|label| drills.schedule_of(label).is_some());
        Ok(labels)
    }

    /// Reports drills that are overdue, which another machine was to carry out: once, and again after a day.
    ///
    /// # Errors
    /// Only [`Error::Interrupted`].
    pub(crate) async fn report_overdue_drills(&self, catalog: &Catalog, seen: &[Health]) -> Result<()> {
        for health in seen {
            if let Some(due) = health.drills.overdue_since {
                let newest = event::newest_good(Some(health));
                self.report_overdue(catalog, &health.database, due, &health.drills, newest)
                    .await;
            }
            self.interrupt.check()?;
        }
        Ok(())
    }

    async fn report_overdue(
        &self,
        catalog: &Catalog,
        label: &Label,
        due: Timestamp,
        drills: &DrillHealth,
        newest_good: NewestGood,
    ) {
        let notifications = &self.notifications;
        if !notifications.wants(EventKind::Missed) {
            return;
        }
        let Some(secret) = self.noting_secret(label) else {
            return;
        };
        // people know by the mark of the moment at which it was due
        let Ok(id) = catalog.moment_id(label, &secret, due).await else {
            return;
        };
        let mark = catalog.mark(label, &id).await.ok().flatten();
        let notices = mark.map(|mark| mark.notices).unwrap_or_default();
        let mut known = notices.iter().filter(|notice| notice.is_about(Topic::Drill));
        if is_fresh(&mut known, notifications.now()) {
            return;
        }
        // where nothing can be noted, this process keeps repetitions back itself
        let subject = format!("drill of {label}");
        if !notifications.throttle.allows(&subject, notifications.now()) {
            return;
        }
        let what = DrillEvent::Overdue {
            due,
            error: last_error(drills, due),
        };
        let event = notifications.event(Some(label), newest_good, Occurrence::Drill(what));
        self.send_and_note(catalog, label, &event, Some(&id)).await;
    }

    /// Sends an event, and notes it in the mark of `id`, if these credentials may write marks.
    pub(super) async fn send_and_note(&self, catalog: &Catalog, label: &Label, event: &Event, id: Option<&BackupId>) {
        let notifications: &Notifications = &self.notifications;
        let sending = async {
            let notice = notifications.send(event, &self.interrupt).await;
            let may_note = self.config.mode != AccessMode::Drill;
            let secret = self.noting_secret(label).filter(|_| may_note);
            if let (Some(notice), Some(id), Some(secret)) = (notice, id, secret) {
                let place = (label, id, &secret);
                notifications.note(catalog, place, &notice, &self.interrupt).await;
            }
        };
        notifications.guarded(Some(label), sending).await;
    }

    /// The secret in use with which what was sent is noted.
    fn noting_secret(&self, label: &Label) -> Option<Secret> {
        let keys = self.config.keys();
        let in_use = |key: &&Key| key.retired.is_none();
        keys.of(label).iter().find(in_use).map(|key| key.secret.clone())
    }
}

/// The drill of one database.
struct DrillOfDatabase<'a> {
    agent: &'a Agent,
    catalog: &'a Catalog,
    clients: &'a Clients,
    label: &'a Label,
    plan: &'a DrillPlan,
}

impl DrillOfDatabase<'_> {
    /// `seen`: how the database stands, which is brought up to date.
    async fn take(&self, seen: Option<&mut Health>, progress: &Progress) -> Result<DrillTick> {
        let tick = |outcome| DrillTick {
            database: self.label.clone(),
            outcome,
        };
        let current = self.agent.current();
        let Some(schedule) = current.drills.schedule_of(self.label) else {
            return Ok(tick(DrillTickOutcome::NotDue));
        };
        let interrupt = &self.agent.interrupt;
        let now = self.agent.clock.now();
        let before = match &seen {
            Some(health) => Ok(health.drills.clone()),
            None => {
                interrupt
                    .or(DrillHealth::look_alone(
                        self.catalog,
                        self.label,
                        (Some(schedule), None),
                        now,
                    ))
                    .await
            }
        };
        let before = match before {
            Ok(before) => before,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                let failure = Failure::from(&error);
                return Ok(tick(DrillTickOutcome::Failed { id: None, failure }));
            }
        };
        let drilled = scheduled_drill(
            self.catalog,
            self.clients,
            (self.label, self.agent.recovery_point_target(self.label)),
            (schedule, &before),
            self.plan,
            progress,
            interrupt,
        );
        let tick = Box::pin(drilled).await?;
        log(&tick);
        let newest = event::newest_good(seen.as_deref());
        self.tell(&tick, &before, newest).await;
        let has_changed = matches!(
            tick.outcome,
            DrillTickOutcome::Done { .. } | DrillTickOutcome::Failed { .. }
        );
        if let Some(health) = seen.filter(|_| has_changed) {
            let now = self.agent.clock.now();
            let expected = (Some(schedule), before.good_since);
            let look = DrillHealth::look_alone(self.catalog, self.label, expected, now);
            match interrupt.or(look).await {
                Ok(after) => health.drills = after,
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => tracing::warn!(database = %self.label, "what drills have shown can't be seen: {error}"),
            }
        }
        Ok(tick)
    }

    /// Notifies people of what became of it.
    async fn tell(&self, tick: &DrillTick, before: &DrillHealth, newest_good: NewestGood) {
        let agent = self.agent;
        match &tick.outcome {
            DrillTickOutcome::Done { report, .. } => {
                let what = finding(report, before);
                if agent.notifications.wants(what.kind()) {
                    let event = agent
                        .notifications
                        .event(Some(self.label), newest_good, Occurrence::Drill(what));
                    agent
                        .send_and_note(self.catalog, self.label, &event, Some(&report.id))
                        .await;
                }
            }
            DrillTickOutcome::Failed { id, failure } => {
                let error = RunError::new(failure, id.clone());
                let what = Occurrence::Drill(DrillEvent::Failed { error });
                let event = agent.notifications.event(Some(self.label), newest_good, what);
                agent.send_and_note(self.catalog, self.label, &event, id.as_ref()).await;
            }
            // the attempts were reported one by one, and what keeps it from being begun was not
            DrillTickOutcome::Skipped { .. } | DrillTickOutcome::NotDue => {
                if let Some(due) = before.overdue_since {
                    agent
                        .report_overdue(self.catalog, self.label, due, before, newest_good)
                        .await;
                }
            }
            DrillTickOutcome::Waits { .. } => {}
        }
    }
}

/// What there is to say of a drill that ran to its end.
fn finding(report: &DrillReport, before: &DrillHealth) -> DrillEvent {
    if report.verdict == DrillVerdict::NotProven {
        let failed = report.checks.iter().filter(|check| !check.passed);
        return DrillEvent::NotProven {
            backup: report.id.clone(),
            differences: u64::try_from(report.differences.len()).unwrap_or(u64::MAX),
            checks_failed: u64::try_from(failed.count()).unwrap_or(u64::MAX),
        };
    }
    let proven = ProvenBackup {
        backup: report.id.clone(),
        verdict: report.verdict,
        restore_ms: report.times.restore_ms,
        not_compared: u64::try_from(report.not_compared.len()).unwrap_or(u64::MAX),
    };
    let was_bad = before.overdue_since.is_some()
        || before
            .last
            .as_ref()
            .is_some_and(|last| !last.verdict.is_some_and(DrillVerdict::came_back));
    match was_bad {
        true => DrillEvent::Recovered(proven),
        false => DrillEvent::Proven(proven),
    }
}

/// Why the last drill since `due` could not be carried out.
fn last_error(drills: &DrillHealth, due: Timestamp) -> Option<RunError> {
    let last = drills.last.as_ref().filter(|last| last.began >= due)?;
    Some(RunError {
        cause: last.cause.clone()?,
        exit_status: last.exit_status?,
        run: Some(last.id.clone()),
    })
}

fn log(tick: &DrillTick) {
    let database = &tick.database;
    match &tick.outcome {
        DrillTickOutcome::Done { report, unreported } => {
            let verdict = report.verdict.words();
            tracing::info!(%database, id = %report.id, restore_ms = report.times.restore_ms, "drilled: {verdict}");
            if let Some(failure) = unreported {
                tracing::error!(%database, "{}", failure.error);
            }
        }
        DrillTickOutcome::Failed { failure, .. } => {
            tracing::error!(%database, "the drill could not be carried out: {}", failure.error);
        }
        DrillTickOutcome::Skipped { why } => tracing::warn!(%database, "the drill that is due was not begun: {why}"),
        DrillTickOutcome::Waits { until } => tracing::info!(%database, %until, "the drill waits after a failure"),
        DrillTickOutcome::NotDue => {}
    }
}
