//! What a role that restores may do beyond the database of a drill. Code of the backup's owner runs with its rights.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// Every role that the role is a member of, at any distance. A membership counts whatever its options are: who may not
/// inherit may set the role, and who may only administer it may grant himself the rest.
///
/// Each row: what it is, the name of it, and whether that is the role itself.
const RIGHTS: &str = "
    WITH RECURSIVE reached (oid) AS (
        SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user
        UNION
        SELECT m.roleid FROM pg_catalog.pg_auth_members AS m JOIN reached AS h ON h.oid OPERATOR(pg_catalog.=) m.member),
    roles AS (
        SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolreplication, r.rolbypassrls,
               r.rolname OPERATOR(pg_catalog.=) current_user AS is_own
          FROM pg_catalog.pg_roles AS r JOIN reached AS h ON h.oid OPERATOR(pg_catalog.=) r.oid)
    SELECT 'SUPERUSER', r.rolname, r.is_own FROM roles AS r WHERE r.rolsuper
    UNION ALL SELECT 'CREATEROLE', r.rolname, r.is_own FROM roles AS r WHERE r.rolcreaterole AND NOT r.rolsuper
    UNION ALL SELECT 'REPLICATION', r.rolname, r.is_own FROM roles AS r WHERE r.rolreplication AND NOT r.rolsuper
    UNION ALL SELECT 'BYPASSRLS', r.rolname, r.is_own FROM roles AS r WHERE r.rolbypassrls AND NOT r.rolsuper
    UNION ALL SELECT 'member', r.rolname, false FROM roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) ANY
        ('{pg_execute_server_program,pg_read_server_files,pg_write_server_files,pg_create_subscription,\
           pg_read_all_data,pg_write_all_data,pg_signal_backend}'::pg_catalog.name[])
    UNION ALL SELECT DISTINCT 'function', p.proname, false FROM pg_catalog.pg_proc AS p
          JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
         WHERE n.nspname OPERATOR(pg_catalog.=) 'pg_catalog' AND p.proname OPERATOR(pg_catalog.=) ANY
               ('{pg_read_file,pg_read_binary_file,pg_ls_dir,pg_stat_file,lo_import,lo_export}'::pg_catalog.name[])
           AND EXISTS (SELECT FROM roles AS r WHERE NOT r.rolsuper
                          AND pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE'))
    UNION ALL SELECT 'database', d.datname, false FROM pg_catalog.pg_database AS d JOIN roles AS r
              ON r.oid OPERATOR(pg_catalog.=) d.datdba
         WHERE NOT r.rolsuper AND {others}
    LIMIT 10";

/// A database that is reserved for drills is the only one that the role may own.
const NOT_THIS_ONE: &str = "d.datname OPERATOR(pg_catalog.<>) pg_catalog.current_database()";

/// Where databases are made for drills, the role may own those alone.
const NOT_OF_DRILLS: &str = "NOT (d.datname OPERATOR(pg_catalog.~) '^pgcoffer_drill_[0-9a-f]{12}$'
    AND pg_catalog.starts_with(COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), ''), '{mark} '))";

/// Where a role restores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::postgres) enum RestoringIn {
    /// In this database.
    ThisDatabase,
    /// In one that it makes for the drill.
    NewDatabase,
}

impl Session {
    /// What the role may do beyond the database of a drill: up to ten clauses, such as `it may make roles
    /// (CREATEROLE)`. Empty for a role that may restore what others have written.
    pub(in crate::postgres) async fn rights_beyond(&mut self, place: RestoringIn) -> Result<Vec<Untrusted>, Error> {
        const WHAT: &str = "ask what the role may do";
        let others = match place {
            RestoringIn::ThisDatabase => NOT_THIS_ONE.to_owned(),
            RestoringIn::NewDatabase => NOT_OF_DRILLS.replace("{mark}", super::MARK),
        };
        let rows = self.rows(WHAT, &RIGHTS.replace("{others}", &others)).await?;
        let mut rights = Vec::new();
        for row in &rows {
            let (kind, name): (String, String) = (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            rights.push(worded(&kind, &name, self.column(row, 2, WHAT)?).into());
        }
        Ok(rights)
    }
}

fn worded(kind: &str, name: &str, is_own: bool) -> String {
    match (kind, is_own) {
        ("member", _) => format!("it is a member of {name}"),
        ("function", _) => format!("it may call {name}"),
        ("database", _) => format!("it owns the database {name}"),
        (attribute, true) => format!("it has {attribute}"),
        (attribute, false) => format!("it is a member of {name}, which has {attribute}"),
    }
}
