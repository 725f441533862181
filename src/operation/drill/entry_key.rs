//! How entries of two tables of contents are told to be the same, and what is compared of them.

use crate::{archive::Entry, operation::same_text::normalized, text::Untrusted};

/// Kind, schema and name of an entry.
pub(super) type EntryKey = (Untrusted, Untrusted, Untrusted);

pub(super) fn key(entry: &Entry) -> EntryKey {
    (entry.kind.clone(), entry.schema.clone(), entry.name.clone())
}

/// The texts of the definitions of entries with one key, sorted.
pub(super) fn texts(entries: &[&Entry]) -> Vec<String> {
    let mut texts: Vec<String> = entries.iter().map(|entry| normalized(entry.definition.raw())).collect();
    texts.sort();
    texts
}
