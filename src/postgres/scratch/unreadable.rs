//! What a scratch database has that the role of the drill can't read, what it may set, and what was switched off in it.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// Something in a scratch database that belongs to another role, or to nobody's knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundObject {
    /// pg_dump's word for its kind.
    pub kind: Untrusted,
    /// Its schema; empty if it is in none.
    pub schema: Untrusted,
    /// Its name.
    pub name: Untrusted,
    /// Its owner.
    pub owner: Untrusted,
}

/// What pg_dump reads: schemas, tables, sequences and large objects. A large object that others may read by a grant is
/// not told.
const UNREADABLE: &str = "
    SELECT 'SCHEMA', '', n.nspname, pg_catalog.pg_get_userbyid(n.nspowner)
      FROM pg_catalog.pg_namespace AS n
     WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_')
    UNION ALL
    SELECT CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname,
           pg_catalog.pg_get_userbyid(c.relowner)
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,S}'::pg_catalog.\"char\"[])
       AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_')
       AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
    UNION ALL
    SELECT 'BLOB', '', l.oid::pg_catalog.text, pg_catalog.pg_get_userbyid(l.lomowner)
      FROM pg_catalog.pg_largeobject_metadata AS l
     WHERE NOT pg_catalog.pg_has_role(l.lomowner, 'USAGE') AND l.lomacl IS NULL
     LIMIT 1000";

/// Triggers that PostgreSQL itself has made, for foreign keys. A dump says nothing of their state, and a restore makes
/// them anew, switched on.
const SWITCHED_OFF: &str = "
    SELECT DISTINCT 'TABLE', n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner)
      FROM pg_catalog.pg_trigger AS t
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE t.tgisinternal AND t.tgenabled OPERATOR(pg_catalog.<>) 'O'
       AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
     ORDER BY 2, 3 LIMIT 1000";

impl Session {
    /// What a dump by this role can't read, at most 1,000.
    ///
    /// # Errors
    /// A failed question.
    pub async fn unreadable_objects(&mut self) -> Result<Vec<FoundObject>, Error> {
        self.found_objects("look for what the role may not read", UNREADABLE)
            .await
    }

    /// The role's tables whose foreign keys are not enforced, as their triggers are switched off, at most 1,000.
    ///
    /// # Errors
    /// A failed question.
    pub async fn tables_with_keys_switched_off(&mut self) -> Result<Vec<FoundObject>, Error> {
        self.found_objects("look for foreign keys that are switched off", SWITCHED_OFF)
            .await
    }

    async fn found_objects(&mut self, what: &'static str, sql: &str) -> Result<Vec<FoundObject>, Error> {
        let rows = self.rows(what, sql).await?;
        let object = |row| {
            let text = |at| -> Result<Untrusted, Error> { Ok(self.column::<String>(row, at, what)?.into()) };
            Ok(FoundObject {
                kind: text(0)?,
                schema: text(1)?,
                name: text(2)?,
                owner: text(3)?,
            })
        };
        rows.iter().map(object).collect()
    }

    /// Runs these statements, which set default privileges, in one transaction. What the server says where it refuses
    /// one; then none is in force. Not retried.
    ///
    /// # Errors
    /// A lost connection.
    pub async fn set_default_privileges(&mut self, statements: &[String]) -> Result<Option<Untrusted>, Error> {
        const WHAT: &str = "set default privileges in the scratch database";
        let all = format!(
            "BEGIN TRANSACTION READ WRITE; SET LOCAL search_path = pg_catalog, pg_temp; {}",
            statements.join(" ")
        );
        let done = self.change(WHAT, &all).await;
        match done {
            Ok(()) => {
                self.change(WHAT, "COMMIT").await?;
                Ok(None)
            }
            Err(Error::Query { message, .. }) => {
                self.change(WHAT, "ROLLBACK").await?;
                Ok(Some(message))
            }
            Err(error) => Err(error),
        }
    }
}
