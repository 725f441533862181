//! What belongs to other roles and would be dropped along with what the role owns.

use super::baseline::Baseline;
use super::empty::names;
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// Each object with its owner. A part has the owner of the whole, a member of an extension that of the extension: the
/// server gives what it makes for them itself, such as array types and the functions of a range, to a superuser. The
/// triggers of a foreign key on the table that it refers to are left out: they are the key's own.
const OWNERS: &str = "
    parts (classid, objid, owner) AS (
        SELECT c.tableoid, c.oid, c.relowner FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace OPERATOR(pg_catalog.<>) 'pg_toast'::pg_catalog.regnamespace::pg_catalog.oid
        UNION ALL SELECT p.tableoid, p.oid, p.proowner FROM pg_catalog.pg_proc AS p
        UNION ALL SELECT t.tableoid, t.oid, t.typowner FROM pg_catalog.pg_type AS t
        UNION ALL SELECT n.tableoid, n.oid, n.nspowner FROM pg_catalog.pg_namespace AS n
        UNION ALL SELECT x.tableoid, x.oid, x.oprowner FROM pg_catalog.pg_operator AS x
        UNION ALL SELECT x.tableoid, x.oid, x.opcowner FROM pg_catalog.pg_opclass AS x
        UNION ALL SELECT x.tableoid, x.oid, x.opfowner FROM pg_catalog.pg_opfamily AS x
        UNION ALL SELECT x.tableoid, x.oid, x.collowner FROM pg_catalog.pg_collation AS x
        UNION ALL SELECT x.tableoid, x.oid, x.conowner FROM pg_catalog.pg_conversion AS x
        UNION ALL SELECT x.tableoid, x.oid, x.dictowner FROM pg_catalog.pg_ts_dict AS x
        UNION ALL SELECT x.tableoid, x.oid, x.cfgowner FROM pg_catalog.pg_ts_config AS x
        UNION ALL SELECT x.tableoid, x.oid, x.stxowner FROM pg_catalog.pg_statistic_ext AS x
        UNION ALL SELECT x.tableoid, x.oid, x.lanowner FROM pg_catalog.pg_language AS x
        UNION ALL SELECT x.tableoid, x.oid, x.extowner FROM pg_catalog.pg_extension AS x
        UNION ALL SELECT x.tableoid, x.oid, x.evtowner FROM pg_catalog.pg_event_trigger AS x
        UNION ALL SELECT x.tableoid, x.oid, x.fdwowner FROM pg_catalog.pg_foreign_data_wrapper AS x
        UNION ALL SELECT x.tableoid, x.oid, x.srvowner FROM pg_catalog.pg_foreign_server AS x
        UNION ALL SELECT x.tableoid, x.oid, x.pubowner FROM pg_catalog.pg_publication AS x
        UNION ALL SELECT x.tableoid, x.oid, x.defaclrole FROM pg_catalog.pg_default_acl AS x
        UNION ALL SELECT x.tableoid, x.oid, p.pubowner FROM pg_catalog.pg_publication_rel AS x
            JOIN pg_catalog.pg_publication AS p ON p.oid OPERATOR(pg_catalog.=) x.prpubid
        UNION ALL SELECT x.tableoid, x.oid, c.relowner FROM pg_catalog.pg_attrdef AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.adrelid
        UNION ALL SELECT x.tableoid, x.oid, c.relowner FROM pg_catalog.pg_constraint AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.conrelid
        UNION ALL SELECT x.tableoid, x.oid, t.typowner FROM pg_catalog.pg_constraint AS x
            JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) x.contypid
        UNION ALL SELECT x.tableoid, x.oid, c.relowner FROM pg_catalog.pg_rewrite AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.ev_class
        UNION ALL SELECT x.tableoid, x.oid, c.relowner FROM pg_catalog.pg_policy AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.polrelid
        UNION ALL SELECT x.tableoid, x.oid, c.relowner FROM pg_catalog.pg_trigger AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.tgrelid WHERE NOT x.tgisinternal),
    known (classid, objid, owner, extname) AS (
        SELECT p.classid, p.objid, COALESCE(e.extowner, p.owner), e.extname
          FROM parts AS p
               LEFT JOIN pg_catalog.pg_depend AS m ON m.classid OPERATOR(pg_catalog.=) p.classid
                     AND m.objid OPERATOR(pg_catalog.=) p.objid AND m.objsubid OPERATOR(pg_catalog.=) 0
                     AND m.deptype OPERATOR(pg_catalog.=) 'e'
               LEFT JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) m.refobjid),
    within (classid, objid, refclassid, refobjid) AS (
        SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_catalog.pg_depend AS d
         WHERE d.deptype OPERATOR(pg_catalog.=) 'i'
        UNION ALL SELECT x.tableoid, x.oid, c.tableoid, c.oid FROM pg_catalog.pg_attrdef AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.adrelid
        UNION ALL SELECT x.tableoid, x.oid, c.tableoid, c.oid FROM pg_catalog.pg_constraint AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.conrelid
        UNION ALL SELECT x.tableoid, x.oid, c.tableoid, c.oid FROM pg_catalog.pg_rewrite AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.ev_class
        UNION ALL SELECT x.tableoid, x.oid, c.tableoid, c.oid FROM pg_catalog.pg_trigger AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.tgrelid
        UNION ALL SELECT c.tableoid, x.indexrelid, c.tableoid, c.oid FROM pg_catalog.pg_index AS x
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.indrelid),
    owners (classid, objid, owner, extname) AS (
        SELECT k.classid, k.objid, COALESCE(w.owner, k.owner), COALESCE(w.extname, k.extname)
          FROM known AS k
               LEFT JOIN within AS i ON i.classid OPERATOR(pg_catalog.=) k.classid
                     AND i.objid OPERATOR(pg_catalog.=) k.objid
               LEFT JOIN known AS w ON w.classid OPERATOR(pg_catalog.=) i.refclassid
                     AND w.objid OPERATOR(pg_catalog.=) i.refobjid)";

/// Whatever a drop takes along is reached by a step from an object of the role to one of another role, so one step is
/// enough.
const DEPENDENTS: &str = "
    SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
      FROM pg_catalog.pg_depend AS d
           JOIN owners AS own ON own.classid OPERATOR(pg_catalog.=) d.refclassid
                AND own.objid OPERATOR(pg_catalog.=) d.refobjid
           JOIN owners AS other ON other.classid OPERATOR(pg_catalog.=) d.classid
                AND other.objid OPERATOR(pg_catalog.=) d.objid
           JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) own.owner
           LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) d.refobjid
                AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
           LEFT JOIN pg_catalog.pg_extension AS x ON x.oid OPERATOR(pg_catalog.=) d.refobjid
                AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
     WHERE r.rolname OPERATOR(pg_catalog.=) current_user AND other.owner OPERATOR(pg_catalog.<>) own.owner
       AND (n.nspname IS NULL OR n.nspname OPERATOR(pg_catalog.<>) ALL ({schemas}))
       AND (x.extname IS NULL OR x.extname OPERATOR(pg_catalog.<>) ALL ({extensions}))
       AND (own.extname IS NULL OR own.extname OPERATOR(pg_catalog.<>) ALL ({extensions}))
     ORDER BY 1 LIMIT 10";

impl Session {
    /// Up to ten objects or parts of objects of other roles that would go if the role's own objects, but those of the
    /// baseline, were dropped with all that depends on them.
    pub(super) async fn dependents_of_others(&mut self, baseline: &Baseline) -> Result<Vec<Untrusted>, Error> {
        const WHAT: &str = "look for what others have made of the role's objects";
        let query = format!("WITH {OWNERS} {DEPENDENTS}")
            .replace("{schemas}", &names(&baseline.schemas))
            .replace("{extensions}", &names(&baseline.extensions));
        let rows = self.rows(WHAT, &query).await?;
        Ok(rows.iter().filter_map(|row| row.text(0)).map(Untrusted::from).collect())
    }
}
