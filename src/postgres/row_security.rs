//! Row-level security in the way of a dump, and who can take it out of the way.
//!
//! `pg_dump` reads with `row_security = off`, so that a policy that would hide rows is an error. Policies hold for
//! nobody who is a superuser or has BYPASSRLS, and not for a table's owner unless they are forced.
//!
//! <https://www.postgresql.org/docs/current/ddl-rowsecurity.html>, and who may give BYPASSRLS:
//! <https://www.postgresql.org/docs/16/sql-createrole.html>

use std::collections::BTreeSet;

use super::{
    error::Error,
    inspect::DUMPED,
    preflight::{OBSTACLES_MAX, Obstacle, ObstacleKind},
    session::Session,
    sql::{by_number, do_block, ident, literal, relation, shown, shown_relation},
    wire::Row,
};
use crate::text::{Untrusted, counted};

/// Partitioned tables have policies too, but no rows of their own to read.
const IN_THE_WAY: &str = "
    SELECT nspname, relname, oid, relforcerowsecurity, pg_catalog.pg_get_userbyid(relowner), \
        pg_catalog.pg_has_role(relowner, 'USAGE')
      FROM dumped
     WHERE relkind OPERATOR(pg_catalog.=) 'r' AND pg_catalog.row_security_active(oid)
     ORDER BY nspname, relname";

/// Tables whose policies hold for another role, which need not be there.
const GUARDED: &str = "
    SELECT pg_catalog.count(*) FROM dumped
     WHERE relkind OPERATOR(pg_catalog.=) 'r' AND relrowsecurity
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                        WHERE r.rolname OPERATOR(pg_catalog.=) ROLE
                          AND (r.rolbypassrls OR r.rolsuper
                               OR (NOT relforcerowsecurity AND pg_catalog.pg_has_role(r.oid, relowner, 'USAGE'))))";

/// Owners and statements that a hint names.
const SHOWN: usize = 3;

/// Whose table it is, and whether its policies hold for that role as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The table's owner.
    pub owner: Untrusted,
    /// The session's role has the owner's rights.
    pub is_ours: bool,
    /// The statement by which the owner reads past the policies, where these are forced.
    pub unforce: Option<String>,
}

/// The tables of which policies hide rows from the session's role.
pub(super) async fn in_the_way(session: &mut Session, role: &str) -> Result<Vec<Obstacle>, Error> {
    const WHAT: &str = "look for row-level security";
    let sql = format!("WITH {DUMPED} {IN_THE_WAY} LIMIT {OBSTACLES_MAX}");
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
        guard: Some(Guard {
            owner: shown(&owner).into(),
            is_ours: session.column(row, 5, WHAT)?,
            unforce: forced.then_some(unforce),
        }),
    })
}

/// What lets a role read past the policies of these obstacles: true with and without a superuser at hand.
pub(super) fn cure<'a>(obstacles: impl Iterator<Item = &'a Obstacle>) -> Option<String> {
    let (mut grant, mut owners, mut unforce) = (None, BTreeSet::new(), Vec::new());
    let mut is_owner = true;
    for obstacle in obstacles {
        let Some(guard) = &obstacle.guard else {
            continue;
        };
        grant = Some(obstacle.grant.as_str());
        is_owner &= guard.is_ours;
        owners.insert(guard.owner.to_string());
        unforce.extend(guard.unforce.as_deref());
    }
    let grant = grant?;
    let more = match owners.len() {
        count if count > SHOWN => format!(" and {} more", count - SHOWN),
        _ => String::new(),
    };
    let owner = match owners.len() {
        1 => format!("their owner, {}", owners.iter().next()?),
        _ => {
            let owners: Vec<String> = owners.into_iter().take(SHOWN).collect();
            format!("a member of their owners, {}{more}", owners.join(", "))
        }
    };
    let without = match unforce.len() {
        0 => format!("back up by the url of {owner}, for whom the policies don't hold"),
        count => {
            let statements = unforce[..count.min(SHOWN)].join(" ");
            let more = match count.saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" … and {more} more"),
            };
            let force = format!("take the force away, as the owner: {statements}{more}");
            match is_owner {
                true => format!("where no application logs in as {owner}, {force}"),
                false => format!("back up by the url of {owner}; and where no application logs in as that, {force}"),
            }
        }
    };
    Some(format!(
        "as a superuser, or from PostgreSQL 16 on as a role that has CREATEROLE and BYPASSRLS itself: {grant} Or, \
         where the provider gives nobody that (Heroku, RDS): {without}"
    ))
}

impl Session {
    /// What lets `role` read past the policies, where whoever runs it may do so; a warning says it where not.
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
                "row-level security hides rows of {guarded} from the role still, and pg_dump refuses that"
            )),
            literal(
                "A superuser may give it BYPASSRLS. Where there is none, back up as the owner of these tables: \
                 pgcoffer check says how."
            ),
        ));
        Ok(format!(
            "
-- Row-level security hides rows of {guarded} from this role, and pg_dump refuses that. This lets it read them, where a
-- superuser runs it, or from PostgreSQL 16 on a role that has CREATEROLE and BYPASSRLS itself. For all others it warns.
{bypass}
"
        ))
    }
}
