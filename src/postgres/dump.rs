//! Runs `pg_dump` as a child process. Its archive arrives through a pipe, and is valid only if the process succeeded.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::ChildStdout;
use tokio::time::timeout;

use super::child::{Invocation, OWN_END, Running};
use super::client::PgClient;
use super::error::{Error, FailureCause};
use super::message_language::MessageLanguage;
use super::settings::SessionSettings;
use super::url::DatabaseUrl;

#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

/// The options of a dump.
#[derive(Clone, Debug)]
pub struct DumpOptions {
    /// How long to wait for the lock on each table before the dump fails. Without a limit, a session that holds a lock,
    /// such as a migration, would block the backup forever. The default is 120 s.
    pub lock_wait_timeout: Duration,
    /// The server's major version. If the client's differs, all names are quoted, as the two have different keywords.
    pub server_major: u32,
    /// The language of the server's messages, from [`Session::message_language`](super::Session::message_language). By
    /// default no cause is read from them.
    pub message_language: MessageLanguage,
    /// The settings of the session, which override those of role and database, from
    /// [`Session::settings`](super::Session::settings).
    pub settings: SessionSettings,
    /// The database's encoding, in which it is dumped, whatever `client_encoding` is set for the role or the database.
    /// With `None`, these decide.
    pub encoding: Option<String>,
    /// Whether definitions are dumped alone, without any data.
    pub schema_only: bool,
}

impl DumpOptions {
    /// The defaults for a server of that major version.
    pub fn new(server_major: u32) -> Self {
        Self {
            lock_wait_timeout: Duration::from_secs(120),
            server_major,
            message_language: MessageLanguage::default(),
            settings: SessionSettings::default(),
            encoding: None,
            schema_only: false,
        }
    }

    /// The arguments of `pg_dump`, without the database's address. They contain no secret.
    pub fn arguments(&self, client: &PgClient) -> Vec<String> {
        let mut args: Vec<String> = ["--format=custom", "--compress=0", "--no-password"]
            .map(String::from)
            .into();
        args.push(format!("--lock-wait-timeout={}", self.lock_wait_timeout.as_millis()));
        if client.major != self.server_major {
            args.push("--quote-all-identifiers".into());
        }
        if self.schema_only {
            args.push("--schema-only".into());
        }
        args
    }
}

/// A running `pg_dump`. Dropping it kills the process.
///
/// Read [`stdout`](Self::take_stdout) to the end, then call [`finish`](Self::finish). `pg_dump` often fails after it
/// has written data, and the data is valid only if the process succeeded.
#[derive(Debug)]
pub struct Dump {
    running: Running,
    stdout: Option<ChildStdout>,
}

/// The output of a `pg_dump` that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpReport {
    /// The lines that it wrote to stderr, up to a limit.
    pub warnings: Vec<String>,
}

impl Dump {
    /// Starts `pg_dump` with its custom format, uncompressed: the agent compresses on several cores.
    pub fn start(client: &PgClient, url: &DatabaseUrl, options: &DumpOptions) -> Result<Self, Error> {
        let mut args = options.arguments(client);
        args.push(format!("--dbname={}", url.child_conninfo()));
        let mut running = Running::start(Invocation {
            program: "pg_dump",
            path: &client.pg_dump,
            args,
            client,
            url: Some(url),
            message_language: options.message_language,
            settings: &options.settings,
            encoding: options.encoding.as_deref(),
            stdin: Stdio::null(),
            stdout: Stdio::piped(),
            progress: None,
        })?;
        let stdout = running.take_stdout().inspect(widen);
        Ok(Self { running, stdout })
    }

    /// The archive, as `pg_dump` writes it. An error when called again.
    pub fn take_stdout(&mut self) -> Result<ChildStdout, Error> {
        self.stdout
            .take()
            .ok_or_else(|| Error::io("read from pg_dump", io::Error::other("its output was taken before")))
    }

    /// Waits for the process to end. Not bounded in time.
    ///
    /// # Errors
    /// Any exit status but 0.
    pub async fn finish(mut self) -> Result<DumpReport, Error> {
        // if the pipe was not taken, pg_dump must not wait for a reader
        drop(self.stdout.take());
        let warnings = self.running.finish().await.map_err(Error::DumpFailed)?;
        Ok(DumpReport { warnings })
    }

    /// Ends the process after a fault elsewhere. Returns its own error if it had failed by itself before: then that is
    /// the cause, and the fault is its consequence.
    pub async fn abort(mut self) -> Option<Error> {
        drop(self.stdout.take());
        match timeout(OWN_END, self.running.finish()).await {
            Ok(Err(fault)) if fault.cause != FailureCause::NotRead => Some(Error::DumpFailed(fault)),
            Ok(_) => None,
            Err(_) => {
                self.kill().await;
                None
            }
        }
    }

    /// Ends the process: with SIGTERM, on which `pg_dump` cancels its work on the server, and with SIGKILL after 5 s.
    pub async fn kill(mut self) {
        self.running.kill().await;
    }
}

/// Requests a larger pipe than Linux's 64 KiB, so that `pg_dump` continues while a chunk is processed. Every user may
/// have 1 MiB ([pipe(7)](https://man7.org/linux/man-pages/man7/pipe.7.html)); with less, the dump is only slower.
fn widen(pipe: &ChildStdout) {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}
