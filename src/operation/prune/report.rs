//! The report of a prune: its plan and the results.

use jiff::Timestamp;
use serde::Serialize;

use super::PlannedPrune;
use crate::{
    backup::{BackupId, Label, Tier},
    catalog::CatalogEntry,
    operation::figures::stored,
    retention::{KeepReason, RetentionVerdict},
};

/// The report for one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Its label.
    pub database: Label,
    /// Whether it is only the plan, and nothing was deleted.
    pub dry_run: bool,
    /// Every run on record, newest first.
    pub backups: Vec<BackupLine>,
    /// What is not a backup.
    pub leftovers: Vec<LeftoverLine>,
    /// The number of objects that aren't ours. They are not changed.
    pub foreign: usize,
    /// Whether the bucket keeps versions. Then space is freed only when noncurrent ones expire.
    pub versioned: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupLine {
    /// Its id.
    pub id: BackupId,
    /// Its tier.
    pub tier: Tier,
    /// When it began.
    pub started: Timestamp,
    /// The bytes of archive and record.
    pub bytes: u64,
    /// Whether it is kept or deleted, and why.
    #[serde(flatten)]
    pub verdict: RetentionVerdict,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: DeletionOutcome,
    /// The keys of everything that is deleted with it.
    #[serde(skip)]
    pub(super) keys: Vec<String>,
}

/// Something that a dead run left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftoverLine {
    /// Its key, from the bucket's root.
    pub key: String,
    /// What it is.
    pub kind: LeftoverKind,
    /// Its bytes, if they are known.
    pub bytes: u64,
    /// Why it is kept; `None` if it is deleted.
    pub kept: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: DeletionOutcome,
}

/// The kinds of leftovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftoverKind {
    /// A multipart upload that was not completed.
    Upload,
    /// An archive without a good record.
    Archive,
    /// Details without a record.
    Details,
    /// A mark without a record.
    Mark,
    /// A turn of drop-box mode whose period has ended.
    Turn,
    /// A part of a drill whose time is over.
    Drill,
}

/// The result for one line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "trouble", rename_all = "snake_case")]
pub enum DeletionOutcome {
    /// It was not to be deleted.
    Stands,
    /// It was deleted.
    Deleted,
    /// It could not be deleted.
    Failed(String),
    /// It was to be deleted, and the prune ended before that.
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

    /// Whether there is nothing of this database.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.backups.is_empty() && self.leftovers.is_empty() && self.foreign == 0
    }

    /// The number of runs that the plan deletes.
    #[must_use]
    pub fn planned(&self) -> usize {
        let deletions = self.backups.iter();
        deletions
            .filter(|line| matches!(line.verdict, RetentionVerdict::Delete(_)))
            .count()
    }

    /// The number of runs that were deleted.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.backups
            .iter()
            .filter(|line| line.outcome == DeletionOutcome::Deleted)
            .count()
    }

    /// The bytes that were deleted, or on a dry run would be.
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

    /// The number of expired runs that are kept because their tags can't be read.
    #[must_use]
    pub fn unseen(&self) -> usize {
        let unseen =
            |line: &&BackupLine| matches!(line.verdict, RetentionVerdict::Keep(KeepReason::TagUnreadable { .. }));
        self.backups.iter().filter(unseen).count()
    }

    /// Why expired runs are kept: each reason with the number of runs, the most frequent first. Held and locked runs
    /// count whether or not they have expired.
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

    /// Why nothing was deleted, in words, if expired runs are kept for another reason than being among the last good
    /// ones. With `all`, for any reason. `None` if there is nothing to explain.
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

    /// The errors of what could not be deleted.
    pub fn troubles(&self) -> impl Iterator<Item = &str> {
        let backups = self.backups.iter().map(|line| &line.outcome);
        let outcomes = backups.chain(self.leftovers.iter().map(|line| &line.outcome));
        outcomes.filter_map(|outcome| match outcome {
            DeletionOutcome::Failed(why) => Some(why.as_str()),
            _ => None,
        })
    }
}

/// The keys of everything that is deleted with a backup. An archive of another length is not the record's, and is kept.
fn keys(one: &CatalogEntry) -> Vec<String> {
    let archive = one.archive.as_ref().filter(|_| one.has_archive());
    let details = one.details.as_ref();
    let objects = [Some(&one.object), archive, details, one.mark_object.as_ref()];
    objects.into_iter().flatten().map(|object| object.key.clone()).collect()
}
