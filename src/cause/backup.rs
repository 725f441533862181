//! What stands in the bucket, and runs that were to be made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What can be wrong with a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backup {
    /// it was changed, cut short or is another one
    BackupDamaged,
    /// no key here opens it
    BackupKey,
    /// its record can't be read
    BackupRecord,
    /// there is none such
    BackupMissing,
    /// its run failed
    BackupFailed,
    /// its archive is gone or has another length
    BackupArchiveGone,
    /// a run that was to be made elsewhere left nothing
    BackupNotTaken,
    /// another run has done it
    BackupNotDue,
    /// somebody should look; the command's result says at what
    BackupProblems,
}

impl Backup {
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::BackupDamaged => {
                "do not rely on this backup: verify the others, and keep this one for examination"
            }
            Self::BackupKey => {
                "set the key that it was made with: PGCOFFER_KEY, or PGCOFFER_OLD_KEYS for earlier ones"
            }
            Self::BackupRecord => {
                "do not rely on this backup: verify the others; one of a later version needs a newer pgcoffer"
            }
            Self::BackupMissing => "`pgcoffer list` shows what there is",
            Self::BackupFailed => "`pgcoffer list` shows the good ones",
            Self::BackupArchiveGone => {
                "find out who deletes in this bucket: a lifecycle rule, a person, or somebody who should not; noncurrent versions may still have it"
            }
            Self::BackupNotTaken => {
                "look at what was to run it: `heroku ps` and `heroku logs` of the app, or the log of `pgcoffer serve`"
            }
            Self::BackupNotDue => return None,
            Self::BackupProblems => "`pgcoffer status` shows what is wrong, with what cures it",
        })
    }
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BackupDamaged => "what is in the bucket is not as it was sealed",
            Self::BackupKey => "no key here opens what is in the bucket",
            Self::BackupRecord => "a record in the bucket can't be read",
            Self::BackupMissing => "there is no such backup",
            Self::BackupFailed => "it is no backup: its run failed",
            Self::BackupArchiveGone => {
                "the archive of a backup is gone or has another length, and its retention has not run out"
            }
            Self::BackupNotTaken => {
                "the run that was to make the backup elsewhere did not begin, or left no record"
            }
            Self::BackupNotDue => "another run has just made it",
            Self::BackupProblems => "something needs a person's look",
        })
    }
}
