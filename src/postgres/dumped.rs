//! The SQL for the relations that a dump contains.

/// The relations whose data `pg_dump` dumps, or that it locks. It leaves out system and temporary schemas, and members
/// of an extension except for its configuration tables.
///
/// <https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES>
pub(super) const DUMPED: &str = r#"
    dumped AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relforcerowsecurity, c.reltoastrelid, c.relpages, c.relrowsecurity,
               n.oid AS schema, n.nspname, n.nspowner
          FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
           AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,S}'::pg_catalog."char"[])
           AND (EXISTS (SELECT FROM pg_catalog.pg_extension AS x WHERE c.oid OPERATOR(pg_catalog.=) ANY (x.extconfig))
                OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                                WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                                  AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.objsubid OPERATOR(pg_catalog.=) 0
                                  AND d.deptype OPERATOR(pg_catalog.=) 'e')))"#;
