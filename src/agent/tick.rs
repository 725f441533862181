//! A tick, and what people are told of it: each database as soon as its turn is over.

use std::collections::BTreeMap;

use futures_util::future::join;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    Came, Known, Teller, What, digest, events,
    facts::{self, Around},
    missed::{Period, is_fresh, suspicious_told},
    turn::{backup_facts, came, done_id, line, says_nothing, troubles},
};
use crate::{
    backup::{BackupId, Failure, Label},
    catalog::Catalog,
    error::{Error, Result},
    notify::{Event, Kind, Signal},
    operation::{self, BackupOutcome, Before, DatabaseTick, Interrupt, Progress, Step, TickReport, TickRequest},
    panics::caught_as_error,
    postgres::Clients,
};

/// Backs up what is due and prunes as [`operation::tick`] does, and tells people what came of it.
///
/// `unready` are databases that could not be made ready for it, and why: they are told as failures.
///
/// # Errors
/// [`Error::Interrupted`] alone, which is told as well.
pub async fn tick(
    catalog: &Catalog,
    clients: &Clients,
    request: &TickRequest,
    unready: &[(Label, Error)],
    teller: &Teller,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<TickReport> {
    if teller.is_silent() {
        let work = operation::tick(catalog, clients, request, progress, interrupt);
        return caught_as_error(work).await;
    }
    let (steps, seen) = unbounded_channel();
    let watched = TickRequest {
        steps: Some(steps),
        ..request.clone()
    };
    let work = async {
        let ticked = operation::tick(catalog, clients, &watched, progress, interrupt);
        let result = caught_as_error(ticked).await;
        // who listens is done once nobody can speak
        drop(watched);
        result
    };
    let mut listener = Listener {
        catalog,
        request,
        teller,
        interrupt,
        turns: BTreeMap::new(),
        lines: String::new(),
    };
    for (label, error) in unready {
        teller.failed(Some(label), error, interrupt).await;
        let event = facts::of_error(teller, Some(label), error, teller.clock.now());
        listener.lines.push_str(&facts::short(&event));
    }
    let (result, ()) = join(work, listener.listen(seen)).await;
    let conclusion = listener.conclude(&result, unready);
    teller.guarded(None, conclusion).await;
    if let Err(error @ Error::Internal(_)) = &result {
        teller.failed(None, error, interrupt).await;
    }
    result
}

/// Follows a tick and tells of it.
struct Listener<'a> {
    catalog: &'a Catalog,
    request: &'a TickRequest,
    teller: &'a Teller,
    interrupt: &'a Interrupt,
    turns: BTreeMap<Label, Turn>,
    /// what a ping's log keeps
    lines: String,
}

/// One database's turn as far as it has come.
#[derive(Default)]
struct Turn {
    before: Option<Box<Before>>,
    begun: bool,
    ended: bool,
    /// it left a record
    recorded: bool,
}

impl Listener<'_> {
    async fn listen(&mut self, mut steps: UnboundedReceiver<Step>) {
        while let Some(step) = steps.recv().await {
            let teller = self.teller;
            teller.guarded(None, self.follow(step)).await;
        }
    }

    async fn follow(&mut self, step: Step) {
        match step {
            Step::Seen(before) => {
                let turn = self.turns.entry(before.database().clone()).or_default();
                turn.before = Some(before);
            }
            Step::Begun(label) => {
                self.turns.entry(label.clone()).or_default().begun = true;
                // only the run itself finds out there whether anything is due
                if self.catalog.store().writes_only() {
                    return;
                }
                let (teller, interrupt) = (self.teller, self.interrupt);
                let own = teller.start(Some(&label), interrupt);
                join(own, teller.start(None, interrupt)).await;
            }
            Step::Ended(turn) => self.ended(&turn).await,
        }
    }

    /// A turn is over: its events, and its check.
    async fn ended(&mut self, turn: &DatabaseTick) {
        let label = &turn.database;
        let line = line(turn);
        self.lines.push_str(&line);
        let state = self.turns.entry(label.clone()).or_default();
        state.ended = true;
        let before = state.before.clone();
        state.recorded = matches!(turn.backup, BackupOutcome::Done { .. })
            || (before.is_some() && matches!(turn.backup, BackupOutcome::Failed(_)));
        let signal = match &turn.backup {
            // the other run signals its own end
            BackupOutcome::Busy { .. } => Signal::Log,
            // where nobody may look, a turn that is taken may be one that failed
            BackupOutcome::NotDue if turn.blind => Signal::Log,
            _ => Signal::Exit(turn.exit_status().number()),
        };
        let ping = self.teller.signal(Some(label), signal, &line, self.interrupt);
        join(self.tell_turn(turn, before.as_deref()), ping).await;
    }

    async fn tell_turn(&self, turn: &DatabaseTick, before: Option<&Before>) {
        let now = self.teller.clock.now();
        let backup = backup_facts(&turn.backup);
        let (came, failure) = came(&turn.backup);
        if before.is_none() && failure.is_some() {
            let subject = turn.database.as_str();
            if !self.teller.repeats.allows(subject, now) {
                return;
            }
        } else if before.is_some() {
            self.teller.repeats.forget(turn.database.as_str());
        }
        let around = Around {
            before,
            after: turn.health.as_ref(),
            failure,
            backup: backup.as_ref(),
            suspicious: match came {
                Came::Backup { suspicious } => suspicious,
                _ => &[],
            },
        };
        let period = self.period(&turn.database, before).await;
        let known = Known {
            missed: match &period {
                Some(period) => period.is_told(self.catalog, &turn.database, now).await,
                None => false,
            },
            suspicious: suspicious_told(before, around.suspicious, now),
        };
        if let Some(what) = self.teller.gravest(events(before, came, known)) {
            let event = facts::event(self.teller, &turn.database, what, around, now);
            let id = match what {
                What::Missed => period.as_ref().map(|period| period.0.clone()),
                What::Failure => self.failed_id(turn),
                _ => done_id(turn),
            };
            self.tell(&turn.database, &event, id.as_ref(), before).await;
        }
        self.tell_troubles(turn, before, now).await;
    }

    async fn period(&self, label: &Label, before: Option<&Before>) -> Option<Period> {
        let database = self.request.databases.iter().find(|one| one.label == *label)?;
        Period::of(self.catalog, label, &database.secret, before?).await
    }

    /// The record of the run that has just failed, where it left one.
    fn failed_id(&self, turn: &DatabaseTick) -> Option<BackupId> {
        let last = turn.health.as_ref()?.last_failure.as_ref()?;
        let BackupOutcome::Failed(failure) = &turn.backup else {
            return None;
        };
        (last.failure == *failure).then(|| last.id.clone())
    }

    /// What is wrong beside the backup itself, once a day: it goes on until somebody does something.
    async fn tell_troubles(&self, turn: &DatabaseTick, before: Option<&Before>, now: Timestamp) {
        let after = turn.health.as_ref();
        let (Some(before), Some(health)) = (before, after) else {
            return;
        };
        let newest = health.newest_good.as_ref().map(|newest| newest.id.clone());
        let last = health.last_failure.as_ref().map(|run| run.id.clone());
        for trouble in troubles(turn) {
            let what = trouble.what;
            let mut told = before.notices.iter().filter(|notice| notice.about == what);
            if is_fresh(&mut told, now) {
                continue;
            }
            let event = facts::trouble(self.teller, &turn.database, &trouble, after, now);
            let id = last.clone().or_else(|| newest.clone());
            self.tell(&turn.database, &event, id.as_ref(), Some(before)).await;
        }
    }

    /// Tells an event and notes that. What was well and heard leaves no trace, unless it ends a silence.
    async fn tell(&self, label: &Label, event: &Event, id: Option<&BackupId>, before: Option<&Before>) {
        let Some(notice) = self.teller.tell(event, self.interrupt).await else {
            return;
        };
        let was_unheard = before.is_some_and(|before| before.health.untold.is_some());
        let plain = event.kind == Kind::Success && notice.untold.is_empty() && !was_unheard;
        let mut databases = self.request.databases.iter();
        let database = databases.find(|one| one.label == *label);
        if let (Some(id), Some(database), false) = (id, database, plain) {
            let place = (label, id, &database.secret);
            self.teller.note(self.catalog, place, &notice, self.interrupt).await;
        }
    }

    /// All turns are over, or none goes on: the runs that were cut off, the digest, and the check for everything.
    async fn conclude(&mut self, result: &Result<TickReport>, unready: &[(Label, Error)]) {
        if let Err(error @ Error::Interrupted { .. }) = result {
            self.tell_interrupted(error).await;
        } else if self.teller.listens_to(Kind::Digest) {
            self.tell_digest().await;
        }
        let begun = self.turns.values().any(|turn| turn.begun);
        let status = match result {
            Ok(report) if report.databases.iter().all(says_nothing) && unready.is_empty() => None,
            Ok(report) => Some(report.exit_status().number()),
            // told to stop before it did anything: the next tick says how things stand
            Err(_) if !begun => None,
            Err(error) => Some(error.exit_status().number()),
        };
        let unready = unready.first().map(|(_, error)| error.exit_status().number());
        let signal = match (status, unready) {
            (Some(0) | None, Some(unready)) => Signal::Exit(unready),
            (Some(status), _) => Signal::Exit(status),
            (None, None) => Signal::Log,
        };
        self.teller.signal(None, signal, &self.lines, self.interrupt).await;
    }

    async fn tell_interrupted(&mut self, error: &Error) {
        let cut_off = self.turns.iter().filter(|(_, turn)| turn.begun && !turn.ended);
        for (label, turn) in cut_off {
            let failure = Failure::from(error);
            let around = Around {
                before: turn.before.as_deref(),
                failure: Some(&failure),
                ..Around::default()
            };
            let now = self.teller.clock.now();
            let mut event = facts::event(self.teller, label, What::Interruption, around, now);
            event.retry_at = Some(now);
            let signal = Signal::Exit(error.exit_status().number());
            let text = format!("{label}: interrupted\n");
            let ping = self.teller.signal(Some(label), signal, &text, self.interrupt);
            join(self.teller.tell(&event, self.interrupt), ping).await;
            self.lines.push_str(&text);
        }
    }

    async fn tell_digest(&self) {
        let now = self.teller.clock.now();
        let before: Vec<&Before> = self.turns.values().filter_map(|turn| turn.before.as_deref()).collect();
        let recorded = self.turns.values().any(|turn| turn.recorded);
        let due = self.teller.digest_due(now);
        if !recorded || !due.is_some_and(|moment| digest::is_due(&before, moment)) {
            return;
        }
        let mut databases = Vec::new();
        for one in &self.request.databases {
            let look = Before::look(self.catalog, &one.label, Some(&one.schedule), now);
            match self.interrupt.or(look).await {
                Ok(before) => databases.push(before),
                Err(error) => {
                    tracing::warn!(database = %one.label, "missing in the digest: {error}")
                }
            }
        }
        let event = digest::event(self.teller, now, &databases);
        self.teller.tell(&event, self.interrupt).await;
    }
}
