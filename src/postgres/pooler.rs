//! Detects a pooler that assigns a server process to each transaction. The lock and the snapshot of a dump are lost
//! there, and what a session sets remains for the next client. It is detected before anything is set or locked, and
//! refused.
//!
//! A server announces its process id when a client logs in. Most poolers make up a number; some repeat the server's.
//! But if the server sees the agent's own port, nothing is in between. In every other case a second connection is
//! opened. Under a pooler in session mode, and behind address translation, each connection always has its own process;
//! under a pooler in transaction mode both use one pool. Other applications in that pool only mix it more.

use tokio::time::{Duration, timeout};

use super::error::Error;
use super::session::Session;
use super::url::DatabaseUrl;

/// The number of concurrent transactions on both connections. With two free processes, a pooler gives each connection
/// the other's process in the first or second round, whichever end of its list it uses; more are free only under load,
/// which mixes them. As many are made if only a translated address suggests that something is in between, though
/// usually that is a router: three were once not enough for a busy pooler that repeats the server's number.
const ROUNDS: usize = 8;

/// The longest wait for a second connection. A pooler without free connections makes clients wait.
const SECOND: Duration = Duration::from_secs(10);

const WHAT: &str = "detect a pooler";
const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()";

impl Session {
    /// Whether the connection goes through a pooler, in any mode.
    pub fn is_pooled(&self) -> bool {
        self.wire.announced_process != self.backend
    }

    /// Whether the connection certainly goes to the server itself.
    fn is_direct(&self) -> bool {
        let port = self.wire.local_port.map(u32::from);
        !self.is_pooled() && port.is_some() && port == self.seen_port
    }

    /// An error if the connection goes through a pooler that assigns server processes to transactions.
    pub(super) async fn refuse_pooler(&mut self, url: &DatabaseUrl) -> Result<(), Error> {
        if !self.is_direct() && self.shares_processes(url).await? {
            return Err(Error::Pooler {
                target: url.to_string(),
                direct: direct(url),
            });
        }
        Ok(())
    }

    async fn shares_processes(&mut self, url: &DatabaseUrl) -> Result<bool, Error> {
        let second = timeout(SECOND, Self::open(url)).await;
        let Ok(second) = second else {
            // this connection is idle: a pooler in transaction mode would have given its process away
            return Ok(self.process().await? != self.backend);
        };
        let mut second = match second {
            // a server that accepts no second connection is not such a pooler
            Err(_) if !self.is_pooled() => return Ok(self.process().await? != self.backend),
            second => second?,
        };
        let shares = self.shares_pool(&mut second).await;
        second.close().await;
        shares
    }

    async fn shares_pool(&mut self, second: &mut Self) -> Result<bool, Error> {
        if second.backend == self.backend {
            return Ok(true);
        }
        for round in 0..ROUNDS {
            if self.hold().await? != self.backend || second.hold().await? != second.backend {
                return Ok(true);
            }
            // release in alternating order, so that the next process differs whether the pooler uses the first or the
            // last
            let (one, other) = if round % 2 == 0 {
                (&mut *self, &mut *second)
            } else {
                (&mut *second, &mut *self)
            };
            one.release().await?;
            other.release().await?;
        }
        Ok(false)
    }

    /// Begins a transaction, and returns the id of its server process.
    async fn hold(&mut self) -> Result<i32, Error> {
        let held = timeout(SECOND, self.rows_in_transaction(PROCESS, "")).await;
        match held {
            Ok(Ok(rows)) => self.first(&rows, WHAT),
            Ok(Err(error)) => Err(self.explained(WHAT, error)),
            Err(_) => Err(self.lost("the pooler has no free server connection")),
        }
    }

    async fn release(&mut self) -> Result<(), Error> {
        let ended = self.wire.run("COMMIT").await;
        ended.map(drop).map_err(|error| self.explained(WHAT, error))
    }
}

impl DatabaseUrl {
    /// The server's own address, if this is known to be a pooler's.
    pub fn behind_pooler(&self) -> Option<String> {
        direct(self)
    }
}

/// The address of the server behind a pooler, if the pooler's address shows its provider. From each provider's own
/// documentation.
pub(super) fn direct(url: &DatabaseUrl) -> Option<String> {
    let (host, port) = (url.host(), url.port());
    let at = |host: &str, port: u16| Some(format!("{host}, port {port}"));
    let lower = host.to_ascii_lowercase();
    let (first, rest) = lower.split_once('.').unwrap_or((&lower, ""));
    // https://neon.com/docs/connect/connection-pooling
    if let Some(endpoint) = first
        .strip_suffix("-pooler")
        .filter(|_| rest.ends_with("neon.tech") || rest.ends_with("neon.build"))
    {
        return at(&format!("{endpoint}.{rest}"), port);
    }
    // https://supabase.com/docs/guides/database/connecting-to-postgres: port 5432 of the shared pooler is in session
    // mode
    if port == 6543 && (rest.ends_with("supabase.com") || rest.ends_with("supabase.co")) {
        return at(host, 5432);
    }
    // https://docs.digitalocean.com/products/databases/postgresql/how-to/manage-connection-pools
    if port == 25061 && rest.ends_with("db.ondigitalocean.com") {
        return Some(format!(
            "{host}, port 25060, with the database's name instead of the pool's"
        ));
    }
    // https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-pgbouncer
    if port == 6432 && rest.ends_with("postgres.database.azure.com") {
        return at(host, 5432);
    }
    // https://fly.io/docs/mpg
    if first == "pgbouncer" && rest.ends_with("flympg.net") {
        return at(&format!("direct.{rest}"), 5432);
    }
    // https://docs.crunchybridge.com/how-to/pgbouncer
    if port == 5431 && rest.ends_with("postgresbridge.com") {
        return at(host, 5432);
    }
    // https://planetscale.com/docs/postgres/connecting/pgbouncer
    if port == 6432 && rest.ends_with("pg.psdb.cloud") {
        return at(host, 5432);
    }
    // https://www.prisma.io/docs/postgres/database/connection-pooling
    if first == "pooled" && rest.ends_with("db.prisma.io") {
        return at(rest, 5432);
    }
    // https://cloudnative-pg.io/documentation/current/connection_pooling: the service of the cluster itself ends with
    // -rw
    if let Some(cluster) = first
        .strip_suffix("-pooler-rw")
        .or_else(|| first.strip_suffix("-pooler-ro"))
    {
        return at(&lower.replacen(first, &format!("{cluster}-rw"), 1), 5432);
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn the_server_behind_a_known_pooler_is_named() {
        for (address, server) in [
            (
                "ep-cool-sun-123-pooler.eu-central-1.aws.neon.tech",
                "ep-cool-sun-123.eu-central-1.aws.neon.tech, port 5432",
            ),
            (
                "aws-0-eu-central-1.pooler.supabase.com:6543",
                "aws-0-eu-central-1.pooler.supabase.com, port 5432",
            ),
            ("db.abcdef.supabase.co:6543", "db.abcdef.supabase.co, port 5432"),
            (
                "shop.postgres.database.azure.com:6432",
                "shop.postgres.database.azure.com, port 5432",
            ),
            ("pgbouncer.abc.flympg.net", "direct.abc.flympg.net, port 5432"),
            (
                "p.abc.db.postgresbridge.com:5431",
                "p.abc.db.postgresbridge.com, port 5432",
            ),
            ("shop-pooler-rw.default.svc", "shop-rw.default.svc, port 5432"),
        ] {
            let url = DatabaseUrl::parse(&format!("postgres://u@{address}/d")).unwrap();
            assert_eq!(direct(&url).as_deref(), Some(server));
        }
        let other = DatabaseUrl::parse("postgres://u@db.example.com:6432/d").unwrap();
        assert_eq!(direct(&other), None);
    }
}
