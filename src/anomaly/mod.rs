//! What looks wrong: a new backup beside the last good ones, by its size, its tables and their rows.
//!
//! Deep falls count, and what a database looks like in which somebody has encrypted every row: nothing compresses any
//! more, and tables that never changed have all changed. A backup is marked so that a person looks and retention waits,
//! and a mark that comes with ordinary life would soon be read by nobody. The limits are constants, not settings.

mod standing;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use crate::{
    archive::Fingerprint,
    backup::{Anomaly, Details, Record},
    text::Untrusted,
};

pub use standing::{AGREEING, Marked, agree, alike, standing};

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

/// Why a backup looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// In what.
    pub anomaly: Anomaly,
    /// A short line that says it with numbers and names.
    pub text: String,
}

/// What one table held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Table {
    /// rows
    pub rows: u64,
    /// the fingerprint of its rows
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

/// A table that fell below half.
struct Fall<'a> {
    table: &'a (String, String),
    /// none where the table is gone
    rows: Option<u64>,
    /// the fewest that it had in any of the last backups
    fewest: u64,
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
    let (Some(shortest), Some(fewest)) = (
        last.iter().map(|measure| measure.dump_bytes).min(),
        last.iter().map(|measure| measure.table_count).min(),
    ) else {
        return Vec::new();
    };
    let had = match last.len() {
        1 => "the last backup had".to_owned(),
        count => format!("the last {count} backups had"),
    };
    let mut reasons = Vec::new();
    let mut add = |anomaly, texts: Vec<String>| {
        let reason = |text| Reason { anomaly, text };
        reasons.extend(texts.into_iter().map(reason));
    };
    if is_below_half(new.dump_bytes, shortest) {
        let (now, then) = (grouped(new.dump_bytes), grouped(shortest));
        let text = format!("the dump has {now} bytes, {had} {then} or more");
        add(Anomaly::ShorterDump, vec![text]);
    }
    if u128::from(new.table_count) * 4 < u128::from(fewest) * 3 {
        let (now, noun) = (new.table_count, tables(new.table_count));
        let text = format!("it holds {now} {noun}, {had} {fewest} or more");
        add(Anomaly::FewerTables, vec![text]);
    }
    let fewer = fewer_large_objects(new, last, &had);
    add(Anomaly::FewerLargeObjects, Vec::from_iter(fewer));
    let noise = compresses_no_more(new, last);
    add(Anomaly::Incompressible, Vec::from_iter(noise));
    let known: Vec<&Tables> = last.iter().filter_map(|one| one.tables.as_ref()).collect();
    if let Some(new) = &new.tables {
        add(Anomaly::AllChanged, Vec::from_iter(all_changed(new, &known)));
        add(Anomaly::LostRows, named(&falls(new, &known), &had));
    }
    reasons
}

/// What was encrypted row by row looks like noise.
fn compresses_no_more(new: &Measure, last: &[&Measure]) -> Option<String> {
    let tenths = |measure: &Measure| {
        let (stored, dumped) = (u128::from(measure.stored_bytes), u128::from(measure.dump_bytes));
        (stored * 10).div_ceil(dumped.max(1))
    };
    let compressed = |measure: &Measure| measure.stored_bytes > 0 && tenths(measure) <= 6;
    let is_noise = new.dump_bytes >= BYTES_MIN && tenths(new) >= 9;
    (is_noise && last.iter().copied().all(compressed)).then(|| {
        let (dumped, stored) = (grouped(new.dump_bytes), grouped(new.stored_bytes));
        format!(
            "its {dumped} bytes compress to {stored} only, as if they were encrypted, and those of the last \
            backups did to six tenths or less"
        )
    })
}

/// Tables that never change, such as those of past years, do not all change at once.
fn all_changed(new: &Tables, last: &[&Tables]) -> Option<String> {
    let (first, others) = last.split_first().filter(|_| last.len() >= UNCHANGED_IN)?;
    let unchanged = first.iter().filter(|(name, table)| {
        let same = |tables: &&Tables| tables.get(*name) == Some(table);
        table.rows >= ROWS_MIN && others.iter().all(same)
    });
    let (mut unchanged_count, mut changed_count) = (0, 0);
    for (name, table) in unchanged {
        unchanged_count += 1;
        // one that is gone or has lost its rows is told as such
        let now = new.get(name);
        changed_count += usize::from(now.is_some_and(|now| now.fingerprint != table.fingerprint));
    }
    let is_mass = unchanged_count >= UNCHANGED_MIN && changed_count * 10 >= unchanged_count * 9;
    is_mass.then(|| {
        let last = match last.len() {
            1 => "the last backup".to_owned(),
            count => format!("the last {count} backups"),
        };
        format!("{changed_count} of the {unchanged_count} tables that were the same in {last} have changed at once")
    })
}

fn fewer_large_objects(new: &Measure, last: &[&Measure], had: &str) -> Option<String> {
    let fewest = last.iter().map(|measure| measure.large_objects).min()?;
    let fell = fewest >= ROWS_MIN && is_below_half(new.large_objects, fewest);
    fell.then(|| {
        let (now, then) = (grouped(new.large_objects), grouped(fewest));
        format!("it holds {now} large objects, {had} {then} or more")
    })
}

/// Tables that fell below half or are gone, those that lost the most rows first.
fn falls<'a>(new: &Tables, last: &[&'a Tables]) -> Vec<Fall<'a>> {
    let Some((first, others)) = last.split_first() else {
        return Vec::new();
    };
    let fewest = |(table, held): (&'a (String, String), &Table)| {
        let mut rest = others.iter().map(|tables| tables.get(table));
        let fewest = rest.try_fold(held.rows, |fewest, held| held.map(|held| fewest.min(held.rows)))?;
        let rows = new.get(table).map(|held| held.rows);
        let fell = fewest >= ROWS_MIN && is_below_half(rows.unwrap_or(0), fewest);
        fell.then_some(Fall { table, rows, fewest })
    };
    let mut falls: Vec<_> = first.iter().filter_map(fewest).collect();
    if falls.iter().any(|fall| fall.rows.is_none()) {
        let families = Families::new(new, last);
        falls.retain(|fall| fall.rows.is_some() || !families.make_up_for(fall.table));
    }
    let lost = |fall: &Fall<'_>| fall.fewest - fall.rows.unwrap_or(0);
    falls.sort_by_key(|fall| (Reverse(lost(fall)), fall.table));
    falls
}

/// Rows of tables in the same schema that are named alike but for their numbers, as partitions by time are.
struct Families<'a> {
    new: HashMap<(&'a str, String), u64>,
    last: Vec<HashMap<(&'a str, String), u64>>,
}

impl<'a> Families<'a> {
    fn new(new: &'a Tables, last: &[&'a Tables]) -> Self {
        Self {
            new: families(new),
            last: last.iter().map(|tables| families(tables)).collect(),
        }
    }

    /// Whether the family of a table that is gone has kept half of its rows.
    fn make_up_for(&self, (schema, name): &(String, String)) -> bool {
        let Some(family) = family(name) else {
            return false;
        };
        let key = (schema.as_str(), family);
        let rows = |families: &HashMap<_, u64>| families.get(&key).copied().unwrap_or(0);
        let fewest = self.last.iter().map(rows).min().unwrap_or(0);
        !is_below_half(rows(&self.new), fewest)
    }
}

fn families(tables: &Tables) -> HashMap<(&str, String), u64> {
    let mut families = HashMap::new();
    for ((schema, name), held) in tables {
        if let Some(family) = family(name) {
            let rows: &mut u64 = families.entry((schema.as_str(), family)).or_default();
            *rows = rows.saturating_add(held.rows);
        }
    }
    families
}

/// A name with each number in it as one `#`; none where there is no number in it.
fn family(name: &str) -> Option<String> {
    let mut family = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '0'..='9' if family.ends_with('#') => {}
            '0'..='9' => family.push('#'),
            c => family.push(c),
        }
    }
    name.contains(|c: char| c.is_ascii_digit()).then_some(family)
}

fn named(falls: &[Fall<'_>], had: &str) -> Vec<String> {
    let line = |fall: &Fall<'_>| {
        let (schema, name) = fall.table;
        let (schema, name, fewest) = (shown(schema), shown(name), grouped(fall.fewest));
        match fall.rows {
            None => format!("table {schema}.{name} is gone, {had} {fewest} rows or more"),
            Some(rows) => {
                let noun = if rows == 1 { "row" } else { "rows" };
                let rows = grouped(rows);
                format!("table {schema}.{name} has {rows} {noun}, {had} {fewest} or more")
            }
        }
    };
    let mut lines: Vec<_> = falls.iter().take(NAMED).map(line).collect();
    let more = falls.len().saturating_sub(NAMED);
    if more > 0 {
        let what = tables(more as u64);
        lines.push(format!("and {more} more {what} lost half or all of the rows"));
    }
    lines
}

fn is_below_half(now: u64, then: u64) -> bool {
    u128::from(now) * 2 < u128::from(then)
}

fn tables(count: u64) -> &'static str {
    if count == 1 { "table" } else { "tables" }
}

fn shown(name: &str) -> String {
    Untrusted::from(name).identifier()
}

/// `10,230`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
