//! The role that a database's settings set for every session.

use super::sql::ident;
use crate::text::Untrusted;

/// A role that the database's settings have set instead of the login's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleOverride {
    /// The database.
    pub database: Untrusted,
    /// The role that logs in.
    pub login: Untrusted,
    /// The role whose rights apply instead.
    pub role: Untrusted,
}

impl RoleOverride {
    /// The statement that removes the setting.
    pub(super) fn reset(&self) -> String {
        format!("ALTER DATABASE {} RESET role;", ident(self.database.raw()))
    }
}
