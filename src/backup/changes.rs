//! What changed from one backup to another, from their details alone.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Details, Globals, RoleState, TableFingerprint};
use crate::{
    archive::{Entry, LargeObjects},
    text::Untrusted,
};

/// What changed from one backup to another. Everything that is the same in both is left out and counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Tables that are in one of them only, or hold other data, by schema and name.
    pub tables: Vec<TableChange>,
    /// How many tables hold the same rows in both.
    pub same_tables: u64,
    /// The large objects of both, where they differ.
    pub large_objects: Option<Between<LargeObjectsSize>>,
    /// Kinds of definitions that differ, by name.
    pub definitions: Vec<DefinitionsChange>,
    /// Extensions that differ, by name.
    pub extensions: Vec<ExtensionChange>,
    /// Roles that differ, by name; empty where one of the backups doesn't say.
    pub roles: Vec<RoleChange>,
    /// The names of settings of the database that differ. Values may be secrets, so none is told.
    pub settings: Vec<Untrusted>,
}

/// The same thing in both backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Between<T> {
    /// In the first one.
    pub from: T,
    /// In the second one.
    pub to: T,
}

/// A table that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The schema.
    pub schema: Untrusted,
    /// The name.
    pub name: Untrusted,
    /// What it held in the first backup; none where it was not there.
    pub from: Option<TableSize>,
    /// What it holds in the second backup; none where it is not there.
    pub to: Option<TableSize>,
    /// A table that is new and holds the very rows of the only one that is gone with them: its schema and its name
    /// before.
    pub renamed_from: Option<(Untrusted, Untrusted)>,
}

/// How much a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TableSize {
    /// Rows.
    pub rows: u64,
    /// Bytes of its rows in COPY's text form.
    pub bytes: u64,
}

/// How many large objects there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LargeObjectsSize {
    /// How many.
    pub count: u64,
    /// Bytes of all together.
    pub bytes: u64,
}

/// A kind of definitions that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DefinitionsChange {
    /// pg_dump's word for the kind: `TABLE`, `INDEX`, `FK CONSTRAINT`.
    pub kind: Untrusted,
    /// How many there were in the first backup.
    pub from: u64,
    /// How many there are in the second backup. Where both numbers are the same, at least one definition has another
    /// text.
    pub to: u64,
    /// Which ones, by schema and name, if the tables of contents of both archives were read.
    pub named: Option<Vec<NamedDefinition>>,
}

/// A definition that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedDefinition {
    /// The schema; empty for what is in none.
    pub schema: Untrusted,
    /// The name, as pg_dump writes it: that of a constraint has the table before it, a function's its arguments.
    pub name: Untrusted,
    /// What became of it.
    pub change: DefinitionFate,
}

/// What became of a definition from one backup to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionFate {
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
    /// It has another text.
    Edited,
}

/// An extension that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtensionChange {
    /// The name.
    pub name: Untrusted,
    /// Its version in the first backup; none where it was not there.
    pub from: Option<Untrusted>,
    /// Its version in the second backup; none where it is not there.
    pub to: Option<Untrusted>,
}

/// A role that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleChange {
    /// The name.
    pub name: Untrusted,
    /// What it was in the first backup; none where it was not there.
    pub from: Option<RoleState>,
    /// What it is in the second backup; none where it is not there.
    pub to: Option<RoleState>,
}

/// Schema and name.
type TableName<'a> = (&'a str, &'a str);

impl Changes {
    /// Compares the details of two backups, of one database or of two.
    ///
    /// Nothing is read but these. A table whose rows all stayed the same is the same, whatever their order; one with
    /// as many rows as before may have changed all the same.
    #[must_use]
    pub fn between(from: &Details, to: &Details) -> Self {
        let (tables, same_tables) = table_changes(from, to);
        Self {
            tables,
            same_tables,
            large_objects: large_objects_change(from.large_objects, to.large_objects),
            definitions: definitions_changes(from, to),
            extensions: extension_changes(from, to),
            roles: global_changes(from, to, role_changes),
            settings: global_changes(from, to, setting_changes),
        }
    }

    /// Names the definitions that differ, by the tables of contents of both archives.
    pub fn name_definitions(&mut self, from: &[Entry], to: &[Entry]) {
        for change in &mut self.definitions {
            let kind = change.kind.raw();
            let named = paired(texts_by_name(from, kind), texts_by_name(to, kind));
            let differing = named.filter(|(_, from, to)| from != to);
            let of_one = |((schema, name), from, to): ((&str, &str), Option<_>, Option<_>)| NamedDefinition {
                schema: schema.into(),
                name: name.into(),
                change: match (from, to) {
                    (None, _) => DefinitionFate::New,
                    (_, None) => DefinitionFate::Gone,
                    _ => DefinitionFate::Edited,
                },
            };
            change.named = Some(differing.map(of_one).collect());
        }
    }

    /// Whether both hold the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let globals = self.roles.len() + self.settings.len();
        let things = self.tables.len() + self.definitions.len() + self.extensions.len() + globals;
        things == 0 && self.large_objects.is_none()
    }
}

/// What changed of the globals, if both backups have them.
fn global_changes<T>(from: &Details, to: &Details, compare: impl Fn(&Globals, &Globals) -> Vec<T>) -> Vec<T> {
    match (&from.globals, &to.globals) {
        (Some(from), Some(to)) => compare(from, to),
        _ => Vec::new(),
    }
}

/// The roles that differ. Where one of the backups has a part of the roles alone, one that the other lacks is no change.
fn role_changes(from: &Globals, to: &Globals) -> Vec<RoleChange> {
    let is_part = from.is_part || to.is_part;
    paired(from.states(), to.states())
        .filter(|(_, from, to)| from != to && !(is_part && (from.is_none() || to.is_none())))
        .map(|(name, from, to)| RoleChange {
            name: name.into(),
            from,
            to,
        })
        .collect()
}

fn setting_changes(from: &Globals, to: &Globals) -> Vec<Untrusted> {
    paired(from.database_settings(), to.database_settings())
        .filter(|(_, from, to)| from != to)
        .map(|(name, _, _)| name.into())
        .collect()
}

/// The texts of the definitions of a kind, in the order of their names. Several may have one name.
fn texts_by_name<'a>(entries: &'a [Entry], kind: &str) -> impl Iterator<Item = (TableName<'a>, Vec<&'a str>)> {
    let mut texts: BTreeMap<TableName<'a>, Vec<&str>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind.raw() == kind) {
        let name = (entry.schema.raw(), entry.name.raw());
        texts.entry(name).or_default().push(entry.definition.raw());
    }
    texts.values_mut().for_each(|texts| texts.sort_unstable());
    texts.into_iter()
}

/// What was and what is under each key of two lists, in the order of the keys.
fn paired<K: Ord, V>(
    from: impl Iterator<Item = (K, V)>,
    to: impl Iterator<Item = (K, V)>,
) -> impl Iterator<Item = (K, Option<V>, Option<V>)> {
    let mut pairs: BTreeMap<K, (Option<V>, Option<V>)> = BTreeMap::new();
    for (key, value) in from {
        pairs.entry(key).or_default().0 = Some(value);
    }
    for (key, value) in to {
        pairs.entry(key).or_default().1 = Some(value);
    }
    pairs.into_iter().map(|(key, (from, to))| (key, from, to))
}

fn by_name(details: &Details) -> impl Iterator<Item = (TableName<'_>, &TableFingerprint)> {
    let tables = details.tables.iter();
    tables.map(|table| ((table.schema.raw(), table.name.raw()), table))
}

/// The tables that differ, and how many do not.
fn table_changes(from: &Details, to: &Details) -> (Vec<TableChange>, u64) {
    let (mut changes, mut same) = (Vec::new(), 0);
    let renames = Renames::among(from, to);
    for ((schema, name), from, to) in paired(by_name(from), by_name(to)) {
        if from.zip(to).is_some_and(|(from, to)| has_same_rows(from, to)) {
            same += 1;
            continue;
        }
        if from.is_some_and(|from| renames.is_source(from)) {
            continue;
        }
        changes.push(TableChange {
            schema: schema.into(),
            name: name.into(),
            from: from.map(TableSize::from),
            to: to.map(TableSize::from),
            renamed_from: to.filter(|_| from.is_none()).and_then(|to| renames.source(to)),
        });
    }
    (changes, same)
}

fn has_same_rows(one: &TableFingerprint, other: &TableFingerprint) -> bool {
    let content = |table: &TableFingerprint| (table.rows, table.bytes, table.fingerprint);
    content(one) == content(other)
}

/// Tables that have another name in the second backup: the only one with these rows that is gone, and the only one
/// that is new. Empty tables all look alike, so they never count.
struct Renames<'a> {
    /// By fingerprint: the one that is gone, and the one that is new.
    pairs: BTreeMap<String, (&'a TableFingerprint, &'a TableFingerprint)>,
}

impl<'a> Renames<'a> {
    fn among(from: &'a Details, to: &'a Details) -> Self {
        let mut by_content: BTreeMap<String, (Vec<_>, Vec<_>)> = BTreeMap::new();
        for (_, from, to) in paired(by_name(from), by_name(to)) {
            match (from, to) {
                (Some(gone), None) if gone.rows > 0 => {
                    by_content.entry(gone.fingerprint.to_string()).or_default().0.push(gone);
                }
                (None, Some(new)) if new.rows > 0 => {
                    by_content.entry(new.fingerprint.to_string()).or_default().1.push(new);
                }
                _ => {}
            }
        }
        let pairs = by_content.into_iter().filter_map(|(content, (gone, new))| {
            let (&[gone], &[new]) = (&gone[..], &new[..]) else {
                return None;
            };
            has_same_rows(gone, new).then_some((content, (gone, new)))
        });
        Self { pairs: pairs.collect() }
    }

    fn pair(&self, table: &TableFingerprint) -> Option<&(&'a TableFingerprint, &'a TableFingerprint)> {
        self.pairs.get(&table.fingerprint.to_string())
    }

    fn is_source(&self, table: &TableFingerprint) -> bool {
        self.pair(table).is_some_and(|(gone, _)| std::ptr::eq(*gone, table))
    }

    fn source(&self, table: &TableFingerprint) -> Option<(Untrusted, Untrusted)> {
        let (gone, _) = self.pair(table).filter(|(_, new)| std::ptr::eq(*new, table))?;
        Some((gone.schema.clone(), gone.name.clone()))
    }
}

fn large_objects_change(from: LargeObjects, to: LargeObjects) -> Option<Between<LargeObjectsSize>> {
    let size = |objects: LargeObjects| LargeObjectsSize {
        count: objects.count,
        bytes: objects.bytes,
    };
    (from != to).then(|| Between {
        from: size(from),
        to: size(to),
    })
}

/// The kinds of definitions that differ. What only says that a table has data stands with the tables.
fn definitions_changes(from: &Details, to: &Details) -> Vec<DefinitionsChange> {
    const DATA: [&str; 4] = ["TABLE DATA", "BLOBS", "BLOB", "BLOB METADATA"];
    let by_kind = |details: &'_ Details| {
        let kinds = details.definitions.iter();
        let kinds = kinds.filter(|one| !DATA.contains(&one.kind.raw()));
        kinds
            .map(|one| (one.kind.raw().to_owned(), (one.count, one.fingerprint)))
            .collect::<Vec<_>>()
    };
    let pairs = paired(by_kind(from).into_iter(), by_kind(to).into_iter());
    let differing = pairs.filter(|(_, from, to)| from != to);
    differing
        .map(|(kind, from, to)| DefinitionsChange {
            kind: kind.into(),
            from: from.map_or(0, |(count, _)| count),
            to: to.map_or(0, |(count, _)| count),
            named: None,
        })
        .collect()
}

fn extension_changes(from: &Details, to: &Details) -> Vec<ExtensionChange> {
    let by_name = |details: &'_ Details| {
        let extensions = details.extensions.iter();
        extensions
            .map(|(name, version)| (name.raw().to_owned(), version.clone()))
            .collect::<Vec<_>>()
    };
    let pairs = paired(by_name(from).into_iter(), by_name(to).into_iter());
    let differing = pairs.filter(|(_, from, to)| from != to);
    differing
        .map(|(name, from, to)| ExtensionChange {
            name: name.into(),
            from,
            to,
        })
        .collect()
}

impl From<&TableFingerprint> for TableSize {
    fn from(table: &TableFingerprint) -> Self {
        Self {
            rows: table.rows,
            bytes: table.bytes,
        }
    }
}
