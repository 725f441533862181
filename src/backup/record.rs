use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BackupId, Label, Retention, Served, Tier};
use crate::{
    archive::{Fingerprint, LargeObjects},
    cause::{Bucket, Cause},
    seal::RepositoryId,
    text::Untrusted,
};

/// The version of the record's shape that this program writes.
pub const RECORD_VERSION: u32 = 1;

/// How far ahead of the clock a run may have begun and still be believed: beyond that the clock by which it was dated was
/// wrong, and it must neither pass for the newest nor push out others.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(15);

/// What one run did: sealed in the bucket beside the archive and written last, so that it is the commit.
///
/// Sizes are in bytes. A reader skips fields that it doesn't know; `version` rises only where that would mislead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// shape of this document, [`RECORD_VERSION`]
    pub version: u32,
    /// the repository that it belongs to
    pub repository: RepositoryId,
    /// the backup's id
    pub id: BackupId,
    /// label of the database
    pub database: Label,
    /// tier under which the archive stands
    pub tier: Tier,
    /// how long it is kept: the longest of what it serves
    pub retention: Retention,
    /// when that runs out; none: never, or at no fixed moment
    pub expires: Option<Timestamp>,
    /// every tier it serves; none in a record of a version that knew one tier only
    #[serde(default)]
    pub serves: Vec<Served>,
    /// when the run began
    pub started: Timestamp,
    /// when it ended
    pub finished: Timestamp,
    /// version of pgcoffer that ran
    pub agent: Untrusted,
    /// what it is sealed for: `key 0123456789abcdef` or `a passphrase`
    #[serde(default)]
    pub sealed_for: Untrusted,
    /// how it ended; only `succeeded` is a good backup
    #[serde(flatten)]
    pub status: Status,
    /// warnings of pg_dump and of the run
    pub warnings: Vec<Untrusted>,
    /// why it looks wrong beside the last good ones; empty where it does not
    #[serde(default)]
    pub suspicious: Vec<Untrusted>,
    /// what was dumped, as far as the run came
    pub source: Option<Source>,
    /// the archive in the bucket; none for a run that failed
    pub sealed: Option<Sealed>,
    /// each table's rows, bytes and fingerprint, in the archive's order
    pub tables: Vec<TableFingerprint>,
    /// all large objects together
    pub large_objects: LargeObjects,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// pg_dump ended with 0, its archive was whole, the upload was confirmed
    Succeeded,
    /// anything less
    Failed(Failure),
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// what failed, on what, and why
    pub error: Untrusted,
    /// what cures it
    pub hint: Option<Untrusted>,
    /// exit status of the run
    pub exit_status: u8,
    /// the same in words of our own, which alone may leave the machine over a channel
    #[serde(default, deserialize_with = "Cause::lenient")]
    pub cause: Cause,
}

/// Where a dump came from and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// the server
    pub server: Server,
    /// the client that dumped it
    pub client: Client,
    /// arguments of pg_dump; no secret is ever among them
    pub options: Vec<Untrusted>,
}

/// A PostgreSQL server as it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// full version, `16.4`
    pub version: Untrusted,
    /// major version, `16`
    pub major: u32,
    /// name of the database on it
    pub database: Untrusted,
    /// size on disk of what a dump holds (tables without their indexes, large objects)
    pub table_bytes: u64,
    /// a standby rather than a primary
    pub standby: bool,
    /// extensions and their versions
    pub extensions: Vec<(Untrusted, Untrusted)>,
}

/// A pg_dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// full version, `16.4`
    pub version: Untrusted,
    /// major version, `16`
    pub major: u32,
}

/// The sealed archive in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// the object's key, below the prefix
    pub key: String,
    /// bytes stored
    pub bytes: u64,
    /// bytes of pg_dump's archive inside
    pub dump_bytes: u64,
    /// the service's entity tag, where it gave one
    pub etag: Option<String>,
    /// CRC-64/NVME of the stored bytes, base64 of its 8 bytes big-endian, as S3 writes it
    pub crc64nvme: Untrusted,
    /// part size of the upload
    pub part_bytes: u64,
    /// whether the bucket took its tags: where it did, their absence means something
    #[serde(default = "yes")]
    pub tagged: bool,
    /// how the payload is compressed
    pub compression: Compression,
}

/// How the payload of an archive is compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compression {
    /// `zstd` or `none`
    pub algorithm: Untrusted,
    /// zstd's level; 0 for none
    pub level: i32,
    /// bytes of pg_dump's archive in each chunk; the last one holds the rest
    pub chunk_bytes: u64,
    /// compressed length of each chunk: chunk n begins where the sum of those before it ends
    pub chunks: Vec<u32>,
}

/// What one table held when it was dumped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFingerprint {
    /// schema
    pub schema: Untrusted,
    /// name
    pub name: Untrusted,
    /// rows
    pub rows: u64,
    /// bytes of its rows in COPY's text form
    pub bytes: u64,
    /// 128-bit sum over all rows of the XXH3-128 of each: the order of rows does not matter
    pub fingerprint: Fingerprint,
    /// where its data begins and ends in pg_dump's archive
    pub span: (u64, u64),
}

/// A record of a later shape than this program knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownVersion {
    /// not the JSON of a record
    #[error("it is not a record: {0}")]
    NotARecord(Untrusted),
    /// a later version
    #[error(
        "it is a record of version {0}, and this program knows versions up to {RECORD_VERSION}"
    )]
    Newer(u32),
}

fn yes() -> bool {
    true
}

impl Record {
    /// Every tier that this backup serves.
    #[must_use]
    pub fn serves(&self) -> Vec<Served> {
        if !self.serves.is_empty() {
            return self.serves.clone();
        }
        vec![Served {
            tier: self.tier,
            due: self.started,
            retention: self.retention,
        }]
    }

    /// Why no agent writes such a record, where none does: its beginning is that of its id; it serves a tier once at the most,
    /// a period that was due before it began and can still be served then.
    ///
    /// Whoever has the key of a machine that was broken into can seal any record.
    #[must_use]
    pub fn implausible(&self) -> Option<&'static str> {
        let mut tiers = BTreeSet::new();
        if self.started.as_second() != self.id.time().as_second() {
            return Some("it did not begin when its id says");
        }
        self.serves().iter().find_map(|served| {
            let age = self.started.duration_since(served.due);
            if !tiers.insert(served.tier) {
                Some("it serves more than one period of a tier")
            } else if age.is_negative() {
                Some("it serves a period that was not due yet")
            } else if served.tier != Tier::Manual && age > served.tier.open_max() {
                Some("it serves a period that was over")
            } else {
                None
            }
        })
    }

    /// Whether this is a good backup: the only kind that may be restored from or counted on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.status == Status::Succeeded && self.sealed.is_some()
    }

    /// Whether it failed for want of room in the bucket.
    #[must_use]
    pub fn had_no_room(&self) -> bool {
        let full = Cause::from(Bucket::BucketFull);
        matches!(&self.status, Status::Failed(failure) if failure.cause == full)
    }

    /// Whether it was dated by a clock that was ahead.
    #[must_use]
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.started.duration_since(now) > AHEAD_MAX
    }

    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Writes the record as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record has string keys and no fallible field")
    }

    /// Reads a record, looking at its version before anything else.
    ///
    /// # Errors
    /// [`UnknownVersion`] where the bytes are no record or one of a later version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, UnknownVersion> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let not_a_record = |e: serde_json::Error| UnknownVersion::NotARecord(e.to_string().into());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(not_a_record)?;
        if version > RECORD_VERSION {
            return Err(UnknownVersion::Newer(version));
        }
        serde_json::from_slice(bytes).map_err(not_a_record)
    }
}
