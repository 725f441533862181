/// The kinds of failure that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// the text after `PGCOFFER_BUCKET=`, an option or the endpoint's text is wrong
    Configuration,
    /// an endpoint is `http://`, and its host neither this machine nor one that the user allows
    PlainHttp,
    /// no credentials anywhere in the SDK's chain
    NoCredentials,
    /// where the credentials come from (STS, a container's or an instance's service) doesn't answer, or fails
    CredentialsAway,
    /// the service doesn't know these credentials, or their signature is wrong
    WrongCredentials,
    /// the credentials may not do this
    Denied,
    /// there is no such bucket
    NoBucket,
    /// the bucket is in another region
    WrongRegion,
    /// what answers at the endpoint is no S3 service, or asked about something else than the bucket
    Endpoint,
    /// the service's certificate can't be trusted
    Certificate,
    /// there is no such object
    NotFound,
    /// the object exists already and must not be overwritten
    Exists,
    /// the object isn't the one that was looked at before
    Changed,
    /// the object lies in cold storage
    Cold,
    /// the service doesn't know the request or a header of it
    Unsupported,
    /// a quota is reached, or the service has no room left
    Full,
    /// the service says: later
    Busy,
    /// no connection, or it broke
    Unreachable,
    /// what the service holds isn't what was sent
    Mismatch,
    /// a request or its answer was damaged on the way
    Damaged,
    /// the service has said nothing for so long that it isn't asked any more
    Silent,
    /// anything else
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

    /// Whether a refusal may be about another request than was sent, where that was damaged on its way: a flipped bit
    /// makes a signature wrong, a name another one, a header one that nobody knows.
    pub(in crate::store) fn is_doubtful(self) -> bool {
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

    pub(super) fn of(code: &str, status: u16, message: &str) -> Self {
        match Self::of_code(code) {
            Some(kind) => kind,
            None if is_full(code, status, message) => Self::Full,
            None if code == "AccessDenied" => Self::Denied,
            None => Self::of_status(status),
        }
    }

    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "NoSuchBucket" => Self::NoBucket,
            "NoSuchKey" | "NotFound" | "NoSuchUpload" => Self::NotFound,
            // Garage and B2 say so of a bucket that is full as well: their words tell
            "AccessDenied" => return None,
            "AllAccessDisabled" | "AccountProblem" => Self::Denied,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "Unauthorized"
            | "AuthFailure"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
            | "RequestExpired"
            | "RequestTimeTooSkewed" => Self::WrongCredentials,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "InvalidRegionName"
            | "IllegalLocationConstraintException" => Self::WrongRegion,
            "PreconditionFailed" | "ConditionalRequestConflict" => Self::Exists,
            "InvalidObjectState" => Self::Cold,
            "NotImplemented" | "MethodNotAllowed" | "InvalidArgument" | "NotSupported" => Self::Unsupported,
            "BadDigest"
            | "XAmzContentSHA256Mismatch"
            | "XAmzContentChecksumMismatch"
            | "InvalidDigest"
            | "ContentSHA256Mismatch"
            | "IncompleteBody"
            | "IncompleteSignature"
            | "InvalidURI"
            | "MissingContentLength"
            | "BadRequest" => Self::Damaged,
            "SlowDown"
            | "ServiceUnavailable"
            | "InternalError"
            | "RequestTimeout"
            | "Throttling"
            | "ThrottlingException"
            | "OperationAborted"
            | "RequestLimitExceeded" => Self::Busy,
            _ => return None,
        })
    }

    pub(super) fn of_status(status: u16) -> Self {
        match status {
            401 => Self::WrongCredentials,
            403 => Self::Denied,
            404 => Self::NotFound,
            301 | 307 => Self::WrongRegion,
            302 | 303 | 308 => Self::Endpoint,
            405 | 501 => Self::Unsupported,
            409 | 412 => Self::Exists,
            408 | 429 | 500 | 502 | 503 | 504 => Self::Busy,
            // https://www.rfc-editor.org/rfc/rfc4918#section-11.5
            507 => Self::Full,
            _ => Self::Other,
        }
    }
}

/// Whether a refusal says that there is no room. Amazon has no quotas, so that every service has its own code for it:
/// `QuotaExceeded`, `XMinioAdminBucketQuotaExceeded`, `XMinioStorageFull`, `ObjectQuotaExceeded`,
/// `InsufficientStorage`; and some have none and say it in words, behind `AccessDenied` or `EntityTooLarge`.
fn is_full(code: &str, status: u16, message: &str) -> bool {
    const CODES: [&str; 6] = [
        "quota",
        "storagefull",
        "backendfull",
        "insufficientstorage",
        "storagelimit",
        "capexceeded",
    ];
    const WORDS: [&str; 12] = [
        "quota",
        "storage cap",
        "cap exceeded",
        "storage limit",
        "storage full",
        "storage is full",
        "insufficient storage",
        "insufficient space",
        "no space left",
        "not enough space",
        "disk full",
        "minimum free drive",
    ];
    // of requests in a second there are quotas, too
    if status == 429 || code.contains("Request") {
        return false;
    }
    let words_tell = status != 503;
    let code = code.to_ascii_lowercase().replace(['_', '-', '.'], "");
    let message = message.to_ascii_lowercase();
    CODES.iter().any(|word| code.contains(word)) || words_tell && WORDS.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_before_statuses() {
        for (code, status, kind) in [
            ("NoSuchBucket", 404, Kind::NoBucket),
            ("SignatureDoesNotMatch", 403, Kind::WrongCredentials),
            ("AuthorizationHeaderMalformed", 400, Kind::WrongRegion),
            ("AccessDenied", 403, Kind::Denied),
            ("AccessDenied", 200, Kind::Denied),
            ("Unauthorized", 401, Kind::WrongCredentials),
            ("", 401, Kind::WrongCredentials),
            ("", 503, Kind::Busy),
            ("", 302, Kind::Endpoint),
            ("Unheard", 418, Kind::Other),
        ] {
            assert_eq!(Kind::of(code, status, ""), kind, "{code} {status}");
        }
        assert!(Kind::Busy.is_passing() && !Kind::Denied.is_passing());
    }

    #[test]
    fn a_full_bucket_is_known_by_code_by_status_and_by_words() {
        for (code, status, message) in [
            ("QuotaExceeded", 403, ""),
            ("XMinioAdminBucketQuotaExceeded", 400, ""),
            ("XMinioStorageFull", 507, ""),
            ("XMinioAdminBucketQuotaExceeded", 503, ""),
            ("ObjectQuotaExceeded", 403, ""),
            ("StorageQuotaExceeded", 409, ""),
            ("storage_cap_exceeded", 403, ""),
            ("InsufficientStorage", 500, ""),
            ("", 507, ""),
            ("EntityTooLarge", 413, "Upload exceeds quota."),
            (
                "AccessDenied",
                403,
                "Forbidden: Object size quota is reached, maximum total size of objects for this bucket: 5",
            ),
            (
                "AccessDenied",
                403,
                "Cannot upload files, storage cap exceeded. See the Caps & Alerts page",
            ),
            ("Whatever", 500, "write: no space left on device"),
        ] {
            assert_eq!(Kind::of(code, status, message), Kind::Full, "{code} {message}");
        }
        for (code, status, message) in [
            ("SlowDown", 503, "request quota exceeded"),
            ("TooManyRequests", 429, "quota of requests"),
            ("RequestQuotaExceeded", 403, "quota"),
            ("", 503, "over quota"),
            ("AccessDenied", 403, "Access Denied"),
            ("EntityTooLarge", 400, "your proposed upload is too large"),
        ] {
            assert_ne!(Kind::of(code, status, message), Kind::Full, "{code} {message}");
        }
    }
}
