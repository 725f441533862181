//! What can be wrong with an archive.

use std::fmt;

use crate::text::{Untrusted, counted};

/// Why an archive was refused. Offsets are in bytes from the archive's beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was not one byte.
    #[error("the archive is empty")]
    Empty,
    /// It does not begin as an archive does.
    #[error("not an archive of pg_dump{0}")]
    NotAnArchive(LooksLike),
    /// An archive of a version that is not read here.
    #[error("archive format {}.{}.{} is not supported", version.0, version.1, version.2)]
    Version {
        /// Major, minor, revision.
        version: (u8, u8, u8),
        /// Whether it is newer than what is supported; else it is older.
        newer: bool,
    },
    /// An archive in another of pg_dump's formats.
    #[error("an archive in {} format, not in custom format", format_name(*.0))]
    Format(u8),
    /// The header claims sizes for numbers that no PostgreSQL writes.
    #[error("the archive's header claims {what} of {}", counted(size, "byte"))]
    NumberSize {
        /// Which numbers.
        what: &'static str,
        /// Their claimed size.
        size: u8,
    },
    /// Its data is compressed.
    #[error("the archive is compressed ({0})")]
    Compressed(&'static str),
    /// A length or number that can't be.
    #[error("the archive is damaged: {what} is {value} at byte {at}")]
    Absurd {
        /// What it is the value of.
        what: &'static str,
        /// The value.
        value: i64,
        /// Where it was read, behind its last byte.
        at: u64,
    },
    /// More than a bound allows.
    #[error("the archive has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Two entries of the table of contents have one id.
    #[error("the archive is damaged: its table of contents has entry {id} twice")]
    RepeatedEntry {
        /// The id.
        id: i32,
    },
    /// A block that is neither of rows nor of large objects.
    #[error("the archive is damaged: a block of unknown type {kind} at byte {at}")]
    UnknownBlock {
        /// Its type.
        kind: u8,
        /// Where it begins.
        at: u64,
    },
    /// A block of data for an entry that does not exist, or that has no data.
    #[error("the archive is damaged: the block at byte {at} belongs to entry {id}, which has no data")]
    UnexpectedBlock {
        /// The entry's id.
        id: i32,
        /// Where the block begins.
        at: u64,
    },
    /// A second block of data for one entry.
    #[error("the archive is damaged: the data of {entry} comes twice, again at byte {at}")]
    RepeatedBlock {
        /// The entry.
        entry: EntryName,
        /// Where the second block begins.
        at: u64,
    },
    /// A block of large objects for a table, or of rows for large objects.
    #[error("the archive is damaged: the block of {entry} at byte {at} has the wrong type {kind}")]
    WrongBlock {
        /// The entry.
        entry: EntryName,
        /// The block's type.
        kind: u8,
        /// Where it begins.
        at: u64,
    },
    /// COPY's end marker is missing: the rows are not all there.
    #[error("the data of {entry} has no end marker")]
    NoEndMarker {
        /// The entry.
        entry: EntryName,
    },
    /// Something stands behind COPY's end marker.
    #[error("the data of {entry} goes on behind its end marker")]
    AfterEndMarker {
        /// The entry.
        entry: EntryName,
    },
    /// Data that the table of contents expected did not come.
    #[error("the archive lacks the data of {}", list(.entries, *.count))]
    MissingData {
        /// How many entries lack their data.
        count: usize,
        /// The first ten of them.
        entries: Vec<EntryName>,
    },
    /// The bytes ended in the middle.
    #[error("the archive was cut short after {}, {place}", counted(length, "byte"))]
    CutShort {
        /// In the middle of what.
        place: Place,
        /// How many bytes came.
        length: u64,
    },
    /// The table of contents at the end is not that at the beginning.
    #[error("the archive is damaged: the table of contents at its end differs from that at its beginning")]
    ContentsDiffer,
    /// Something follows the archive's end.
    #[error("something follows the archive's end at byte {at}")]
    AfterEnd {
        /// Where it begins.
        at: u64,
    },
}

impl Error {
    /// One plain sentence with the cure, where there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAnArchive(looks_like) => looks_like.hint()?,
            Self::Version { newer: true, .. } => "update pgcoffer, or dump with a pg_dump of PostgreSQL 18 or older",
            Self::Version { newer: false, .. } => "dump with a pg_dump of PostgreSQL 9.0 or newer",
            Self::Format(_) => "dump with `pg_dump --format=custom`",
            Self::Compressed(_) => "dump with `pg_dump --compress=0`: pgcoffer compresses by itself",
            Self::Empty | Self::CutShort { .. } | Self::NoEndMarker { .. } | Self::MissingData { .. } => {
                "the dump did not run to its end: see what pg_dump says"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// An entry of the table of contents that has data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryName {
    /// Its number in this archive.
    pub id: i32,
    /// The table's schema and name; None for large objects.
    pub table: Option<(Untrusted, Untrusted)>,
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.table {
            // As Debug writes them, so that a line break in a name stays on the line.
            Some((schema, name)) => write!(f, "table {schema:?}.{name:?} (entry {})", self.id),
            None => write!(f, "large objects (entry {})", self.id),
        }
    }
}

/// In the middle of what an archive was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The header.
    Header,
    /// The table of contents.
    Contents {
        /// Entries that were there as a whole.
        read: u32,
    },
    /// The beginning of a block, where it says whose it is.
    BlockStart,
    /// An entry's data.
    Data(EntryName),
    /// The second copy of the table of contents, behind all data.
    SecondContents,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("in its header"),
            Self::Contents { read } => {
                write!(f, "in its table of contents (entries before: {read})")
            }
            Self::BlockStart => f.write_str("at the beginning of a data block"),
            Self::Data(entry) => write!(f, "in the data of {entry}"),
            Self::SecondContents => f.write_str("in the second copy of its table of contents"),
        }
    }
}

/// What something that is no archive seems to be, by its first five bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LooksLike {
    /// Nothing known.
    Unknown,
    /// A dump in pg_dump's plain format, or some other SQL script.
    PlainSql,
    /// An archive in pg_dump's tar format.
    Tar,
    /// Something compressed by the named program.
    Compressed(&'static str),
    /// An object that pgcoffer sealed.
    Sealed,
}

impl LooksLike {
    /// By the first bytes, of which five are enough.
    pub(super) fn by_start(start: &[u8]) -> Self {
        const STARTS: [(&[u8], LooksLike); 11] = [
            (b"--\n", LooksLike::PlainSql),
            (b"-- ", LooksLike::PlainSql),
            (b"\\rest", LooksLike::PlainSql),
            (b"SET ", LooksLike::PlainSql),
            (b"toc.d", LooksLike::Tar),
            (b"pgcof", LooksLike::Sealed),
            (b"\x1f\x8b", LooksLike::Compressed("gzip")),
            (b"\x28\xb5\x2f\xfd", LooksLike::Compressed("zstd")),
            (b"\x04\x22\x4d\x18", LooksLike::Compressed("lz4")),
            (b"\xfd7zXZ", LooksLike::Compressed("xz")),
            (b"BZh", LooksLike::Compressed("bzip2")),
        ];
        STARTS
            .iter()
            .find(|(magic, _)| start.starts_with(magic))
            .map_or(Self::Unknown, |&(_, what)| what)
    }

    fn hint(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::PlainSql | Self::Tar => Some("dump with `pg_dump --format=custom`"),
            Self::Compressed(_) => Some("decompress it first"),
            Self::Sealed => Some("open it with `pgcoffer open` first"),
        }
    }
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::PlainSql => f.write_str(", but a plain SQL script by its looks"),
            Self::Tar => f.write_str(" in custom format, but in tar format by its looks"),
            Self::Compressed(program) => write!(f, ", but something compressed by {program}"),
            Self::Sealed => f.write_str(", but a sealed object of pgcoffer"),
        }
    }
}

/// By `ArchiveFormat` in
/// [`pg_backup.h`](https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_backup.h); in directory
/// format `toc.dat` calls itself tar.
fn format_name(format: u8) -> &'static str {
    match format {
        3 | 5 => "tar or directory",
        _ => "an unknown",
    }
}

fn list(entries: &[EntryName], count: usize) -> String {
    let mut text = entries.iter().map(EntryName::to_string).collect::<Vec<_>>().join(", ");
    if count > entries.len() {
        text.push_str(&format!(" and {} more", count - entries.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_read_alike() {
        let errors = [
            Error::Empty,
            Error::NotAnArchive(LooksLike::PlainSql),
            Error::NotAnArchive(LooksLike::Tar),
            Error::NotAnArchive(LooksLike::Compressed("gzip")),
            Error::NotAnArchive(LooksLike::Sealed),
            Error::Version {
                version: (1, 17, 0),
                newer: true,
            },
            Error::Version {
                version: (1, 11, 0),
                newer: false,
            },
            Error::Format(3),
            Error::Compressed("gzip"),
            Error::CutShort {
                place: Place::Header,
                length: 3,
            },
        ];
        for error in errors {
            let hint = error.hint().expect("each of these has a cure");
            assert!(hint.starts_with(|first: char| first.is_ascii_lowercase()), "{hint}");
            assert!(!hint.ends_with('.'), "{hint}");
        }
    }
}
