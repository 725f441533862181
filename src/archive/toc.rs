//! The table of contents.

use xxhash_rust::xxh3::Xxh3;

use super::Error;
use super::promises::{Data, Promise, Style};
use super::scan::{Input, Scanner, Text};

/// Since this minor version an entry has a table access method.
const ACCESS_METHOD_SINCE: u8 = 14;
/// Since this minor version an entry has a relation kind.
const RELATION_KIND_SINCE: u8 = 16;
/// The entries of table statistics, since PostgreSQL 18. Their definition is written in the first table of contents only:
/// see `defnLen` in [`WriteToc`](https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_backup_archiver.c).
const STATISTICS: &[u8] = b"STATISTICS DATA";
const LARGE_OBJECTS: &[u8] = b"BLOBS";

/// What a table of contents came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) entries: u32,
    /// Of all that the two tables of contents of one archive have in common.
    digest: u128,
}

/// What comes next.
pub(super) enum Step {
    /// More input is needed.
    More,
    /// An entry that promises data.
    Promise(Promise),
    /// The end.
    End(Summary),
}

/// Reads a table of contents and keeps nothing of it but the entry that it stands in.
#[derive(Clone)]
pub(super) struct TocReader {
    minor: u8,
    offset_bytes: usize,
    /// Whether this is the copy at the archive's end.
    second: bool,
    scanner: Scanner,
    digest: Xxh3,
    next: Part,
    entries: u32,
    left: u32,
    entry: Entry,
}

/// The entry that is being read. Names are gathered only if it has data.
#[derive(Clone, Default)]
struct Entry {
    id: i32,
    had_data: bool,
    large_objects: bool,
    statistics: bool,
    copy: bool,
    name: String,
    schema: String,
}

/// The parts of an entry, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Count,
    Id,
    HadData,
    TableOid,
    Oid,
    Name,
    Kind,
    Section,
    Definition,
    Drop,
    Copy,
    Schema,
    Tablespace,
    AccessMethod,
    RelationKind,
    Owner,
    WithOids,
    Dependency,
    Offset,
}

impl TocReader {
    pub(super) fn new(minor: u8, offset_bytes: usize, second: bool) -> Self {
        Self {
            minor,
            offset_bytes,
            second,
            scanner: Scanner::default(),
            digest: Xxh3::new(),
            next: Part::Count,
            entries: 0,
            left: 0,
            entry: Entry::default(),
        }
    }

    /// How many entries have been read as a whole.
    pub(super) fn read(&self) -> u32 {
        self.entries - self.left
    }

    pub(super) fn step(&mut self, input: &mut Input<'_>) -> Result<Step, Error> {
        loop {
            if self.next == Part::Id && self.left == 0 {
                return Ok(Step::End(Summary {
                    entries: self.entries,
                    digest: self.digest.digest128(),
                }));
            }
            let (part, before) = (self.next, input.rest);
            let done = self.part(input)?;
            let is_common =
                part != Part::Offset && !(part == Part::Definition && self.entry.statistics);
            if is_common {
                self.digest
                    .update(&before[..before.len() - input.rest.len()]);
            }
            if !done {
                return Ok(Step::More);
            }
            if part == Part::Offset {
                self.left -= 1;
                if let Some(promise) = std::mem::take(&mut self.entry).promise() {
                    return Ok(Step::Promise(promise));
                }
            }
        }
    }

    /// Reads one part and sets the next; false while it is not there as a whole.
    fn part(&mut self, input: &mut Input<'_>) -> Result<bool, Error> {
        self.next = match self.next {
            Part::Count | Part::Id | Part::HadData | Part::Section | Part::RelationKind => {
                let Some(value) = self.scanner.int(input) else {
                    return Ok(false);
                };
                self.number(value, input.at())?
            }
            Part::Offset => {
                let Some(bytes) = self.scanner.bytes(1 + self.offset_bytes, input) else {
                    return Ok(false);
                };
                check_offset(bytes[0], input.at())?;
                Part::Id
            }
            part => {
                let keep = match part {
                    Part::Kind => true,
                    Part::Name | Part::Schema | Part::Copy => self.entry.had_data,
                    _ => false,
                };
                let Some(text) = self.scanner.text(keep, input)? else {
                    return Ok(false);
                };
                self.entry.take(part, &text);
                part.after_text(text.is_null(), self.minor)
            }
        };
        Ok(true)
    }

    /// Takes the number that stands at the current part and says what follows.
    fn number(&mut self, value: i32, at: u64) -> Result<Part, Error> {
        let absurd = |what| Error::Absurd {
            what,
            value: value.into(),
            at,
        };
        Ok(match self.next {
            Part::Count => {
                self.entries = u32::try_from(value).map_err(|_| absurd("the number of entries"))?;
                self.left = self.entries;
                Part::Id
            }
            Part::Id => {
                if value <= 0 {
                    return Err(absurd("an entry's id"));
                }
                self.entry.id = value;
                Part::HadData
            }
            Part::HadData => {
                self.entry.had_data = value != 0;
                Part::TableOid
            }
            Part::Section if self.second && self.entry.statistics => Part::Drop,
            Part::Section => Part::Definition,
            _ => Part::Owner,
        })
    }
}

impl Part {
    /// What follows a string.
    fn after_text(self, is_null: bool, minor: u8) -> Self {
        match self {
            Self::TableOid => Self::Oid,
            Self::Oid => Self::Name,
            Self::Name => Self::Kind,
            Self::Kind => Self::Section,
            Self::Definition => Self::Drop,
            Self::Drop => Self::Copy,
            Self::Copy => Self::Schema,
            Self::Schema => Self::Tablespace,
            Self::Tablespace if minor >= ACCESS_METHOD_SINCE => Self::AccessMethod,
            Self::AccessMethod if minor >= RELATION_KIND_SINCE => Self::RelationKind,
            Self::Tablespace | Self::AccessMethod => Self::Owner,
            Self::Owner => Self::WithOids,
            Self::Dependency if is_null => Self::Offset,
            _ => Self::Dependency,
        }
    }
}

impl Entry {
    fn take(&mut self, part: Part, text: &Text<'_>) {
        match part {
            Part::Kind => {
                self.large_objects = text.bytes == Some(LARGE_OBJECTS);
                self.statistics = text.bytes == Some(STATISTICS);
            }
            Part::Copy => self.copy = text.bytes.is_some_and(|bytes| !bytes.is_empty()),
            Part::Name if self.had_data => self.name = text.lossy(),
            Part::Schema if self.had_data => self.schema = text.lossy(),
            _ => (),
        }
    }

    fn promise(self) -> Option<Promise> {
        let style = if self.copy {
            Style::Copy
        } else {
            Style::Insert
        };
        let data = if self.large_objects {
            Data::LargeObjects
        } else {
            Data::Table {
                schema: self.schema.into(),
                name: self.name.into(),
                style,
            }
        };
        self.had_data.then_some(Promise { id: self.id, data })
    }
}

/// `K_OFFSET_POS_NOT_SET`, `K_OFFSET_POS_SET` and `K_OFFSET_NO_DATA` in pg_backup_archiver.h. The offset itself is of no use:
/// in a stream it is never set.
fn check_offset(state: u8, at: u64) -> Result<(), Error> {
    match state {
        1..=3 => Ok(()),
        _ => Err(Error::Absurd {
            what: "the state of an entry's offset",
            value: state.into(),
            at,
        }),
    }
}
