//! What can go wrong with PostgreSQL, told apart as far as the cure differs.

use std::fmt;
use std::path::{Path, PathBuf};

use super::explain::AuthFault;
use super::holder::Holder;
use super::imposed::Imposed;
use super::preflight::Obstacle;
use super::settings::LeftSetting;
use super::url::UrlFault;
use super::wire::LoginRefused;
use crate::text::{Untrusted, escaped_lines};

/// A failure on PostgreSQL's side: its address, the connection, what a role may do, or one of the child processes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's URL can't be used.
    #[error("the database's url cannot be used: {0}")]
    Url(#[from] UrlFault),
    /// The server asks for a login that it must not be given.
    #[error("{target} is not given the login that it asks for: {}", .refused.describe())]
    Login {
        /// `user@host:port/database`.
        target: String,
        /// Which, and why.
        refused: LoginRefused,
    },
    /// What the URL asks for can't be asked of the client programs that are installed.
    #[error("the client programs found here can't be held to the url: {0}")]
    Unheld(&'static str),
    /// A pooler stands between that hands connections on between transactions.
    #[error(
        "a pooler in transaction mode stands between here and the server of {target} (PgBouncer or the like): neither \
         a lock nor pg_dump's settings hold there"
    )]
    Pooler {
        /// `user@host:port/database`.
        target: String,
        /// The server's own address, where its provider is known by the pooler's.
        direct: Option<String>,
    },
    /// No connection came about.
    #[error("cannot connect to {target}: {message}")]
    Connect {
        /// `user@host:port/database`.
        target: String,
        /// What kept it from it.
        fault: ConnectFault,
        /// What was said.
        message: Untrusted,
    },
    /// The server turned the login down.
    #[error("{target} refuses the login: {message}")]
    Auth {
        /// `user@host:port/database`.
        target: String,
        /// What the server said.
        message: Untrusted,
        /// Why, as far as its code tells.
        why: AuthFault,
    },
    /// The connection broke, or what it held is gone.
    #[error("the connection to {target} was lost: {message}")]
    Lost {
        /// `user@host:port/database`.
        target: String,
        /// What was seen.
        message: Untrusted,
    },
    /// A statement of ours failed.
    #[error("cannot {what} in {target}: {message}")]
    Query {
        /// `user@host:port/database`.
        target: String,
        /// What it was for.
        what: &'static str,
        /// Its SQLSTATE; empty where the answer made no sense.
        code: String,
        /// What the server said.
        message: Untrusted,
    },
    /// Another run holds the lock, by all that can be seen.
    #[error("another run holds the lock of {label}{}", .holder.as_ref().map(|holder| format!(": \
        {holder}")).unwrap_or_default())]
    Locked {
        /// The database's label.
        label: String,
        /// The holder as far as the server lets it be seen.
        holder: Option<Box<Holder>>,
    },
    /// Somebody else holds the lock: another login than this run's, or one that calls itself something else.
    #[error("the lock of {label} is held, and not by a run of this agent: {holder}")]
    LockTaken {
        /// The database's label.
        label: String,
        /// The holder as far as the server lets it be seen.
        holder: Box<Holder>,
    },
    /// The role lacks rights without which pg_dump fails.
    #[error("role {user} cannot dump {database}: {}", list_obstacles(.obstacles))]
    Obstacles {
        /// The role.
        user: Untrusted,
        /// The database.
        database: Untrusted,
        /// Each of them; at least one.
        obstacles: Vec<Obstacle>,
    },
    /// Every installed client is older than the server, and pg_dump refuses those.
    #[error("the server is PostgreSQL {server_major}, and no pg_dump as new is installed; found: {}", list(.found))]
    NewerServer {
        /// The server's major version.
        server_major: u32,
        /// Version and place of each client found.
        found: Vec<String>,
        /// The one folder that is looked into, where the settings name one.
        named: Option<PathBuf>,
    },
    /// The program that's needed isn't installed.
    #[error("no {program} is installed that will do ({need}); found: {}", list(.found))]
    NoClient {
        /// The program.
        program: &'static str,
        /// What is needed of it.
        need: String,
        /// Version and place of each client found, or the folders that were searched.
        found: Vec<String>,
        /// The major version to install.
        major: Option<u32>,
        /// The one folder that is looked into, where the settings name one.
        named: Option<PathBuf>,
    },
    /// This restore goes through psql, and pg_restore is too old to keep commands of psql out of it.
    #[error(
        "this pg_restore doesn't guard psql, through which a restore into this older server goes, against commands \
         hidden in the backup (CVE-2025-8714): nothing was restored"
    )]
    Unrestricted,
    /// pg_dump failed; what it wrote is worthless.
    #[error("{0}")]
    DumpFailed(ChildFault),
    /// pg_restore or psql failed.
    #[error("{0}")]
    LoadFailed(ChildFault),
    /// The target of a restore has something in it.
    #[error("database {database} is not empty: it has {}", list_untrusted(.occupants))]
    TargetNotEmpty {
        /// The database.
        database: Untrusted,
        /// Some of what is there.
        occupants: Vec<Untrusted>,
    },
    /// The database's settings have made another role of the login, which would own what is restored.
    #[error(
        "the settings of database {} make role {} of whoever connects, also of {}: it would own what is restored",
        .0.database, .0.role, .0.login
    )]
    ImposedRole(Box<Imposed>),
    /// The target of a restore is a standby, which takes nothing from anybody but its primary.
    #[error("database {database} is on a standby, which may only be read")]
    TargetStandby {
        /// The database.
        database: Untrusted,
    },
    /// The target of a restore may only be read, by its own settings or those of the role.
    #[error("database {database} may only be read: default_transaction_read_only is on")]
    TargetReadOnly {
        /// The database.
        database: Untrusted,
    },
    /// A setting would alter what is restored, and can't be set for the restore.
    #[error("{0}: what is restored would not be what was backed up")]
    Setting(Box<LeftSetting>),
    /// A program couldn't be started, or a pipe failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

/// What keeps a connection from coming about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The host's name has no address.
    Unresolved,
    /// Nothing listens there.
    Refused,
    /// The network has no way there.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// TLS is asked for and the server has none.
    NoTls,
    /// The server's certificate doesn't pass the check that is asked for.
    Certificate,
    /// TLS failed otherwise.
    Tls,
    /// A file of certificates or keys that the URL names can't be used.
    File,
    /// What answers there doesn't speak PostgreSQL's protocol.
    NoPostgres,
    /// A pooler that doesn't take what the URL asks for.
    Pooler,
    /// None of the hosts is the kind of server that `target_session_attrs` asks for.
    OtherKind,
    /// There is no password: a token can't be made, or a file of passwords not read.
    NoPassword,
    /// There is no such database.
    NoSuchDatabase,
    /// All connections are taken.
    TooMany,
    /// The server is starting up, shutting down or recovering.
    StartingUp,
    /// Anything else.
    Other,
}

/// How a child process failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildFault {
    /// `pg_dump`, `pg_restore` or `psql`.
    pub program: &'static str,
    /// How it ended: `exit status: 1`, `signal: 9 (SIGKILL)`.
    pub ending: String,
    /// The last lines that it wrote to stderr.
    pub stderr: String,
    /// What that means, as far as it's known.
    pub cause: Cause,
}

/// What lies behind a child's failure, as far as its messages tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A right is missing.
    PermissionDenied,
    /// A row security policy would hide rows.
    RowSecurity,
    /// Another session holds a lock on a table.
    LockTimeout,
    /// pg_dump is older than the server.
    VersionMismatch,
    /// The archive's format is newer than pg_restore.
    ArchiveTooNew,
    /// The server has no room for so many locks, or no memory.
    OutOfLocks,
    /// What was to be read was dropped or altered meanwhile.
    DefinitionsChanged,
    /// A row is larger than a text that the server can make of it.
    RowTooLarge,
    /// A standby cancelled it to go on replaying.
    RecoveryConflict,
    /// The connection broke.
    ConnectionLost,
    /// The login was turned down.
    Auth,
    /// The server asks for a login that the child is kept from giving.
    LoginKept,
    /// A disk is full, the server's most likely.
    DiskFull,
    /// It was told to end.
    Terminated,
    /// We stopped reading what it writes: a consequence of something on our side, never the cause.
    NotRead,
    /// What is to be created is there already.
    AlreadyExists,
    /// A role that the archive names isn't there.
    NoSuchRole,
    /// An extension isn't installed on the server.
    NoSuchExtension,
    /// An extension that this role may neither create nor comment on.
    ExtensionRight,
    /// The archive ends early or isn't one.
    BadArchive,
    /// Nothing known.
    Unknown,
}

impl Error {
    /// One plain sentence with the cure, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Url(fault) => fault.hint(),
            Self::Login { refused, .. } => refused.hint().to_owned(),
            Self::Unheld(_) => {
                "install a libpq of 16 or later, or use sslmode=verify-full with sslrootcert= and leave \
                require_auth out"
                    .into()
            }
            Self::Pooler {
                direct: Some(direct), ..
            } => format!(
                "put the server's own address into the url: host \
                {direct}"
            ),
            Self::Pooler { direct: None, .. } => "give the url of the PostgreSQL server itself, or of a pooler in \
                session mode: providers show it as the direct or unpooled one (on Heroku DATABASE_URL rather than \
                DATABASE_CONNECTION_POOL_URL)"
                .into(),
            Self::Connect { fault, .. } => fault.hint()?.to_owned(),
            Self::Auth { why, .. } => why.hint().to_owned(),
            Self::Lost { .. } => "the network, a pooler or a restart of the server cut it; run it again, and connect \
                to the server itself rather than to a pooler"
                .into(),
            Self::Query { code, .. } => query_hint(code)?.to_owned(),
            Self::Locked { holder: Some(_), .. } => {
                "wait until it has ended; a lock goes with its connection, so none \
                outlives its run"
                    .into()
            }
            Self::Locked { holder: None, .. } => "its holder has just ended, or can't be seen by this role: run it \
                again"
                .into(),
            Self::LockTaken { holder, .. } => format!(
                "any role that may connect to the database can take this lock. Should it be a backup by another login, \
                 wait; else have the database's administrator find out who it is, and end it by: SELECT \
                 pg_catalog.pg_terminate_backend({});",
                holder.pid
            ),
            Self::Obstacles { obstacles, .. } => Obstacle::cure(obstacles, STATEMENTS_SHOWN),
            Self::NewerServer {
                server_major, named, ..
            } => install(Some(*server_major), named.as_deref()),
            Self::NoClient { major, named, .. } => install(*major, named.as_deref()),
            Self::Unrestricted => "install the newest minor version of the client (17.6, 18 or later), or the client \
                of the server's own version"
                .into(),
            Self::DumpFailed(fault) => fault.hint(true)?.to_owned(),
            Self::LoadFailed(fault) => fault.hint(false)?.to_owned(),
            Self::TargetNotEmpty { occupants, .. } => {
                let all = match occupants.len() < super::occupants::NAMED {
                    true => "",
                    false => "; these are the first, and psql lists all: \\dn, \\d *.*, \\df *.*, \\dT *.*",
                };
                format!(
                    "restore into a new database (createdb NAME); or have what the backup holds replaced by \
                    --clean, in one transaction{all}"
                )
            }
            Self::ImposedRole(imposed) => format!(
                "if that is meant, ask for it in the url: options=-c%20role%3DROLE; else, as the database's owner or a \
                 superuser: {}",
                imposed.reset()
            ),
            Self::TargetStandby { .. } => "give the url of the primary".into(),
            Self::TargetReadOnly { .. } => "restore into another database; or take the setting back for this one \
                (ALTER DATABASE … RESET default_transaction_read_only), or for this restore alone in the url: \
                options=-c%20default_transaction_read_only%3Doff"
                .into(),
            Self::Setting(left) => left.cure(),
            Self::Io { .. } => return None,
        })
    }

    /// True when the same again, a little later, may well succeed.
    pub fn is_transient(&self) -> bool {
        use ConnectFault as F;
        match self {
            Self::Connect { fault, .. } => matches!(
                fault,
                F::Refused | F::Unreachable | F::Timeout | F::TooMany | F::StartingUp
            ),
            Self::Lost { .. } => true,
            Self::DumpFailed(fault) | Self::LoadFailed(fault) => {
                matches!(
                    fault.cause,
                    Cause::LockTimeout | Cause::DefinitionsChanged | Cause::RecoveryConflict | Cause::ConnectionLost
                )
            }
            _ => false,
        }
    }
}

/// Statements that a hint bears.
const STATEMENTS_SHOWN: usize = 5;

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn query_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "42501" => "the role lacks a right for that: have it granted, or use another role",
        "57014" | "55P03" => "the server took too long, or somebody holds a lock: run it again when less is going on",
        "53100" | "53200" | "53300" | "53400" => {
            "the server is short of room, memory, connections or locks (raise max_locks_per_transaction): see to that, \
             and run it again"
        }
        _ => return None,
    })
}

/// Where a folder is named no other is looked at, and a package that is installed elsewhere changes nothing.
fn install(major: Option<u32>, named: Option<&Path>) -> String {
    let version = major.map_or_else(String::new, |major| format!("-{major}"));
    let package = format!("postgresql-client{version}");
    match named {
        None => format!(
            "install PostgreSQL's client programs (apt-get install {package}), or name the folder that has them by \
             PGCOFFER_PG_BIN"
        ),
        Some(folder) => format!(
            "PGCOFFER_PG_BIN names {}, and no other folder is looked into: name the one that has them ({package} puts \
             them into a folder like \
             /usr/lib/postgresql/{}/bin), or take the setting away to have them found",
            folder.display(),
            major.unwrap_or(18)
        ),
    }
}

impl fmt::Display for ChildFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed ({})", self.program, self.ending)?;
        if self.stderr.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", escaped_lines(&self.stderr))
        }
    }
}

impl Error {
    pub(super) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    /// The client of that path, for messages.
    pub(super) fn found(version: &str, path: &Path) -> String {
        format!("{version} at {}", path.display())
    }

    /// The folders searched, for messages.
    pub(super) fn searched(folders: &[PathBuf]) -> Vec<String> {
        let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        vec![format!("nothing in {}", folders.join(", "))]
    }
}

fn list(found: &[String]) -> String {
    if found.is_empty() {
        "none".into()
    } else {
        found.join(", ")
    }
}

fn list_untrusted(names: &[Untrusted]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// As many as a line bears; the rest as a number.
fn list_obstacles(obstacles: &[Obstacle]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<_> = obstacles.iter().take(SHOWN).map(ToString::to_string).collect();
    if obstacles.len() > SHOWN {
        text.push(format!("and {} more", obstacles.len() - SHOWN));
    }
    text.join("; ")
}
