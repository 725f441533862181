use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// What went wrong with the bucket.
#[derive(Debug, Clone)]
pub struct Error {
    /// what a caller can decide by
    pub kind: Kind,
    /// what was being done, and on which object: `read s3://bucket/key`
    pub doing: String,
    /// the service's or the network's own words
    pub why: String,
}

/// The kinds of failure that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// the text after `PGCOFFER_BUCKET=` or an option is wrong
    Configuration,
    /// an endpoint is `http://`, and its host neither this machine nor one that the user allows
    PlainHttp,
    /// no credentials anywhere in the SDK's chain
    NoCredentials,
    /// the service doesn't know these credentials, or their signature is wrong
    WrongCredentials,
    /// the credentials may not do this
    Denied,
    /// there is no such bucket
    NoBucket,
    /// the bucket is in another region
    WrongRegion,
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
    /// the service says: later
    Busy,
    /// no connection, or it broke
    Unreachable,
    /// what the service holds isn't what was sent
    Mismatch,
    /// anything else
    Other,
}

impl Kind {
    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable)
    }

    fn of_code(code: &str, status: u16) -> Self {
        match code {
            "NoSuchBucket" => Self::NoBucket,
            "NoSuchKey" | "NotFound" | "NoSuchUpload" => Self::NotFound,
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Self::Denied,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "ExpiredToken"
            | "RequestTimeTooSkewed" => Self::WrongCredentials,
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => Self::WrongRegion,
            "PreconditionFailed" | "ConditionalRequestConflict" => Self::Exists,
            "InvalidObjectState" => Self::Cold,
            "NotImplemented" | "MethodNotAllowed" | "InvalidArgument" | "NotSupported" => {
                Self::Unsupported
            }
            "BadDigest" | "XAmzContentSHA256Mismatch" | "InvalidDigest" => Self::Mismatch,
            "SlowDown"
            | "ServiceUnavailable"
            | "InternalError"
            | "RequestTimeout"
            | "Throttling"
            | "ThrottlingException"
            | "OperationAborted"
            | "RequestLimitExceeded" => Self::Busy,
            _ => Self::of_status(status),
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            404 => Self::NotFound,
            301 | 307 => Self::WrongRegion,
            405 | 501 => Self::Unsupported,
            409 | 412 => Self::Exists,
            408 | 429 | 500 | 502 | 503 | 504 => Self::Busy,
            _ => Self::Other,
        }
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            why: why.into(),
        }
    }

    /// Reads what the SDK says into what we say.
    pub(crate) fn from_sdk<E>(doing: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let chain = causes(error);
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default();
                let message = service.err().message().unwrap_or_default();
                let why = match (code, message) {
                    ("", "") => format!("the service answered with status {status}"),
                    ("", message) => format!("{message} (status {status})"),
                    (code, "") => format!("{code} (status {status})"),
                    (code, message) => format!("{message} ({code}, status {status})"),
                };
                Self::new(Kind::of_code(code, status), doing, why)
            }
            SdkError::ResponseError(response) => {
                let kind = match Kind::of_status(response.raw().status().as_u16()) {
                    // a good status and an answer that broke off
                    Kind::Other => Kind::Unreachable,
                    kind => kind,
                };
                Self::new(kind, doing, chain)
            }
            SdkError::TimeoutError(_) => Self::new(Kind::Unreachable, doing, chain),
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
                Self::new(Kind::Unreachable, doing, chain)
            }
            _ if chain.contains("credentials") => Self::new(Kind::NoCredentials, doing, chain),
            SdkError::DispatchFailure(_) => Self::new(Kind::Unreachable, doing, chain),
            _ => Self::new(Kind::Other, doing, chain),
        }
    }

    /// What a user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self.kind {
            _ if self.why.contains("Object Lock Configuration") => {
                "this bucket has no Object Lock: use one that has, or unset PGCOFFER_LOCK"
            }
            Kind::Denied if self.why == super::WRITE_ONLY => {
                "run this where PGCOFFER_MODE is not drop-box, with credentials that may read: `pgcoffer policy --mode restore` prints their policy, `--mode prune` that of those who delete"
            }
            Kind::Configuration => return None,
            Kind::PlainHttp => {
                "write https:// in AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL, or ~/.aws/config); where the whole way to that host is your own network, name the host in PGCOFFER_ALLOW_HTTP"
            }
            _ if self.why.contains("A region must be set")
                || self.why.contains("Invalid Configuration: Missing Region") =>
            {
                "set AWS_REGION to the bucket's region, such as eu-central-1"
            }
            _ if self.why.contains("InvalidBucketName") => {
                "bucket names have lower-case letters, digits, dots and hyphens: correct PGCOFFER_BUCKET"
            }
            _ if self.why.contains("was not a valid URI") => {
                "an endpoint begins with https:// (or http://): correct AWS_ENDPOINT_URL_S3"
            }
            Kind::Other if self.why.ends_with("answered with status 200") => {
                "what answers at AWS_ENDPOINT_URL_S3 is no S3 service: correct it, or unset it for AWS"
            }
            Kind::NoCredentials if self.why.contains("profile") => {
                "AWS_PROFILE names a profile that ~/.aws has not: correct it, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Kind::NoCredentials => {
                "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is attached"
            }
            Kind::WrongCredentials if self.why.contains("RequestTimeTooSkewed") => {
                "set this machine's clock: S3 refuses requests that are more than 15 minutes off"
            }
            Kind::WrongCredentials => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they belong to this endpoint"
            }
            Kind::Denied => {
                "these credentials lack a right: a backup needs s3:PutObject, s3:GetObject, s3:ListBucket, s3:AbortMultipartUpload and s3:PutObjectTagging below the prefix; reading needs s3:GetObject and s3:ListBucket; pruning s3:DeleteObject and s3:GetObjectTagging as well; `pgcoffer check` tries each, `pgcoffer policy` prints the policy, and PGCOFFER_MODE=drop-box is for those that may only write"
            }
            Kind::NoBucket => {
                "create the bucket, or correct its name in PGCOFFER_BUCKET, or the endpoint in AWS_ENDPOINT_URL_S3"
            }
            Kind::WrongRegion => "set AWS_REGION to the bucket's region",
            Kind::Exists => {
                "the object is there already and is never overwritten; look at it with `pgcoffer list`"
            }
            Kind::Cold => {
                "what lies in cold storage has to be thawed: run the command again with --thaw standard; a record that is cold was moved by a rule that isn't pgcoffer's (aws s3api restore-object thaws it)"
            }
            Kind::Unreachable => {
                "check the network, AWS_ENDPOINT_URL_S3 and AWS_REGION; a bucket name with dots or a service without host names per bucket needs PGCOFFER_S3_PATH_STYLE=true"
            }
            Kind::Busy => "the service was busy or failed for some time: try again later",
            Kind::Mismatch => {
                "it is no backup; run it again, and if it happens again suspect the network or the service"
            }
            Kind::Unsupported if self.why.to_ascii_lowercase().contains("none-match") => {
                "drop-box mode rests on writes that fail where an object exists (If-None-Match): use a service that has them, or credentials that may list and read"
            }
            Kind::NotFound | Kind::Changed | Kind::Unsupported | Kind::Other => return None,
        };
        Some(text.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {}: {}", self.doing, self.why)
    }
}

impl std::error::Error for Error {}

/// The innermost causes of an SDK error, outermost first, each said once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if said.last().is_none_or(|last| !last.contains(&text)) {
            said.push(text);
        }
        source = cause.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_before_statuses() {
        assert_eq!(Kind::of_code("NoSuchBucket", 404), Kind::NoBucket);
        assert_eq!(
            Kind::of_code("SignatureDoesNotMatch", 403),
            Kind::WrongCredentials
        );
        assert_eq!(
            Kind::of_code("AuthorizationHeaderMalformed", 400),
            Kind::WrongRegion
        );
        assert_eq!(Kind::of_code("", 503), Kind::Busy);
        assert_eq!(Kind::of_code("Unheard", 418), Kind::Other);
        assert!(Kind::Busy.is_passing() && !Kind::Denied.is_passing());
    }
}
