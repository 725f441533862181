//! Finds what would make a dump fail for this role, before hours are spent on it.
//!
//! `pg_dump` locks every table before it begins. For that it needs SELECT on the whole table (rights on columns aren't
//! enough) and USAGE on the schema. It reads every sequence and every large object. It runs with `row_security = off`,
//! so a policy that would hide rows is an error. Functions, views and types come from the catalogs, which every role
//! can read.
//!
//! <https://www.postgresql.org/docs/current/app-pgdump.html>

use super::dumped::DUMPED;
use super::error::Error;
use super::obstacle::{OBSTACLES_MAX, Obstacle, ObstacleKind};
use super::role_override::RoleOverride;
use super::row_security;
use super::session::Session;
use super::sql::{by_number, do_block, ident, literal, relation, shown, shown_relation};
use crate::text::counted;

/// USAGE on a schema is needed to resolve a name in it: to lock a table, and up to 17 to read a sequence; 18 has
/// `pg_get_sequence_data` for that.
const SCHEMAS: &str = "
    SELECT nspname, '', schema FROM dumped
     WHERE NOT pg_catalog.has_schema_privilege(schema, 'USAGE') AND relkind OPERATOR(pg_catalog.<>) ALL \
         (KINDS::pg_catalog.\"char\"[])
     GROUP BY nspname, schema ORDER BY nspname";

const TABLES: &str = "
    SELECT nspname, relname, oid FROM dumped
     WHERE relkind OPERATOR(pg_catalog.<>) 'S' AND NOT pg_catalog.has_table_privilege(oid, 'SELECT')
     ORDER BY nspname, relname";

/// `has_sequence_privilege` would fail on tables, and the planner may call it before it checks the kind. The right is
/// the same.
const SEQUENCES: &str = "
    SELECT nspname, relname, oid FROM dumped
     WHERE relkind OPERATOR(pg_catalog.=) 'S' AND NOT pg_catalog.has_table_privilege(oid, 'SELECT')
     ORDER BY nspname, relname";

/// 18 can tell which role may read a large object; before, the access list has to be read. A large object without a
/// list can be read only by its owner.
const READABLE_18: &str = "pg_catalog.has_largeobject_privilege(l.oid, 'SELECT')";
const READABLE: &str = "
    EXISTS (SELECT FROM pg_catalog.aclexplode(COALESCE(l.lomacl, pg_catalog.acldefault('L', l.lomowner))) AS a
             WHERE a.privilege_type OPERATOR(pg_catalog.=) 'SELECT'
               AND (a.grantee OPERATOR(pg_catalog.=) 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))";

/// The number of large objects that are named; of the rest only the number is given.
const LARGE_OBJECTS_SHOWN: usize = 5;

/// Everything that would make a dump by the session's role fail, schemas first. Empty for a superuser.
///
/// If the database's settings have set that role, this is the only obstacle reported: nobody should grant rights to a
/// role that the database's owner has chosen.
pub(super) async fn obstacles(
    session: &mut Session,
    role_override: Option<&RoleOverride>,
) -> Result<Vec<Obstacle>, Error> {
    let found = of_the_role(session).await?;
    Ok(match role_override {
        Some(role_override) if !found.is_empty() => vec![Obstacle {
            kind: ObstacleKind::Role,
            object: shown(role_override.role.raw()).into(),
            why: "lacks rights, and the database's settings set it instead of the role that logs in".to_owned(),
            grant: role_override.reset(),
            bypass: None,
        }],
        _ => found,
    })
}

async fn of_the_role(session: &mut Session) -> Result<Vec<Obstacle>, Error> {
    use ObstacleKind as K;
    let role = ident(session.user());
    let unlooked = if session.server_major() >= 18 { "'{S}'" } else { "'{}'" };
    let schemas = SCHEMAS.replace("KINDS", unlooked);
    let mut obstacles = Vec::new();
    for (kind, sql) in [
        (K::Schema, schemas.as_str()),
        (K::Table, TABLES),
        (K::Sequence, SEQUENCES),
    ] {
        obstacles.extend(find(session, kind, sql, &role).await?);
    }
    obstacles.extend(row_security::find_obstacles(session, &role).await?);
    obstacles.extend(large_objects(session, &role).await?);
    Ok(obstacles)
}

async fn find(session: &mut Session, kind: ObstacleKind, sql: &str, role: &str) -> Result<Vec<Obstacle>, Error> {
    const WHAT: &str = "look for missing rights";
    let sql = format!("WITH {DUMPED} {sql} LIMIT {OBSTACLES_MAX}");
    let rows = session.rows(WHAT, &sql).await?;
    let obstacle = |row| {
        let (schema, name): (String, String) = (session.column(row, 0, WHAT)?, session.column(row, 1, WHAT)?);
        let number: String = session.column(row, 2, WHAT)?;
        let is_written = session.can_write(&schema) && session.can_write(&name);
        let number = (!is_written).then_some(number.as_str());
        Ok(kind.obstacle(&schema, &name, number, role))
    };
    rows.iter().take(OBSTACLES_MAX).map(obstacle).collect()
}

impl ObstacleKind {
    /// The obstacle for an object. With `number`, its statement finds the object by oid.
    fn obstacle(self, schema: &str, name: &str, number: Option<&str>, role: &str) -> Obstacle {
        let (why, grant) = match self {
            Self::Schema => ("no USAGE on the schema", grant_on_schema(schema, number, role)),
            Self::Sequence => (
                "no SELECT on the sequence",
                grant_on("SEQUENCE", (schema, name), number, role),
            ),
            _ => (
                "no SELECT on the table",
                grant_on("TABLE", (schema, name), number, role),
            ),
        };
        Obstacle {
            kind: self,
            object: if self == Self::Schema {
                shown(schema).into()
            } else {
                shown_relation(schema, name).into()
            },
            why: why.to_owned(),
            grant,
            bypass: None,
        }
    }
}

/// The statement that lets `role`, which is quoted, read a table or a sequence.
pub(super) fn grant_on(kind: &str, (schema, name): (&str, &str), number: Option<&str>, role: &str) -> String {
    match number {
        None => format!("GRANT SELECT ON {kind} {} TO {role};", relation(schema, name)),
        Some(number) => by_number(
            &format!("GRANT SELECT ON {kind} "),
            "regclass",
            number,
            &format!(" TO {role}"),
        ),
    }
}

/// The statement that lets `role`, which is quoted, use a schema.
pub(super) fn grant_on_schema(schema: &str, number: Option<&str>, role: &str) -> String {
    match number {
        None => format!("GRANT USAGE ON SCHEMA {} TO {role};", ident(schema)),
        Some(number) => by_number("GRANT USAGE ON SCHEMA ", "regnamespace", number, &format!(" TO {role}")),
    }
}

/// One obstacle for all unreadable large objects, with one statement, as there can be many.
async fn large_objects(session: &mut Session, role: &str) -> Result<Option<Obstacle>, Error> {
    const WHAT: &str = "look for large objects that cannot be read";
    let readable = if session.server_major() >= 18 {
        READABLE_18
    } else {
        READABLE
    };
    let sql = format!(
        "SELECT l.oid, pg_catalog.count(*) OVER () FROM pg_catalog.pg_largeobject_metadata AS l
          WHERE pg_catalog.current_setting('lo_compat_privileges') OPERATOR(pg_catalog.<>) 'on' AND NOT {readable}
          ORDER BY l.oid LIMIT {LARGE_OBJECTS_SHOWN}"
    );
    let rows = session.rows(WHAT, &sql).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let count: u64 = session.column(first, 1, WHAT)?;
    let some: Result<Vec<u32>, Error> = rows.iter().map(|row| session.column(row, 0, WHAT)).collect();
    let some: Vec<String> = some?.iter().map(u32::to_string).collect();
    let more = if count > LARGE_OBJECTS_SHOWN as u64 {
        ", …"
    } else {
        ""
    };
    Ok(Some(Obstacle {
        kind: ObstacleKind::LargeObjects,
        object: format!("{} ({}{more})", counted(count, "large object"), some.join(", ")).into(),
        why: "no SELECT on the large objects".to_owned(),
        grant: grant_on_large_objects(role),
        bypass: None,
    }))
}

/// There is no GRANT for all large objects, and no default for future ones: the statement grants each one that the role
/// running it may grant.
pub(super) fn grant_on_large_objects(role: &str) -> String {
    let grant = literal(&format!(" TO {role}"));
    do_block(&format!(
        "DECLARE o pg_catalog.oid; BEGIN \
         FOR o IN SELECT m.oid FROM pg_catalog.pg_largeobject_metadata AS m WHERE pg_catalog.pg_has_role(m.lomowner, \
         'USAGE') LOOP \
         EXECUTE pg_catalog.concat('GRANT SELECT ON LARGE OBJECT ', o, {grant}); END LOOP; END"
    ))
}
