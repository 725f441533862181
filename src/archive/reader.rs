//! The whole road: header, contents, blocks, and perhaps the contents again.

use super::blocks::{BlockReader, Stop};
use super::definitions::Kinds;
use super::expected::ExpectedData;
use super::header::{Header, HeaderReader};
use super::scan::Input;
use super::toc::{Step, Summary, TocReader};
use super::{Contents, Error, Place};

/// Looks at an archive's bytes as they pass.
///
/// Push all bytes in their order, in any cuts, then [`finish`](Self::finish). Once a fault was found, every further
/// call returns it again.
///
/// ```
/// use pgcoffer::archive::{ArchiveReader, Error, LooksLike};
///
/// let mut reader = ArchiveReader::new();
/// assert_eq!(reader.push(b"PGD"), Ok(()));
/// assert_eq!(reader.push(b"UMP"), Err(Error::NotAnArchive(LooksLike::Unknown)));
/// ```
#[derive(Clone)]
pub struct ArchiveReader {
    length: u64,
    stage: Stage,
    header: Header,
    /// Of the first table of contents.
    summary: Option<Summary>,
    kinds: Kinds,
    expected: ExpectedData,
    blocks: BlockReader,
    fault: Option<Error>,
}

/// Where in the archive.
#[derive(Clone)]
enum Stage {
    Header(Box<HeaderReader>),
    Contents(Box<TocReader>),
    Blocks,
    SecondContents(Box<TocReader>),
    End,
}

impl Default for ArchiveReader {
    fn default() -> Self {
        Self::new()
    }
}

impl ArchiveReader {
    /// Before the first byte.
    pub fn new() -> Self {
        Self {
            length: 0,
            stage: Stage::Header(Box::default()),
            header: Header::default(),
            summary: None,
            kinds: Kinds::default(),
            expected: ExpectedData::default(),
            blocks: BlockReader::new(),
            fault: None,
        }
    }

    /// Looks at the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.length += bytes.len() as u64;
        let result = self.read(Input::new(bytes, self.length));
        self.fault = result.as_ref().err().cloned();
        result
    }

    /// The stream has ended: was the archive whole, and what did it hold?
    pub fn finish(mut self) -> Result<Contents, Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.check_end()?;
        Ok(self.into_contents())
    }

    /// The stream of a part has ended, which holds header, table of contents and some of the blocks: was each of these
    /// whole, and what did they hold? Tables whose block did not come are not in the result.
    ///
    /// # Errors
    /// The first fault, and where the stream ended inside of header, contents or a block.
    pub fn finish_part(mut self) -> Result<Contents, Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let is_between_blocks = matches!(self.stage, Stage::Blocks) && self.blocks.place(&self.expected).is_none();
        if !is_between_blocks {
            self.check_end()?;
        }
        Ok(self.into_contents())
    }

    fn into_contents(self) -> Contents {
        Contents {
            version: self.header.version,
            created: self.header.created,
            database: self.header.database.into(),
            server_version: self.header.server_version.into(),
            dump_version: self.header.dump_version.into(),
            entries: self.summary.map_or(0, |summary| summary.entries as usize),
            definitions: self.kinds.into_definitions(),
            large_objects: self.blocks.large_objects(),
            tables: self.expected.into_tables(),
            length: self.length,
        }
    }

    fn read(&mut self, mut input: Input<'_>) -> Result<(), Error> {
        while let Some(next) = self.stage(&mut input)? {
            self.stage = next;
        }
        Ok(())
    }

    /// Reads on in the current stage; what follows it, if it has ended.
    fn stage(&mut self, input: &mut Input<'_>) -> Result<Option<Stage>, Error> {
        match &mut self.stage {
            Stage::Header(reader) => {
                let Some(header) = reader.push(input)? else {
                    return Ok(None);
                };
                self.header = header;
                Ok(Some(Stage::Contents(self.contents(false))))
            }
            Stage::Contents(reader) => loop {
                match reader.step(input)? {
                    Step::More => return Ok(None),
                    Step::DataEntry(data_entry) => self.expected.add(data_entry)?,
                    Step::Entry(_) => (),
                    Step::End(summary) => {
                        self.summary = Some(summary);
                        self.kinds = reader.take_kinds();
                        return Ok(Some(Stage::Blocks));
                    }
                }
            },
            Stage::Blocks => match self.blocks.push(input, &mut self.expected)? {
                Stop::More => Ok(None),
                Stop::Contents => {
                    self.expected.check_all_seen()?;
                    Ok(Some(Stage::SecondContents(self.contents(true))))
                }
            },
            Stage::SecondContents(reader) => loop {
                match reader.step(input)? {
                    Step::More => return Ok(None),
                    Step::DataEntry(_) | Step::Entry(_) => (),
                    Step::End(summary) if self.summary == Some(summary) => {
                        return Ok(Some(Stage::End));
                    }
                    Step::End(_) => return Err(Error::ContentsDiffer),
                }
            },
            Stage::End if input.rest.is_empty() => Ok(None),
            Stage::End => Err(Error::AfterEnd { at: input.at() }),
        }
    }

    fn contents(&self, second: bool) -> Box<TocReader> {
        Box::new(TocReader::new(self.header.version.1, self.header.offset_bytes, second))
    }

    fn check_end(&self) -> Result<(), Error> {
        let place = match &self.stage {
            Stage::Header(reader) => match reader.cut_short() {
                Some(error) => return Err(error),
                None => Place::Header,
            },
            Stage::Contents(reader) => Place::Contents { read: reader.read() },
            Stage::Blocks => match self.blocks.place(&self.expected) {
                Some(place) => place,
                None => return self.expected.check_all_seen(),
            },
            Stage::SecondContents(_) => Place::SecondContents,
            Stage::End => return Ok(()),
        };
        Err(Error::CutShort {
            place,
            length: self.length,
        })
    }
}
