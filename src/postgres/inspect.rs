//! A look at a server and a database before a dump or a restore: what it is, how much, and what would be in the way.
//!
//! Each statement is read-only and a transaction of its own. Only the sizes take a lock, the weakest there is and
//! for the moment of asking; where a table is locked against that, its size is PostgreSQL's own estimate.

use super::adopted::Adopted;
use super::error::Error;
use super::imposed::Imposed;
use super::locks::LockRoom;
use super::omitted::Omitted;
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
    /// Bytes of what a dump reads: tables with their TOAST data, without indexes, and large objects. A dump's
    /// uncompressed size is of that order.
    pub table_bytes: u64,
    /// Tables, each partition being one, and partitioned ones.
    pub tables: u64,
    /// Large objects.
    pub large_objects: u64,
    /// Name and version of each extension, by name.
    pub extensions: Vec<(Untrusted, Untrusted)>,
    /// What no dump holds, because somebody has added it to an extension.
    pub adopted: Vec<Adopted>,
    /// What a dump by this role leaves out without an error.
    pub omitted: Vec<Omitted>,
    /// The locks that a dump takes, and the server's room for them.
    pub locks: LockRoom,
    /// The role that the database's own settings have put in the place of the login's, where they do.
    pub imposed: Option<Imposed>,
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
            self.user.raw().into(),
            self.database.raw().into(),
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
pub(super) const DUMPED: &str = r#"
    dumped AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relforcerowsecurity, c.reltoastrelid, c.relpages, c.relrowsecurity,
               n.oid AS schema, n.nspname, n.nspowner
          FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
           AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,S}'::pg_catalog."char"[])
           AND (EXISTS (SELECT FROM pg_catalog.pg_extension AS x WHERE c.oid OPERATOR(pg_catalog.=) ANY (x.extconfig))
                OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                                WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                                  AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.objsubid OPERATOR(pg_catalog.=) 0
                                  AND d.deptype OPERATOR(pg_catalog.=) 'e')))"#;

const SERVER: &str = "
    SELECT pg_catalog.current_setting('server_version'), pg_catalog.pg_encoding_to_char(d.encoding), r.rolsuper,
           pg_catalog.pg_is_in_recovery()
      FROM pg_catalog.pg_database AS d CROSS JOIN pg_catalog.pg_roles AS r
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND r.rolname OPERATOR(pg_catalog.=) \
         current_user";

const COUNTS: &str = "
    SELECT (SELECT pg_catalog.count(*) FROM dumped WHERE relkind OPERATOR(pg_catalog.<>) 'S'),
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata)";

/// Sizes as the files have them. A table that was just dropped has none.
const TABLE_BYTES: &str = "
    SELECT (COALESCE(pg_catalog.sum(COALESCE(pg_catalog.pg_relation_size(oid), 0) OPERATOR(pg_catalog.+)
                         COALESCE(CASE WHEN reltoastrelid OPERATOR(pg_catalog.<>) 0 THEN \
                             pg_catalog.pg_relation_size(reltoastrelid) END, 0)), 0)
            OPERATOR(pg_catalog.+) \
                pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'::pg_catalog.regclass))::pg_catalog.int8
      FROM dumped WHERE relkind OPERATOR(pg_catalog.=) 'r'";

/// Sizes as of the last VACUUM or ANALYZE.
const TABLE_BYTES_ESTIMATE: &str = "
    SELECT ((COALESCE(pg_catalog.sum(GREATEST(relpages, 0)::pg_catalog.int8 OPERATOR(pg_catalog.+)
                COALESCE((SELECT GREATEST(t.relpages, 0) FROM pg_catalog.pg_class AS t WHERE t.oid \
                    OPERATOR(pg_catalog.=) reltoastrelid), 0)), 0)
             OPERATOR(pg_catalog.+)
             (SELECT GREATEST(l.relpages, 0) FROM pg_catalog.pg_class AS l
               WHERE l.oid OPERATOR(pg_catalog.=) 'pg_catalog.pg_largeobject'::pg_catalog.regclass))
            OPERATOR(pg_catalog.*) pg_catalog.current_setting('block_size')::pg_catalog.int8)::pg_catalog.int8
      FROM dumped WHERE relkind OPERATOR(pg_catalog.=) 'r'";

const EXTENSIONS: &str = "SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY extname";

/// Nothing, where a provider has taken the right to look from everybody: a backup doesn't need it.
pub(super) fn unless_refused<T: Default>(looked: Result<T, Error>) -> Result<T, Error> {
    match looked {
        Err(Error::Query { code, .. }) if code == "42501" => Ok(T::default()),
        looked => looked,
    }
}

impl Session {
    /// Looks at server, database and role.
    pub async fn inspect(&mut self) -> Result<Inspection, Error> {
        const WHAT: &str = "look at the server";
        let rows = self.rows(WHAT, SERVER).await?;
        let server_version: String = self.first(&rows, WHAT)?;
        let row = &rows[0];
        let is_superuser = self.column(row, 2, WHAT)?;
        let (tables, large_objects) = self.counts().await?;
        let imposed = self.imposed_role().await?;
        Ok(Inspection {
            server_version: server_version.into(),
            server_major: self.server_major(),
            database: self.database().into(),
            encoding: self.column::<String>(row, 1, WHAT)?.into(),
            user: self.user().into(),
            is_superuser,
            in_recovery: self.column(row, 3, WHAT)?,
            encrypted: self.wire.is_encrypted,
            table_bytes: self.table_bytes().await?,
            tables,
            large_objects,
            extensions: self.extensions().await?,
            adopted: self.adopted().await?,
            omitted: unless_refused(self.omitted().await)?,
            locks: unless_refused(self.lock_room().await)?,
            obstacles: match is_superuser {
                true => Vec::new(),
                false => preflight::obstacles(self, imposed.as_ref()).await?,
            },
            imposed,
        })
    }

    async fn counts(&mut self) -> Result<(u64, u64), Error> {
        const WHAT: &str = "count tables";
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {COUNTS}")).await?;
        Ok((self.first(&rows, WHAT)?, self.column(&rows[0], 1, WHAT)?))
    }

    /// Exact unless a table is locked against reading, when the wait for it runs into the session's `lock_timeout`.
    async fn table_bytes(&mut self) -> Result<u64, Error> {
        const WHAT: &str = "ask for the tables' sizes";
        match self.number(WHAT, &format!("WITH {DUMPED} {TABLE_BYTES}")).await {
            Err(Error::Query { .. }) => {
                self.number(WHAT, &format!("WITH {DUMPED} {TABLE_BYTES_ESTIMATE}"))
                    .await
            }
            result => result,
        }
    }

    async fn extensions(&mut self) -> Result<Vec<(Untrusted, Untrusted)>, Error> {
        const WHAT: &str = "list extensions";
        let rows = self.rows(WHAT, EXTENSIONS).await?;
        let text = |row, column| self.column::<String>(row, column, WHAT).map(Untrusted::from);
        let extension = |row| Ok((text(row, 0)?, text(row, 1)?));
        rows.iter().map(extension).collect()
    }
}
