mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use super::{BackupId, Label, Mark, Retention, Served, Tier};
use crate::{
    archive::Fingerprint,
    cause::{Bucket, Cause},
    seal::RepositoryId,
    text::Untrusted,
};

pub use source::{Client, Collation, Server, Source};

/// The version of the record's shape that this program writes.
pub const RECORD_VERSION: u32 = 1;

/// How far ahead of the clock a run may have begun and still be believed: beyond that the clock by which it was dated
/// was wrong, and it must neither pass for the newest nor push out others.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Characters of each text from outside that stand in it. The name of a database has 63 bytes.
const TEXT_CHARS_MAX: usize = 63;
/// The longest entity tag that is of use: 32 digits and a count of parts, or 64 digits.
const ETAG_BYTES_MAX: usize = 100;

/// The entry of one run: what a catalog, a schedule, a retention and a monitor need, and no name of anything inside the
/// database. It is sealed in the bucket beside the archive and the [`Details`](super::Details), and written last, so
/// that it is the commit.
///
/// Sizes are in bytes. A reader skips fields that it doesn't know; `version` rises only where that would mislead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Record {
    /// The shape of this document, [`RECORD_VERSION`].
    pub version: u32,
    /// The repository that it belongs to.
    pub repository: RepositoryId,
    /// The backup's id.
    pub id: BackupId,
    /// The label of the database.
    pub database: Label,
    /// The tier under which the archive stands.
    pub tier: Tier,
    /// How long it is kept: the longest of what it serves.
    pub retention: Retention,
    /// When that runs out; none: never, or at no fixed moment.
    pub expires: Option<Timestamp>,
    /// Every tier that it serves, each with the moment at which it was due.
    #[serde(default)]
    pub serves: Vec<Served>,
    /// When the run began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The version of pgcoffer that ran.
    pub agent: Untrusted,
    /// What it is sealed for: `key 0123456789abcdef` or `a passphrase`.
    #[serde(default)]
    pub sealed_for: Untrusted,
    /// How it ended; only `succeeded` is a good backup.
    #[serde(flatten)]
    pub status: Status,
    /// In what it looks wrong beside the last good ones, each kind once; empty where it does not. The details have the
    /// numbers and names.
    #[serde(default, deserialize_with = "distinct")]
    pub anomalies: Vec<Anomaly>,
    /// With how many good backups it was compared when it was made: none in drop-box mode, where nothing can be read.
    #[serde(default)]
    pub compared: u32,
    /// What was dumped, as far as the run came.
    pub source: Option<Source>,
    /// What it holds, in numbers.
    #[serde(default)]
    pub counts: Counts,
    /// Bytes of its details in the bucket, which were written before it; 0 where there are none.
    #[serde(default)]
    pub details_bytes: u64,
    /// SHA-256 of those bytes, 64 lower-case hexadecimal digits: others under their name are not believed.
    #[serde(default)]
    pub details_sha256: Untrusted,
    /// The archive in the bucket; none for a run that failed.
    pub sealed: Option<Sealed>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// pg_dump ended with 0, its archive was whole, the upload was confirmed.
    Succeeded,
    /// Anything less.
    Failed {
        /// The exit status of the run.
        exit_status: u8,
        /// Why it failed, in words of our own. The details have the error itself.
        #[serde(default, deserialize_with = "Cause::lenient")]
        cause: Cause,
    },
}

/// In what a backup looks wrong beside the last good ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Anomaly {
    /// Its dump is much shorter.
    ShorterDump,
    /// It holds far fewer tables.
    FewerTables,
    /// It holds far fewer large objects.
    FewerLargeObjects,
    /// It compresses no more, as if it had been encrypted.
    Incompressible,
    /// Tables that never changed have all changed.
    AllChanged,
    /// Tables have lost most of their rows, or are gone.
    LostRows,
    /// What a later version found.
    #[serde(other)]
    Other,
}

/// What a backup holds, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    /// Tables with data.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Large objects.
    pub large_objects: u64,
    /// Entries of the dump's table of contents.
    pub definitions: u64,
    /// Warnings of pg_dump and of the run, which the details have in words.
    pub warnings: u64,
    /// One fingerprint of all tables, their names and their rows, and all large objects: two backups with the same one
    /// hold the same data.
    pub fingerprint: Fingerprint,
}

/// The sealed archive in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sealed {
    /// The objects that it is made of: one for each stream of the dump, so today one.
    pub objects: Vec<SealedObject>,
    /// Bytes of pg_dump's archive inside.
    pub dump_bytes: u64,
    /// The part size of the upload.
    pub part_bytes: u64,
    /// How the payload is compressed.
    pub compression: Compression,
}

/// One sealed object of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SealedObject {
    /// Its key, below the prefix.
    pub key: String,
    /// Bytes stored.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, 64 lower-case hexadecimal digits.
    pub sha256: Untrusted,
    /// CRC-64/NVME of the stored bytes, base64 of its 8 bytes big-endian, as S3 writes it.
    pub crc64nvme: Untrusted,
    /// The service's entity tag, where it gave one.
    pub etag: Option<String>,
    /// Whether the bucket took its tags: where it did, their absence means something.
    #[serde(default = "yes")]
    pub tagged: bool,
}

/// How the payload of an archive is compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Compression {
    /// `zstd` or `none`.
    pub algorithm: Untrusted,
    /// zstd's level; 0 for none.
    pub level: i32,
    /// Bytes of pg_dump's archive in each chunk; the last one holds the rest.
    pub chunk_bytes: u64,
}

/// A record of a later shape than this program knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownVersion {
    /// Not the JSON of a record.
    #[error("it is not a record: {0}")]
    NotARecord(Untrusted),
    /// A later version.
    #[error("it is a record of version {0}, and this program knows versions up to {RECORD_VERSION}")]
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

    /// Why no agent writes such a record, where none does: its beginning is that of its id; it serves a tier once at
    /// the most, a period that was due before it began and can still be served then.
    ///
    /// An attacker with the key of a compromised machine can seal any record.
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

    /// How long it is kept, and when that runs out, where at a fixed moment: as its mark says, or else as it was made.
    #[must_use]
    pub fn kept(&self, mark: Option<&Mark>) -> (Retention, Option<Timestamp>) {
        let retained = mark.and_then(|mark| mark.retained.as_ref()).filter(|_| self.is_good());
        match retained {
            Some(retained) => (retained.retention, retained.retention.expires(self.started)),
            None => (self.retention, self.expires),
        }
    }

    /// Whether this is a good backup: the only kind that may be restored from or counted on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.status == Status::Succeeded && self.object().is_some()
    }

    /// Whether it failed for want of room in the bucket.
    #[must_use]
    pub fn had_no_room(&self) -> bool {
        let full = Cause::from(Bucket::BucketFull);
        matches!(&self.status, Status::Failed { cause, .. } if *cause == full)
    }

    /// Whether it was dated by a clock that was ahead.
    #[must_use]
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.started.duration_since(now) > AHEAD_MAX
    }

    /// The object that holds its archive, where there is one.
    #[must_use]
    pub fn object(&self) -> Option<&SealedObject> {
        self.sealed.as_ref()?.objects.first()
    }

    /// Writes the entry as JSON, of at most 4 KiB whatever the database, so that a catalog of thousands is read in
    /// seconds: longer texts than anybody needs are cut.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut record = self.clone();
        record.agent = record.agent.cut(TEXT_CHARS_MAX);
        record.sealed_for = record.sealed_for.cut(TEXT_CHARS_MAX);
        record.anomalies = each_once(record.anomalies);
        record.source = record.source.map(Source::cut);
        for object in record.sealed.iter_mut().flat_map(|sealed| &mut sealed.objects) {
            object.etag = object.etag.take().filter(|etag| etag.len() <= ETAG_BYTES_MAX);
        }
        serde_json::to_vec(&record).expect("a record has string keys and no fallible field")
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

impl Sealed {
    /// Bytes stored, of all objects together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = self.objects.iter().map(|object| object.bytes);
        bytes.fold(0, u64::saturating_add)
    }
}

/// Each kind once, so that their number is bounded.
fn distinct<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Anomaly>, D::Error> {
    Vec::deserialize(deserializer).map(each_once)
}

fn each_once(mut anomalies: Vec<Anomaly>) -> Vec<Anomaly> {
    let mut seen = BTreeSet::new();
    anomalies.retain(|anomaly| seen.insert(*anomaly));
    anomalies
}

impl Anomaly {
    /// Every kind that this version knows.
    const KNOWN: [Self; 6] = [
        Self::ShorterDump,
        Self::FewerTables,
        Self::FewerLargeObjects,
        Self::Incompressible,
        Self::AllChanged,
        Self::LostRows,
    ];

    /// Its name in records and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ShorterDump => "shorter_dump",
            Self::FewerTables => "fewer_tables",
            Self::FewerLargeObjects => "fewer_large_objects",
            Self::Incompressible => "incompressible",
            Self::AllChanged => "all_changed",
            Self::LostRows => "lost_rows",
            Self::Other => "other",
        }
    }

    /// The kind of this name, where this version knows it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|anomaly| anomaly.as_str() == name)
    }
}

impl std::fmt::Display for Anomaly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ShorterDump => "the dump is much shorter than the last ones",
            Self::FewerTables => "it holds far fewer tables than the last ones",
            Self::FewerLargeObjects => "it holds far fewer large objects than the last ones",
            Self::Incompressible => "it no longer compresses, as if it were encrypted",
            Self::AllChanged => "tables that never changed have all changed",
            Self::LostRows => "tables have lost half or all of their rows",
            Self::Other => "it looks wrong in a way that this version of pgcoffer does not know",
        })
    }
}
