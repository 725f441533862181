//! What `--clean` drops: every object of the target that the backup restores, and nothing else.

use super::plan::RestorePlan;
use crate::{
    archive::Entry,
    postgres::{DropStatements, ObjectIdentity},
};

/// Kinds that are not dropped by themselves. Some are dropped with the table, view or server that they belong to.
/// Others are never dropped: a schema may hold objects that aren't in the backup, an extension is created only if it is
/// missing, and a subscription can't be dropped in a transaction.
const NOT_BY_THEMSELVES: &[&str] = &[
    "SCHEMA",
    "EXTENSION",
    "INDEX",
    "TRIGGER",
    "RULE",
    "POLICY",
    "STATISTICS",
    "USER MAPPING",
    "SUBSCRIPTION",
    "PROCEDURAL LANGUAGE",
    "SHELL TYPE",
    "DATABASE",
];

/// The objects that a plan replaces, as statements that drop them.
pub(super) struct ReplacedObjects {
    /// The statements, in the reverse order of creation.
    pub(super) drops: DropStatements,
    /// The statements that drop large objects. Nothing depends on large objects.
    unlinks: String,
}

impl ReplacedObjects {
    /// The statements for what the plan restores.
    pub(super) fn by(plan: &RestorePlan) -> Self {
        let kept: Vec<&Entry> = plan.kept_entries().collect();
        let dropped = kept.iter().rev().filter_map(|entry| drop_of(entry));
        let mut statements: Vec<u8> = dropped.flatten().collect();
        statements.extend(plan.row_deletes.iter().rev().flat_map(|sql| sql.bytes()));
        let objects: Vec<String> = kept.iter().flat_map(|entry| large_objects(entry)).collect();
        let is_dropped = |entry: &&Entry| !NOT_BY_THEMSELVES.contains(&entry.kind.raw());
        let mut recreated: std::collections::BTreeSet<String> =
            kept.iter().flat_map(|entry| recreated(entry)).collect();
        recreated.extend(plan.attached());
        Self {
            drops: DropStatements {
                encoding: plan.encoding.clone(),
                statements,
                named: kept.iter().copied().filter(is_dropped).filter_map(place).collect(),
                recreated,
            },
            unlinks: objects
                .chunks(10_000)
                .map(|oids| {
                    format!(
                        "SELECT pg_catalog.lo_unlink(l.oid) FROM pg_catalog.pg_largeobject_metadata AS l WHERE l.oid \
                     OPERATOR(pg_catalog.=) ANY ('{{{}}}'::pg_catalog.oid[]);\n",
                        oids.join(",")
                    )
                })
                .collect(),
        }
    }

    /// All statements, with those for large objects.
    pub(super) fn all(mut self) -> DropStatements {
        self.drops.statements.extend(self.unlinks.bytes());
        self.drops
    }
}

/// The object that an entry creates, as the rehearsal identifies it. `None` if it is a part of another object.
pub(super) fn place(entry: &Entry) -> Option<ObjectIdentity> {
    let (kind, name) = (entry.kind.raw(), entry.name.raw());
    let (kind, name) = match kind {
        "TABLE" | "FOREIGN TABLE" | "VIEW" | "MATERIALIZED VIEW" | "SEQUENCE" => {
            ("relation".to_owned(), name.to_owned())
        }
        "FUNCTION" | "PROCEDURE" => ("routine".to_owned(), name.to_owned()),
        // the catalogs show the arguments of an aggregate over any rows as empty
        "AGGREGATE" => ("routine".to_owned(), name.replace("(*)", "()")),
        "TYPE" | "DOMAIN" | "SHELL TYPE" => ("type".to_owned(), name.to_owned()),
        "PROCEDURAL LANGUAGE" => ("language".to_owned(), name.to_owned()),
        "COLLATION"
        | "CONVERSION"
        | "TEXT SEARCH PARSER"
        | "TEXT SEARCH DICTIONARY"
        | "TEXT SEARCH TEMPLATE"
        | "TEXT SEARCH CONFIGURATION"
        | "SERVER"
        | "FOREIGN DATA WRAPPER"
        | "EVENT TRIGGER"
        | "PUBLICATION"
        | "SUBSCRIPTION"
        | "ACCESS METHOD"
        | "EXTENSION"
        | "SCHEMA" => (kind.to_lowercase(), name.to_owned()),
        "OPERATOR" => (kind.to_lowercase(), format!("{name}{}", behind(entry, " ("))),
        "OPERATOR CLASS" | "OPERATOR FAMILY" => (
            kind.to_lowercase(),
            format!("{name}{}", behind(entry, " USING ").replace('"', "")),
        ),
        _ => return None,
    };
    Some(ObjectIdentity {
        kind,
        schema: entry.schema.raw().to_owned(),
        name,
    })
}

/// The end of the statement that drops the object, from the last occurrence of `words`.
fn behind<'a>(entry: &'a Entry, words: &str) -> &'a str {
    let statement = entry.drop.raw().trim_end().trim_end_matches(';');
    statement.rfind(words).map_or("", |at| &statement[at..])
}

/// pg_dump's statement that drops the object, like `DROP TABLE public.t;`, with IF EXISTS and CASCADE.
fn drop_of(entry: &Entry) -> Option<Vec<u8>> {
    let kind = entry.kind.raw();
    if NOT_BY_THEMSELVES.contains(&kind) {
        return None;
    }
    let statement = entry.drop_statement();
    let rest = statement.strip_prefix(b"DROP ")?;
    let rest = rest.strip_prefix(kind.as_bytes())?;
    let object = rest.trim_ascii_end().strip_suffix(b";")?;
    let start = format!("DROP {kind} IF EXISTS");
    Some([start.as_bytes(), object, b" CASCADE;\n"].concat())
}

/// Objects that an entry creates and that are dropped with others, worded as `pg_describe_object` does: triggers on
/// tables that stay, user mappings, casts, and the tables and schemas of publications.
pub(super) fn recreated(entry: &Entry) -> Vec<String> {
    let (schema, name) = (entry.schema.raw(), entry.name.raw());
    // both names may contain spaces
    let halves = || name.match_indices(' ').map(|(at, _)| (&name[..at], &name[at + 1..]));
    match entry.kind.raw() {
        "TRIGGER" => halves()
            .flat_map(|(table, trigger)| {
                ["table", "foreign table", "view"].map(|kind| format!("trigger {trigger} of {kind} {schema}.{table}"))
            })
            .collect(),
        "PUBLICATION TABLE" => halves()
            .map(|(publication, table)| format!("table {schema}.{table} in publication {publication}"))
            .collect(),
        "PUBLICATION TABLES IN SCHEMA" => halves()
            .map(|(publication, schema)| format!("schema {schema} in publication {publication}"))
            .collect(),
        // the entry's name is the description of the object
        "USER MAPPING" | "CAST" | "TRANSFORM" => vec![name.to_owned()],
        _ => Vec::new(),
    }
}

/// The OIDs of an entry's large objects: the entry's name in archives of pg_dump 16 and older, the lines of its
/// definition since 17.
pub(super) fn large_objects(entry: &Entry) -> Vec<String> {
    let numbers: Box<dyn Iterator<Item = &str>> = match entry.kind.raw() {
        "BLOB" => Box::new(std::iter::once(entry.name.raw())),
        "BLOB METADATA" => Box::new(entry.definition.raw().lines()),
        _ => return Vec::new(),
    };
    numbers
        .filter(|number| number.parse::<u32>().is_ok())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, name: &str, drop: &str) -> Entry {
        Entry {
            kind: kind.into(),
            name: name.into(),
            drop: drop.into(),
            ..Entry::default()
        }
    }

    #[test]
    fn statements_are_pg_dump_s_own_for_what_may_not_be_there() {
        for (kind, statement, wanted) in [
            (
                "TABLE",
                "DROP TABLE public.\"a;b\";\n",
                Some("DROP TABLE IF EXISTS public.\"a;b\" CASCADE;\n"),
            ),
            (
                "FUNCTION",
                "DROP FUNCTION public.f(a integer);\n",
                Some("DROP FUNCTION IF EXISTS public.f(a integer) CASCADE;\n"),
            ),
            (
                "CONSTRAINT",
                "ALTER TABLE ONLY public.m DROP CONSTRAINT m_pkey;\n",
                None,
            ),
            ("SCHEMA", "DROP SCHEMA app;\n", None),
            ("COMMENT", "", None),
        ] {
            let made = drop_of(&entry(kind, "", statement));
            assert_eq!(made.as_deref(), wanted.map(str::as_bytes));
        }
    }

    #[test]
    fn what_shares_a_name_is_told_apart() {
        let name = |kind, name, drop| place(&entry(kind, name, drop)).map(|place| place.name);
        assert_eq!(
            name("OPERATOR", "===", "DROP OPERATOR public.=== (NONE, integer);\n").as_deref(),
            Some("=== (NONE, integer)")
        );
        assert_eq!(
            name(
                "OPERATOR CLASS",
                "mine",
                "DROP OPERATOR CLASS public.mine USING btree;\n"
            )
            .as_deref(),
            Some("mine USING btree")
        );
        assert_eq!(name("INDEX", "i", "DROP INDEX public.i;\n"), None);
    }

    #[test]
    fn large_objects_of_both_forms() {
        let one = entry("BLOB", "16400", "");
        let many = Entry {
            definition: "16401\n16402\n".into(),
            ..entry("BLOB METADATA", "", "")
        };
        assert_eq!(large_objects(&one), ["16400"]);
        assert_eq!(large_objects(&many), ["16401", "16402"]);
    }
}
