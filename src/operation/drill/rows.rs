//! Compares data: the rows and the fingerprint of every table, and the large objects.

use std::collections::{BTreeMap, BTreeSet};

use super::definitions::Restored;
use crate::{
    archive::{Contents, Entry, LargeObjects, TableData},
    backup::{DrillFinding, FindingReason},
    operation::restore::copied_columns,
    text::{Untrusted, counted},
};

/// What the comparison found.
#[derive(Default)]
pub(super) struct ComparedRows {
    pub(super) differences: Vec<DrillFinding>,
    pub(super) not_compared: Vec<DrillFinding>,
}

impl Restored<'_> {
    /// Compares what the archive held with what a dump of the restored database held: `was` and `is`, each with the
    /// entries of its table of contents.
    pub(super) fn compare_rows(
        &self,
        (backup, was): (&[Entry], &Contents),
        (found, is): (&[Entry], &Contents),
    ) -> ComparedRows {
        let mut compared = ComparedRows::default();
        let reordered = reordered(backup, found);
        let left_out = self.data_left_out(backup);
        let (before, after) = (by_name(&was.tables), by_name(&is.tables));
        for (place, table) in &before {
            if let Some(reason) = left_out.get(place) {
                if let Some((reason, why)) = reason {
                    compared.not_compared.push(of_table(table, *reason, why.clone()));
                }
                continue;
            }
            let is_reordered = reordered.contains(place);
            if is_reordered && after.get(place).is_some_and(|other| other.rows == table.rows) {
                let why = "its columns have another order after a restore, so only its rows were counted";
                compared
                    .not_compared
                    .push(of_table(table, FindingReason::ColumnOrder, why));
                continue;
            }
            let why = match after.get(place) {
                None if table.rows == 0 => continue,
                None => {
                    let why = format!("its {} did not come back", counted(table.rows, "row"));
                    Some((FindingReason::Missing, why))
                }
                Some(other) => changed(table, other).map(|why| (FindingReason::Changed, why)),
            };
            compared
                .differences
                .extend(why.map(|(reason, why)| of_table(table, reason, why)));
        }
        for (place, table) in &after {
            if !before.contains_key(place) && table.rows > 0 {
                let rows = counted(table.rows, "row");
                let (is, was) = if table.rows == 1 {
                    ("is", "it was")
                } else {
                    ("are", "they were")
                };
                let why = match self.before.has_rows(table) {
                    true => {
                        format!("{rows} that {is} not in the backup: {was} in the reserved database before the restore")
                    }
                    false => format!("{rows} that {is} not in the backup"),
                };
                compared.differences.push(of_table(table, FindingReason::Added, why));
            }
        }
        let why = changed_objects(&was.large_objects, &is.large_objects);
        compared.differences.extend(why.map(|why| DrillFinding {
            kind: "BLOBS".into(),
            schema: Untrusted::default(),
            name: Untrusted::default(),
            why: why.into(),
            reason: FindingReason::Changed,
            label: "large objects".into(),
        }));
        compared
    }

    /// The tables whose rows were not restored: each with the reason, if that counts; a failure is reported by itself.
    fn data_left_out(&self, backup: &[Entry]) -> BTreeMap<(Untrusted, Untrusted), Option<(FindingReason, Untrusted)>> {
        let data = backup.iter().filter(|entry| entry.kind == "TABLE DATA");
        data.filter_map(|entry| {
            let reason = match self.left_out.get(&entry.id) {
                Some(left_out) => left_out.counts.then(|| (left_out.reason, left_out.why.clone())),
                None if self.failed.contains(&super::entry_key::key(entry)) => None,
                None => return None,
            };
            Some(((entry.schema.clone(), entry.name.clone()), reason))
        })
        .collect()
    }
}

/// The tables with the same columns in another order. A restore puts those of a table's parents first, wherever
/// `ALTER TABLE` has put them.
fn reordered(backup: &[Entry], found: &[Entry]) -> BTreeSet<(Untrusted, Untrusted)> {
    let orders = |entries: &[Entry]| -> BTreeMap<(Untrusted, Untrusted), Vec<String>> {
        let data = entries.iter().filter(|entry| entry.kind == "TABLE DATA");
        data.map(|entry| {
            (
                (entry.schema.clone(), entry.name.clone()),
                copied_columns(entry.copy.raw()),
            )
        })
        .collect()
    };
    let after = orders(found);
    let is_reordered = |place: &(Untrusted, Untrusted), before: &[String]| {
        let Some(after) = after.get(place) else {
            return false;
        };
        let sorted = |columns: &[String]| {
            let mut columns = columns.to_vec();
            columns.sort();
            columns
        };
        before != after.as_slice() && sorted(before) == sorted(after)
    };
    let before = orders(backup).into_iter();
    before
        .filter(|(place, columns)| is_reordered(place, columns))
        .map(|(place, _)| place)
        .collect()
}

fn by_name(tables: &[TableData]) -> BTreeMap<(Untrusted, Untrusted), &TableData> {
    let place = |table: &TableData| (table.schema.clone(), table.name.clone());
    tables.iter().map(|table| (place(table), table)).collect()
}

fn changed(was: &TableData, is: &TableData) -> Option<String> {
    if was.rows != is.rows {
        return Some(format!("it had {}, and has {}", counted(was.rows, "row"), is.rows));
    }
    let is_same = was.fingerprint == is.fingerprint && was.bytes == is.bytes;
    (!is_same).then(|| {
        let rows = counted(was.rows, "row");
        format!("it has {rows} as before, and not all of them are the same")
    })
}

fn changed_objects(was: &LargeObjects, is: &LargeObjects) -> Option<String> {
    if was == is {
        return None;
    }
    Some(match was.count == is.count {
        true => "not all of them are as before".to_owned(),
        false => format!("there were {}, and there are {}", was.count, is.count),
    })
}

fn of_table(table: &TableData, reason: FindingReason, why: impl Into<Untrusted>) -> DrillFinding {
    DrillFinding {
        kind: "TABLE DATA".into(),
        schema: table.schema.clone(),
        name: table.name.clone(),
        why: why.into(),
        reason,
        label: format!("rows of {}.{}", table.schema.identifier(), table.name.identifier()).into(),
    }
}
