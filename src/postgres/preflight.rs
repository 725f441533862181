//! What would make a dump fail for this role, found before hours have gone into it.
//!
//! `pg_dump` locks every table before it begins, for which it needs SELECT on the whole table (rights on columns
//! don't do) and USAGE on the schema; it reads every sequence and every large object; and it runs with
//! `row_security = off`, so that a policy which would hide rows is an error. Functions, views and types it reads
//! from the catalogs, which all may.
//!
//! <https://www.postgresql.org/docs/current/app-pgdump.html>

use std::collections::BTreeSet;
use std::fmt;

use super::error::Error;
use super::imposed::Imposed;
use super::inspect::DUMPED;
use super::row_security::{self, Guard};
use super::session::Session;
use super::sql::{by_number, do_block, ident, literal, relation, shown, shown_relation};
use crate::text::{Untrusted, counted};

/// Something that makes `pg_dump` fail for this role, and the SQL that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is about.
    pub kind: ObstacleKind,
    /// The object's name as people know it.
    pub object: Untrusted,
    /// What is missing.
    pub why: String,
    /// The statement that mends it; to be run by the object's owner or a superuser.
    pub grant: String,
    /// Of a table with row-level security: who can read past it.
    pub guard: Option<Guard>,
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
    /// The database's own settings have made of the login a role that lacks rights.
    Role,
}

impl Obstacle {
    /// The statements that mend them all, each once, in one line.
    pub fn script(obstacles: &[Self]) -> String {
        Self::statements(obstacles, usize::MAX).0
    }

    /// The first `shown` statements of that script, and how many there are beside them.
    pub fn statements(obstacles: &[Self], shown: usize) -> (String, usize) {
        let mut seen = BTreeSet::new();
        let grants = obstacles.iter().map(|obstacle| obstacle.grant.as_str());
        let statements: Vec<&str> = grants.filter(|grant| seen.insert(*grant)).collect();
        let shown = shown.min(statements.len());
        (statements[..shown].join(" "), statements.len() - shown)
    }

    /// What cures them all: the first `shown` statements for each who has to run them.
    pub fn cure(obstacles: &[Self], shown: usize) -> String {
        let (guarded, others): (Vec<&Self>, Vec<&Self>) = obstacles.iter().partition(|one| one.guard.is_some());
        let others: Vec<Self> = others.into_iter().cloned().collect();
        let (grants, more) = Self::statements(&others, shown);
        let rest = match more {
            0 => String::new(),
            more => format!(" … and {more} more, which `pgcoffer check --fix-sql` prints"),
        };
        let granted = (!others.is_empty()).then(|| {
            let of = match others[0].kind {
                ObstacleKind::Role => "the database's owner",
                _ => "the owner of these objects",
            };
            format!("as {of} or a superuser: {grants}{rest}")
        });
        let cures = [granted, row_security::cure(guarded.into_iter())];
        let cures: Vec<String> = cures.into_iter().flatten().collect();
        cures.join(" And for row-level security: ")
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
    SELECT nspname, '', schema FROM dumped
     WHERE NOT pg_catalog.has_schema_privilege(schema, 'USAGE') AND relkind OPERATOR(pg_catalog.<>) ALL \
         (KINDS::pg_catalog.\"char\"[])
     GROUP BY nspname, schema ORDER BY nspname";

const TABLES: &str = "
    SELECT nspname, relname, oid FROM dumped
     WHERE relkind OPERATOR(pg_catalog.<>) 'S' AND NOT pg_catalog.has_table_privilege(oid, 'SELECT')
     ORDER BY nspname, relname";

/// `has_sequence_privilege` would fail on the tables that the planner may try it on before it looks at the kind;
/// the right is the same.
const SEQUENCES: &str = "
    SELECT nspname, relname, oid FROM dumped
     WHERE relkind OPERATOR(pg_catalog.=) 'S' AND NOT pg_catalog.has_table_privilege(oid, 'SELECT')
     ORDER BY nspname, relname";

/// 18 knows whom it lets read a large object; before, its access list has to be read. A large object without one is
/// its owner's.
const READABLE_18: &str = "pg_catalog.has_largeobject_privilege(l.oid, 'SELECT')";
const READABLE: &str = "
    EXISTS (SELECT FROM pg_catalog.aclexplode(COALESCE(l.lomacl, pg_catalog.acldefault('L', l.lomowner))) AS a
             WHERE a.privilege_type OPERATOR(pg_catalog.=) 'SELECT'
               AND (a.grantee OPERATOR(pg_catalog.=) 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))";

/// Large objects that are named; the rest is a number.
const LARGE_OBJECTS_SHOWN: usize = 5;

/// Obstacles of one kind that are told.
pub(super) const OBSTACLES_MAX: usize = 10_000;

/// Everything that would make a dump by the session's role fail, schemas first. A superuser has none.
///
/// Where the database's own settings have made that role of another login, they are the one obstacle: nobody is to give
/// rights to a role that its owner has chosen.
pub(super) async fn obstacles(session: &mut Session, imposed: Option<&Imposed>) -> Result<Vec<Obstacle>, Error> {
    let found = of_the_role(session).await?;
    Ok(match imposed {
        Some(imposed) if !found.is_empty() => vec![Obstacle {
            kind: ObstacleKind::Role,
            object: shown(imposed.role.raw()).into(),
            why: "lacks rights, and the database's own settings have put it in the login's place".to_owned(),
            grant: imposed.reset(),
            guard: None,
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
    obstacles.extend(row_security::in_the_way(session, &role).await?);
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
    /// Its statement has the object's number where that is given.
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
            guard: None,
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

/// Large objects can be many: they make one obstacle, with one statement for them all.
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
        guard: None,
    }))
}

/// There is no GRANT for all large objects, and no default for those to come: one statement for each that whoever runs
/// this may grant on.
pub(super) fn grant_on_large_objects(role: &str) -> String {
    let grant = literal(&format!(" TO {role}"));
    do_block(&format!(
        "DECLARE o pg_catalog.oid; BEGIN \
         FOR o IN SELECT m.oid FROM pg_catalog.pg_largeobject_metadata AS m WHERE pg_catalog.pg_has_role(m.lomowner, \
         'USAGE') LOOP \
         EXECUTE pg_catalog.concat('GRANT SELECT ON LARGE OBJECT ', o, {grant}); END LOOP; END"
    ))
}
