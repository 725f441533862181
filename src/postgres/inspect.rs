//! A look at a server and a database before a dump or a restore: what it is, how much, and what would be in the way.
//!
//! Each statement is read-only and a transaction of its own. Only the sizes take a lock, the weakest there is and
//! for the moment of asking; where a table is locked against that, its size is PostgreSQL's own estimate.

use super::error::Error;
use super::preflight::{self, Obstacle};
use super::session::Session;
use crate::text::Untrusted;

/// What a database is.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The server's version in its own words: `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: Untrusted,
    /// Its major version: 15.
    pub server_major: u32,
    /// The database's name.
    pub database: Untrusted,
    /// The database's encoding: `UTF8`.
    pub encoding: Untrusted,
    /// The role that is logged in.
    pub user: Untrusted,
    /// Whether that role is a superuser.
    pub is_superuser: bool,
    /// Whether the server is a standby.
    pub in_recovery: bool,
    /// Whether this connection is encrypted.
    pub encrypted: bool,
    /// Bytes of the whole database, with indexes and catalogs, if the role may know.
    pub size_bytes: Option<u64>,
    /// Bytes of what a dump reads: tables with their TOAST data, without indexes, and large objects. A dump's
    /// uncompressed size is of that order.
    pub table_bytes: u64,
    /// Tables, each partition being one, and partitioned ones.
    pub tables: u64,
    /// Large objects.
    pub large_objects: u64,
    /// Name and version of each extension, by name.
    pub extensions: Vec<(Untrusted, Untrusted)>,
    /// What would make a dump by this role fail; empty if nothing would.
    pub obstacles: Vec<Obstacle>,
}

impl Inspection {
    /// An error that names every obstacle, if there is one.
    pub fn check(&self) -> Result<(), Error> {
        if self.obstacles.is_empty() {
            return Ok(());
        }
        let (user, database, obstacles) = (
            self.user.to_string(),
            self.database.to_string(),
            self.obstacles.clone(),
        );
        Err(Error::Obstacles {
            user,
            database,
            obstacles,
        })
    }
}

/// The relations that `pg_dump` dumps the data of, or locks: it leaves out system and temporary schemas, and what
/// belongs to an extension unless the extension says that it's configuration.
///
/// <https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES>
pub(super) const DUMPED: &str = "
    dumped AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relforcerowsecurity, c.reltoastrelid, c.relpages, n.oid AS schema, n.nspname
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND c.relkind IN ('r', 'p', 'S')
           AND (EXISTS (SELECT FROM pg_extension x WHERE c.oid = ANY (x.extconfig))
                OR NOT EXISTS (SELECT FROM pg_depend d
                                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')))";

const SERVER: &str = "
    SELECT current_setting('server_version'), d.datname::text,
           pg_encoding_to_char(d.encoding)::text, r.rolname::text, r.rolsuper, pg_is_in_recovery(),
           coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false)
      FROM pg_database d, pg_roles r
     WHERE d.datname = current_database() AND r.rolname = current_user";

const COUNTS: &str = "
    SELECT (SELECT count(*) FROM dumped WHERE relkind IN ('r', 'p')), (SELECT count(*) FROM pg_largeobject_metadata)";

/// Sizes as the files have them. A table that was just dropped has none.
const TABLE_BYTES: &str = "
    SELECT (coalesce(sum(coalesce(pg_relation_size(oid), 0) + coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0)), 0)
            + pg_relation_size('pg_largeobject'::regclass))::int8
      FROM dumped WHERE relkind = 'r'";

/// Sizes as of the last VACUUM or ANALYZE.
const TABLE_BYTES_ESTIMATE: &str = "
    SELECT ((coalesce(sum(greatest(relpages, 0)::int8 + coalesce((SELECT greatest(t.relpages, 0) FROM pg_class t WHERE t.oid = reltoastrelid), 0)), 0)
             + (SELECT greatest(l.relpages, 0) FROM pg_class l WHERE l.oid = 'pg_largeobject'::regclass))
            * current_setting('block_size')::int8)::int8
      FROM dumped WHERE relkind = 'r'";

impl Session {
    /// Looks at server, database and role.
    pub async fn inspect(&mut self) -> Result<Inspection, Error> {
        const WHAT: &str = "look at the server";
        let rows = self.rows(WHAT, SERVER).await?;
        let server_version: String = self.first(&rows, WHAT)?;
        let row = &rows[0];
        let name = |column| {
            self.column::<String>(row, column, WHAT)
                .map(Untrusted::from)
        };
        let server_major = self.server_major();
        let (database, encoding, user) = (name(1)?, name(2)?, name(3)?);
        let is_superuser = self.column(row, 4, WHAT)?;
        let (tables, large_objects) = self.counts().await?;
        Ok(Inspection {
            server_version: server_version.into(),
            server_major,
            database,
            encoding,
            user,
            is_superuser,
            in_recovery: self.column(row, 5, WHAT)?,
            encrypted: self.column(row, 6, WHAT)?,
            size_bytes: self
                .number(
                    "ask for the database's size",
                    "SELECT pg_database_size(current_database())",
                )
                .await
                .ok(),
            table_bytes: self.table_bytes().await?,
            tables,
            large_objects,
            extensions: self.extensions().await?,
            obstacles: if is_superuser {
                Vec::new()
            } else {
                preflight::obstacles(self, server_major).await?
            },
        })
    }

    async fn counts(&mut self) -> Result<(u64, u64), Error> {
        const WHAT: &str = "count tables";
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {COUNTS}")).await?;
        let tables: i64 = self.first(&rows, WHAT)?;
        let large_objects: i64 = self.column(&rows[0], 1, WHAT)?;
        Ok((tables.unsigned_abs(), large_objects.unsigned_abs()))
    }

    /// Exact unless a table is locked against reading, when the wait for it runs into the session's `lock_timeout`.
    async fn table_bytes(&mut self) -> Result<u64, Error> {
        const WHAT: &str = "ask for the tables' sizes";
        match self
            .number(WHAT, &format!("WITH {DUMPED} {TABLE_BYTES}"))
            .await
        {
            Err(Error::Query { .. }) => {
                self.number(WHAT, &format!("WITH {DUMPED} {TABLE_BYTES_ESTIMATE}"))
                    .await
            }
            result => result,
        }
    }

    async fn extensions(&mut self) -> Result<Vec<(Untrusted, Untrusted)>, Error> {
        const WHAT: &str = "list extensions";
        let rows = self
            .rows(
                WHAT,
                "SELECT extname::text, extversion FROM pg_extension ORDER BY extname",
            )
            .await?;
        let text = |row, column| {
            self.column::<String>(row, column, WHAT)
                .map(Untrusted::from)
        };
        let extension = |row| Ok((text(row, 0)?, text(row, 1)?));
        rows.iter().map(extension).collect()
    }
}
