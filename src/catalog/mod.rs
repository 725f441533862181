//! The bucket as a catalog: where things stand, what is there, and the commit that makes an archive a backup.
//!
//! ```text
//! <prefix>/<database>/archives/<tier>/<id>.pgc   the sealed archive
//! <prefix>/<database>/records/<id>.pgc           the sealed record, written last
//! <prefix>/<database>/marks/<id>.pgc             what people decided about it afterwards, sealed: hold, acceptance
//! <prefix>/<database>/turns/<tier>/<id>.turn     in drop-box mode: a period's attempt or backup; the id is of its moment
//! ```
//!
//! An archive without a record is no backup and is never listed as one.

mod judged;
mod listing;
mod marks;
mod notices;
mod survey;
mod turns;
mod wanted;

use bytes::Bytes;

use crate::{
    backup::{BackupId, Label, Record, Status, Tier},
    error::{Error, Result},
    seal::{self, Content, Secret},
    store::{self, Attributes, Kind, Object, Store, pause},
};

pub use listing::Listing;
pub use survey::{Orphan, Standing, Survey};
pub use wanted::Wanted;

/// A record of a database of 10 TB stays below this; more is not a record.
const RECORD_BYTES_MAX: u64 = 256 << 20;
/// The most records that are read at once.
const READS_AT_ONCE: usize = 8;
/// How often a record is written before hours of work are called lost.
const COMMIT_ATTEMPTS: u32 = 7;
const SUFFIX: &str = ".pgc";

/// The backups in one place, and the secrets that open them.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
    secrets: Vec<Secret>,
}

/// A record as its name shows it, unopened, and what stands under the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    database: Label,
    id: BackupId,
    bytes: u64,
    archives: Vec<(Tier, Object)>,
    mark: Option<Object>,
}

impl Catalog {
    /// The catalog in `store`, read with any of `secrets`.
    #[must_use]
    pub fn new(store: Store, secrets: Vec<Secret>) -> Self {
        Self { store, secrets }
    }

    /// The bucket.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What opens the objects here.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Where an archive stands, below the prefix.
    #[must_use]
    pub fn archive_path(database: &Label, tier: Tier, id: &BackupId) -> String {
        format!("{database}/archives/{tier}/{id}{SUFFIX}")
    }

    /// The key of a record's archive, from the bucket's root.
    #[must_use]
    pub fn archive_key(&self, record: &Record) -> String {
        self.store.location().key(&Self::archive_path(
            &record.database,
            record.tier,
            &record.id,
        ))
    }

    /// The key of a record, from the bucket's root.
    #[must_use]
    pub fn record_key(&self, database: &Label, id: &BackupId) -> String {
        self.store
            .location()
            .key(&format!("{database}/records/{id}{SUFFIX}"))
    }

    /// Whether a backup of this record's id is there already, or an archive of one that never was committed.
    ///
    /// # Errors
    /// What the bucket refuses; who may not look is told that nothing is there.
    pub async fn is_taken(&self, record: &Record) -> Result<bool> {
        for key in [
            self.record_key(&record.database, &record.id),
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

    /// Seals and writes a record, which must not exist yet. From here on the backup is one.
    ///
    /// # Errors
    /// What the bucket refuses, and [`Error::Seal`] where the system gives no random bytes.
    pub async fn commit(
        &self,
        record: &Record,
        secret: &Secret,
        attributes: &Attributes,
    ) -> Result<()> {
        self.commit_patiently(record, secret, attributes, COMMIT_ATTEMPTS)
            .await
    }

    /// Does so for the record of a failed run, without the patience that hours of work deserve.
    ///
    /// # Errors
    /// As [`Catalog::commit`].
    pub async fn commit_failure(
        &self,
        record: &Record,
        secret: &Secret,
        attributes: &Attributes,
    ) -> Result<()> {
        self.commit_patiently(record, secret, attributes, 1).await
    }

    async fn commit_patiently(
        &self,
        record: &Record,
        secret: &Secret,
        attributes: &Attributes,
        attempts_max: u32,
    ) -> Result<()> {
        let key = self.record_key(&record.database, &record.id);
        let sealed = seal::seal_bytes(
            record.id.as_str(),
            Content::Record,
            seal::Compression::None,
            record.database.as_str(),
            secret,
            &record.to_json(),
        )
        .map_err(|e| Error::seal(&key, e))?;
        let sealed = Bytes::from(sealed);
        let written = self.put_record(&key, sealed.clone(), attributes, attempts_max);
        match written.await {
            Err(Error::Store(error))
                if error.kind == Kind::Exists && record.is_good() && !self.store.writes_only() =>
            {
                self.replace_failure(record, &key, sealed, attributes, error)
                    .await
            }
            result => result,
        }
    }

    /// Ids are of whole seconds: a run elsewhere that failed before it came to the lock may have left its record under the
    /// id of one that then worked for hours. That record, and no other, gives way.
    async fn replace_failure(
        &self,
        record: &Record,
        key: &str,
        sealed: Bytes,
        attributes: &Attributes,
        error: store::Error,
    ) -> Result<()> {
        let found = self.store.head(key).await?;
        let there = self.open_record(&record.database, &record.id).await?;
        match (there.status, found.and_then(|object| object.etag)) {
            (Status::Failed(failure), Some(etag)) => {
                let why = failure.error;
                tracing::warn!(
                    "replaced the record of a run that failed in the same second: {why}"
                );
                Ok(self.store.replace(key, sealed, attributes, &etag).await?)
            }
            _ => Err(error.into()),
        }
    }

    /// A lost answer is not a failure: what can't be written is looked for before it is called missing.
    async fn put_record(
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
            // who may not look: the name is this run's alone, and an earlier answer was lost
            if error.kind == Kind::Exists && attempt > 1 && self.store.writes_only() {
                return Ok(());
            }
            if patient && (passing || error.kind == Kind::Exists) {
                let there = self.store.read(key, RECORD_BYTES_MAX).await;
                if there.as_ref().is_ok_and(|there| *there == sealed) {
                    return Ok(());
                }
            }
            if !passing || attempt == attempts_max {
                return Err(error.into());
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn open(&self, entry: &Entry) -> Result<Record> {
        self.open_record(&entry.database, &entry.id).await
    }

    async fn open_record(&self, database: &Label, id: &BackupId) -> Result<Record> {
        let key = self.record_key(database, id);
        let open = |sealed: &[u8]| self.open_sealed(&key, sealed, id, Content::Record);
        let json = self
            .store
            .read_checked(&key, RECORD_BYTES_MAX, open)
            .await??;
        let record = Record::from_json(&json).map_err(|source| Error::Record {
            object: key.clone(),
            source,
        })?;
        if record.id == *id && record.database == *database {
            return Ok(record);
        }
        let what = format!("the record of {} {}", record.database, record.id);
        Err(misplaced(&key, &what))
    }

    /// Opens a small sealed object, which has to be what its place says.
    fn open_sealed(
        &self,
        key: &str,
        sealed: &[u8],
        id: &BackupId,
        content: Content,
    ) -> Result<Vec<u8>> {
        let opened = seal::open_bytes(sealed, &self.secrets);
        let (header, json) = opened.map_err(|e| Error::seal(key, e))?;
        if header.content != content {
            return Err(misplaced(key, &format!("no {}", content.as_str())));
        }
        if header.backup != id.as_str() {
            return Err(misplaced(
                key,
                &format!("what belongs to {}", header.backup),
            ));
        }
        Ok(json)
    }
}

/// How many records are read at once, the largest of which has so many bytes: those of huge databases are large themselves,
/// and memory is not.
fn reads_at_once(bytes_max: Option<u64>) -> usize {
    const BYTES_AT_ONCE: u64 = 16 << 20;
    let fitting = BYTES_AT_ONCE / bytes_max.unwrap_or(0).max(1);
    usize::try_from(fitting)
        .unwrap_or(usize::MAX)
        .clamp(1, READS_AT_ONCE)
}

fn misplaced(key: &str, what: &str) -> Error {
    let what = format!("it holds {what}: it was put under another's name");
    Error::differs(key, what)
}
