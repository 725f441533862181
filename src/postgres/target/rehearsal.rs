//! What dropping some objects would take along that is not to be dropped: tried, and rolled back.

use std::collections::{BTreeMap, BTreeSet};

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// Everything that CASCADE, or the end of a table, could take along: what it is, and the schema and name of what it stands on.
const EVERYTHING: &str = r#"
    WITH schemas AS (
        SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n
         WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'),
    relations AS (
        SELECT c.oid, c.relkind, c.relnatts, s.nspname, c.relname,
               CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'v' THEN 'view' WHEN c.relkind OPERATOR(pg_catalog.=) 'm' THEN 'materialized view'
                    WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 'sequence' WHEN c.relkind OPERATOR(pg_catalog.=) 'f' THEN 'foreign table'
                    ELSE 'table' END AS kind
          FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,S,f}'::pg_catalog."char"[])),
    owned AS (
        SELECT d.objid, d.refobjid FROM pg_catalog.pg_depend AS d
         WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid OPERATOR(pg_catalog.>) 0
           AND d.deptype OPERATOR(pg_catalog.=) ANY ('{a,i}'::pg_catalog."char"[]))
    SELECT pg_catalog.concat(r.kind, ' ', r.nspname, '.', r.relname), COALESCE(t.nspname, r.nspname)::pg_catalog.text, COALESCE(t.relname, r.relname)::pg_catalog.text
      FROM relations AS r LEFT JOIN owned AS o ON o.objid OPERATOR(pg_catalog.=) r.oid AND r.relkind OPERATOR(pg_catalog.=) 'S'
           LEFT JOIN relations AS t ON t.oid OPERATOR(pg_catalog.=) o.refobjid
    UNION ALL
    SELECT pg_catalog.concat('columns of ', r.kind, ' ', r.nspname, '.', r.relname, ': ',
                             (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a
                               WHERE a.attrelid OPERATOR(pg_catalog.=) r.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)), r.nspname, r.relname
      FROM relations AS r
    UNION ALL
    SELECT pg_catalog.concat('constraint ', k.conname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), r.nspname, r.relname
      FROM pg_catalog.pg_constraint AS k JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) k.conrelid
    UNION ALL
    SELECT pg_catalog.concat('index ', c.relname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), r.nspname, r.relname
      FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
           JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) i.indrelid
    UNION ALL
    SELECT pg_catalog.concat('trigger ', t.tgname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), r.nspname, r.relname
      FROM pg_catalog.pg_trigger AS t JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT pg_catalog.concat('policy ', p.polname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), r.nspname, r.relname
      FROM pg_catalog.pg_policy AS p JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) p.polrelid
    UNION ALL
    SELECT pg_catalog.concat('default of a column of ', r.kind, ' ', r.nspname, '.', r.relname, ' (', a.adnum, ')'), r.nspname, r.relname
      FROM pg_catalog.pg_attrdef AS a JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) a.adrelid
    UNION ALL
    SELECT pg_catalog.concat('rule ', w.rulename, ' of ', r.kind, ' ', r.nspname, '.', r.relname), r.nspname, r.relname
      FROM pg_catalog.pg_rewrite AS w JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) w.ev_class
    UNION ALL
    SELECT pg_catalog.concat('function ', s.nspname, '.', p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')'), s.nspname,
           pg_catalog.concat(p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')')
      FROM pg_catalog.pg_proc AS p JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) p.pronamespace
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) p.oid
                          AND d.deptype OPERATOR(pg_catalog.=) 'i')
    UNION ALL
    SELECT pg_catalog.concat('type ', s.nspname, '.', t.typname), s.nspname, t.typname
      FROM pg_catalog.pg_type AS t JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
     WHERE t.typtype OPERATOR(pg_catalog.=) ANY ('{d,e,r}'::pg_catalog."char"[])
    UNION ALL
    SELECT pg_catalog.concat('attribute ', a.attname, ' of type ', s.nspname, '.', c.relname), s.nspname, c.relname
      FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
     WHERE c.relkind OPERATOR(pg_catalog.=) 'c' AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
    UNION ALL
    SELECT pg_catalog.concat('text search configuration ', s.nspname, '.', x.cfgname), s.nspname, x.cfgname
      FROM pg_catalog.pg_ts_config AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.cfgnamespace
    UNION ALL
    SELECT pg_catalog.concat('text search dictionary ', s.nspname, '.', x.dictname), s.nspname, x.dictname
      FROM pg_catalog.pg_ts_dict AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.dictnamespace
    UNION ALL
    SELECT pg_catalog.concat('collation ', s.nspname, '.', x.collname), s.nspname, x.collname
      FROM pg_catalog.pg_collation AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.collnamespace
    UNION ALL
    SELECT pg_catalog.concat('operator ', s.nspname, '.', x.oprname, ' ', x.oid), s.nspname, x.oprname
      FROM pg_catalog.pg_operator AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.oprnamespace
    UNION ALL
    SELECT pg_catalog.concat('server ', srvname), 'SERVER', srvname FROM pg_catalog.pg_foreign_server
    UNION ALL
    SELECT pg_catalog.concat('USER MAPPING ', u.usename, ' SERVER ', u.srvname), '', '' FROM pg_catalog.pg_user_mappings AS u
    UNION ALL
    SELECT pg_catalog.concat('event trigger ', evtname), 'EVENT TRIGGER', evtname FROM pg_catalog.pg_event_trigger
    UNION ALL
    SELECT pg_catalog.concat('table ', n.nspname, '.', c.relname, ' in publication ', p.pubname), '', ''
      FROM pg_catalog.pg_publication_rel AS x JOIN pg_catalog.pg_publication AS p ON p.oid OPERATOR(pg_catalog.=) x.prpubid
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.prrelid
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    UNION ALL
    SELECT pg_catalog.concat('constraint ', k.conname, ' of domain ', s.nspname, '.', t.typname), s.nspname, t.typname
      FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) k.contypid
           JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
    UNION ALL
    SELECT pg_catalog.concat('statistics ', x.stxname, ' of ', r.kind, ' ', r.nspname, '.', r.relname), r.nspname, r.relname
      FROM pg_catalog.pg_statistic_ext AS x JOIN relations AS r ON r.oid OPERATOR(pg_catalog.=) x.stxrelid
    UNION ALL
    SELECT pg_catalog.concat('CAST (', pg_catalog.format_type(x.castsource, NULL), ' AS ', pg_catalog.format_type(x.casttarget, NULL), ')'), '', ''
      FROM pg_catalog.pg_cast AS x WHERE x.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) x.oid
                          AND d.deptype OPERATOR(pg_catalog.=) 'i')
    UNION ALL
    SELECT pg_catalog.concat('operator family ', s.nspname, '.', x.opfname), s.nspname, x.opfname
      FROM pg_catalog.pg_opfamily AS x JOIN schemas AS s ON s.oid OPERATOR(pg_catalog.=) x.opfnamespace"#;

/// Time for a lock, which is given back at once; a database in use gives one within that.
const WAIT: &str = "3s";

impl Session {
    /// What these statements would take along beside what is named as schema and name, and what is made anew. They are carried out in a transaction that
    /// is rolled back; the locks that they take are held for that long.
    pub async fn rehearse_drops(
        &mut self,
        drops: &str,
        named: &BTreeSet<(String, String)>,
        remade: &BTreeSet<String>,
    ) -> Result<Vec<Untrusted>, Error> {
        const WHAT: &str = "try what --clean would drop";
        let before = self.everything(WHAT, EVERYTHING).await?;
        let steps = format!(
            "BEGIN TRANSACTION READ WRITE;
             SET LOCAL search_path = '';
             SET LOCAL statement_timeout = '5min';
             SET LOCAL lock_timeout = '{WAIT}';
             SET LOCAL client_min_messages = warning;
             {drops}
             {EVERYTHING};
             ROLLBACK"
        );
        let result = self.wire.run(&steps).await;
        if result.is_err() && self.wire.is_in_transaction {
            // should this fail too, the next statement says so
            let _ = self.wire.run("ROLLBACK").await;
        }
        let rows = result.map_err(|error| self.explained(WHAT, error))?;
        let after: BTreeSet<&str> = rows.iter().filter_map(|row| row.text(0)).collect();
        let lost = before.into_iter().filter(|(what, place)| {
            !named.contains(place) && !remade.contains(what) && !after.contains(what.as_str())
        });
        Ok(lost.map(|(what, _)| Untrusted::from(what)).collect())
    }

    async fn everything(
        &mut self,
        what: &'static str,
        sql: &str,
    ) -> Result<BTreeMap<String, (String, String)>, Error> {
        let rows = self.rows(what, sql).await?;
        let text =
            |row: &crate::postgres::wire::Row, at| row.text(at).unwrap_or_default().to_owned();
        Ok(rows
            .iter()
            .map(|row| (text(row, 0), (text(row, 1), text(row, 2))))
            .collect())
    }
}
