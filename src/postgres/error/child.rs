//! The failure of a child process, and its cause.

use std::fmt;

use crate::text::escaped_lines;

/// The failure of a child process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildFault {
    /// `pg_dump`, `pg_restore` or `psql`.
    pub program: &'static str,
    /// How it ended, such as `exit status: 1` or `signal: 9 (SIGKILL)`.
    pub ending: String,
    /// The last lines that it wrote to stderr.
    pub stderr: String,
    /// The cause, as far as it is known.
    pub cause: FailureCause,
}

/// The cause of a child's failure, as far as its messages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
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
    /// The server is out of locks or shared memory.
    OutOfLocks,
    /// An object was dropped or altered during the dump.
    DefinitionsChanged,
    /// A row is larger than the text that the server can build.
    RowTooLarge,
    /// A standby cancelled the query so that it could continue replay.
    RecoveryConflict,
    /// The connection broke.
    ConnectionLost,
    /// The login was refused.
    Auth,
    /// The server asks for a login method that the child must not use.
    LoginKept,
    /// A disk is full, most likely the server's.
    DiskFull,
    /// The process was ended by a signal.
    Terminated,
    /// The agent stopped reading the output. A consequence of another fault, never the cause.
    NotRead,
    /// An object that should be created already exists.
    AlreadyExists,
    /// A role that the archive names doesn't exist.
    NoSuchRole,
    /// An extension isn't installed on the server.
    NoSuchExtension,
    /// The role has no right to create the extension or to comment on it.
    ExtensionRight,
    /// Rows refer to rows that are not there.
    MissingRows,
    /// The archive is cut, or isn't an archive.
    BadArchive,
    /// The server is older than the one that was backed up, and doesn't know a definition.
    OlderServer,
    /// The cause is not known.
    Unknown,
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
