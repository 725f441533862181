//! What goes wrong with the bucket: of which kind it is, what was being done, and what cures it.

use std::fmt;

use super::Kind;
use crate::text::{continued, escaped};

/// What went wrong with the bucket.
#[derive(Debug, Clone)]
pub struct Error {
    /// What a caller can decide by.
    pub kind: Kind,
    /// What was being done, and on which object: `read s3://bucket/key`.
    pub doing: String,
    /// The words of the service, the network or the file system.
    pub why: String,
    /// What cures it, where more is known than its kind says.
    pub cure: Option<String>,
    /// Whether it is of a folder, and not of a bucket.
    pub is_of_folder: bool,
}

impl Error {
    pub(crate) fn new(kind: Kind, doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            why: why.into(),
            cure: None,
            is_of_folder: false,
        }
    }

    pub(super) fn with_cure(self, cure: impl Into<String>) -> Self {
        Self {
            cure: Some(cure.into()),
            ..self
        }
    }

    /// What a user can do about it. Every backend but S3 says so where it makes the error.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.cure.clone().or_else(|| self.hint_of_s3())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // keys and what the service says are somebody else's text
        write!(f, "can't {}: {}", escaped(&self.doing), continued(&self.why))
    }
}

impl std::error::Error for Error {}
