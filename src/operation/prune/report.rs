//! What a plan says and what became of it.

use jiff::Timestamp;
use serde::Serialize;

use super::PlannedPrune;
use crate::{
    backup::{BackupId, Label, Tier},
    catalog::CatalogEntry,
    operation::figures::stored,
    retention::{KeepReason, RetentionVerdict},
};

/// What pruning one database comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Its label.
    pub database: Label,
    /// The plan alone: nothing was deleted.
    pub dry_run: bool,
    /// Every run on record, newest first.
    pub backups: Vec<BackupLine>,
    /// What is no backup.
    pub leftovers: Vec<LeftoverLine>,
    /// Objects beside ours that are not ours: they are left alone.
    pub foreign: usize,
    /// The bucket keeps versions: space is freed only when noncurrent ones expire.
    pub versioned: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupLine {
    /// Its id.
    pub id: BackupId,
    /// The tier under which its archive stands.
    pub tier: Tier,
    /// When it began.
    pub started: Timestamp,
    /// Bytes of archive and record.
    pub bytes: u64,
    /// Kept or deleted, and why.
    #[serde(flatten)]
    pub verdict: RetentionVerdict,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: DeletionOutcome,
    /// Keys of what is deleted with it.
    #[serde(skip)]
    pub(super) keys: Vec<String>,
}

/// Something that a run left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftoverLine {
    /// Its key, from the bucket's root.
    pub key: String,
    /// What it is.
    pub kind: LeftoverKind,
    /// Its bytes, where they are known.
    pub bytes: u64,
    /// Why it is kept; none: it is to be deleted.
    pub kept: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: DeletionOutcome,
}

/// Kinds of what is no backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftoverKind {
    /// A multipart upload that nobody completed.
    Upload,
    /// An archive without a good record.
    Archive,
    /// Details without a record.
    Details,
    /// A mark without a record.
    Mark,
    /// A turn of drop-box mode whose period is over.
    Turn,
}

/// Whether something in a plan was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "trouble", rename_all = "snake_case")]
pub enum DeletionOutcome {
    /// It stands.
    Stands,
    /// It is gone.
    Deleted,
    /// It was to be deleted, and could not be.
    Failed(String),
    /// It was to be deleted, and the prune ended before.
    NotReached,
}

impl PruneReport {
    pub(super) fn of(planned: &PlannedPrune, dry_run: bool) -> Self {
        let survey = &planned.survey;
        let lines = planned.plan.lines.iter().filter_map(|line| {
            let one = survey.entries.iter().find(|one| one.record.id == line.id)?;
            Some(BackupLine {
                id: line.id.clone(),
                tier: one.record.tier,
                started: one.record.started,
                bytes: stored(one),
                verdict: line.verdict.clone(),
                outcome: DeletionOutcome::Stands,
                keys: keys(one),
            })
        });
        let leftovers = planned.leftovers.iter().map(|leftover| LeftoverLine {
            key: leftover.key().to_owned(),
            kind: leftover.kind(),
            bytes: leftover.bytes,
            kept: leftover.kept.clone(),
            outcome: DeletionOutcome::Stands,
        });
        Self {
            database: survey.database.clone(),
            dry_run,
            backups: lines.collect(),
            leftovers: leftovers.collect(),
            foreign: survey.foreign,
            versioned: planned.versioned,
        }
    }

    /// Whether there is nothing at all of this database.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.backups.is_empty() && self.leftovers.is_empty() && self.foreign == 0
    }

    /// Runs that the plan deletes.
    #[must_use]
    pub fn planned(&self) -> usize {
        let deletions = self.backups.iter();
        deletions
            .filter(|line| matches!(line.verdict, RetentionVerdict::Delete(_)))
            .count()
    }

    /// Runs that were deleted.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.backups
            .iter()
            .filter(|line| line.outcome == DeletionOutcome::Deleted)
            .count()
    }

    /// Bytes of what was deleted; on a dry run, of what would be.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let gone = |outcome: &DeletionOutcome, planned: bool| match self.dry_run {
            true => planned,
            false => *outcome == DeletionOutcome::Deleted,
        };
        let backups = self.backups.iter();
        let backups = backups.filter(|line| gone(&line.outcome, matches!(line.verdict, RetentionVerdict::Delete(_))));
        let leftovers = self.leftovers.iter();
        let leftovers = leftovers.filter(|line| gone(&line.outcome, line.kept.is_none()));
        backups.map(|line| line.bytes).sum::<u64>() + leftovers.map(|line| line.bytes).sum::<u64>()
    }

    /// Runs that have run out and stay because their tags can't be seen.
    #[must_use]
    pub fn unseen(&self) -> usize {
        let unseen =
            |line: &&BackupLine| matches!(line.verdict, RetentionVerdict::Keep(KeepReason::TagUnreadable { .. }));
        self.backups.iter().filter(unseen).count()
    }

    /// Why runs that have run out stay, each reason with how many stay for it, most first; what is held or locked is
    /// not asked whether it has run out.
    #[must_use]
    pub fn staying(&self) -> Vec<(&KeepReason, usize)> {
        let mut reasons: Vec<(&KeepReason, usize)> = Vec::new();
        for line in &self.backups {
            let RetentionVerdict::Keep(keep) = &line.verdict else {
                continue;
            };
            if !keep.outlasts_retention() {
                continue;
            }
            match reasons.iter_mut().find(|(reason, _)| *reason == keep) {
                Some((_, count)) => *count += 1,
                None => reasons.push((keep, 1)),
            }
        }
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }

    /// The same in words, where nothing is deleted and something other than being among the last good ones keeps what
    /// has run out; with `all`, whatever keeps it. None where that is nothing to tell.
    #[must_use]
    pub fn why_nothing(&self, all: bool) -> Option<String> {
        if self.planned() > 0 {
            return None;
        }
        let staying = self.staying();
        let is_lasting = |keep: &KeepReason| {
            matches!(
                keep,
                KeepReason::Floor { .. }
                    | KeepReason::Elder { .. }
                    | KeepReason::Newest
                    | KeepReason::TagUnreadable { .. }
            )
        };
        if !all && staying.iter().all(|(keep, _)| is_lasting(keep)) {
            return None;
        }
        let count: usize = staying.iter().map(|(_, count)| count).sum();
        let reasons: Vec<String> = staying
            .iter()
            .map(|(keep, count)| format!("{keep} ({count})"))
            .collect();
        Some(match (count, reasons.as_slice()) {
            (0, _) => "nothing was pruned: nothing has run out".to_owned(),
            (_, reasons) => format!(
                "nothing was pruned: {count} of its runs have run out, and stay: {}",
                reasons.join(", ")
            ),
        })
    }

    /// What could not be deleted, and why.
    pub fn troubles(&self) -> impl Iterator<Item = &str> {
        let backups = self.backups.iter().map(|line| &line.outcome);
        let outcomes = backups.chain(self.leftovers.iter().map(|line| &line.outcome));
        outcomes.filter_map(|outcome| match outcome {
            DeletionOutcome::Failed(why) => Some(why.as_str()),
            _ => None,
        })
    }
}

/// Keys of everything that goes with a backup. An archive of another length is not what the record vouched for, and
/// stays.
fn keys(one: &CatalogEntry) -> Vec<String> {
    let archive = one.archive.as_ref().filter(|_| one.has_archive());
    let details = one.details.as_ref();
    let objects = [Some(&one.object), archive, details, one.mark_object.as_ref()];
    objects.into_iter().flatten().map(|object| object.key.clone()).collect()
}
