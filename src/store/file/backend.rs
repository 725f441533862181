//! A folder's implementation of the contract.

use std::{ops::Range, sync::PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rustix::fs::{AtFlags, unlinkat};
use tokio::time::timeout;

use super::{
    ANSWER_MAX, Folder, LIST_MAX, REACHABLE_WITHIN, SETTLE_MAX,
    error::{FileFault, FileResult},
    identity,
    tree::{self, CHANGED_HINT, Tree, read_whole, sync_folder},
    upload::FileUpload,
    write::{TempFile, lock},
};
use crate::store::{
    Attributes, Backend, Capabilities, Claim, Error, Kind, Object, PartPlan, PartSink, READS_MAX, TagsKept, Unfinished,
    file_name,
};

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
            // take no memory for bytes that don't exist
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
                // no such file, or not one of ours
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

    /// By this machine's clock, until a written file has shown the clock of the share's server.
    fn service_time(&self) -> Option<Timestamp> {
        let ahead = *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        Timestamp::now().checked_add(ahead.unwrap_or_default()).ok()
    }

    /// Creates and removes an unnamed file if none was written yet.
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

    fn inconsistent(&self, key: &str, what: &str) -> Error {
        let why = format!("{what} was read differently each of {READS_MAX} times");
        FileFault::new(Kind::Damaged, why, Some(CHANGED_HINT)).on(self.doing("read", key))
    }

    async fn settle(&self) {
        let tasks = &self.0.tasks;
        tasks.close();
        // a share that hangs must not prevent the process from ending
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

/// The file of an upload that was left behind. `None` if the name can't be that of such a file.
fn left_behind(tree: &Tree, upload: &Unfinished) -> FileResult<Option<tree::Spot>> {
    let spot = tree.spot(&upload.key)?;
    let is_its = |spot: &tree::Spot| file_name::finished(&upload.upload_id) == Some(spot.name.as_str());
    Ok(spot.filter(is_its).map(|spot| tree::Spot {
        name: upload.upload_id.clone(),
        ..spot
    }))
}
