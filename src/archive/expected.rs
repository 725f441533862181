//! The entries of the table of contents that have data, and the data that has come so far.

use std::collections::HashMap;

use super::{EntryName, Error, Fingerprint, TableData};
use crate::text::Untrusted;

/// Entries with data: tables, and groups of large objects. Databases of a million tables exist.
const MAX_DATA_ENTRIES: usize = 1 << 22;
/// All names of entries with data together, bytes.
const MAX_NAME_BYTES: usize = 1 << 28;
/// How many of the entries without their data an error names.
const MAX_LISTED: usize = 10;

/// Type of a block of rows, `BLK_DATA` in pg_backup_archiver.h.
pub(super) const ROWS: u8 = 1;
/// Type of a block of large objects, `BLK_BLOBS`.
pub(super) const LARGE_OBJECTS: u8 = 3;

/// One entry whose data follows the table of contents.
#[derive(Clone)]
pub(super) struct DataEntry {
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

/// The data of one entry, once all of it has come.
#[derive(Clone, Copy)]
pub(super) struct SeenData {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// All entries with data, by their id.
#[derive(Clone, Default)]
pub(super) struct ExpectedData {
    all: Vec<(DataEntry, Option<SeenData>)>,
    by_id: HashMap<i32, usize>,
    name_bytes: usize,
}

impl ExpectedData {
    pub(super) fn add(&mut self, data_entry: DataEntry) -> Result<(), Error> {
        if self.all.len() == MAX_DATA_ENTRIES {
            return Err(Error::TooMany {
                what: "entries with data",
                limit: MAX_DATA_ENTRIES,
            });
        }
        if let Data::Table { schema, name, .. } = &data_entry.data {
            self.name_bytes += schema.len() + name.len();
        }
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(Error::TooMany {
                what: "bytes of table names",
                limit: MAX_NAME_BYTES,
            });
        }
        if self.by_id.insert(data_entry.id, self.all.len()).is_some() {
            return Err(Error::RepeatedEntry { id: data_entry.id });
        }
        self.all.push((data_entry, None));
        Ok(())
    }

    /// Which one a block of the given type, at the given offset, belongs to.
    pub(super) fn claim(&self, id: i32, kind: u8, at: u64) -> Result<usize, Error> {
        let &index = self.by_id.get(&id).ok_or(Error::UnexpectedBlock { id, at })?;
        let (data_entry, outcome) = &self.all[index];
        if outcome.is_some() {
            return Err(Error::RepeatedBlock {
                entry: self.name(index),
                at,
            });
        }
        if data_entry.data.block_kind() != kind {
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

    pub(super) fn keep(&mut self, index: usize, outcome: SeenData) {
        self.all[index].1 = Some(outcome);
    }

    pub(super) fn name(&self, index: usize) -> EntryName {
        let DataEntry { id, data } = &self.all[index].0;
        let table = match data {
            Data::Table { schema, name, .. } => Some((Untrusted::from(&**schema), Untrusted::from(&**name))),
            Data::LargeObjects => None,
        };
        EntryName { id: *id, table }
    }

    /// Whether the data of every entry has come.
    pub(super) fn check_all_seen(&self) -> Result<(), Error> {
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
            .filter_map(|(data_entry, outcome)| table_data(data_entry, outcome?))
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

fn table_data(data_entry: DataEntry, outcome: SeenData) -> Option<TableData> {
    let Data::Table { schema, name, .. } = data_entry.data else {
        return None;
    };
    let SeenData {
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
        let mut expected = ExpectedData::default();
        let data_entry = |id| {
            let (schema, name) = ("s".repeat(1 << 20).into(), "n".repeat(1 << 20).into());
            DataEntry {
                id,
                data: Data::Table {
                    schema,
                    name,
                    style: Style::Copy,
                },
            }
        };
        assert!((1..=128).all(|id| expected.add(data_entry(id)).is_ok()));
        let limit = MAX_NAME_BYTES;
        assert_eq!(
            expected.add(data_entry(129)),
            Err(Error::TooMany {
                what: "bytes of table names",
                limit
            })
        );
    }
}
