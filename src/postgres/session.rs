//! A connection of the agent itself, beside those of the child processes. It holds the lock and reads facts.
//!
//! The owner of a database chooses its settings, including `search_path`, and could make a function of his own run with
//! the rights of the role that connects (CVE-2018-1058). So every statement runs in its own read-only transaction,
//! whose first command sets the path, and uses only names from `pg_catalog`. As each setting ends with its transaction,
//! nothing remains set on a connection that a pooler gives to another client.

mod statements;
mod transaction;

use std::fmt;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::error::Error;
use super::explain;
use super::skipped_hosts::SkippedHost;
use super::url::{APPLICATION, DatabaseUrl};
use super::wire::{self, Wire};

/// The time between two keep-alive queries. Routers and load balancers drop connections that are idle for some minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The longest time for the answer to a keep-alive query.
const ANSWER: Duration = Duration::from_secs(30);

/// Settings that must outlast a transaction, so that a session that only waits with its lock isn't ended. They are set
/// only on a session with its own server process, and are reset when it is closed.
const WAIT: &[(u32, &str)] = &[
    (0, "SET tcp_keepalives_idle = 60"),
    (0, "SET statement_timeout = '5min'"),
    (14, "SET idle_session_timeout = 0"),
];
const RESET_WAIT: &[(u32, &str)] = &[
    (0, "RESET tcp_keepalives_idle"),
    (0, "RESET statement_timeout"),
    (14, "RESET idle_session_timeout"),
];

const SERVER: &str = "
    SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num'), current_user, \
        pg_catalog.current_database(), pg_catalog.inet_client_port()";

/// A connection to a database. Its lock is released when the connection ends, in any way.
pub struct Session {
    pub(super) wire: Wire,
    /// The address of the server that was reached, if the URL names several.
    url: DatabaseUrl,
    target: String,
    database: String,
    user: String,
    login: String,
    options: String,
    begin: String,
    server_major: u32,
    /// The id of the server process. If another one answers, the connection goes through a pooler.
    pub(super) backend: i32,
    /// The client's port as the server sees it; `None` over a Unix socket.
    pub(super) seen_port: Option<u32>,
    waits: bool,
    /// The second number of the lock that was taken.
    pub(super) lock_number: Option<i32>,
    application: String,
    skipped_hosts: Vec<SkippedHost>,
}

impl Session {
    /// Connects within the URL's `connect_timeout`, or within 15 s. Not retried. Safe to cancel.
    ///
    /// # Errors
    /// [`Error::Pooler`] if a pooler gives the server connection to other clients between transactions.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        let mut session = Self::open(url).await?;
        let reached = session.url.clone();
        session.refuse_pooler(&reached).await?;
        Ok(session)
    }

    /// Connects without checking for a pooler.
    pub(super) async fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        let search = wire::open(url).await;
        let skipped_hosts = explain::skipped_hosts(search.before);
        let (wire, url) = search
            .found
            .map_err(|last| explain::connection(&last.url, last.error).with_skipped_hosts(&skipped_hosts))?;
        let begin = transaction::begin(&wire.server_version, &wire.server_encoding);
        let mut session = Self {
            wire,
            target: url.to_string(),
            url: url.clone(),
            database: String::new(),
            user: String::new(),
            login: url.user().to_owned(),
            options: url.parameter("options").unwrap_or_default().to_owned(),
            begin,
            server_major: 0,
            backend: 0,
            seen_port: None,
            waits: false,
            lock_number: None,
            application: url.application().to_owned(),
            skipped_hosts,
        };
        let what = "ask for the server's version";
        let rows = session
            .rows(what, SERVER)
            .await
            .map_err(|error| session.in_login(&url, error))?;
        session.backend = session.first(&rows, what)?;
        session.server_major = session.column::<u32>(&rows[0], 1, what)? / 10_000;
        session.user = session.column(&rows[0], 2, what)?;
        session.database = session.column(&rows[0], 3, what)?;
        session.seen_port = session.column(&rows[0], 4, what)?;
        Ok(session)
    }

    /// The address for child processes: the server that this session reached, if the URL names several, with a new
    /// password if each connection needs its own.
    pub async fn child_url(&self) -> Result<DatabaseUrl, Error> {
        Self::url_for_next(&self.url).await
    }

    /// The address of a server that was reached, for one more connection to it: with a new password if each connection
    /// needs its own.
    ///
    /// # Errors
    /// That no password could be had.
    pub async fn url_for_next(reached: &DatabaseUrl) -> Result<DatabaseUrl, Error> {
        let fresh = reached.with_fresh_password().await;
        fresh.map_err(|why| explain::no_password(reached, why))
    }

    /// The server that was reached, as `user@host:port/database`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the server is on this machine.
    pub fn is_local(&self) -> bool {
        self.url.is_local()
    }

    /// The hosts of the URL that were tried before.
    pub fn skipped_hosts(&self) -> &[SkippedHost] {
        &self.skipped_hosts
    }

    /// The server's major version, such as 15 of 15.18.
    pub fn server_major(&self) -> u32 {
        self.server_major
    }

    /// The server's version, as it announces itself.
    pub fn server_version(&self) -> &str {
        &self.wire.server_version
    }

    /// The name of the connected database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The current role. Settings of the role, the database or the URL can make it differ from the login.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The role that logged in.
    pub(super) fn login(&self) -> &str {
        &self.login
    }

    /// Whether the URL itself contains this setting, which overrides those of role and database.
    pub(super) fn asks_for(&self, setting: &str) -> bool {
        let mut places = self.options.match_indices(setting);
        places.any(|(at, _)| {
            let (before, behind) = (&self.options[..at], &self.options[at + setting.len()..]);
            !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && behind.starts_with('=')
        })
    }

    /// Whether ASCII SQL can contain this name: without an encoding there are no Unicode escapes.
    pub(super) fn can_write(&self, name: &str) -> bool {
        self.wire.server_encoding != transaction::NO_ENCODING
            || name.bytes().all(|byte| byte.is_ascii() && byte != b'\\')
    }

    /// Whether the database has no encoding, so that its names may be any bytes.
    pub fn has_no_encoding(&self) -> bool {
        self.wire.server_encoding == transaction::NO_ENCODING
    }

    /// Whether a session with this application name may be one of the agent's.
    pub(super) fn calls_itself(&self, name: &str) -> bool {
        name == self.application || name == APPLICATION
    }

    /// Queries the server once a minute, and returns only when the connection is lost. Run it beside the work that the
    /// lock protects. Safe to cancel at any time.
    pub async fn keep_alive(&mut self) -> Error {
        loop {
            sleep(KEEP_ALIVE).await;
            if let Err(error) = self.check().await {
                return error;
            }
        }
    }

    /// Runs one keep-alive query, bounded by 30 s. An error if the connection is lost, and the lock with it.
    pub async fn check(&mut self) -> Result<(), Error> {
        match timeout(ANSWER, self.process_and_lock()).await {
            Ok(Ok((backend, true))) if backend == self.backend => Ok(()),
            Ok(Ok((backend, false))) if backend == self.backend => {
                Err(self.lost("the session answers, but no longer holds the lock"))
            }
            Ok(Ok(_)) => Err(self.lost(
                "another server process answers, so the connection goes through a pooler and the lock is \
                               lost",
            )),
            Ok(Err(error @ Error::Lost { .. })) => Err(error),
            Ok(Err(error)) => Err(self.lost(&error.to_string())),
            Err(_) => Err(self.lost(&format!("no answer within {} s", ANSWER.as_secs()))),
        }
    }

    pub(super) fn lost(&self, message: &str) -> Error {
        Error::Lost {
            target: self.target.clone(),
            message: message.into(),
        }
    }

    /// Sets what a waiting session needs.
    pub(super) async fn prepare_to_wait(&mut self) -> Result<(), Error> {
        self.waits = true;
        self.set("keep the session", WAIT).await
    }

    async fn set(&mut self, what: &'static str, settings: &[(u32, &str)]) -> Result<(), Error> {
        for (_, sql) in settings.iter().filter(|(since, _)| self.server_major >= *since) {
            self.wire.run(sql).await.map_err(|error| self.explained(what, error))?;
        }
        Ok(())
    }

    /// Releases the lock and ends the connection, within 30 s. Dropping the session also ends it, but the server may
    /// notice late.
    pub async fn close(mut self) {
        // after any error here the connection is closed anyway, and the lock with it
        let farewell = async {
            if self.waits {
                let _ = self.unlock().await;
                let _ = self.set("leave the session as it was", RESET_WAIT).await;
            }
            self.wire.close().await;
        };
        let _ = timeout(ANSWER, farewell).await;
    }

    /// The id of the server process that answers now.
    pub(super) async fn process(&mut self) -> Result<i32, Error> {
        let what = "ask for the server process";
        let rows = self.rows(what, "SELECT pg_catalog.pg_backend_pid()").await?;
        self.first(&rows, what)
    }

    /// The id of the server process that answers now, and whether it holds the lock, if one was taken.
    async fn process_and_lock(&mut self) -> Result<(i32, bool), Error> {
        let process = self.process().await?;
        let holds = match self.lock_number {
            Some(number) if process == self.backend => self.holds(number).await?,
            _ => true,
        };
        Ok((process, holds))
    }

    /// The database's encoding, by PostgreSQL's name.
    pub fn encoding_name(&self) -> &str {
        &self.wire.server_encoding
    }

    /// Converts the error of a session's first statement. A pooler logs a client in by itself, and connects to a server
    /// only for the first statement, so an error there belongs to the login.
    fn in_login(&self, url: &DatabaseUrl, error: Error) -> Error {
        match error {
            Error::Query { code, message, .. } => explain::refusal(url, &code, message),
            other => other,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.target)
    }
}
