//! What a reserved database has before a restore, which is no part of a backup: what its platform puts into every
//! database, extensions, and the mark.

use std::collections::{BTreeMap, BTreeSet};

use super::entry_key::{EntryKey, key, texts};
use crate::{
    archive::{Contents, Entry, TableData},
    postgres::RESERVED_SCHEMA,
    text::Untrusted,
};

/// What a database has before a restore; nothing where it was made for it.
#[derive(Default)]
pub(super) struct AlreadyThere {
    /// The texts of each definition.
    definitions: BTreeMap<EntryKey, Vec<String>>,
    /// The tables with rows.
    tables: BTreeSet<(Untrusted, Untrusted, u64, String)>,
    /// Whether it is a reserved database, with a mark.
    has_mark: bool,
}

impl AlreadyThere {
    /// What a dump of a reserved database shows before a restore.
    pub(super) fn of(contents: &Contents, entries: &[Entry]) -> Self {
        let mut by_key: BTreeMap<EntryKey, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            by_key.entry(key(entry)).or_default().push(entry);
        }
        let definitions = by_key.into_iter().map(|(key, entries)| (key, texts(&entries)));
        Self {
            definitions: definitions.collect(),
            tables: contents.tables.iter().map(place).collect(),
            has_mark: true,
        }
    }

    /// Whether these entries of one key were there, as they are now.
    pub(super) fn has(&self, key: &EntryKey, entries: &[&Entry]) -> bool {
        self.definitions
            .get(key)
            .is_some_and(|before| *before == texts(entries))
    }

    /// Whether this is the mark of a reserved database, which restored code may have changed.
    pub(super) fn is_mark(&self, (kind, _, name): &EntryKey) -> bool {
        let of_schema = |name: &str| name.strip_prefix("SCHEMA ") == Some(RESERVED_SCHEMA);
        self.has_mark && (kind == "SCHEMA" && name == RESERVED_SCHEMA || of_schema(name.raw()))
    }

    /// Whether the table had the same rows.
    pub(super) fn has_rows(&self, table: &TableData) -> bool {
        self.tables.contains(&place(table))
    }
}

fn place(table: &TableData) -> (Untrusted, Untrusted, u64, String) {
    let fingerprint = table.fingerprint.to_string();
    (table.schema.clone(), table.name.clone(), table.rows, fingerprint)
}
