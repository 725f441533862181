use jiff::Timestamp;

use super::{EventKind, RunError};
use crate::backup::PlaceName;

/// What became of the copies of a database's backups in other places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyEvent {
    /// Fewer places than required hold every backup that belongs there.
    Behind {
        /// The places that are behind, or could not be looked at.
        places: Vec<LatePlace>,
        /// The number of places that hold everything.
        complete: usize,
        /// The number of places beside the bucket.
        of: usize,
        /// Why copying to the first of them failed, where it did.
        error: Option<RunError>,
    },
    /// Enough of them do again.
    CaughtUp {
        /// The number of places that hold everything.
        complete: usize,
        /// The number of places beside the bucket.
        of: usize,
    },
}

/// A place that is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatePlace {
    /// Its name.
    pub name: PlaceName,
    /// The number of backups that are missing there; none if it could not be looked at.
    pub missing: Option<usize>,
    /// Since when it is behind.
    pub since: Option<Timestamp>,
}

impl CopyEvent {
    /// The kind of event that reports it.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Behind { .. } => EventKind::Failure,
            Self::CaughtUp { .. } => EventKind::Recovery,
        }
    }

    /// Why it failed, where it did.
    #[must_use]
    pub fn error(&self) -> Option<&RunError> {
        match self {
            Self::Behind { error, .. } => error.as_ref(),
            Self::CaughtUp { .. } => None,
        }
    }

    /// Since when the first place is behind.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Behind { places, .. } => places.iter().filter_map(|place| place.since).min(),
            Self::CaughtUp { .. } => None,
        }
    }
}
