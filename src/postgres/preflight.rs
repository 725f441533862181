//! What would make a dump fail for this role, found before hours have gone into it.
//!
//! `pg_dump` locks every table before it begins, for which it needs SELECT on the whole table (rights on columns
//! don't do) and USAGE on the schema; it reads every sequence and every large object; and it runs with
//! `row_security = off`, so that a policy which would hide rows is an error. Functions, views and types it reads
//! from the catalogs, which all may.
//!
//! <https://www.postgresql.org/docs/current/app-pgdump.html>

use std::fmt;

use super::error::Error;
use super::inspect::DUMPED;
use super::session::Session;

/// Something that makes `pg_dump` fail for this role, and the SQL that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is about.
    pub kind: ObstacleKind,
    /// The object's name, quoted as SQL needs it.
    pub object: String,
    /// What is missing.
    pub why: String,
    /// The statement that mends it; to be run by the object's owner or a superuser.
    pub grant: String,
}

/// What an obstacle is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObstacleKind {
    /// No USAGE on a schema that holds something to dump.
    Schema,
    /// No SELECT on a table.
    Table,
    /// No SELECT on a sequence.
    Sequence,
    /// No SELECT on some large objects.
    LargeObjects,
    /// A policy that hides rows from the role.
    RowSecurity,
}

impl Obstacle {
    /// The statements that mend them all, each once, in one line.
    pub fn script(obstacles: &[Self]) -> String {
        let mut statements: Vec<&str> = Vec::new();
        for obstacle in obstacles {
            if !statements.contains(&obstacle.grant.as_str()) {
                statements.push(&obstacle.grant);
            }
        }
        statements.join(" ")
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.why)
    }
}

/// A schema needs USAGE where a name in it has to be resolved: to lock a table, and up to 17 to read a sequence; 18
/// has `pg_get_sequence_data` for that.
const SCHEMAS: &str = "
    SELECT format('%I', nspname), format('GRANT USAGE ON SCHEMA %I TO %I;', nspname, current_user)
      FROM dumped
     WHERE NOT has_schema_privilege(schema, 'USAGE')
       AND (relkind <> 'S' OR current_setting('server_version_num')::int4 < 180000)
     GROUP BY nspname ORDER BY nspname";

const TABLES: &str = "
    SELECT format('%I.%I', nspname, relname), format('GRANT SELECT ON TABLE %I.%I TO %I;', nspname, relname, current_user)
      FROM dumped
     WHERE relkind IN ('r', 'p') AND NOT has_table_privilege(oid, 'SELECT')
     ORDER BY nspname, relname";

/// `has_sequence_privilege` would fail on the tables that the planner may try it on before it looks at the kind;
/// the right is the same.
const SEQUENCES: &str = "
    SELECT format('%I.%I', nspname, relname), format('GRANT SELECT ON SEQUENCE %I.%I TO %I;', nspname, relname, current_user)
      FROM dumped
     WHERE relkind = 'S' AND NOT has_table_privilege(oid, 'SELECT')
     ORDER BY nspname, relname";

/// Partitioned tables have policies too, but no rows of their own to read.
const ROW_SECURITY: &str = "
    SELECT format('%I.%I', nspname, relname),
           format('ALTER ROLE %I BYPASSRLS;', current_user)
      FROM dumped
     WHERE relkind = 'r' AND row_security_active(oid)
     ORDER BY nspname, relname";

/// 18 knows whom it lets read a large object; before, its access list has to be read. A large object without one is
/// its owner's.
const READABLE_18: &str = "has_largeobject_privilege(l.oid, 'SELECT')";
const READABLE: &str = "
    EXISTS (SELECT FROM aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) a
             WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))";

/// Everything that would make a dump by the session's role fail, schemas first. A superuser has none.
pub(super) async fn obstacles(
    session: &mut Session,
    server_major: u32,
) -> Result<Vec<Obstacle>, Error> {
    use ObstacleKind as K;
    let mut obstacles = Vec::new();
    let kinds = [
        (K::Schema, SCHEMAS, "no USAGE on the schema"),
        (K::Table, TABLES, "no SELECT on the table"),
        (K::Sequence, SEQUENCES, "no SELECT on the sequence"),
        (
            K::RowSecurity,
            ROW_SECURITY,
            "row-level security hides rows from the role",
        ),
    ];
    for (kind, sql, why) in kinds {
        obstacles.extend(find(session, kind, sql, why).await?);
    }
    obstacles.extend(large_objects(session, server_major).await?);
    Ok(obstacles)
}

async fn find(
    session: &mut Session,
    kind: ObstacleKind,
    sql: &str,
    why: &str,
) -> Result<Vec<Obstacle>, Error> {
    const WHAT: &str = "look for missing rights";
    let rows = session.rows(WHAT, &format!("WITH {DUMPED} {sql}")).await?;
    let obstacle = |row| {
        let (object, grant) = (session.column(row, 0, WHAT)?, session.column(row, 1, WHAT)?);
        Ok(Obstacle {
            kind,
            object,
            why: why.to_owned(),
            grant,
        })
    };
    rows.iter().map(obstacle).collect()
}

/// Large objects can be many: they make one obstacle, with one statement for them all.
async fn large_objects(
    session: &mut Session,
    server_major: u32,
) -> Result<Option<Obstacle>, Error> {
    const WHAT: &str = "look for large objects that cannot be read";
    let readable = if server_major >= 18 {
        READABLE_18
    } else {
        READABLE
    };
    let sql = format!(
        "SELECT count(*), coalesce(string_agg(l.oid::text, ', ' ORDER BY l.oid) FILTER (WHERE l.place <= 5), ''), format('%I', current_user)
           FROM (SELECT l.oid, row_number() OVER (ORDER BY l.oid) AS place FROM pg_largeobject_metadata l
                  WHERE current_setting('lo_compat_privileges') <> 'on' AND NOT {readable}) l"
    );
    let rows = session.rows(WHAT, &sql).await?;
    let count: i64 = session.first(&rows, WHAT)?;
    let (some, role): (String, String) = (
        session.column(&rows[0], 1, WHAT)?,
        session.column(&rows[0], 2, WHAT)?,
    );
    let object = format!(
        "{count} large objects ({some}{})",
        if count > 5 { ", …" } else { "" }
    );
    let why = "no SELECT on the large objects".to_owned();
    let obstacle = Obstacle {
        kind: ObstacleKind::LargeObjects,
        object,
        why,
        grant: grant_on_large_objects(&role),
    };
    Ok((count > 0).then_some(obstacle))
}

/// There is no GRANT for all large objects, and no default for those to come: one statement for each that there is.
fn grant_on_large_objects(quoted_role: &str) -> String {
    let literal = quoted_role.replace('\'', "''");
    let mut tag = "$pgcoffer$".to_owned();
    while quoted_role.contains(&tag) {
        tag.insert(1, '_');
    }
    format!(
        "DO {tag} DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_catalog.pg_largeobject_metadata LOOP \
         EXECUTE 'GRANT SELECT ON LARGE OBJECT ' || o || ' TO ' || '{literal}'; END LOOP; END {tag};"
    )
}
