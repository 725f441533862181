//! Reads small sealed objects: entries and details, each of which must match its key.

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Catalog, misplaced};
use crate::{
    backup::{BackupId, Details, Label, Record},
    compress,
    error::{Error, Result},
    seal::{self, Content},
    store::{Kind, READS_MAX},
    text::Untrusted,
};

/// The zstd level for details: zstd's own default.
pub(super) const DETAILS_LEVEL: i32 = 3;
/// The longest object of an entry: an entry has at most 4 KiB and a header.
pub(super) const RECORD_OBJECT_BYTES_MAX: u64 = 64 << 10;
/// Limits of the JSON of details: the part without tables, a table with two long names, and the length of a chunk, each
/// with room to spare. The last is the limit for every record, whatever it claims.
const DETAILS_BYTES: u64 = 4 << 20;
const DETAILS_BYTES_PER_TABLE: u64 = 512;
const DETAILS_BYTES_PER_CHUNK: u64 = 16;
const DETAILS_BYTES_MAX: u64 = 384 << 20;
/// The most bytes that sealing and compressing add to a small object.
const SEALED_BESIDES: u64 = 64 << 10;

/// What a small sealed object must match.
pub(super) struct Expected<'a> {
    /// The database whose keys count; none for what belongs to the place as a whole, where every key does.
    pub(super) database: Option<&'a Label>,
    /// The name for which it was sealed: an id, or the name of a drill.
    pub(super) name: &'a str,
    /// When it was made, by that name.
    pub(super) made: Timestamp,
    pub(super) content: Content,
    pub(super) bytes_max: u64,
    /// The SHA-256 of its bytes, if the record has it.
    pub(super) sha256: Option<&'a Untrusted>,
}

impl Catalog {
    /// Reads the details: the contents of a backup, or why a run failed.
    ///
    /// # Errors
    /// Any error of the bucket, also if there are no details; [`Error::Seal`] without a request if there is only a
    /// catalog key; [`Error::Seal`], [`Error::Payload`] and [`Error::Differs`] for details that are not those that were
    /// sealed, or were not written with this record.
    pub async fn details(&self, record: &Record) -> Result<Details> {
        let json = self.details_json(record).await?;
        json.details(record)
    }

    /// The same, and the compressed length of each chunk of its archive: empty where nothing is compressed.
    ///
    /// # Errors
    /// As [`details`](Self::details).
    pub async fn details_and_chunks(&self, record: &Record) -> Result<(Details, Vec<u32>)> {
        let json = self.details_json(record).await?;
        let details = json.details(record)?;
        let chunks = Details::read_chunks(|| json.reader());
        let chunks = chunks.map_err(|e| Error::differs(json.key.clone(), e.to_string()))?;
        Ok((details, chunks))
    }

    async fn details_json(&self, record: &Record) -> Result<DetailsJson> {
        let (database, id) = (&record.database, &record.id);
        let key = self.details_key(database, id);
        let content = Content::Details;
        if !self.sees_inside(database, id).await? {
            return Err(Error::seal(key, seal::Error::BeyondCatalogKey { content }));
        }
        if record.details_bytes == 0 {
            return Err(Error::differs(key, "the run could not write it"));
        }
        let bytes_max = details_bytes_max(record);
        let expected = Expected {
            database: Some(database),
            name: id.as_str(),
            made: id.time(),
            content,
            bytes_max: record.details_bytes.min(bytes_max + SEALED_BESIDES),
            sha256: Some(&record.details_sha256),
        };
        let payload = self.read_sealed(&key, &expected).await?;
        Ok(DetailsJson {
            key,
            payload,
            bytes_max,
        })
    }

    /// Reads the details if that is possible. Otherwise logs the reason and returns `None`, as the backup is good
    /// without them and other work can go on.
    ///
    /// # Errors
    /// Errors that concern every object: the bucket can't be reached, or refuses the credentials.
    pub async fn known_details(&self, record: &Record) -> Result<Option<Details>> {
        // a catalog key can't open details, which is not a fault
        if !self.sees_inside(&record.database, &record.id).await? {
            return Ok(None);
        }
        or_none(record, self.details(record).await)
    }

    /// The same with the lengths of chunks.
    ///
    /// # Errors
    /// As [`known_details`](Self::known_details).
    pub async fn known_details_and_chunks(&self, record: &Record) -> Result<Option<(Details, Vec<u32>)>> {
        if !self.sees_inside(&record.database, &record.id).await? {
            return Ok(None);
        }
        or_none(record, self.details_and_chunks(record).await)
    }

    pub(super) async fn open_record(&self, database: &Label, id: &BackupId) -> Result<Record> {
        let key = self.record_key(database, id);
        let expected = Expected {
            database: Some(database),
            name: id.as_str(),
            made: id.time(),
            content: Content::Record,
            bytes_max: RECORD_OBJECT_BYTES_MAX,
            sha256: None,
        };
        let json = self.read_sealed(&key, &expected).await?;
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

    /// Reads and opens a small sealed object. If it doesn't open, it is read again, as a bit may have been flipped on
    /// the network. The error counts once the same bytes were read twice.
    pub(super) async fn read_sealed(&self, key: &str, expected: &Expected<'_>) -> Result<Vec<u8>> {
        let (_, opened) = self.read_sealed_whole(key, expected).await?;
        Ok(opened)
    }

    /// The same, with the sealed object as it is stored before what it holds.
    pub(super) async fn read_sealed_whole(&self, key: &str, expected: &Expected<'_>) -> Result<(Bytes, Vec<u8>)> {
        let mut before = self.store.read(key, expected.bytes_max).await?;
        for _ in 1..READS_MAX {
            let opened = self.open_sealed(key, &before, expected).await;
            if let Ok(opened) = opened {
                return Ok((before, opened));
            }
            let after = self.store.read(key, expected.bytes_max).await?;
            if after == before {
                return opened.map(|opened| (before, opened));
            }
            before = after;
        }
        Err(self.store.inconsistent(key, "it").into())
    }

    /// Opens a small sealed object, which must match its key and its record.
    async fn open_sealed(&self, key: &str, sealed: &[u8], expected: &Expected<'_>) -> Result<Vec<u8>> {
        let repository = self.repository().await?;
        let secrets = match expected.database {
            Some(database) => self.keys.opening(database, expected.made),
            None => self.keys.opening_of_all(expected.made),
        };
        let (header, json) = seal::open_bytes(sealed, &secrets).map_err(|e| Error::seal(key, e))?;
        header
            .check_is(&repository, expected.name, expected.content)
            .map_err(|e| Error::seal(key, e))?;
        let is_it = |sha256: &Untrusted| sha256.raw() == sha256_hex(sealed);
        match expected.sha256.is_none_or(is_it) {
            true => Ok(json),
            false => {
                let what = "it is another one than was written with its record or report";
                Err(Error::differs(key, what))
            }
        }
    }
}

/// Opened details, of which the JSON is still compressed.
struct DetailsJson {
    key: String,
    payload: Vec<u8>,
    /// What they may decompress to.
    bytes_max: u64,
}

impl DetailsJson {
    fn reader(&self) -> compress::Reader<'_> {
        compress::Reader::new(&self.payload, self.bytes_max)
    }

    fn details(&self, record: &Record) -> Result<Details> {
        let details = Details::read(|| self.reader(), record);
        details.map_err(|e| Error::differs(self.key.clone(), e.to_string()))
    }
}

/// None where the details can't be read, which is logged.
fn or_none<T>(record: &Record, read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(details) => Ok(Some(details)),
        Err(Error::Store(error)) if error.kind.is_of_all_objects() && !is_of_one(error.kind) => Err(error.into()),
        Err(error) => {
            // a run that could write nothing else has left its entry
            if record.is_good() || record.details_bytes > 0 {
                tracing::warn!("what is inside {} can't be read: {error}", record.id);
            }
            Ok(None)
        }
    }
}

/// The most bytes of JSON that the details of this record can have.
fn details_bytes_max(record: &Record) -> u64 {
    let tables = record.counts.tables.saturating_mul(DETAILS_BYTES_PER_TABLE);
    let chunks = record.sealed.as_ref().map_or(0, |sealed| {
        let chunks = sealed.dump_bytes / compress::CHUNK_BYTES as u64;
        chunks.saturating_mul(DETAILS_BYTES_PER_CHUNK)
    });
    let bytes = [DETAILS_BYTES, tables, chunks].into_iter();
    bytes.fold(0, u64::saturating_add).min(DETAILS_BYTES_MAX)
}

/// The SHA-256 of bytes as 64 lower-case hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Whether an error that can concern every object may also concern only the details, since other rights and rules can
/// apply to them.
fn is_of_one(kind: Kind) -> bool {
    matches!(kind, Kind::Denied | Kind::Damaged)
}
