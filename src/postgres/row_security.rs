//! Row-level security that prevents a dump, and which role can avoid it.
//!
//! `pg_dump` reads with `row_security = off`, so a policy that would hide rows is an error. Policies don't apply to
//! superusers and roles with BYPASSRLS, nor to a table's owner unless they are forced.
//!
//! <https://www.postgresql.org/docs/current/ddl-rowsecurity.html>, and which role can grant BYPASSRLS:
//! <https://www.postgresql.org/docs/16/sql-createrole.html>

use super::{
    dumped::DUMPED,
    error::Error,
    obstacle::{OBSTACLES_MAX, Obstacle, ObstacleKind, RowSecurityBypass},
    session::Session,
    sql::{by_number, do_block, ident, literal, relation, shown, shown_relation},
    wire::Row,
};
use crate::text::counted;

/// Partitioned tables have policies too, but no rows of their own.
const HIDING_ROWS: &str = "
    SELECT nspname, relname, oid, relforcerowsecurity, pg_catalog.pg_get_userbyid(relowner), \
        pg_catalog.pg_has_role(relowner, 'USAGE')
      FROM dumped
     WHERE relkind OPERATOR(pg_catalog.=) 'r' AND pg_catalog.row_security_active(oid)
     ORDER BY nspname, relname";

/// The number of tables whose policies apply to another role, which may not exist yet.
const GUARDED: &str = "
    SELECT pg_catalog.count(*) FROM dumped
     WHERE relkind OPERATOR(pg_catalog.=) 'r' AND relrowsecurity
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                        WHERE r.rolname OPERATOR(pg_catalog.=) ROLE
                          AND (r.rolbypassrls OR r.rolsuper
                               OR (NOT relforcerowsecurity AND pg_catalog.pg_has_role(r.oid, relowner, 'USAGE'))))";

/// The tables whose policies hide rows from the session's role.
pub(super) async fn find_obstacles(session: &mut Session, role: &str) -> Result<Vec<Obstacle>, Error> {
    const WHAT: &str = "look for row-level security";
    let sql = format!("WITH {DUMPED} {HIDING_ROWS} LIMIT {OBSTACLES_MAX}");
    let rows = session.rows(WHAT, &sql).await?;
    rows.iter().map(|row| obstacle(session, row, role)).collect()
}

fn obstacle(session: &Session, row: &Row, role: &str) -> Result<Obstacle, Error> {
    const WHAT: &str = "look for row-level security";
    let text = |at| session.column::<String>(row, at, WHAT);
    let (schema, name, number, owner) = (text(0)?, text(1)?, text(2)?, text(4)?);
    let forced: bool = session.column(row, 3, WHAT)?;
    let is_written = session.can_write(&schema) && session.can_write(&name);
    let unforce = match is_written {
        true => format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY;", relation(&schema, &name)),
        false => by_number("ALTER TABLE ", "regclass", &number, " NO FORCE ROW LEVEL SECURITY"),
    };
    Ok(Obstacle {
        kind: ObstacleKind::RowSecurity,
        object: shown_relation(&schema, &name).into(),
        why: match forced {
            true => "row-level security, forced on its owner too, hides rows from the role",
            false => "row-level security hides rows from the role",
        }
        .to_owned(),
        grant: format!("ALTER ROLE {role} BYPASSRLS;"),
        bypass: Some(RowSecurityBypass {
            owner: shown(&owner).into(),
            is_ours: session.column(row, 5, WHAT)?,
            unforce: forced.then_some(unforce),
        }),
    })
}

impl Session {
    /// The SQL that lets `role` read all rows, if the role that runs it has the right; otherwise it raises a warning.
    pub(super) async fn bypass_sql(&mut self, role: &str) -> Result<String, Error> {
        const WHAT: &str = "look for row-level security";
        let sql = format!("WITH {DUMPED} {}", GUARDED.replace("ROLE", &literal(role)));
        let guarded = self.number(WHAT, &sql).await?;
        if guarded == 0 {
            return Ok(String::new());
        }
        let guarded = counted(guarded, "table");
        let bypass = do_block(&format!(
            "BEGIN ALTER ROLE {} BYPASSRLS; \
             EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING {} USING HINT = {}; END",
            ident(role),
            literal(&format!(
                "row-level security still hides rows of {guarded} from the role, and pg_dump refuses that"
            )),
            literal(
                "A superuser can grant it BYPASSRLS. If there is none, back up as the owner of these tables: pgcoffer \
                 check prints how."
            ),
        ));
        Ok(format!(
            "
-- Row-level security hides rows of {guarded} from this role, and pg_dump refuses that. This lets it read them if a
-- superuser runs it, or since PostgreSQL 16 a role that has CREATEROLE and BYPASSRLS itself. Otherwise it only warns.
{bypass}
"
        ))
    }
}
