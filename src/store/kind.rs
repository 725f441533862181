//! The kinds of failure, whatever the place.

/// The kinds of failure that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The text after `PGCOFFER_BUCKET=`, an option or the endpoint's text is wrong.
    Configuration,
    /// An endpoint is `http://`, and its host neither this machine nor one that the user allows.
    PlainHttp,
    /// No credentials anywhere in the SDK's chain.
    NoCredentials,
    /// Where the credentials come from (STS, a container's or an instance's service) doesn't answer, or fails.
    CredentialsAway,
    /// The service doesn't know these credentials, or their signature is wrong.
    WrongCredentials,
    /// The credentials may not do this.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// The bucket is in another region.
    WrongRegion,
    /// What answers at the endpoint is no S3 service, or asked about something else than the bucket.
    Endpoint,
    /// The service's certificate can't be trusted.
    Certificate,
    /// There is no such object.
    NotFound,
    /// The object exists already and must not be overwritten.
    Exists,
    /// The object isn't the one that was looked at before.
    Changed,
    /// The object lies in cold storage.
    Cold,
    /// The service doesn't know the request or a header of it.
    Unsupported,
    /// A quota is reached, or the service has no room left.
    Full,
    /// The service says: later.
    Busy,
    /// No connection, or it broke.
    Unreachable,
    /// What the service holds isn't what was sent.
    Mismatch,
    /// A request or its answer was damaged on the way.
    Damaged,
    /// The service has said nothing for so long that it isn't asked any more.
    Silent,
    /// Anything else.
    Other,
}

impl Kind {
    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable | Self::Damaged)
    }

    /// Whether it is about the way to the bucket and so about every request alike: what is left undone after it is not
    /// known.
    #[must_use]
    pub fn is_of_all_requests(self) -> bool {
        matches!(
            self,
            Self::NoCredentials
                | Self::CredentialsAway
                | Self::WrongCredentials
                | Self::Denied
                | Self::NoBucket
                | Self::WrongRegion
                | Self::Endpoint
                | Self::Certificate
                | Self::Silent
        )
    }

    /// Whether it says that nothing can be read now, rather than that this one object can't.
    #[must_use]
    pub fn is_of_all_objects(self) -> bool {
        self.is_passing() || self.is_of_all_requests()
    }

    /// Whether a refusal may be about another request than was sent, where that was damaged on its way: a flipped bit
    /// makes a signature wrong, a name another one, a header one that nobody knows.
    pub(super) fn is_doubtful(self) -> bool {
        matches!(
            self,
            Self::WrongCredentials
                | Self::Denied
                | Self::NoBucket
                | Self::WrongRegion
                | Self::Endpoint
                | Self::NotFound
                | Self::Unsupported
                | Self::Other
        )
    }
}
