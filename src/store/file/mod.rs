//! A folder as a place for backups: `file:///path/to/folder`, on a disk or on a mounted share.
//!
//! An object is a plain file below the folder, with rights for its owner only. It is written under a temporary name in
//! the same folder, synced, and renamed by a call that fails if the name is taken. Links, pipes, devices and files of
//! other programs are never followed, opened or changed. The folder itself is never created, since a share that isn't
//! mounted must not look like an empty one.

mod backend;
mod error;
mod facts;
mod identity;
mod mounted;
mod tree;
mod upload;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::AtFlags;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::task::TaskTracker;

use self::{
    error::{FileFault, FileResult},
    tree::Tree,
    write::TempFile,
};
pub use self::{facts::FolderFacts, mounted::Mounted};
use super::{Error, Kind, Options, s3::of_place};
use crate::retry::Backoff;

/// The time limit of a look, and of reading or writing a small file.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// The time limit of checking whether the folder exists.
const REACHABLE_WITHIN: Duration = Duration::from_secs(15);
/// The time limit of a list, and of reading one range.
const LIST_MAX: Duration = Duration::from_secs(900);
/// The time limit of writing or syncing one piece of an upload.
const PIECE_MAX: Duration = Duration::from_secs(300);
/// The number of attempts at an operation that fails with a passing error.
const ATTEMPTS: u32 = 4;
/// The longest wait at the end for operations that were given up.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// A folder. Cheap to clone.
#[derive(Clone)]
pub struct Folder(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// How the names of its settings begin, where it is a place beside the bucket.
    settings: Option<String>,
    /// How far the clock of the file system is ahead of this machine's. `None` until a written file has shown it.
    ahead: Mutex<Option<SignedDuration>>,
    /// All operations in the folder, so that [`settle`](super::Backend::settle) can wait for them.
    tasks: TaskTracker,
}

impl Folder {
    /// The folder at `path`. It is not looked at yet.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if an option requests something that a folder doesn't have: a missing guarantee must be
    /// reported.
    pub(super) fn new(path: PathBuf, options: &Options) -> Result<Self, Error> {
        let only_s3 = [
            ("PGCOFFER_LOCK", options.lock.is_some()),
            ("PGCOFFER_STORAGE_CLASS", options.storage_class.is_some()),
            ("PGCOFFER_SSE", options.encryption.is_some()),
            ("PGCOFFER_SSE_KMS_KEY_ID", options.kms_key.is_some()),
            ("PGCOFFER_ACL", options.acl.is_some()),
            ("PGCOFFER_MODE=drop-box", options.write_only),
        ];
        let set: Vec<&str> = only_s3
            .iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(name, _)| *name)
            .collect();
        if !set.is_empty() {
            let doing = format!("use file://{} as a bucket", path.display());
            let why = format!("a folder has nothing of what {} asks for", set.join(" and "));
            let cure = format!("unset {}, or use a bucket on S3", set.join(" and "));
            return Err(Error::new(Kind::Configuration, doing, why).with_cure(cure));
        }
        Ok(Self(Arc::new(Inner {
            path,
            settings: options.settings.clone(),
            ahead: Mutex::default(),
            tasks: TaskTracker::new(),
        })))
    }

    /// The path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Up to a thousand of the folders directly below `path`, which may be outside this folder: for a hint, since it
    /// isn't the whole list. What can't be read is left out. No link is followed.
    pub(super) async fn some_folders_at(&self, path: &Path) -> Vec<String> {
        const ENTRIES_MAX: usize = 1000;
        let path = path.to_owned();
        let look = self.0.tasks.spawn_blocking(move || {
            let entries = std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .take(ENTRIES_MAX)
                .flatten();
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            folders
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect()
        });
        look.await.unwrap_or_default()
    }

    fn url(&self, key: &str) -> String {
        format!("file://{}/{key}", self.0.path.display())
    }

    fn doing(&self, what: &str, key: &str) -> String {
        format!("{what} {}", self.url(key))
    }

    /// Runs an operation once, on its own thread. After `within` it is no longer waited for. A system call can't be
    /// cancelled, and may still be carried out.
    async fn once<T: Send + 'static>(
        &self,
        doing: String,
        within: Duration,
        work: impl FnOnce(&Tree) -> FileResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        let path = self.0.path.clone();
        let (result, done) = oneshot::channel();
        self.0.tasks.spawn_blocking(move || {
            let done = Tree::open(&path, Instant::now() + within).and_then(|tree| work(&tree));
            // a result that nobody waits for is dropped inside the task, which `settle` waits for
            drop(result.send(done));
        });
        let done = match timeout(within, done).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(FileFault::new(
                Kind::Other,
                "this is a bug in pgcoffer: it panicked",
                None,
            )),
            Err(_) => Err(FileFault::silent(within.as_secs())),
        };
        done.map_err(|fault| self.failed(fault, doing))
    }

    /// The error of a fault, whose cure names the settings of this very place.
    fn failed(&self, fault: FileFault, doing: String) -> Error {
        let error = fault.on(doing);
        match &self.0.settings {
            Some(settings) => Error {
                cure: error.cure.map(|cure| of_place(&cure, settings)),
                ..error
            },
            None => error,
        }
    }

    /// Runs an operation that may be repeated, until it succeeds or fails with an error that doesn't pass.
    async fn ask<T: Send + 'static>(
        &self,
        doing: String,
        within: Duration,
        work: impl Fn(&Tree) -> FileResult<T> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            match self.once(doing.clone(), within, work.clone()).await {
                Err(error) if error.kind.is_passing() && attempt < ATTEMPTS => {
                    tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn hear(&self, theirs: Timestamp) {
        let ahead = theirs.duration_since(Timestamp::now());
        *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
    }

    /// Writes a complete file, and gives it its name only if that is free.
    async fn write_new(&self, what: &str, key: &str, body: Bytes) -> Result<(), Error> {
        let (folder, name) = (self.clone(), key.to_owned());
        let work = move |tree: &Tree| {
            let spot = tree.make_spot(&name)?;
            // don't write what will be refused
            if rustix::fs::statat(&spot.folder, spot.name.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Err(FileFault::exists());
            }
            let temp = TempFile::of(spot, &body)?;
            folder.hear(temp.settle(None)?);
            temp.publish_new()
        };
        self.once(self.doing(what, key), ANSWER_MAX, work).await
    }
}
