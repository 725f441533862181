//! What a reserved database has before a restore, which is no part of a backup: what its platform puts into every
//! database, extensions, and the mark.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Drill,
    compare::Dumped,
    definitions::{EntryKey, key, texts},
    ground::Scratch,
    source::SourceDatabase,
};
use crate::{
    archive::{Entry, TableData},
    error::Result,
    operation::restore::decode_names,
    postgres::Session,
    text::Untrusted,
};

/// What a database has before a restore; nothing where it was made for it.
#[derive(Default)]
pub(super) struct AlreadyThere {
    /// The texts of each definition.
    definitions: BTreeMap<EntryKey, Vec<String>>,
    /// The tables with rows.
    tables: BTreeSet<(Untrusted, Untrusted, u64, String)>,
}

impl Drill<'_> {
    /// What is in the reserved database before the restore.
    pub(super) async fn what_is_there(&self, scratch: &Scratch, source: &SourceDatabase) -> Result<AlreadyThere> {
        if !scratch.is_reserved {
            return Ok(AlreadyThere::default());
        }
        let Dumped {
            contents, mut entries, ..
        } = self.dumped(scratch, source).await?;
        let mut session = Session::connect(&scratch.url).await?;
        decode_names(&mut session, &mut entries).await?;
        session.close().await;
        let mut by_key: BTreeMap<EntryKey, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            by_key.entry(key(entry)).or_default().push(entry);
        }
        let definitions = by_key.into_iter().map(|(key, entries)| (key, texts(&entries)));
        Ok(AlreadyThere {
            definitions: definitions.collect(),
            tables: contents.tables.iter().map(place).collect(),
        })
    }
}

impl AlreadyThere {
    /// Whether these entries of one key were there, as they are now.
    pub(super) fn has(&self, key: &EntryKey, entries: &[&Entry]) -> bool {
        self.definitions
            .get(key)
            .is_some_and(|before| *before == texts(entries))
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
