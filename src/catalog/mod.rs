//! The bucket as a catalog: where things stand, what is there, and the commit that makes an archive a backup.
//!
//! ```text
//! <prefix>/<database>/archives/<tier>/<id>.pgc   the sealed archive
//! <prefix>/<database>/records/<id>.pgc           the sealed record, written last
//! ```
//!
//! An archive without a record is no backup and is never listed as one.

mod wanted;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::{
    backup::{BackupId, Label, Record, Tier},
    error::{Error, Result},
    seal::{self, Content, Secret},
    store::{Kind, Store, TagsKept, pause},
};

pub use wanted::Wanted;

/// A record of a database of 10 TB stays below this; more is not a record.
const RECORD_BYTES_MAX: u64 = 256 << 20;
/// Records read at once when many are wanted.
const READS_AT_ONCE: usize = 16;
/// How often a record is written before hours of work are called lost.
const COMMIT_ATTEMPTS: u32 = 7;
const SUFFIX: &str = ".pgc";

/// The backups in one place, and the secrets that open them.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
    secrets: Vec<Secret>,
}

/// What a place holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// records, newest first
    pub records: Vec<Record>,
    /// records that can't be read with our keys: their key in the bucket, and why
    pub unreadable: Vec<(String, Error)>,
    /// the newest good backup of each database that has none among `records`
    pub older_good: Vec<Record>,
    /// how many older records there are that were not read
    pub more: usize,
}

/// A record as its name shows it, unopened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    database: Label,
    id: BackupId,
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

    fn record_key(&self, entry: &Entry) -> String {
        self.store
            .location()
            .key(&format!("{}/records/{}{SUFFIX}", entry.database, entry.id))
    }

    /// Whether a backup of this record's id is there already, or an archive of one that never was committed.
    ///
    /// # Errors
    /// What the bucket refuses; who may not look is told that nothing is there.
    pub async fn is_taken(&self, record: &Record) -> Result<bool> {
        let entry = Entry {
            database: record.database.clone(),
            id: record.id.clone(),
        };
        for key in [self.record_key(&entry), self.archive_key(record)] {
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
        tags: &[(String, String)],
    ) -> Result<TagsKept> {
        self.commit_patiently(record, secret, tags, COMMIT_ATTEMPTS)
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
        tags: &[(String, String)],
    ) -> Result<TagsKept> {
        self.commit_patiently(record, secret, tags, 1).await
    }

    async fn commit_patiently(
        &self,
        record: &Record,
        secret: &Secret,
        tags: &[(String, String)],
        attempts_max: u32,
    ) -> Result<TagsKept> {
        let entry = Entry {
            database: record.database.clone(),
            id: record.id.clone(),
        };
        let key = self.record_key(&entry);
        let sealed = seal::seal_bytes(
            record.id.as_str(),
            Content::Record,
            seal::Compression::None,
            record.database.as_str(),
            secret,
            &record.to_json(),
        )
        .map_err(|e| Error::seal(&key, e))?;
        self.put_record(&key, sealed.into(), tags, attempts_max)
            .await
    }

    /// A lost answer is not a failure: what can't be written is looked for before it is called missing.
    async fn put_record(
        &self,
        key: &str,
        sealed: Bytes,
        tags: &[(String, String)],
        attempts_max: u32,
    ) -> Result<TagsKept> {
        let mut attempt = 1;
        loop {
            let error = match self.store.put_new(key, sealed.clone(), tags).await {
                Ok(kept) => return Ok(kept),
                Err(error) => error,
            };
            let passing = error.kind.is_passing();
            if passing || error.kind == Kind::Exists {
                let there = self.store.read(key, sealed.len() as u64).await;
                if there.is_ok_and(|there| there == sealed) {
                    return Ok(TagsKept::Yes);
                }
            }
            if !passing || attempt == attempts_max {
                return Err(error.into());
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    /// The databases that have records here.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn databases(&self) -> Result<Vec<Label>> {
        let folders = self.store.folders(&self.store.location().key("")).await?;
        // anything else below the prefix is somebody else's
        Ok(folders
            .iter()
            .filter_map(|name| {
                Label::parse(name)
                    .ok()
                    .filter(|label| label.as_str() == name)
            })
            .collect())
    }

    /// The newest `count_max` records of one database or of all, newest first; and beside them the newest good backup of
    /// each database that has none among those, however old.
    ///
    /// # Errors
    /// What the bucket refuses. A record that can't be opened is no error here: see [`Listing::unreadable`].
    pub async fn list(&self, database: Option<&Label>, count_max: usize) -> Result<Listing> {
        let mut entries = self.entries(database).await?;
        let older = entries.split_off(entries.len().min(count_max));
        let mut listing = self.open_all(&entries).await?;
        listing.more = older.len();
        let mut labels: Vec<&Label> = entries.iter().chain(&older).map(|e| &e.database).collect();
        labels.sort();
        labels.dedup();
        for label in labels {
            let has_good = listing
                .records
                .iter()
                .any(|r| r.database == *label && r.is_good());
            if !has_good {
                let of_label = older.iter().filter(|entry| entry.database == *label);
                listing.older_good.extend(self.newest_good(of_label).await?);
            }
        }
        Ok(listing)
    }

    async fn newest_good(&self, entries: impl Iterator<Item = &Entry>) -> Result<Option<Record>> {
        let entries: Vec<Entry> = entries.cloned().collect();
        for some in entries.chunks(READS_AT_ONCE) {
            let listing = self.open_all(some).await?;
            if let Some(record) = listing.records.into_iter().find(Record::is_good) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The backup that a person means.
    ///
    /// # Errors
    /// [`Error::NoSuchBackup`] where there is none or more than one, [`Error::Usage`] where `latest` could be of several
    /// databases, [`Error::Seal`] where its record can't be opened.
    pub async fn find(&self, wanted: &Wanted, database: Option<&Label>) -> Result<Record> {
        let entries = self.entries(database).await?;
        match wanted {
            Wanted::Beginning(text) => self.find_beginning(text, entries).await,
            Wanted::Latest(tier) => self.find_latest(*tier, entries, wanted).await,
        }
    }

    async fn find_beginning(&self, text: &str, entries: Vec<Entry>) -> Result<Record> {
        let mut fitting: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.id.as_str().starts_with(text))
            .collect();
        match fitting.len() {
            1 => self.open(&fitting.remove(0)).await,
            0 => Err(Error::no_such_backup(text, self.store.location())),
            n => Err(Error::usage(
                format!(
                    "{n} backups begin with {text:?}: {}, {} …",
                    fitting[0].id, fitting[1].id
                ),
                "give more of the id, or --database",
            )),
        }
    }

    async fn find_latest(
        &self,
        tier: Option<Tier>,
        entries: Vec<Entry>,
        wanted: &Wanted,
    ) -> Result<Record> {
        if let Some(other) = entries
            .iter()
            .find(|entry| entry.database != entries[0].database)
        {
            return Err(Error::usage(
                format!(
                    "{wanted} of which database? there are {} and {} here",
                    entries[0].database, other.database
                ),
                "add --database NAME",
            ));
        }
        let mut refused = None;
        for entry in &entries {
            match self.open(entry).await {
                Ok(record) if record.is_good() && tier.is_none_or(|tier| record.tier == tier) => {
                    return Ok(record);
                }
                Ok(_) => {}
                Err(error @ (Error::Seal { .. } | Error::Record { .. })) => {
                    tracing::warn!("passed over a newer record that can't be read: {error}");
                    refused = refused.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused
            .unwrap_or_else(|| Error::no_such_backup(&wanted.to_string(), self.store.location())))
    }

    /// Records by name, newest first.
    async fn entries(&self, database: Option<&Label>) -> Result<Vec<Entry>> {
        let databases = match database {
            Some(database) => vec![database.clone()],
            None => self.databases().await?,
        };
        let mut entries = Vec::new();
        for database in databases {
            let folder = self.store.location().key(&format!("{database}/records/"));
            for object in self.store.list(&folder).await? {
                let name = object
                    .key
                    .strip_prefix(&folder)
                    .and_then(|name| name.strip_suffix(SUFFIX));
                if let Some(id) = name.and_then(|name| BackupId::parse(name).ok()) {
                    entries.push(Entry {
                        database: database.clone(),
                        id,
                    });
                }
            }
        }
        entries.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.database.cmp(&b.database)));
        Ok(entries)
    }

    async fn open_all(&self, entries: &[Entry]) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut opened = stream::iter(entries)
            .map(|entry| async move { (entry, self.open(entry).await) })
            .buffered(READS_AT_ONCE);
        while let Some((entry, result)) = opened.next().await {
            match result {
                Ok(record) => listing.records.push(record),
                Err(Error::Store(error)) if error.kind != Kind::NotFound => {
                    return Err(error.into());
                }
                Err(error) => listing.unreadable.push((self.record_key(entry), error)),
            }
        }
        Ok(listing)
    }

    async fn open(&self, entry: &Entry) -> Result<Record> {
        let key = self.record_key(entry);
        let sealed = self.store.read(&key, RECORD_BYTES_MAX).await?;
        let (header, json) =
            seal::open_bytes(&sealed, &self.secrets).map_err(|e| Error::seal(&key, e))?;
        let misplaced = |what: &str| {
            Error::record(
                &key,
                format!("it holds {what}: it was put under another's name"),
            )
        };
        if header.content != Content::Record {
            return Err(misplaced("no record"));
        }
        let record = Record::from_json(&json).map_err(|e| Error::record(&key, e.to_string()))?;
        if header.backup != entry.id.as_str()
            || record.id != entry.id
            || record.database != entry.database
        {
            return Err(misplaced(&format!(
                "the record of {} {}",
                record.database, record.id
            )));
        }
        Ok(record)
    }
}
