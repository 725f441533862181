//! The bucket as a catalog: where things stand, what is there, and the commit that makes an archive a backup.
//!
//! ```text
//! <prefix>/repository.pgc                        which place this is, sealed
//! <prefix>/<database>/archives/<tier>/<id>.pgc   the sealed archive
//! <prefix>/<database>/records/<id>.pgc           the sealed record, written last
//! <prefix>/<database>/marks/<id>.pgc             what people decided about it afterwards, sealed: hold, acceptance
//! <prefix>/<database>/turns/<tier>/<name>.turn   in drop-box mode: a period's attempt or backup
//! ```
//!
//! An archive without a record is no backup and is never listed as one.

mod entries;
mod judged;
mod keys;
mod listing;
mod look;
mod marks;
mod names;
mod nothing_here;
mod notices;
mod other_repositories;
mod repository;
mod survey;
mod turns;
mod wanted;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::{
    backup::{BackupId, Label, Record, Status, Tier},
    error::{Error, Result},
    seal::{self, Content, RepositoryId, Secret, Subject},
    store::{self, Attributes, Kind, LOOKS, Store, pause},
};

pub use keys::{Key, Keys, Maker};
pub use listing::Listing;
pub use look::{Doubt, Look};
pub use other_repositories::OtherRepository;
pub use survey::{Orphan, Standing, Survey};
pub use wanted::Wanted;

/// A record of a database of 10 TB stays below this; more is not a record.
const RECORD_BYTES_MAX: u64 = 256 << 20;
/// The most records that are read at once.
const READS_AT_ONCE: usize = 8;
/// How often a record is written before hours of work are called lost.
const COMMIT_ATTEMPTS: u32 = 7;
const SUFFIX: &str = ".pgc";

/// The backups in one place, and the keys under which they are believed.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
    keys: Arc<Keys>,
    /// the repository here, once it is known
    repository: Arc<OnceCell<RepositoryId>>,
    /// the same, once it is sure that it stands in the bucket
    begun: Arc<OnceCell<RepositoryId>>,
    /// a setting says which repository counts
    pinned: bool,
    /// other repositories of which records under a key at hand were met here
    others_met: Arc<Mutex<BTreeSet<RepositoryId>>>,
    /// it was looked whether this place is of others
    warned: Arc<AtomicBool>,
}

impl Catalog {
    /// The catalog in `store`, as these keys see it. `pinned`: the only repository that counts.
    #[must_use]
    pub fn new(store: Store, keys: Keys, pinned: Option<RepositoryId>) -> Self {
        Self {
            store,
            keys: Arc::new(keys),
            repository: Arc::new(OnceCell::new_with(pinned)),
            begun: Arc::new(OnceCell::new()),
            pinned: pinned.is_some(),
            others_met: Arc::default(),
            warned: Arc::default(),
        }
    }

    /// Whether a setting says which repository counts here.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    fn others_known(&self) -> BTreeSet<RepositoryId> {
        let met = self.others_met.lock();
        met.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember_other(&self, repository: RepositoryId) {
        let met = self.others_met.lock();
        met.unwrap_or_else(PoisonError::into_inner)
            .insert(repository);
    }

    /// The bucket.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What opens the objects of this backup.
    #[must_use]
    pub fn secrets_of(&self, database: &Label, id: &BackupId) -> Vec<Secret> {
        self.keys.opening(database, id.time())
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
        let subject = Subject {
            repository: &record.repository,
            backup: record.id.as_str(),
            content: Content::Record,
            compression: seal::Compression::None,
            database: record.database.as_str(),
        };
        let sealed = seal::seal_bytes(&subject, std::slice::from_ref(secret), &record.to_json())
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

    /// Whether these very bytes stand there. Others that come back may have been damaged on the way: they count once they came
    /// twice.
    async fn holds(&self, key: &str, sealed: &Bytes) -> bool {
        let mut before = None;
        for _ in 0..LOOKS {
            match self.store.read(key, RECORD_BYTES_MAX).await {
                Ok(there) if there == *sealed => return true,
                Ok(there) if before.as_ref() == Some(&there) => return false,
                Ok(there) => before = Some(there),
                Err(_) => return false,
            }
        }
        false
    }

    async fn open_record(&self, database: &Label, id: &BackupId) -> Result<Record> {
        let key = self.record_key(database, id);
        let what = (database, id, Content::Record);
        let json = self.read_sealed(&key, RECORD_BYTES_MAX, what).await?;
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

    /// Reads and opens a small sealed object. What can't be opened is read again, since a bit may have been flipped on the way: the
    /// fault stands once the same bytes came twice.
    async fn read_sealed(
        &self,
        key: &str,
        bytes_max: u64,
        (database, id, content): (&Label, &BackupId, Content),
    ) -> Result<Vec<u8>> {
        let mut before = self.store.read(key, bytes_max).await?;
        for _ in 1..LOOKS {
            let opened = self.open_sealed(key, &before, database, id, content).await;
            if opened.is_ok() {
                return opened;
            }
            let after = self.store.read(key, bytes_max).await?;
            if after == before {
                return opened;
            }
            before = after;
        }
        Err(self.store.unsteady(key, "it").into())
    }

    /// Opens a small sealed object, which has to be what its place says.
    async fn open_sealed(
        &self,
        key: &str,
        sealed: &[u8],
        database: &Label,
        id: &BackupId,
        content: Content,
    ) -> Result<Vec<u8>> {
        let repository = self.repository().await?;
        let opened = seal::open_bytes(sealed, &self.keys.opening(database, id.time()));
        let (header, json) = opened.map_err(|e| Error::seal(key, e))?;
        header
            .check_is(&repository, id.as_str(), content)
            .map_err(|e| Error::seal(key, e))?;
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
