//! A tick, and what people are notified of: each database as soon as its turn is over.

use std::collections::BTreeMap;

use futures_util::future::join;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    Notifications, digest,
    event::{self, RunFacts},
    missed::{MissedPeriod, is_fresh, reasons_known},
    outcome::{backup_made, log_lines, run_outcome, says_nothing, troubles},
    rule::{AlreadyKnown, RunFinding, findings},
};
use crate::{
    backup::{BackupId, Event, EventKind, Failure, Label, NewestGood, Occurrence},
    catalog::Catalog,
    error::{Error, Result},
    notify::Signal,
    operation::{self, BackupOutcome, Baseline, DatabaseTick, Interrupt, Progress, TickReport, TickRequest, TickStep},
    panics::caught_as_error,
    postgres::Clients,
};

/// Backs up what is due and prunes as [`operation::tick`] does, and notifies people of how it ended.
///
/// `unready` are databases whose settings don't let them take part, and why: they are reported as failures.
///
/// # Errors
/// [`Error::Interrupted`] alone, which is reported as well.
pub async fn tick(
    catalog: &Catalog,
    clients: &Clients,
    request: &TickRequest,
    unready: &[(Label, Error)],
    notifications: &Notifications,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<TickReport> {
    if notifications.is_silent() {
        let work = operation::tick(catalog, clients, request, &|_| {}, progress, interrupt);
        return caught_as_error(work).await;
    }
    let (sender, steps) = unbounded_channel();
    let work = async move {
        // the reporter has gone only where everything ends
        let on_step = |step| drop(sender.send(step));
        let ticked = operation::tick(catalog, clients, request, &on_step, progress, interrupt);
        // with its end the channel is closed, and the reporter is done
        caught_as_error(ticked).await
    };
    let mut reporter = Reporter {
        catalog,
        request,
        notifications,
        interrupt,
        turns: BTreeMap::new(),
        lines: String::new(),
    };
    for (label, error) in unready {
        notifications.failed(Some(label), error, interrupt).await;
        let event = event::of_error(notifications, Some(label), error);
        reporter.lines.push_str(&event::log_line(&event));
    }
    let (result, ()) = join(work, reporter.follow_all(steps)).await;
    let conclusion = reporter.conclude(&result, unready);
    notifications.guarded(None, conclusion).await;
    if let Err(error @ Error::Internal(_)) = &result {
        notifications.failed(None, error, interrupt).await;
    }
    result
}

/// Follows a tick and notifies people of it.
struct Reporter<'a> {
    catalog: &'a Catalog,
    request: &'a TickRequest,
    notifications: &'a Notifications,
    interrupt: &'a Interrupt,
    turns: BTreeMap<Label, TurnState>,
    /// What the log of a heartbeat keeps.
    lines: String,
}

/// How far one database's turn has come.
#[derive(Default)]
struct TurnState {
    before: Option<Box<Baseline>>,
    started: bool,
    ended: bool,
    /// The run left a record.
    recorded: bool,
}

impl Reporter<'_> {
    async fn follow_all(&mut self, mut steps: UnboundedReceiver<TickStep>) {
        while let Some(step) = steps.recv().await {
            let notifications = self.notifications;
            notifications.guarded(None, self.follow(step)).await;
        }
    }

    async fn follow(&mut self, step: TickStep) {
        match step {
            TickStep::Seen(before) => {
                let turn = self.turns.entry(before.database().clone()).or_default();
                turn.before = Some(before);
            }
            TickStep::Started(label) => {
                self.turns.entry(label.clone()).or_default().started = true;
                // only the run itself finds out there whether anything is due
                if self.catalog.store().writes_only() {
                    return;
                }
                let (notifications, interrupt) = (self.notifications, self.interrupt);
                let own = notifications.heartbeat_start(Some(&label), interrupt);
                join(own, notifications.heartbeat_start(None, interrupt)).await;
            }
            TickStep::Ended(turn) => self.ended(&turn).await,
        }
    }

    /// A turn is over: sends its events and its heartbeat.
    async fn ended(&mut self, turn: &DatabaseTick) {
        let label = &turn.database;
        let lines = log_lines(turn);
        self.lines.push_str(&lines);
        let state = self.turns.entry(label.clone()).or_default();
        state.ended = true;
        let before = state.before.clone();
        state.recorded = matches!(turn.backup, BackupOutcome::Done { .. })
            || (before.is_some() && matches!(turn.backup, BackupOutcome::Failed(_)));
        let signal = match &turn.backup {
            // the other run signals its own end
            BackupOutcome::Busy { .. } => Signal::Log,
            // where nobody may look, a turn that is taken may be one that failed
            BackupOutcome::NotDue if turn.write_only => Signal::Log,
            _ => Signal::Exit(turn.exit_status().number()),
        };
        let heartbeat = self
            .notifications
            .heartbeat(Some(label), signal, &lines, self.interrupt);
        join(self.report_turn(turn, before.as_deref()), heartbeat).await;
    }

    async fn report_turn(&self, turn: &DatabaseTick, before: Option<&Baseline>) {
        let now = self.notifications.now();
        let (outcome, failure) = run_outcome(&turn.backup);
        if before.is_none() && failure.is_some() {
            let subject = turn.database.as_str();
            if !self.notifications.throttle.allows(subject, now) {
                return;
            }
        } else if before.is_some() {
            self.notifications.seen(&turn.database);
        }
        let facts = RunFacts {
            before,
            after: turn.health.as_ref(),
            failure,
            backup: backup_made(turn),
            reasons: event::reasons(outcome),
            retry_at: None,
        };
        let period = self.period(&turn.database, before).await;
        let known = AlreadyKnown {
            missed: match &period {
                Some(period) => period.is_known(self.catalog, &turn.database, now).await,
                None => false,
            },
            suspicious: reasons_known(before, facts.reasons, now),
        };
        let finding = self.notifications.gravest(findings(before, outcome, known));
        let event = finding.and_then(|finding| {
            let event = event::event(self.notifications, &turn.database, finding, facts)?;
            Some((finding, event))
        });
        if let Some((finding, event)) = event {
            let id = match finding {
                RunFinding::Missed => period.as_ref().map(|period| period.0.clone()),
                RunFinding::Failure => self.failed_id(turn),
                _ => backup_made(turn).map(|backup| backup.id.clone()),
            };
            self.send(&turn.database, &event, id.as_ref(), before).await;
        }
        self.report_troubles(turn, before).await;
    }

    async fn period(&self, label: &Label, before: Option<&Baseline>) -> Option<MissedPeriod> {
        let database = self.request.databases.iter().find(|one| one.label == *label)?;
        MissedPeriod::of(self.catalog, label, &database.secret, before?).await
    }

    /// The record of the run that has just failed, where it left one.
    fn failed_id(&self, turn: &DatabaseTick) -> Option<BackupId> {
        let last = turn.health.as_ref()?.last_failure.as_ref()?;
        let BackupOutcome::Failed(failure) = &turn.backup else {
            return None;
        };
        (last.failure == *failure).then(|| last.id.clone())
    }

    /// Reports what is wrong besides the backup itself, once a day: it goes on until somebody does something.
    async fn report_troubles(&self, turn: &DatabaseTick, before: Option<&Baseline>) {
        let after = turn.health.as_ref();
        let (Some(before), Some(health)) = (before, after) else {
            return;
        };
        let newest = health.newest_good.as_ref().map(|newest| newest.id.clone());
        let last = health.last_failure.as_ref().map(|run| run.id.clone());
        for trouble in troubles(turn) {
            let notices = before.notices.iter();
            let mut notices = notices.filter(|notice| notice.is_about(trouble.topic));
            if is_fresh(&mut notices, self.notifications.now()) {
                continue;
            }
            let event = event::trouble(self.notifications, &turn.database, &trouble, after);
            let id = last.clone().or_else(|| newest.clone());
            self.send(&turn.database, &event, id.as_ref(), Some(before)).await;
        }
    }

    /// Sends an event and notes that in the bucket. A success that was delivered leaves no note, unless it is the first
    /// that is delivered again.
    async fn send(&self, label: &Label, event: &Event, id: Option<&BackupId>, before: Option<&Baseline>) {
        let Some(notice) = self.notifications.send(event, self.interrupt).await else {
            return;
        };
        let was_undelivered = before.is_some_and(|before| before.health.undelivered.is_some());
        let is_plain = event.kind() == EventKind::Success && notice.undelivered.is_empty() && !was_undelivered;
        let mut databases = self.request.databases.iter();
        let database = databases.find(|one| one.label == *label);
        if let (Some(id), Some(database), false) = (id, database, is_plain) {
            let place = (label, id, &database.secret);
            let noted = self.notifications.note(self.catalog, place, &notice, self.interrupt);
            noted.await;
        }
    }

    /// All turns are over, or none goes on: the runs that were cut off, the digest, and the check for everything.
    async fn conclude(&mut self, result: &Result<TickReport>, unready: &[(Label, Error)]) {
        if let Err(error @ Error::Interrupted { .. }) = result {
            self.report_interrupted(error).await;
        } else if self.notifications.wants(EventKind::Digest) {
            self.send_digest().await;
        }
        let started = self.turns.values().any(|turn| turn.started);
        let status = match result {
            Ok(report) if report.databases.iter().all(says_nothing) && unready.is_empty() => None,
            Ok(report) => Some(report.exit_status().number()),
            // stopped before it did anything: the next tick says how things stand
            Err(_) if !started => None,
            Err(error) => Some(error.exit_status().number()),
        };
        let unready = unready.first().map(|(_, error)| error.exit_status().number());
        let signal = match (status, unready) {
            (Some(0) | None, Some(unready)) => Signal::Exit(unready),
            (Some(status), _) => Signal::Exit(status),
            (None, None) => Signal::Log,
        };
        let heartbeat = self.notifications.heartbeat(None, signal, &self.lines, self.interrupt);
        heartbeat.await;
    }

    async fn report_interrupted(&mut self, error: &Error) {
        let cut_off = self.turns.iter().filter(|(_, turn)| turn.started && !turn.ended);
        for (label, turn) in cut_off {
            let failure = Failure::from(error);
            let facts = RunFacts {
                before: turn.before.as_deref(),
                failure: Some(&failure),
                retry_at: Some(self.notifications.now()),
                ..RunFacts::default()
            };
            let event = event::event(self.notifications, label, RunFinding::Interruption, facts);
            let sent = async {
                if let Some(event) = event {
                    self.notifications.send(&event, self.interrupt).await;
                }
            };
            let signal = Signal::Exit(error.exit_status().number());
            let text = format!("{label}: interrupted\n");
            let heartbeat = self.notifications.heartbeat(Some(label), signal, &text, self.interrupt);
            join(sent, heartbeat).await;
            self.lines.push_str(&text);
        }
    }

    async fn send_digest(&self) {
        let now = self.notifications.now();
        let before: Vec<&Baseline> = self.turns.values().filter_map(|turn| turn.before.as_deref()).collect();
        let recorded = self.turns.values().any(|turn| turn.recorded);
        let due = self.notifications.digest_due();
        if !recorded || !due.is_some_and(|moment| digest::is_due(&before, moment)) {
            return;
        }
        let mut databases = Vec::new();
        for one in &self.request.databases {
            let look = Baseline::look(self.catalog, &one.label, Some(&one.schedule), now);
            match self.interrupt.or(look).await {
                Ok(baseline) => databases.push(digest::line(&baseline)),
                Err(error) => {
                    tracing::warn!(database = %one.label, "missing in the digest: {error}")
                }
            }
        }
        let what = Occurrence::Digest { databases };
        let event = self.notifications.event(None, NewestGood::Unknown, what);
        self.notifications.send(&event, self.interrupt).await;
    }
}
