//! The objects of users that a restore's target already has.

use super::error::Error;
use super::session::Session;
use super::wire::Row;
use crate::text::Untrusted;

/// The number of objects that are named.
pub(super) const NAMED: usize = 10;

impl Session {
    /// [`Error::TargetNotEmpty`], which names some objects, unless the target is empty.
    pub async fn check_empty(&mut self) -> Result<(), Error> {
        let objects = self.existing_objects().await?;
        if objects.is_empty() {
            return Ok(());
        }
        Err(Error::TargetNotEmpty {
            database: self.database().into(),
            objects,
            may_be_resumed: false,
        })
    }

    /// Up to ten objects of users in this database, each with its kind, as `table public.orders`; empty if the target
    /// is empty for a restore. Members that an extension's script created don't count; a superuser owns these, as only
    /// other roles' objects can have been added later. Objects that a platform puts into every new database don't count
    /// either: the schemas that Heroku creates, and, for a role that is no superuser, schemas of other roles with the
    /// other roles' objects in them. For a superuser a schema of another role counts even if it is empty: its owner
    /// could drop what is restored into it.
    pub async fn existing_objects(&mut self) -> Result<Vec<Untrusted>, Error> {
        const WHAT: &str = "look for objects in the target";
        let rows = self.rows(WHAT, &format!("{EXISTING_OBJECTS} {NAMED}")).await?;
        let identifier = |name: &str| Untrusted::from(name).identifier();
        let object = |row: &Row| {
            let (kind, name): (String, String) = (self.column(row, 1, WHAT)?, self.column(row, 3, WHAT)?);
            let name = match row.text(2) {
                // as `--table` reads them
                Some(schema) => format!("{}.{}", identifier(schema), identifier(&name)),
                None if kind == "large object" => name,
                None => identifier(&name),
            };
            let arguments = row.text(4).map(|text| format!("({text})")).unwrap_or_default();
            Ok(format!("{kind} {name}{arguments}").into())
        };
        rows.iter().map(object).collect()
    }
}

/// <https://devcenter.heroku.com/changelog-items/2662> describes `heroku_ext`.
const EXISTING_OBJECTS: &str = r#"
    WITH schemas AS (
        SELECT n.oid, n.nspname, n.nspowner,
               n.nspname OPERATOR(pg_catalog.=) 'public' OR pg_catalog.pg_has_role(n.nspowner, 'USAGE') AS counts
          FROM pg_catalog.pg_namespace AS n
         WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_'
           AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{information_schema,_heroku,heroku_ext}'::pg_catalog.name[])),
    objects (rank, classid, objid, kind, schema, name, arguments, counts, owner) AS (
        SELECT CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 2 ELSE 1 END, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid,
               CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'v' THEN 'view' WHEN c.relkind OPERATOR(pg_catalog.=) 'm' THEN 'materialized view'
                    WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 'sequence' WHEN c.relkind OPERATOR(pg_catalog.=) 'f' THEN 'foreign table'
                    ELSE 'table' END,
               s.nspname::pg_catalog.text, c.relname::pg_catalog.text, NULL::pg_catalog.text, s.counts, c.relowner
          FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,S,f}'::pg_catalog."char"[])
        UNION ALL
        SELECT 3, 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, p.oid, 'function', s.nspname::pg_catalog.text, p.proname::pg_catalog.text,
               pg_catalog.pg_get_function_identity_arguments(p.oid), s.counts, p.proowner
          FROM pg_catalog.pg_proc AS p JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) p.pronamespace
        UNION ALL
        SELECT 3, 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid, t.oid, 'type', s.nspname::pg_catalog.text, t.typname::pg_catalog.text, NULL,
               s.counts, t.typowner
          FROM pg_catalog.pg_type AS t JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
               LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.typrelid
         WHERE t.typtype OPERATOR(pg_catalog.=) ANY ('{d,e,r}'::pg_catalog."char"[])
            OR (t.typtype OPERATOR(pg_catalog.=) 'b' AND t.typcategory OPERATOR(pg_catalog.<>) 'A')
            OR c.relkind OPERATOR(pg_catalog.=) 'c'
        UNION ALL
        SELECT 3, 'pg_catalog.pg_operator'::pg_catalog.regclass::pg_catalog.oid, x.oid, 'operator', s.nspname::pg_catalog.text, x.oprname::pg_catalog.text, NULL,
               s.counts, x.oprowner
          FROM pg_catalog.pg_operator AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.oprnamespace
        UNION ALL
        SELECT 3, 'pg_catalog.pg_collation'::pg_catalog.regclass::pg_catalog.oid, x.oid, 'collation', s.nspname::pg_catalog.text, x.collname::pg_catalog.text,
               NULL, s.counts, x.collowner
          FROM pg_catalog.pg_collation AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.collnamespace
        UNION ALL
        SELECT 3, 'pg_catalog.pg_ts_dict'::pg_catalog.regclass::pg_catalog.oid, x.oid, 'text search dictionary', s.nspname::pg_catalog.text,
               x.dictname::pg_catalog.text, NULL, s.counts, x.dictowner
          FROM pg_catalog.pg_ts_dict AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.dictnamespace
        UNION ALL
        SELECT 3, 'pg_catalog.pg_ts_config'::pg_catalog.regclass::pg_catalog.oid, x.oid, 'text search configuration', s.nspname::pg_catalog.text,
               x.cfgname::pg_catalog.text, NULL, s.counts, x.cfgowner
          FROM pg_catalog.pg_ts_config AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.cfgnamespace
        UNION ALL
        SELECT 3, 'pg_catalog.pg_conversion'::pg_catalog.regclass::pg_catalog.oid, x.oid, 'conversion', s.nspname::pg_catalog.text, x.conname::pg_catalog.text,
               NULL, s.counts, x.conowner
          FROM pg_catalog.pg_conversion AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.connamespace
        UNION ALL
        SELECT 4, 'pg_catalog.pg_largeobject'::pg_catalog.regclass::pg_catalog.oid, l.oid, 'large object', NULL, l.oid::pg_catalog.text, NULL, true, l.lomowner
          FROM pg_catalog.pg_largeobject_metadata AS l
        UNION ALL
        SELECT 5, 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid, s.oid, 'schema', NULL, s.nspname::pg_catalog.text, NULL, true, s.nspowner
          FROM schemas AS s
         WHERE s.nspname OPERATOR(pg_catalog.<>) 'public'
           AND s.counts)
    SELECT o.rank, o.kind, o.schema, o.name, o.arguments FROM objects AS o
     WHERE (o.counts OR pg_catalog.pg_has_role(o.owner, 'USAGE'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.classid OPERATOR(pg_catalog.=) o.classid AND d.objid OPERATOR(pg_catalog.=) o.objid
                          AND d.objsubid OPERATOR(pg_catalog.=) 0
                          AND (d.deptype OPERATOR(pg_catalog.=) 'i'
                               OR (d.deptype OPERATOR(pg_catalog.=) 'e'
                                   AND EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid OPERATOR(pg_catalog.=) o.owner AND r.rolsuper))))
     ORDER BY o.rank, o.kind, o.schema, o.name LIMIT"#;
