//! Tables that have lost most of their rows, or are gone.

use std::{cmp::Reverse, collections::HashMap};

use super::{NAMED, ROWS_MIN, Table, Tables, count, is_below_half};
use crate::backup::Reason;

/// A table that fell below half of its rows.
struct Fall<'a> {
    /// The schema and name of the table.
    table: &'a (String, String),
    /// The rows that it has now; none where the table is gone.
    rows: Option<u64>,
    /// The fewest rows that it had in any of the last backups.
    fewest: u64,
}

/// A reason for each of the [`NAMED`] tables that lost the most rows, and one for the number of the others.
/// `backups` is how many backups the new one is compared with.
pub(super) fn losses(new: &Tables, last: &[&Tables], backups: u64) -> Vec<Reason> {
    let falls = falls(new, last);
    let mut reasons: Vec<Reason> = falls.iter().take(NAMED).map(|fall| fall.reason(backups)).collect();
    let more = falls.len().saturating_sub(NAMED);
    if more > 0 {
        reasons.push(Reason::MoreLosses { tables: count(more) });
    }
    reasons
}

impl Fall<'_> {
    fn reason(&self, backups: u64) -> Reason {
        let (schema, table) = self.table;
        let (schema, table, least_rows) = (schema.as_str().into(), table.as_str().into(), self.fewest);
        match self.rows {
            None => Reason::LostTable {
                schema,
                table,
                least_rows,
                backups,
            },
            Some(rows) => Reason::LostRows {
                schema,
                table,
                rows,
                least_rows,
                backups,
            },
        }
    }
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
