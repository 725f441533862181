//! What looks wrong: a new backup beside the last good ones, by its size, its tables and their rows.
//!
//! Deep falls count, and what a database looks like in which somebody has encrypted every row: nothing compresses any
//! more, and tables that never changed have all changed. A backup is marked so that a person looks and retention waits,
//! and a mark that comes with ordinary life would soon be read by nobody. The limits are constants, not settings.

mod losses;
#[cfg(test)]
mod tests;
mod unresolved;

use std::collections::BTreeMap;

use losses::losses;

use crate::{
    archive::Fingerprint,
    backup::{Details, Reason, Record},
};

pub use unresolved::{AGREEING, Marked, agree, alike, unresolved};

/// How many of the last good backups a new one is compared with.
pub const COMPARED: usize = 5;
/// Tables with fewer rows than this in any of the last backups are not looked at one by one: queues and sessions empty.
pub const ROWS_MIN: u64 = 100;
/// Dumps shorter than this may compress as they will.
pub const BYTES_MIN: u64 = 1 << 20;
/// Backups in which tables must have been the same before their change means something.
pub const UNCHANGED_IN: usize = 3;
/// Tables that must have been the same in them.
pub const UNCHANGED_MIN: usize = 4;
/// How many tables are named before the rest is only counted.
pub const NAMED: usize = 5;

/// What one backup measures: by its entry alone, or with its tables where its details were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measure {
    /// The length of pg_dump's archive, before compression and sealing.
    pub dump_bytes: u64,
    /// Bytes stored, after compression and sealing.
    pub stored_bytes: u64,
    /// How many tables there are.
    pub table_count: u64,
    /// How many large objects there are.
    pub large_objects: u64,
    /// What each table held, by its schema and name; none where that isn't known.
    pub tables: Option<Tables>,
}

/// What each table held, by its schema and name.
pub type Tables = BTreeMap<(String, String), Table>;

/// What one table held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Table {
    /// How many rows it has.
    pub rows: u64,
    /// The fingerprint of its rows.
    pub fingerprint: Fingerprint,
}

impl From<&Record> for Measure {
    fn from(record: &Record) -> Self {
        let sealed = record.sealed.as_ref();
        Self {
            dump_bytes: sealed.map_or(0, |sealed| sealed.dump_bytes),
            stored_bytes: sealed.map_or(0, |sealed| sealed.bytes()),
            table_count: record.counts.tables,
            large_objects: record.counts.large_objects,
            tables: None,
        }
    }
}

impl Measure {
    /// All that there is to compare of a backup.
    #[must_use]
    pub fn with_tables(record: &Record, details: &Details) -> Self {
        let mut tables = Tables::new();
        for table in &details.tables {
            let entry: &mut Table = tables
                .entry((table.schema.raw().to_owned(), table.name.raw().to_owned()))
                .or_default();
            entry.rows = entry.rows.saturating_add(table.rows);
            entry.fingerprint = table.fingerprint;
        }
        Self {
            tables: Some(tables),
            ..Self::from(record)
        }
    }
}

/// Why a new backup looks wrong beside the last good ones; nothing where it does not. What needs the tables is compared
/// with those of which they are known.
///
/// - Its dump is less than half as long as the shortest of the last ones.
/// - Its dump of [`BYTES_MIN`] or more compresses to no less than nine tenths, and the last ones all compressed to six
///   tenths or less.
/// - Of the tables with at least [`ROWS_MIN`] rows that were the same in each of the last ones, which are
///   [`UNCHANGED_MIN`] tables and [`UNCHANGED_IN`] backups at the least, nine tenths have changed.
/// - It has fewer than three quarters of the tables that any of the last ones had.
/// - A table that had at least [`ROWS_MIN`] rows in each of the last ones has fewer than half of the fewest, or is
///   gone. A table that is gone and whose name holds a number is no loss as long as tables named alike but for their
///   numbers still hold half of the rows that they held together: so old partitions are dropped.
///
/// `last`: the last [`COMPARED`] trusted ones in any order, or as many as there are. The first backup ever is never
/// wrong.
#[must_use]
pub fn compare(new: &Measure, last: &[&Measure]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    reasons.extend(shorter_dump(new, last));
    reasons.extend(fewer_tables(new, last));
    reasons.extend(fewer_large_objects(new, last));
    reasons.extend(incompressible(new, last));
    let known: Vec<&Tables> = last.iter().filter_map(|one| one.tables.as_ref()).collect();
    if let Some(tables) = &new.tables {
        reasons.extend(all_changed(tables, &known));
        reasons.extend(losses(tables, &known, count(last.len())));
    }
    reasons
}

fn shorter_dump(new: &Measure, last: &[&Measure]) -> Option<Reason> {
    let least_bytes = last.iter().map(|measure| measure.dump_bytes).min()?;
    is_below_half(new.dump_bytes, least_bytes).then(|| Reason::ShorterDump {
        bytes: new.dump_bytes,
        least_bytes,
        backups: count(last.len()),
    })
}

fn fewer_tables(new: &Measure, last: &[&Measure]) -> Option<Reason> {
    let least_tables = last.iter().map(|measure| measure.table_count).min()?;
    let is_fewer = u128::from(new.table_count) * 4 < u128::from(least_tables) * 3;
    is_fewer.then(|| Reason::FewerTables {
        tables: new.table_count,
        least_tables,
        backups: count(last.len()),
    })
}

fn fewer_large_objects(new: &Measure, last: &[&Measure]) -> Option<Reason> {
    let least_large_objects = last.iter().map(|measure| measure.large_objects).min()?;
    let is_fewer = least_large_objects >= ROWS_MIN && is_below_half(new.large_objects, least_large_objects);
    is_fewer.then(|| Reason::FewerLargeObjects {
        large_objects: new.large_objects,
        least_large_objects,
        backups: count(last.len()),
    })
}

/// A database whose rows were encrypted one by one looks like noise.
fn incompressible(new: &Measure, last: &[&Measure]) -> Option<Reason> {
    let tenths = |measure: &Measure| {
        let (stored, dumped) = (u128::from(measure.stored_bytes), u128::from(measure.dump_bytes));
        (stored * 10).div_ceil(dumped.max(1))
    };
    let compressed = |measure: &Measure| measure.stored_bytes > 0 && tenths(measure) <= 6;
    let is_noise = new.dump_bytes >= BYTES_MIN && tenths(new) >= 9;
    let was_compressed = !last.is_empty() && last.iter().copied().all(compressed);
    (is_noise && was_compressed).then_some(Reason::Incompressible {
        dump_bytes: new.dump_bytes,
        stored_bytes: new.stored_bytes,
    })
}

/// Tables that never change, such as those of past years, do not all change at once.
fn all_changed(new: &Tables, last: &[&Tables]) -> Option<Reason> {
    let (first, others) = last.split_first().filter(|_| last.len() >= UNCHANGED_IN)?;
    let unchanged = first.iter().filter(|(name, table)| {
        let same = |tables: &&Tables| tables.get(*name) == Some(table);
        table.rows >= ROWS_MIN && others.iter().all(same)
    });
    let (mut unchanged_count, mut changed_count) = (0, 0);
    for (name, table) in unchanged {
        unchanged_count += 1;
        // a table that is gone or has lost its rows has a reason of its own
        let now = new.get(name);
        changed_count += usize::from(now.is_some_and(|now| now.fingerprint != table.fingerprint));
    }
    let is_mass = unchanged_count >= UNCHANGED_MIN && changed_count * 10 >= unchanged_count * 9;
    is_mass.then(|| Reason::AllChanged {
        changed: count(changed_count),
        tables: count(unchanged_count),
        backups: count(last.len()),
    })
}

fn is_below_half(now: u64, then: u64) -> bool {
    u128::from(now) * 2 < u128::from(then)
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
