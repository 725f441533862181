//! A table of contents of our own, for an archive that holds other names than the one that its data comes from.

use super::{Entry, Layout, block_picker::int};

/// Sections of an entry, as pg_backup.h numbers them.
const BEFORE_DATA: i32 = 2;
const DATA: i32 = 3;
/// States of an entry's offset: not known yet, and no data.
const NOT_SET: u8 = 1;
const NO_DATA: u8 = 3;

/// Writes a table of contents of these entries, in the layout of the archive whose header goes before it. Entries
/// without data are of the section before the data.
#[must_use]
pub fn write_contents(layout: Layout, entries: &[Entry]) -> Vec<u8> {
    let mut to = Vec::new();
    put_int(i32::try_from(entries.len()).unwrap_or(i32::MAX), &mut to);
    for entry in entries {
        put_entry(layout, entry, &mut to);
    }
    to
}

fn put_entry(layout: Layout, entry: &Entry, to: &mut Vec<u8>) {
    put_int(entry.id, to);
    put_int(i32::from(entry.has_data), to);
    // the ids of table and object in their catalogs, which pg_restore shows and does not use
    put_text(Some("0"), to);
    put_text(Some("0"), to);
    put_text(Some(entry.name.raw()), to);
    put_text(Some(entry.kind.raw()), to);
    put_int(if entry.has_data { DATA } else { BEFORE_DATA }, to);
    put_text(Some(entry.definition.raw()), to);
    put_text(Some(entry.drop.raw()), to);
    let copy = entry.copy.raw();
    put_text((!copy.is_empty()).then_some(copy), to);
    let schema = entry.schema.raw();
    put_text((!schema.is_empty()).then_some(schema), to);
    put_text(None, to);
    if layout.minor >= 14 {
        put_text(None, to);
    }
    if layout.minor >= 16 {
        put_int(0, to);
    }
    put_text(Some(entry.owner.raw()), to);
    put_text(Some("false"), to);
    for need in &entry.needs {
        put_text(Some(&need.to_string()), to);
    }
    put_text(None, to);
    to.push(if entry.has_data { NOT_SET } else { NO_DATA });
    to.extend(std::iter::repeat_n(0, layout.offset_bytes));
}

fn put_int(value: i32, to: &mut Vec<u8>) {
    to.extend_from_slice(&int(value));
}

fn put_text(text: Option<&str>, to: &mut Vec<u8>) {
    let Some(text) = text else {
        return put_int(-1, to);
    };
    put_int(i32::try_from(text.len()).unwrap_or(i32::MAX), to);
    to.extend_from_slice(text.as_bytes());
}
