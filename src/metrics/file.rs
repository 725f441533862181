//! The file that node_exporter's textfile collector reads.

use std::{
    fs::Permissions,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use super::Snapshot;

/// The mode of the file: node_exporter seldom runs as the user that makes backups.
const MODE: u32 = 0o644;

/// Writes the metrics to `path` atomically: a reader finds the old or the new file.
///
/// # Errors
/// Any error of the file system. The file is not changed then.
pub fn write_textfile(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // the collector reads every file that ends in .prom, so the temporary name must not
    let mut file = tempfile::Builder::new()
        .prefix(".pgcoffer-")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    file.write_all(snapshot.textfile().as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.persist(path)?;
    Ok(())
}
