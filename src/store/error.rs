//! Errors of the place: their kind, what was being done, and what the user can do about them.

use std::{borrow::Cow, fmt};

use super::Kind;
use crate::{
    redact::without_keys,
    text::{continued, escaped},
};

/// An error of the place.
#[derive(Debug, Clone)]
pub struct Error {
    /// The kind, by which callers decide.
    pub kind: Kind,
    /// What was being done, and on which object: `read s3://bucket/key`.
    pub doing: String,
    /// The message of the service, the network or the file system.
    pub why: String,
    /// What the user can do, if more is known than the kind says.
    pub cure: Option<String>,
    /// What kind of place it is about.
    pub place: PlaceKind,
}

/// The kinds of places, which have different words and different cures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// A bucket of an S3 service.
    Bucket,
    /// A folder on a disk or a share.
    Folder,
    /// A folder on a server, by SFTP.
    Server,
}

impl Error {
    pub(crate) fn new(kind: Kind, doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            why: why.into(),
            cure: None,
            place: PlaceKind::Bucket,
        }
    }

    pub(super) fn with_cure(self, cure: impl Into<String>) -> Self {
        Self {
            cure: Some(cure.into()),
            ..self
        }
    }

    /// What the user can do about it. Every backend except S3 sets `cure` where it creates the error.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let of_s3 = || match self.place {
            PlaceKind::Bucket | PlaceKind::Folder => self.hint_of_s3(),
            PlaceKind::Server => None,
        };
        let hint = self.cure.clone().or_else(of_s3)?;
        Some(self.shown(&hint).into_owned())
    }

    /// Errors of credentials repeat the name of a profile, where somebody may have set a key.
    fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.kind {
            Kind::NoCredentials | Kind::WrongCredentials | Kind::CredentialsUnavailable => without_keys(text),
            _ => text.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // keys and messages of the service are text from outside
        write!(
            f,
            "can't {}: {}",
            escaped(&self.doing),
            continued(&self.shown(&self.why))
        )
    }
}

impl std::error::Error for Error {}
