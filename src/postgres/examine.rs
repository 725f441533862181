//! A closer look than a run takes before it begins: what may go wrong some other day.

use super::error::Error;
use super::inspect::DUMPED;
use super::session::Session;

/// What a person should know of a server, a role and a connection.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Connections that this role can still open, as far as it is told.
    pub connections_left: i64,
    /// On a standby: what happens to a dump that stands in the way of replay.
    pub standby: Option<Standby>,
    /// Roles that own what is dumped and whose next object this role could not read, with the statements that mend it.
    pub unprepared: Vec<Unprepared>,
    /// Large objects that this role doesn't own, where those to come will have no right for it.
    pub strangers_large_objects: u64,
}

/// A standby's settings about conflicts between reading and replay.
///
/// <https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standby {
    /// `max_standby_streaming_delay` as the server writes it: `30s`, `-1`.
    pub streaming_delay: String,
    /// `hot_standby_feedback`.
    pub feedback: bool,
}

/// A role that owns objects and has not said who may read its next ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprepared {
    /// The owner, quoted as SQL needs it.
    pub owner: String,
    /// What mends it.
    pub grants: Vec<String>,
}

/// `pg_stat_database` is for everybody to see, and so are the ids in `pg_stat_activity`.
///
/// Where a limit is -1 there is none.
const CONNECTIONS: &str = "
    SELECT least(
             current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
               - (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database),
             (SELECT CASE WHEN d.datconnlimit < 0 THEN NULL ELSE d.datconnlimit - s.numbackends END
                FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database()),
             (SELECT CASE WHEN r.rolconnlimit < 0 THEN NULL
                          ELSE r.rolconnlimit - (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid) END
                FROM pg_roles r WHERE r.rolname = current_user))::int8";

const STANDBY: &str = "SELECT current_setting('max_standby_streaming_delay'), current_setting('hot_standby_feedback') = 'on'";

/// Whether an owner's default privileges let this role read its next tables and sequences: in general, or in each
/// schema in which it has some. `r` and `S` are what `pg_default_acl` calls them.
const UNPREPARED: &str = "
    , owners AS (SELECT DISTINCT relowner, schema FROM dumped WHERE NOT pg_has_role(relowner, 'USAGE')),
      readable AS (
        SELECT a.defaclrole, a.defaclnamespace, a.defaclobjtype
          FROM pg_default_acl a, aclexplode(a.defaclacl) e
         WHERE e.privilege_type = 'SELECT' AND (e.grantee = 0 OR pg_has_role(e.grantee, 'USAGE'))),
      missing AS (
        SELECT DISTINCT o.relowner, k.kind
          FROM owners o, (VALUES ('r'::\"char\"), ('S'::\"char\")) AS k (kind)
         WHERE NOT EXISTS (SELECT FROM readable r WHERE r.defaclrole = o.relowner AND r.defaclobjtype = k.kind
                                                    AND r.defaclnamespace IN (0, o.schema)))
    SELECT quote_ident(pg_get_userbyid(relowner)),
           format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT SELECT ON %s TO %I;', pg_get_userbyid(relowner),
                  CASE kind WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END, current_user)
      FROM missing
     ORDER BY 1, kind DESC";

/// A member of `pg_read_all_data` reads what is to come as well; there is none before 14.
const READS_ALL: &str = "
    SELECT r.rolsuper OR EXISTS (SELECT FROM pg_roles a WHERE a.rolname = 'pg_read_all_data' AND pg_has_role(a.oid, 'USAGE'))
      FROM pg_roles r WHERE r.rolname = current_user";

const STRANGERS_LARGE_OBJECTS: &str = "
    SELECT count(*) FROM pg_largeobject_metadata WHERE NOT pg_has_role(lomowner, 'USAGE')";

impl Session {
    /// Looks closer than [`Session::inspect`].
    pub async fn examine(&mut self) -> Result<Examination, Error> {
        const WHAT: &str = "count connections";
        let rows = self.rows(WHAT, CONNECTIONS).await?;
        Ok(Examination {
            connections_left: self.first(&rows, WHAT)?,
            standby: self.standby().await?,
            unprepared: self.unprepared().await?,
            strangers_large_objects: self
                .number("count large objects", STRANGERS_LARGE_OBJECTS)
                .await?,
        })
    }

    /// Whether another connection of the same role is served by the very server process that serves this one: then a pooler
    /// stands between that hands processes from one to the other, and neither locks nor settings hold.
    ///
    /// What each sees is its own process; two at a time that are the same can be nothing else.
    pub async fn shares_its_process(&mut self, other: &mut Self) -> Result<bool, Error> {
        const WHAT: &str = "look for a pooler";
        let own = self.backend;
        // The process stays with a transaction: what the other has in one, this one is not given meanwhile.
        other.rows(WHAT, "BEGIN").await?;
        let rows = other
            .rows(WHAT, "SELECT pg_catalog.pg_backend_pid()")
            .await?;
        let theirs: i32 = other.first(&rows, WHAT)?;
        let moved = match self.check().await {
            Ok(()) => false,
            Err(Error::Lost { .. }) => true,
            Err(error) => return Err(error),
        };
        other.rows(WHAT, "ROLLBACK").await?;
        Ok(theirs == own || moved)
    }

    async fn standby(&mut self) -> Result<Option<Standby>, Error> {
        const WHAT: &str = "look at the standby's settings";
        let rows = self.rows(WHAT, "SELECT pg_is_in_recovery()").await?;
        if !self.first::<bool>(&rows, WHAT)? {
            return Ok(None);
        }
        let rows = self.rows(WHAT, STANDBY).await?;
        Ok(Some(Standby {
            streaming_delay: self.first(&rows, WHAT)?,
            feedback: self.column(&rows[0], 1, WHAT)?,
        }))
    }

    async fn unprepared(&mut self) -> Result<Vec<Unprepared>, Error> {
        const WHAT: &str = "look for default privileges";
        let rows = self.rows(WHAT, READS_ALL).await?;
        if self.first::<bool>(&rows, WHAT)? {
            return Ok(Vec::new());
        }
        let rows = self
            .rows(WHAT, &format!("WITH {DUMPED} {UNPREPARED}"))
            .await?;
        let mut unprepared: Vec<Unprepared> = Vec::new();
        for row in &rows {
            let (owner, grant): (String, String) =
                (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            match unprepared.last_mut().filter(|last| last.owner == owner) {
                Some(last) => last.grants.push(grant),
                None => unprepared.push(Unprepared {
                    owner,
                    grants: vec![grant],
                }),
            }
        }
        Ok(unprepared)
    }
}
