//! What became of copying.

use serde::Serialize;

use crate::{
    backup::{BackupId, Failure, Label, PlaceName},
    exit_status::ExitStatus,
};

/// What became of copying one database's backups to one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// The place.
    pub place: PlaceName,
    /// The database.
    pub database: Label,
    /// The backups that were copied, newest first; in a dry run those that would be.
    pub copied: Vec<CopiedBackup>,
    /// The number of backups that belong there.
    pub wanted: usize,
    /// The number of those that are there now.
    pub held: usize,
    /// The number of those that another process is copying.
    pub under_way: usize,
    /// The number of good backups whose retention at the place has run out, and which are not copied.
    pub run_out: usize,
    /// The number of backups there whose marks were changed: holds and other decisions follow those of the source.
    pub marks: usize,
    /// The number of reports of drills that were copied.
    pub drills: usize,
    /// The backups that could not be copied.
    pub failed: Vec<FailedCopy>,
    /// Why nothing of this database could be copied, if that is so.
    pub failure: Option<Failure>,
}

/// A backup that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiedBackup {
    /// Its id.
    pub id: BackupId,
    /// The bytes of its archive.
    pub bytes: u64,
}

/// A backup that could not be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedCopy {
    /// Its id.
    pub id: BackupId,
    /// Why.
    #[serde(flatten)]
    pub failure: Failure,
}

impl CopyReport {
    /// Nothing was done yet.
    #[must_use]
    pub fn new(place: &PlaceName, database: &Label) -> Self {
        Self {
            place: place.clone(),
            database: database.clone(),
            copied: Vec::new(),
            wanted: 0,
            held: 0,
            under_way: 0,
            run_out: 0,
            marks: 0,
            drills: 0,
            failed: Vec::new(),
            failure: None,
        }
    }

    /// The report of a place of which nothing could be done.
    #[must_use]
    pub fn of_failure(place: &PlaceName, database: &Label, failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::new(place, database)
        }
    }

    /// The first of its failures, with the backup if it is one of a single backup.
    #[must_use]
    pub fn first_failure(&self) -> Option<(Option<&BackupId>, &Failure)> {
        let of_all = self.failure.as_ref().map(|failure| (None, failure));
        of_all.or_else(|| self.failed.first().map(|one| (Some(&one.id), &one.failure)))
    }

    /// Success if everything that belongs there is there; otherwise the status of the first failure.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match self.first_failure() {
            None => ExitStatus::Done,
            Some((_, failure)) => ExitStatus::of_number(failure.exit_status).unwrap_or(ExitStatus::Failed),
        }
    }
}
