//! What came of one database's turn, as far as people are told of it.

use super::{Came, facts::Trouble};
use crate::{
    backup::{BackupId, Failure},
    cause::{Backup, Bucket},
    notify::BackupFacts,
    operation::{BackupOutcome, DatabaseTick, Health, PruneOutcome},
};

pub(super) fn came(backup: &BackupOutcome) -> (Came<'_>, Option<&Failure>) {
    match backup {
        BackupOutcome::Done { suspicious, .. } => (Came::Backup { suspicious }, None),
        BackupOutcome::Failed(failure) => (Came::Failed(failure), Some(failure)),
        BackupOutcome::Busy { .. } => (Came::Busy, None),
        BackupOutcome::NotDue | BackupOutcome::Elsewhere { .. } | BackupOutcome::Paused { .. } => (Came::Nothing, None),
    }
}

pub(super) fn backup_facts(backup: &BackupOutcome) -> Option<BackupFacts> {
    match backup {
        BackupOutcome::Done { id, tiers, bytes, .. } => Some(BackupFacts {
            id: id.to_string(),
            tiers: tiers.iter().map(ToString::to_string).collect(),
            bytes: *bytes,
        }),
        _ => None,
    }
}

pub(super) fn done_id(turn: &DatabaseTick) -> Option<BackupId> {
    match &turn.backup {
        BackupOutcome::Done { id, .. } => Some(id.clone()),
        _ => None,
    }
}

/// Whether a turn says nothing of how the database stands: another run is under way, or nobody may look.
pub(super) fn says_nothing(turn: &DatabaseTick) -> bool {
    match turn.backup {
        BackupOutcome::Busy { .. } => true,
        BackupOutcome::NotDue => turn.blind,
        _ => false,
    }
}

/// What is wrong beside the backup itself: retention that could not be carried out, archives that are gone, records
/// that can't be read.
pub(super) fn troubles(turn: &DatabaseTick) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |what, cause, exit_status, backup| {
        troubles.push(Trouble {
            what,
            cause,
            exit_status,
            backup,
        });
    };
    match &turn.prune {
        PruneOutcome::Failed(failure) => {
            add("retention", failure.cause.clone(), failure.exit_status, None);
        }
        PruneOutcome::Done(report) if report.troubles().next().is_some() => {
            add("retention", Bucket::BucketNotDeleted.into(), 4, None);
        }
        PruneOutcome::Done(_) | PruneOutcome::NotBegun => {}
    }
    let health = turn.health.as_ref();
    if let Some(lost) = health.and_then(|health| health.lost.first()) {
        let gone = Backup::BackupArchiveGone.into();
        add("bucket", gone, 8, Some(lost.id.clone()));
    }
    if health.is_some_and(|health| !health.other_repositories.is_empty()) {
        let stranger = Bucket::BucketStranger.into();
        add("repository", stranger, 8, None);
    }
    troubles
}

/// A line for a ping's log.
pub(super) fn line(turn: &DatabaseTick) -> String {
    let label = &turn.database;
    let what = match &turn.backup {
        BackupOutcome::Done { id, .. } => format!("backed up as {id}"),
        BackupOutcome::NotDue => "nothing is due".to_owned(),
        BackupOutcome::Paused { until } => {
            format!("the next backup waits until {until}, after failures")
        }
        BackupOutcome::Elsewhere { .. } => "a backup is due, which another machine has to make".to_owned(),
        BackupOutcome::Busy { .. } => "another run is under way, or has just made it".to_owned(),
        BackupOutcome::Failed(failure) => format!("FAILED, exit status {}: {}", failure.exit_status, failure.cause),
    };
    let mut text = format!("{label}: {what}\n");
    for trouble in troubles(turn) {
        let (what, cause) = (trouble.what, &trouble.cause);
        text.push_str(&format!("{label}: {what}: {cause}\n"));
    }
    for problem in turn.health.iter().flat_map(Health::problems) {
        text.push_str(&format!("{label}: {}\n", problem.public()));
    }
    text
}
