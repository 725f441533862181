//! Errors of a bucket: converted from the SDK's errors, with what the user can do about them.

mod chain;
mod code;
mod denied;
mod hint;
mod network;
mod sdk;
mod tls;

use super::{Error, Kind};

impl Error {
    /// The error of a request about the bucket itself, for which `NotFound` is not a meaningful answer.
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
