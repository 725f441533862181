//! The entries of the table of contents, as a whole: what a restore chooses from.

use super::header::HeaderReader;
use super::scan::Input;
use super::toc::{Detail, Step, TocReader};
use super::{Entry, Error};
use crate::text::Untrusted;

/// Entries that are kept. Databases of a million tables exist, each with several entries.
const MAX_ENTRIES: usize = 1 << 23;
/// Bytes of all names together.
const MAX_NAME_BYTES: usize = 1 << 28;
/// Bytes of all definitions together: of what comes later, as many bytes of beginnings are kept, and then only the
/// names. It has to fit beside a restore in 512 MB.
const MAX_DEFINITION_BYTES: usize = 1 << 26;
/// Bytes of the beginning of one.
const HEAD_BYTES: usize = 2 << 10;
/// Bytes of one definition.
const DEFINITION_BYTES: usize = 1 << 20;

/// Reads an archive's beginning up to the end of its table of contents.
pub struct EntriesReader {
    length: u64,
    stage: Stage,
    entries: Vec<Entry>,
    name_bytes: usize,
    definition_bytes: usize,
    heads_bytes: usize,
    layout: Layout,
}

/// How an archive is laid out up to its first block of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The minor version of its format.
    pub minor: u8,
    /// Bytes of a file offset.
    pub offset_bytes: usize,
    /// Where the header ends and the table of contents begins.
    pub header_end: u64,
    /// Where the table of contents ends; 0 while it has not ended.
    pub contents_end: u64,
}

enum Stage {
    Header(Box<HeaderReader>),
    Contents(Box<TocReader>),
    End,
}

impl Default for EntriesReader {
    fn default() -> Self {
        Self {
            length: 0,
            stage: Stage::Header(Box::default()),
            entries: Vec::new(),
            name_bytes: 0,
            definition_bytes: 0,
            heads_bytes: 0,
            layout: Layout::default(),
        }
    }
}

impl EntriesReader {
    /// Looks at the next bytes, in any cuts; true once the table of contents has ended, from where on nothing is looked
    /// at.
    ///
    /// # Errors
    /// What is no archive, and a table of contents beyond any bound.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.length += bytes.len() as u64;
        let mut input = Input::new(bytes, self.length);
        loop {
            let next = match &mut self.stage {
                Stage::End => return Ok(true),
                Stage::Header(reader) => match reader.push(&mut input)? {
                    None => return Ok(false),
                    Some(header) => {
                        let (minor, offset_bytes) = (header.version.1, header.offset_bytes);
                        self.layout = Layout {
                            minor,
                            offset_bytes,
                            header_end: input.at(),
                            contents_end: 0,
                        };
                        let mut reader = TocReader::new(minor, offset_bytes, false);
                        reader.keep(Detail::All {
                            definition_bytes: DEFINITION_BYTES,
                        });
                        Stage::Contents(Box::new(reader))
                    }
                },
                Stage::Contents(reader) => match reader.step(&mut input)? {
                    Step::More => return Ok(false),
                    Step::End(_) => {
                        self.layout.contents_end = input.at();
                        Stage::End
                    }
                    Step::DataEntry(_) => continue,
                    Step::Entry(mut entry) => {
                        entry.forget_what_was_cut();
                        self.shorten(&mut entry);
                        self.take(*entry)?;
                        continue;
                    }
                },
            };
            self.stage = next;
        }
    }

    /// How the archive is laid out, as far as it was read.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The entries, in their order.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Behind so many bytes of definitions only the beginning of each is kept, which says what a restore decides by:
    /// roles, languages, owners' rights. What makes a database large in that way are bodies of functions.
    fn shorten(&mut self, entry: &mut Entry) {
        let left = MAX_DEFINITION_BYTES.saturating_sub(self.definition_bytes);
        let limit = left.max(match self.heads_bytes < MAX_DEFINITION_BYTES {
            true => HEAD_BYTES,
            false => 0,
        });
        let whole = entry.definition.raw();
        if whole.len() > limit {
            let end = whole.floor_char_boundary(limit);
            entry.definition = whole[..end].into();
            entry.is_cut = true;
        }
        let bytes = entry.definition.raw().len() + entry.copy.raw().len() + entry.drop.raw().len();
        match left > 0 {
            true => self.definition_bytes += bytes,
            false => self.heads_bytes += bytes,
        }
    }

    fn take(&mut self, entry: Entry) -> Result<(), Error> {
        self.name_bytes += [&entry.kind, &entry.name, &entry.schema, &entry.owner, &entry.tablespace]
            .iter()
            .map(|text| text.raw().len())
            .sum::<usize>();
        for (what, is, limit) in [
            ("entries", self.entries.len(), MAX_ENTRIES),
            ("bytes of names", self.name_bytes, MAX_NAME_BYTES),
        ] {
            if is >= limit {
                return Err(Error::TooMany { what, limit });
            }
        }
        self.entries.push(entry);
        Ok(())
    }
}

impl Entry {
    /// A statement of which the end is not known means something else.
    fn forget_what_was_cut(&mut self) {
        self.undecoded.retain(|(_, bytes)| bytes.len() < DEFINITION_BYTES);
        for text in [&mut self.definition, &mut self.drop, &mut self.copy] {
            if text.raw().len() >= DEFINITION_BYTES {
                *text = Untrusted::default();
            }
        }
    }
}
