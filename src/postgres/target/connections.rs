//! How many more connections the target takes.

use crate::postgres::error::Error;
use crate::postgres::session::Session;

/// The limits of the server, of the role that logs in and of the database, each with what is used of it. The last two
/// don't bind superusers. Slots that are reserved for other roles count as used.
const CONNECTIONS: &str = "
    SELECT pg_catalog.current_setting('max_connections'),
           COALESCE(pg_catalog.current_setting('superuser_reserved_connections', true), '0'),
           COALESCE(pg_catalog.current_setting('reserved_connections', true), '0'),
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
             WHERE a.backend_type OPERATOR(pg_catalog.=) 'client backend'),
           r.rolsuper, r.rolconnlimit,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
             WHERE a.usesysid OPERATOR(pg_catalog.=) r.oid
               AND a.backend_type OPERATOR(pg_catalog.=) 'client backend'),
           d.datconnlimit,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
             WHERE a.datid OPERATOR(pg_catalog.=) d.oid
               AND a.backend_type OPERATOR(pg_catalog.=) 'client backend')
      FROM pg_catalog.pg_roles AS r, pg_catalog.pg_database AS d
     WHERE r.rolname OPERATOR(pg_catalog.=) session_user AND d.datname OPERATOR(pg_catalog.=) \
         pg_catalog.current_database()";

/// How many more connections the target takes, and what limits them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRoom {
    /// Connections beside this session's own one.
    pub free: u64,
    /// The limit that is reached first, such as `max_connections = 100`.
    pub limit: String,
}

impl Session {
    /// How many more connections the target takes now. Others may take them before they are used.
    ///
    /// # Errors
    /// A failed query.
    pub async fn connection_room(&mut self) -> Result<ConnectionRoom, Error> {
        const WHAT: &str = "ask how many connections are free";
        let rows = self.rows(WHAT, CONNECTIONS).await?;
        let row = rows.first().cloned().unwrap_or_default();
        let number = |at: usize| self.column::<i64>(&row, at, WHAT);
        let is_superuser: bool = self.column(&row, 4, WHAT)?;
        let reserved = if is_superuser { 0 } else { number(1)? + number(2)? };
        let mut limits = vec![(
            number(0)? - reserved - number(3)?,
            format!("max_connections = {}", number(0)?),
        )];
        for (limit, used, of) in [
            (number(5)?, number(6)?, "the role's connection limit"),
            (number(7)?, number(8)?, "the database's connection limit"),
        ] {
            if limit >= 0 && !is_superuser {
                limits.push((limit - used, format!("{of}, {limit}")));
            }
        }
        let least = limits.into_iter().min_by_key(|(free, _)| *free);
        let (free, limit) = least.unwrap_or_default();
        Ok(ConnectionRoom {
            free: u64::try_from(free).unwrap_or(0),
            limit,
        })
    }
}
