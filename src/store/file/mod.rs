//! A folder as a place for backups: `file:///path/to/folder`, on a disk or on a mounted share.
//!
//! An object is a plain file below the folder, for its owner alone. It is written under a temporary name beside its
//! own, synced, and gets its name by a rename that refuses a name that is taken. Links, pipes, devices and other
//! people's files are never followed, waited for or touched. The folder itself is never made: a share that isn't
//! mounted must not be mistaken for an empty one.

mod error;
mod facts;
mod identity;
mod name;
mod tree;
mod upload;
mod write;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, unlinkat};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::task::TaskTracker;

pub use self::facts::FolderFacts;
use self::{
    error::{Done, FileFault},
    tree::{STEADY, Tree, read_whole, sync_folder},
    upload::FileUpload,
    write::{TempFile, lock},
};
use super::{
    Attributes, Backend, Capabilities, Claim, Error, Kind, LOOKS, Object, Options, PartPlan, PartSink, TagsKept,
    Unfinished, pause,
};

/// How long one look, or one small file, may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// The same for whoever only wants to know whether the folder is there.
const REACHABLE_WITHIN: Duration = Duration::from_secs(15);
/// The same of a list, and of what is read in one piece.
const LIST_MAX: Duration = Duration::from_secs(900);
/// The same of a piece of an upload, and of its syncing.
const PIECE_MAX: Duration = Duration::from_secs(300);
/// How often what passes by itself is tried.
const ATTEMPTS: u32 = 4;
/// The most that is waited for at the end for what was given up.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// A folder. Cheap to clone.
#[derive(Clone)]
pub struct Folder(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// How far the place's clock is ahead of this machine's, once a file that was written has told it.
    ahead: Mutex<Option<SignedDuration>>,
    /// Whatever is done in the folder: none of it may outlive a run unfinished.
    tasks: TaskTracker,
}

impl Folder {
    /// The folder at `path`, which is not looked at yet.
    ///
    /// # Errors
    /// [`Kind::Configuration`] where an option asks for what a folder doesn't have: what it promises must not be missed
    /// in silence.
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
            ahead: Mutex::default(),
            tasks: TaskTracker::new(),
        })))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn url(&self, key: &str) -> String {
        format!("file://{}/{key}", self.0.path.display())
    }

    fn doing(&self, what: &str, key: &str) -> String {
        format!("{what} {}", self.url(key))
    }

    /// Does something in the folder once, on a thread of its own. Where that takes too long it is no longer waited for:
    /// a system call can't be cancelled, and may still be carried out.
    async fn once<T: Send + 'static>(
        &self,
        doing: String,
        within: Duration,
        work: impl FnOnce(&Tree) -> Done<T> + Send + 'static,
    ) -> Result<T, Error> {
        let path = self.0.path.clone();
        let (result, done) = oneshot::channel();
        self.0.tasks.spawn_blocking(move || {
            let done = Tree::open(&path, Instant::now() + within).and_then(|tree| work(&tree));
            // what is no longer waited for is given up within the task, which `settle` waits for
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
        done.map_err(|fault| fault.on(doing))
    }

    /// Does something that may be done twice, until it is done or its failure is none that passes.
    async fn ask<T: Send + 'static>(
        &self,
        doing: String,
        within: Duration,
        work: impl Fn(&Tree) -> Done<T> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            match self.once(doing.clone(), within, work.clone()).await {
                Err(error) if error.kind.is_passing() && attempt < ATTEMPTS => {
                    tokio::time::sleep(pause(attempt)).await;
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

    /// Writes a file whole, under its own name only if that is free.
    async fn write_new(&self, what: &str, key: &str, body: Bytes) -> Result<(), Error> {
        let (folder, name) = (self.clone(), key.to_owned());
        let work = move |tree: &Tree| {
            let spot = tree.make_spot(&name)?;
            // what will be refused isn't written first
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

#[async_trait]
impl Backend for Folder {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditions: true,
            tags: false,
            locks: false,
            lifecycle_rules: false,
            cold_classes: false,
            checksums: false,
            parts_max: None,
            write_only: false,
        }
    }

    async fn check_reachable(&self) -> Result<(), Error> {
        let work = Tree::look_into;
        self.once(self.doing("look into", ""), REACHABLE_WITHIN, work).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, Error> {
        let name = folder.to_owned();
        self.ask(self.doing("list", folder), LIST_MAX, move |tree| tree.list(&name))
            .await
    }

    async fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let name = folder.to_owned();
        self.ask(self.doing("list", folder), LIST_MAX, move |tree| tree.folders(&name))
            .await
    }

    async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        let name = key.to_owned();
        let work = move |tree: &Tree| {
            let Some(spot) = tree.spot(&name)? else {
                return Ok(None);
            };
            let found = tree.look(&spot)?;
            Ok(found.map(|identity| identity.object(name.clone())))
        };
        self.ask(self.doing("look at", key), ANSWER_MAX, work).await
    }

    async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        let name = key.to_owned();
        let work = move |tree: &Tree| tree.read(&name, bytes_max);
        self.ask(self.doing("read", key), LIST_MAX, work).await.map(Bytes::from)
    }

    async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes, Error> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let (name, etag) = (key.to_owned(), etag.map(str::to_owned));
        let work = move |tree: &Tree| {
            let (file, identity) = tree.open_object(&name)?;
            let is_other = |identity: &identity::Identity| etag.as_deref().is_some_and(|etag| !identity.is(etag));
            if is_other(&identity) {
                return Err(FileFault::changed(Kind::Changed));
            }
            // no memory is taken for what isn't there
            if range.end > identity.bytes() {
                let (start, bytes) = (range.start, range.end - range.start);
                let why = format!("asked for {bytes} bytes from {start}, and it has {}", identity.bytes());
                return Err(FileFault::new(Kind::Other, why, None));
            }
            let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
            read_whole(&file, &mut bytes, range.start)?;
            match tree.identity(&file)? {
                Some(after) if !is_other(&after) => Ok(bytes),
                _ => Err(FileFault::changed(Kind::Changed)),
            }
        };
        self.ask(self.doing("read", key), LIST_MAX, work).await.map(Bytes::from)
    }

    async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error> {
        self.write_new("write", key, body).await?;
        Ok(kept(attributes))
    }

    async fn replace(&self, key: &str, body: Bytes, _: &Attributes, etag: &str) -> Result<(), Error> {
        let (folder, name, etag) = (self.clone(), key.to_owned(), etag.to_owned());
        let work = move |tree: &Tree| {
            let gone = || FileFault::changed(Kind::Exists);
            let temp = TempFile::of(tree.spot(&name)?.ok_or_else(gone)?, &body)?;
            let _held = lock(tree)?;
            let there = tree
                .look(&temp.spot)?
                .filter(|there| there.is(&etag))
                .ok_or_else(gone)?;
            folder.hear(temp.settle(Some(&there))?);
            temp.publish_over()
        };
        self.once(self.doing("write", key), ANSWER_MAX, work).await
    }

    async fn claim(&self, key: &str, body: Bytes) -> Result<Claim, Error> {
        match self.write_new("take the name", key, body).await {
            Ok(()) => Ok(Claim::Taken),
            Err(error) if error.kind == Kind::Exists => Ok(Claim::Held),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, key: &str, etag: Option<&str>) -> Result<(), Error> {
        let (name, etag) = (key.to_owned(), etag.map(str::to_owned));
        let work = move |tree: &Tree| {
            let Some(spot) = tree.spot(&name)? else {
                return Ok(());
            };
            let _held = lock(tree)?;
            match tree.look(&spot)? {
                Some(there) if etag.as_deref().is_some_and(|etag| !there.is(etag)) => {
                    return Err(FileFault::changed(Kind::Changed));
                }
                Some(_) => unlinkat(&spot.folder, spot.name.as_str(), AtFlags::empty())?,
                // nothing, or nothing of ours
                None => return Ok(()),
            }
            sync_folder(&spot.folder)
        };
        self.ask(self.doing("delete", key), ANSWER_MAX, work).await
    }

    async fn start_upload(&self, key: &str, _: PartPlan, attributes: &Attributes) -> Result<Box<dyn PartSink>, Error> {
        let name = key.to_owned();
        let work = move |tree: &Tree| TempFile::begin(tree.make_spot(&name)?);
        let doing = self.doing("begin the upload of", key);
        let temp = self.once(doing, ANSWER_MAX, work).await?;
        Ok(Box::new(FileUpload::new(self, key, temp, kept(attributes))))
    }

    async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error> {
        let name = folder.to_owned();
        let doing = self.doing("list the uploads under", folder);
        self.ask(doing, LIST_MAX, move |tree| tree.unfinished(&name))
            .await
            .map(Some)
    }

    async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error> {
        let upload = upload.clone();
        let doing = self.doing("look at the upload of", &upload.key);
        let work = move |tree: &Tree| {
            let spot = left_behind(tree, &upload)?.ok_or_else(FileFault::not_found)?;
            let there = tree.look(&spot)?.ok_or_else(FileFault::not_found)?;
            Ok(Timestamp::from_microsecond(there.micros()).ok())
        };
        self.ask(doing, ANSWER_MAX, work).await
    }

    async fn abort(&self, upload: &Unfinished) -> Result<(), Error> {
        let upload = upload.clone();
        let doing = self.doing("abort the upload of", &upload.key);
        let work = move |tree: &Tree| {
            let Some(spot) = left_behind(tree, &upload)? else {
                return Ok(());
            };
            if tree.look(&spot)?.is_some() {
                unlinkat(&spot.folder, spot.name.as_str(), AtFlags::empty())?;
            }
            Ok(())
        };
        match self.ask(doing, ANSWER_MAX, work).await {
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            result => result,
        }
    }

    /// By this machine's clock until a file that was written has told that of the share's server.
    fn service_time(&self) -> Option<Timestamp> {
        let ahead = *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        Timestamp::now().checked_add(ahead.unwrap_or_default()).ok()
    }

    /// Writes a file without a name and removes it, where none was written yet.
    async fn ask_time(&self) -> Option<Timestamp> {
        let is_known = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_known {
            let folder = self.clone();
            let work = move |tree: &Tree| {
                let temp = TempFile::of(tree.make_spot("clock")?, b"what time is it?\n")?;
                folder.hear(temp.settle(None)?);
                Ok(())
            };
            if let Err(error) = self.once(self.doing("ask for the time of", ""), ANSWER_MAX, work).await {
                tracing::debug!("the folder's own clock is not known: {error}");
            }
        }
        self.service_time()
    }

    fn unsteady(&self, key: &str, what: &str) -> Error {
        let why = format!("{what} was read differently each of {LOOKS} times");
        FileFault::new(Kind::Damaged, why, Some(STEADY)).on(self.doing("read", key))
    }

    async fn settle(&self) {
        let tasks = &self.0.tasks;
        tasks.close();
        // a share that hangs must not hold whoever wants to end
        let _ = timeout(SETTLE_MAX, tasks.wait()).await;
        tasks.reopen();
    }
}

fn kept(attributes: &Attributes) -> TagsKept {
    match attributes.tags.is_empty() {
        true => TagsKept::Yes,
        false => TagsKept::Refused,
    }
}

/// The file of an upload that was left behind; none where what is called so can't be one.
fn left_behind(tree: &Tree, upload: &Unfinished) -> Done<Option<tree::Spot>> {
    let spot = tree.spot(&upload.key)?;
    let is_its = |spot: &tree::Spot| name::finished(&upload.upload_id) == Some(spot.name.as_str());
    Ok(spot.filter(is_its).map(|spot| tree::Spot {
        name: upload.upload_id.clone(),
        ..spot
    }))
}
