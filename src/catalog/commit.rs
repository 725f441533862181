//! The commit: an archive becomes a backup when its details and then its entry are written.

use bytes::Bytes;

use super::{
    Catalog,
    reading::{DETAILS_LEVEL, sha256_hex},
};
use crate::{
    backup::{Details, Record, Status},
    compress,
    error::{Error, Result},
    seal::{self, Content, Secret, Subject},
    store::{self, Attributes, Kind, LOOKS, pause},
    text::Untrusted,
};

/// How often an entry is written before hours of work are called lost.
const COMMIT_ATTEMPTS: u32 = 7;

/// How hard a write is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// As hours of work deserve it: repeated for minutes, and what a failed run left under the same name gives way.
    Patient,
    /// Once.
    Once,
}

impl Catalog {
    /// Whether a backup of this record's id is there already, or an archive or details of one that never was committed.
    ///
    /// # Errors
    /// What the bucket refuses; credentials that may not look see nothing there.
    pub async fn is_taken(&self, record: &Record) -> Result<bool> {
        for key in [
            self.record_key(&record.database, &record.id),
            self.details_key(&record.database, &record.id),
            self.archive_key(record),
        ] {
            match self.store.head(&key).await {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(true),
                Err(error) if error.kind == Kind::Denied => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Seals and writes the details and then the entry, neither of which may exist yet. From the entry on the backup is
    /// one: it is the one commit, and details without it are nothing. Each write is atomic, repeated for minutes and
    /// safe to cancel.
    ///
    /// # Errors
    /// What the bucket refuses, and [`Error::Seal`] where the system gives no random bytes.
    pub async fn commit(
        &self,
        record: &mut Record,
        details: &Details,
        secret: &Secret,
        attributes: &Attributes,
    ) -> Result<()> {
        let effort = Effort::Patient;
        self.write_both(record, details, secret, attributes, effort).await
    }

    /// Does so for a failed run, trying each write once. Where the details can't be written the entry stands without
    /// them.
    ///
    /// # Errors
    /// As [`Catalog::commit`].
    pub async fn commit_failure(
        &self,
        record: &mut Record,
        details: &Details,
        secret: &Secret,
        attributes: &Attributes,
    ) -> Result<()> {
        let effort = Effort::Once;
        self.write_both(record, details, secret, attributes, effort).await
    }

    async fn write_both(
        &self,
        record: &mut Record,
        details: &Details,
        secret: &Secret,
        attributes: &Attributes,
        effort: Effort,
    ) -> Result<()> {
        let sealed = self.seal_details(record, details, secret)?;
        let key = self.details_key(&record.database, &record.id);
        record.details_bytes = sealed.len() as u64;
        record.details_sha256 = sha256_hex(&sealed).into();
        match self.write(&key, record, sealed, attributes, effort).await {
            Ok(()) => {}
            // another run has this id
            Err(Error::Store(error)) if error.kind == Kind::Exists => return Err(error.into()),
            Err(error) if effort == Effort::Patient => return Err(error),
            Err(error) => {
                tracing::debug!("a failed run has no details: {error}");
                (record.details_bytes, record.details_sha256) = (0, Untrusted::default());
            }
        }
        let sealed = self.seal_record(record, secret)?;
        let key = self.record_key(&record.database, &record.id);
        self.write(&key, record, sealed, attributes, effort).await
    }

    async fn write(
        &self,
        key: &str,
        record: &Record,
        sealed: Bytes,
        attributes: &Attributes,
        effort: Effort,
    ) -> Result<()> {
        match effort {
            Effort::Patient => self.put_or_replace(key, record, sealed, attributes).await,
            Effort::Once => self.put_sealed(key, sealed, attributes, 1).await,
        }
    }

    fn seal_record(&self, record: &Record, secret: &Secret) -> Result<Bytes> {
        let key = || self.record_key(&record.database, &record.id);
        let compression = seal::PayloadCompression::None;
        sealed(record, (Content::Record, compression), secret, &record.to_json()).map_err(|e| Error::seal(key(), e))
    }

    fn seal_details(&self, record: &Record, details: &Details, secret: &Secret) -> Result<Bytes> {
        let key = || self.details_key(&record.database, &record.id);
        let mut payload = compress::Writer::new(DETAILS_LEVEL);
        details
            .write_json(record, &mut payload)
            .map_err(|e| Error::Compress(compress::Error::Compress(e)))?;
        let payload = payload.finish().map_err(Error::Compress)?;
        let compression = seal::PayloadCompression::Zstd;
        sealed(record, (Content::Details, compression), secret, &payload).map_err(|e| Error::seal(key(), e))
    }

    async fn put_or_replace(&self, key: &str, record: &Record, sealed: Bytes, attributes: &Attributes) -> Result<()> {
        let written = self.put_sealed(key, sealed.clone(), attributes, COMMIT_ATTEMPTS);
        match written.await {
            Err(Error::Store(error)) if error.kind == Kind::Exists && !self.store.writes_only() => {
                self.replace_failure(record, key, sealed, attributes, error).await
            }
            result => result,
        }
    }

    /// Ids are of whole seconds: a run elsewhere that failed before it came to the lock may have left its record under
    /// the id of one that then worked for hours, or its details alone where it was killed. That record with its
    /// details, and no other, gives way.
    async fn replace_failure(
        &self,
        record: &Record,
        key: &str,
        sealed: Bytes,
        attributes: &Attributes,
        error: store::Error,
    ) -> Result<()> {
        let found = self.store.head(key).await?;
        let why = match self.open_record(&record.database, &record.id).await {
            Ok(there) => match there.status {
                Status::Failed { cause, .. } => cause.to_string(),
                Status::Succeeded => return Err(error.into()),
            },
            Err(Error::Store(none)) if none.kind == Kind::NotFound => "it was killed".to_owned(),
            Err(error) => return Err(error),
        };
        let Some(etag) = found.and_then(|object| object.etag) else {
            return Err(error.into());
        };
        tracing::warn!("replaced {key}, of a run that failed in the same second: {why}");
        Ok(self.store.replace(key, sealed, attributes, &etag).await?)
    }

    /// A lost answer is not a failure: what can't be written is looked for before it is called missing.
    async fn put_sealed(&self, key: &str, sealed: Bytes, attributes: &Attributes, attempts_max: u32) -> Result<()> {
        let mut attempt = 1;
        loop {
            let Err(error) = self.store.put_new(key, sealed.clone(), attributes).await else {
                return Ok(());
            };
            let passing = error.kind.is_passing();
            let patient = attempts_max > 1;
            // who may not look: the name is this run's alone, and an earlier answer was lost
            if error.kind == Kind::Exists && attempt > 1 && self.store.writes_only() {
                return Ok(());
            }
            let may_stand = patient && (passing || error.kind == Kind::Exists);
            if may_stand && self.holds(key, &sealed).await {
                return Ok(());
            }
            if !passing || attempt == attempts_max {
                return Err(error.into());
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Whether these very bytes stand there. Others that come back may have been damaged on the way: they count once
    /// they came twice.
    async fn holds(&self, key: &str, sealed: &Bytes) -> bool {
        let mut before = None;
        for _ in 0..LOOKS {
            match self.store.read(key, sealed.len() as u64).await {
                Ok(there) if there == *sealed => return true,
                Ok(there) if before.as_ref() == Some(&there) => return false,
                Ok(there) => before = Some(there),
                Err(_) => return false,
            }
        }
        false
    }
}

/// A small object of a backup, sealed.
fn sealed(
    record: &Record,
    (content, compression): (Content, seal::PayloadCompression),
    secret: &Secret,
    payload: &[u8],
) -> std::result::Result<Bytes, seal::Error> {
    let subject = Subject {
        repository: &record.repository,
        backup: record.id.as_str(),
        content,
        compression,
        database: record.database.as_str(),
    };
    seal::seal_bytes(&subject, std::slice::from_ref(secret), payload).map(Bytes::from)
}
