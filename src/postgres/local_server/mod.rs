//! A PostgreSQL server of the agent's own: made in a private temporary folder, reached by a Unix socket alone, and gone
//! when it is no longer needed.
//!
//! What a drill restores into it may be hostile, so nobody else can log in: every login takes a password that only the
//! agent knows. Nothing of the agent's own environment reaches the server but what its programs need to run.
//!
//! A shell between the agent and the server reads a pipe from the agent. Where the agent is killed the kernel closes
//! that pipe, and the shell stops the server and removes the folder.

mod fault;
mod folder;
mod programs;
mod user;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use super::error::Error;
use super::session::Session;
use super::url::DatabaseUrl;
use crate::redact::SecretText;
use crate::text::Untrusted;

pub use fault::LocalServerFault;
use folder::ServerFolder;
pub use folder::check_local_room;
pub use programs::ServerPrograms;
use user::ServerUser;

/// What a local server is made for.
#[derive(Clone, Debug)]
pub struct LocalServerOptions {
    /// The bytes that it has to hold on disk; 0 if they are not known.
    pub needed_bytes: u64,
    /// The most objects that one transaction locks, such as the tables of a dump.
    pub locked_objects: u64,
    /// The name of its superuser. No role of what is restored may have it.
    pub superuser: String,
    /// The password of its superuser.
    pub password: SecretText,
}

/// A running server. Dropping it ends the server and removes its files, a little later.
#[derive(Debug)]
pub struct LocalServer {
    /// The server's own version.
    pub version: String,
    /// The superuser's login at the database `postgres`.
    admin: DatabaseUrl,
    keeper: Child,
    /// The keeper stops the server when this is closed.
    keeper_stdin: Option<ChildStdin>,
    folder: ServerFolder,
}

/// How long initdb may take. It takes seconds, and longer on a disk that is busy.
const INITDB_TIMEOUT: Duration = Duration::from_secs(180);

/// How long the server may take to accept connections, and to stop.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two attempts to connect.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The port, which is a part of the socket's name alone.
const PORT: u16 = 5432;

/// Runs the server, and stops it when its own standard input ends. An immediate shutdown loses what is not on disk,
/// and nothing here is to be kept. Where the server's user may not remove the folder itself, the next drill does.
const KEEPER: &str = r#"
{ "$1" -D "$2/data" </dev/null >"$2/log" 2>&1; : >"$2/ended"; } &
cat >/dev/null
until [ -e "$2/ended" ] || [ ! -d "$2" ]; do
    kill -QUIT "$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)" 2>/dev/null
    sleep 0.1 2>/dev/null || sleep 1
done
if [ -w "${2%/*}" ]; then rm -rf "$2"; else rm -rf "$2/data"; fi
"#;

impl LocalServer {
    /// Makes the files of a server and starts it, within some minutes. Removes what earlier servers have left. Not
    /// retried. If it is cancelled or fails, nothing is left.
    ///
    /// # Errors
    /// [`Error::LocalServer`] with what is missing on this machine.
    pub async fn start(programs: &ServerPrograms, options: &LocalServerOptions) -> Result<Self, Error> {
        folder::remove_abandoned().await;
        let user = ServerUser::find()?;
        let folder = ServerFolder::make(user, options.needed_bytes)?;
        init(programs, &folder, user, options).await?;
        folder.write_settings(&settings(&folder, options))?;
        let (keeper, keeper_stdin) = keep(programs, &folder, user)?;
        let admin = DatabaseUrl::at_socket(
            folder.path(),
            PORT,
            &options.superuser,
            options.password.clone(),
            "postgres",
        );
        let server = Self {
            version: programs.version.clone(),
            admin,
            keeper,
            keeper_stdin: Some(keeper_stdin),
            folder: folder.kept(),
        };
        match server.ready().await {
            Ok(()) => Ok(server),
            Err(error) => {
                server.stop().await;
                Err(error)
            }
        }
    }

    /// The superuser's login, at the database `postgres`.
    pub fn admin(&self) -> &DatabaseUrl {
        &self.admin
    }

    /// The folder with the server's files and its socket.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until the server accepts connections.
    async fn ready(&self) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let failed = match Session::connect(&self.admin).await {
                Ok(session) => {
                    session.close().await;
                    return Ok(());
                }
                Err(error) => error,
            };
            let has_ended = self.folder.path().join("ended").exists();
            if has_ended || began.elapsed() > START_TIMEOUT {
                let log = self.folder.log();
                let message = if log.is_empty() { failed.to_string().into() } else { log };
                return Err(LocalServerFault::NotStarted { message }.into());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Stops the server and removes its files, within 30 s.
    pub async fn stop(mut self) {
        drop(self.keeper_stdin.take());
        if timeout(STOP_TIMEOUT, self.keeper.wait()).await.is_err() {
            // what is left is found by the next drill
            tracing::warn!(
                "the server of a drill has not stopped within {} s",
                STOP_TIMEOUT.as_secs()
            );
        }
        self.folder.remove();
    }
}

/// A command that runs as the server's user, with nothing of the agent's environment but what the programs need.
fn command(program: &Path, programs: &ServerPrograms, user: ServerUser) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(programs.surroundings.iter().map(|(name, value)| (name, value)))
        .env("LC_ALL", "C")
        .env("LC_MESSAGES", "C")
        .env("TZ", "UTC")
        .current_dir("/")
        // Ctrl-C in a terminal goes to a whole group of processes, and this one is stopped by the agent
        .process_group(0);
    if let Some((uid, gid)) = user.other {
        command.uid(uid).gid(gid);
    }
    command
}

async fn init(
    programs: &ServerPrograms,
    folder: &ServerFolder,
    user: ServerUser,
    options: &LocalServerOptions,
) -> Result<(), Error> {
    let password = folder.write_password(options.password.reveal())?;
    let mut command = command(&programs.initdb, programs, user);
    command.arg("-D").arg(folder.path().join("data"));
    command.arg(format!("--username={}", options.superuser));
    command.arg("--pwfile").arg(&password);
    command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    if programs.major >= 16 {
        // that of the system may be missing or tiny, as in containers
        command.args(["--set", "dynamic_shared_memory_type=mmap"]);
    }
    if programs.major >= 18 {
        command.arg("--no-data-checksums");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    let ended = timeout(INITDB_TIMEOUT, command.output()).await;
    folder.forget_password(&password);
    let doing = || format!("start {}", programs.initdb.display());
    let output = match ended {
        Ok(output) => output.map_err(|source| Error::io(doing(), source))?,
        Err(_) => {
            let message = format!("initdb was not done within {} s", INITDB_TIMEOUT.as_secs());
            return Err(LocalServerFault::NotMade {
                message: message.into(),
            }
            .into());
        }
    };
    if output.status.success() {
        return Ok(());
    }
    if let Some(uid) = user.without_name().await {
        return Err(LocalServerFault::NoUserName { uid }.into());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = format!("initdb ended with {}: {}", output.status, said.trim());
    Err(LocalServerFault::NotMade {
        message: message.into(),
    }
    .into())
}

fn keep(programs: &ServerPrograms, folder: &ServerFolder, user: ServerUser) -> Result<(Child, ChildStdin), Error> {
    let mut command = command(Path::new("/bin/sh"), programs, user);
    command.args(["-c", KEEPER, "pgcoffer-drill"]);
    command.arg(&programs.postgres).arg(folder.path());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut keeper = command.spawn().map_err(|source| Error::io("start /bin/sh", source))?;
    let stdin = keeper.stdin.take().expect("stdin was just asked to be a pipe");
    Ok((keeper, stdin))
}

/// The least space for a transaction's locks, and the connections among which all of it is shared.
const LOCKS: u64 = 256;
const CONNECTIONS: u64 = 12;

/// The least limit on temporary files, in KiB.
const TEMPORARY_KIB: u64 = 1 << 20;

/// The settings of a server that is thrown away, and that fits beside the agent into 512 MB.
///
/// <https://www.postgresql.org/docs/current/non-durability.html>
fn settings(folder: &ServerFolder, options: &LocalServerOptions) -> String {
    let locks = LOCKS.max(options.locked_objects / CONNECTIONS + 64);
    let temporary = TEMPORARY_KIB.max(options.needed_bytes / 1024);
    let socket = folder.path().display().to_string().replace('\'', "''");
    format!(
        "listen_addresses = ''\n\
         unix_socket_directories = '{socket}'\n\
         unix_socket_permissions = 0700\n\
         port = {PORT}\n\
         max_connections = {CONNECTIONS}\n\
         superuser_reserved_connections = 3\n\
         password_encryption = 'scram-sha-256'\n\
         fsync = off\n\
         synchronous_commit = off\n\
         full_page_writes = off\n\
         wal_level = minimal\n\
         max_wal_senders = 0\n\
         max_wal_size = '512MB'\n\
         autovacuum = off\n\
         shared_buffers = '32MB'\n\
         work_mem = '8MB'\n\
         maintenance_work_mem = '64MB'\n\
         max_worker_processes = 1\n\
         max_parallel_workers = 0\n\
         max_parallel_maintenance_workers = 0\n\
         max_parallel_workers_per_gather = 0\n\
         dynamic_shared_memory_type = 'mmap'\n\
         max_locks_per_transaction = {locks}\n\
         temp_file_limit = {temporary}\n\
         jit = off\n\
         logging_collector = off\n\
         log_timezone = 'UTC'\n\
         timezone = 'UTC'\n"
    )
}

impl From<LocalServerFault> for Error {
    fn from(fault: LocalServerFault) -> Self {
        Self::LocalServer(Box::new(fault))
    }
}

/// The last lines of a log, which hold what a server says at its end.
fn last_lines(log: &str) -> Untrusted {
    const LINES: usize = 5;
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].join("\n").into()
}
