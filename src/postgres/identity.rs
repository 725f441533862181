//! Whether two URLs lead to the same database. The servers are asked, since a database can have many addresses.

use super::error::Error;
use super::session::Session;
use super::url::DatabaseUrl;

/// The number that initdb gave the cluster, which standbys and copies of its files share, and the database's oid.
///
/// <https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA>
const IDENTITY: &str = "
    SELECT s.system_identifier, d.oid FROM pg_catalog.pg_control_system() AS s CROSS JOIN pg_catalog.pg_database AS d
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

/// Whether both are the same database. If a server can't be asked, or refuses the answer, host, port and name decide.
pub async fn is_same_database(one: &DatabaseUrl, other: &DatabaseUrl) -> bool {
    match (identity(one).await, identity(other).await) {
        (Ok(one), Ok(other)) => one == other,
        _ => address(one) == address(other),
    }
}

async fn identity(url: &DatabaseUrl) -> Result<(String, u32), Error> {
    const WHAT: &str = "ask which database it is";
    let mut session = Session::connect(url).await?;
    let rows = session.rows(WHAT, IDENTITY).await?;
    let identity = (
        session.first(&rows, WHAT)?,
        session.column(rows.first().unwrap_or(&super::wire::Row::default()), 1, WHAT)?,
    );
    session.close().await;
    Ok(identity)
}

/// The part of the displayed URL after the user.
fn address(url: &DatabaseUrl) -> String {
    let shown = url.to_string();
    shown
        .rsplit_once('@')
        .map_or(shown.clone(), |(_, address)| address.to_lowercase())
}
