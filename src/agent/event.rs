//! From what is known of a run to the facts of an event.

use jiff::Timestamp;

use super::{
    Notifications,
    outcome::Trouble,
    rule::{RunFinding, RunOutcome},
};
use crate::{
    backup::{BackupId, BackupSummary, Event, Failure, Label, LateTier, NewestGood, Occurrence, Reason, RunError},
    error::Error,
    operation::{Baseline, Health},
};

/// What is known around a run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RunFacts<'a> {
    /// How the database stood before.
    pub(super) before: Option<&'a Baseline>,
    /// How it stands after.
    pub(super) after: Option<&'a Health>,
    /// Why the run failed.
    pub(super) failure: Option<&'a Failure>,
    /// The backup that was made.
    pub(super) backup: Option<&'a BackupSummary>,
    /// Why that looks suspicious.
    pub(super) reasons: &'a [Reason],
    /// The earliest moment of the next attempt, where it is not that of `after`.
    pub(super) retry_at: Option<Timestamp>,
}

impl<'a> RunFacts<'a> {
    fn health_before(&self) -> Option<&'a Health> {
        self.before.map(|before| &before.health)
    }

    fn newest_health(&self) -> Option<&'a Health> {
        self.after.or(self.health_before())
    }

    /// The error of the run, and the run where its record is the newest.
    fn error(&self, failure: &Failure) -> RunError {
        let last = self.newest_health().and_then(|health| health.last_failure.as_ref());
        let run = last.filter(|last| last.failure == *failure).map(|last| last.id.clone());
        RunError::new(failure, run)
    }
}

/// The event that reports a finding about a database; none where a fact is missing without which there is nothing to
/// report.
pub(super) fn event(
    notifications: &Notifications,
    database: &Label,
    finding: RunFinding,
    facts: RunFacts<'_>,
) -> Option<Event> {
    let now = notifications.now();
    let what = occurrence(finding, facts, now)?;
    Some(notifications.event(Some(database), newest_good(facts.newest_health()), what))
}

fn occurrence(finding: RunFinding, facts: RunFacts<'_>, now: Timestamp) -> Option<Occurrence> {
    let failing = facts.before.and_then(|before| before.failing);
    let (failures, since) = (
        failing.map_or(0, |failing| failing.runs),
        failing.map(|failing| failing.since),
    );
    let late = |health: Option<&Health>| health.map_or_else(Vec::new, |health| health.late.clone());
    let late_before = late(facts.health_before());
    let retry_at = facts.retry_at.or(facts.after.and_then(|after| after.paused_until));
    let backup = facts.backup.cloned();
    Some(match finding {
        RunFinding::Failure => Occurrence::Failed {
            error: facts.error(facts.failure?),
            failures: failures + 1,
            since: since.unwrap_or(now),
            late: late(facts.newest_health()),
            retry_at,
        },
        RunFinding::Interruption => Occurrence::Interrupted {
            error: facts.error(facts.failure?),
            failures,
            since,
            late: late(facts.newest_health()),
            retry_at,
        },
        RunFinding::Missed => {
            let last = facts.health_before().and_then(|health| health.last_failure.as_ref());
            let failure = facts.failure.or(last.map(|last| &last.failure));
            Occurrence::Missed {
                late: late_before,
                error: failure.map(|failure| facts.error(failure)),
                failures,
                retry_at,
            }
        }
        RunFinding::CaughtUp => Occurrence::CaughtUp {
            late: late_before,
            backup: backup?,
        },
        RunFinding::Recovery => Occurrence::Recovered {
            failures,
            since: since.or(earliest(&late_before)),
            backup: backup?,
        },
        RunFinding::Suspicious => Occurrence::Suspicious {
            backup: backup?,
            reasons: facts.reasons.to_vec(),
        },
        RunFinding::Success => Occurrence::Succeeded {
            backup: backup?,
            reasons: facts.reasons.to_vec(),
        },
    })
}

/// When the first of these was due.
pub(super) fn earliest(late: &[LateTier]) -> Option<Timestamp> {
    late.iter().map(|late| late.due).min()
}

/// The event of something that is wrong besides a run.
pub(super) fn trouble(
    notifications: &Notifications,
    database: &Label,
    trouble: &Trouble,
    after: Option<&Health>,
) -> Event {
    let what = Occurrence::Trouble {
        topic: trouble.topic,
        error: trouble.error.clone(),
    };
    notifications.event(Some(database), newest_good(after), what)
}

/// The event of a failure that left no record.
pub(super) fn of_error(notifications: &Notifications, database: Option<&Label>, error: &Error) -> Event {
    let run_error = run_error(error, None);
    let what = match error {
        Error::Interrupted { .. } => Occurrence::Interrupted {
            error: run_error,
            failures: 1,
            since: Some(notifications.now()),
            late: Vec::new(),
            retry_at: None,
        },
        _ => Occurrence::Failed {
            error: run_error,
            failures: 1,
            since: notifications.now(),
            late: Vec::new(),
            retry_at: None,
        },
    };
    notifications.event(database, NewestGood::Unknown, what)
}

/// What may leave the machine of an error.
pub(super) fn run_error(error: &Error, run: Option<BackupId>) -> RunError {
    RunError {
        cause: error.cause(),
        exit_status: error.exit_status().number(),
        run,
    }
}

/// What the log of a heartbeat keeps of a failure.
pub(super) fn log_line(event: &Event) -> String {
    let database = event.database.as_ref().map_or("pgcoffer", Label::as_str);
    let (status, cause) = match event.error() {
        Some(error) => (error.exit_status, error.cause.clone()),
        None => (1, Default::default()),
    };
    let hint = event.hint().map(|hint| format!("\nhint: {hint}"));
    let hint = hint.unwrap_or_default();
    format!("{database}: FAILED, exit status {status}: {cause}{hint}\n")
}

/// The newest good backup, as far as somebody could look.
pub(super) fn newest_good(health: Option<&Health>) -> NewestGood {
    match health.map(|health| &health.newest_good) {
        None => NewestGood::Unknown,
        Some(None) => NewestGood::None,
        Some(Some(newest)) => NewestGood::Is {
            id: newest.id.clone(),
            started: newest.started,
        },
    }
}

/// The reasons of a run that ended in a backup.
pub(super) fn reasons<'a>(outcome: RunOutcome<'a>) -> &'a [Reason] {
    match outcome {
        RunOutcome::Backup { reasons } => reasons,
        _ => &[],
    }
}
