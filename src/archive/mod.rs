//! pg_dump's custom format, read as it passes.
//!
//! [`ArchiveReader`] looks at the bytes of a `pg_dump --format=custom --compress=0` on their way somewhere else and
//! changes nothing. At the end it can say whether the archive was whole, and what was in it: for each table its rows,
//! its bytes and a [`Fingerprint`] that does not depend on the order of the rows. Memory is some 200 bytes per table
//! with data, whatever the size of the database.
//!
//! The format has no written specification. What is read here was learnt from PostgreSQL's
//! [`pg_backup_archiver.c`](https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_backup_archiver.c)
//! and
//! [`pg_backup_custom.c`](https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_backup_custom.c):
//!
//! ```text
//! archive  = header contents block* [contents]
//! header   = "PGDMP" major minor revision int-size offset-size format compression date database server-version
//! dump-version contents = int count, entry* entry    = int id, int had-data, the rest of its description, offset block
//! = 1, int id, chunks                            the rows of a table, as COPY or INSERT text          | 3, int id,
//! (int oid, chunks)*, int 0         large objects chunks   = (int length, bytes)*, int 0 int      = sign byte (0 or
//! 1), 4 bytes little-endian text     = int length (-1: null), bytes
//! ```
//!
//! Versions 1.12 to 1.16 are read, which is what PostgreSQL 9.0 to 18 write:
//!
//! | version | since | what changed in the layout |
//! |---|---|---|
//! | 1.12 | 9.0 | |
//! | 1.13 | 10.3, 11 | nothing (another `search_path` is meant) |
//! | 1.14 | 12 | an entry has a table access method |
//! | 1.15 | 16 | compression is one byte, an algorithm, and no longer an int, a level |
//! | 1.16 | 17 | an entry has a relation kind; large objects come in several groups |
//!
//! Written to a seekable file in append mode (so by a shell's redirection with clients 17 and 18), an archive has its
//! table of contents once more at its end. Through a pipe nothing follows the last block.

mod block_picker;
mod blocks;
mod contents;
mod contents_writer;
mod definitions;
mod entries;
mod entry;
mod error;
mod expected;
mod fingerprint;
mod header;
mod objects;
mod reader;
mod rows;
mod scan;
#[cfg(test)]
mod tests;
mod toc;

pub use block_picker::{BlockPicker, Picked};
pub use contents::{Contents, LargeObjects, TableData};
pub use contents_writer::write_contents;
pub use definitions::Definitions;
pub use entries::{EntriesReader, Layout};
pub use entry::{Entry, Field, Section};
pub use error::{EntryName, Error, LooksLike, Place};
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use reader::ArchiveReader;
