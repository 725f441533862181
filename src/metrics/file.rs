//! The file that node_exporter's textfile collector reads.

use std::{
    fs::Permissions,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use super::Snapshot;

/// Who runs node_exporter is seldom who runs backups.
const MODE: u32 = 0o644;

/// Writes what there is to tell into `path`, all of it or nothing: a reader finds the file as it was, or as it is.
///
/// # Errors
/// What the file system refuses; the file is then as it was.
pub fn write_textfile(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // the collector reads whatever ends in .prom: not this one, while it is half written
    let mut file = tempfile::Builder::new()
        .prefix(".pgcoffer-")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    file.write_all(snapshot.textfile().as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.persist(path)?;
    Ok(())
}
