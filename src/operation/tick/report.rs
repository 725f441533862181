//! What a tick came to, and what its exit status says of that.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    backup::{BackupSummary, Failure, Label, Reason, Tier, with_text},
    cause::{Bucket, Cause},
    exit_status::ExitStatus,
    operation::{Health, PruneReport},
};

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

    /// What the tick's exit status says of this database.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match (&self.backup, &self.prune) {
            (BackupOutcome::Failed(failure), _) | (_, PruneOutcome::Failed(failure)) => {
                ExitStatus::of_number(failure.exit_status).unwrap_or(ExitStatus::Failed)
            }
            // something that was to be deleted still stands
            (_, PruneOutcome::Done(report)) if report.troubles().next().is_some() => ExitStatus::Bucket,
            // what has run out can't be told, and piles up
            (_, PruneOutcome::Done(report)) if report.unseen() > 0 => ExitStatus::Problem,
            // it failed before, and its next attempt waits
            (BackupOutcome::Paused { .. }, _) => ExitStatus::Problem,
            _ => match &self.health {
                Some(health) if health.problems().is_empty() => ExitStatus::Done,
                None if self.blind => ExitStatus::Done,
                _ => ExitStatus::Problem,
            },
        }
    }
}

impl TickReport {
    /// Done where all is well with every database; the status of those that are not, where they agree; else that
    /// something failed.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        let failing = self.databases.iter().map(DatabaseTick::exit_status);
        let mut failing: Vec<ExitStatus> = failing.filter(|status| *status != ExitStatus::Done).collect();
        failing.dedup();
        match failing.as_slice() {
            [] => ExitStatus::Done,
            [status] => *status,
            _ => ExitStatus::Failed,
        }
    }
}
