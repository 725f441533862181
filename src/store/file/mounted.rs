//! What is mounted at a folder, as the kernel lists it.

use std::{fs, path::Path};

/// What a folder's file system is, and what it was mounted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// `ext4`, `nfs4`, `fuse.rclone`.
    pub kind: String,
    /// A device, a share, or what a program names: `remote:bucket/path`.
    pub source: String,
}

impl Mounted {
    /// Looks up the file system of a folder. `None` where the kernel doesn't list mounts, as on macOS.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        Self::find(&fs::read_to_string("/proc/self/mountinfo").ok()?, &path)
    }

    /// Of several mounts that hold the path, the one with the longest path counts; of several at one path the last.
    fn find(list: &str, path: &Path) -> Option<Self> {
        let mounts = list.lines().filter_map(|line| {
            let (before, behind) = line.split_once(" - ")?;
            let at = unescaped(before.split(' ').nth(4)?);
            let mut behind = behind.split(' ');
            let (kind, source) = (behind.next()?.to_owned(), unescaped(behind.next()?));
            path.starts_with(&at).then_some((at.len(), Self { kind, source }))
        });
        mounts.max_by_key(|(length, _)| *length).map(|(_, mounted)| mounted)
    }

    /// Whether it shows this bucket of S3.
    #[must_use]
    pub fn is_of_bucket(&self, bucket: &str) -> bool {
        self.kind.starts_with("fuse") && self.source.split([':', '/', '@']).any(|part| part == bucket)
    }

    /// Whether a program mounts a bucket of S3 there, without naming which one.
    #[must_use]
    pub fn is_of_some_bucket(&self) -> bool {
        let programs = ["s3fs", "goofys", "geesefs", "mountpoint-s3"];
        let named = [self.kind.trim_start_matches("fuse."), self.source.as_str()];
        self.kind.starts_with("fuse") && named.iter().any(|name| programs.contains(name))
    }
}

/// Blanks, tabs, line breaks and backslashes stand there as `\040` and the like.
fn unescaped(text: &str) -> String {
    let signs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    signs
        .iter()
        .fold(text.to_owned(), |text, (code, sign)| text.replace(code, sign))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    const LIST: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        30 22 0:40 / /mnt/nas rw - nfs4 nas.local:/export/backups rw,vers=4.2\n\
        31 22 0:41 / /mnt/my\\040bucket rw,nosuid - fuse.rclone remote:backups/prod rw,user_id=0\n\
        32 22 0:42 / /mnt/s3 rw - fuse.s3fs s3fs rw\n\
        33 22 0:43 / /mnt/aws rw - fuse mountpoint-s3 rw\n";

    fn at(path: &str) -> Mounted {
        Mounted::find(LIST, Path::new(path)).unwrap()
    }

    #[test]
    fn the_nearest_mount_counts() {
        assert_eq!(at("/home/x").source, "/dev/sda1");
        assert_eq!(at("/mnt/nas/copies").kind, "nfs4");
        assert_eq!(at("/mnt/nas2").kind, "ext4");
        assert_eq!(at("/mnt/my bucket/x").source, "remote:backups/prod");
    }

    #[test]
    fn a_mount_of_the_bucket_is_known() {
        assert!(at("/mnt/my bucket").is_of_bucket("backups"));
        assert!(!at("/mnt/my bucket").is_of_bucket("back"));
        // a share of that name is none
        assert!(!at("/mnt/nas").is_of_bucket("backups"));
        assert!(at("/mnt/s3").is_of_some_bucket() && at("/mnt/aws").is_of_some_bucket());
        assert!(!at("/mnt/nas").is_of_some_bucket() && !at("/mnt/my bucket").is_of_some_bucket());
    }

    #[test]
    fn this_machine_lists_where_its_files_are() {
        let here = Mounted::at(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert_eq!(here.is_some(), cfg!(target_os = "linux"));
    }
}
