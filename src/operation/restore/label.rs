//! Labels of entries for people.

use super::statement::name_after;
use crate::{archive::Entry, text::Untrusted};

/// Kinds whose entry names begin with the name of a table, and the keyword before their own name in a statement.
const ON_TABLES: &[(&str, &str)] = &[
    ("POLICY", "policy"),
    ("TRIGGER", "trigger"),
    ("RULE", "rule"),
    ("CONSTRAINT", "constraint"),
    ("CHECK CONSTRAINT", "constraint"),
    ("FK CONSTRAINT", "constraint"),
];

/// Kinds that describe another object, and the words for that. Their entry names hold the kind and name of that object.
const ABOUT: &[(&str, &str)] = &[
    ("COMMENT", "comment on"),
    ("ACL", "privileges on"),
    ("SECURITY LABEL", "security label on"),
];

/// The label of an entry: `table public.orders`, `policy own on public.notes`, `privileges on function public.f()`.
pub(in crate::operation) fn label(entry: &Entry) -> String {
    let (kind, name) = (entry.kind.raw(), entry.name.raw());
    let own = ON_TABLES.iter().find(|(it, _)| *it == kind);
    if let Some((table, own)) = own.and_then(|(_, word)| halves(entry, word)) {
        let (own, table) = (own.identifier(), Untrusted::from(table).identifier());
        return format!("{} {own} on {}.{table}", words(kind), entry.schema);
    }
    if let Some((_, about)) = ABOUT.iter().find(|(it, _)| *it == kind) {
        let (object, name) = object_and_name(name);
        let own = Untrusted::from(name);
        return match entry.schema.is_empty() || name.is_empty() {
            true => format!("{about} {object} {own}"),
            false => format!("{about} {object} {}", placed(entry, name)),
        };
    }
    match kind {
        "USER MAPPING" => mapping(name),
        "DEFAULT ACL" => match entry.schema.is_empty() {
            true => words(name),
            false => format!("{} in schema {}", words(name), entry.schema),
        },
        "ROW SECURITY" => format!("row level security of {}", placed(entry, name)),
        "CAST" => format!("cast {}", Untrusted::from(name.strip_prefix("CAST ").unwrap_or(name))),
        _ if entry.schema.is_empty() => format!("{} {}", words(kind), entry.name),
        _ => format!("{} {}", words(kind), placed(entry, name)),
    }
}

fn placed(entry: &Entry, name: &str) -> String {
    format!("{}.{}", entry.schema, Untrusted::from(name))
}

/// A kind in lower case, as people write it.
fn words(kind: &str) -> String {
    Untrusted::from(kind.to_lowercase()).to_string()
}

/// Splits the entry's name into the table's name and its own. Both may contain spaces, so its own name is read from its
/// statement.
fn halves<'a>(entry: &'a Entry, word: &str) -> Option<(&'a str, Untrusted)> {
    let sql = [&entry.drop, &entry.definition];
    let own = sql.iter().find_map(|sql| name_after(word, sql.raw()))?;
    let table = entry.name.raw().strip_suffix(&own)?.strip_suffix(' ')?;
    Some((table, own.into()))
}

/// Splits `FUNCTION f()` or `EXTENSION postgis` into kind and name. The kind is in capitals.
fn object_and_name(text: &str) -> (String, &str) {
    let is_kind = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
    let mut end = 0;
    for word in text.split(' ') {
        if !is_kind(word) || end + word.len() >= text.len() {
            break;
        }
        end += word.len() + 1;
    }
    (words(text[..end].trim_end()), &text[end..])
}

/// The label of `USER MAPPING app SERVER s`.
fn mapping(name: &str) -> String {
    let rest = name.strip_prefix("USER MAPPING ").unwrap_or(name);
    match rest.rsplit_once(" SERVER ") {
        Some((role, server)) => format!(
            "user mapping of {} at server {}",
            Untrusted::from(role).identifier(),
            Untrusted::from(server).identifier()
        ),
        None => format!("user mapping {}", Untrusted::from(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_the_tables_that_they_are_on() {
        for (kind, schema, name, sql, wanted) in [
            ("TABLE", "app", "a", "", "table app.a"),
            ("POLICY", "app", "a p", "DROP POLICY p ON app.a;", "policy p on app.a"),
            (
                "FK CONSTRAINT",
                "app",
                "my table a key",
                "ALTER TABLE ONLY app.\"my table\" DROP CONSTRAINT \"a key\";",
                "fk constraint \"a key\" on app.\"my table\"",
            ),
            ("TRIGGER", "app", "a b c", "", "trigger app.a b c"),
            ("COMMENT", "app", "TABLE a", "", "comment on table app.a"),
            (
                "COMMENT",
                "",
                "EXTENSION \"uuid-ossp\"",
                "",
                "comment on extension \"uuid-ossp\"",
            ),
            (
                "ACL",
                "app",
                "FUNCTION f(integer)",
                "",
                "privileges on function app.f(integer)",
            ),
            ("ACL", "", "SCHEMA APP", "", "privileges on schema APP"),
            (
                "USER MAPPING",
                "",
                "USER MAPPING app SERVER s",
                "",
                "user mapping of app at server s",
            ),
            ("CAST", "", "CAST (text AS point)", "", "cast (text AS point)"),
            (
                "DEFAULT ACL",
                "s",
                "DEFAULT PRIVILEGES FOR TABLES",
                "",
                "default privileges for tables in schema s",
            ),
        ] {
            let entry = Entry {
                kind: kind.into(),
                schema: schema.into(),
                name: name.into(),
                drop: sql.into(),
                ..Entry::default()
            };
            assert_eq!(label(&entry), wanted);
        }
    }
}
