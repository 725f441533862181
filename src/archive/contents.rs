//! What an archive held.

use serde::{Deserialize, Serialize};

use super::{Definitions, Fingerprint};
use crate::text::Untrusted;

/// What a whole archive held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Version of the archive format: major, minor, revision.
    pub version: (u8, u8, u8),
    /// When pg_dump began, by the clock and in the time zone of where it ran; the zone is not stored. None where the
    /// fields make no date.
    pub created: Option<jiff::civil::DateTime>,
    /// Name of the database, as all names here with bytes that are no UTF-8 as `\xe9`.
    pub database: Untrusted,
    /// Version of the server that was dumped, as it calls itself.
    pub server_version: Untrusted,
    /// Version of the pg_dump that dumped it.
    pub dump_version: Untrusted,
    /// Entries in the table of contents: schemas, tables, their data, indexes, comments….
    pub entries: usize,
    /// These entries by their kind, in the order of the kinds' names.
    pub definitions: Vec<Definitions>,
    /// Each table with data, in the order of the table of contents. Views and materialized views have none, nor have
    /// partitioned tables: their partitions are listed, also with `--load-via-partition-root`.
    pub tables: Vec<TableData>,
    /// All large objects together.
    pub large_objects: LargeObjects,
    /// Length of the whole archive in bytes.
    pub length: u64,
}

/// The data of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableData {
    /// Name of its schema.
    pub schema: Untrusted,
    /// Its own name.
    pub name: Untrusted,
    /// How many rows. In an archive made with `--inserts`, how many lines that are not empty.
    pub rows: u64,
    /// Bytes of its rows in COPY's text format, each with its line break: the size of the file that `COPY … TO` would
    /// write.
    pub bytes: u64,
    /// What identifies its set of rows.
    pub fingerprint: Fingerprint,
    /// Where its data block begins, in bytes from the archive's beginning.
    pub start: u64,
    /// Where its data block has ended: the offset of the byte that follows it.
    pub end: u64,
}

/// All large objects of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LargeObjects {
    /// How many.
    pub count: u64,
    /// Bytes of all together.
    pub bytes: u64,
    /// The sum over all objects of the XXH3-128 of the object's OID, as 8 bytes little-endian, followed by its bytes.
    /// The OID counts because a restore keeps it, and because it is what other tables refer to.
    pub fingerprint: Fingerprint,
}
