//! The extensions of a target, and their tables whose rows a dump contains.
//!
//! <https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES>

use std::collections::BTreeSet;

use super::TargetFacts;
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::relation;
use crate::postgres::wire::Row;

/// An extension of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// Whether the restoring role owns it.
    pub is_own: bool,
    /// Its schema.
    pub schema: String,
}

/// A table or a sequence of an extension whose rows a dump contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionTable {
    /// The extension's name.
    pub extension: String,
    /// Whether the target already has the extension. If not, the restore creates it.
    pub is_there: bool,
    /// Whether the role can insert into the table, or set the sequence.
    pub may_insert: bool,
    /// Whether the role can delete from the table.
    pub may_delete: bool,
    /// Whether it is a sequence.
    pub is_sequence: bool,
    /// The condition that selects the rows which a dump contains and the extension's script doesn't insert: `WHERE NOT
    /// is_builtin`, or empty.
    pub condition: String,
    /// Whether it has such rows now.
    pub has_rows: bool,
    /// Tables outside of extensions whose foreign keys refer to it, by schema and name.
    pub referred_to_by: BTreeSet<(String, String)>,
}

impl ExtensionTable {
    /// The statement that deletes the rows which a dump contains.
    pub fn emptied(&self, schema: &str, name: &str) -> String {
        let table = relation(schema, name);
        format!("DELETE FROM ONLY {table} {};\n", self.condition)
    }
}

const EXTENSIONS: &str = "
    SELECT x.extname, pg_catalog.pg_has_role(x.extowner, 'USAGE'), n.nspname
      FROM pg_catalog.pg_extension AS x JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) \
          x.extnamespace";

/// Only an extension's own script can set the condition.
pub(super) const TABLES: &str = r#"
    SELECT n.nspname, c.relname, x.extname,
           CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN pg_catalog.has_table_privilege(c.oid, 'UPDATE')
                ELSE pg_catalog.has_table_privilege(c.oid, 'INSERT') END,
           c.relkind OPERATOR(pg_catalog.<>) 'S' AND pg_catalog.has_table_privilege(c.oid, 'DELETE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
           c.relkind OPERATOR(pg_catalog.=) 'S', x.extcondition[t.n],
           c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[]) AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
           (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(rn.nspname, r.relname))::pg_catalog.text
              FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS r ON r.oid OPERATOR(pg_catalog.=) k.conrelid
                   JOIN pg_catalog.pg_namespace AS rn ON rn.oid OPERATOR(pg_catalog.=) r.relnamespace
             WHERE k.confrelid OPERATOR(pg_catalog.=) c.oid
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                                WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) r.oid
                                  AND d.deptype OPERATOR(pg_catalog.=) 'e'))
      FROM pg_catalog.pg_extension AS x
           CROSS JOIN LATERAL pg_catalog.generate_subscripts(x.extconfig, 1) AS t (n)
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.extconfig[t.n]
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"#;

impl Session {
    pub(super) async fn look_at_extensions(&mut self, facts: &mut TargetFacts) -> Result<(), Error> {
        const WHAT: &str = "look at the target's extensions";
        for row in self.rows(WHAT, EXTENSIONS).await? {
            let extension = Extension {
                is_own: self.column(&row, 1, WHAT)?,
                schema: self.column(&row, 2, WHAT)?,
            };
            facts.extensions.insert(self.column(&row, 0, WHAT)?, extension);
        }
        for row in self.rows(WHAT, TABLES).await? {
            let (place, mut table) = self.extension_table(&row)?;
            table.is_there = true;
            if self.column(&row, 7, WHAT)? {
                let source = format!("ONLY {} {}", relation(&place.0, &place.1), table.condition);
                // what can't be seen counts as some
                table.has_rows = self.have_rows(&[source]).await? != [Some(false)];
            }
            facts.extension_tables.insert(place, table);
        }
        Ok(())
    }

    /// Parses a row of [`TABLES`].
    pub(super) fn extension_table(&self, row: &Row) -> Result<((String, String), ExtensionTable), Error> {
        const WHAT: &str = "look at the tables of extensions";
        let text = |at| row.text(at).unwrap_or_default().to_owned();
        let referring = row.text(8).map(serde_json::from_str);
        let table = ExtensionTable {
            extension: text(2),
            may_insert: self.column(row, 3, WHAT)?,
            may_delete: self.column(row, 4, WHAT)?,
            is_sequence: self.column(row, 5, WHAT)?,
            condition: text(6),
            referred_to_by: referring.and_then(Result::ok).unwrap_or_default(),
            ..ExtensionTable::default()
        };
        Ok(((text(0), text(1)), table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::sql::unqualified;

    #[test]
    fn nothing_is_left_to_the_search_path() {
        assert_eq!(unqualified(TABLES), None);
    }
}
