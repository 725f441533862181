//! Why a connection or a login fails.

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The host's name has no address.
    Unresolved,
    /// Nothing listens at the address.
    Refused,
    /// The network has no route to the host.
    Unreachable,
    /// The server did not answer in time.
    Timeout,
    /// The URL requires TLS, and the server doesn't offer it.
    NoTls,
    /// The server's certificate failed the check that the URL requires.
    Certificate,
    /// TLS failed for another reason.
    Tls,
    /// A file of certificates or keys that the URL names can't be used.
    File,
    /// The peer doesn't speak PostgreSQL's protocol.
    NoPostgres,
    /// A pooler refuses what the URL asks for.
    Pooler,
    /// No host is of the kind that `target_session_attrs` asks for.
    OtherKind,
    /// There is no password: a token could not be made, or a password file not read.
    NoPassword,
    /// The database does not exist.
    NoSuchDatabase,
    /// There is no such database, and a backup was to be restored into it.
    NoSuchTarget,
    /// All connections are in use.
    TooMany,
    /// The server is starting up, shutting down or recovering.
    StartingUp,
    /// Any other reason.
    Other,
}

/// Why a login was refused, by SQLSTATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthFault {
    /// The user or the password is wrong.
    Password,
    /// `pg_hba.conf` has no entry for this role and address, or the role doesn't exist or has no login.
    Entry,
    /// The role has no right to connect to this database.
    Connect,
}
