//! What a server's SFTP can do beyond version 3.

use bytes::{Buf as _, Bytes};

use super::wire::Version;

pub(super) const FSYNC: &str = "fsync@openssh.com";
pub(super) const POSIX_RENAME: &str = "posix-rename@openssh.com";
pub(super) const HARDLINK: &str = "hardlink@openssh.com";
pub(super) const STATVFS: &str = "statvfs@openssh.com";
pub(super) const LIMITS: &str = "limits@openssh.com";

/// What every server takes in one read or write, section 3 of the draft.
const PIECE_BYTES: u64 = 32 << 10;
/// The largest piece that is asked for or sent, whatever the server would take: it fits one of its messages.
const PIECE_BYTES_MAX: u64 = 255 << 10;

/// What a server's SFTP can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Features {
    /// How the server names itself in SSH.
    pub(super) software: String,
    pub(super) has_fsync: bool,
    pub(super) has_posix_rename: bool,
    pub(super) has_hardlink: bool,
    pub(super) has_statvfs: bool,
    pub(super) has_limits: bool,
    /// The most bytes of one read, and of one write.
    pub(super) read_bytes: u32,
    pub(super) write_bytes: u32,
}

impl Features {
    pub(super) fn new(software: String, version: &Version) -> Self {
        let has = |name: &str| version.extensions.iter().any(|(found, _)| found == name);
        Self {
            software,
            has_fsync: has(FSYNC),
            has_posix_rename: has(POSIX_RENAME),
            has_hardlink: has(HARDLINK),
            has_statvfs: has(STATVFS),
            has_limits: has(LIMITS),
            read_bytes: bounded(PIECE_BYTES),
            write_bytes: bounded(PIECE_BYTES),
        }
    }

    /// Takes over the limits that the server names. What isn't said of them stays as it was.
    pub(super) fn take_limits(&mut self, mut answer: Bytes) {
        let _packet = answer.try_get_u64();
        for bytes in [&mut self.read_bytes, &mut self.write_bytes] {
            match answer.try_get_u64() {
                Ok(0) | Err(_) => {}
                Ok(limit) => *bytes = bounded(limit),
            }
        }
    }

    /// Whether the server is known to give a file a new name only if that is free, and to list links as links.
    /// OpenSSH's `rename` makes a second name and removes the first, which fails if the second is taken:
    /// <https://github.com/openssh/openssh-portable/blob/master/sftp-server.c>, `process_rename`.
    pub(super) fn is_openssh(&self) -> bool {
        self.software.contains("OpenSSH")
    }
}

fn bounded(bytes: u64) -> u32 {
    u32::try_from(bytes.min(PIECE_BYTES_MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_taken_as_far_as_they_go() {
        let version = Version {
            number: 3,
            extensions: vec![(FSYNC.to_owned(), "1".into())],
        };
        let features = Features::new("SSH-2.0-OpenSSH_9.2".to_owned(), &version);
        assert!(features.has_fsync && features.is_openssh() && !features.has_limits);
        let limits = |numbers: &[u64]| {
            let mut features = features.clone();
            features.take_limits(numbers.iter().flat_map(|n| n.to_be_bytes()).collect());
            (features.read_bytes, features.write_bytes)
        };
        assert_eq!(limits(&[]), (32 << 10, 32 << 10));
        assert_eq!(limits(&[256 << 10, 261_120, 0, 100]), (261_120, 32 << 10));
        assert_eq!(limits(&[256 << 10, u64::MAX, 1000, 100]), (255 << 10, 1000));
    }
}
