//! One connection of our own, beside those of the child processes: it holds the lock and looks at what is there.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::time::{sleep, timeout};

use super::connect;
use super::error::Error;
use super::url::DatabaseUrl;

/// The first of the two numbers of our advisory locks: `pgcf` in ASCII.
const LOCK_CLASS: i32 = i32::from_be_bytes(*b"pgcf");

/// Time between two signs of life: routers and load balancers forget connections that were silent for some minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Time for the answer to a sign of life.
const ANSWER: Duration = Duration::from_secs(30);

/// Made once per connection. A session that only waits must not be ended for idling; names are looked up in
/// `pg_catalog` alone, so that no object of a user takes the place of one of PostgreSQL's.
const SETTINGS: &str = "
    SELECT pg_catalog.set_config(name, value, false)
      FROM (VALUES ('search_path', 'pg_catalog, pg_temp'),
                   ('statement_timeout', '5min'),
                   ('lock_timeout', '2s'),
                   ('idle_in_transaction_session_timeout', '0'),
                   ('idle_session_timeout', '0'),
                   ('tcp_keepalives_idle', '60'),
                   ('default_transaction_read_only', 'on')) AS wanted (name, value)
     WHERE EXISTS (SELECT FROM pg_catalog.pg_settings AS known WHERE known.name = wanted.name)";

const SERVER_VERSION: &str = "SELECT pg_catalog.current_setting('server_version_num')::bigint";

/// A connection to a database. Its lock goes with it, however it ends.
pub struct Session {
    connection: PgConnection,
    target: String,
    database: String,
    server_major: u32,
    /// The server process at the other end; another one answering means that a pooler stands between.
    pub(super) backend: i32,
}

impl Session {
    /// Connects within the URL's `connect_timeout`, else within 15 s.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        let connection = connect::connect(url).await?;
        let (target, database) = (url.to_string(), url.database().to_owned());
        let mut session = Self {
            connection,
            target,
            database,
            server_major: 0,
            backend: 0,
        };
        session.rows("set up the session", SETTINGS).await?;
        session.backend = session.backend().await?;
        session.server_major = {
            let number = session
                .number("ask for the server's version", SERVER_VERSION)
                .await?;
            u32::try_from(number / 10_000).unwrap_or(u32::MAX)
        };
        Ok(session)
    }

    /// The server's major version: 15 of 15.18.
    pub fn server_major(&self) -> u32 {
        self.server_major
    }

    /// The name of the database that it's connected to.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Takes the lock of that label in this database, or says who has it ([`Error::Locked`]). It is held while the
    /// session lives.
    ///
    /// It's the session-level advisory lock of the two numbers 1885823846 (`pgcf` in ASCII) and the first four
    /// bytes of the label's SHA-256, big-endian and signed; to look for one: `SELECT * FROM pg_locks WHERE locktype
    /// = 'advisory' AND classid = 1885823846`.
    pub async fn lock(&mut self, label: &str) -> Result<(), Error> {
        let number = lock_number(label);
        let rows = self
            .rows(
                "take the lock",
                &format!("SELECT pg_try_advisory_lock({LOCK_CLASS}, {number})"),
            )
            .await?;
        if self.first(&rows, "take the lock")? {
            return Ok(());
        }
        // Who holds it is a courtesy: not being able to tell is no further error.
        let holder = self.holder(number).await.ok().flatten();
        Err(Error::Locked {
            label: label.to_owned(),
            holder,
        })
    }

    /// Speaks to the server once a minute, and returns only when the connection is lost; to be polled beside the
    /// work that the lock protects. May be dropped at any time.
    pub async fn keep_alive(&mut self) -> Error {
        loop {
            sleep(KEEP_ALIVE).await;
            if let Err(error) = self.check().await {
                return error;
            }
        }
    }

    /// One sign of life: an error if the connection, and the lock with it, is gone.
    pub async fn check(&mut self) -> Result<(), Error> {
        let target = self.target.clone();
        let lost = |message: &str| Error::Lost {
            target,
            message: message.to_owned(),
        };
        match timeout(ANSWER, self.backend()).await {
            Ok(Ok(backend)) if backend == self.backend => Ok(()),
            Ok(Ok(_)) => Err(lost(
                "another server process answers, so a pooler stands between and the lock is gone",
            )),
            Ok(Err(error)) => Err(lost(&error.to_string())),
            Err(_) => Err(lost(&format!("no answer within {} s", ANSWER.as_secs()))),
        }
    }

    /// Lets the lock go and says goodbye to the server. Dropping the session does as well, but leaves it to the
    /// server to notice.
    pub async fn close(mut self) {
        // Whatever goes wrong here, the connection is gone afterwards, and the lock with it.
        let _ = timeout(
            ANSWER,
            self.rows(
                "release the lock",
                "SELECT pg_catalog.pg_advisory_unlock_all()",
            ),
        )
        .await;
        let _ = timeout(ANSWER, self.connection.close()).await;
    }

    async fn backend(&mut self) -> Result<i32, Error> {
        let what = "ask for the server process";
        let rows = self
            .rows(what, "SELECT pg_catalog.pg_backend_pid()")
            .await?;
        self.first(&rows, what)
    }

    async fn holder(&mut self, number: i32) -> Result<Option<String>, Error> {
        let sql = format!(
            "SELECT 'process ' || l.pid || coalesce(' of ' || a.application_name, '') || coalesce(' at ' || host(a.client_addr), '')
                    || coalesce(', connected since ' || to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '')
               FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
              WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND l.classid::bigint = {LOCK_CLASS} AND l.objid::bigint = {}",
            u32::from_be_bytes(number.to_be_bytes())
        );
        let rows = self.rows("ask for the lock's holder", &sql).await?;
        rows.first()
            .map(|row| self.column(row, 0, "ask for the lock's holder"))
            .transpose()
    }

    /// Runs one statement by the simple protocol: nothing is prepared on the server, so that a pooler may stand
    /// between. Outside of a transaction block it's a transaction of its own, and read-only by the session's
    /// default.
    pub(super) async fn rows(
        &mut self,
        what: &'static str,
        sql: &str,
    ) -> Result<Vec<PgRow>, Error> {
        // Nothing but our own text, numbers and quoted names gets here.
        let result = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.connection)
            .await;
        result.map_err(|error| match error {
            sqlx::Error::Io(error) => Error::Lost {
                target: self.target.clone(),
                message: error.to_string(),
            },
            error => self.query_error(what, connect::message(&error)),
        })
    }

    /// A column of a row by its place.
    pub(super) fn column<'r, T>(
        &self,
        row: &'r PgRow,
        index: usize,
        what: &'static str,
    ) -> Result<T, Error>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        row.try_get(index)
            .map_err(|error| self.query_error(what, error.to_string()))
    }

    /// A statement's one number, which isn't negative.
    pub(super) async fn number(&mut self, what: &'static str, sql: &str) -> Result<u64, Error> {
        let rows = self.rows(what, sql).await?;
        let number: i64 = self.first(&rows, what)?;
        Ok(number.unsigned_abs())
    }

    /// The one value of the one row.
    pub(super) fn first<'r, T>(&self, rows: &'r [PgRow], what: &'static str) -> Result<T, Error>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let row = rows
            .first()
            .ok_or_else(|| self.query_error(what, "no row came back".into()))?;
        self.column(row, 0, what)
    }

    fn query_error(&self, what: &'static str, message: String) -> Error {
        Error::Query {
            target: self.target.clone(),
            what,
            message,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.target)
    }
}

fn lock_number(label: &str) -> i32 {
    let digest = Sha256::digest(label.as_bytes());
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_numbers_are_as_documented() {
        assert_eq!(LOCK_CLASS, 1_885_823_846);
        // printf main | sha256sum
        assert_eq!(lock_number("main").to_be_bytes()[..2], [0x0d, 0x6e]);
    }
}
