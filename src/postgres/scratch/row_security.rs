//! Tables of a scratch database that hide rows from their own owner.
//!
//! `FORCE ROW LEVEL SECURITY` applies a table's policies to its owner too. A role that may not bypass them can restore
//! such a table, and can't dump it again.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::relation;

/// The role's own tables whose policies apply to it.
const FORCED: &str = "
    SELECT n.nspname, c.relname
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.relrowsecurity AND c.relforcerowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                        WHERE r.rolname OPERATOR(pg_catalog.=) current_user AND (r.rolsuper OR r.rolbypassrls))";

impl Session {
    /// Tables of this role whose policies apply to it, quoted for SQL.
    pub async fn tables_with_forced_policies(&mut self) -> Result<Vec<String>, Error> {
        const WHAT: &str = "look for row level security";
        let rows = self.rows(WHAT, FORCED).await?;
        let name = |row| {
            let (schema, name): (String, String) = (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            Ok(relation(&schema, &name))
        };
        rows.iter().map(name).collect()
    }

    /// Frees the owner of these tables from their policies.
    pub async fn lift_forced_policies(&mut self, tables: &[String]) -> Result<(), Error> {
        for table in tables {
            let lift = format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY");
            self.change("read back what was restored", &lift).await?;
        }
        Ok(())
    }
}
