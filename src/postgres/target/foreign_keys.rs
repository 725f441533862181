//! The foreign keys of a target's own tables: which rows they want first, and who may have them checked later.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::{ident, relation};
use crate::postgres::wire::Row;

/// That rows of a table need rows of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The schema and name of that other table.
    pub to: (String, String),
    /// The key that says so.
    pub key: ForeignKey,
}

/// A foreign key of a table, or of a partitioned table for all of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Whether any role may have it checked at the end of a transaction.
    pub is_deferrable: bool,
    /// Whether the role owns its table, and so may make it deferrable.
    pub is_own: bool,
}

impl ForeignKey {
    /// Whether the role can have it checked at the end of a transaction.
    pub fn can_wait(&self) -> bool {
        self.is_deferrable || self.is_own
    }

    /// The statement that has it checked at the end of this transaction. Other sessions see nothing of that, as long as the
    /// transaction undoes it before its end by [`is_checked`](Self::is_checked).
    pub fn waits(&self) -> String {
        match self.is_deferrable {
            true => format!("SET CONSTRAINTS {} DEFERRED;\n", relation(&self.schema, &self.name)),
            false => self.altered("DEFERRABLE INITIALLY DEFERRED"),
        }
    }

    /// The statement that makes it what it was, when [`CHECK_ALL`] has checked the rows.
    pub fn is_checked(&self) -> Option<String> {
        (!self.is_deferrable).then(|| self.altered("NOT DEFERRABLE"))
    }

    fn altered(&self, into: &str) -> String {
        let (table, name) = (relation(&self.schema, &self.table), ident(&self.name));
        format!("ALTER TABLE {table} ALTER CONSTRAINT {name} {into};\n")
    }
}

/// The statement that checks every row that was waiting.
pub const CHECK_ALL: &str = "SET CONSTRAINTS ALL IMMEDIATE;\n";

/// Without the keys that partitions have from the table that they are a part of, and those that it has for each of its
/// partitions. A table that refers to itself gets all of its rows by one statement, unless they are in its partitions. A key
/// that is not enforced (since 18) wants no rows.
const REFERENCES: &str = "
    SELECT own.nspname::pg_catalog.text, c.relname::pg_catalog.text, others.nspname::pg_catalog.text, f.relname::pg_catalog.text,
           k.conname::pg_catalog.text, k.condeferrable, pg_catalog.pg_has_role(c.relowner, 'USAGE')
      FROM pg_catalog.pg_constraint AS k
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) k.conrelid
           JOIN pg_catalog.pg_namespace AS own ON own.oid OPERATOR(pg_catalog.=) c.relnamespace
           JOIN pg_catalog.pg_class AS f ON f.oid OPERATOR(pg_catalog.=) k.confrelid
           JOIN pg_catalog.pg_namespace AS others ON others.oid OPERATOR(pg_catalog.=) f.relnamespace
     WHERE k.contype OPERATOR(pg_catalog.=) 'f' AND k.conparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
       AND (c.oid OPERATOR(pg_catalog.<>) f.oid OR c.relkind OPERATOR(pg_catalog.=) 'p')
       AND COALESCE(pg_catalog.to_jsonb(k) OPERATOR(pg_catalog.->>) 'conenforced', 'true') OPERATOR(pg_catalog.=) 'true'";

/// Each partition with every table that it is a part of.
const PARTITIONS: &str = "
    WITH RECURSIVE parts AS (
        SELECT i.inhrelid AS part, i.inhparent AS whole FROM pg_catalog.pg_inherits AS i
               JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
         WHERE c.relispartition AND c.relkind OPERATOR(pg_catalog.=) 'r'
        UNION ALL
        SELECT p.part, i.inhparent FROM parts AS p JOIN pg_catalog.pg_inherits AS i ON i.inhrelid OPERATOR(pg_catalog.=) p.whole)
    SELECT own.nspname::pg_catalog.text, c.relname::pg_catalog.text, above.nspname::pg_catalog.text, w.relname::pg_catalog.text
      FROM parts AS p
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) p.part
           JOIN pg_catalog.pg_namespace AS own ON own.oid OPERATOR(pg_catalog.=) c.relnamespace
           JOIN pg_catalog.pg_class AS w ON w.oid OPERATOR(pg_catalog.=) p.whole
           JOIN pg_catalog.pg_namespace AS above ON above.oid OPERATOR(pg_catalog.=) w.relnamespace";

/// A schema and the name of a table in it.
type Place = (String, String);

impl Session {
    /// All references between tables, each with the schema and name of the table that has it.
    pub(super) async fn references(&mut self) -> Result<Vec<(Place, Reference)>, Error> {
        const WHAT: &str = "look at the target's foreign keys";
        let mut references = Vec::new();
        for row in self.rows(WHAT, REFERENCES).await? {
            let text = |at| row.text(at).unwrap_or_default().to_owned();
            let key = ForeignKey {
                schema: text(0),
                table: text(1),
                name: text(4),
                is_deferrable: self.column(&row, 5, WHAT)?,
                is_own: self.column(&row, 6, WHAT)?,
            };
            let to = (text(2), text(3));
            references.push(((text(0), text(1)), Reference { to, key }));
        }
        Ok(references)
    }

    /// The schema and name of each partition, with those of a table that it is a part of.
    pub(super) async fn partitions(&mut self) -> Result<Vec<(Place, Place)>, Error> {
        let rows = self.rows("look at the target's partitions", PARTITIONS).await?;
        let place = |row: &Row, at| {
            let text = |at| row.text(at).unwrap_or_default().to_owned();
            (text(at), text(at + 1))
        };
        Ok(rows.iter().map(|row| (place(row, 0), place(row, 2))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::sql::unqualified;

    #[test]
    fn nothing_is_left_to_the_search_path() {
        assert_eq!(unqualified(REFERENCES), None);
        assert_eq!(unqualified(PARTITIONS), None);
    }
}
