//! Privileges that a target gives by itself on whatever a role makes there, and those that are taken once all is there.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// What others get of all that the role makes, by `ALTER DEFAULT PRIVILEGES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultGrant {
    /// In which schema; in all where it is none.
    pub schema: Option<String>,
    /// Of what, as the catalogs have it: `r` tables, `S` sequences, `f` functions, `T` types, `n` schemas.
    pub kind: String,
    /// The roles that get it; none is PUBLIC, which is among them where it gets more than PostgreSQL gives.
    pub roles: Vec<Option<String>>,
}

/// Of functions and types PostgreSQL itself gives PUBLIC what there is to give.
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

impl Session {
    /// What others get of whatever this role makes in the database.
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

    /// Carries each out in a transaction of its own, and says of each that failed what the server said.
    ///
    /// # Errors
    /// The connection, or a server that ends it; what was carried out stays so.
    pub async fn carry_out(
        &mut self,
        what: &'static str,
        statements: &[&str],
    ) -> Result<Vec<Option<Untrusted>>, Error> {
        let mut outcomes = Vec::new();
        for statement in statements {
            let steps = format!("BEGIN TRANSACTION READ WRITE; SET LOCAL search_path = ''; {statement} COMMIT");
            let result = self.wire.run(&steps).await;
            if result.is_err() && self.wire.is_in_transaction {
                // should this fail too, the next statement says so
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
