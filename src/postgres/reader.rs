//! The SQL that makes a role which can read this database, to be dumped, and can do nothing else.

use super::error::Error;
use super::inspect::DUMPED;
use super::session::Session;

/// The schemas and relations of each owner, one row for each, with the statement that opens it.
const OPEN: &str = "
    , role AS (SELECT quote_ident(ROLE) AS name),
      lines AS (
        SELECT n.nspowner AS owner, 1 AS place, n.nspname AS schema, '' AS object,
               format('GRANT USAGE ON SCHEMA %I TO %s;', n.nspname, role.name) AS line
          FROM pg_namespace n, role WHERE n.oid IN (SELECT schema FROM dumped)
        UNION ALL
        SELECT relowner, CASE relkind WHEN 'S' THEN 3 ELSE 2 END, nspname, relname,
               format('GRANT SELECT ON %s %I.%I TO %s;', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                      nspname, relname, role.name)
          FROM dumped, role)
    SELECT quote_ident(pg_get_userbyid(owner)), line FROM lines
     WHERE pg_get_userbyid(owner) <> ROLE
     ORDER BY pg_get_userbyid(owner), place, schema, object";

/// Who owns what is dumped and could make more of it.
const OWNERS: &str = "
    SELECT DISTINCT quote_ident(pg_get_userbyid(relowner)) FROM dumped WHERE pg_get_userbyid(relowner) <> ROLE ORDER BY 1";

const GUARDED: &str = "
    SELECT format('%I.%I', d.nspname, d.relname) FROM dumped d JOIN pg_class c ON c.oid = d.oid
     WHERE d.relkind = 'r' AND c.relrowsecurity
       AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ROLE AND (rolbypassrls OR rolsuper))
     ORDER BY 1";

const HAS_LARGE_OBJECTS: &str = "SELECT count(*) FROM pg_largeobject_metadata";

/// Whoever owns a table of those that are dumped may grant, and needs no grant.
const OWNS: &str = "
    SELECT r.rolsuper OR EXISTS (SELECT FROM dumped WHERE pg_has_role(relowner, 'USAGE')) FROM pg_roles r WHERE r.rolname = current_user";

impl Session {
    /// Whether the session's role owns something of what is dumped, or is a superuser.
    pub async fn is_owner(&mut self) -> Result<bool, Error> {
        const WHAT: &str = "look for the owner";
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {OWNS}")).await?;
        self.first(&rows, WHAT)
    }

    /// The SQL by which the owner of this database lets `role` read all of it, now and what is to come. It may be run again.
    pub async fn reader_sql(&mut self, role: &str) -> Result<String, Error> {
        const WHAT: &str = "list what a dump reads";
        let literal = format!("'{}'", role.replace('\'', "''"));
        let with = |sql: &str| format!("WITH {DUMPED} {}", sql.replace("ROLE", &literal));
        let name = self
            .one_text(WHAT, &format!("SELECT quote_ident({literal})"))
            .await?;
        let database = self
            .one_text(WHAT, "SELECT quote_ident(current_database())")
            .await?;
        let mut sql = head(&name, &literal, &database);
        let (mut owner, rows) = (String::new(), self.rows(WHAT, &with(OPEN)).await?);
        for row in &rows {
            let (its_owner, line): (String, String) =
                (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            if its_owner != owner {
                sql.push_str(&format!("\n-- what {its_owner} owns\n"));
                owner = its_owner;
            }
            sql.push_str(&line);
            sql.push('\n');
        }
        sql.push_str("\n-- and what they will own: without this the first migration that adds a table stops the backups\n");
        for row in &self.rows(WHAT, &with(OWNERS)).await? {
            let owner: String = self.column(row, 0, WHAT)?;
            sql.push_str(&to_come(&owner, &name, self.server_major()));
        }
        if self.number(WHAT, HAS_LARGE_OBJECTS).await? > 0 {
            sql.push_str(&large_objects(&literal));
        }
        let guarded = self.rows(WHAT, &with(GUARDED)).await?;
        let guarded: Result<Vec<String>, Error> = guarded
            .iter()
            .map(|row| self.column(row, 0, WHAT))
            .collect();
        sql.push_str(&row_security(&name, &guarded?));
        sql.push_str("COMMIT;\n");
        Ok(sql)
    }

    async fn one_text(&mut self, what: &'static str, sql: &str) -> Result<String, Error> {
        let rows = self.rows(what, sql).await?;
        self.first(&rows, what)
    }
}

fn head(name: &str, literal: &str, database: &str) -> String {
    format!(
        "\
\\set ON_ERROR_STOP on
-- Lets role {name} read all of database {database}, to back it up, and change nothing.
-- Run it by psql as the owner of the database (and as each owner named below, where there are several).
-- On Heroku make the role first: heroku pg:credentials:create DATABASE --name NAME, which gives it its password.
-- Elsewhere it is made here, and gets its password in psql by: \\password {name}
BEGIN;
DO $pgcoffer$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {literal}) THEN CREATE ROLE {name} LOGIN; END IF;
END $pgcoffer$;
GRANT CONNECT ON DATABASE {database} TO {name};
"
    )
}

fn to_come(owner: &str, name: &str, server_major: u32) -> String {
    let mut text = String::new();
    let mut what = vec![
        "USAGE ON SCHEMAS",
        "SELECT ON TABLES",
        "SELECT ON SEQUENCES",
    ];
    // https://www.postgresql.org/docs/18/sql-alterdefaultprivileges.html
    what.extend((server_major >= 18).then_some("SELECT ON LARGE OBJECTS"));
    for what in what {
        text.push_str(&format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT {what} TO {name};\n"
        ));
    }
    text
}

fn large_objects(literal: &str) -> String {
    format!(
        "
-- large objects, those that whoever runs this owns; up to PostgreSQL 17 those to come need it again
DO $pgcoffer$ DECLARE o oid; BEGIN
  FOR o IN SELECT oid FROM pg_catalog.pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE') LOOP
    EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO %I', o, {literal});
  END LOOP;
END $pgcoffer$;
"
    )
}

fn row_security(name: &str, guarded: &[String]) -> String {
    if guarded.is_empty() {
        return String::new();
    }
    format!(
        "
-- Row-level security hides rows of {} from {name}, and pg_dump refuses that.
-- A superuser takes it off; where there is none, as on Heroku, back up with the owner's credential instead:
-- ALTER ROLE {name} BYPASSRLS;
",
        guarded.join(", ")
    )
}
