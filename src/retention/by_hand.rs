use std::{collections::BTreeSet, fmt, num::NonZeroU32};

use jiff::Timestamp;

use super::{KeepReason, RetentionOutcome, RetentionPolicy, RetentionRun, TagState, plan, rules::protected};
use crate::{
    backup::BackupId,
    text::{Untrusted, counted},
};

/// Why a run that a user names is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionObstacle {
    /// A hold or a lock protects it, or its tags don't prove that it is ours.
    Protected(KeepReason),
    /// No good backup would be left that is certain to stay.
    LastGood {
        /// The number of other good ones, all of which a prune may delete at any moment.
        expired: usize,
        /// The number of other good ones that are about to be deleted by others.
        leaving: usize,
    },
    /// Fewer good backups would be left than are never deleted.
    Floor {
        /// The number that would be left.
        left: usize,
        /// The number that is never deleted.
        keep_last: NonZeroU32,
        /// The number of other good ones that are about to be deleted by others.
        leaving: usize,
    },
    /// It is an archive without a record, and may be all that is left.
    Wanted {
        /// Why a prune keeps it.
        why: String,
    },
    /// It is the last one before a backup that fell far below it.
    BeforeFall {
        /// The same in words.
        why: String,
    },
}

impl DeletionObstacle {
    /// Whether a user who insists may have it deleted all the same.
    #[must_use]
    pub fn can_be_forced(&self) -> bool {
        !matches!(self, Self::Protected(_))
    }
}

/// Why a run that a user names is not deleted, whatever its retention says; empty if it may be. `runs` are all runs of
/// its database, and its own tags and locks have been looked at. Those in `leaving` are about to be deleted by others.
#[must_use]
pub fn obstacles(
    runs: &[RetentionRun],
    id: &BackupId,
    leaving: &BTreeSet<BackupId>,
    policy: &RetentionPolicy,
    now: Timestamp,
) -> Vec<DeletionObstacle> {
    let Some(run) = runs.iter().find(|run| run.id == *id) else {
        return Vec::new();
    };
    let protection = protected(run, now).or_else(|| unproven(&run.guards.tags));
    let mut found: Vec<_> = protection.map(DeletionObstacle::Protected).into_iter().collect();
    let is_complete = matches!(run.outcome, RetentionOutcome::Good | RetentionOutcome::Suspicious);
    if is_complete {
        found.extend(loss(runs, run, leaving, policy, now));
    }
    found
}

/// What the database would lose with a complete backup.
fn loss(
    runs: &[RetentionRun],
    run: &RetentionRun,
    leaving: &BTreeSet<BackupId>,
    policy: &RetentionPolicy,
    now: Timestamp,
) -> Option<DeletionObstacle> {
    let is_good = |run: &RetentionRun| run.outcome == RetentionOutcome::Good && run.counts && !run.is_ahead(now);
    let good = || runs.iter().filter(|other| other.id != run.id && is_good(other));
    let others = || good().filter(|other| !leaving.contains(&other.id));
    let left = others().count();
    let leaving = good().count() - left;
    // a prune at this very moment still counts the one that goes
    let planned = plan(runs, policy, now);
    let is_kept = |other: &RetentionRun| {
        planned
            .lines
            .iter()
            .any(|line| line.id == other.id && !line.is_deletion())
    };
    if !others().any(is_kept) {
        return Some(DeletionObstacle::LastGood { expired: left, leaving });
    }
    let keep_last = policy.keep_last;
    let is_too_few = left < usize::try_from(keep_last.get()).unwrap_or(usize::MAX);
    (is_good(run) && is_too_few).then_some(DeletionObstacle::Floor {
        left,
        keep_last,
        leaving,
    })
}

fn unproven(tags: &TagState) -> Option<KeepReason> {
    match tags {
        TagState::Missing(tag) => Some(KeepReason::TagMissing { tag: tag.clone() }),
        TagState::Foreign(tag) => Some(KeepReason::TagForeign { tag: tag.clone() }),
        TagState::Unreadable(tag) => Some(KeepReason::TagUnreadable { tag: tag.clone() }),
        TagState::NotLooked | TagState::Unsupported | TagState::None | TagState::Read { .. } => None,
    }
}

impl fmt::Display for DeletionObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected(keep) => keep.fmt(f),
            Self::LastGood { expired: 0, leaving } if *leaving > 0 => write!(
                f,
                "no other good backup of its database is left: those beside it are about to be deleted as well ({leaving})"
            ),
            Self::LastGood { expired: 0, .. } => f.write_str("no other good backup of its database is left"),
            Self::LastGood { expired, .. } => write!(
                f,
                "it is the last good backup that is certain to stay: those beside it have run out ({expired}), and a \
                 prune may delete them at any moment"
            ),
            Self::Floor {
                left,
                keep_last,
                leaving,
            } => {
                let left = counted(*left, "good backup");
                write!(f, "{left} would be left, and PGCOFFER_KEEP_LAST keeps {keep_last}")?;
                match leaving {
                    0 => Ok(()),
                    leaving => write!(f, ": {leaving} more are about to be deleted as well"),
                }
            }
            Self::Wanted { why } => write!(f, "an archive without a record may be all that is left: {why}"),
            Self::BeforeFall { why } => write!(f, "it is {}", Untrusted::from(why.as_str())),
        }
    }
}
