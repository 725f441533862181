//! The rights in the bucket: modes, and the S3 actions that each needs.

mod action;
mod partition;
mod policy;
mod service;

use std::{fmt, str::FromStr};

use serde::Serialize;

pub use action::S3Action;
pub use partition::partition;
pub use policy::{BucketPolicy, LOCK_DAYS_DEFAULT, LockLimit, PolicyScope, policy};
pub use service::Service;

/// What a pair of credentials is used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessMode {
    /// Backup, prune and restore: everything except the bucket's own settings, thawing and legal holds.
    #[default]
    Full,
    /// Writes new backups, and can't read, list or delete.
    DropBox,
    /// Deletes expired backups, and writes none.
    Prune,
    /// Only reads.
    Restore,
    /// Reads backups, and writes what drills have shown of them.
    Drill,
}

impl AccessMode {
    /// All modes.
    pub const ALL: [Self; 5] = [Self::Full, Self::DropBox, Self::Prune, Self::Restore, Self::Drill];

    /// The mode's name in settings and options.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::DropBox => "drop-box",
            Self::Prune => "prune",
            Self::Restore => "restore",
            Self::Drill => "drill",
        }
    }
}

impl fmt::Display for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AccessMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|mode| mode.as_str() == text.to_ascii_lowercase())
            .ok_or_else(|| format!("{text:?} is not a mode: modes are full, drop-box, prune, restore and drill"))
    }
}
