//! The weekly digest: sent by the first tick that writes a record after its moment.

use jiff::Timestamp;

use super::Teller;
use crate::{
    notify::{DigestLine, Event, Kind},
    operation::Before,
};

/// Whether the digest that was due at `moment` is still to be sent: every database that was looked at stood there with
/// no run of the schedule begun since. One that nobody has ever backed up has no week to tell of.
pub(super) fn is_due(before: &[&Before], moment: Timestamp) -> bool {
    let is_new = before.iter().all(|before| before.newest_run.is_none());
    // a run by hand sends no digest, and takes it from nobody
    let mut runs = before.iter().filter_map(|before| before.newest_scheduled);
    !is_new && runs.all(|newest| newest < moment)
}

/// The event, from how every database stands now.
pub(super) fn event(teller: &Teller, now: Timestamp, databases: &[Before]) -> Event {
    let mut event = Event::new(Kind::Digest, now, teller.origin.clone());
    event.databases = databases.iter().map(line).collect();
    event
}

fn line(now: &Before) -> DigestLine {
    let health = &now.health;
    let newest = health.newest_good.as_ref();
    let problems = health.problems();
    let problems = problems.iter().map(|problem| problem.public().to_owned());
    let failing = health.last_failure.as_ref();
    let failing = failing.map(|run| format!("the last run failed: {}", run.failure.cause));
    DigestLine {
        database: health.database.to_string(),
        newest_good: newest.map(|newest| newest.id.to_string()),
        newest_started: newest.map(|newest| newest.started),
        good_this_week: now.good_this_week,
        failed_this_week: now.failed_this_week,
        good: health.good,
        bytes: health.bytes,
        held: health.held.len(),
        suspicious: health.suspicious.len(),
        problems: problems.chain(failing).collect(),
    }
}
