//! How one database's turn ended, as far as people are notified of it.

use super::rule::RunOutcome;
use crate::{
    backup::{BackupId, BackupSummary, Failure, RunError, Topic},
    cause::{Backup, Bucket, Cause},
    operation::{BackupOutcome, DatabaseTick, Health, PruneOutcome},
};

/// Something that is wrong besides a run: retention, or what stands in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// With what something is wrong.
    pub(super) topic: Topic,
    /// What is wrong, and the backup that is concerned.
    pub(super) error: RunError,
}

/// How the backup of a turn ended, and why it failed where it did.
pub(super) fn run_outcome(backup: &BackupOutcome) -> (RunOutcome<'_>, Option<&Failure>) {
    match backup {
        BackupOutcome::Done { suspicious, .. } => (RunOutcome::Backup { reasons: suspicious }, None),
        BackupOutcome::Failed(failure) => (RunOutcome::Failed(failure), Some(failure)),
        BackupOutcome::Busy { .. } => (RunOutcome::Busy, None),
        BackupOutcome::NotDue | BackupOutcome::NeedsMasterKey { .. } | BackupOutcome::Paused { .. } => {
            (RunOutcome::Nothing, None)
        }
    }
}

/// The backup that a turn made, where it made one.
pub(super) fn backup_made(turn: &DatabaseTick) -> Option<&BackupSummary> {
    match &turn.backup {
        BackupOutcome::Done { backup, .. } => Some(backup),
        _ => None,
    }
}

/// Whether a turn says nothing about how the database stands: another run is under way, or nobody may look.
pub(super) fn says_nothing(turn: &DatabaseTick) -> bool {
    match turn.backup {
        BackupOutcome::Busy { .. } => true,
        BackupOutcome::NotDue => turn.write_only,
        _ => false,
    }
}

/// What is wrong besides the backup itself: retention that could not be carried out, archives that are gone, records
/// of another repository.
pub(super) fn troubles(turn: &DatabaseTick) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |topic, cause: Cause, exit_status, run: Option<BackupId>| {
        let error = RunError {
            cause,
            exit_status,
            run,
        };
        troubles.push(Trouble { topic, error });
    };
    match &turn.prune {
        PruneOutcome::Failed(failure) => {
            add(Topic::Retention, failure.cause.clone(), failure.exit_status, None);
        }
        PruneOutcome::Done(report) if report.troubles().next().is_some() => {
            add(Topic::Retention, Bucket::BucketNotDeleted.into(), 4, None);
        }
        PruneOutcome::Done(_) | PruneOutcome::NotBegun => {}
    }
    let health = turn.health.as_ref();
    if let Some(lost) = health.and_then(|health| health.lost.first()) {
        let gone = Backup::BackupArchiveGone.into();
        add(Topic::Bucket, gone, 8, Some(lost.id.clone()));
    }
    if health.is_some_and(|health| !health.other_repositories.is_empty()) {
        let stranger = Bucket::BucketStranger.into();
        add(Topic::Repository, stranger, 8, None);
    }
    troubles
}

/// The lines about a turn in the log of a heartbeat.
pub(super) fn log_lines(turn: &DatabaseTick) -> String {
    let label = &turn.database;
    let what = match &turn.backup {
        BackupOutcome::Done { backup, .. } => format!("backed up as {}", backup.id),
        BackupOutcome::NotDue => "nothing is due".to_owned(),
        BackupOutcome::Paused { until } => {
            format!("the next backup waits until {until}, after failures")
        }
        BackupOutcome::NeedsMasterKey { .. } => "a backup is due, which another machine has to make".to_owned(),
        BackupOutcome::Busy { .. } => "another run is under way, or has just made it".to_owned(),
        BackupOutcome::Failed(failure) => format!("FAILED, exit status {}: {}", failure.exit_status, failure.cause),
    };
    let mut text = format!("{label}: {what}\n");
    for Trouble { topic, error } in troubles(turn) {
        text.push_str(&format!("{label}: {topic}: {}\n", error.cause));
    }
    for problem in turn.health.iter().flat_map(Health::problems) {
        text.push_str(&format!("{label}: {}\n", problem.public()));
    }
    text
}
