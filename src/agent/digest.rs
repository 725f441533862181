//! The weekly digest: sent by the first tick that writes a record after its moment.

use jiff::Timestamp;

use crate::{backup::DigestLine, operation::Baseline};

/// Whether the digest that was due at `moment` is still to be sent: no run of the schedule has begun since in any
/// database that was looked at. A database that nobody has ever backed up has no week to report.
pub(super) fn is_due(before: &[&Baseline], moment: Timestamp) -> bool {
    let is_new = before.iter().all(|before| before.newest_run.is_none());
    // a backup that a person asked for sends no digest, and takes it from nobody
    let mut runs = before.iter().filter_map(|before| before.newest_scheduled);
    !is_new && runs.all(|newest| newest < moment)
}

/// How one database stands now.
pub(super) fn line(now: &Baseline) -> DigestLine {
    let health = &now.health;
    let newest = health.newest_good.as_ref();
    let problems = health.problems();
    let problems = problems.iter().map(|problem| problem.public().to_owned());
    let failing = health.last_failure.as_ref();
    let failing = failing.map(|run| format!("the last run failed: {}", run.failure.cause));
    DigestLine {
        database: health.database.clone(),
        newest_good: newest.map(|newest| newest.id.clone()),
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
