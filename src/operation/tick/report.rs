//! What a tick came to, and what its exit status says of that.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    backup::{BackupSummary, Failure, Label, Reason, Tier, with_text},
    cause::{Bucket, Cause},
    operation::{Health, PruneReport},
};

/// Exit status where nothing failed and something needs a person's look.
const PROBLEM: u8 = 8;

/// What a tick came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TickReport {
    /// Each database, in the order of the request.
    pub databases: Vec<DatabaseTick>,
}

/// What a tick came to for one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseTick {
    /// Its label.
    pub database: Label,
    /// The backup.
    pub backup: BackupOutcome,
    /// What was deleted.
    pub prune: PruneOutcome,
    /// How it stands now; none where that can't be seen.
    pub health: Option<Health>,
    /// In drop-box mode nothing is looked at: that nothing is seen is no problem then.
    #[serde(skip)]
    pub blind: bool,
}

/// What became of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum BackupOutcome {
    /// One was taken.
    Done {
        /// The backup.
        #[serde(flatten)]
        backup: BackupSummary,
        /// Why it looks wrong, where it does.
        #[serde(serialize_with = "with_text")]
        suspicious: Vec<Reason>,
    },
    /// Nothing was due.
    NotDue,
    /// These tiers are due, and a catalog key alone is at hand, which seals no backup: another machine has to make it.
    Elsewhere {
        /// The tiers.
        due: Vec<Tier>,
    },
    /// One is due, or will be before the pause after failures ends, and waits for that.
    Paused {
        /// Until then.
        until: Timestamp,
    },
    /// Another run has the database's lock, or has just served what was due.
    Busy {
        /// Which.
        why: String,
    },
    /// It failed.
    Failed(Failure),
}

/// What became of pruning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PruneOutcome {
    /// Carried out.
    Done(PruneReport),
    /// Nobody asked for it.
    NotBegun,
    /// It failed.
    Failed(Failure),
}

impl DatabaseTick {
    /// Whether the backup failed for want of room in the bucket.
    #[must_use]
    pub fn had_no_room(&self) -> bool {
        let full = Cause::from(Bucket::BucketFull);
        matches!(&self.backup, BackupOutcome::Failed(failure) if failure.cause == full)
    }

    /// What the tick's exit status says of this database: 0 where all is well.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match (&self.backup, &self.prune) {
            (BackupOutcome::Failed(failure), _) | (_, PruneOutcome::Failed(failure)) => failure.exit_status,
            // something that was to be deleted still stands
            (_, PruneOutcome::Done(report)) if report.troubles().next().is_some() => 4,
            // what has run out can't be told, and piles up
            (_, PruneOutcome::Done(report)) if report.unseen() > 0 => PROBLEM,
            // it failed before, and its next attempt waits
            (BackupOutcome::Paused { .. }, _) => PROBLEM,
            _ => match &self.health {
                Some(health) if health.problems().is_empty() => 0,
                None if self.blind => 0,
                _ => PROBLEM,
            },
        }
    }
}

impl TickReport {
    /// 0 where all is well with every database; the status of those that are not, where they agree; else 1.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        let failing = self.databases.iter().map(DatabaseTick::exit_status);
        let mut failing: Vec<u8> = failing.filter(|status| *status != 0).collect();
        failing.dedup();
        match failing.as_slice() {
            [] => 0,
            [status] => *status,
            _ => 1,
        }
    }
}
