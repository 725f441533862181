//! Something that is wrong with a database's backups, for those who may read everything and for those who may not.

use std::fmt;

use crate::text::Untrusted;

/// Something that is wrong. Its [`Display`](fmt::Display) is for a terminal and the log, and has the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    what: String,
    detail: Option<Untrusted>,
}

impl Problem {
    /// One that our own words say in full: no message of a server, a service or a program is in them.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            detail: None,
        }
    }

    /// The same, with what somebody else said of it.
    pub(super) fn because(self, detail: impl Into<Untrusted>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// What may leave the machine over a channel: our own words alone.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}: {}", self.what, detail),
            None => f.write_str(&self.what),
        }
    }
}
