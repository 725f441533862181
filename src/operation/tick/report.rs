//! The report of a tick, and its exit status.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    backup::{BackupSummary, Failure, Label, Reason, Tier, with_text},
    cause::{Bucket, Cause},
    exit_status::ExitStatus,
    operation::{CopyReport, DrillTick, Health, PruneReport},
};

/// The report of a tick.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TickReport {
    /// Each database, in the order of the request.
    pub databases: Vec<DatabaseTick>,
    /// The scheduled drills that were due, which are carried out when the backups are made.
    pub drills: Vec<DrillTick>,
    /// What was copied to the other places, when the backups were made.
    pub copies: Vec<CopyReport>,
}

/// The report for one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseTick {
    /// Its label.
    pub database: Label,
    /// The backup.
    pub backup: BackupOutcome,
    /// The outcome of pruning.
    pub prune: PruneOutcome,
    /// Its health now; `None` if that is unknown.
    pub health: Option<Health>,
    /// Whether it is in drop-box mode, in which nothing is read, so that an unknown health is no problem.
    #[serde(skip)]
    pub write_only: bool,
}

/// The outcome of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum BackupOutcome {
    /// One was made.
    Done {
        /// The backup.
        #[serde(flatten)]
        backup: BackupSummary,
        /// Why it looks wrong, if it does.
        #[serde(serialize_with = "with_text")]
        suspicious: Vec<Reason>,
        /// What became of the places beside the bucket.
        #[serde(skip)]
        copies: Vec<CopyReport>,
    },
    /// Nothing was due.
    NotDue,
    /// These tiers are due, and there is only a catalog key, which can't seal a backup: another machine has to make it.
    NeedsMasterKey {
        /// The tiers.
        due: Vec<Tier>,
    },
    /// One is due, or becomes due before the pause after failures ends, and waits for that.
    Paused {
        /// The end of the pause.
        until: Timestamp,
    },
    /// Another run has the database's lock, or has just served what was due.
    Busy {
        /// Which of both.
        why: String,
    },
    /// It failed.
    Failed(Failure),
}

/// The outcome of pruning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PruneOutcome {
    /// Carried out.
    Done(PruneReport),
    /// It was not requested.
    NotBegun,
    /// It failed.
    Failed(Failure),
}

impl DatabaseTick {
    /// Whether the backup failed because the bucket was full.
    #[must_use]
    pub fn had_no_room(&self) -> bool {
        let full = Cause::from(Bucket::BucketFull);
        matches!(&self.backup, BackupOutcome::Failed(failure) if failure.cause == full)
    }

    /// The exit status for this database.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match (&self.backup, &self.prune) {
            (BackupOutcome::Failed(failure), _) | (_, PruneOutcome::Failed(failure)) => {
                ExitStatus::of_number(failure.exit_status).unwrap_or(ExitStatus::Failed)
            }
            // something could not be deleted
            (_, PruneOutcome::Done(report)) if report.troubles().next().is_some() => ExitStatus::Bucket,
            // it is unknown what has expired, so backups accumulate
            (_, PruneOutcome::Done(report)) if report.unseen() > 0 => ExitStatus::Problem,
            // it failed before, and its next attempt waits
            (BackupOutcome::Paused { .. }, _) => ExitStatus::Problem,
            _ => match &self.health {
                Some(health) if health.problems().is_empty() => ExitStatus::Done,
                None if self.write_only => ExitStatus::Done,
                _ => ExitStatus::Problem,
            },
        }
    }
}

impl TickReport {
    /// Success if all is well with every database. Otherwise the common status of those that are not, or if they
    /// differ, the general failure.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        let databases = self.databases.iter().map(DatabaseTick::exit_status);
        let failing = databases.chain(self.drills.iter().map(DrillTick::exit_status));
        // elsewhere the health tells of places that are late
        let is_blind = self.databases.iter().any(|database| database.write_only);
        let copies = self
            .copies
            .iter()
            .filter(|copy| is_blind && copy.first_failure().is_some());
        let failing = failing.chain(copies.map(|_| ExitStatus::Problem));
        let mut failing: Vec<ExitStatus> = failing.filter(|status| *status != ExitStatus::Done).collect();
        failing.dedup();
        match failing.as_slice() {
            [] => ExitStatus::Done,
            [status] => *status,
            _ => ExitStatus::Failed,
        }
    }
}
