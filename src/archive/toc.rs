//! The table of contents.

use xxhash_rust::xxh3::Xxh3;

use super::definitions::Kinds;
use super::entry::{Field, Section};
use super::expected::{Data, DataEntry, Style};
use super::scan::{Input, NAME_BYTES, Scanner, Text};
use super::{Entry, Error};

/// Since this minor version an entry has a table access method.
const ACCESS_METHOD_SINCE: u8 = 14;
/// Since this minor version an entry has a relation kind.
const RELATION_KIND_SINCE: u8 = 16;
/// The entries of table statistics, since PostgreSQL 18. Their definition is written in the first table of contents
/// only: see `defnLen` in
/// [`WriteToc`](https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_backup_archiver.c).
const STATISTICS: &[u8] = b"STATISTICS DATA";
const LARGE_OBJECTS: &str = "BLOBS";

/// What a table of contents came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) entries: u32,
    /// Of all that the two tables of contents of one archive have in common.
    digest: u128,
}

/// How much of an entry is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What the road of the data needs: the names of entries with data.
    Data,
    /// Everything, of a definition no more than so many bytes.
    All { definition_bytes: usize },
}

/// What comes next.
pub(super) enum Step {
    /// More input is needed.
    More,
    /// An entry with data, where no more was asked for.
    DataEntry(DataEntry),
    /// An entry as a whole, where that was asked for.
    Entry(Box<Entry>),
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
    detail: Detail,
    scanner: Scanner,
    digest: Xxh3,
    kinds: Kinds,
    next: Part,
    entries: u32,
    left: u32,
    /// The entry that is being read; of its texts, those that are kept.
    entry: Entry,
    statistics: bool,
    /// Whether the archive is in another encoding than UTF-8, so that its bytes are kept as well.
    is_foreign: bool,
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
            detail: Detail::Data,
            scanner: Scanner::default(),
            digest: Xxh3::new(),
            kinds: Kinds::default(),
            next: Part::Count,
            entries: 0,
            left: 0,
            entry: Entry::default(),
            statistics: false,
            is_foreign: false,
        }
    }

    /// From the next entry on, so much is kept.
    pub(super) fn keep(&mut self, detail: Detail) {
        self.detail = detail;
    }

    /// What the entries that have been read define, by kind.
    pub(super) fn take_kinds(&mut self) -> Kinds {
        std::mem::take(&mut self.kinds)
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
            let is_common = part != Part::Offset && !(part == Part::Definition && self.statistics);
            if is_common {
                self.digest.update(&before[..before.len() - input.rest.len()]);
            }
            if matches!(part, Part::Name | Part::Definition | Part::Schema) && !self.second {
                self.kinds.push(&before[..before.len() - input.rest.len()]);
            }
            if !done {
                return Ok(Step::More);
            }
            if part == Part::Offset {
                self.left -= 1;
                let entry = std::mem::take(&mut self.entry);
                if !self.second {
                    self.kinds.end_entry(entry.kind.raw())?;
                }
                if let Some(encoding) = entry.encoding() {
                    self.is_foreign = encoding != "UTF8";
                }
                if self.detail != Detail::Data {
                    return Ok(Step::Entry(Box::new(entry)));
                }
                if let Some(data_entry) = entry.data_entry() {
                    return Ok(Step::DataEntry(data_entry));
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
                let keep = self.kept_bytes(part);
                let Some(text) = self.scanner.text(keep, input)? else {
                    return Ok(false);
                };
                if part == Part::Kind {
                    self.statistics = text.bytes == Some(STATISTICS);
                }
                self.entry.take(part, &text);
                if self.is_foreign && self.detail != Detail::Data {
                    self.entry.keep_bytes(part, &text);
                }
                part.after_text(text.is_null(), self.minor)
            }
        };
        Ok(true)
    }

    fn kept_bytes(&self, part: Part) -> usize {
        match (self.detail, part) {
            (_, Part::Kind) => NAME_BYTES,
            (Detail::All { definition_bytes }, Part::Definition | Part::Drop | Part::Copy) => definition_bytes,
            (_, Part::Name | Part::Schema | Part::Copy) if self.entry.has_data => NAME_BYTES,
            (Detail::Data, _) | (_, Part::TableOid | Part::Oid | Part::WithOids) => 0,
            _ => NAME_BYTES,
        }
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
                self.entry.has_data = value != 0;
                Part::TableOid
            }
            Part::Section => {
                self.entry.section = Section::of_number(value);
                match self.second && self.statistics {
                    true => Part::Drop,
                    false => Part::Definition,
                }
            }
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
        let kept = || text.lossy().into();
        match part {
            Part::Kind => self.kind = kept(),
            Part::Name => self.name = kept(),
            Part::Schema => self.schema = kept(),
            Part::Copy => self.copy = kept(),
            Part::Definition => self.definition = kept(),
            Part::Drop => self.drop = kept(),
            Part::Owner => self.owner = kept(),
            Part::Tablespace => self.tablespace = kept(),
            Part::Dependency => self.needs.extend(text.number()),
            _ => (),
        }
    }

    /// What is not ASCII, which means something else in UTF-8.
    fn keep_bytes(&mut self, part: Part, text: &Text<'_>) {
        let field = match part {
            Part::Name => Field::Name,
            Part::Schema => Field::Schema,
            Part::Owner => Field::Owner,
            Part::Tablespace => Field::Tablespace,
            Part::Definition => Field::Definition,
            Part::Drop => Field::Drop,
            Part::Copy => Field::Copy,
            _ => return,
        };
        if let Some(bytes) = text.bytes.filter(|bytes| !bytes.is_ascii()) {
            self.undecoded.push((field, bytes.to_vec()));
        }
    }

    fn data_entry(self) -> Option<DataEntry> {
        let style = if self.copy.is_empty() {
            Style::Insert
        } else {
            Style::Copy
        };
        let data = if self.kind == LARGE_OBJECTS {
            Data::LargeObjects
        } else {
            Data::Table {
                schema: self.schema.raw().into(),
                name: self.name.raw().into(),
                style,
            }
        };
        self.has_data.then_some(DataEntry { id: self.id, data })
    }
}

/// `K_OFFSET_POS_NOT_SET`, `K_OFFSET_POS_SET` and `K_OFFSET_NO_DATA` in pg_backup_archiver.h. The offset itself is of
/// no use: in a stream it is never set.
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
