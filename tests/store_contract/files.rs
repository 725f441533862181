//! Files as they are on the disk, whoever wrote them.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every path below a folder with its kind, length and place on the disk.
pub(crate) fn snapshot(folder: &Path) -> Vec<(PathBuf, u64, u64, bool)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let about = fs::symlink_metadata(entry.path()).unwrap();
        let is_special = about.file_type().is_fifo() || about.file_type().is_socket();
        // the length of a folder tells nothing
        let bytes = if about.is_dir() { 0 } else { about.len() };
        all.push((entry.path(), bytes, about.ino(), is_special));
        if about.is_dir() {
            all.extend(snapshot(&entry.path()));
        }
    }
    all.sort();
    all
}
