//! Whether two URLs lead to the same database. The servers are asked, since a database can have many addresses.

use std::fmt;

use super::error::{Error, unless_refused};
use super::session::Session;
use super::url::DatabaseUrl;

/// Which database of which cluster: the number that initdb gave the cluster, which standbys and copies of its files
/// share, and the database's oid.
///
/// <https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDatabase {
    /// The cluster's system identifier.
    cluster: String,
    /// The database's oid.
    database: u32,
}

impl fmt::Display for ClusterDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.database)
    }
}

impl ClusterDatabase {
    /// Whether the database of this text, which is another identity as it is displayed, is of another cluster.
    #[must_use]
    pub fn is_of_other_cluster(&self, displayed: &str) -> bool {
        displayed.split('/').next() != Some(self.cluster.as_str())
    }
}

const IDENTITY: &str = "
    SELECT s.system_identifier, d.oid FROM pg_catalog.pg_control_system() AS s CROSS JOIN pg_catalog.pg_database AS d
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

/// Whether both are the same database. If a server can't be asked, or refuses the answer, host, port and name decide.
pub async fn is_same_database(one: &DatabaseUrl, other: &DatabaseUrl) -> bool {
    match (asked(one).await, asked(other).await) {
        (Ok(Some(one)), Ok(Some(other))) => one == other,
        _ => has_same_address(one, other),
    }
}

async fn asked(url: &DatabaseUrl) -> Result<Option<ClusterDatabase>, Error> {
    let mut session = Session::connect(url).await?;
    let identity = session.identity().await;
    session.close().await;
    identity
}

impl Session {
    /// The identity of this database; `None` if the server refuses to tell it.
    pub async fn identity(&mut self) -> Result<Option<ClusterDatabase>, Error> {
        const WHAT: &str = "ask which database it is";
        let rows = unless_refused(self.rows(WHAT, IDENTITY).await)?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(ClusterDatabase {
            cluster: self.column(row, 0, WHAT)?,
            database: self.column(row, 1, WHAT)?,
        }))
    }
}

/// Whether host, port and name of both URLs are the same text.
pub(super) fn has_same_address(one: &DatabaseUrl, other: &DatabaseUrl) -> bool {
    address(one) == address(other)
}

/// The part of the displayed URL after the user.
fn address(url: &DatabaseUrl) -> String {
    let shown = url.to_string();
    shown
        .rsplit_once('@')
        .map_or(shown.clone(), |(_, address)| address.to_lowercase())
}
