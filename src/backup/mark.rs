use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupId, Label, Notice, Retention};
use crate::text::Untrusted;

/// The version of the mark's shape that this program writes.
pub const MARK_VERSION: u32 = 1;

/// Notices that a mark keeps: the newest ones.
pub const NOTICES_MAX: usize = 8;

/// What people decided about a backup after it was made, and what they were notified of: sealed in the bucket beside
/// its record, which never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Shape of this document, [`MARK_VERSION`].
    pub version: u32,
    /// The backup's id.
    pub id: BackupId,
    /// Label of its database.
    pub database: Label,
    /// It is kept whatever its retention says.
    #[serde(default)]
    pub hold: Option<Hold>,
    /// Who took the last hold away.
    #[serde(default)]
    pub released: Option<Release>,
    /// How long it is kept in the place of what its record says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained: Option<Retained>,
    /// What looked wrong with it was found to be right.
    #[serde(default)]
    pub accepted: Option<Acceptance>,
    /// What the last reading of its archive came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// The deletions of it that are about to begin. Each counts for some minutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletions: Vec<AnnouncedDeletion>,
    /// The notices about it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// Why a backup is kept whatever its retention says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hold {
    /// Why.
    pub reason: Untrusted,
    /// Who wanted it.
    pub who: Untrusted,
    /// Since when.
    pub since: Timestamp,
}

/// Who took a hold away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Who did.
    pub who: Untrusted,
    /// When.
    pub at: Timestamp,
}

/// How long a backup is kept in the place of what its record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retained {
    /// How long, from its beginning on; never a count.
    pub retention: Retention,
    /// Who wanted it.
    pub who: Untrusted,
    /// Since when.
    pub at: Timestamp,
}

/// A deletion by hand that is about to begin, announced so that others at the same moment count the backup as gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedDeletion {
    /// When, by the service's clock.
    pub at: Timestamp,
    /// Whose it is: a random number of the process that deletes.
    pub by: Untrusted,
}

/// Who took a suspicious backup for a good one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Acceptance {
    /// Who did.
    pub who: Untrusted,
    /// When.
    pub at: Timestamp,
}

/// What a reading of a whole archive came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Entity tag of the object that was read: of another one this says nothing.
    pub etag: Untrusted,
    /// When.
    pub at: Timestamp,
    /// Every byte was as it was sealed, and what was dumped.
    pub good: bool,
}

impl Mark {
    /// A mark that says nothing yet.
    #[must_use]
    pub fn new(database: &Label, id: &BackupId) -> Self {
        Self {
            version: MARK_VERSION,
            id: id.clone(),
            database: database.clone(),
            hold: None,
            released: None,
            retained: None,
            accepted: None,
            checked: None,
            deletions: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Adds a notice; the oldest gives way where there are too many.
    pub fn add_notice(&mut self, notice: Notice) {
        self.notices.push(notice);
        let excess = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..excess);
    }

    /// Writes the mark as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a mark has string keys and no fallible field")
    }
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "by {}: {}", self.who, self.reason)
    }
}
