//! A server's implementation of the contract.

use std::{ops::Range, sync::PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::timeout;

use super::{
    ANSWER_MAX, FIRST_WITHIN, LIST_MAX, REACHABLE_WITHIN, SETTLE_MAX, Sftp,
    fault::{CHANGED_HINT, SftpFault, SftpResult},
    publish::Naming,
    temp_file::TempFile,
    tree::{Spot, Tree},
    upload::SftpUpload,
};
use crate::store::{
    Attributes, Backend, Capabilities, Claim, Error, Kind, Object, PartPlan, PartSink, READS_MAX, TagsKept, Unfinished,
    file_name,
};

#[async_trait]
impl Backend for Sftp {
    fn capabilities(&self) -> Capabilities {
        let naming = *self.0.naming.lock().unwrap_or_else(PoisonError::into_inner);
        Capabilities {
            conditions: naming != Some(Naming::Look),
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
        let work = |tree: Tree| async move { tree.look_into().await };
        self.once(self.doing("look into", ""), REACHABLE_WITHIN, work).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, Error> {
        let name = folder.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move { tree.list(&name).await }
        };
        self.ask(self.doing("list", folder), LIST_MAX, work).await
    }

    async fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let name = folder.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move { tree.folders(&name).await }
        };
        self.ask(self.doing("list", folder), LIST_MAX, work).await
    }

    async fn holds_any(&self, folder: &str) -> Result<bool, Error> {
        let name = folder.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move { tree.holds_any(&name).await }
        };
        self.ask(self.doing("list", folder), LIST_MAX, work).await
    }

    async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        let name = key.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move {
                let found = tree.find(&name).await?;
                Ok(found.map(|(_, identity)| identity.object(name)))
            }
        };
        self.ask(self.doing("look at", key), ANSWER_MAX, work).await
    }

    async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        let name = key.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move { tree.read(&name, bytes_max).await }
        };
        self.ask(self.doing("read", key), LIST_MAX, work).await
    }

    async fn read_first(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        match timeout(FIRST_WITHIN, self.read(key, bytes_max)).await {
            Ok(read) => read,
            Err(_) => Err(SftpFault::silent(FIRST_WITHIN.as_secs()).on(self.doing("read", key))),
        }
    }

    async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes, Error> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let (name, etag) = (key.to_owned(), etag.map(str::to_owned));
        let work = move |tree: Tree| {
            let (name, etag, range) = (name.clone(), etag.clone(), range.clone());
            async move { tree.read_range(&name, range, etag.as_deref()).await }
        };
        self.ask(self.doing("read", key), LIST_MAX, work).await
    }

    async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error> {
        self.write_new("write", key, body).await?;
        Ok(kept(attributes))
    }

    async fn replace(&self, key: &str, body: Bytes, _: &Attributes, etag: &str) -> Result<(), Error> {
        let doing = self.doing("write", key);
        let (name, gone) = (key.to_owned(), || SftpFault::changed(Kind::Exists));
        let work = move |tree: Tree| {
            let (name, body) = (name.clone(), body.clone());
            async move {
                let spot = tree.spot(&name).await?.ok_or_else(gone)?;
                tree.write(spot, &body).await
            }
        };
        let temp = self.ask(doing.clone(), ANSWER_MAX, work).await?;
        let etag = etag.to_owned();
        let work = move |tree: Tree| async move { tree.replace(temp, &etag).await };
        self.once(doing, ANSWER_MAX, work).await
    }

    async fn claim(&self, key: &str, body: Bytes) -> Result<Claim, Error> {
        match self.write_new("take the name", key, body).await {
            Ok(()) if !self.capabilities().conditions => {
                let fault = SftpFault::lacks("refuse a name that is taken, so two may have taken it at once");
                Err(fault.on(self.doing("take the name", key)))
            }
            Ok(()) => Ok(Claim::Taken),
            Err(error) if error.kind == Kind::Exists => Ok(Claim::Held),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, key: &str, etag: Option<&str>) -> Result<(), Error> {
        let (name, etag) = (key.to_owned(), etag.map(str::to_owned));
        let work = move |tree: Tree| {
            let (name, etag) = (name.clone(), etag.clone());
            async move { tree.delete(&name, etag.as_deref()).await }
        };
        self.ask(self.doing("delete", key), ANSWER_MAX, work).await
    }

    async fn start_upload(&self, key: &str, _: PartPlan, attributes: &Attributes) -> Result<Box<dyn PartSink>, Error> {
        let name = key.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move {
                let spot = tree.make_spot(&name).await?;
                TempFile::begin(&tree, spot).await
            }
        };
        let doing = self.doing("begin the upload of", key);
        let temp = self.ask(doing, ANSWER_MAX, work).await?;
        Ok(Box::new(SftpUpload::new(self, temp, kept(attributes))))
    }

    /// Its bytes are compared at the end, when all of it is read back: so nothing is continued where that isn't done.
    async fn continue_upload(
        &self,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
    ) -> Result<Box<dyn PartSink>, Error> {
        if !self.0.options.read_back {
            return self.start_upload(key, plan, attributes).await;
        }
        let name = key.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move {
                let spot = tree.make_spot(&name).await?;
                if let Some(kept) = TempFile::left_behind(&tree, &spot).await? {
                    return Ok(kept);
                }
                let mut temp = TempFile::begin(&tree, spot).await?;
                temp.keeps = true;
                Ok((temp, 0))
            }
        };
        let doing = self.doing("begin the upload of", key);
        let (temp, bytes) = self.ask(doing, ANSWER_MAX, work).await?;
        if bytes > 0 {
            tracing::info!(key, bytes, "an upload that was stopped goes on");
        }
        Ok(Box::new(SftpUpload::of_kept(self, temp, bytes, kept(attributes))))
    }

    async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error> {
        let name = folder.to_owned();
        let work = move |tree: Tree| {
            let name = name.clone();
            async move { tree.unfinished(&name).await }
        };
        self.ask(self.doing("list the uploads under", folder), LIST_MAX, work)
            .await
            .map(Some)
    }

    async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error> {
        let doing = self.doing("look at the upload of", &upload.key);
        let upload = upload.clone();
        let work = move |tree: Tree| {
            let upload = upload.clone();
            async move {
                let spot = left_behind(&tree, &upload).await?.ok_or_else(SftpFault::not_found)?;
                let there = tree.look(&spot).await?.ok_or_else(SftpFault::not_found)?;
                Ok(there.time())
            }
        };
        self.ask(doing, ANSWER_MAX, work).await
    }

    async fn abort(&self, upload: &Unfinished) -> Result<(), Error> {
        let doing = self.doing("abort the upload of", &upload.key);
        let upload = upload.clone();
        let work = move |tree: Tree| {
            let upload = upload.clone();
            async move {
                let Some(spot) = left_behind(&tree, &upload).await? else {
                    return Ok(());
                };
                match tree.look(&spot).await? {
                    Some(_) => tree.session.remove(&spot.path()).await,
                    None => Ok(()),
                }
            }
        };
        match self.ask(doing, ANSWER_MAX, work).await {
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            result => result,
        }
    }

    /// By this machine's clock, until a written file has shown the server's.
    fn service_time(&self) -> Option<Timestamp> {
        let ahead = *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        Timestamp::now().checked_add(ahead.unwrap_or_default()).ok()
    }

    /// Creates and removes a small file if none was written yet.
    async fn ask_time(&self) -> Option<Timestamp> {
        let is_known = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_known {
            let work = |tree: Tree| async move {
                let spot = tree.make_spot("clock").await?;
                let temp = TempFile::of(&tree, spot, &Bytes::from_static(b"what time is it?\n")).await?;
                temp.settle(None).await?;
                Ok(())
            };
            if let Err(error) = self.once(self.doing("ask for the time of", ""), ANSWER_MAX, work).await {
                tracing::debug!("the server's clock is not known: {error}");
            }
        }
        self.service_time()
    }

    fn inconsistent(&self, key: &str, what: &str) -> Error {
        let why = format!("{what} was read differently each of {READS_MAX} times");
        SftpFault::new(Kind::Damaged, why, Some(CHANGED_HINT)).on(self.doing("read", key))
    }

    async fn settle(&self) {
        let tasks = &self.0.tasks;
        tasks.close();
        // a server that hangs must not prevent the process from ending
        let _ = timeout(SETTLE_MAX, tasks.wait()).await;
        tasks.reopen();
    }
}

impl Sftp {
    /// Writes a complete file, and gives it its name only if that is free. The file is written again over another
    /// connection if one is lost; its name is given once.
    async fn write_new(&self, what: &str, key: &str, body: Bytes) -> Result<(), Error> {
        let (doing, name) = (self.doing(what, key), key.to_owned());
        let work = move |tree: Tree| {
            let (name, body) = (name.clone(), body.clone());
            async move {
                let spot = tree.make_spot(&name).await?;
                // don't write what will be refused
                if tree.session.lstat(&spot.path()).await?.is_some() {
                    return Err(SftpFault::exists());
                }
                let temp = tree.write(spot, &body).await?;
                temp.settle(None).await?;
                Ok(temp)
            }
        };
        let mut temp = self.ask(doing.clone(), ANSWER_MAX, work).await?;
        let work = move |_: Tree| async move { temp.tree().publish_new(&mut temp).await };
        self.once(doing, ANSWER_MAX, work).await
    }
}

impl Tree {
    /// Writes a file beside its name, and compares it.
    async fn write(&self, spot: Spot, body: &Bytes) -> SftpResult<TempFile> {
        let temp = TempFile::of(self, spot, body).await?;
        temp.compare(body).await?;
        Ok(temp)
    }

    /// Puts a file in the place of the object with this entity tag.
    async fn replace(&self, mut temp: TempFile, etag: &str) -> SftpResult<()> {
        let tree = temp.tree();
        let _held = self.place.0.changing.lock().await;
        let there = tree.look(&temp.spot).await?.filter(|there| there.is(etag));
        let there = there.ok_or_else(|| SftpFault::changed(Kind::Exists))?;
        temp.settle(Some(there.modified)).await?;
        tree.note(&temp.spot, there.modified);
        tree.publish_over(&mut temp).await
    }

    async fn delete(&self, key: &str, etag: Option<&str>) -> SftpResult<()> {
        let _held = self.place.0.changing.lock().await;
        let Some((spot, there)) = self.find(key).await? else {
            // no such file, or not one of ours
            return Ok(());
        };
        if etag.is_some_and(|etag| !there.is(etag)) {
            return Err(SftpFault::changed(Kind::Changed));
        }
        self.note(&spot, there.modified);
        match self.session.remove(&spot.path()).await {
            Err(fault) if fault.kind == Kind::NotFound => Ok(()),
            removed => {
                self.sync_folder(&spot.folder).await;
                removed
            }
        }
    }

    /// Notes the date of an object that is about to be gone.
    fn note(&self, spot: &Spot, modified: u32) {
        let mut recent = self.place.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.note(&spot.key, modified);
    }
}

fn kept(attributes: &Attributes) -> TagsKept {
    match attributes.tags.is_empty() {
        true => TagsKept::Yes,
        false => TagsKept::Refused,
    }
}

/// The file of an upload that was left behind. `None` if the name can't be that of such a file.
async fn left_behind(tree: &Tree, upload: &Unfinished) -> SftpResult<Option<Spot>> {
    let spot = tree.spot(&upload.key).await?;
    let is_its = |spot: &Spot| file_name::finished(&upload.upload_id) == Some(spot.name.as_str());
    Ok(spot.filter(is_its).map(|spot| Spot {
        name: upload.upload_id.clone(),
        ..spot
    }))
}
