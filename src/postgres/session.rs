//! One connection of our own, beside those of the child processes: it holds the lock and looks at what is there.
//!
//! Whoever owns a database chooses its settings, `search_path` among them, and could so have a function of his own run
//! with the rights of whoever connects (CVE-2018-1058). So every statement comes in a read-only transaction of its own
//! whose first command sets the path, and nothing but names of `pg_catalog` is used. As each setting ends with its
//! transaction, nothing stays set on a connection that a pooler will hand to somebody else.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::column::Column;
use super::error::Error;
use super::explain;
use super::holder::APPLICATION;
use super::passed_over::PassedOver;
#[cfg(debug_assertions)]
use super::sql;
use super::url::DatabaseUrl;
use super::wire::{self, Row, Wire, WireError};

/// Time between two signs of life: routers and load balancers forget connections that were silent for some minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Time for the answer to a sign of life.
const ANSWER: Duration = Duration::from_secs(30);

/// The isolation is named because a standby has no other, and because a default of `serializable` may wait for others.
/// The path is set before anything else: none of these commands looks a name up.
const BEGIN: &str = "
    BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY;
    SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL statement_timeout = '5min';
    SET LOCAL lock_timeout = '2s';
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL \"DateStyle\" = 'ISO';
    SET LOCAL \"TimeZone\" = 'UTC';";

/// What servers from 17 on know beside it.
const NO_TRANSACTION_TIMEOUT: &str = "SET LOCAL transaction_timeout = 0;";

/// The encoding of a database that has none: any bytes, which the server can't convert.
const NO_ENCODING: &str = "SQL_ASCII";
const BYTES_AS_THEY_ARE: &str = "SET LOCAL client_encoding = 'SQL_ASCII';";

/// What has to outlast a transaction, so that a session that only waits with its lock isn't ended for it. Only a
/// session that has a server process of its own gets this far, and it is taken back when the session is closed.
const WAIT: &[(u32, &str)] = &[
    (0, "SET tcp_keepalives_idle = 60"),
    (0, "SET statement_timeout = '5min'"),
    (14, "SET idle_session_timeout = 0"),
];
const WAIT_NO_MORE: &[(u32, &str)] = &[
    (0, "RESET tcp_keepalives_idle"),
    (0, "RESET statement_timeout"),
    (14, "RESET idle_session_timeout"),
];

/// A role's own time for a statement runs until ours is set, and what was cancelled by it says nothing of the lock: it
/// is run again so often, where it ended at once.
const CANCELLED_MAX: u32 = 20;
const AT_ONCE: Duration = Duration::from_secs(5);

const SERVER: &str = "
    SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num'), current_user, \
        pg_catalog.current_database(), pg_catalog.inet_client_port()";

/// A connection to a database. Its lock goes with it, however it ends.
pub struct Session {
    pub(super) wire: Wire,
    /// The very server, where the URL names several.
    url: DatabaseUrl,
    target: String,
    database: String,
    user: String,
    login: String,
    options: String,
    begin: String,
    server_major: u32,
    /// The server process at the other end; another one answering means that a pooler stands between.
    pub(super) backend: i32,
    /// The port from which the server sees us coming; none by a Unix socket.
    pub(super) seen_port: Option<u32>,
    waits: bool,
    /// The second number of the lock that was taken.
    pub(super) lock_number: Option<i32>,
    application: String,
    passed_over: Vec<PassedOver>,
}

impl Session {
    /// Connects within the URL's `connect_timeout`, else within 15 s, and refuses a pooler that hands the connection to
    /// others between transactions ([`Error::Pooler`]).
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        let mut session = Self::open(url).await?;
        let reached = session.url.clone();
        session.refuse_pooler(&reached).await?;
        Ok(session)
    }

    /// The same without a look at what stands between.
    pub(super) async fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        let search = wire::open(url).await;
        let passed_over = explain::passed_over(search.before);
        let (wire, url) = search
            .found
            .map_err(|last| explain::connection(&last.url, last.error).after_others(&passed_over))?;
        let mut begin = BEGIN.to_owned();
        if leading_number(&wire.server_version) >= 17 {
            begin.push_str(NO_TRANSACTION_TIMEOUT);
        }
        if wire.server_encoding == NO_ENCODING {
            begin.push_str(BYTES_AS_THEY_ARE);
        }
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
            passed_over,
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

    /// The address of the very server that this session reached, where the URL names several, with a password of its
    /// own where each connection has one: what a child process is to be given, so that it comes to the same.
    pub async fn child_url(&self) -> Result<DatabaseUrl, Error> {
        let fresh = self.url.with_fresh_password().await;
        fresh.map_err(|why| explain::no_password(&self.url, why))
    }

    /// The very server that was reached, as `user@host:port/database`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether what is sent to it leaves this machine.
    pub fn is_local(&self) -> bool {
        self.url.is_local()
    }

    /// The hosts of the URL that were tried before.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// The server's major version: 15 of 15.18.
    pub fn server_major(&self) -> u32 {
        self.server_major
    }

    /// The name of the database that it's connected to.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The role whose rights count, which the settings of role, database or URL may have made another than the login's.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The role that the URL logs in as.
    pub(super) fn login(&self) -> &str {
        &self.login
    }

    /// Whether the URL itself sets this, which comes before what is set for role and database.
    pub(super) fn asks_for(&self, setting: &str) -> bool {
        let mut places = self.options.match_indices(setting);
        places.any(|(at, _)| {
            let (before, behind) = (&self.options[..at], &self.options[at + setting.len()..]);
            !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && behind.starts_with('=')
        })
    }

    /// Whether SQL in ASCII can write this name: without an encoding there are no numbers of characters.
    pub(super) fn can_write(&self, name: &str) -> bool {
        self.wire.server_encoding != NO_ENCODING || name.bytes().all(|byte| byte.is_ascii() && byte != b'\\')
    }

    /// Whether the database has no encoding, so that its names may be any bytes.
    pub fn takes_any_bytes(&self) -> bool {
        self.wire.server_encoding == NO_ENCODING
    }

    /// Whether a session of that name may be one of ours.
    pub(super) fn calls_itself(&self, name: &str) -> bool {
        name == self.application || name == APPLICATION
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
        match timeout(ANSWER, self.process_and_lock()).await {
            Ok(Ok((backend, true))) if backend == self.backend => Ok(()),
            Ok(Ok((backend, false))) if backend == self.backend => {
                Err(self.lost("the session answers, and holds the lock no more"))
            }
            Ok(Ok(_)) => {
                Err(self.lost("another server process answers, so a pooler stands between and the lock is gone"))
            }
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

    /// The settings of a session that waits.
    pub(super) async fn wait_long(&mut self) -> Result<(), Error> {
        self.waits = true;
        self.set("keep the session", WAIT).await
    }

    async fn set(&mut self, what: &'static str, settings: &[(u32, &str)]) -> Result<(), Error> {
        for (_, sql) in settings.iter().filter(|(since, _)| self.server_major >= *since) {
            self.wire.run(sql).await.map_err(|error| self.explained(what, error))?;
        }
        Ok(())
    }

    /// Lets the lock go and says goodbye to the server. Dropping the session does as well, but leaves it to the
    /// server to notice.
    pub async fn close(mut self) {
        // Whatever goes wrong here, the connection is gone afterwards, and the lock with it.
        let farewell = async {
            if self.waits {
                let _ = self.unlock().await;
                let _ = self.set("leave the session as it was", WAIT_NO_MORE).await;
            }
            self.wire.close().await;
        };
        let _ = timeout(ANSWER, farewell).await;
    }

    /// The server process that answers now.
    pub(super) async fn process(&mut self) -> Result<i32, Error> {
        let what = "ask for the server process";
        let rows = self.rows(what, "SELECT pg_catalog.pg_backend_pid()").await?;
        self.first(&rows, what)
    }

    /// The server process that answers now, and whether it holds the lock, where one was taken.
    async fn process_and_lock(&mut self) -> Result<(i32, bool), Error> {
        let process = self.process().await?;
        let holds = match self.lock_number {
            Some(number) if process == self.backend => self.holds(number).await?,
            _ => true,
        };
        Ok((process, holds))
    }

    /// Runs one statement in a read-only transaction of its own, by the simple protocol.
    pub(super) async fn rows(&mut self, what: &'static str, sql: &str) -> Result<Vec<Row>, Error> {
        let began = Instant::now();
        for _ in 0..CANCELLED_MAX {
            match self.rows_once(sql).await {
                Err(error) if is_cancelled(&error) && began.elapsed() < AT_ONCE => {}
                result => return result.map_err(|error| self.explained(what, error)),
            }
        }
        let result = self.rows_once(sql).await;
        result.map_err(|error| self.explained(what, error))
    }

    async fn rows_once(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        let result = self.rows_in_transaction(sql, "; COMMIT").await;
        if result.is_err() && self.wire.is_in_transaction {
            // it has failed already; should this fail too, the next statement says so
            let _ = self.wire.run("ROLLBACK").await;
        }
        result
    }

    /// Begins a transaction, runs one statement in it, and what `end` says.
    pub(super) async fn rows_in_transaction(&mut self, sql: &str, end: &str) -> Result<Vec<Row>, WireError> {
        #[cfg(debug_assertions)]
        if let Some(found) = sql::unqualified(sql) {
            panic!("a statement leaves {found} to the search_path: {sql}");
        }
        self.wire.run(&format!("{} {sql}{end}", self.begin)).await
    }

    /// A column of a row by its place.
    pub(super) fn column<T: Column>(&self, row: &Row, index: usize, what: &'static str) -> Result<T, Error> {
        T::read(row.text(index)).ok_or_else(|| Error::Query {
            target: self.target.clone(),
            what,
            code: String::new(),
            message: format!("column {index} is not what was asked for").into(),
        })
    }

    /// A statement's one number, which isn't negative.
    pub(super) async fn number(&mut self, what: &'static str, sql: &str) -> Result<u64, Error> {
        let rows = self.rows(what, sql).await?;
        self.first(&rows, what)
    }

    /// The first value of the first row.
    pub(super) fn first<T: Column>(&self, rows: &[Row], what: &'static str) -> Result<T, Error> {
        let none = Row::default();
        self.column(rows.first().unwrap_or(&none), 0, what)
    }

    pub(super) fn explained(&self, what: &'static str, error: WireError) -> Error {
        explain::statement(&self.target, what, error)
    }

    /// A pooler logs a client in by itself, and looks for a server only with the first statement: what fails there is
    /// part of the login.
    fn in_login(&self, url: &DatabaseUrl, error: Error) -> Error {
        match error {
            Error::Query { code, message, .. } => explain::refusal(url, &code, message),
            other => other,
        }
    }
}

/// 17 of `17.2 (Debian 17.2-1)` and of `17beta1`.
fn leading_number(text: &str) -> u32 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).take(4).collect();
    digits.parse().unwrap_or(0)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.target)
    }
}

fn is_cancelled(error: &WireError) -> bool {
    matches!(error, WireError::Server(error) if error.code == "57014" && !error.is_fatal)
}
