//! Checks that go further than those of a run: what may go wrong later.

use super::dumped::DUMPED;
use super::error::Error;
use super::locks::Blocker;
use super::reader::default_grant;
use super::session::Session;
use super::settings::{Direction, SessionSettings};
use super::sql::{ident, shown};
use crate::text::Untrusted;

/// What the user should know about a server, a role and a connection.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The number of connections that this role can still open, as far as known. This session's counts as free, since
    /// it ends before a run begins.
    pub connections_left: i64,
    /// The sessions that now prevent others from reading a table.
    pub blockers: Vec<Blocker>,
    /// The settings for a dump, and those that can't be overridden.
    pub settings: SessionSettings,
    /// On a standby: what happens to a dump that conflicts with replay.
    pub standby: Option<Standby>,
    /// Roles that own dumped objects and whose future objects this role could not read, with the statements that grant
    /// the right.
    pub missing_default_grants: Vec<MissingDefaultGrants>,
    /// The number of large objects that this role doesn't own, if it will have no right to read future ones.
    pub others_large_objects: u64,
}

/// A standby's settings for conflicts between queries and replay.
///
/// <https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standby {
    /// `max_standby_streaming_delay` as the server shows it, such as `30s` or `-1`.
    pub streaming_delay: String,
    /// `hot_standby_feedback`.
    pub feedback: bool,
}

/// A role that owns objects and has no default privileges that let this role read future ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingDefaultGrants {
    /// The owner's name, as shown to people.
    pub owner: Untrusted,
    /// The statements that grant the right.
    pub grants: Vec<String>,
}

/// Every role can read `pg_stat_database`, and the ids in `pg_stat_activity`. A limit of -1 means none, and limits of
/// roles and databases don't apply to a superuser. This session is counted everywhere, and ends before a run begins; so
/// 1 is added.
///
/// <https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-RESERVED-CONNECTIONS>
const CONNECTIONS: &str = "
    SELECT 1 OPERATOR(pg_catalog.+) LEAST(
             pg_catalog.current_setting('max_connections')::pg_catalog.int8
               OPERATOR(pg_catalog.-) CASE WHEN r.rolsuper THEN 0 ELSE RESERVED END
               OPERATOR(pg_catalog.-) (SELECT COALESCE(pg_catalog.sum(s.numbackends), 0) FROM \
                   pg_catalog.pg_stat_database AS s),
             (SELECT CASE WHEN d.datconnlimit OPERATOR(pg_catalog.<) 0 OR r.rolsuper THEN NULL ELSE d.datconnlimit \
                 OPERATOR(pg_catalog.-) s.numbackends END
                FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_stat_database AS s ON s.datid \
                    OPERATOR(pg_catalog.=) d.oid
               WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()),
             CASE WHEN r.rolconnlimit OPERATOR(pg_catalog.<) 0 OR r.rolsuper THEN NULL
                  ELSE r.rolconnlimit OPERATOR(pg_catalog.-)
                       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.usesysid \
                           OPERATOR(pg_catalog.=) r.oid) END)::pg_catalog.int8
      FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) session_user";

/// Connections that are reserved for others: since 16 some are reserved for members of a role.
const RESERVED: &str = "pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8";
const RESERVED_16: &str = "
    (pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8
       OPERATOR(pg_catalog.+) CASE WHEN pg_catalog.pg_has_role(r.oid, 'pg_use_reserved_connections', 'USAGE') THEN 0
                                   ELSE pg_catalog.current_setting('reserved_connections')::pg_catalog.int8 END)";

const STANDBY: &str = "
    SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('max_standby_streaming_delay'),
           pg_catalog.current_setting('hot_standby_feedback')";

/// Whether an owner's default privileges let this role read future tables and sequences: in general, or in each schema
/// in which the owner has some. `r` and `S` are the letters of `pg_default_acl`.
const UNPREPARED: &str = r#"
    , owners AS (SELECT DISTINCT relowner, schema FROM dumped WHERE NOT pg_catalog.pg_has_role(relowner, 'USAGE')),
      readable AS (
        SELECT a.defaclrole, a.defaclnamespace, a.defaclobjtype
          FROM pg_catalog.pg_default_acl AS a CROSS JOIN LATERAL pg_catalog.aclexplode(a.defaclacl) AS e
         WHERE e.privilege_type OPERATOR(pg_catalog.=) 'SELECT'
           AND (e.grantee OPERATOR(pg_catalog.=) 0 OR pg_catalog.pg_has_role(e.grantee, 'USAGE'))),
      missing AS (
        SELECT DISTINCT o.relowner, k.kind
          FROM owners AS o CROSS JOIN (VALUES ('r'::pg_catalog."char"), ('S'::pg_catalog."char")) AS k (kind)
         WHERE NOT EXISTS (SELECT FROM readable AS r
                            WHERE r.defaclrole OPERATOR(pg_catalog.=) o.relowner AND r.defaclobjtype OPERATOR(pg_catalog.=) k.kind
                              AND (r.defaclnamespace OPERATOR(pg_catalog.=) 0 OR r.defaclnamespace OPERATOR(pg_catalog.=) o.schema)))
    SELECT pg_catalog.pg_get_userbyid(relowner), kind, relowner FROM missing ORDER BY 1, kind DESC"#;

/// A member of `pg_read_all_data` can also read future objects. The role exists since 14.
const READS_ALL: &str = "
    SELECT r.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles AS a WHERE a.rolname OPERATOR(pg_catalog.=) \
        'pg_read_all_data'
                                                                   AND pg_catalog.pg_has_role(a.oid, 'USAGE'))
      FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user";

const OTHERS_LARGE_OBJECTS: &str = "
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata WHERE NOT pg_catalog.pg_has_role(lomowner, \
        'USAGE')";

impl Session {
    /// Checks more than [`Session::inspect`] does.
    pub async fn examine(&mut self) -> Result<Examination, Error> {
        const WHAT: &str = "count connections";
        let reserved = if self.server_major() >= 16 {
            RESERVED_16
        } else {
            RESERVED
        };
        let sql = CONNECTIONS.replace("RESERVED", reserved);
        let rows = self.rows(WHAT, &sql).await?;
        Ok(Examination {
            connections_left: self.first(&rows, WHAT)?,
            blockers: self.blockers().await?,
            settings: self.settings(Direction::Dump).await?,
            standby: self.standby().await?,
            missing_default_grants: self.missing_default_grants().await?,
            others_large_objects: self.number("count large objects", OTHERS_LARGE_OBJECTS).await?,
        })
    }

    async fn standby(&mut self) -> Result<Option<Standby>, Error> {
        const WHAT: &str = "look at the standby's settings";
        let rows = self.rows(WHAT, STANDBY).await?;
        if !self.first::<bool>(&rows, WHAT)? {
            return Ok(None);
        }
        Ok(Some(Standby {
            streaming_delay: self.column(&rows[0], 1, WHAT)?,
            feedback: self.column::<String>(&rows[0], 2, WHAT)? == "on",
        }))
    }

    async fn missing_default_grants(&mut self) -> Result<Vec<MissingDefaultGrants>, Error> {
        const WHAT: &str = "look for default privileges";
        if self.role_override().await?.is_some() {
            return Ok(Vec::new());
        }
        let rows = self.rows(WHAT, READS_ALL).await?;
        if self.first::<bool>(&rows, WHAT)? {
            return Ok(Vec::new());
        }
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {UNPREPARED}")).await?;
        let mut missing_default_grants: Vec<MissingDefaultGrants> = Vec::new();
        for row in &rows {
            let (owner, kind): (String, String) = (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            let what = match kind.as_str() {
                "r" => "SELECT ON TABLES",
                _ => "SELECT ON SEQUENCES",
            };
            let number: String = self.column(row, 2, WHAT)?;
            let number = (!self.can_write(&owner)).then_some(number.as_str());
            let grant = default_grant(&owner, number, what, &ident(self.user()));
            let owner = Untrusted::from(shown(&owner));
            match missing_default_grants.last_mut().filter(|last| last.owner == owner) {
                Some(last) => last.grants.push(grant),
                None => missing_default_grants.push(MissingDefaultGrants {
                    owner,
                    grants: vec![grant],
                }),
            }
        }
        Ok(missing_default_grants)
    }
}
