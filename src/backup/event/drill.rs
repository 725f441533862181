use jiff::Timestamp;

use super::{EventKind, RunError};
use crate::backup::{BackupId, DrillVerdict};

/// What became of a scheduled drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillEvent {
    /// It could not be carried out.
    Failed {
        /// Why, and the backup.
        error: RunError,
    },
    /// A backup did not come back as it was dumped.
    NotProven {
        /// The backup.
        backup: BackupId,
        /// The number of parts that came back otherwise, or did not come back.
        differences: u64,
        /// The user's own statements whose answer was another one.
        checks_failed: u64,
    },
    /// One that was due has not been carried out.
    Overdue {
        /// When it was due.
        due: Timestamp,
        /// Why the last attempt failed, where there was one.
        error: Option<RunError>,
    },
    /// A backup came back, after drills that were not carried out or found differences.
    Recovered(ProvenBackup),
    /// A backup came back.
    Proven(ProvenBackup),
}

/// A backup that came back in a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenBackup {
    /// The backup.
    pub backup: BackupId,
    /// What was proven.
    pub verdict: DrillVerdict,
    /// Milliseconds that the restore took: the measured recovery time.
    pub restore_ms: i64,
    /// The number of parts that could not be compared.
    pub not_compared: u64,
}

impl DrillEvent {
    /// The kind of event that reports it.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Failed { .. } | Self::NotProven { .. } => EventKind::Failure,
            Self::Overdue { .. } => EventKind::Missed,
            Self::Recovered(_) => EventKind::Recovery,
            Self::Proven(_) => EventKind::Success,
        }
    }

    /// Why it failed, where it did.
    #[must_use]
    pub fn error(&self) -> Option<&RunError> {
        match self {
            Self::Failed { error } => Some(error),
            Self::Overdue { error, .. } => error.as_ref(),
            Self::NotProven { .. } | Self::Recovered(_) | Self::Proven(_) => None,
        }
    }

    /// The backup that was drilled.
    #[must_use]
    pub fn backup(&self) -> Option<&BackupId> {
        match self {
            Self::NotProven { backup, .. } => Some(backup),
            Self::Recovered(proven) | Self::Proven(proven) => Some(&proven.backup),
            Self::Failed { error } => error.run.as_ref(),
            Self::Overdue { .. } => None,
        }
    }

    /// Whether somebody has to act.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        matches!(self.kind(), EventKind::Failure | EventKind::Missed)
    }
}
