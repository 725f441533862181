//! The database's server, and the network between.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the server can fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Database {
    /// The URL can't be used.
    DatabaseUrl,
    /// The host's name has no address.
    DatabaseHostUnknown,
    /// Nothing listens at that address.
    DatabaseRefused,
    /// No network leads there.
    DatabaseUnreachable,
    /// No answer in time.
    DatabaseTimeout,
    /// TLS is asked for and the server has none
    DatabaseWithoutTls,
    /// Its certificate doesn't pass the check that the URL asks for.
    DatabaseCertificate,
    /// TLS failed otherwise
    DatabaseTls,
    /// There is no such database.
    DatabaseMissing,
    /// All connections are taken.
    DatabaseFull,
    /// The server is starting up, shutting down or recovering.
    DatabaseStarting,
    /// The server there isn't PostgreSQL.
    DatabaseForeign,
    /// A file of certificates or keys that the URL names can't be used.
    DatabaseFile,
    /// The server is a pooler that changes connections between transactions.
    DatabasePooler,
    /// The server asks for a login method that must not be used.
    DatabaseLoginKept,
    /// There is no password to log in with: no token, or a file that can't be read.
    DatabasePassword,
    /// No connection for another reason.
    DatabaseConnection,
    /// The server refused the login.
    DatabaseLogin,
    /// The connection broke.
    DatabaseLost,
    /// A statement of ours failed.
    DatabaseQuery {
        /// The server's code for it.
        sqlstate: Option<SqlState>,
    },
    /// Another run holds the lock.
    DatabaseLocked,
    /// Another session, which isn't a run of pgcoffer, holds the lock.
    DatabaseLockTaken,
    /// The role may not read everything.
    DatabaseRights {
        /// The number of objects on which a right is missing.
        objects: usize,
    },
    /// The target of a restore isn't empty.
    DatabaseNotEmpty,
    /// The settings of a restore's target set another role, or forbid writing.
    DatabaseSettings,
}

impl Database {
    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::DatabaseUrl => {
                "correct PGCOFFER_DB_<NAME>_URL where pgcoffer runs: postgres://user:password@host:5432/name, special \
                 characters percent-encoded"
            }
            Self::DatabaseHostUnknown => {
                "check the host in PGCOFFER_DB_<NAME>_URL for a typing error, and that machine's name service"
            }
            Self::DatabaseRefused => {
                "check host and port in PGCOFFER_DB_<NAME>_URL, and that the server runs and listens on that address"
            }
            Self::DatabaseUnreachable => {
                "check the network of the machine that runs pgcoffer, and the server's address"
            }
            Self::DatabaseTimeout => {
                "check host and port in PGCOFFER_DB_<NAME>_URL; a firewall or an allow list may drop the packets"
            }
            Self::DatabaseWithoutTls => {
                "turn TLS on at the server; sslmode=disable&allow_plaintext=yes in the URL is for a network of your own"
            }
            Self::DatabaseCertificate => {
                "give the server a certificate of an authority that is known where pgcoffer runs, or name the \
                 authority's file by sslrootcert= in the URL"
            }
            Self::DatabaseMissing => "check the database's name in PGCOFFER_DB_<NAME>_URL",
            Self::DatabaseFull => {
                "close other connections, or raise the limit of the server, the database or the role; a backup takes \
                 two"
            }
            Self::DatabaseStarting => "wait a little: the next attempt may well succeed",
            Self::DatabaseLogin => {
                "check user and password in PGCOFFER_DB_<NAME>_URL, which may have been rotated, and the server's \
                 pg_hba.conf"
            }
            Self::DatabaseLost => {
                "see whether the server restarted, and whether a pooler or a proxy stands between: connect to the \
                 server itself"
            }
            Self::DatabaseLocked => {
                "wait until the other run has ended; a lock goes with its connection, so none outlives its run"
            }
            Self::DatabaseForeign => "check host and port in PGCOFFER_DB_<NAME>_URL",
            Self::DatabaseFile => {
                "check the files that sslrootcert, sslcert and sslkey name in PGCOFFER_DB_<NAME>_URL, and who may read \
                 them"
            }
            Self::DatabasePooler => {
                "put the server's own address into PGCOFFER_DB_<NAME>_URL, or that of a pooler in session mode"
            }
            Self::DatabasePassword => {
                "see that the AWS SDK finds credentials where pgcoffer runs and that they may rds-db:connect, or that \
                 the file of passwords is there for its user alone"
            }
            Self::DatabaseLoginKept => {
                "see who answers there: a server asks for the password in a form that would show it, as nobody does \
                 who has it; set the server to scram-sha-256"
            }
            Self::DatabaseLockTaken => {
                "have the database's administrator find out who holds it: the log of that run names the session"
            }
            Self::DatabaseRights { .. } => {
                "have the owner grant what is missing: `pgcoffer check` where pgcoffer runs prints the statements"
            }
            Self::DatabaseNotEmpty => "restore into a new database, or have what is there dropped first by --clean",
            Self::DatabaseSettings => {
                "take back what its settings say of role or default_transaction_read_only: `pgcoffer restore` names \
                 the statement"
            }
            Self::DatabaseTls | Self::DatabaseConnection | Self::DatabaseQuery { .. } => {
                return None;
            }
        })
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = match self {
            Self::DatabaseUrl => return f.write_str("the database's URL can't be used"),
            Self::DatabaseLogin => {
                return f.write_str("the database's server refuses the login");
            }
            Self::DatabaseLost => {
                return f.write_str("the connection to the database was lost");
            }
            Self::DatabaseQuery { sqlstate: None } => {
                return f.write_str("a statement of pgcoffer's failed at the database's server");
            }
            Self::DatabaseQuery { sqlstate: Some(code) } => {
                return write!(
                    f,
                    "a statement of pgcoffer's failed at the database's server (SQLSTATE {code})"
                );
            }
            Self::DatabaseLocked => return f.write_str("another run is under way"),
            Self::DatabaseLockTaken => {
                return f.write_str("the lock is held by somebody who is no run of this agent");
            }
            Self::DatabaseLoginKept => {
                return f.write_str("the server asks for a login that it must not be given");
            }
            Self::DatabasePooler => {
                return f.write_str("a pooler in transaction mode stands before the database");
            }
            Self::DatabaseRights { objects: 1 } => {
                return f.write_str("the role may not read everything: a right is missing on 1 object");
            }
            Self::DatabaseRights { objects } => {
                return write!(
                    f,
                    "the role may not read everything: rights are missing on {objects} objects"
                );
            }
            Self::DatabaseSettings => {
                return f.write_str("the settings of the database to restore into stand in the way");
            }
            Self::DatabaseNotEmpty => {
                return f.write_str("the database to restore into is not empty");
            }
            Self::DatabaseHostUnknown => "its host's name has no address",
            Self::DatabaseRefused => "nothing listens at its host and port",
            Self::DatabaseUnreachable => "the network has no way to it",
            Self::DatabaseTimeout => "no answer came in time",
            Self::DatabaseWithoutTls => "TLS is asked for, and the server has none",
            Self::DatabaseCertificate => "the server's certificate does not pass the check",
            Self::DatabaseTls => "TLS failed",
            Self::DatabaseMissing => "the server has no database of that name",
            Self::DatabaseFull => "all of the server's connections are taken",
            Self::DatabaseStarting => "the server is starting up or shutting down",
            Self::DatabaseForeign => "what answers there is no PostgreSQL server",
            Self::DatabaseFile => "a file of certificates or keys can't be used",
            Self::DatabasePassword => "there is no password to log in with",
            Self::DatabaseConnection => "the server or the network refused it",
        };
        write!(f, "no connection to the database: {connection}")
    }
}

/// An SQLSTATE: the five characters that name an error of PostgreSQL in every language.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SqlState(String);

impl SqlState {
    /// Parses a code; `None` if it isn't one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        fits.then(|| Self(text.to_owned()))
    }
}

impl TryFrom<String> for SqlState {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an SQLSTATE")
    }
}

impl From<SqlState> for String {
    fn from(code: SqlState) -> Self {
        code.0
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
