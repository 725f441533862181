//! What can happen to the backups of a database, with its facts. Words and JSON are made of it where a message is
//! rendered, and nowhere else.

mod copies;
mod drill;
mod kind;
mod summary;

use jiff::Timestamp;

pub use self::{
    copies::{CopyEvent, LatePlace},
    drill::{DrillEvent, ProvenBackup},
    kind::{EventKind, Topic},
    summary::{BackupSummary, DigestLine, LateTier, NewestGood, Origin, RunError, RunsOn},
};
use super::{Label, Reason};

/// Something that people may want to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// The agent that saw it.
    pub origin: Origin,
    /// The database; none where it concerns no single one.
    pub database: Option<Label>,
    /// The newest good backup of that database, as far as it is known.
    pub newest_good: NewestGood,
    /// What happened.
    pub what: Occurrence,
}

/// What happened, with the facts that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occurrence {
    /// A run failed, or could not even begin.
    Failed {
        /// Why.
        error: RunError,
        /// Runs that failed in a row, this one included.
        failures: usize,
        /// When the first of them began.
        since: Timestamp,
        /// The tiers that are late.
        late: Vec<LateTier>,
        /// The earliest moment of the next attempt.
        retry_at: Option<Timestamp>,
    },
    /// A signal ended a run: nothing is wrong with the database or the bucket.
    Interrupted {
        /// What the run ended with.
        error: RunError,
        /// Runs that failed in a row before this one.
        failures: usize,
        /// When the first of them began.
        since: Option<Timestamp>,
        /// The tiers that are late.
        late: Vec<LateTier>,
        /// The earliest moment of the next attempt.
        retry_at: Option<Timestamp>,
    },
    /// Something is wrong besides a run.
    Trouble {
        /// With what.
        topic: Topic,
        /// Why.
        error: RunError,
    },
    /// A backup that was due has not been made.
    Missed {
        /// The tiers that are late.
        late: Vec<LateTier>,
        /// Why the last attempt failed, where there was one.
        error: Option<RunError>,
        /// Runs that failed in a row.
        failures: usize,
        /// The earliest moment of the next attempt.
        retry_at: Option<Timestamp>,
    },
    /// A backup that was late has been made.
    CaughtUp {
        /// The tiers that were late.
        late: Vec<LateTier>,
        /// The backup.
        backup: BackupSummary,
    },
    /// There is a good backup again after failed or missed ones.
    Recovered {
        /// Runs that failed in a row before it.
        failures: usize,
        /// When the first of them began, or since when a backup was late.
        since: Option<Timestamp>,
        /// The backup.
        backup: BackupSummary,
    },
    /// A good backup looks wrong beside those before it.
    Suspicious {
        /// The backup.
        backup: BackupSummary,
        /// Why.
        reasons: Vec<Reason>,
    },
    /// A good backup was made.
    Succeeded {
        /// The backup.
        backup: BackupSummary,
        /// Why it looks wrong, where people know that already.
        reasons: Vec<Reason>,
    },
    /// How every database stands, once a week.
    Digest {
        /// Each database.
        databases: Vec<DigestLine>,
    },
    /// Something became of a scheduled drill.
    Drill(DrillEvent),
    /// Copies in other places are behind, or complete again.
    Copies(CopyEvent),
    /// Somebody tries whether messages arrive.
    Test,
}

impl Event {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match &self.what {
            Occurrence::Failed { .. } | Occurrence::Interrupted { .. } | Occurrence::Trouble { .. } => {
                EventKind::Failure
            }
            Occurrence::Missed { .. } | Occurrence::CaughtUp { .. } => EventKind::Missed,
            Occurrence::Recovered { .. } => EventKind::Recovery,
            Occurrence::Suspicious { .. } => EventKind::Suspicious,
            Occurrence::Succeeded { .. } => EventKind::Success,
            Occurrence::Digest { .. } => EventKind::Digest,
            Occurrence::Drill(drill) => drill.kind(),
            Occurrence::Copies(copies) => copies.kind(),
            Occurrence::Test => EventKind::Test,
        }
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self.what {
            Occurrence::Trouble { topic, .. } => topic,
            Occurrence::Drill(_) => Topic::Drill,
            Occurrence::Copies(_) => Topic::Copies,
            _ => Topic::Backup,
        }
    }

    /// Whether a signal ended the run.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self.what, Occurrence::Interrupted { .. })
    }

    /// Why something failed, where it did.
    #[must_use]
    pub fn error(&self) -> Option<&RunError> {
        match &self.what {
            Occurrence::Failed { error, .. }
            | Occurrence::Interrupted { error, .. }
            | Occurrence::Trouble { error, .. } => Some(error),
            Occurrence::Missed { error, .. } => error.as_ref(),
            Occurrence::Drill(drill) => drill.error(),
            Occurrence::Copies(copies) => copies.error(),
            _ => None,
        }
    }

    /// Since when it has been so, where that is known.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match &self.what {
            Occurrence::Failed { since, .. } => Some(*since),
            Occurrence::Interrupted { since, .. } | Occurrence::Recovered { since, .. } => *since,
            Occurrence::Trouble { .. } => Some(self.at),
            Occurrence::Drill(DrillEvent::Overdue { due, .. }) => Some(*due),
            Occurrence::Copies(copies) => copies.since(),
            Occurrence::Missed { late, .. } | Occurrence::CaughtUp { late, .. } => {
                late.iter().map(|late| late.due).min()
            }
            _ => None,
        }
    }

    /// Runs that failed in a row.
    #[must_use]
    pub fn failures(&self) -> usize {
        match self.what {
            Occurrence::Failed { failures, .. }
            | Occurrence::Interrupted { failures, .. }
            | Occurrence::Missed { failures, .. }
            | Occurrence::Recovered { failures, .. } => failures,
            _ => 0,
        }
    }

    /// The tiers that are late, or were.
    #[must_use]
    pub fn late(&self) -> &[LateTier] {
        match &self.what {
            Occurrence::Failed { late, .. }
            | Occurrence::Interrupted { late, .. }
            | Occurrence::Missed { late, .. }
            | Occurrence::CaughtUp { late, .. } => late,
            _ => &[],
        }
    }

    /// The earliest moment of the next attempt, where one waits.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.what {
            Occurrence::Failed { retry_at, .. }
            | Occurrence::Interrupted { retry_at, .. }
            | Occurrence::Missed { retry_at, .. } => retry_at,
            _ => None,
        }
    }

    /// The backup that was made, where one was.
    #[must_use]
    pub fn backup(&self) -> Option<&BackupSummary> {
        match &self.what {
            Occurrence::CaughtUp { backup, .. }
            | Occurrence::Recovered { backup, .. }
            | Occurrence::Suspicious { backup, .. }
            | Occurrence::Succeeded { backup, .. } => Some(backup),
            _ => None,
        }
    }

    /// Why that backup looks wrong.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match &self.what {
            Occurrence::Suspicious { reasons, .. } | Occurrence::Succeeded { reasons, .. } => reasons,
            _ => &[],
        }
    }

    /// What cures it, with the variable of the database that it concerns.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        // the cure of a cause names settings of the bucket, and not those of another place
        if matches!(self.what, Occurrence::Copies(_)) {
            return None;
        }
        let hint = self.error()?.cause.hint()?;
        Some(match &self.database {
            Some(label) => hint.replace("<NAME>", &label.as_str().to_uppercase()),
            None => hint.to_owned(),
        })
    }
}
