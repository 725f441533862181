//! Marks: decisions of users about a backup, in a small sealed object beside its record.

use bytes::Bytes;
use jiff::Timestamp;

use super::{Catalog, SUFFIX, doubt, reading::Expected};
use crate::{
    backup::{BackupId, Label, MARK_VERSION, Mark, Record},
    error::{Error, Result},
    seal::{self, Content, Secret, Subject},
    store::{Attributes, Kind, Object},
};

/// The longest mark. A mark is a few lines of text.
const MARK_BYTES_MAX: u64 = 1 << 20;
/// The number of attempts at a change if other changes come first.
const ATTEMPTS: u32 = 5;

impl Catalog {
    pub(super) fn mark_key(&self, database: &Label, id: &BackupId) -> String {
        let below = format!("{database}/marks/{id}{SUFFIX}");
        self.store.location().key(&below)
    }

    /// Changes the mark of a backup, or creates it.
    ///
    /// If two change it at once, the later one starts again with the result of the earlier one.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`] if there is a mark that can't be opened.
    pub async fn change_mark(
        &self,
        database: &Label,
        id: &BackupId,
        secret: &Secret,
        attributes: &Attributes,
        change: impl Fn(&mut Mark),
    ) -> Result<Mark> {
        let key = self.mark_key(database, id);
        let mut attempt = 1;
        loop {
            let found = self.store.head(&key).await?;
            let before = match &found {
                Some(object) => self.open_mark(database, id, object).await?,
                None => Mark::new(database, id),
            };
            let mut after = before.clone();
            change(&mut after);
            if after == before {
                return Ok(after);
            }
            let sealed = self.seal_mark(&after, secret).await?;
            let etag = found.and_then(|object| object.etag);
            match self.write_mark(&key, sealed, attributes, etag).await {
                Err(error) if error.kind == Kind::Exists && attempt < ATTEMPTS => attempt += 1,
                result => return Ok(result.map(|()| after)?),
            }
        }
    }

    async fn write_mark(
        &self,
        key: &str,
        sealed: Bytes,
        attributes: &Attributes,
        etag: Option<String>,
    ) -> std::result::Result<(), crate::store::Error> {
        match etag {
            Some(etag) => self.store.replace(key, sealed, attributes, &etag).await,
            None => {
                let written = self.store.put_new(key, sealed, attributes).await;
                written.map(drop)
            }
        }
    }

    /// Writes a mark that must not exist yet.
    pub(super) async fn put_mark(&self, mark: &Mark, secret: &Secret, attributes: &Attributes) -> Result<()> {
        let key = self.mark_key(&mark.database, &mark.id);
        let sealed = self.seal_mark(mark, secret).await?;
        Ok(self.write_mark(&key, sealed, attributes, None).await?)
    }

    /// The mark of a backup, if it has one.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`] if there is a mark that can't be opened.
    pub async fn mark(&self, database: &Label, id: &BackupId) -> Result<Option<Mark>> {
        match self.store.head(&self.mark_key(database, id)).await? {
            Some(object) => self.open_mark(database, id, &object).await.map(Some),
            None => Ok(None),
        }
    }

    /// When the archive of a backup was last read back as a whole and was good, by its mark. Makes no request where the
    /// mark says nothing of that.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn last_read_back(
        &self,
        record: &Record,
        mark: Option<&Mark>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        if mark.is_none_or(|mark| mark.checked.is_none()) {
            return Ok(None);
        }
        let archive = self.store.head(&self.archive_key(record)).await?;
        Ok(doubt::read_back(record, archive.as_ref(), mark, now))
    }

    /// Deletes the mark of a backup if it says nothing. One that changes meanwhile stays.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`] if there is a mark that can't be opened.
    pub async fn delete_empty_mark(&self, database: &Label, id: &BackupId) -> Result<()> {
        let Some(object) = self.store.head(&self.mark_key(database, id)).await? else {
            return Ok(());
        };
        if self.open_mark(database, id, &object).await? != Mark::new(database, id) {
            return Ok(());
        }
        match self.store.delete(&object.key, object.etag.as_deref()).await {
            Err(error) if error.kind == Kind::Changed => Ok(()),
            result => Ok(result?),
        }
    }

    /// Deletes the mark of a backup that is gone, also one that another deletion has changed meanwhile. One that holds
    /// stays.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`] if there is a mark that can't be opened.
    pub async fn delete_mark(&self, database: &Label, id: &BackupId) -> Result<()> {
        for attempt in 1..=ATTEMPTS {
            let Some(object) = self.store.head(&self.mark_key(database, id)).await? else {
                return Ok(());
            };
            if self.open_mark(database, id, &object).await?.hold.is_some() {
                return Ok(());
            }
            match self.store.delete(&object.key, object.etag.as_deref()).await {
                Err(error) if error.kind == Kind::Changed && attempt < ATTEMPTS => {}
                result => return Ok(result?),
            }
        }
        Ok(())
    }

    /// Reads the mark in `object`.
    pub(super) async fn open_mark(&self, database: &Label, id: &BackupId, object: &Object) -> Result<Mark> {
        let key = &object.key;
        let expected = Expected {
            database: Some(database),
            name: id.as_str(),
            made: id.time(),
            content: Content::Mark,
            bytes_max: MARK_BYTES_MAX,
            sha256: None,
        };
        let json = self.read_sealed(key, &expected).await?;
        let unreadable = |what: String| Error::differs(key, what);
        let mark: Mark = serde_json::from_slice(&json).map_err(|e| unreadable(format!("it is no mark: {e}")))?;
        if mark.version > MARK_VERSION {
            let version = mark.version;
            return Err(unreadable(format!(
                "it is a mark of version {version}, and this program knows versions up to {MARK_VERSION}"
            )));
        }
        if mark.id == *id && mark.database == *database {
            return Ok(mark);
        }
        let what = format!("the mark of {} {}", mark.database, mark.id);
        Err(super::misplaced(key, &what))
    }

    async fn seal_mark(&self, mark: &Mark, secret: &Secret) -> Result<Bytes> {
        let subject = Subject {
            repository: &self.repository().await?,
            backup: mark.id.as_str(),
            content: Content::Mark,
            compression: seal::PayloadCompression::None,
            database: mark.database.as_str(),
        };
        let sealed = seal::seal_bytes(&subject, std::slice::from_ref(secret), &mark.to_json());
        let sealed = sealed.map(Bytes::from);
        sealed.map_err(|e| Error::seal(self.mark_key(&mark.database, &mark.id), e))
    }
}
