//! PostgreSQL's client programs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How one of PostgreSQL's client programs failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The program.
    pub program: Program,
    /// The cause.
    pub cause: ChildCause,
}

/// PostgreSQL's client programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// It writes dumps.
    #[serde(rename = "pg_dump")]
    PgDump,
    /// It reads them.
    #[serde(rename = "pg_restore")]
    PgRestore,
    /// It runs SQL.
    #[serde(rename = "psql")]
    Psql,
}

/// Why a client program failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChildCause {
    /// No suitable one is installed.
    NotInstalled,
    /// Every installed one is older than the server.
    OlderThanServer,
    /// It could not be started.
    NotStarted,
    /// It wrote nothing for too long.
    Silent,
    /// A right is missing.
    PermissionDenied,
    /// A row security policy would hide rows.
    RowSecurity,
    /// Another session holds a lock.
    LockTimeout,
    /// The archive's format is newer than it knows.
    ArchiveTooNew,
    /// The server has no room for so many locks.
    OutOfLocks,
    /// An object was dropped or altered during the dump.
    DefinitionsChanged,
    /// A row is larger than a text can be.
    RowTooLarge,
    /// A standby cancelled it.
    RecoveryConflict,
    /// The connection broke.
    ConnectionLost,
    /// The login was refused.
    Login,
    /// The server asks for a login method that it must not use.
    LoginKept,
    /// It is too old to keep commands out of a backup that goes through psql.
    Unrestricted,
    /// A disk is full.
    DiskFull,
    /// A signal ended it.
    Terminated,
    /// An object to be created already exists.
    AlreadyExists,
    /// A role doesn't exist.
    NoSuchRole,
    /// An extension isn't installed on the server.
    NoSuchExtension,
    /// An extension that this role may not create.
    ExtensionRight,
    /// The archive ends early, or isn't one.
    BadArchive,
    /// What it wrote is not a whole archive.
    NotWhole,
    /// Another cause.
    Unknown,
}

impl Program {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PgDump => "pg_dump",
            Self::PgRestore => "pg_restore",
            Self::Psql => "psql",
        }
    }

    /// The program of that name; every other name means `psql`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "pg_dump" => Self::PgDump,
            "pg_restore" => Self::PgRestore,
            _ => Self::Psql,
        }
    }
}

impl Child {
    pub(super) fn code(self) -> String {
        let cause = serde_json::to_value(self.cause).unwrap_or_default();
        let program = self.program.as_str().replace('_', "-");
        format!("{program}-{}", cause.as_str().unwrap_or_default())
    }

    pub(super) fn hint(self) -> Option<&'static str> {
        use ChildCause as C;
        Some(match self.cause {
            C::NotInstalled | C::OlderThanServer => {
                "install PostgreSQL's client programs of the server's major version where pgcoffer runs, or name their \
                 folder by PGCOFFER_PG_BIN"
            }
            C::Silent => {
                "look for what it waits for in pg_stat_activity; where a table takes that long, raise \
                 PGCOFFER_STALL_TIMEOUT"
            }
            C::PermissionDenied if self.program == Program::PgDump => {
                "have the owner grant what is missing: `pgcoffer check` where pgcoffer runs prints the statements"
            }
            C::PermissionDenied => {
                "restore as the owner of the target database; objects that only a superuser may create need one"
            }
            C::RowSecurity => {
                "a policy hides rows from this role: `pgcoffer check` where pgcoffer runs says who can let it read \
                 them, and how"
            }
            C::LockTimeout => "another session, often a migration, holds a lock that excludes readers: let it end",
            C::ArchiveTooNew => "use a pg_restore at least as new as the pg_dump that made the archive",
            C::OutOfLocks if self.program == Program::PgDump => {
                "raise max_locks_per_transaction on the server, which takes a restart: `pgcoffer check` where pgcoffer \
                 runs says to what"
            }
            C::OutOfLocks => "raise max_locks_per_transaction on the target's server, which takes a restart",
            C::DefinitionsChanged => "let the migration end: the next attempt may well succeed",
            C::RowTooLarge => "split such values or move them into large objects: a row as text has room for 1 GB",
            C::RecoveryConflict => "back up from the primary, or raise max_standby_streaming_delay on this standby",
            C::ConnectionLost => "look into the server's log: the server or the network between cut the connection",
            C::Login => "check user and password in PGCOFFER_DB_<NAME>_URL, which may have been rotated",
            C::LoginKept => "see who answers there, or set the server to scram-sha-256",
            C::Unrestricted => {
                "install the newest minor version of the client programs (17.6, 18 or later), or those of the server's \
                 own version"
            }
            C::DiskFull => "make room on the server's disk",
            C::Terminated => "see what ended it: a deploy, a limit of memory or time, or an administrator",
            C::AlreadyExists => "restore into an empty database, or with --clean",
            C::NoSuchRole => "create the role first, or restore without owners and privileges",
            C::NoSuchExtension => "install the extension's package on the target server first",
            C::ExtensionRight => {
                "have the extension created in the target first, by who may, and restore with --no-comments"
            }
            C::BadArchive => "verify the backup: its archive is cut off or damaged",
            C::NotStarted | C::NotWhole | C::Unknown => return None,
        })
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ChildCause as C;
        let program = self.program.as_str();
        let why = match self.cause {
            C::NotInstalled => return write!(f, "no {program} is installed that will do"),
            C::OlderThanServer => {
                return write!(f, "no {program} is installed that is as new as the server");
            }
            C::NotStarted => return write!(f, "{program} could not be started"),
            C::Silent => {
                return write!(f, "{program} wrote nothing for too long, and was stopped");
            }
            C::NotWhole => {
                return write!(f, "what {program} wrote is no whole archive");
            }
            C::PermissionDenied => "a right is missing",
            C::RowSecurity => "row-level security hides rows from its role",
            C::LockTimeout => "another session holds a lock on a table",
            C::ArchiveTooNew => "the archive's format is newer than it knows",
            C::OutOfLocks => "the server has no room for so many locks",
            C::DefinitionsChanged => "a table was dropped or altered while it was to be read",
            C::RowTooLarge => "a row is too large to be read as text",
            C::RecoveryConflict => "the standby cancelled it to go on replaying",
            C::ConnectionLost => "the connection to the server broke",
            C::Login => "the server refuses the login",
            C::LoginKept => "the server asks for a login that it must not be given",
            C::Unrestricted => {
                return write!(f, "{program} is too old to guard psql against commands in a backup");
            }
            C::DiskFull => "a disk is full, the server's most likely",
            C::Terminated => "something ended it",
            C::AlreadyExists => "what it is to create is there already",
            C::NoSuchRole => "a role that is needed does not exist",
            C::NoSuchExtension => "an extension is not installed on the server",
            C::ExtensionRight => "its role may not create an extension",
            C::BadArchive => "the archive is cut off or damaged",
            C::Unknown => return write!(f, "{program} failed"),
        };
        write!(f, "{program} failed: {why}")
    }
}
