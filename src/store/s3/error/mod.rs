//! What goes wrong with a bucket: what the SDK says, read into what we say, and what cures it.

mod code;
mod denied;
mod hint;
mod network;
mod sdk;
mod tls;

use super::{Error, Kind};

impl Error {
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
