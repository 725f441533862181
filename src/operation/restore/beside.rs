//! The rows of one table, restored as a new table of another name: beside the table that the target has.
//!
//! Statements that pg_dump wrote can name the table in any place, also in text of functions. So none of them is run but
//! the one that makes the table, of which the head alone is written anew. What the new table gets beside its columns
//! and checks is nothing that could reach the old one.

use std::collections::BTreeSet;

use super::{
    column_defaults::{SharedDefault, without_shared_defaults},
    pattern::Pattern,
    statement::{self, listed, statements},
};
use crate::{
    archive::{Entry, Layout, write_contents},
    error::{Error, Result},
    operation::{TableName, partitions::partitions_of, table_name::full_name},
    postgres::sql::relation,
    text::Untrusted,
};

/// Entries of the session that every archive begins with.
const SESSION: &[&str] = &["ENCODING", "STDSTRINGS", "SEARCHPATH"];

/// The number of columns that a remark names.
const NAMED: usize = 5;

/// The longest name. Longer ones are cut without an error.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
const NAME_BYTES_MAX: usize = 63;

/// A new table that gets the rows of a table of the backup.
pub(super) struct Beside {
    /// What is restored.
    entries: Vec<Entry>,
    /// The ids of the entries with rows.
    pub(super) rows: BTreeSet<i32>,
    /// The tables that the rows come from, by schema and name: of a partitioned table its partitions.
    pub(super) tables: BTreeSet<(Untrusted, Untrusted)>,
    /// What the user should know.
    pub(super) remark: String,
}

impl Beside {
    /// Replaces the entries of an archive by those of the new table.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such table, or where it can't be made without another one.
    pub(super) fn new(only: &[Pattern], name: &TableName, entries: &mut Vec<Entry>) -> Result<Self> {
        let [table] = only else {
            return Err(not_one());
        };
        let at = table.as_table().ok_or_else(not_one)?.find(entries)?;
        let mut names = name.schema.iter().chain([&name.name]);
        if let Some(long) = names.find(|name| name.len() > NAME_BYTES_MAX) {
            return Err(Error::usage(
                format!(
                    "{} has {} bytes, and PostgreSQL would cut it to {NAME_BYTES_MAX}",
                    Untrusted::from(&**long).identifier(),
                    long.len()
                ),
                "choose a shorter name for --as",
            ));
        }
        let partitions = partitions_of(entries, at);
        let table = &entries[at];
        let new = NewTable {
            schema: name.schema.clone().unwrap_or_else(|| table.schema.raw().to_owned()),
            name: name.name.clone(),
        };
        let sources: Vec<&Entry> = match &partitions[..] {
            [] => vec![table],
            partitions => partitions.iter().map(|at| &entries[*at]).collect(),
        };
        let is_row_of = |entry: &Entry| {
            let mut sources = sources.iter();
            entry.kind == "TABLE DATA" && entry.has_data && sources.any(|source| entry.needs.contains(&source.id))
        };
        let is_secured = |entry: &&Entry| entry.kind == "ROW SECURITY" && entry.needs.contains(&table.id);
        let security = entries.iter().find(is_secured);
        let session = entries
            .iter()
            .filter(|entry| SESSION.contains(&entry.kind.raw()))
            .cloned();
        let mut made: Vec<Entry> = session.collect();
        let (definition, shared) = new.definition(table)?;
        made.push(new.entry(table, definition));
        if let Some(security) = security {
            let sql = format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY;\n", new.sql());
            made.push(new.entry(security, sql));
        }
        let data: Vec<&Entry> = entries.iter().filter(|entry| is_row_of(entry)).collect();
        for rows in &data {
            made.push(new.rows(rows, table.id));
        }
        if made.iter().any(|entry| !entry.undecoded.is_empty()) {
            return Err(Error::usage(
                format!(
                    "names in {} are in another encoding than UTF-8, which --as can't write",
                    full_name(table)
                ),
                "restore the table by --table into a database of that encoding, without --as",
            ));
        }
        let mut remark = format!(
            "{} gets the columns, checks and rows of {} and nothing else: no keys, indexes, sequences, triggers, policies, \
             privileges or comments",
            new.shown(),
            full_name(table)
        );
        if !shared.is_empty() {
            let default = |it: &SharedDefault| {
                let column = Untrusted::from(&*it.column).identifier();
                format!("{column} ({})", Untrusted::from(&*it.expression))
            };
            remark.push_str(&format!(
                "; these columns have no default in it, as theirs counts in a sequence or calls a function, which it would \
                 share with the table that is in use: {}",
                listed(shared.iter().map(default).collect(), NAMED)
            ));
        }
        if security.is_some() {
            remark.push_str("; row level security is on, so nobody but its owner sees the rows");
        }
        let beside = Self {
            rows: data.iter().map(|entry| entry.id).collect(),
            tables: data
                .iter()
                .map(|entry| (entry.schema.clone(), entry.name.clone()))
                .collect(),
            entries: made.clone(),
            remark,
        };
        *entries = made;
        Ok(beside)
    }

    /// The table of contents of what is restored.
    pub(super) fn contents(&self, layout: Layout) -> Vec<u8> {
        write_contents(layout, &self.entries)
    }
}

struct NewTable {
    schema: String,
    name: String,
}

impl NewTable {
    fn sql(&self) -> String {
        relation(&self.schema, &self.name)
    }

    fn shown(&self) -> String {
        let identifier = |name: &str| Untrusted::from(name).identifier();
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }

    /// The entry of the new table that stands for one of the old.
    fn entry(&self, old: &Entry, definition: String) -> Entry {
        let is_table = old.kind == "TABLE";
        Entry {
            id: old.id,
            kind: old.kind.clone(),
            name: self.name.as_str().into(),
            schema: self.schema.as_str().into(),
            owner: old.owner.clone(),
            definition: definition.into(),
            needs: match is_table {
                true => Vec::new(),
                false => old.needs.clone(),
            },
            ..Entry::default()
        }
    }

    fn rows(&self, old: &Entry, table: i32) -> Entry {
        let columns = statement::columns(old.copy.raw());
        let columns: Vec<String> = columns
            .iter()
            .map(|column| crate::postgres::sql::ident(column))
            .collect();
        let columns = match columns.is_empty() {
            true => String::new(),
            false => format!(" ({})", columns.join(", ")),
        };
        Entry {
            copy: format!("COPY {}{columns} FROM stdin;\n", self.sql()).into(),
            needs: vec![table],
            has_data: true,
            undecoded: old.undecoded.clone(),
            ..self.entry(old, String::new())
        }
    }

    /// The statement that makes the new table: that of the old one with another name, not partitioned, and without defaults
    /// that would use what the old one uses. Rows don't need these, as they have a value in every column.
    fn definition(&self, table: &Entry) -> Result<(String, Vec<SharedDefault>)> {
        let refused = |why: &str| {
            Error::usage(
                format!("{} {why}, so --as can't restore it", full_name(table)),
                "restore it by --table without --as, into an empty database",
            )
        };
        if table.kind != "TABLE" {
            return Err(refused("holds no rows of its own"));
        }
        if table.is_cut || !table.undecoded.is_empty() {
            return Err(refused("has a definition that can't be rewritten"));
        }
        let sql = table.definition.raw();
        let first = statements(sql).first().copied().unwrap_or_default();
        if statement::has_keywords(&["inherits"], first) {
            return Err(refused("inherits columns from another table"));
        }
        let renamed = statement::table_renamed(first, &self.sql());
        let sql = renamed.ok_or_else(|| refused("has a definition of an unknown form"))?;
        let (sql, shared) = without_shared_defaults(&sql);
        Ok((format!("{sql};\n"), shared))
    }
}

fn not_one() -> Error {
    Error::usage(
        "--as NAME restores the rows of one table, and another number is asked for",
        "give one --table, without --only or --schema, and run it once for each table",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(id: i32, kind: &str, name: &str, definition: &str, needs: &[i32]) -> Entry {
        Entry {
            id,
            kind: kind.into(),
            schema: "app".into(),
            name: name.into(),
            definition: definition.into(),
            needs: needs.to_vec(),
            ..Entry::default()
        }
    }

    fn made(definition: &str, new: &str) -> Result<Vec<Entry>> {
        let mut entries = vec![
            entry(1, "ENCODING", "ENCODING", "SET client_encoding = 'UTF8';\n", &[]),
            entry(2, "TABLE", "t", definition, &[]),
            Entry {
                has_data: true,
                copy: "COPY app.t (id, \"A b\") FROM stdin;\n".into(),
                ..entry(3, "TABLE DATA", "t", "", &[2])
            },
            entry(4, "INDEX", "i", "CREATE INDEX i ON app.t USING btree (id);", &[2]),
            entry(
                5,
                "ROW SECURITY",
                "t",
                "ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;",
                &[2],
            ),
        ];
        let only = [Pattern::table("app.t".parse().unwrap())];
        Beside::new(&only, &new.parse().unwrap(), &mut entries)?;
        Ok(entries)
    }

    #[test]
    fn the_table_that_is_made_names_the_old_one_nowhere() {
        let sql = "CREATE TABLE app.t (\n    id integer DEFAULT 7 NOT NULL,\n    \"A b\" text,\n    CONSTRAINT c CHECK ((id > \
                   0))\n)\nPARTITION BY RANGE (id);\nALTER TABLE ONLY app.t FORCE ROW LEVEL SECURITY;\n";
        let entries = made(sql, "\"Old t\"").unwrap();
        let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.raw()).collect();
        assert_eq!(kinds, ["ENCODING", "TABLE", "ROW SECURITY", "TABLE DATA"]);
        assert_eq!(
            entries[1].definition.raw(),
            "CREATE TABLE \"app\".U&\"Old\\0020t\" (\n    id integer DEFAULT 7 NOT NULL,\n    \"A b\" text,\n    \
             CONSTRAINT c CHECK ((id > 0))\n);\n"
        );
        assert_eq!(
            entries[3].copy.raw(),
            "COPY \"app\".U&\"Old\\0020t\" (\"id\", U&\"A\\0020b\") FROM stdin;\n"
        );
        let entries = made("CREATE UNLOGGED TABLE app.t (\n    id integer\n);\n", "other.u").unwrap();
        assert_eq!(
            entries[1].definition.raw(),
            "CREATE UNLOGGED TABLE \"other\".\"u\" (\n    id integer\n);\n"
        );
        assert_eq!(entries[1].schema.raw(), "other");
    }

    #[test]
    fn a_table_that_needs_another_one_is_refused() {
        for sql in ["CREATE TABLE app.t (\n)\nINHERITS (app.parent);\n", "SELECT 1;"] {
            assert!(made(sql, "u").is_err(), "{sql}");
        }
    }
}
