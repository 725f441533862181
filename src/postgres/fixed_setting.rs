//! A setting of a role or database that can't be overridden.

use std::fmt;

use super::sql::literal;
use crate::text::Untrusted;

/// A setting that can't be set for a child process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedSetting {
    /// The name.
    pub name: &'static str,
    /// The value.
    pub value: Untrusted,
    /// The effect of another value.
    pub(super) effect: &'static str,
    /// Why it can't be set.
    pub(super) why: &'static str,
    /// The value that it should have.
    pub(super) wanted: &'static str,
}

impl fmt::Display for FixedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} = {} is set for this role or database, {}, and {}",
            self.name, self.value, self.effect, self.why
        )
    }
}

impl FixedSetting {
    /// What the user can do about it.
    pub fn cure(&self) -> String {
        format!(
            "have a superuser or the database's owner set it for the role that logs in (ALTER ROLE … SET {} = {}), or, \
             if the connection goes through a pooler, connect to the server itself",
            self.name,
            literal(self.wanted)
        )
    }
}
