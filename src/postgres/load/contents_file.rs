//! A file that holds an archive's header and table of contents, and none of its rows: `pg_restore --jobs` reads only
//! files, as each of its processes reads for itself.

use std::path::Path;

use crate::postgres::{child_file::ChildFile, error::Error};

/// A file for `pg_restore --jobs`, in memory where the system allows it.
#[derive(Debug)]
pub struct ContentsFile(ChildFile);

impl ContentsFile {
    /// An empty file.
    ///
    /// # Errors
    /// [`Error::Io`] where neither memory nor disk takes a file.
    pub fn new() -> Result<Self, Error> {
        let file = ChildFile::new();
        Ok(Self(file.map_err(|error| {
            Error::io("make a file for the table of contents", error)
        })?))
    }

    /// The file, to be written from its beginning.
    ///
    /// # Errors
    /// [`Error::Io`] where this process may open no more files.
    pub fn writer(&self) -> Result<tokio::fs::File, Error> {
        let file = self.0.file().try_clone();
        let file = file.map_err(|error| Error::io("write the table of contents", error))?;
        Ok(tokio::fs::File::from_std(file))
    }

    /// Whether it is on a disk.
    pub fn is_on_disk(&self) -> bool {
        self.0.is_on_disk()
    }

    /// The path by which a program that this process starts opens the file.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}
