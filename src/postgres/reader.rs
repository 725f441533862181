//! Generates the SQL that creates a role which can read this database for dumps, and can do nothing else.
//!
//! The SQL is run by somebody with more rights than the agent, and often by `psql`, which can run shell commands. So
//! every name in it is quoted by [`ident`], and no name appears in a comment.

use super::dumped::DUMPED;
use super::error::Error;
use super::preflight::{grant_on, grant_on_large_objects, grant_on_schema};
use super::session::Session;
use super::sql::{by_number, do_block, ident, literal};
use super::wire::Row;

/// The schemas and relations of each owner, one in each row: 1 for a schema, 2 for a table, 3 for a sequence.
const OPEN: &str = "
    , lines AS (
        SELECT nspowner AS owner, 1 AS place, nspname AS schema, '' AS object, schema AS number FROM dumped GROUP BY \
            nspowner, nspname, schema
        UNION ALL
        SELECT relowner, CASE WHEN relkind OPERATOR(pg_catalog.=) 'S' THEN 3 ELSE 2 END, nspname, relname, oid FROM \
            dumped)
    SELECT pg_catalog.pg_get_userbyid(owner), place, schema, object, number FROM lines
     WHERE pg_catalog.pg_get_userbyid(owner) OPERATOR(pg_catalog.<>) ROLE
     ORDER BY 1, place, schema, object";

/// The owners of dumped relations, who can create more of them.
const OWNERS: &str = "
    SELECT DISTINCT pg_catalog.pg_get_userbyid(relowner), relowner FROM dumped
     WHERE pg_catalog.pg_get_userbyid(relowner) OPERATOR(pg_catalog.<>) ROLE ORDER BY 1";

const HAS_LARGE_OBJECTS: &str = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata";

/// Whether the role owns a dumped table: then it can grant rights, and needs none.
const OWNS: &str = "
    SELECT r.rolsuper OR EXISTS (SELECT FROM dumped WHERE pg_catalog.pg_has_role(relowner, 'USAGE'))
      FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user";

const WHAT: &str = "list what a dump reads";

impl Session {
    /// Whether the session's role owns a dumped table, or is a superuser.
    pub async fn is_owner(&mut self) -> Result<bool, Error> {
        const WHAT: &str = "look for the owner";
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {OWNS}")).await?;
        self.first(&rows, WHAT)
    }

    /// The SQL with which the database's owner lets `role` read everything in it, now and in the future. It can be run
    /// repeatedly.
    pub async fn reader_sql(&mut self, role: &str) -> Result<String, Error> {
        let with = |sql: &str| format!("WITH {DUMPED} {}", sql.replace("ROLE", &literal(role)));
        let quoted = ident(role);
        let database = match self.can_write(self.database()) {
            true => format!("GRANT CONNECT ON DATABASE {} TO {quoted};", ident(self.database())),
            false => do_block(&format!(
                "BEGIN EXECUTE pg_catalog.concat('GRANT CONNECT ON DATABASE ', \
                 pg_catalog.quote_ident(pg_catalog.current_database()), {}); END",
                literal(&format!(" TO {quoted}"))
            )),
        };
        let mut sql = head(role, &database);
        let rows = self.rows(WHAT, &with(OPEN)).await?;
        let mut owner: Option<&str> = None;
        for row in &rows {
            if owner != row.text(0) {
                owner = row.text(0);
                sql.push_str("\n-- the objects of one owner: that owner or a superuser runs this part\n");
            }
            sql.push_str(&self.grant(row, &quoted)?);
        }
        sql.push_str(
            "\n-- and each owner's future objects: without this, the first migration that adds a table stops the \
             backups\n",
        );
        for row in &self.rows(WHAT, &with(OWNERS)).await? {
            let (owner, number): (String, String) = (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            for what in to_come(self.server_major()) {
                let number = (!self.can_write(&owner)).then_some(number.as_str());
                sql.push_str(&default_grant(&owner, number, what, &quoted));
                sql.push('\n');
            }
        }
        if self.number(WHAT, HAS_LARGE_OBJECTS).await? > 0 {
            sql.push_str(
                "\n-- large objects that the role running this owns; up to PostgreSQL 17, run this again for future \
                 ones\n",
            );
            sql.push_str(&grant_on_large_objects(&quoted));
            sql.push('\n');
        }
        sql.push_str(&self.bypass_sql(role).await?);
        sql.push_str("COMMIT;\n");
        Ok(sql)
    }

    fn grant(&self, row: &Row, role: &str) -> Result<String, Error> {
        let place: i32 = self.column(row, 1, WHAT)?;
        let (schema, object): (String, String) = (self.column(row, 2, WHAT)?, self.column(row, 3, WHAT)?);
        let number: String = self.column(row, 4, WHAT)?;
        let is_written = self.can_write(&schema) && self.can_write(&object);
        let number = (!is_written).then_some(number.as_str());
        let statement = match place {
            1 => grant_on_schema(&schema, number, role),
            2 => grant_on("TABLE", (&schema, &object), number, role),
            _ => grant_on("SEQUENCE", (&schema, &object), number, role),
        };
        Ok(format!("{statement}\n"))
    }
}

fn head(role: &str, grant_connect: &str) -> String {
    let quoted = ident(role);
    let make = do_block(&format!(
        "BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) {}) \
         THEN CREATE ROLE {quoted} LOGIN; END IF; END",
        literal(role)
    ));
    format!(
        "\
\\set ON_ERROR_STOP on
-- Lets one role read all of this database, to back it up, and change nothing.
-- Run it by psql as the owner of the database (and as each owner of a part below, if there are several).
-- On Heroku create the role first: heroku pg:credentials:create DATABASE --name NAME, which sets its password.
-- Elsewhere this script creates it; set its password in psql with: \\password NAME
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
{make}
{grant_connect}
"
    )
}

/// The default privileges for future objects.
fn to_come(server_major: u32) -> Vec<&'static str> {
    let mut what = vec!["USAGE ON SCHEMAS", "SELECT ON TABLES", "SELECT ON SEQUENCES"];
    // https://www.postgresql.org/docs/18/sql-alterdefaultprivileges.html
    what.extend((server_major >= 18).then_some("SELECT ON LARGE OBJECTS"));
    what
}

/// The statement that lets `role`, which is quoted, read future objects of `owner`. With `number`, it finds the owner
/// by oid.
pub(super) fn default_grant(owner: &str, number: Option<&str>, what: &str, role: &str) -> String {
    match number {
        None => format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT {what} TO {role};",
            ident(owner)
        ),
        Some(number) => by_number(
            "ALTER DEFAULT PRIVILEGES FOR ROLE ",
            "regrole",
            number,
            &format!(" GRANT {what} TO {role}"),
        ),
    }
}
