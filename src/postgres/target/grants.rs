//! A target's default privileges on new objects, and statements that run after the load.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// What `ALTER DEFAULT PRIVILEGES` grants on objects that the role creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultGrant {
    /// The schema in which it applies; `None` for all schemas.
    pub schema: Option<String>,
    /// The kind of objects, as in `pg_default_acl`: `r` tables, `S` sequences, `f` functions, `T` types, `n` schemas.
    pub kind: String,
    /// The roles that get rights; `None` is PUBLIC, listed only if it gets more than PostgreSQL's default.
    pub roles: Vec<Option<String>>,
}

/// PostgreSQL's default already grants all rights on functions and types to PUBLIC.
const DEFAULT_GRANTS: &str = "
    SELECT n.nspname, d.defaclobjtype::pg_catalog.text,
           pg_catalog.to_json(pg_catalog.array_agg(DISTINCT r.rolname::pg_catalog.text))::pg_catalog.text
      FROM pg_catalog.pg_default_acl AS d
           JOIN pg_catalog.pg_roles AS me ON me.oid OPERATOR(pg_catalog.=) d.defaclrole AND me.rolname \
               OPERATOR(pg_catalog.=) current_user
           LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) d.defaclnamespace
           CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
           LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.grantee
     WHERE a.grantee OPERATOR(pg_catalog.<>) d.defaclrole
       AND NOT (a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid
                AND d.defaclobjtype OPERATOR(pg_catalog.=) ANY ('{f,T}'::pg_catalog.\"char\"[]))
     GROUP BY n.nspname, d.defaclobjtype ORDER BY 1, 2";

/// The kinds of objects, as in `pg_default_acl`, on which PostgreSQL itself grants rights to PUBLIC and the default
/// privileges of this role don't. Those of one schema can only add to the others.
const NOT_FOR_PUBLIC: &str = "
    SELECT d.defaclobjtype::pg_catalog.text
      FROM pg_catalog.pg_default_acl AS d
           JOIN pg_catalog.pg_roles AS me ON me.oid OPERATOR(pg_catalog.=) d.defaclrole AND me.rolname \
               OPERATOR(pg_catalog.=) current_user
     WHERE d.defaclnamespace OPERATOR(pg_catalog.=) 0::pg_catalog.oid
       AND d.defaclobjtype OPERATOR(pg_catalog.=) ANY ('{f,T}'::pg_catalog.\"char\"[])
       AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(d.defaclacl) AS a
                        WHERE a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid)
     ORDER BY 1";

impl Session {
    /// The kinds of new objects that are closed to PUBLIC by the role's default privileges.
    pub(super) async fn kinds_not_for_public(&mut self) -> Result<Vec<String>, Error> {
        const WHAT: &str = "look at what the default privileges take from PUBLIC";
        let rows = self.rows(WHAT, NOT_FOR_PUBLIC).await?;
        rows.iter().map(|row| self.column(row, 0, WHAT)).collect()
    }

    /// The default privileges on objects that this role creates in the database.
    pub(super) async fn default_grants(&mut self) -> Result<Vec<DefaultGrant>, Error> {
        const WHAT: &str = "look at the default privileges";
        let rows = self.rows(WHAT, DEFAULT_GRANTS).await?;
        let grant = |row: &crate::postgres::wire::Row| {
            Ok(DefaultGrant {
                schema: row.text(0).map(str::to_owned),
                kind: self.column(row, 1, WHAT)?,
                roles: serde_json::from_str(row.text(2).unwrap_or_default()).unwrap_or_default(),
            })
        };
        rows.iter().map(grant).collect()
    }

    /// Runs each statement in its own transaction. Returns the server's message for each that failed.
    ///
    /// # Errors
    /// A lost connection. The statements that ran stay committed.
    pub async fn run_each(&mut self, what: &'static str, statements: &[&str]) -> Result<Vec<Option<Untrusted>>, Error> {
        let mut outcomes = Vec::new();
        for statement in statements {
            let steps = format!("BEGIN TRANSACTION READ WRITE; SET LOCAL search_path = ''; {statement} COMMIT");
            let result = self.wire.run(&steps).await;
            if result.is_err() && self.wire.is_in_transaction {
                // if this fails too, the next statement reports it
                let _ = self.wire.run("ROLLBACK").await;
            }
            outcomes.push(match result.map_err(|error| self.explained(what, error)) {
                Ok(_) => None,
                Err(Error::Query { message, .. }) => Some(message),
                Err(error) => return Err(error),
            });
        }
        Ok(outcomes)
    }
}
