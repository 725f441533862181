//! The identity of a file: an entity tag that changes whenever the file does. SFTP tells the time of the last write in
//! whole seconds, and no number of a file, so that dates have to differ where nothing else does.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    fault::{SftpFault, SftpResult},
    wire::{FileAttributes, FileKind},
};
use crate::store::{Object, Thaw};

/// The metadata of a file that is an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) bytes: u64,
    /// When it was last written, in seconds since 1970.
    pub(super) modified: u32,
}

impl Identity {
    /// The identity of a plain file; `None` of anything else.
    pub(super) fn of(attributes: &FileAttributes) -> SftpResult<Option<Self>> {
        match (attributes.kind(), attributes.bytes, attributes.modified) {
            (FileKind::Folder | FileKind::Other, ..) => Ok(None),
            (FileKind::Plain, Some(bytes), Some(modified)) => Ok(Some(Self { bytes, modified })),
            _ => Err(SftpFault::lacks(
                "say what is a file, how long it is and when it was written",
            )),
        }
    }

    /// Length and time of the last write. Unlike in S3, a user who may write in the folder can set a time back; only
    /// the MACs prove what a file contains.
    pub(super) fn etag(self) -> String {
        format!("\"{:x}-{:x}\"", self.bytes, self.modified)
    }

    pub(super) fn is(self, etag: &str) -> bool {
        etag.trim_matches('"') == self.etag().trim_matches('"')
    }

    pub(super) fn time(self) -> Option<Timestamp> {
        Timestamp::from_second(i64::from(self.modified)).ok()
    }

    pub(super) fn object(self, key: String) -> Object {
        Object {
            key,
            bytes: self.bytes,
            etag: Some(self.etag()),
            modified: self.time(),
            storage_class: None,
            archive_tier: None,
            thaw: Thaw::Warm,
        }
    }
}

/// Dates of objects that this process deleted or replaced a short time ago. A new object of the same length, written in
/// the same second, would have the entity tag of the old one.
#[derive(Default)]
pub(super) struct Recent {
    dates: HashMap<String, (u32, Instant)>,
}

impl Recent {
    /// The most dates that are kept.
    const ENTRIES_MAX: usize = 10_000;
    /// For so long a date may matter: replaced often, a file is dated some seconds ahead.
    const KEPT: Duration = Duration::from_secs(300);

    pub(super) fn note(&mut self, key: &str, modified: u32) {
        if self.dates.len() >= Self::ENTRIES_MAX {
            self.dates.retain(|_, (_, noted)| noted.elapsed() < Self::KEPT);
        }
        if self.dates.len() < Self::ENTRIES_MAX {
            self.dates.insert(key.to_owned(), (modified, Instant::now()));
        }
    }

    /// The date that the next object of this name has to differ from.
    pub(super) fn date(&self, key: &str) -> Option<u32> {
        self.dates.get(key).map(|(modified, _)| *modified)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_file_has_an_identity() {
        let attributes = |mode| FileAttributes {
            bytes: Some(16),
            mode: Some(mode),
            modified: Some(255),
        };
        let identity = Identity::of(&attributes(0o100_600)).unwrap().unwrap();
        assert_eq!(identity.etag(), "\"10-ff\"");
        assert!(identity.is("10-ff") && identity.is("\"10-ff\"") && !identity.is("10-fe"));
        for mode in [0o040_700, 0o120_777, 0o010_600, 0o140_600, 0o020_600] {
            assert_eq!(Identity::of(&attributes(mode)), Ok(None));
        }
        let untold = FileAttributes {
            modified: None,
            ..attributes(0o100_600)
        };
        assert!(Identity::of(&untold).is_err() && Identity::of(&attributes(0o600)).is_err());
    }
}
