//! What is in the bucket, and runs that should have been made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What can be wrong with a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backup {
    /// It was changed or cut short, or is another one.
    BackupDamaged,
    /// No key here opens it.
    BackupKey,
    /// Its record can't be read.
    BackupRecord,
    /// There is no such backup.
    BackupMissing,
    /// Its run failed.
    BackupFailed,
    /// Its archive is gone or has another length.
    BackupArchiveGone,
    /// Heroku refuses to start the dyno for it
    BackupDynoRefused,
    /// Heroku's API is away, or failed
    BackupDynoApi,
    /// Its dyno ended and left no record.
    BackupDynoEnded,
    /// The same, by a crash.
    BackupDynoCrashed,
    /// Its dyno still runs after its time.
    BackupDynoOverdue,
    /// Its dyno doesn't start.
    BackupDynoStuck,
    /// Another run has made it.
    BackupNotDue,
    /// A person should look at something, which the command's result names.
    BackupProblems,
}

impl Backup {
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::BackupDamaged => "do not rely on this backup: verify the others, and keep this one for examination",
            Self::BackupKey => {
                "set what it was made with: PGCOFFER_KEY or PGCOFFER_PASSPHRASE, or PGCOFFER_OLD_KEYS for earlier keys"
            }
            Self::BackupRecord => {
                "do not rely on this backup: verify the others; one of a later version needs a newer pgcoffer"
            }
            Self::BackupMissing => "`pgcoffer list` shows what there is",
            Self::BackupFailed => "`pgcoffer list` shows the good ones",
            Self::BackupArchiveGone => {
                "find out who deletes in this bucket: a lifecycle rule, a person, or somebody who should not; \
                 noncurrent versions may still have it"
            }
            Self::BackupDynoRefused => {
                "check PGCOFFER_HEROKU_API_KEY, PGCOFFER_HEROKU_APP and PGCOFFER_HEROKU_DYNO_SIZE, and the account's \
                 billing page; the log of `pgcoffer serve` has Heroku's answer"
            }
            Self::BackupDynoApi | Self::BackupDynoStuck => "status.heroku.com tells how Heroku is",
            Self::BackupDynoEnded | Self::BackupDynoCrashed => "`heroku logs` of the app shows what the dyno said",
            Self::BackupDynoOverdue => {
                "stop it with `heroku ps:stop`; where backups take that long, raise PGCOFFER_HEROKU_TIME_TO_LIVE"
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
            Self::BackupKey => "no key or passphrase here opens what is in the bucket",
            Self::BackupRecord => "a record in the bucket can't be read",
            Self::BackupMissing => "there is no such backup",
            Self::BackupFailed => "it is no backup: its run failed",
            Self::BackupArchiveGone => {
                "the archive of a backup is gone or has another length, and its retention has not run out"
            }
            Self::BackupDynoRefused => "Heroku refuses to start the dyno for the backup",
            Self::BackupDynoApi => "Heroku's API could not be reached, or failed",
            Self::BackupDynoEnded => "the dyno for the backup has ended and left no record",
            Self::BackupDynoCrashed => "the dyno for the backup has crashed and left no record",
            Self::BackupDynoOverdue => "the dyno for the backup lives on though its time is over",
            Self::BackupDynoStuck => "the dyno for the backup doesn't come up",
            Self::BackupNotDue => "another run has just made it",
            Self::BackupProblems => "something needs a person's look",
        })
    }
}
