//! The blocks of data behind the table of contents.

use super::expected::{ExpectedData, LARGE_OBJECTS, ROWS, SeenData};
use super::objects::Objects;
use super::rows::{RowFault, Rows};
use super::scan::{INT_BYTES, Input, Scanner, decode_int};
use super::{Error, Fingerprint, LargeObjects, Place};

/// Reads block after block.
#[derive(Clone)]
pub(super) struct BlockReader {
    scanner: Scanner,
    at: At,
    /// Where the current block begins, and whose it is.
    start: u64,
    index: usize,
    rows: Rows,
    objects: Objects,
}

#[derive(Clone, Copy)]
enum At {
    Between,
    Id { kind: u8 },
    Rows(Chunk),
    Oid,
    Object(Chunk),
}

/// Where in a run of chunks.
#[derive(Clone, Copy)]
enum Chunk {
    Length,
    Inside { left: usize },
}

/// Why the reader stopped.
#[derive(PartialEq, Eq)]
pub(super) enum Stop {
    /// More input is needed.
    More,
    /// What follows is a second table of contents.
    Contents,
}

impl BlockReader {
    pub(super) fn new() -> Self {
        Self {
            scanner: Scanner::default(),
            at: At::Between,
            start: 0,
            index: 0,
            rows: Rows::new(),
            objects: Objects::new(),
        }
    }

    /// All large objects so far.
    pub(super) fn large_objects(&self) -> LargeObjects {
        self.objects.all
    }

    /// In the middle of what it stands; None between two blocks.
    pub(super) fn place(&self, expected: &ExpectedData) -> Option<Place> {
        match self.at {
            At::Between => None,
            At::Id { .. } => Some(Place::BlockStart),
            At::Rows(_) | At::Oid | At::Object(_) => Some(Place::Data(expected.name(self.index))),
        }
    }

    pub(super) fn push(&mut self, input: &mut Input<'_>, expected: &mut ExpectedData) -> Result<Stop, Error> {
        loop {
            let done = match self.at {
                At::Between => match input.rest.first() {
                    None => false,
                    // A table of contents begins with the sign of its number of entries.
                    Some(0) => return Ok(Stop::Contents),
                    Some(&kind) => self.begin(kind, input)?,
                },
                At::Id { kind } => self.id(kind, input, expected)?,
                At::Rows(chunk) => self.rows(chunk, input, expected)?,
                At::Oid => self.oid(input, expected),
                At::Object(chunk) => self.object(chunk, input)?,
            };
            if !done {
                return Ok(Stop::More);
            }
        }
    }

    fn begin(&mut self, kind: u8, input: &mut Input<'_>) -> Result<bool, Error> {
        self.start = input.at();
        if kind != ROWS && kind != LARGE_OBJECTS {
            return Err(Error::UnknownBlock { kind, at: self.start });
        }
        input.take(1);
        self.at = At::Id { kind };
        Ok(true)
    }

    fn id(&mut self, kind: u8, input: &mut Input<'_>, expected: &ExpectedData) -> Result<bool, Error> {
        let Some(id) = self.scanner.int(input) else {
            return Ok(false);
        };
        self.index = expected.claim(id, kind, self.start)?;
        if kind == ROWS {
            self.rows.begin(expected.style(self.index));
            self.at = At::Rows(Chunk::Length);
        } else {
            self.at = At::Oid;
        }
        Ok(true)
    }

    fn rows(&mut self, chunk: Chunk, input: &mut Input<'_>, expected: &mut ExpectedData) -> Result<bool, Error> {
        match chunk {
            Chunk::Length => {
                if self.scanner.is_idle() {
                    self.whole_chunks(input).map_err(|fault| self.fault(fault, expected))?;
                }
                let Some(left) = self.chunk_length(input)? else {
                    return Ok(false);
                };
                if left == 0 {
                    self.end_rows(input.at(), expected)?;
                    self.at = At::Between;
                } else {
                    self.at = At::Rows(Chunk::Inside { left });
                }
                Ok(true)
            }
            Chunk::Inside { left } => {
                let taken = input.take(left);
                self.rows.push(taken).map_err(|fault| self.fault(fault, expected))?;
                self.at = At::Rows(Chunk::inside(left - taken.len()));
                Ok(taken.len() == left)
            }
        }
    }

    /// Takes the chunks that lie whole in the input: nearly all, for pg_dump makes one of each row.
    fn whole_chunks(&mut self, input: &mut Input<'_>) -> Result<(), RowFault> {
        while let Some((&length, rest)) = input.rest.split_first_chunk::<INT_BYTES>()
            && let Ok(length @ 1..) = usize::try_from(decode_int(length))
            && let Some((chunk, rest)) = rest.split_at_checked(length)
        {
            self.rows.push(chunk)?;
            input.rest = rest;
        }
        Ok(())
    }

    fn end_rows(&mut self, end: u64, expected: &mut ExpectedData) -> Result<(), Error> {
        self.rows.end().map_err(|fault| self.fault(fault, expected))?;
        let Rows {
            count: rows,
            bytes,
            fingerprint,
            ..
        } = self.rows;
        expected.keep(
            self.index,
            SeenData {
                rows,
                bytes,
                fingerprint,
                start: self.start,
                end,
            },
        );
        Ok(())
    }

    fn oid(&mut self, input: &mut Input<'_>, expected: &mut ExpectedData) -> bool {
        let Some(oid) = self.scanner.int(input) else {
            return false;
        };
        if oid == 0 {
            let outcome = SeenData {
                rows: 0,
                bytes: 0,
                fingerprint: Fingerprint::default(),
                start: self.start,
                end: input.at(),
            };
            expected.keep(self.index, outcome);
            self.at = At::Between;
        } else {
            self.objects.begin(oid.cast_unsigned());
            self.at = At::Object(Chunk::Length);
        }
        true
    }

    fn object(&mut self, chunk: Chunk, input: &mut Input<'_>) -> Result<bool, Error> {
        match chunk {
            Chunk::Length => {
                let Some(left) = self.chunk_length(input)? else {
                    return Ok(false);
                };
                if left == 0 {
                    self.objects.end();
                    self.at = At::Oid;
                } else {
                    self.at = At::Object(Chunk::Inside { left });
                }
                Ok(true)
            }
            Chunk::Inside { left } => {
                let taken = input.take(left);
                self.objects.push(taken);
                self.at = At::Object(Chunk::inside(left - taken.len()));
                Ok(taken.len() == left)
            }
        }
    }

    /// Zero is the end of the chunks.
    fn chunk_length(&mut self, input: &mut Input<'_>) -> Result<Option<usize>, Error> {
        let Some(length) = self.scanner.int(input) else {
            return Ok(None);
        };
        let absurd = |_| Error::Absurd {
            what: "the length of a chunk of data",
            value: length.into(),
            at: input.at(),
        };
        usize::try_from(length).map(Some).map_err(absurd)
    }

    fn fault(&self, fault: RowFault, expected: &ExpectedData) -> Error {
        let entry = expected.name(self.index);
        match fault {
            RowFault::NoEndMarker => Error::NoEndMarker { entry },
            RowFault::AfterEndMarker => Error::AfterEndMarker { entry },
        }
    }
}

impl Chunk {
    fn inside(left: usize) -> Self {
        if left == 0 { Self::Length } else { Self::Inside { left } }
    }
}
