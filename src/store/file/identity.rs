//! The identity of a file: an entity tag that no other object has, and that a mount, a read or a restart doesn't
//! change.

use jiff::Timestamp;
use rustix::fs::{FileType, Stat};

use crate::store::{Object, Thaw};

/// The metadata of a file that is an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    bytes: u64,
    /// Microseconds since 1970. No share stores times more exactly, and some store them less exactly.
    modified: i64,
    /// Its inode number; 0 if the file system assigns numbers anew at each mount.
    inode: u64,
}

impl Identity {
    /// The identity of a plain file; `None` of anything else. `numbered`: whether inode numbers stay the same.
    pub(super) fn of(stat: &Stat, numbered: bool) -> Option<Self> {
        if !is_plain(stat) {
            return None;
        }
        Some(Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: micros(stat),
            inode: if numbered { stat.st_ino } else { 0 },
        })
    }

    /// Length, time of the last write, and inode number. Unlike in S3, a user who may write in the folder can set a
    /// time back; only the MACs prove what a file contains.
    pub(super) fn etag(&self) -> String {
        format!("\"{:x}-{:x}-{:x}\"", self.bytes, self.modified, self.inode)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn micros(&self) -> i64 {
        self.modified
    }

    pub(super) fn is(&self, etag: &str) -> bool {
        etag.trim_matches('"') == self.etag().trim_matches('"')
    }

    pub(super) fn object(&self, key: String) -> Object {
        Object {
            key,
            bytes: self.bytes,
            etag: Some(self.etag()),
            modified: Timestamp::from_microsecond(self.modified).ok(),
            storage_class: None,
            archive_tier: None,
            thaw: Thaw::Warm,
        }
    }
}

/// Whether it is a plain file, not a link, pipe, device or folder.
pub(super) fn is_plain(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

pub(super) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// When it was last written, in microseconds since 1970.
pub(super) fn micros(stat: &Stat) -> i64 {
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime.saturating_mul(1_000_000).saturating_add(nanos / 1000)
}
