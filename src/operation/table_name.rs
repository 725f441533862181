//! The name of one table, as people write it.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::quoted_name::parts;
use crate::{
    archive::Entry,
    error::{Error, Result},
    text::Untrusted,
};

/// Kinds of entries that are a table.
const TABLES: &[&str] = &["TABLE", "FOREIGN TABLE"];
/// Kinds of entries that people may take for a table.
const OTHERS: &[&str] = &["VIEW", "MATERIALIZED VIEW", "SEQUENCE"];
/// Tables that an error names.
const NAMED: usize = 5;

/// The name of a table: `SCHEMA.TABLE`, or `TABLE` where only one has that name. Letters count as they are written;
/// what holds a dot stands in double quotes, and a double quote inside of them twice: `"odd.schema"."My table"`. SQL's
/// `U&"a\001bb"` is read, too, as names with such characters are shown in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut parts = parts(text)?;
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop();
        if !parts.is_empty() {
            return Err(format!(
                "{text:?} has more than a schema and a table; a name that holds a dot stands in double quotes"
            ));
        }
        match name.is_empty() || schema.as_ref().is_some_and(String::is_empty) {
            true => Err(format!("{text:?} is no SCHEMA.TABLE: a name is missing")),
            false => Ok(Self { schema, name }),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", Untrusted::from(&**schema).identifier())?;
        }
        f.write_str(&Untrusted::from(&*self.name).identifier())
    }
}

impl TableName {
    /// The name for a file: what could lead out of a folder, or be misread by a shell, is `_`.
    #[must_use]
    pub fn file_name(&self) -> String {
        let schema = self.schema.iter().map(String::as_str);
        let names: Vec<&str> = schema.chain([self.name.as_str()]).collect();
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let text: String = names.join(".").chars().take(100).collect();
        let plain: String = text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        plain.trim_start_matches(['.', '-']).to_owned()
    }

    /// Whether it names a table of this name in this schema.
    pub(super) fn is(&self, schema: &str, name: &str) -> bool {
        self.name == name && self.schema.as_ref().is_none_or(|wanted| wanted == schema)
    }

    /// The position of the one table among the entries that has this name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none, or several.
    pub(super) fn find(&self, entries: &[Entry]) -> Result<usize> {
        let is_it = |entry: &Entry| TABLES.contains(&entry.kind.raw()) && self.is(entry.schema.raw(), entry.name.raw());
        let found: Vec<usize> = (0..entries.len()).filter(|at| is_it(&entries[*at])).collect();
        match found[..] {
            [] => Err(self.not_found(entries)),
            [one] => Ok(one),
            _ => {
                let names = found.iter().map(|at| full_name(&entries[*at]));
                Err(Error::usage(
                    format!("several tables of this backup are called {self}"),
                    format!("say which one: {}", names.take(NAMED).collect::<Vec<_>>().join(", ")),
                ))
            }
        }
    }

    /// That there is no such table, with those that may be meant.
    fn not_found(&self, entries: &[Entry]) -> Error {
        let tables: Vec<&Entry> = entries.iter().filter(|it| TABLES.contains(&it.kind.raw())).collect();
        let names = nearest(&self.name, tables.iter().map(|table| table.name.raw()));
        let is_other = |entry: &&Entry| OTHERS.contains(&entry.kind.raw());
        let mut others = entries.iter().filter(is_other);
        let other = others.find(|entry| self.is(entry.schema.raw(), entry.name.raw()));
        let mut meant: Vec<&&Entry> = tables.iter().filter(|it| names.contains(&it.name.raw())).collect();
        meant.sort_by_key(|table| names.iter().position(|name| *name == table.name.raw()));
        let meant: Vec<String> = meant.into_iter().map(|table| full_name(table)).take(NAMED).collect();
        let hint = match other {
            Some(other) => format!(
                "{} is a {}, which --only restores with what it needs",
                full_name(other),
                other.kind.raw().to_lowercase()
            ),
            None => did_you_mean(&meant)
                .unwrap_or_else(|| "`pgcoffer restore ID --contents` lists the tables of a backup".to_owned()),
        };
        Error::usage(format!("no table {self} is in this backup"), hint)
    }
}

/// The names that may be meant by a wrong one, the nearest first: one letter in three may differ, and one of two; any may be
/// large or small.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wrong = wrong.to_lowercase();
    let near = names.map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &wrong), name));
    let length = wrong.chars().count();
    let most = (length / 3).max(usize::from(length > 1));
    let near: BTreeSet<(usize, &str)> = near.filter(|(letters, _)| *letters <= most).collect();
    near.into_iter().map(|(_, name)| name).take(NAMED).collect()
}

/// The question whether one of these is meant; none where there is none.
pub(super) fn did_you_mean(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(format!("did you mean {one}?")),
        several => Some(format!("did you mean one of these: {}?", several.join(", "))),
    }
}

/// A table's name with its schema, as an option takes it.
pub(super) fn full_name(entry: &Entry) -> String {
    format!("{}.{}", entry.schema.identifier(), entry.name.identifier())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (text, schema, name) in [
            ("public.orders", Some("public"), "orders"),
            ("orders", None, "orders"),
            ("App.Orders", Some("App"), "Orders"),
            ("my schema.a table", Some("my schema"), "a table"),
            ("\"a.b\".\"c\"\"d\"", Some("a.b"), "c\"d"),
            ("s.\"t\"", Some("s"), "t"),
            ("s.t*", Some("s"), "t*"),
            (r#"s.U&"a\000a\\\+01f418""b""#, Some("s"), "a\n\\🐘\"b"),
            ("u&\"x\".U&y", Some("x"), "U&y"),
        ] {
            let parsed: TableName = text.parse().unwrap();
            assert_eq!(
                (parsed.schema.as_deref(), parsed.name.as_str()),
                (schema, name),
                "{text}"
            );
        }
        for text in [
            "",
            "a.b.c",
            "a.",
            ".b",
            "\"a",
            "\"a\"b.c",
            "\"\"",
            "a.\"b\"\"",
            r#"U&"\00""#,
            r#"U&"\d800""#,
        ] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_shown_is_read_back() {
        for name in [
            "a b",
            "a\"b",
            "a.b",
            "a\\b",
            "a\nb\\\"",
            "\u{202e}x",
            "🐘\u{e0100}",
            "U&x",
            "ä",
            "\u{301}",
        ] {
            let shown = Untrusted::from(name).identifier();
            assert!(!shown.contains(['\n', '\u{202e}', '\u{e0100}']), "{shown}");
            let table = format!("{shown}.{shown}").parse::<TableName>().unwrap();
            assert_eq!(
                (table.schema.as_deref(), table.name.as_str()),
                (Some(name), name),
                "{shown}"
            );
            assert_eq!(table.to_string().parse::<TableName>().unwrap(), table);
        }
    }

    #[test]
    fn a_file_has_a_plain_name() {
        for (text, file) in [
            ("public.orders", "public.orders"),
            ("\"../..\".\"/etc/x y\"", ""),
            ("-rf.x", "rf.x"),
        ] {
            let name = text.parse::<TableName>().unwrap().file_name();
            assert!(!name.contains('/') && !name.starts_with(['.', '-']), "{name}");
            if !text.contains('"') {
                assert_eq!(name, file);
            }
        }
    }

    #[test]
    fn one_table_is_found_and_several_are_named() {
        let entry = |kind: &str, schema: &str, name: &str| Entry {
            kind: kind.into(),
            schema: schema.into(),
            name: name.into(),
            ..Entry::default()
        };
        let entries = [
            entry("SCHEMA", "", "app"),
            entry("TABLE", "app", "orders"),
            entry("TABLE DATA", "app", "orders"),
            entry("TABLE", "public", "orders"),
            entry("FOREIGN TABLE", "public", "Far.away"),
            entry("MATERIALIZED VIEW", "app", "totals"),
        ];
        let find = |text: &str| text.parse::<TableName>().unwrap().find(&entries);
        assert_eq!(find("public.orders").unwrap(), 3);
        assert_eq!(find("\"Far.away\"").unwrap(), 4);
        let hint = |text: &str| find(text).unwrap_err().hint().unwrap().to_string();
        assert!(hint("orders").contains("app.orders, public.orders"));
        assert!(hint("far.\"far.away\"").contains("public.\"Far.away\""));
        assert!(hint("nothing").contains("--contents"));
        assert_eq!(
            hint("ap.ordres"),
            "did you mean one of these: app.orders, public.orders?"
        );
        assert_eq!(hint("public.far_away"), "did you mean public.\"Far.away\"?");
        assert!(hint("app.totals").contains("is a materialized view"));
    }
}
