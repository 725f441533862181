//! Finds the kind of a failure by the code, the status and the message of a service's error.

use super::Kind;

impl Kind {
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
            // Garage and B2 use this code for a full bucket as well: the message decides
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

/// Whether an error means that there is no space. Amazon has no quotas, so every service has its own code for it:
/// `QuotaExceeded`, `XMinioAdminBucketQuotaExceeded`, `XMinioStorageFull`, `ObjectQuotaExceeded`,
/// `InsufficientStorage`. Some have no code, and say it in the message of `AccessDenied` or `EntityTooLarge`.
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
    // there are also quotas of requests per second
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
