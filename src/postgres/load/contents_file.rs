//! A file that holds an archive's header and table of contents, and none of its rows: `pg_restore --jobs` reads only
//! files, as each of its processes reads for itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::NamedTempFile;

use crate::postgres::error::Error;

/// What a child opens to read its standard input from the beginning, apart from its other processes.
#[cfg(target_os = "linux")]
const OWN_STDIN: &str = "/proc/self/fd/0";

/// A file for `pg_restore --jobs`. On Linux it is in memory and has no name; elsewhere, and where the system allows no
/// such file, it is a temporary file that only its owner can read, and that is removed when this is dropped.
#[derive(Debug)]
pub struct ContentsFile(Place);

#[derive(Debug)]
enum Place {
    #[cfg(target_os = "linux")]
    Memory(File),
    Disk(NamedTempFile),
}

impl ContentsFile {
    /// An empty file.
    ///
    /// # Errors
    /// [`Error::Io`] where neither memory nor disk takes a file.
    pub fn new() -> Result<Self, Error> {
        #[cfg(target_os = "linux")]
        if let Some(file) = in_memory() {
            return Ok(Self(Place::Memory(file)));
        }
        let file = NamedTempFile::with_prefix("pgcoffer-contents-");
        let file = file.map_err(|error| Error::io("make a file for the table of contents", error))?;
        Ok(Self(Place::Disk(file)))
    }

    /// The file, to be written from its beginning.
    ///
    /// # Errors
    /// [`Error::Io`] where this process may open no more files.
    pub fn writer(&self) -> Result<tokio::fs::File, Error> {
        let file = match &self.0 {
            #[cfg(target_os = "linux")]
            Place::Memory(file) => file.try_clone(),
            Place::Disk(file) => file.as_file().try_clone(),
        };
        let file = file.map_err(|error| Error::io("write the table of contents", error))?;
        Ok(tokio::fs::File::from_std(file))
    }

    /// Whether it is on a disk.
    pub fn is_on_disk(&self) -> bool {
        matches!(self.0, Place::Disk(_))
    }

    /// What a child has as its standard input, and the path by which it opens the file.
    pub(super) fn for_child(&self) -> io::Result<(Stdio, PathBuf)> {
        match &self.0 {
            #[cfg(target_os = "linux")]
            Place::Memory(file) => Ok((file.try_clone()?.into(), Path::new(OWN_STDIN).to_owned())),
            Place::Disk(file) => Ok((Stdio::null(), file.path().to_owned())),
        }
    }
}

#[cfg(target_os = "linux")]
fn in_memory() -> Option<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("pgcoffer-contents", MemfdFlags::CLOEXEC)
        .ok()
        .map(File::from)
}
