//! The entries of the table of contents that promise data, and what came of it.

use std::collections::HashMap;

use super::{EntryName, Error, Fingerprint, TableData};
use crate::text::Untrusted;

/// Entries with data: tables, and groups of large objects. Databases of a million tables exist.
const MAX_PROMISES: usize = 1 << 22;
/// All names of entries with data together, bytes.
const MAX_NAME_BYTES: usize = 1 << 28;
/// How many of the entries without their data an error names.
const MAX_LISTED: usize = 10;

/// Type of a block of rows, `BLK_DATA` in pg_backup_archiver.h.
pub(super) const ROWS: u8 = 1;
/// Type of a block of large objects, `BLK_BLOBS`.
pub(super) const LARGE_OBJECTS: u8 = 3;

/// One entry that promises data.
#[derive(Clone)]
pub(super) struct Promise {
    pub(super) id: i32,
    pub(super) data: Data,
}

/// What kind of data it is.
#[derive(Clone)]
pub(super) enum Data {
    Table {
        schema: Box<str>,
        name: Box<str>,
        style: Style,
    },
    LargeObjects,
}

/// How a table's rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// COPY's text format, up to its end marker.
    Copy,
    /// SQL statements, made by `--inserts`.
    Insert,
}

/// What came of a table's data.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// All of them, by id.
#[derive(Clone, Default)]
pub(super) struct Promises {
    all: Vec<(Promise, Option<Outcome>)>,
    by_id: HashMap<i32, usize>,
    name_bytes: usize,
}

impl Promises {
    pub(super) fn add(&mut self, promise: Promise) -> Result<(), Error> {
        if self.all.len() == MAX_PROMISES {
            return Err(Error::TooMany {
                what: "entries with data",
                limit: MAX_PROMISES,
            });
        }
        if let Data::Table { schema, name, .. } = &promise.data {
            self.name_bytes += schema.len() + name.len();
        }
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(Error::TooMany {
                what: "bytes of table names",
                limit: MAX_NAME_BYTES,
            });
        }
        if self.by_id.insert(promise.id, self.all.len()).is_some() {
            return Err(Error::RepeatedEntry { id: promise.id });
        }
        self.all.push((promise, None));
        Ok(())
    }

    /// Which one a block of the given type, at the given offset, belongs to.
    pub(super) fn claim(&self, id: i32, kind: u8, at: u64) -> Result<usize, Error> {
        let &index = self.by_id.get(&id).ok_or(Error::UnexpectedBlock { id, at })?;
        let (promise, outcome) = &self.all[index];
        if outcome.is_some() {
            return Err(Error::RepeatedBlock {
                entry: self.name(index),
                at,
            });
        }
        if promise.data.block_kind() != kind {
            return Err(Error::WrongBlock {
                entry: self.name(index),
                kind,
                at,
            });
        }
        Ok(index)
    }

    pub(super) fn style(&self, index: usize) -> Style {
        match self.all[index].0.data {
            Data::Table { style, .. } => style,
            Data::LargeObjects => Style::Insert,
        }
    }

    pub(super) fn keep(&mut self, index: usize, outcome: Outcome) {
        self.all[index].1 = Some(outcome);
    }

    pub(super) fn name(&self, index: usize) -> EntryName {
        let Promise { id, data } = &self.all[index].0;
        let table = match data {
            Data::Table { schema, name, .. } => Some((Untrusted::from(&**schema), Untrusted::from(&**name))),
            Data::LargeObjects => None,
        };
        EntryName { id: *id, table }
    }

    /// Whether every promise was kept.
    pub(super) fn check_kept(&self) -> Result<(), Error> {
        let missing = || (0..self.all.len()).filter(|&index| self.all[index].1.is_none());
        match missing().count() {
            0 => Ok(()),
            count => Err(Error::MissingData {
                count,
                entries: missing().take(MAX_LISTED).map(|index| self.name(index)).collect(),
            }),
        }
    }

    /// The tables whose data came, in the order of the table of contents.
    pub(super) fn into_tables(self) -> Vec<TableData> {
        self.all
            .into_iter()
            .filter_map(|(promise, outcome)| table_data(promise, outcome?))
            .collect()
    }
}

impl Data {
    /// The type of the block that brings it.
    fn block_kind(&self) -> u8 {
        match self {
            Self::Table { .. } => ROWS,
            Self::LargeObjects => LARGE_OBJECTS,
        }
    }
}

fn table_data(promise: Promise, outcome: Outcome) -> Option<TableData> {
    let Data::Table { schema, name, .. } = promise.data else {
        return None;
    };
    let Outcome {
        rows,
        bytes,
        fingerprint,
        start,
        end,
    } = outcome;
    Some(TableData {
        schema: Untrusted::from(&*schema),
        name: Untrusted::from(&*name),
        rows,
        bytes,
        fingerprint,
        start,
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_up_to_a_bound() {
        let mut promises = Promises::default();
        let promise = |id| {
            let (schema, name) = ("s".repeat(1 << 20).into(), "n".repeat(1 << 20).into());
            Promise {
                id,
                data: Data::Table {
                    schema,
                    name,
                    style: Style::Copy,
                },
            }
        };
        assert!((1..=128).all(|id| promises.add(promise(id)).is_ok()));
        let limit = MAX_NAME_BYTES;
        assert_eq!(
            promises.add(promise(129)),
            Err(Error::TooMany {
                what: "bytes of table names",
                limit
            })
        );
    }
}
