//! The extensions that a superuser makes in a scratch database before anything is restored into it.
//!
//! A trusted extension is left to the restore, since the owner of a database may create it. Of the others only those
//! are made that reach nothing outside of the database: no files, no programs, no other server. What needs another one
//! is not restored, and the drill names it.

use std::collections::BTreeMap;

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::ident;

/// Extensions that PostgreSQL does not call trusted, and that give an ordinary role nothing outside of the database.
///
/// <https://www.postgresql.org/docs/current/contrib.html>
const HARMLESS: &[&str] = &[
    "address_standardizer",
    "address_standardizer_data_us",
    "amcheck",
    "autoinc",
    "bloom",
    "dict_xsyn",
    "earthdistance",
    "hll",
    "hypopg",
    "insert_username",
    "intagg",
    "ip4r",
    "moddatetime",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_hint_plan",
    "pg_partman",
    "pg_prewarm",
    "pg_repack",
    "pg_stat_statements",
    "pg_visibility",
    "pgaudit",
    "pgjwt",
    "pgrouting",
    "pgrowlocks",
    "pgstattuple",
    "plpgsql_check",
    "postgis",
    "postgis_tiger_geocoder",
    "postgis_topology",
    "prefix",
    "refint",
    "rum",
    "sslinfo",
    "topn",
    "vector",
];

/// The extensions whose files the server has, and whether the owner of a database may create them.
const AVAILABLE: &str = "
    SELECT a.name, pg_catalog.bool_or(v.trusted OR NOT v.superuser)
      FROM pg_catalog.pg_available_extensions AS a
           JOIN pg_catalog.pg_available_extension_versions AS v
                ON v.name OPERATOR(pg_catalog.=) a.name AND v.version OPERATOR(pg_catalog.=) a.default_version
     GROUP BY a.name";

impl Session {
    /// Makes the harmless ones of the backup's extensions that its owner could not create, each in its schema, which
    /// belongs to `owner`. One that can't be made is left to the restore, which says why.
    pub(super) async fn make_extensions(
        &mut self,
        owner: &str,
        extensions: &[(String, Option<String>)],
    ) -> Result<(), Error> {
        const WHAT: &str = "create the extensions of a drill";
        let mut available = BTreeMap::new();
        for row in self.rows(WHAT, AVAILABLE).await? {
            let (name, is_open): (String, bool) = (self.column(&row, 0, WHAT)?, self.column(&row, 1, WHAT)?);
            available.insert(name, is_open);
        }
        for (name, schema) in extensions {
            if available.get(name) != Some(&false) || !HARMLESS.contains(&name.as_str()) {
                continue;
            }
            let place = match schema.as_deref() {
                None => String::new(),
                Some(schema) => {
                    if !["public", "pg_catalog"].contains(&schema) {
                        let make = format!(
                            "CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}",
                            ident(schema),
                            ident(owner)
                        );
                        self.change(WHAT, &make).await?;
                    }
                    format!(" SCHEMA {}", ident(schema))
                }
            };
            let make = format!("CREATE EXTENSION {}{place} CASCADE", ident(name));
            if let Err(error) = self.change(WHAT, &make).await {
                tracing::info!("the extension {name} is left to the restore: {error}");
            }
        }
        Ok(())
    }
}
