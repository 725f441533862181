//! What the user can do about an error of S3 or of the connection to it, by its kind and its message.

use super::{Error, Kind};
use crate::store::{
    NO_BUCKET_CURE,
    s3::{
        WRITE_ONLY,
        credentials::{SAME, SWAPPED, UNFIT, WRAPPED},
    },
};

impl Error {
    /// What the user can do about an error of S3 that has no `cure`.
    pub(in crate::store) fn hint_of_s3(&self) -> Option<String> {
        if let Some(hint) = self.hint_of_kms() {
            return Some(hint);
        }
        let text = match self.kind {
            _ if self.is_without_locks() => "this bucket has no Object Lock: use one that has, or unset PGCOFFER_LOCK",
            Kind::Denied if self.why == WRITE_ONLY => {
                "run this where PGCOFFER_MODE is not drop-box, with credentials that may read: `pgcoffer policy --mode \
                 restore` prints their policy, `--mode prune` that of those who delete"
            }
            Kind::Configuration => return None,
            Kind::PlainHttp => {
                "write https:// in AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL, or ~/.aws/config); where the whole way to \
                 that host is your own network, name the host in PGCOFFER_ALLOW_HTTP"
            }
            _ if self.why.contains("A region must be set")
                || self.why.contains("Invalid Configuration: Missing Region") =>
            {
                "set AWS_REGION to the bucket's region, such as eu-central-1"
            }
            _ if self.why.contains("InvalidBucketName") => {
                "bucket names have lower-case letters, digits, dots and hyphens: correct PGCOFFER_BUCKET"
            }
            Kind::Damaged if self.why.starts_with("the answer") => {
                "what answers at AWS_ENDPOINT_URL_S3 is no S3 service, or its answers are changed on the way: correct \
                 the address, or unset it for AWS; otherwise look at proxies and the network between"
            }
            Kind::NoCredentials if self.why.contains(UNFIT) => {
                "write it without that character where it comes from: ~/.aws/credentials or ~/.aws/config, or the \
                 program or service that gives it"
            }
            Kind::NoCredentials if self.why.contains(SWAPPED) => {
                "change the two: AWS_ACCESS_KEY_ID is the one that begins with AKIA or ASIA"
            }
            Kind::NoCredentials if self.why.contains(SAME) => {
                "one of the two was copied twice: AWS_ACCESS_KEY_ID is the shorter one (with AWS it begins with AKIA or \
                 ASIA), AWS_SECRET_ACCESS_KEY was shown once, when the key was made"
            }
            Kind::NoCredentials if self.why.contains(WRAPPED) => {
                "write it alone, where it comes from: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials; \
                 `docker run --env-file` takes quotes for a part of the value"
            }
            Kind::NoCredentials if self.is_of_sso() => {
                "sign in where pgcoffer runs: `aws sso login`, with --profile and the name in AWS_PROFILE where one is \
                 set; a machine that nobody signs in at wants keys or a role of its own instead"
            }
            Kind::NoCredentials if self.why.contains("profile") => {
                "correct that profile in ~/.aws/config and ~/.aws/credentials (or the files that AWS_CONFIG_FILE and \
                 AWS_SHARED_CREDENTIALS_FILE name), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Kind::NoCredentials => {
                "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is attached"
            }
            Kind::WrongCredentials if self.why.contains("RequestTimeTooSkewed") => {
                "set this machine's clock: S3 refuses requests that are more than 15 minutes off"
            }
            Kind::CredentialsUnavailable => {
                "see whether what gives the credentials works: the service at AWS_ENDPOINT_URL_STS or STS itself, the \
                 container's or the instance's metadata; they are asked for again at the next run"
            }
            Kind::WrongCredentials => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they belong to this \
                 endpoint"
            }
            Kind::Denied => return Some(self.hint_of_denial()),
            Kind::NoBucket => NO_BUCKET_CURE,
            Kind::Endpoint => {
                "what answers at AWS_ENDPOINT_URL_S3 is not this bucket's S3 service: write the service's own address \
                 for S3, as its documentation names it, without the bucket's name; and look at proxies between"
            }
            Kind::Certificate => {
                "the service's certificate can't be trusted: correct AWS_ENDPOINT_URL_S3, or name the authority that \
                 made it in AWS_CA_BUNDLE or SSL_CERT_FILE"
            }
            Kind::Full => {
                "the bucket, or the account that it belongs to, has no room left: raise its quota, or keep less; what \
                 has run out is deleted all the same by `pgcoffer prune` and by `tick`, and `pgcoffer prune --dry-run` \
                 shows what that is"
            }
            Kind::WrongRegion => "set AWS_REGION to the bucket's region",
            Kind::Exists => "the object is there already and is never overwritten; look at it with `pgcoffer list`",
            Kind::Cold => {
                "what lies in cold storage has to be thawed: run the command again with --thaw standard; a record that \
                 is cold was moved by a rule that isn't pgcoffer's (aws s3api restore-object thaws it)"
            }
            Kind::Damaged => {
                "bytes are changed between here and the service, and TLS would find that at once: reach it by \
                 https://; where it is so already, suspect proxies or the service itself. Nothing is said of what is \
                 stored"
            }
            Kind::Unreachable | Kind::Silent => {
                "check the network, AWS_ENDPOINT_URL_S3 and AWS_REGION; a bucket name with dots or a service without \
                 host names per bucket needs PGCOFFER_S3_PATH_STYLE=true; where a proxy alone leads out, HTTPS_PROXY \
                 (and NO_PROXY) name it"
            }
            Kind::Busy => "the service was busy or failed for some time: try again later",
            Kind::Mismatch => {
                "it is no backup; run it again, and if it happens again suspect the network or the service"
            }
            Kind::Unsupported if self.why.to_ascii_lowercase().contains("none-match") => {
                "drop-box mode rests on writes that fail where an object exists (If-None-Match): use a service that \
                 has them, or credentials that may list and read"
            }
            Kind::NotFound | Kind::Changed | Kind::Unsupported | Kind::Other => return None,
        };
        Some(text.to_owned())
    }

    /// Whether a lock was refused because the bucket has no Object Lock, as S3 and others word it.
    fn is_without_locks(&self) -> bool {
        let why = self.why.to_ascii_lowercase().replace(' ', "");
        why.contains("objectlockconfiguration")
    }

    /// Whether something else than the environment's variables is at fault that no credentials were found.
    pub(in crate::store::s3) fn is_of_source(&self) -> bool {
        [UNFIT, SWAPPED, SAME, WRAPPED]
            .iter()
            .any(|words| self.why.contains(words))
            || self.is_of_sso()
    }

    /// Whether the credentials come from a login that a user has to make. Found by the SDK's own message about the
    /// files that a login leaves.
    fn is_of_sso(&self) -> bool {
        let why = self.why.to_ascii_lowercase();
        ["sso", "token file", "token has expired", "refresh token"]
            .iter()
            .any(|words| why.contains(words))
    }
}
