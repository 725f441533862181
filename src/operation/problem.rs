//! A problem of a database's backups, in a full text and in one that may be published.

use std::fmt;

use crate::text::Untrusted;

/// A problem. Its [`Display`](fmt::Display) is the full text, for a terminal and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    what: String,
    detail: Option<Untrusted>,
}

impl Problem {
    /// A problem whose text contains no message of a server, a service or a program.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            detail: None,
        }
    }

    /// Adds the message of a server, a service or a program.
    pub(super) fn because(self, detail: impl Into<Untrusted>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// The text that may be sent over a channel: without messages of others.
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
