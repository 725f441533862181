//! What `--clean` drops: everything in the target that the backup brings, and nothing else.

use std::collections::BTreeSet;

use super::plan::Plan;
use crate::archive::Entry;

/// What goes with the table, the view or the server that it stands on, and what is never dropped: a schema may hold what isn't in
/// the backup, and an extension is made only where it isn't there.
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

/// Kinds that have their name in a schema, and whose parts go with them.
const PLACES: &[&str] = &[
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "TYPE",
    "DOMAIN",
    "COLLATION",
    "OPERATOR",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "OPERATOR FAMILY",
];

/// Kinds that have their name in the database as a whole.
const ELSEWHERE: &[&str] = &["SERVER", "EVENT TRIGGER", "PUBLICATION"];

/// What is dropped, and by which statements.
pub(super) struct Replaced {
    /// The statements, the last object first.
    pub(super) drops: String,
    /// Schema and name of each; the kind and the name of what is in no schema.
    pub(super) named: BTreeSet<(String, String)>,
    /// What falls with others and is made anew: triggers on tables that stay, mappings, casts, tables of publications.
    pub(super) remade: BTreeSet<String>,
    /// The statements for large objects, which nothing depends on.
    pub(super) unlinks: String,
}

impl Replaced {
    pub(super) fn by(plan: &Plan) -> Self {
        let kept: Vec<&Entry> = plan.kept_entries().collect();
        let drops: Vec<String> = kept
            .iter()
            .rev()
            .filter_map(|entry| drop_of(entry))
            .collect();
        let named = kept.iter().filter_map(|entry| {
            let (kind, schema, name) = (entry.kind.raw(), entry.schema.raw(), entry.name.raw());
            match kind {
                // as the catalogs have the arguments of an aggregate without any
                "AGGREGATE" => Some((schema, name.replace("(*)", "()"))),
                _ if PLACES.contains(&kind) => Some((schema, name.to_owned())),
                _ if ELSEWHERE.contains(&kind) => Some((kind, name.to_owned())),
                _ => None,
            }
        });
        let objects: Vec<String> = kept.iter().flat_map(|entry| large_objects(entry)).collect();
        Self {
            drops: drops.concat(),
            remade: kept.iter().flat_map(|entry| remade(entry)).collect(),
            named: named
                .map(|(place, name)| (place.to_owned(), name))
                .collect(),
            unlinks: objects
                .chunks(10_000)
                .map(|oids| format!(
                    "SELECT pg_catalog.lo_unlink(l.oid) FROM pg_catalog.pg_largeobject_metadata AS l WHERE l.oid OPERATOR(pg_catalog.=) ANY ('{{{}}}'::pg_catalog.oid[]);\n",
                    oids.join(",")
                ))
                .collect(),
        }
    }
}

/// The statement that pg_dump has for it, `DROP TABLE public.t;`, for what may not be there and what may have parts.
fn drop_of(entry: &Entry) -> Option<String> {
    let kind = entry.kind.raw();
    if NOT_BY_THEMSELVES.contains(&kind) {
        return None;
    }
    let rest = entry.drop.raw().strip_prefix("DROP ")?.strip_prefix(kind)?;
    let object = rest.trim_end().strip_suffix(';')?;
    Some(format!("DROP {kind} IF EXISTS{object} CASCADE;\n"))
}

/// What an entry makes, as the rehearsal calls it.
fn remade(entry: &Entry) -> Vec<String> {
    let (schema, name) = (entry.schema.raw(), entry.name.raw());
    // either name may have blanks in it
    let halves = || {
        name.match_indices(' ')
            .map(|(at, _)| (&name[..at], &name[at + 1..]))
    };
    match entry.kind.raw() {
        "TRIGGER" => halves()
            .map(|(table, trigger)| format!("trigger {trigger} of table {schema}.{table}"))
            .collect(),
        "PUBLICATION TABLE" => halves()
            .map(|(publication, table)| {
                format!("table {schema}.{table} in publication {publication}")
            })
            .collect(),
        // their names are what they are called by
        "USER MAPPING" | "CAST" => vec![name.to_owned()],
        _ => Vec::new(),
    }
}

/// The numbers of an entry's large objects: its name up to 16, and lines of its definition from 17 on.
fn large_objects(entry: &Entry) -> Vec<String> {
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

    #[test]
    fn statements_are_pg_dump_s_own_for_what_may_not_be_there() {
        let entry = |kind: &str, drop: &str| Entry {
            kind: kind.into(),
            drop: drop.into(),
            ..Entry::default()
        };
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
            assert_eq!(drop_of(&entry(kind, statement)).as_deref(), wanted);
        }
    }

    #[test]
    fn large_objects_of_both_forms() {
        let one = Entry {
            kind: "BLOB".into(),
            name: "16400".into(),
            ..Entry::default()
        };
        let many = Entry {
            kind: "BLOB METADATA".into(),
            definition: "16401\n16402\n".into(),
            ..Entry::default()
        };
        assert_eq!(large_objects(&one), ["16400"]);
        assert_eq!(large_objects(&many), ["16401", "16402"]);
    }
}
