//! What goes wrong with the bucket: of which kind it is, what was being done, and what cures it.

mod hint;
mod kind;
mod sdk;
mod tls;

use std::fmt;

pub use kind::Kind;

use crate::text::{continued, escaped};

/// What went wrong with the bucket.
#[derive(Debug, Clone)]
pub struct Error {
    /// what a caller can decide by
    pub kind: Kind,
    /// what was being done, and on which object: `read s3://bucket/key`
    pub doing: String,
    /// the service's or the network's own words
    pub why: String,
    /// what cures it, where more is known than its kind says
    pub cure: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: Kind, doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            why: why.into(),
            cure: None,
        }
    }

    pub(super) fn with_cure(self, cure: impl Into<String>) -> Self {
        Self {
            cure: Some(cure.into()),
            ..self
        }
    }

    /// The same of a request about the bucket itself: that an object isn't there is no answer to that.
    pub(super) fn of_bucket(self) -> Self {
        match self.kind {
            Kind::NotFound => Self {
                kind: Kind::Endpoint,
                ..self
            },
            _ => self,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // keys and what the service says are somebody else's text
        write!(f, "can't {}: {}", escaped(&self.doing), continued(&self.why))
    }
}

impl std::error::Error for Error {}
