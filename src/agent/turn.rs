//! What came of one database's turn, as far as people are told of it.

use super::Came;
use crate::{
    backup::{BackupId, Failure},
    notify::{BackupFacts, discreet},
    operation::{BackupOutcome, DatabaseTick, Health, PruneOutcome},
};

pub(super) fn came(backup: &BackupOutcome) -> (Came<'_>, Option<&Failure>) {
    match backup {
        BackupOutcome::Done { suspicious, .. } => (Came::Backup { suspicious }, None),
        BackupOutcome::Failed(failure) => (Came::Failed(failure), Some(failure)),
        BackupOutcome::Busy { .. } => (Came::Busy, None),
        BackupOutcome::NotDue | BackupOutcome::Paused { .. } => (Came::Nothing, None),
    }
}

pub(super) fn backup_facts(backup: &BackupOutcome) -> Option<BackupFacts> {
    match backup {
        BackupOutcome::Done {
            id, tiers, bytes, ..
        } => Some(BackupFacts {
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

/// What is wrong beside the backup itself: retention that could not be carried out, archives that are gone, records that can't
/// be read.
pub(super) fn troubles(turn: &DatabaseTick) -> Vec<(&'static str, Failure)> {
    let mut troubles = Vec::new();
    match &turn.prune {
        PruneOutcome::Failed(failure) => troubles.push(("retention", failure.clone())),
        PruneOutcome::Done(report) => {
            if let Some(first) = report.troubles().next() {
                troubles.push(("retention", Failure {
                    error: format!("what has run out could not be deleted: {first}"),
                    hint: Some("`pgcoffer prune` by hand says what can't be deleted; credentials need s3:DeleteObject for it, or leave it to others with --no-prune".to_owned()),
                    exit_status: 4,
                }));
            }
        }
        PruneOutcome::NotBegun => {}
    }
    let health = turn.health.as_ref();
    let lost = health.and_then(|health| health.lost.first());
    if let Some(lost) = lost {
        troubles.push(("bucket", Failure {
            error: format!("{} is no backup any more, and its retention has not run out: {}", lost.id, lost.why),
            hint: Some("find out who deletes in this bucket: a lifecycle rule, a person, or somebody who should not; noncurrent versions may still have it".to_owned()),
            exit_status: 8,
        }));
    }
    troubles
}

/// A line for a ping's log.
pub(super) fn line(turn: &DatabaseTick) -> String {
    let label = &turn.database;
    let what = match &turn.backup {
        BackupOutcome::Done { id, .. } => format!("backed up as {id}"),
        BackupOutcome::NotDue => "nothing is due".to_owned(),
        BackupOutcome::Paused { until } => format!("a backup waits until {until}, after failures"),
        BackupOutcome::Busy { why } => why.clone(),
        BackupOutcome::Failed(failure) => format!(
            "FAILED, exit status {}: {}",
            failure.exit_status,
            discreet(&failure.error)
        ),
    };
    let mut text = format!("{label}: {what}\n");
    for (what, failure) in troubles(turn) {
        text.push_str(&format!("{label}: {what}: {}\n", discreet(&failure.error)));
    }
    for problem in turn.health.iter().flat_map(Health::problems) {
        text.push_str(&format!("{label}: {problem}\n"));
    }
    text
}
