//! The folder of a server: private, marked as the agent's own, and found again after a kill.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::user::ServerUser;
use super::{LocalServerFault, last_lines};
use crate::postgres::error::Error;
use crate::text::{Untrusted, os_words};

/// How the name of every such folder begins.
const PREFIX: &str = "pgcoffer-drill-";

/// The file that says whose the folder is. Whoever uses the folder holds a lock on it, which ends with the process.
const MARK: &str = "made-by-pgcoffer";
const MARK_TEXT: &str = "the folder of a server that pgcoffer made for a drill; a later drill removes it\n";

/// A folder that is younger may not have been locked yet.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// How long an abandoned server may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// The longest path of a Unix socket, with the zero behind it; macOS has the shortest
/// ([unix(4)](https://man.freebsd.org/cgi/man.cgi?query=unix&sektion=4)).
const SOCKET_PATH_MAX: usize = 104;
const SOCKET: &str = "/.s.PGSQL.5432";

/// What a server takes beside its data: its own files, and at most so much WAL.
const OWN_BYTES: u64 = 100 << 20;
const WAL_BYTES_MAX: u64 = 600 << 20;

#[derive(Debug)]
pub(super) struct ServerFolder {
    path: PathBuf,
    user: ServerUser,
    /// Removes the folder on drop, until something else does.
    owned: Option<TempDir>,
    /// Holds the lock.
    _mark: File,
}

impl ServerFolder {
    /// Makes a folder in the system's folder for temporary files, for `user`, if there is room for so many bytes.
    pub(super) fn make(user: ServerUser, needed_bytes: u64) -> Result<Self, Error> {
        let failed = |source| Error::io("make a folder for a server", source);
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| LocalServerFault::NoFolder {
                folder: tempfile::env::temp_dir(),
                message: os_words(&error).into(),
            })?;
        let path = folder.path().canonicalize().map_err(failed)?;
        let above = path.parent().unwrap_or(&path).to_owned();
        if path.as_os_str().len() + SOCKET.len() >= SOCKET_PATH_MAX {
            return Err(LocalServerFault::LongPath { folder: above }.into());
        }
        if let Some(folder) = user.other.and_then(|other| closed_to(other, &above)) {
            return Err(LocalServerFault::Closed { folder }.into());
        }
        check_room(&path, &above, needed_bytes)?;
        let mark = mark(&path).map_err(failed)?;
        if let Some((uid, gid)) = user.other {
            chown(&path, Some(uid), Some(gid)).map_err(failed)?;
        }
        Ok(Self {
            path,
            user,
            owned: Some(folder),
            _mark: mark,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same folder, which from now on its keeper removes.
    pub(super) fn kept(mut self) -> Self {
        if let Some(folder) = self.owned.take() {
            let _ = folder.keep();
        }
        self
    }

    /// Removes what the keeper has not removed.
    pub(super) fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }

    /// Adds to the settings that initdb made.
    pub(super) fn write_settings(&self, settings: &str) -> Result<(), Error> {
        let write = || {
            let file = self.path.join("data/postgresql.conf");
            let mut file = std::fs::OpenOptions::new().append(true).open(file)?;
            file.write_all(settings.as_bytes())
        };
        write().map_err(|source| Error::io("write the settings of a server", source))
    }

    /// Writes a file that only the server's user can read.
    pub(super) fn write_password(&self, password: &str) -> Result<PathBuf, Error> {
        let path = self.path.join("password");
        let write = || {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(password.as_bytes())?;
            match self.user.other {
                Some((uid, gid)) => chown(&path, Some(uid), Some(gid)),
                None => Ok(()),
            }
        };
        write().map_err(|source| Error::io("write the password of a server", source))?;
        Ok(path)
    }

    pub(super) fn forget_password(&self, file: &Path) {
        // the folder is removed anyway
        let _ = std::fs::remove_file(file);
    }

    /// The end of what the server has logged.
    pub(super) fn log(&self) -> Untrusted {
        let bytes = std::fs::read(self.path.join("log")).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&bytes))
    }
}

/// Checks that a server that holds so many bytes of rows has room in the system's folder for temporary files.
///
/// # Errors
/// [`LocalServerFault::NoRoom`], and what the system says of the folder.
pub fn check_local_room(needed_bytes: u64) -> Result<(), Error> {
    let folder = tempfile::env::temp_dir();
    check_room(&folder, &folder, needed_bytes)
}

/// Compares what is free with what is needed: rows, their indexes, and what the server takes for itself.
fn check_room(path: &Path, above: &Path, needed_bytes: u64) -> Result<(), Error> {
    let disk = rustix::fs::statvfs(path).map_err(|error| Error::io("ask for the free space", error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let with_indexes = needed_bytes.saturating_mul(2);
    let needed = with_indexes.saturating_add(OWN_BYTES + with_indexes.min(WAL_BYTES_MAX));
    if free < needed {
        return Err(LocalServerFault::NoRoom {
            folder: above.to_owned(),
            needed,
            free,
        }
        .into());
    }
    Ok(())
}

/// The first folder on the way to this one that the user of these numbers can't enter.
fn closed_to((uid, gid): (u32, u32), folder: &Path) -> Option<PathBuf> {
    let is_closed = |folder: &&Path| {
        folder.metadata().is_ok_and(|about| {
            let right = match (about.uid() == uid, about.gid() == gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            about.mode() & right == 0
        })
    };
    folder.ancestors().find(is_closed).map(Path::to_owned)
}

fn mark(folder: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join(MARK))?;
    file.write_all(MARK_TEXT.as_bytes())?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Removes the folders of drills that were killed, with the servers that still run in them. Only those with the name
/// and the mark of a drill of the same user, that are a minute old, and that no living process holds.
pub(super) async fn remove_abandoned() {
    let Ok(entries) = std::fs::read_dir(tempfile::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let path = entry.path();
        let Some(_mark) = is_named.then(|| abandoned(&path)).flatten() else {
            continue;
        };
        if stop_server(&path).await {
            tracing::info!("removing {}, which a killed drill has left", path.display());
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// The locked mark of a folder that nobody uses; `None` if it is in use, or not a drill's.
fn abandoned(folder: &Path) -> Option<File> {
    let is_folder = folder.symlink_metadata().ok()?.is_dir();
    let path = folder.join(MARK);
    let about = path.symlink_metadata().ok()?;
    let is_own = about.is_file() && about.uid() == rustix::process::geteuid().as_raw();
    let age = SystemTime::now().duration_since(about.modified().ok()?).ok()?;
    if !is_folder || !is_own || age < ABANDONED_AFTER {
        return None;
    }
    let file = File::open(&path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}

/// Stops the server that runs in the folder, if one does. False if it still runs.
async fn stop_server(folder: &Path) -> bool {
    let began = Instant::now();
    while let Some(server) = server_in(folder) {
        if began.elapsed() > STOP {
            return false;
        }
        // an error means that it has ended meanwhile
        let _ = kill_process(server, Signal::QUIT);
        sleep(Duration::from_millis(100)).await;
    }
    true
}

/// The server whose working folder is this one's data. A number alone says little: another process may have it now.
fn server_in(folder: &Path) -> Option<Pid> {
    let data = folder.join("data");
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (works_in == data.canonicalize().ok()?)
        .then(|| Pid::from_raw(pid))
        .flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn old(folder: &Path) {
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        let mark = File::options().write(true).open(folder.join(MARK)).unwrap();
        mark.set_modified(long_ago).unwrap();
    }

    #[test]
    fn a_folder_is_abandoned_once_it_is_old_and_nobody_holds_it() {
        let made = ServerFolder::make(ServerUser { other: None }, 0).unwrap();
        let path = made.path().to_owned();
        assert!(abandoned(&path).is_none(), "held and new");
        old(&path);
        assert!(abandoned(&path).is_none(), "held");
        let kept = made.kept();
        drop(kept);
        assert!(abandoned(&path).is_some(), "old and free");
        std::fs::remove_file(path.join(MARK)).unwrap();
        assert!(abandoned(&path).is_none(), "without a mark");
        std::os::unix::fs::symlink("/etc/passwd", path.join(MARK)).unwrap();
        assert!(abandoned(&path).is_none(), "the mark is a link");
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_folder_that_is_given_up_is_removed() {
        let made = ServerFolder::make(ServerUser { other: None }, 0).unwrap();
        let path = made.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(made);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_another_user_can_t_enter_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        let about = inside.metadata().unwrap();
        for (mode, other, expected) in [
            (0o755, (1234, 1234), None),
            (0o700, (1234, 1234), Some(folder.path())),
            (0o710, (1234, about.gid()), None),
            (0o700, (1234, about.gid()), Some(folder.path())),
            (0o700, (about.uid(), 1234), None),
        ] {
            std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            std::fs::set_permissions(&inside, Permissions::from_mode(0o755)).unwrap();
            assert_eq!(closed_to(other, &inside).as_deref(), expected, "{mode:o} {other:?}");
        }
    }

    #[test]
    fn a_disk_that_is_too_small_is_named() {
        let error = ServerFolder::make(ServerUser { other: None }, u64::MAX / 4).unwrap_err();
        assert!(error.to_string().contains("are free"), "{error}");
        assert!(error.hint().unwrap().contains("TMPDIR"));
    }
}
