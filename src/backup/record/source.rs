//! Where a dump came from: the server, its database, and the pg_dump that dumped it.

use serde::{Deserialize, Serialize};

use super::TEXT_CHARS_MAX;
use crate::text::Untrusted;

/// The longest identity of a database: 20 digits, a slash, 10 digits.
const IDENTITY_BYTES_MAX: usize = 31;

/// Where a dump came from and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Source {
    /// The server.
    pub server: Server,
    /// The client that dumped it.
    pub client: Client,
}

impl Source {
    /// With texts of no more characters than a name has, so that a record stays small.
    pub(super) fn cut(mut self) -> Self {
        let server = &mut self.server;
        server.version = server.version.cut(TEXT_CHARS_MAX);
        server.database = server.database.cut(TEXT_CHARS_MAX);
        server.identity = server.identity.take().filter(is_identity);
        server.collation = server.collation.as_ref().map(Collation::cut);
        self.client.version = self.client.version.cut(TEXT_CHARS_MAX);
        self
    }
}

/// A PostgreSQL server as it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Server {
    /// The full version, `16.4`.
    pub version: Untrusted,
    /// The major version, `16`.
    pub major: u32,
    /// The name of the database on it.
    pub database: Untrusted,
    /// The size on disk of what a dump holds (tables without their indexes, large objects).
    pub table_bytes: u64,
    /// It was a standby rather than a primary.
    pub standby: bool,
    /// The cluster's system identifier and the database's oid, `7432190547/16384`, by which a drill knows the database
    /// again; none where the server doesn't tell.
    #[serde(default)]
    pub identity: Option<Untrusted>,
    /// The collation of the database, where the server says which version it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Collation>,
}

/// The collation of a database: in which order its texts stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Collation {
    /// The locale.
    pub locale: Untrusted,
    /// The version of the library's collation; none where it has none, as the locale C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Untrusted>,
}

impl Collation {
    /// With texts of no more characters than a name has.
    pub(in crate::backup) fn cut(&self) -> Self {
        Self {
            locale: self.locale.cut(TEXT_CHARS_MAX),
            version: self.version.as_ref().map(|version| version.cut(TEXT_CHARS_MAX)),
        }
    }
}

/// A pg_dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Client {
    /// The full version, `16.4`.
    pub version: Untrusted,
    /// The major version, `16`.
    pub major: u32,
}

/// Two numbers, as no server has others: whatever else a record says is of no use.
fn is_identity(identity: &Untrusted) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || c == '/';
    identity.raw().len() <= IDENTITY_BYTES_MAX && identity.raw().chars().all(is_digit)
}
