//! From what is known of a run to the facts of an event.

use jiff::Timestamp;

use super::{Teller, What};
use crate::{
    backup::{BackupId, Failure, Label},
    cause::Cause,
    error::Error,
    notify::{BackupFacts, Event, Kind, Late, NewestGood},
    operation::{Before, Health},
    text::Untrusted,
};

/// What is known around a run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// how the database stood before
    pub(super) before: Option<&'a Before>,
    /// and after
    pub(super) after: Option<&'a Health>,
    /// why it failed
    pub(super) failure: Option<&'a Failure>,
    /// the backup that was made
    pub(super) backup: Option<&'a BackupFacts>,
    /// why that looks suspicious
    pub(super) suspicious: &'a [Untrusted],
}

/// The event that tells `what` of a database.
pub(super) fn event(teller: &Teller, database: &Label, what: What, around: Around<'_>, now: Timestamp) -> Event {
    let before = around.before.map(|before| &before.health);
    let mut event = Event::new(what.kind(), now, teller.origin.clone());
    event.database = Some(database.to_string());
    event.interrupted = what == What::Interruption;
    event.backup = around.backup.cloned();
    event.reasons = around.suspicious.to_vec();
    event.newest_good = newest_good(around.after.or(before));
    event.retry_at = around.after.and_then(|after| after.paused_until);
    let failure = around.failure.or(match what {
        What::Missed => before.and_then(|health| Some(&health.last_failure.as_ref()?.failure)),
        _ => None,
    });
    if let Some(failure) = failure {
        event.cause = Some(failure.cause.clone());
        event.exit_status = Some(failure.exit_status);
        event.run = run_of(failure, around.after.or(before));
    }
    let failing = around.before.and_then(|before| before.failing);
    let late = match what {
        What::Failure | What::Interruption => around.after.or(before),
        _ => before,
    };
    let late = late.map_or(&[][..], |health| &health.late);
    event.failures = failing.map_or(0, |failing| failing.runs);
    event.since = failing.map(|failing| failing.since);
    match what {
        What::Failure => {
            event.failures += 1;
            event.since = event.since.or(Some(now));
            event.late = lines(late);
        }
        What::Interruption => event.late = lines(late),
        What::Recovery => event.since = event.since.or(late.iter().map(|late| late.due).min()),
        What::CaughtUp | What::Missed => {
            event.since = late.iter().map(|late| late.due).min();
            event.late = lines(late);
        }
        What::Suspicious | What::Success => {}
    }
    event
}

/// The run that failed so, where its record is the newest.
fn run_of(failure: &Failure, health: Option<&Health>) -> Option<String> {
    let last = health?.last_failure.as_ref()?;
    (last.failure == *failure).then(|| last.id.to_string())
}

/// Something that is not a run, and is wrong: retention, or what stands in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// `retention`, `bucket` or `repository`
    pub(super) what: &'static str,
    /// why
    pub(super) cause: Cause,
    /// exit status of what failed
    pub(super) exit_status: u8,
    /// the backup that is concerned
    pub(super) backup: Option<BackupId>,
}

/// The event that tells it.
pub(super) fn trouble(
    teller: &Teller,
    database: &Label,
    trouble: &Trouble,
    after: Option<&Health>,
    now: Timestamp,
) -> Event {
    let mut event = Event::new(Kind::Failure, now, teller.origin.clone());
    event.database = Some(database.to_string());
    event.what = trouble.what;
    event.since = Some(now);
    event.cause = Some(trouble.cause.clone());
    event.exit_status = Some(trouble.exit_status);
    event.run = trouble.backup.as_ref().map(ToString::to_string);
    event.newest_good = newest_good(after);
    event
}

/// A failure that left no record.
pub(super) fn of_error(teller: &Teller, database: Option<&Label>, error: &Error, now: Timestamp) -> Event {
    let mut event = Event::new(Kind::Failure, now, teller.origin.clone());
    event.database = database.map(ToString::to_string);
    event.since = Some(now);
    event.failures = 1;
    event.cause = Some(error.cause());
    event.exit_status = Some(error.exit_status().number());
    event.interrupted = matches!(error, Error::Interrupted { .. });
    event
}

/// What a ping's log keeps of a failure.
pub(super) fn short(event: &Event) -> String {
    let database = event.database.as_deref().unwrap_or("pgcoffer");
    let status = event.exit_status.unwrap_or(1);
    let cause = event.cause.clone().unwrap_or_default();
    let hint = event.hint().map(|hint| format!("\nhint: {hint}"));
    let hint = hint.unwrap_or_default();
    format!("{database}: FAILED, exit status {status}: {cause}{hint}\n")
}

pub(super) fn newest_good(health: Option<&Health>) -> NewestGood {
    match health {
        None => NewestGood::Unknown,
        Some(health) => match &health.newest_good {
            None => NewestGood::None,
            Some(newest) => NewestGood::Is {
                id: newest.id.to_string(),
                started: newest.started,
            },
        },
    }
}

pub(super) fn lines(late: &[crate::operation::LateTier]) -> Vec<Late> {
    let line = |late: &crate::operation::LateTier| Late {
        tier: late.tier.to_string(),
        due: late.due,
    };
    late.iter().map(line).collect()
}
