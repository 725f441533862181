//! Reads what a database needs of its server: roles, memberships, and settings of roles and of the database.
//!
//! `pg_roles` shows everything but passwords to every role, so no right to `pg_authid` is needed.

use super::error::Error;
use super::session::Session;
use super::wire::Row;
use crate::backup::{Globals, LastingSetting, Membership, Role, RoleAttributes};
use crate::text::Untrusted;

/// The most roles of a server that are kept whatever they have to do with the database. Servers that many customers
/// share have thousands.
const ALL_ROLES_MAX: u64 = 500;

const COUNT: &str = "
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.!~) '^pg_'";

/// The roles that the database names: owners, those with privileges, in policies, with settings in it; then the roles
/// that these are members of, and all members of any of them.
const CONNECTED: &str = "
    RECURSIVE named (oid) AS (
        SELECT s.refobjid FROM pg_catalog.pg_shdepend AS s LEFT JOIN pg_catalog.pg_database AS d ON d.oid \
               OPERATOR(pg_catalog.=) s.dbid
         WHERE s.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass
           AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        UNION SELECT d.datdba FROM pg_catalog.pg_database AS d
               WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        UNION SELECT a.grantee FROM pg_catalog.pg_database AS d CROSS JOIN LATERAL pg_catalog.aclexplode(d.datacl) AS a
               WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        UNION SELECT s.setrole FROM pg_catalog.pg_db_role_setting AS s JOIN pg_catalog.pg_database AS d ON d.oid \
                     OPERATOR(pg_catalog.=) s.setdatabase
               WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        UNION SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user),
    above (oid) AS (
        SELECT n.oid FROM named AS n
        UNION SELECT m.roleid FROM pg_catalog.pg_auth_members AS m JOIN above AS a ON a.oid OPERATOR(pg_catalog.=) m.member),
    wanted (oid) AS (
        SELECT a.oid FROM above AS a
        UNION SELECT m.member FROM pg_catalog.pg_auth_members AS m JOIN wanted AS w ON w.oid OPERATOR(pg_catalog.=) m.roleid)";

const ALL: &str = "wanted (oid) AS (SELECT r.oid FROM pg_catalog.pg_roles AS r)";

const ROLES: &str = "
    SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
           r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, pg_catalog.shobj_description(r.oid, 'pg_authid')
      FROM pg_catalog.pg_roles AS r
     WHERE r.rolname OPERATOR(pg_catalog.!~) '^pg_' AND r.oid OPERATOR(pg_catalog.=) ANY (SELECT w.oid FROM wanted AS w)
     ORDER BY r.rolname LIMIT 5000";

const MEMBERSHIPS: &str = "
    SELECT r.rolname, m.rolname, pg_catalog.bool_or(a.admin_option)
      FROM pg_catalog.pg_auth_members AS a JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.roleid
           JOIN pg_catalog.pg_roles AS m ON m.oid OPERATOR(pg_catalog.=) a.member
     WHERE m.rolname OPERATOR(pg_catalog.!~) '^pg_' AND m.oid OPERATOR(pg_catalog.=) ANY (SELECT w.oid FROM wanted AS w)
     GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10000";

const SETTINGS: &str = "
    SELECT r.rolname, s.setdatabase OPERATOR(pg_catalog.<>) 0, c.setting
      FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
           LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
           LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.setrole
     WHERE (s.setdatabase OPERATOR(pg_catalog.=) 0 OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
       AND (s.setrole OPERATOR(pg_catalog.=) 0 OR s.setrole OPERATOR(pg_catalog.=) ANY (SELECT w.oid FROM wanted AS w))
     ORDER BY 1, 2, 3 LIMIT 10000";

impl Session {
    /// Roles, memberships and settings; `None` if the server refuses to show them.
    pub async fn globals(&mut self) -> Result<Option<Globals>, Error> {
        const WHAT: &str = "look at roles and their settings";
        match self.all_globals(WHAT).await {
            Ok(globals) => Ok(Some(globals)),
            Err(Error::Query { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn all_globals(&mut self, what: &'static str) -> Result<Globals, Error> {
        let is_part = self.number(what, COUNT).await? > ALL_ROLES_MAX;
        let wanted = if is_part { CONNECTED } else { ALL };
        let mut globals = Globals {
            database: self.database().into(),
            is_part,
            ..Globals::default()
        };
        for row in self.rows(what, &format!("WITH {wanted} {ROLES}")).await? {
            globals.roles.push(self.role(&row, what)?);
        }
        for row in self.rows(what, &format!("WITH {wanted} {MEMBERSHIPS}")).await? {
            globals.memberships.push(Membership {
                role: text(&row, 0),
                member: text(&row, 1),
                admin: self.column(&row, 2, what)?,
            });
        }
        for row in self.rows(what, &format!("WITH {wanted} {SETTINGS}")).await? {
            let setting = row.text(2).unwrap_or_default();
            let Some((name, value)) = setting.split_once('=') else {
                continue;
            };
            globals.settings.push(LastingSetting {
                role: row.text(0).map(Untrusted::from),
                in_database: self.column(&row, 1, what)?,
                name: name.into(),
                value: value.into(),
            });
        }
        Ok(globals)
    }

    fn role(&self, row: &Row, what: &'static str) -> Result<Role, Error> {
        let limit: i32 = self.column(row, 8, what)?;
        Ok(Role {
            name: text(row, 0),
            attributes: RoleAttributes {
                superuser: self.column(row, 1, what)?,
                inherit: self.column(row, 2, what)?,
                create_role: self.column(row, 3, what)?,
                create_db: self.column(row, 4, what)?,
                login: self.column(row, 5, what)?,
                replication: self.column(row, 6, what)?,
                bypass_rls: self.column(row, 7, what)?,
            },
            connection_limit: u32::try_from(limit).ok(),
            valid_until: row.text(9).map(Untrusted::from),
            comment: row.text(10).map(Untrusted::from),
        })
    }
}

fn text(row: &Row, at: usize) -> Untrusted {
    row.text(at).unwrap_or_default().into()
}
