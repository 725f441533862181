//! Finds everything that DROP … CASCADE, or the drop of a table, could drop with it: one branch of a query for each
//! kind of object.
//!
//! Each row has a description, and the object that it is dropped with: kind, schema and name of the object itself, or
//! of the one that it is a part of. A table's columns, indexes, constraints and triggers are dropped with the table; an
//! independent object only by itself.

/// Common table expressions that the branches use.
const COMMON: &str = r#"
    WITH schemas AS (
        SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n
         WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'),
    relations AS (
        SELECT c.oid, c.relkind, s.nspname, c.relname,
               CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'v' THEN 'view' WHEN c.relkind OPERATOR(pg_catalog.=) 'm' THEN 'materialized view'
                    WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 'sequence' WHEN c.relkind OPERATOR(pg_catalog.=) 'f' THEN 'foreign table'
                    ELSE 'table' END AS kind
          FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,S,f}'::pg_catalog."char"[])),
    owned AS (
        SELECT d.objid, d.refobjid FROM pg_catalog.pg_depend AS d
         WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid OPERATOR(pg_catalog.>) 0
           AND (d.deptype OPERATOR(pg_catalog.=) 'i'
                OR (d.deptype OPERATOR(pg_catalog.=) 'a'
                    AND EXISTS (SELECT FROM pg_catalog.pg_attrdef AS a
                                       JOIN pg_catalog.pg_depend AS u ON u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                                            AND u.objid OPERATOR(pg_catalog.=) a.oid AND u.refobjid OPERATOR(pg_catalog.=) d.objid
                                 WHERE a.adrelid OPERATOR(pg_catalog.=) d.refobjid AND a.adnum OPERATOR(pg_catalog.=) d.refobjsubid)))),
    families AS (
        SELECT f.oid, n.nspname, pg_catalog.concat(f.opfname, ' USING ', m.amname) AS name
          FROM pg_catalog.pg_opfamily AS f JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) f.opfnamespace
               JOIN pg_catalog.pg_am AS m ON m.oid OPERATOR(pg_catalog.=) f.opfmethod),
    classes AS (
        SELECT c.oid, n.nspname, pg_catalog.concat(c.opcname, ' USING ', m.amname) AS name
          FROM pg_catalog.pg_opclass AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.opcnamespace
               JOIN pg_catalog.pg_am AS m ON m.oid OPERATOR(pg_catalog.=) c.opcmethod),
    members AS (
        SELECT m.oid, pg_catalog.concat('operator ', m.amopopr::pg_catalog.regoperator, ', strategy ', m.amopstrategy) AS what, m.amopfamily AS family,
               (SELECT d.refobjid FROM pg_catalog.pg_depend AS d
                 WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_amop'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) m.oid
                   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_opclass'::pg_catalog.regclass LIMIT 1) AS class
          FROM pg_catalog.pg_amop AS m WHERE m.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        UNION ALL
        SELECT m.oid, pg_catalog.concat('function ', m.amproc, ', number ', m.amprocnum, ' for ', pg_catalog.format_type(m.amproclefttype, NULL), ' and ',
                                        pg_catalog.format_type(m.amprocrighttype, NULL)), m.amprocfamily,
               (SELECT d.refobjid FROM pg_catalog.pg_depend AS d
                 WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_amproc'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) m.oid
                   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_opclass'::pg_catalog.regclass LIMIT 1)
          FROM pg_catalog.pg_amproc AS m WHERE m.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid)"#;

/// Tables, views and sequences, and their parts.
const OF_RELATIONS: &[&str] = &[
    r#"SELECT pg_catalog.concat(r.kind, ' ', r.nspname, '.', r.relname), 'relation', COALESCE(t.nspname, r.nspname)::pg_catalog.text,
              COALESCE(t.relname, r.relname)::pg_catalog.text
         FROM relations AS r LEFT JOIN owned AS o ON o.objid OPERATOR(pg_catalog.=) r.oid AND r.relkind OPERATOR(pg_catalog.=) 'S'
              LEFT JOIN relations AS t ON t.oid OPERATOR(pg_catalog.=) o.refobjid"#,
    r#"SELECT pg_catalog.concat('columns of ', r.kind, ' ', r.nspname, '.', r.relname, ': ',
                                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a
                                  WHERE a.attrelid OPERATOR(pg_catalog.=) r.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)),
              'relation', r.nspname, r.relname
         FROM relations AS r WHERE r.relkind OPERATOR(pg_catalog.<>) 'S'"#,
    r#"SELECT pg_catalog.concat('table ', c.nspname, '.', c.relname, ' among the children of table ', p.nspname, '.', p.relname), 'relation', p.nspname, p.relname
         FROM pg_catalog.pg_inherits AS i JOIN relations AS c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
              JOIN relations AS p ON p.oid OPERATOR(pg_catalog.=) i.inhparent"#,
    r#"SELECT pg_catalog.concat('constraint ', k.conname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_constraint AS k JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) k.conrelid"#,
    r#"SELECT pg_catalog.concat('index ', c.relname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
              JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) i.indrelid"#,
    r#"SELECT pg_catalog.concat('trigger ', t.tgname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_trigger AS t JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) t.tgrelid WHERE NOT t.tgisinternal"#,
    r#"SELECT pg_catalog.concat('policy ', p.polname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_policy AS p JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) p.polrelid"#,
    r#"SELECT pg_catalog.concat('default of a column of ', r.kind, ' ', r.nspname, '.', r.relname, ' (', a.adnum, ')'), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_attrdef AS a JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) a.adrelid"#,
    r#"SELECT pg_catalog.concat('rule ', w.rulename, ' of ', r.kind, ' ', r.nspname, '.', r.relname), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_rewrite AS w JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) w.ev_class"#,
    r#"SELECT pg_catalog.concat('statistics ', x.stxname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), 'relation', r.nspname, r.relname
         FROM pg_catalog.pg_statistic_ext AS x JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) x.stxrelid"#,
    r#"SELECT pg_catalog.concat('table ', r.nspname, '.', r.relname, ' in publication ', p.pubname), 'member', '', ''
         FROM pg_catalog.pg_publication_rel AS x JOIN pg_catalog.pg_publication AS p ON p.oid OPERATOR(pg_catalog.=) x.prpubid
              JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) x.prrelid"#,
    r#"SELECT pg_catalog.concat('table ', r.nspname, '.', r.relname, ' in subscription ', s.subname), 'member', '', ''
         FROM pg_catalog.pg_subscription_rel AS x JOIN pg_catalog.pg_subscription AS s ON s.oid OPERATOR(pg_catalog.=) x.srsubid
              JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) x.srrelid"#,
];

/// Other objects that have a schema.
const IN_SCHEMAS: &[&str] = &[
    r#"SELECT pg_catalog.concat('function ', s.nspname, '.', p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')'), 'routine', s.nspname,
              pg_catalog.concat(p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')')
         FROM pg_catalog.pg_proc AS p JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) p.pronamespace
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                           WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) p.oid
                             AND d.deptype OPERATOR(pg_catalog.=) 'i')"#,
    r#"SELECT pg_catalog.concat('type ', s.nspname, '.', t.typname), 'type', s.nspname, t.typname
         FROM pg_catalog.pg_type AS t JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
        WHERE (t.typtype OPERATOR(pg_catalog.=) ANY ('{b,d,e,r}'::pg_catalog."char"[])
               OR EXISTS (SELECT FROM pg_catalog.pg_class AS c
                           WHERE c.oid OPERATOR(pg_catalog.=) t.typrelid AND c.relkind OPERATOR(pg_catalog.=) 'c'))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                           WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) t.oid
                             AND d.deptype OPERATOR(pg_catalog.=) 'i')"#,
    r#"SELECT pg_catalog.concat('attribute ', a.attname, ' of type ', s.nspname, '.', c.relname), 'type', s.nspname, c.relname
         FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
        WHERE c.relkind OPERATOR(pg_catalog.=) 'c' AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped"#,
    r#"SELECT pg_catalog.concat('constraint ', k.conname, ' of domain ', s.nspname, '.', t.typname), 'type', s.nspname, t.typname
         FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) k.contypid
              JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace"#,
    r#"SELECT pg_catalog.concat('collation ', s.nspname, '.', x.collname), 'collation', s.nspname, x.collname
         FROM pg_catalog.pg_collation AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.collnamespace"#,
    r#"SELECT pg_catalog.concat('conversion ', s.nspname, '.', x.conname), 'conversion', s.nspname, x.conname
         FROM pg_catalog.pg_conversion AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.connamespace"#,
    r#"SELECT pg_catalog.concat('operator ', s.nspname, '.', x.oprname, ' (', x.oprleft, ', ', x.oprright, ')'), 'operator', s.nspname,
              pg_catalog.concat(x.oprname, ' (', x.oprleft, ', ', x.oprright, ')')
         FROM (SELECT o.oprnamespace, o.oprname,
                      CASE WHEN o.oprleft OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END AS oprleft,
                      pg_catalog.format_type(o.oprright, NULL) AS oprright FROM pg_catalog.pg_operator AS o) AS x
              JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.oprnamespace"#,
    r#"SELECT pg_catalog.concat('operator family ', s.nspname, '.', f.name), 'operator family', f.nspname, f.name
         FROM families AS f JOIN schemas AS s ON s.nspname OPERATOR(pg_catalog.=) f.nspname"#,
    r#"SELECT pg_catalog.concat('operator class ', s.nspname, '.', c.name), 'operator class', c.nspname, c.name
         FROM classes AS c JOIN schemas AS s ON s.nspname OPERATOR(pg_catalog.=) c.nspname"#,
    r#"SELECT pg_catalog.concat(m.what, ' of operator family ', f.nspname, '.', f.name),
              CASE WHEN c.oid IS NULL THEN 'operator family' ELSE 'operator class' END, COALESCE(c.nspname, f.nspname), COALESCE(c.name, f.name)
         FROM members AS m JOIN families AS f ON f.oid OPERATOR(pg_catalog.=) m.family LEFT JOIN classes AS c ON c.oid OPERATOR(pg_catalog.=) m.class"#,
    r#"SELECT pg_catalog.concat('text search configuration ', s.nspname, '.', x.cfgname), 'text search configuration', s.nspname, x.cfgname
         FROM pg_catalog.pg_ts_config AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.cfgnamespace"#,
    r#"SELECT pg_catalog.concat('text search dictionary ', s.nspname, '.', x.dictname), 'text search dictionary', s.nspname, x.dictname
         FROM pg_catalog.pg_ts_dict AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.dictnamespace"#,
    r#"SELECT pg_catalog.concat('text search parser ', s.nspname, '.', x.prsname), 'text search parser', s.nspname, x.prsname
         FROM pg_catalog.pg_ts_parser AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.prsnamespace"#,
    r#"SELECT pg_catalog.concat('text search template ', s.nspname, '.', x.tmplname), 'text search template', s.nspname, x.tmplname
         FROM pg_catalog.pg_ts_template AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.tmplnamespace"#,
];

/// Objects of the database as a whole.
const IN_THE_DATABASE: &[&str] = &[
    "SELECT pg_catalog.concat('server ', srvname), 'server', '', srvname FROM pg_catalog.pg_foreign_server",
    "SELECT pg_catalog.concat('foreign data wrapper ', fdwname), 'foreign data wrapper', '', fdwname FROM \
     pg_catalog.pg_foreign_data_wrapper",
    "SELECT pg_catalog.concat('USER MAPPING ', u.usename, ' SERVER ', u.srvname), 'member', '', '' FROM \
     pg_catalog.pg_user_mappings AS u",
    "SELECT pg_catalog.concat('event trigger ', evtname), 'event trigger', '', evtname FROM \
     pg_catalog.pg_event_trigger",
    "SELECT pg_catalog.concat('publication ', pubname), 'publication', '', pubname FROM pg_catalog.pg_publication",
    "SELECT pg_catalog.concat('subscription ', s.subname), 'subscription', '', s.subname FROM \
     pg_catalog.pg_subscription AS s
      WHERE s.subdbid OPERATOR(pg_catalog.=) (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname \
          OPERATOR(pg_catalog.=) pg_catalog.current_database())",
    "SELECT pg_catalog.concat('access method ', amname), 'access method', '', amname FROM pg_catalog.pg_am",
    "SELECT pg_catalog.concat('language ', lanname), 'language', '', lanname FROM pg_catalog.pg_language",
    "SELECT pg_catalog.concat('extension ', extname), 'extension', '', extname FROM pg_catalog.pg_extension",
    "SELECT pg_catalog.concat('schema ', nspname), 'schema', '', nspname FROM schemas",
    "SELECT pg_catalog.concat('TRANSFORM FOR ', pg_catalog.format_type(x.trftype, NULL), ' LANGUAGE ', l.lanname), \
     'member', '', ''
       FROM pg_catalog.pg_transform AS x JOIN pg_catalog.pg_language AS l ON l.oid OPERATOR(pg_catalog.=) x.trflang",
    "SELECT pg_catalog.concat('CAST (', pg_catalog.format_type(x.castsource, NULL), ' AS ', \
     pg_catalog.format_type(x.casttarget, NULL), ')'), 'member', '', ''
       FROM pg_catalog.pg_cast AS x WHERE x.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                         WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid \
                             OPERATOR(pg_catalog.=) x.oid
                           AND d.deptype OPERATOR(pg_catalog.=) 'i')",
];

/// Exists since 15.
const SCHEMAS_OF_PUBLICATIONS: &str =
    "SELECT pg_catalog.concat('schema ', n.nspname, ' in publication ', p.pubname), 'member', '', ''
       FROM pg_catalog.pg_publication_namespace AS x JOIN pg_catalog.pg_publication AS p ON p.oid \
           OPERATOR(pg_catalog.=) x.pnpubid
            JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) x.pnnspid";

/// The queries for a server of a major version. There may be very many tables, so each kind of their parts has its own
/// query: a result is limited in size.
pub(super) fn everything(server_major: u32) -> Vec<String> {
    let newer: &[&str] = match server_major {
        ..15 => &[],
        _ => &[SCHEMAS_OF_PUBLICATIONS],
    };
    let rest = [IN_SCHEMAS, IN_THE_DATABASE, newer].concat();
    let parts = OF_RELATIONS.iter().map(|branch| (*branch).to_owned());
    let queries = parts.chain([rest.join("\nUNION ALL\n")]);
    queries.map(|query| format!("{COMMON}\n{query}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catalogs whose rows can depend on others, as of PostgreSQL 18, and so are dropped with them.
    ///
    /// <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/catalog/dependency.c> (`doDeletion`)
    #[test]
    fn every_kind_of_object_that_postgresql_drops_is_looked_for() {
        let all = everything(18).join(";");
        for catalog in [
            "pg_class",
            "pg_attribute",
            "pg_proc",
            "pg_type",
            "pg_cast",
            "pg_collation",
            "pg_constraint",
            "pg_conversion",
            "pg_attrdef",
            "pg_language",
            "pg_operator",
            "pg_opclass",
            "pg_opfamily",
            "pg_am",
            "pg_amop",
            "pg_amproc",
            "pg_rewrite",
            "pg_trigger",
            "pg_statistic_ext",
            "pg_ts_parser",
            "pg_ts_dict",
            "pg_ts_template",
            "pg_ts_config",
            "pg_extension",
            "pg_event_trigger",
            "pg_foreign_data_wrapper",
            "pg_foreign_server",
            "pg_user_mappings",
            "pg_policy",
            "pg_publication",
            "pg_publication_namespace",
            "pg_publication_rel",
            "pg_subscription",
            "pg_subscription_rel",
            "pg_transform",
            "pg_namespace",
            "pg_inherits",
        ] {
            // default privileges (pg_default_acl) and large objects depend only on schemas and roles, which are not
            // dropped
            assert!(
                all.contains(&format!("pg_catalog.{catalog} ")) || all.contains(&format!("pg_catalog.{catalog}\n")),
                "{catalog}"
            );
        }
        assert_eq!(crate::postgres::sql::unqualified(&all), None);
        assert!(!everything(14).join(";").contains("pg_publication_namespace"));
    }
}
