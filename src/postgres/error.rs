//! Errors of PostgreSQL, separated as far as the cure differs.

mod child;
mod connection;

use std::path::{Path, PathBuf};

use super::client::{FolderFault, NamedFolder};
use super::fixed_setting::FixedSetting;
use super::local_server::LocalServerFault;
use super::lock_holder::LockHolder;
use super::obstacle::Obstacle;
use super::reserved::UnusableReserved;
use super::role_override::RoleOverride;
use super::url::UrlFault;
use super::wire::LoginRefusal;
use crate::text::{Untrusted, os_words};

pub use child::{ChildFault, FailureCause};
pub use connection::{AuthFault, ConnectFault};

/// An error on PostgreSQL's side: the address, the connection, missing rights, or a child process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's URL can't be used.
    #[error("the database's url cannot be used: {0}")]
    Url(#[from] UrlFault),
    /// The server asks for a login method that the agent refuses to use.
    #[error("the login method that {target} asks for is refused: {}", .refused.describe())]
    Login {
        /// `user@host:port/database`.
        target: String,
        /// The method, and why it is refused.
        refused: LoginRefusal,
    },
    /// The installed client programs don't support what the URL requires.
    #[error("the installed client programs don't support what the url requires: {0}")]
    UnsupportedByClient(&'static str),
    /// The connection goes through a pooler that shares server connections between transactions.
    #[error(
        "the connection to {target} goes through a pooler in transaction mode (such as PgBouncer), in which locks and \
         pg_dump's settings get lost"
    )]
    Pooler {
        /// `user@host:port/database`.
        target: String,
        /// The server's own address, if the pooler's address shows the provider.
        direct: Option<String>,
    },
    /// The connection failed.
    #[error("cannot connect to {target}: {message}")]
    Connect {
        /// `user@host:port/database`.
        target: String,
        /// Why it failed.
        fault: ConnectFault,
        /// The message of the server or the operating system.
        message: Untrusted,
    },
    /// The server refused the login.
    #[error("{target} refuses the login: {message}")]
    Auth {
        /// `user@host:port/database`.
        target: String,
        /// The server's message.
        message: Untrusted,
        /// Why, by its SQLSTATE.
        why: AuthFault,
    },
    /// The connection broke, or the lock that it held is lost.
    #[error("the connection to {target} was lost: {message}")]
    Lost {
        /// `user@host:port/database`.
        target: String,
        /// What happened.
        message: Untrusted,
    },
    /// A statement of the agent failed.
    #[error("cannot {what} in {target}: {message}")]
    Query {
        /// `user@host:port/database`.
        target: String,
        /// What the statement was for, as a verb phrase.
        what: &'static str,
        /// Its SQLSTATE; empty if the answer could not be understood.
        code: String,
        /// The server's message.
        message: Untrusted,
    },
    /// Another run of the agent holds the lock, as far as the server shows.
    #[error("another run holds the lock of {label}{}", .holder.as_ref().map(|holder| format!(": \
        {holder}")).unwrap_or_default())]
    Locked {
        /// The database's label.
        label: String,
        /// The holder, as far as the server shows it.
        holder: Option<Box<LockHolder>>,
    },
    /// Another session holds the lock: of another login, or with another application name.
    #[error("the lock of {label} is held, and not by a run of this agent: {holder}")]
    LockTaken {
        /// The database's label.
        label: String,
        /// The holder, as far as the server shows it.
        holder: Box<LockHolder>,
    },
    /// Another restore into the same database is under way.
    #[error("another restore into {target} is under way{}", .holder.as_ref().map(|holder| format!(": \
        {holder}")).unwrap_or_default())]
    TargetLocked {
        /// The target, as `user@host:port/database`.
        target: String,
        /// The holder of its lock, as far as the server shows it.
        holder: Option<Box<LockHolder>>,
    },
    /// The role lacks rights that pg_dump needs.
    #[error("role {user} cannot dump {database}: {}", list_obstacles(.obstacles))]
    Obstacles {
        /// The role.
        user: Untrusted,
        /// The database.
        database: Untrusted,
        /// The missing rights; at least one.
        obstacles: Vec<Obstacle>,
    },
    /// Every installed client is older than the server, and pg_dump refuses newer servers.
    #[error("the server is PostgreSQL {server_major}, and every installed pg_dump is older; found: {}", list(.found))]
    NewerServer {
        /// The server's major version.
        server_major: u32,
        /// The version and path of each client that was found.
        found: Vec<String>,
        /// The only folder that is searched, if the settings name one.
        named: Option<NamedFolder>,
    },
    /// The needed program isn't installed.
    #[error("no suitable {program} is installed ({need}); found: {}", list(.found))]
    NoClient {
        /// The program.
        program: &'static str,
        /// The version that is needed, in words.
        need: String,
        /// The version and path of each client that was found, or the folders that were searched.
        found: Vec<String>,
        /// The major version to install.
        major: Option<u32>,
        /// The only folder that is searched, if the settings name one.
        named: Option<NamedFolder>,
    },
    /// The folder that the settings name has no client programs that can be used.
    #[error("PGCOFFER_PG_BIN names {}, and {fault}", folder.display())]
    ClientFolder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        fault: FolderFault,
        /// The folders that would be found without it.
        elsewhere: Vec<PathBuf>,
    },
    /// The restore uses psql, and this pg_restore is too old to protect psql from commands in the archive.
    #[error(
        "a restore into this older server uses psql, and this pg_restore doesn't protect psql from commands hidden in \
         the backup (CVE-2025-8714): nothing was restored"
    )]
    Unrestricted,
    /// pg_dump failed. Its archive is invalid.
    #[error("{0}")]
    DumpFailed(ChildFault),
    /// pg_restore or psql failed.
    #[error("{0}")]
    LoadFailed(ChildFault),
    /// The target of a restore is not empty.
    #[error("database {database} is not empty: it has {}", list_untrusted(.objects))]
    TargetNotEmpty {
        /// The database.
        database: Untrusted,
        /// Some of the objects in it.
        objects: Vec<Untrusted>,
        /// Whether an interrupted restore of the same backup may have left them, with which another try could go on.
        may_be_resumed: bool,
    },
    /// The database's settings change the role of the session. That role would own what is restored.
    #[error(
        "the settings of database {} set role {} for every session, also for {}: that role would own what is restored",
        .0.database, .0.role, .0.login
    )]
    RoleOverridden(Box<RoleOverride>),
    /// The target of a restore is a standby, which accepts no writes.
    #[error("database {database} is on a standby, which is read-only")]
    TargetStandby {
        /// The database.
        database: Untrusted,
    },
    /// The target of a restore is read-only, by its settings or those of the role.
    #[error("database {database} is read-only: default_transaction_read_only is on")]
    TargetReadOnly {
        /// The database.
        database: Untrusted,
    },
    /// A setting would change what is restored, and can't be overridden for the restore.
    #[error("{0}: the restored data would differ from the backup")]
    Setting(Box<FixedSetting>),
    /// A server of the agent's own can't be had.
    #[error("{0}")]
    LocalServer(Box<LocalServerFault>),
    /// The database that a drill should use on a server where it can create none is not used.
    #[error("{0}")]
    Reserved(Box<UnusableReserved>),
    /// A program could not be started, or a pipe failed.
    #[error("cannot {what}: {}", os_words(source))]
    Io {
        /// What failed, as a verb phrase.
        what: String,
        /// The operating system's error.
        source: std::io::Error,
    },
}

impl Error {
    pub(super) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    /// A client's version and path, for messages.
    pub(super) fn found(version: &str, path: &Path) -> String {
        format!("{version} at {}", path.display())
    }

    /// The searched folders, for messages.
    pub(super) fn searched(folders: &[PathBuf]) -> Vec<String> {
        let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        vec![format!("nothing in {}", folders.join(", "))]
    }
}

/// The default value if the right is missing, as some providers revoke it from every role: a backup doesn't need these
/// facts.
pub(super) fn unless_refused<T: Default>(looked: Result<T, Error>) -> Result<T, Error> {
    match looked {
        Err(Error::Query { code, .. }) if code == "42501" => Ok(T::default()),
        looked => looked,
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

/// The first obstacles, and the number of the others.
fn list_obstacles(obstacles: &[Obstacle]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<_> = obstacles.iter().take(SHOWN).map(ToString::to_string).collect();
    if obstacles.len() > SHOWN {
        text.push(format!("and {} more", obstacles.len() - SHOWN));
    }
    text.join("; ")
}
