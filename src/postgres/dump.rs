//! `pg_dump` as a child process: its archive comes out of a pipe, and counts only if it ended well.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::ChildStdout;
use tokio::time::timeout;

use super::child::{Invocation, OWN_END, Running};
use super::client::Client;
use super::error::{Cause, Error};
use super::settings::Settings;
use super::speech::Speech;
use super::url::DatabaseUrl;

#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

/// How to dump.
#[derive(Clone, Debug)]
pub struct DumpOptions {
    /// How long to wait for the lock on each table before giving up; whatever holds it, a migration for instance,
    /// would otherwise hold the backup up without end. 120 s by default.
    pub lock_wait_timeout: Duration,
    /// The server's major version. Where it differs from the client's, all names are quoted: what is a keyword to
    /// one may be none to the other.
    pub server_major: u32,
    /// In which language the server speaks, so that its messages can be understood.
    /// [`Session::speech`](super::Session::speech) knows; by default nothing is read out of them.
    pub speech: Speech,
    /// What is set for it whatever role and database say: [`Session::settings`](super::Session::settings) knows.
    pub settings: Settings,
    /// The database's encoding, in which it is dumped, whatever `client_encoding` is set for the role or the database;
    /// `None` leaves it to these.
    pub encoding: Option<String>,
}

impl DumpOptions {
    /// The defaults for a server of that major version.
    pub fn new(server_major: u32) -> Self {
        Self {
            lock_wait_timeout: Duration::from_secs(120),
            server_major,
            speech: Speech::default(),
            settings: Settings::default(),
            encoding: None,
        }
    }

    /// What `pg_dump` is told, but for where the database is: none of it is secret.
    pub fn arguments(&self, client: &Client) -> Vec<String> {
        let mut args: Vec<String> = ["--format=custom", "--compress=0", "--no-password"]
            .map(String::from)
            .into();
        args.push(format!("--lock-wait-timeout={}", self.lock_wait_timeout.as_millis()));
        if client.major != self.server_major {
            args.push("--quote-all-identifiers".into());
        }
        args
    }
}

/// A running `pg_dump`. Dropping it kills the process.
///
/// Read its [`stdout`](Self::take_stdout) to the end, then [`finish`](Self::finish): `pg_dump` often fails after it
/// has written, and what it wrote is worth something only if it ended with 0.
#[derive(Debug)]
pub struct Dump {
    running: Running,
    stdout: Option<ChildStdout>,
}

/// What a `pg_dump` that ended well had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpReport {
    /// The lines that it wrote to stderr, up to a number.
    pub warnings: Vec<String>,
}

impl Dump {
    /// Starts `pg_dump` in its custom format, uncompressed: compressing is ours to do, on several cores.
    pub fn start(client: &Client, url: &DatabaseUrl, options: &DumpOptions) -> Result<Self, Error> {
        let mut args = options.arguments(client);
        args.push(format!("--dbname={}", url.child_conninfo()));
        let mut running = Running::start(Invocation {
            program: "pg_dump",
            path: &client.pg_dump,
            args,
            client,
            url,
            speech: options.speech,
            settings: &options.settings,
            encoding: options.encoding.as_deref(),
            stdin: Stdio::null(),
            stdout: Stdio::piped(),
        })?;
        let stdout = running.take_stdout().inspect(widen);
        Ok(Self { running, stdout })
    }

    /// The archive as it is made. An error the second time.
    pub fn take_stdout(&mut self) -> Result<ChildStdout, Error> {
        self.stdout
            .take()
            .ok_or_else(|| Error::io("read from pg_dump", io::Error::other("its output was taken before")))
    }

    /// Waits for the end. An error unless `pg_dump` ended with 0.
    pub async fn finish(mut self) -> Result<DumpReport, Error> {
        // Should nobody have taken the pipe, pg_dump must not wait for a reader.
        drop(self.stdout.take());
        let warnings = self.running.finish().await.map_err(Error::DumpFailed)?;
        Ok(DumpReport { warnings })
    }

    /// Ends it after a fault elsewhere, and gives its own error if it had failed by itself before: then that's the
    /// cause, and the archive that broke off the consequence.
    pub async fn abort(mut self) -> Option<Error> {
        drop(self.stdout.take());
        match timeout(OWN_END, self.running.finish()).await {
            Ok(Err(fault)) if fault.cause != Cause::NotRead => Some(Error::DumpFailed(fault)),
            Ok(_) => None,
            Err(_) => {
                self.kill().await;
                None
            }
        }
    }

    /// Ends it: `pg_dump` is asked to, upon which it cancels what the server is doing for it, and killed after 5 s.
    pub async fn kill(mut self) {
        self.running.kill().await;
    }
}

/// Asks for a larger pipe than Linux's 64 KiB, so that `pg_dump` goes on while a chunk is looked at. What every user
/// may have is 1 MiB ([pipe(7)](https://man7.org/linux/man-pages/man7/pipe.7.html)); with less it only goes slower.
fn widen(pipe: &ChildStdout) {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}
