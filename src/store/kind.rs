//! The kinds of failure, for all places.

/// What cures that a bucket is not there, on S3.
pub const NO_BUCKET_CURE: &str =
    "create the bucket, or correct its name in PGCOFFER_BUCKET, or the endpoint in AWS_ENDPOINT_URL_S3";

/// The kinds of failure that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The value of `PGCOFFER_BUCKET`, an option or the endpoint's URL is wrong.
    Configuration,
    /// An endpoint is `http://`, and its host is neither this machine nor one that the user allows.
    PlainHttp,
    /// No credentials anywhere in the SDK's chain.
    NoCredentials,
    /// The source of the credentials (STS, the service of a container or an instance) doesn't answer, or fails.
    CredentialsUnavailable,
    /// The service doesn't accept these credentials or their signature.
    WrongCredentials,
    /// The credentials don't have the right to do this.
    Denied,
    /// The bucket doesn't exist.
    NoBucket,
    /// The bucket is in another region.
    WrongRegion,
    /// The server at the endpoint is not an S3 service, or was asked about something other than the bucket.
    Endpoint,
    /// The service's certificate can't be trusted.
    Certificate,
    /// The object doesn't exist.
    NotFound,
    /// The object exists already and must not be overwritten.
    Exists,
    /// The object isn't the one that was looked at before.
    Changed,
    /// The object is in cold storage.
    Cold,
    /// The service doesn't support the request or one of its headers.
    Unsupported,
    /// A quota is reached, or the service has no space left.
    Full,
    /// The service asks to retry later.
    Busy,
    /// There is no connection, or it broke.
    Unreachable,
    /// The service stores other bytes than were sent.
    Mismatch,
    /// A request or its answer was damaged on the network.
    Damaged,
    /// The service hasn't answered for so long that no more requests are made.
    Silent,
    /// Anything else.
    Other,
}

impl Kind {
    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable | Self::Damaged)
    }

    /// Whether it concerns the connection to the bucket, and so every request: what was not done after it is unknown.
    #[must_use]
    pub fn is_of_all_requests(self) -> bool {
        matches!(
            self,
            Self::NoCredentials
                | Self::CredentialsUnavailable
                | Self::WrongCredentials
                | Self::Denied
                | Self::NoBucket
                | Self::WrongRegion
                | Self::Endpoint
                | Self::Certificate
                | Self::Silent
        )
    }

    /// Whether no object can be read now, instead of only this one.
    #[must_use]
    pub fn is_of_all_objects(self) -> bool {
        self.is_passing() || self.is_of_all_requests()
    }

    /// Whether a refusal may be the result of a request that was damaged on the network: a flipped bit makes a
    /// signature wrong, changes a name, or makes a header unknown.
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
