//! A file that a client program opens by its path. It may hold a passphrase, and this process may be killed at any
//! moment, so it should have no name that stays behind.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// A file for a client program. On Linux it is in memory and has no name: the program inherits it, and it ends with the
/// last process that has it open. Elsewhere, and where the system allows no such file, it is a temporary file that only
/// its owner can read, and that dropping this removes.
///
/// Every program that is started while this exists inherits it; all of them are PostgreSQL's.
#[derive(Debug)]
pub(super) struct ChildFile {
    file: File,
    path: FilePath,
}

#[derive(Debug)]
enum FilePath {
    #[cfg(target_os = "linux")]
    Inherited(PathBuf),
    Disk(tempfile::TempPath),
}

impl ChildFile {
    /// An empty file.
    ///
    /// # Errors
    /// Where neither memory nor disk takes a file.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = in_memory() {
            use std::os::fd::AsRawFd as _;
            // each process that opens this path gets its own position in the file
            let path = FilePath::Inherited(format!("/proc/self/fd/{}", file.as_raw_fd()).into());
            return Ok(Self { file, path });
        }
        let (file, path) = tempfile::NamedTempFile::with_prefix("pgcoffer-")?.into_parts();
        Ok(Self {
            file,
            path: FilePath::Disk(path),
        })
    }

    /// The file, to be written from its beginning.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The path by which a program that this process starts opens the file.
    pub(super) fn path(&self) -> &Path {
        match &self.path {
            #[cfg(target_os = "linux")]
            FilePath::Inherited(path) => path,
            FilePath::Disk(path) => path,
        }
    }

    /// Whether it is on a disk.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self.path, FilePath::Disk(_))
    }
}

/// A file in memory that programs inherit.
#[cfg(target_os = "linux")]
fn in_memory() -> Option<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("pgcoffer", MemfdFlags::empty()).ok().map(File::from)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{io::Write as _, process::Command};

    use super::*;

    #[test]
    fn a_program_reads_it_from_its_beginning_as_often_as_it_likes() {
        let file = ChildFile::new().unwrap();
        file.file().write_all(b"1;\n").unwrap();
        let read = Command::new("cat").args([file.path(), file.path()]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&read.stdout), "1;\n1;\n", "{read:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_has_no_name() {
        let file = ChildFile::new().unwrap();
        assert!(!file.is_on_disk());
        let links = std::os::unix::fs::MetadataExt::nlink(&file.file().metadata().unwrap());
        assert_eq!(links, 0);
    }
}
