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
    retry::Backoff,
    seal::{self, Content, Secret, Subject},
    store::{self, Attributes, Kind, READS_MAX},
    text::Untrusted,
};

/// The number of attempts to write an entry. After the last one, hours of work are lost.
pub(super) const COMMIT_ATTEMPTS: u32 = 7;

/// The sealed details and entry of a backup, as they were written.
pub struct SealedEntry {
    /// The details.
    pub details: Bytes,
    /// The entry.
    pub record: Bytes,
}

/// How often a write is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// Repeated for minutes, since hours of work can be lost. An object that a failed run left under the same name is
    /// replaced.
    Patient,
    /// Once.
    Once,
}

impl Catalog {
    /// Whether the id of this record is taken: by a backup, or by an archive or details that were never committed.
    ///
    /// # Errors
    /// Any error of the bucket; write-only credentials see nothing.
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

    /// Seals and writes the details and then the entry, neither of which may exist yet. The entry is the commit: with
    /// it there is a backup, and details without it are ignored. Gives what was written. Each write is atomic, retried
    /// for minutes and safe to cancel.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`] if the system has no random bytes.
    pub async fn commit(
        &self,
        record: &mut Record,
        details: &Details,
        secret: &Secret,
        attributes: &Attributes,
    ) -> Result<SealedEntry> {
        let effort = Effort::Patient;
        self.write_both(record, details, secret, attributes, effort).await
    }

    /// Does the same for a failed run, with one attempt at each write. If the details can't be written, the entry is
    /// written without them.
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
        let written = self.write_both(record, details, secret, attributes, effort).await;
        written.map(drop)
    }

    async fn write_both(
        &self,
        record: &mut Record,
        details: &Details,
        secret: &Secret,
        attributes: &Attributes,
        effort: Effort,
    ) -> Result<SealedEntry> {
        let sealed_details = self.seal_details(record, details, secret)?;
        let key = self.details_key(&record.database, &record.id);
        record.details_bytes = sealed_details.len() as u64;
        record.details_sha256 = sha256_hex(&sealed_details).into();
        let written = self.write(&key, record, sealed_details.clone(), attributes, effort);
        match written.await {
            Ok(()) => {}
            // another run has this id already
            Err(Error::Store(error)) if error.kind == Kind::Exists => return Err(error.into()),
            Err(error) if effort == Effort::Patient => return Err(error),
            Err(error) => {
                tracing::debug!("a failed run has no details: {error}");
                (record.details_bytes, record.details_sha256) = (0, Untrusted::default());
            }
        }
        let sealed = self.seal_record(record, secret)?;
        let key = self.record_key(&record.database, &record.id);
        self.write(&key, record, sealed.clone(), attributes, effort).await?;
        Ok(SealedEntry {
            details: sealed_details,
            record: sealed,
        })
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

    /// Replaces the record and details of a failed run with this id. Ids have whole seconds, so a run on another
    /// machine can have failed before it got the lock and left its record under the id of a run that then worked for
    /// hours; or only its details, if it was killed. Nothing else is replaced.
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

    /// Writes an object. A lost answer is not a failure, so the object is looked for before it counts as missing.
    pub(super) async fn put_sealed(
        &self,
        key: &str,
        sealed: Bytes,
        attributes: &Attributes,
        attempts_max: u32,
    ) -> Result<()> {
        let mut attempt = 1;
        loop {
            let Err(error) = self.store.put_new(key, sealed.clone(), attributes).await else {
                return Ok(());
            };
            let passing = error.kind.is_passing();
            let patient = attempts_max > 1;
            // write-only: the name belongs to this run only, so an earlier answer was lost
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
            tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
            attempt += 1;
        }
    }

    /// Whether the object has exactly these bytes. Other bytes may have been damaged on the network, so they count only
    /// if they are read twice.
    async fn holds(&self, key: &str, sealed: &Bytes) -> bool {
        let mut before = None;
        for _ in 0..READS_MAX {
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

/// Seals a small object of a backup.
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
