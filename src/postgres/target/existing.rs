//! Objects that a target already has: those in schemas that the restoring role doesn't own (a platform's tables,
//! functions and types), or all.

use std::collections::{BTreeSet, HashMap};

use super::foreign_keys::Reference;
use super::{RequiredFacts, TargetFacts};
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::relation;

/// An object that the target already has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingObject {
    /// For a table: whether it has no row. False where nobody looked.
    pub is_empty: bool,
    /// For a table: whether it can't be seen if it has rows.
    pub is_unseen: bool,
    /// For a table: whether it is partitioned, so that its rows are in its partitions.
    pub is_partitioned: bool,
    /// For a table: the columns that rows can be loaded into, if the role can insert.
    pub columns: Option<BTreeSet<String>>,
    /// For a table: whether it has triggers that fire when a row is inserted, which could change or drop it.
    pub has_triggers: bool,
    /// For a table: its own foreign keys to other tables. Rows are refused until the rows that they refer to exist.
    pub refers_to: Vec<Reference>,
    /// For a table: the tables that it is a partition of, whose foreign keys are its own as well.
    pub partition_of: Vec<(String, String)>,
    /// Whether the role owns it.
    pub is_own: bool,
    /// For a table: whether the role can create foreign keys to it.
    pub may_refer: bool,
    /// For a table: whether the role can create triggers on it. For a sequence: whether it can set it.
    pub may_modify: bool,
    /// For a table: whether row level security is enabled.
    pub has_row_security: bool,
}

/// The triggers that count are those of users for INSERT (bit 4), also those that a partition has from the table that it is
/// a part of, which servers before 15 call internal. Names have the form of pg_dump's table of contents. A table counts as empty if its file has no page; whether others have
/// rows is asked later.
const PRESENT: &str = r#"
    WITH schemas AS (
        SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n
         WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
           AND (NOT pg_catalog.pg_has_role(n.nspowner, 'USAGE'))),
    relations AS (
        SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relowner, s.nspname FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace)
    SELECT CASE WHEN r.relkind OPERATOR(pg_catalog.=) 'v' THEN 'VIEW' WHEN r.relkind OPERATOR(pg_catalog.=) 'm' THEN 'MATERIALIZED VIEW'
                WHEN r.relkind OPERATOR(pg_catalog.=) 'S' THEN 'SEQUENCE' WHEN r.relkind OPERATOR(pg_catalog.=) 'f' THEN 'FOREIGN TABLE'
                WHEN r.relkind OPERATOR(pg_catalog.=) 'c' THEN 'TYPE'
                WHEN r.relkind OPERATOR(pg_catalog.=) ANY ('{i,I}'::pg_catalog."char"[]) THEN 'INDEX' ELSE 'TABLE' END,
           r.nspname::pg_catalog.text, r.relname::pg_catalog.text,
           r.relkind OPERATOR(pg_catalog.=) 'r' AND pg_catalog.pg_relation_size(r.oid) OPERATOR(pg_catalog.=) 0,
           CASE WHEN r.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[]) AND pg_catalog.has_table_privilege(r.oid, 'INSERT')
                     AND NOT pg_catalog.row_security_active(r.oid)
                THEN (SELECT COALESCE(pg_catalog.json_agg(a.attname)::pg_catalog.text, '[]') FROM pg_catalog.pg_attribute AS a
                       WHERE a.attrelid OPERATOR(pg_catalog.=) r.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
                         AND a.attgenerated OPERATOR(pg_catalog.=) '') END,
           CASE WHEN r.relkind OPERATOR(pg_catalog.=) 'S' THEN pg_catalog.has_table_privilege(r.oid, 'UPDATE')
                WHEN r.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,f}'::pg_catalog."char"[]) THEN pg_catalog.has_table_privilege(r.oid, 'TRIGGER') ELSE false END,
           r.relrowsecurity,
           EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
                    WHERE t.tgrelid OPERATOR(pg_catalog.=) r.oid AND t.tgenabled OPERATOR(pg_catalog.<>) 'D'
                      AND (NOT t.tgisinternal OR t.tgconstraint OPERATOR(pg_catalog.=) 0::pg_catalog.oid)
                      AND (t.tgtype OPERATOR(pg_catalog.&) 4::pg_catalog.int2) OPERATOR(pg_catalog.<>) 0::pg_catalog.int2),
           pg_catalog.pg_has_role(r.relowner, 'USAGE'),
           r.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[]) AND pg_catalog.has_any_column_privilege(r.oid, 'REFERENCES'),
           r.relkind OPERATOR(pg_catalog.=) 'p'
      FROM relations AS r
    UNION ALL
    SELECT CASE WHEN p.prokind OPERATOR(pg_catalog.=) 'p' THEN 'PROCEDURE' WHEN p.prokind OPERATOR(pg_catalog.=) 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
           s.nspname, pg_catalog.concat(p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')'), false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_proc AS p JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) p.pronamespace
    UNION ALL
    SELECT CASE WHEN t.typtype OPERATOR(pg_catalog.=) 'd' THEN 'DOMAIN' ELSE 'TYPE' END, s.nspname, t.typname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_type AS t JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
     WHERE t.typtype OPERATOR(pg_catalog.=) ANY ('{b,d,e,r}'::pg_catalog."char"[])
    UNION ALL
    SELECT CASE WHEN k.contype OPERATOR(pg_catalog.=) 'f' THEN 'FK CONSTRAINT' WHEN k.contype OPERATOR(pg_catalog.=) 'c' THEN 'CHECK CONSTRAINT'
                ELSE 'CONSTRAINT' END, r.nspname, pg_catalog.concat(r.relname, ' ', k.conname), false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_constraint AS k JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) k.conrelid
    UNION ALL
    SELECT 'TRIGGER', r.nspname, pg_catalog.concat(r.relname, ' ', t.tgname), false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_trigger AS t JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) t.tgrelid
    UNION ALL
    SELECT 'POLICY', r.nspname, pg_catalog.concat(r.relname, ' ', p.polname), false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_policy AS p JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) p.polrelid
    UNION ALL
    SELECT 'RULE', r.nspname, pg_catalog.concat(r.relname, ' ', w.rulename), false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_rewrite AS w JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) w.ev_class
    UNION ALL
    SELECT 'COLLATION', s.nspname, x.collname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_collation AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.collnamespace
    UNION ALL
    SELECT 'CONVERSION', s.nspname, x.conname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_conversion AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.connamespace
    UNION ALL
    SELECT 'STATISTICS', s.nspname, x.stxname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_statistic_ext AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.stxnamespace
    UNION ALL
    SELECT 'TEXT SEARCH DICTIONARY', s.nspname, x.dictname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_ts_dict AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.dictnamespace
    UNION ALL
    SELECT 'TEXT SEARCH CONFIGURATION', s.nspname, x.cfgname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_ts_config AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.cfgnamespace
    UNION ALL
    SELECT 'TEXT SEARCH PARSER', s.nspname, x.prsname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_ts_parser AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.prsnamespace
    UNION ALL
    SELECT 'TEXT SEARCH TEMPLATE', s.nspname, x.tmplname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_ts_template AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.tmplnamespace
    UNION ALL
    SELECT 'OPERATOR', s.nspname, x.oprname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_operator AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.oprnamespace
    UNION ALL
    SELECT 'OPERATOR CLASS', s.nspname, x.opcname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_opclass AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.opcnamespace
    UNION ALL
    SELECT 'OPERATOR FAMILY', s.nspname, x.opfname, false, NULL, false, false, false, false, false, false
      FROM pg_catalog.pg_opfamily AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.opfnamespace"#;

/// The condition that a schema belongs to another role, in [`PRESENT`].
const OF_OTHERS: &str = "(NOT pg_catalog.pg_has_role(n.nspowner, 'USAGE'))";

impl Session {
    /// The objects by kind, schema and name, as in an archive's table of contents: those in schemas of other roles, or
    /// all.
    pub(super) async fn present(
        &mut self,
        all: bool,
    ) -> Result<HashMap<(String, String, String), ExistingObject>, Error> {
        const WHAT: &str = "list what the target already has";
        let mut present = HashMap::new();
        let sql = match all {
            true => PRESENT.replace(OF_OTHERS, "true"),
            false => PRESENT.to_owned(),
        };
        for row in self.rows(WHAT, &sql).await? {
            let text = |at| row.text(at).unwrap_or_default().to_owned();
            let columns = row.text(4).map(serde_json::from_str::<BTreeSet<String>>);
            let what = ExistingObject {
                is_empty: self.column(&row, 3, WHAT)?,
                is_unseen: false,
                is_partitioned: self.column(&row, 10, WHAT)?,
                columns: columns.and_then(Result::ok),
                has_triggers: self.column(&row, 7, WHAT)?,
                refers_to: Vec::new(),
                partition_of: Vec::new(),
                is_own: self.column(&row, 8, WHAT)?,
                may_refer: self.column(&row, 9, WHAT)?,
                may_modify: self.column(&row, 5, WHAT)?,
                has_row_security: self.column(&row, 6, WHAT)?,
            };
            present.insert((text(0), text(1), text(2)), what);
        }
        for (place, reference) in self.references().await? {
            if let Some(table) = present.get_mut(&("TABLE".to_owned(), place.0, place.1)) {
                table.refers_to.push(reference);
            }
        }
        for (part, whole) in self.partitions().await? {
            if let Some(table) = present.get_mut(&("TABLE".to_owned(), part.0, part.1)) {
                table.partition_of.push(whole);
            }
        }
        Ok(present)
    }

    /// Asks those of the target's own tables that are to take rows whether they have some. A file has pages also after all
    /// rows were deleted.
    pub(super) async fn look_for_rows(
        &mut self,
        required: &RequiredFacts,
        facts: &mut TargetFacts,
    ) -> Result<(), Error> {
        let is_asked = |schema: &str| {
            required.takes_rows_into_own || !facts.schemas.get(schema).is_some_and(|schema| schema.is_own)
        };
        let keys = required.with_rows.iter().filter(|(schema, _)| is_asked(schema));
        let keys = keys.map(|(schema, name)| ("TABLE".to_owned(), schema.clone(), name.clone()));
        let keys: Vec<_> = keys
            .filter(|key| facts.present.get(key).is_some_and(|table| !table.is_empty))
            .collect();
        let sources = keys.iter().map(|key| {
            let only = match facts.present[key].is_partitioned {
                true => "",
                false => "ONLY ",
            };
            format!("{only}{}", relation(&key.1, &key.2))
        });
        let has_rows = self.have_rows(&sources.collect::<Vec<_>>()).await?;
        for (key, has_rows) in keys.iter().zip(has_rows) {
            if let Some(table) = facts.present.get_mut(key) {
                (table.is_empty, table.is_unseen) = (has_rows == Some(false), has_rows.is_none());
            }
        }
        Ok(())
    }
}
