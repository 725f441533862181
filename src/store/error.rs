use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{answer::Unusable, silence::Silent};
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

    /// Whether a refusal may be about another request than was sent, where that was damaged on its way: a flipped bit makes a
    /// signature wrong, a name another one, a header one that nobody knows.
    pub(super) fn is_doubtful(self) -> bool {
        matches!(
            self,
            Self::WrongCredentials
                | Self::Denied
                | Self::NoBucket
                | Self::WrongRegion
                | Self::NotFound
                | Self::Unsupported
                | Self::Other
        )
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
        if let Some(silent) = find::<Silent>(error) {
            return Self::new(Kind::Silent, doing, silent.to_string());
        }
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status();
                let code = service.err().code().unwrap_or_default();
                if status.is_success() && code.is_empty() {
                    return Self::unread(doing, service.raw().body().bytes(), chain);
                }
                let status = status.as_u16();
                let message = bounded(service.err().message().unwrap_or_default());
                let why = match (code, message.as_str()) {
                    ("", "") => format!("the service answered with status {status}"),
                    ("", message) => format!("{message} (status {status})"),
                    (code, "") => format!("{code} (status {status})"),
                    (code, message) => format!("{message} ({code}, status {status})"),
                };
                Self::new(Kind::of_code(code, status), doing, why)
            }
            SdkError::ResponseError(response) => {
                if response.raw().status().is_success() && find::<Unusable>(error).is_some() {
                    return Self::new(Kind::Damaged, doing, chain);
                }
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

    /// An answer with a good status that is none: damaged, another server's, or an error that stands behind the status.
    fn unread(doing: String, body: Option<&[u8]>, chain: String) -> Self {
        let text = body.and_then(|body| std::str::from_utf8(body).ok());
        // how deep it is has been bounded
        let tree = text.and_then(|text| roxmltree::Document::parse(text).ok());
        let field = |name: &str| {
            let root = tree.as_ref()?.root_element();
            let is_error = root.tag_name().name() == "Error";
            let mut fields = root.children().filter(|_| is_error);
            let field = fields.find(|field| field.tag_name().name() == name)?;
            field.text().map(bounded)
        };
        match field("Code") {
            Some(code) => {
                let message = field("Message").unwrap_or_default();
                let why = format!("{message} ({code}, behind a good status)");
                Self::new(Kind::of_code(&code, 200), doing, why)
            }
            None => Self::new(
                Kind::Damaged,
                doing,
                format!("the answer can't be read: {chain}"),
            ),
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
            Kind::Damaged if self.why.starts_with("the answer") => {
                "what answers at AWS_ENDPOINT_URL_S3 is no S3 service, or its answers are changed on the way: correct the address, or unset it for AWS; otherwise look at proxies and the network between"
            }
            Kind::NoCredentials if self.why.contains(super::credentials::UNFIT) => {
                "write it without that character where it comes from: ~/.aws/credentials or ~/.aws/config, or the program or service that gives it"
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
            Kind::Damaged => {
                "bytes are changed between here and the service, and TLS would find that at once: reach it by https://; where it is so already, suspect proxies or the service itself. Nothing is said of what is stored"
            }
            Kind::Unreachable | Kind::Silent => {
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
        // keys and what the service says are somebody else's text
        write!(
            f,
            "can't {}: {}",
            escaped(&self.doing),
            continued(&self.why)
        )
    }
}

impl std::error::Error for Error {}

/// A text of the service's, of no more characters than anybody reads.
fn bounded(text: &str) -> String {
    const CHARS_MAX: usize = 1000;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The cause of that type, where there is one.
fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

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
