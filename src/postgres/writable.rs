//! Settings of a database that affect every session and would prevent a restore: another role than the login's, and
//! read-only transactions.

use super::error::Error;
use super::role_override::RoleOverride;
use super::session::Session;

/// Whether a setting of the database, for all logins, has set the current role. A setting of the login itself, or one
/// in the URL, has precedence.
const ROLE: &str = "
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_db_role_setting AS s
               JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
               CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
         WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND s.setrole OPERATOR(pg_catalog.=) 0
           AND c.setting OPERATOR(pg_catalog.=) pg_catalog.concat('role=', current_user))";

const READ_ONLY: &str = "
    SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'standby' ELSE \
        pg_catalog.current_setting('default_transaction_read_only') END";

impl Session {
    /// The role that the database's settings have set instead of this login's, if they do. A database's owner can set
    /// his own role for every session this way, and would own what it restores.
    pub async fn role_override(&mut self) -> Result<Option<RoleOverride>, Error> {
        const WHAT: &str = "look at the database's settings";
        if self.user() == self.login() || self.asks_for("role") {
            return Ok(None);
        }
        let rows = self.rows(WHAT, ROLE).await?;
        let is_imposed: bool = self.first(&rows, WHAT)?;
        Ok(is_imposed.then(|| RoleOverride {
            database: self.database().into(),
            login: self.login().into(),
            role: self.user().into(),
        }))
    }

    /// An error if a restore can't write to the database, or if another role would own what it writes.
    pub async fn check_writable(&mut self) -> Result<(), Error> {
        if let Some(role_override) = self.role_override().await? {
            return Err(Error::RoleOverridden(Box::new(role_override)));
        }
        const WHAT: &str = "ask whether the database is writable";
        let rows = self.rows(WHAT, READ_ONLY).await?;
        let database = self.database().into();
        match self.first::<String>(&rows, WHAT)?.as_str() {
            "standby" => Err(Error::TargetStandby { database }),
            "on" => Err(Error::TargetReadOnly { database }),
            _ => Ok(()),
        }
    }
}
