//! Inspects a server and a database before a dump or a restore: versions, sizes, and what would make it fail.
//!
//! Each statement is read-only and its own transaction. Only the sizes take a lock, the weakest and only for that
//! statement. If a table is locked against that, its size is PostgreSQL's own estimate.

use super::collation::CollationInUse;
use super::dumped::DUMPED;
use super::error::{Error, unless_refused};
use super::extension_members::AddedMembers;
use super::identity::ClusterDatabase;
use super::locks::LockCapacity;
use super::obstacle::Obstacle;
use super::omitted::Omitted;
use super::preflight;
use super::role_override::RoleOverride;
use super::session::Session;
use crate::text::Untrusted;

/// The facts about a server and a database.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The server's version in its own words, such as `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: Untrusted,
    /// The server's major version, such as 15.
    pub server_major: u32,
    /// The database's name.
    pub database: Untrusted,
    /// Which database of which cluster it is, if the server tells.
    pub identity: Option<ClusterDatabase>,
    /// The database's encoding, such as `UTF8`.
    pub encoding: Untrusted,
    /// The collation of the database; none from a server that doesn't say its version.
    pub collation: Option<CollationInUse>,
    /// The current role.
    pub user: Untrusted,
    /// Whether that role is a superuser.
    pub is_superuser: bool,
    /// Whether the server is a standby.
    pub in_recovery: bool,
    /// Whether this connection is encrypted.
    pub encrypted: bool,
    /// The size in bytes of what a dump reads: tables with their TOAST data, without indexes, and large objects. About
    /// the uncompressed size of a dump.
    pub table_bytes: u64,
    /// The number of tables; each partition and each partitioned table counts.
    pub tables: u64,
    /// The number of large objects.
    pub large_objects: u64,
    /// The name and version of each extension, ordered by name.
    pub extensions: Vec<(Untrusted, Untrusted)>,
    /// Objects that no dump contains, because they were added to an extension.
    pub added_members: Vec<AddedMembers>,
    /// Objects that a dump by this role leaves out without an error.
    pub omitted: Vec<Omitted>,
    /// The locks that a dump takes, and the server's capacity for locks.
    pub locks: LockCapacity,
    /// The role that the database's settings have set instead of the login's, if they do.
    pub role_override: Option<RoleOverride>,
    /// What would make a dump by this role fail; empty if nothing would.
    pub obstacles: Vec<Obstacle>,
}

impl Inspection {
    /// Whether a dump would have no rows to hold, now and later.
    pub fn is_empty(&self) -> bool {
        self.tables == 0 && self.large_objects == 0
    }

    /// That in words.
    pub fn nothing_in_it(&self) -> String {
        format!("database {} has no table and no large object", self.database)
    }

    /// [`Error::Obstacles`] with every obstacle, if there is one.
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

const SERVER: &str = "
    SELECT pg_catalog.current_setting('server_version'), pg_catalog.pg_encoding_to_char(d.encoding), r.rolsuper,
           pg_catalog.pg_is_in_recovery()
      FROM pg_catalog.pg_database AS d CROSS JOIN pg_catalog.pg_roles AS r
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND r.rolname OPERATOR(pg_catalog.=) \
         current_user";

const COUNTS: &str = "
    SELECT (SELECT pg_catalog.count(*) FROM dumped WHERE relkind OPERATOR(pg_catalog.<>) 'S'),
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata)";

/// Sizes of the files. A table that was just dropped has none.
const TABLE_BYTES: &str = "
    SELECT (COALESCE(pg_catalog.sum(COALESCE(pg_catalog.pg_relation_size(oid), 0) OPERATOR(pg_catalog.+)
                         COALESCE(CASE WHEN reltoastrelid OPERATOR(pg_catalog.<>) 0 THEN \
                             pg_catalog.pg_relation_size(reltoastrelid) END, 0)), 0)
            OPERATOR(pg_catalog.+) \
                pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'::pg_catalog.regclass))::pg_catalog.int8
      FROM dumped WHERE relkind OPERATOR(pg_catalog.=) 'r'";

/// Sizes at the last VACUUM or ANALYZE.
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

impl Session {
    /// Reads the facts about server, database and role.
    pub async fn inspect(&mut self) -> Result<Inspection, Error> {
        const WHAT: &str = "look at the server";
        let rows = self.rows(WHAT, SERVER).await?;
        let server_version: String = self.first(&rows, WHAT)?;
        let row = &rows[0];
        let is_superuser = self.column(row, 2, WHAT)?;
        let (tables, large_objects) = self.counts().await?;
        let role_override = self.role_override().await?;
        Ok(Inspection {
            server_version: server_version.into(),
            server_major: self.server_major(),
            database: self.database().into(),
            identity: self.identity().await?,
            encoding: self.column::<String>(row, 1, WHAT)?.into(),
            collation: self.collation().await?,
            user: self.user().into(),
            is_superuser,
            in_recovery: self.column(row, 3, WHAT)?,
            encrypted: self.wire.is_encrypted,
            table_bytes: self.table_bytes().await?,
            tables,
            large_objects,
            extensions: self.extensions().await?,
            added_members: self.added_members().await?,
            omitted: unless_refused(self.omitted().await)?,
            locks: unless_refused(self.lock_capacity().await)?,
            obstacles: match is_superuser {
                true => Vec::new(),
                false => preflight::obstacles(self, role_override.as_ref()).await?,
            },
            role_override,
        })
    }

    async fn counts(&mut self) -> Result<(u64, u64), Error> {
        const WHAT: &str = "count tables";
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {COUNTS}")).await?;
        Ok((self.first(&rows, WHAT)?, self.column(&rows[0], 1, WHAT)?))
    }

    /// Exact, unless a table is locked against reading: then the session's `lock_timeout` ends the wait, and the
    /// estimate is used.
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
