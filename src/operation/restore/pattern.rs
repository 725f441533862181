//! The selectors of `--leave-out` and `--only`: all objects of a kind, or those with a name.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{
    archive::Entry,
    operation::{SchemaName, TableName, table_name::nearest},
    text::Untrusted,
};

/// The kinds that a selector can name, and pg_dump's words for them.
const KINDS: &[(&str, &[&str])] = &[
    ("schema", &["SCHEMA"]),
    ("extension", &["EXTENSION"]),
    ("table", &["TABLE", "FOREIGN TABLE"]),
    ("view", &["VIEW", "MATERIALIZED VIEW"]),
    ("sequence", &["SEQUENCE"]),
    ("function", &["FUNCTION", "PROCEDURE", "AGGREGATE"]),
    ("type", &["TYPE", "DOMAIN", "SHELL TYPE"]),
    ("data", &["TABLE DATA"]),
    ("large-objects", &["BLOB", "BLOBS", "BLOB METADATA"]),
    ("index", &["INDEX", "INDEX ATTACH"]),
    ("constraint", &["CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT"]),
    ("foreign-key", &["FK CONSTRAINT"]),
    ("trigger", &["TRIGGER"]),
    ("rule", &["RULE"]),
    ("policy", &["POLICY"]),
    ("comment", &["COMMENT"]),
    ("event-trigger", &["EVENT TRIGGER"]),
    (
        "publication",
        &["PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA"],
    ),
    ("subscription", &["SUBSCRIPTION", "SUBSCRIPTION TABLE"]),
    ("server", &["SERVER"]),
    ("user-mapping", &["USER MAPPING"]),
    ("wrapper", &["FOREIGN DATA WRAPPER"]),
    ("language", &["PROCEDURAL LANGUAGE"]),
    ("security-label", &["SECURITY LABEL"]),
    ("statistics", &["STATISTICS", "STATISTICS DATA"]),
    ("collation", &["COLLATION"]),
    ("operator", &["OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY"]),
    ("cast", &["CAST"]),
    (
        "text-search",
        &[
            "TEXT SEARCH PARSER",
            "TEXT SEARCH DICTIONARY",
            "TEXT SEARCH TEMPLATE",
            "TEXT SEARCH CONFIGURATION",
        ],
    ),
];

/// A selector `KIND` or `KIND:NAME`. The name may be qualified by a schema, and `*` in it matches any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    kind: &'static str,
    words: &'static [&'static str],
    name: Name,
}

/// Which names a selector matches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Any,
    /// Those that match this text, in which `*` matches any text.
    Like(String),
    /// That of one table.
    Table(TableName),
    /// That of one schema.
    Schema(String),
}

impl Pattern {
    /// The kinds that can be named.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(kind, _)| *kind)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = match text.split_once(':') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        if name == Some("") {
            return Err("a name is missing after the colon".to_owned());
        }
        let known = KINDS.iter().find(|(word, _)| *word == kind);
        let (kind, words) = known.ok_or_else(|| no_kind(kind, name))?;
        Ok(Self {
            kind,
            words,
            name: name.map_or(Name::Any, |name| Name::Like(name.to_owned())),
        })
    }
}

/// What is wrong with a selector that begins with no kind, and what was probably meant.
fn no_kind(kind: &str, name: Option<&str>) -> String {
    let plain = kind.to_ascii_lowercase().replace([' ', '_'], "-");
    let singular = match plain.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => plain.trim_end_matches('s').to_owned(),
    };
    let is_it = |word: &str| [plain.as_str(), singular.as_str()].contains(&word);
    // pg_dump's own words for kinds, too
    let of_pg_dump = |words: &[&str]| {
        let words = words.iter().map(|word| word.to_ascii_lowercase().replace(' ', "-"));
        words.into_iter().any(|word| is_it(&word))
    };
    let meant = KINDS.iter().find(|(word, words)| is_it(word) || of_pg_dump(words));
    let meant = meant.map(|(word, _)| *word).or_else(|| {
        let near = KINDS
            .iter()
            .map(|(word, _)| (strsim::damerau_levenshtein(word, &plain), *word));
        near.filter(|(letters, word)| 3 * letters <= word.len())
            .min()
            .map(|(_, word)| word)
    });
    match (meant, name) {
        (Some(meant), Some(name)) => format!("{kind:?} is not a kind of object: did you mean {meant}:{name}?"),
        (Some(meant), None) => format!("{kind:?} is not a kind of object: did you mean {meant}?"),
        (None, Some(_)) => {
            let kinds: Vec<&str> = Pattern::kinds().collect();
            format!("{kind:?} is not a kind of object; kinds are {}", kinds.join(", "))
        }
        (None, None) => format!(
            "the kind is missing before the name {kind:?}: table:{kind} names a table, data:{kind} its rows, \
             schema:{kind} a schema (and so with view, function, type, extension and others)"
        ),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Like(name) => write!(f, "{}:{name}", self.kind),
            Name::Table(name) => write!(f, "{} {name}", self.kind),
            Name::Schema(name) => write!(f, "{} {}", self.kind, Untrusted::from(&**name).identifier()),
            Name::Any => f.write_str(self.kind),
        }
    }
}

impl Pattern {
    /// The selector of one table.
    #[must_use]
    pub fn table(name: TableName) -> Self {
        Self {
            name: Name::Table(name),
            ..Self::of_kind("table")
        }
    }

    /// The selector of everything in one schema.
    #[must_use]
    pub fn schema(name: SchemaName) -> Self {
        Self {
            name: Name::Schema(name.0),
            ..Self::of_kind("schema")
        }
    }

    fn of_kind(kind: &'static str) -> Self {
        let words = KINDS
            .iter()
            .find(|(word, _)| *word == kind)
            .map_or(&[][..], |(_, words)| words);
        Self {
            kind,
            words,
            name: Name::Any,
        }
    }

    /// The table, if the selector is that of one table.
    pub(super) fn as_table(&self) -> Option<&TableName> {
        match &self.name {
            Name::Table(name) => Some(name),
            _ => None,
        }
    }

    /// The names in a backup that may be meant by a selector which matches nothing in it, as it would be written.
    pub(super) fn nearest(&self, entries: &[Entry]) -> Vec<String> {
        let (Name::Like(wrong) | Name::Schema(wrong)) = &self.name else {
            return Vec::new();
        };
        let is_of_kind = |entry: &&Entry| self.words.contains(&entry.kind.raw());
        // the schema public has no entry where nothing about it was changed
        let schemas = entries.iter().map(|entry| entry.schema.raw().to_owned());
        let names: BTreeSet<String> = match self.kind {
            "schema" => schemas.filter(|name| !name.is_empty()).collect(),
            _ => {
                let of_kind = entries.iter().filter(is_of_kind);
                let both = of_kind.flat_map(|entry| {
                    let (schema, name) = (entry.schema.raw(), self.without_arguments(entry));
                    [name.to_owned(), format!("{schema}.{name}")]
                });
                both.collect()
            }
        };
        let near = nearest(wrong, names.iter().map(String::as_str));
        let shown = |name: &str| match (&self.name, self.kind) {
            // as --schema takes it
            (Name::Schema(_), _) => Untrusted::from(name).identifier(),
            (_, kind) => format!("{kind}:{}", Untrusted::from(name)),
        };
        near.into_iter().map(shown).collect()
    }

    /// The selector that matches this entry, if its kind can be selected.
    pub(super) fn of(entry: &Entry) -> Option<String> {
        let mut kinds = KINDS.iter();
        let (kind, _) = kinds.find(|(_, words)| words.contains(&entry.kind.raw()))?;
        let name = entry.name.raw();
        Some(match entry.schema.is_empty() {
            true => format!("{kind}:{name}"),
            false => format!("{kind}:{}.{name}", entry.schema.raw()),
        })
    }

    /// Whether the selector matches the entry. A schema's selector matches everything in the schema.
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let is_of_kind = self.words.contains(&entry.kind.raw());
        let (schema, own) = (entry.schema.raw(), entry.name.raw());
        match &self.name {
            Name::Any => is_of_kind,
            Name::Table(name) => is_of_kind && name.is(schema, own),
            Name::Schema(name) => name == schema || (is_of_kind && name == own),
            Name::Like(name) if self.kind == "schema" && is_like(name, schema) => true,
            Name::Like(name) => is_of_kind && self.names(name, entry),
        }
    }

    fn without_arguments<'a>(&self, entry: &'a Entry) -> &'a str {
        let own = entry.name.raw();
        match self.kind {
            "function" => own.split('(').next().unwrap_or(own),
            _ => own,
        }
    }

    fn names(&self, name: &str, entry: &Entry) -> bool {
        let own = entry.name.raw();
        let without_arguments = self.without_arguments(entry);
        // the name of an object that belongs to a table follows the table's name
        let last = match ["trigger", "policy", "rule", "constraint", "foreign-key"].contains(&self.kind) {
            true => own.split_once(' ').map_or(own, |(_, last)| last),
            false => own,
        };
        let schema = entry.schema.raw();
        // a name with a dot is qualified, if the entry has a schema
        let is_qualified = name.contains('.') && !schema.is_empty();
        [own, without_arguments, last].iter().any(|own| match is_qualified {
            true => is_like(name, &format!("{schema}.{own}")),
            false => is_like(name, own),
        })
    }
}

/// Whether the text matches the pattern, in which `*` matches any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.any(|at| is_like(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, schema: &str, name: &str) -> Entry {
        Entry {
            kind: kind.into(),
            schema: schema.into(),
            name: name.into(),
            ..Entry::default()
        }
    }

    #[test]
    fn kinds_and_names() {
        for (pattern, entry, is_meant) in [
            ("event-trigger", entry("EVENT TRIGGER", "", "watching"), true),
            ("event-trigger:watch*", entry("EVENT TRIGGER", "", "watching"), true),
            ("event-trigger:other", entry("EVENT TRIGGER", "", "watching"), false),
            ("table:public.logs", entry("TABLE", "public", "logs"), true),
            ("table:logs", entry("TABLE", "archive", "logs"), true),
            ("table:public.logs", entry("TABLE DATA", "public", "logs"), false),
            ("data:public.logs_*", entry("TABLE DATA", "public", "logs_2025"), true),
            ("schema:auth", entry("FUNCTION", "auth", "uid()"), true),
            ("schema:auth", entry("SCHEMA", "", "auth"), true),
            ("schema", entry("TABLE", "auth", "users"), false),
            ("function:auth.uid", entry("FUNCTION", "auth", "uid(integer)"), true),
            ("policy:own", entry("POLICY", "public", "notes own"), true),
            ("table:orders", entry("TABLE", "public", "old orders"), false),
            (
                "table:archive.orders",
                entry("TABLE", "public", "archive.orders"),
                false,
            ),
            ("index:*", entry("INDEX", "public", "a"), true),
        ] {
            let parsed: Pattern = pattern.parse().expect("it is one");
            assert_eq!(parsed.matches(&entry), is_meant, "{pattern} {entry:?}");
            assert_eq!(parsed.to_string(), pattern);
        }
    }

    #[test]
    fn what_is_no_kind_is_told() {
        for (typed, meant) in [
            ("event-triger:x", "did you mean event-trigger:x?"),
            ("tables:shop.orders", "did you mean table:shop.orders?"),
            ("Policies", "did you mean policy?"),
            ("materialized_view:x", "did you mean view:x?"),
            ("table_data:x", "did you mean data:x?"),
            ("shop.order_items", "table:shop.order_items names a table"),
            ("orders", "table:orders names a table"),
            ("colour:x", "kinds are schema, extension, table"),
        ] {
            let error = typed.parse::<Pattern>().expect_err("no such kind");
            assert!(error.contains(meant), "{typed}: {error}");
        }
        assert!("table:".parse::<Pattern>().is_err());
    }
}
