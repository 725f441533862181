//! Small sealed objects, read: entries and details, each of which has to be what its place says.

use super::{Catalog, misplaced};
use crate::{
    backup::{BackupId, Details, Label, Record},
    compress,
    error::{Error, Result},
    seal::{self, Content},
    store::LOOKS,
};

/// The level of zstd at which details are compressed: zstd's own default.
pub(super) const DETAILS_LEVEL: i32 = 3;
/// An entry has 4 KiB and a header; more is none.
const RECORD_OBJECT_BYTES_MAX: u64 = 64 << 10;
/// Details of a million tables, or of a dump of 10 TB, stay below this as they are stored.
const DETAILS_OBJECT_BYTES_MAX: u64 = 128 << 20;
/// And below this when they are decompressed: 250 bytes a table, seven a chunk.
const DETAILS_BYTES_MAX: usize = 384 << 20;

impl Catalog {
    /// What is inside a backup, or why a run failed.
    ///
    /// # Errors
    /// What the bucket refuses, also where there are none; [`Error::Seal`] without a request where a catalog key alone is at hand; [`Error::Seal`], [`Error::Compress`] and [`Error::Differs`] for what is not what was
    /// sealed.
    pub async fn details(&self, record: &Record) -> Result<Details> {
        let whose = (&record.database, &record.id);
        let key = self.details_key(whose.0, whose.1);
        let content = Content::Details;
        if !self.sees_inside(whose.0, whose.1).await? {
            return Err(Error::seal(key, seal::Error::BeyondCatalogKey { content }));
        }
        let what = (whose.0, whose.1, content);
        let payload = self
            .read_sealed(&key, DETAILS_OBJECT_BYTES_MAX, what)
            .await?;
        let payload_fault = |source| Error::Payload {
            object: key.clone(),
            source,
        };
        let json = compress::decompress(&payload, DETAILS_BYTES_MAX).map_err(payload_fault)?;
        drop(payload);
        Details::from_json(&json, whose).map_err(|e| Error::differs(&key, e.to_string()))
    }

    pub(super) async fn open_record(&self, database: &Label, id: &BackupId) -> Result<Record> {
        let key = self.record_key(database, id);
        let what = (database, id, Content::Record);
        let json = self
            .read_sealed(&key, RECORD_OBJECT_BYTES_MAX, what)
            .await?;
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
    pub(super) async fn read_sealed(
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
