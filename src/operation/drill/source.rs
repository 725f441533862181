//! What a scratch database needs to know of a backup before it is made, read from the archive's table of contents.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    archive::Entry,
    backup::Details,
    operation::restore::{name_after, roles_named},
    postgres::RESERVED_SCHEMA,
};

/// The encoding of a dump that doesn't say one.
const DEFAULT_ENCODING: &str = "UTF8";

/// How the names of PostgreSQL's own roles begin.
const SYSTEM_ROLE: &str = "pg_";

/// The locale keywords of `CREATE DATABASE`. Others, such as a collation's version, are this server's own.
///
/// <https://www.postgresql.org/docs/current/sql-createdatabase.html>
const LOCALE_KEYWORDS: &[&str] = &[
    "LOCALE_PROVIDER",
    "LOCALE",
    "LC_COLLATE",
    "LC_CTYPE",
    "ICU_LOCALE",
    "ICU_RULES",
    "BUILTIN_LOCALE",
];

/// Settings of a database on which the text form of its rows depends.
const TEXT_SETTINGS: &[&str] = &["bytea_output"];

/// What a backup says about the database that it was made of.
pub(super) struct SourceDatabase {
    pub(super) encoding: String,
    pub(super) locale: Vec<(&'static str, String)>,
    /// The role that owns most of what is in it.
    pub(super) owner: Option<String>,
    /// All roles that it names, but those of PostgreSQL itself.
    pub(super) roles: BTreeSet<String>,
    pub(super) extensions: Vec<(String, Option<String>)>,
    /// The owner of the schema `public`, if it isn't the default one.
    pub(super) owner_of_public: Option<String>,
    pub(super) settings: Vec<(&'static str, String)>,
    /// All roles of its server that the backup keeps.
    pub(super) other_roles: BTreeSet<String>,
    /// Who of them is a member of whom: role and member.
    pub(super) memberships: Vec<(String, String)>,
    /// Whether it is itself a database that is reserved for drills.
    pub(super) is_reserved: bool,
}

impl SourceDatabase {
    pub(super) fn read(entries: &[Entry], details: Option<&Details>) -> Self {
        let globals = details
            .and_then(|details| details.globals.as_deref())
            .cloned()
            .unwrap_or_default();
        let encoding = entries.iter().find_map(Entry::encoding);
        let owners = entries.iter().map(|entry| entry.owner.raw());
        let owners = owners.filter(|owner| !owner.is_empty() && !owner.starts_with(SYSTEM_ROLE));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for owner in owners {
            *counts.entry(owner).or_default() += 1;
        }
        let most = counts.iter().max_by_key(|(_, count)| **count);
        let mut roles = roles_named(entries);
        roles.extend(counts.keys().map(|owner| (*owner).to_owned()));
        roles.retain(|role| !role.starts_with(SYSTEM_ROLE));
        let public = entries
            .iter()
            .find(|entry| entry.kind == "SCHEMA" && entry.name == "public")
            .map(|entry| entry.owner.raw().to_owned());
        let extension = |entry: &Entry| {
            let schema = name_after("schema", entry.definition.raw());
            (entry.name.raw().to_owned(), schema)
        };
        let extensions = entries.iter().filter(|entry| entry.kind == "EXTENSION");
        Self {
            encoding: encoding.unwrap_or(DEFAULT_ENCODING).to_owned(),
            locale: locale(entries),
            owner: most.map(|(owner, _)| (*owner).to_owned()),
            owner_of_public: public.filter(|owner| roles.contains(owner)),
            roles,
            extensions: extensions.map(extension).collect(),
            settings: settings(entries),
            other_roles: globals
                .roles
                .iter()
                .map(|role| role.name.raw().to_owned())
                .filter(|name| !name.starts_with(SYSTEM_ROLE))
                .collect(),
            memberships: globals
                .memberships
                .iter()
                .map(|one| (one.role.raw().to_owned(), one.member.raw().to_owned()))
                .collect(),
            is_reserved: entries
                .iter()
                .any(|entry| entry.kind == "SCHEMA" && entry.name == RESERVED_SCHEMA),
        }
    }
}

/// The locale of the database, from the statement that would create it: keyword, `=`, and a value.
fn locale(entries: &[Entry]) -> Vec<(&'static str, String)> {
    let Some(database) = entries.iter().find(|entry| entry.kind == "DATABASE") else {
        return Vec::new();
    };
    let tokens = tokens(database.definition.raw());
    let value_of = |keyword: &str| {
        let at = tokens.iter().position(|token| token.is(keyword))?;
        let value = tokens.get(at + 2)?.value();
        (tokens.get(at + 1)? == &Token::Mark('=')).then_some(value).flatten()
    };
    LOCALE_KEYWORDS
        .iter()
        .filter_map(|keyword| Some((*keyword, value_of(keyword)?)))
        .collect()
}

/// The settings of the database that the text form of its rows depends on: `ALTER DATABASE … SET name TO 'value'`.
fn settings(entries: &[Entry]) -> Vec<(&'static str, String)> {
    let properties = entries.iter().filter(|entry| entry.kind == "DATABASE PROPERTIES");
    let tokens: Vec<Token> = properties.flat_map(|entry| tokens(entry.definition.raw())).collect();
    let value_of = |name: &str| {
        let at = tokens.windows(2).position(|two| two[0].is("set") && two[1].is(name))?;
        tokens.get(at + 3)?.value()
    };
    TEXT_SETTINGS
        .iter()
        .filter_map(|name| Some((*name, value_of(name)?)))
        .collect()
}

/// A token of a statement that pg_dump wrote.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// A name in double quotes, which is no keyword.
    Name,
    Literal(String),
    Mark(char),
}

impl Token {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn value(&self) -> Option<String> {
        match self {
            Self::Word(text) | Self::Literal(text) => Some(text.clone()),
            Self::Name | Self::Mark(_) => None,
        }
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let mut text = String::new();
                while let Some(inside) = chars.next() {
                    // a doubled quote is one of the text
                    if inside == c && chars.next_if_eq(&c).is_none() {
                        break;
                    }
                    text.push(inside);
                }
                tokens.push(if c == '"' { Token::Name } else { Token::Literal(text) });
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            c if c.is_whitespace() => (),
            c => tokens.push(Token::Mark(c)),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, name: &str, owner: &str, definition: &str) -> Entry {
        Entry {
            kind: kind.into(),
            name: name.into(),
            owner: owner.into(),
            definition: definition.into(),
            ..Entry::default()
        }
    }

    #[test]
    fn locale_owner_and_settings_are_read_from_the_contents() {
        let entries = [
            entry(
                "DATABASE",
                "x LOCALE = 'y'",
                "root",
                "CREATE DATABASE \"x LOCALE = 'y'\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = icu \
                 LOCALE = 'en_US.UTF-8' ICU_LOCALE = 'de-u-co-phonebk';\n",
            ),
            entry(
                "DATABASE PROPERTIES",
                "x",
                "root",
                "ALTER DATABASE x SET search_path TO 'a', 'b';\nALTER DATABASE x SET bytea_output TO 'escape';\n",
            ),
            entry(
                "SCHEMA",
                "public",
                "shop",
                "-- *not* creating schema, since initdb creates it\n",
            ),
            entry("TABLE", "a", "shop", "CREATE TABLE public.a ();\n"),
            entry("TABLE", "b", "pg_database_owner", "CREATE TABLE public.b ();\n"),
            entry(
                "EXTENSION",
                "postgis",
                "",
                "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA gis;\n",
            ),
            entry(
                "POLICY",
                "a p",
                "shop",
                "CREATE POLICY p ON public.a TO reader USING (true);\n",
            ),
        ];
        let source = SourceDatabase::read(&entries, None);
        let locale: Vec<(&str, &str)> = source
            .locale
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            locale,
            [
                ("LOCALE_PROVIDER", "icu"),
                ("LOCALE", "en_US.UTF-8"),
                ("ICU_LOCALE", "de-u-co-phonebk")
            ]
        );
        assert_eq!(source.owner.as_deref(), Some("shop"));
        assert_eq!(source.owner_of_public.as_deref(), Some("shop"));
        assert_eq!(source.settings, [("bytea_output", "escape".to_owned())]);
        assert_eq!(source.extensions, [("postgis".to_owned(), Some("gis".to_owned()))]);
        let roles: Vec<&str> = source.roles.iter().map(String::as_str).collect();
        assert_eq!(roles, ["reader", "root", "shop"]);
    }
}
