//! Rows of partitions that a dump sends by way of their root. After a restore they may be in other partitions than they
//! were, where another server hashes their values in another way: so they are compared together, as rows of the root.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry as Slot},
};

use crate::{
    archive::{Contents, Entry, TableData},
    operation::restore::rows_root,
    text::Untrusted,
};

/// The contents of a dump with one table in the place of such partitions. `entries`: its table of contents. Partitions
/// whose rows were not restored stay as they are, which `is_left_out` tells by the entry's id.
pub(super) fn with_roots<'c>(
    contents: &'c Contents,
    entries: &[Entry],
    is_left_out: impl Fn(i32) -> bool,
) -> Cow<'c, Contents> {
    let mut roots: BTreeMap<(&Untrusted, &Untrusted), usize> = BTreeMap::new();
    for rows in entries.iter().filter(|entry| entry.kind == "TABLE DATA") {
        if let Some(root) = rows_root(rows, entries).filter(|_| !is_left_out(rows.id)) {
            roots.insert((&rows.schema, &rows.name), root);
        }
    }
    if roots.is_empty() {
        return Cow::Borrowed(contents);
    }
    let mut tables = Vec::new();
    let mut together: BTreeMap<usize, TableData> = BTreeMap::new();
    for table in &contents.tables {
        let Some(root) = roots.get(&(&table.schema, &table.name)) else {
            tables.push(table.clone());
            continue;
        };
        match together.entry(*root) {
            Slot::Vacant(slot) => drop(slot.insert(TableData {
                schema: entries[*root].schema.clone(),
                name: entries[*root].name.clone(),
                ..table.clone()
            })),
            Slot::Occupied(mut slot) => {
                let sum = slot.get_mut();
                sum.rows += table.rows;
                sum.bytes += table.bytes;
                sum.fingerprint = sum.fingerprint.with(table.fingerprint);
            }
        }
    }
    tables.extend(together.into_values());
    Cow::Owned(Contents {
        tables,
        ..contents.clone()
    })
}
