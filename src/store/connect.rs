use std::{fmt, sync::atomic::Ordering, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::{
    Client,
    config::{RequestChecksumCalculation, ResponseChecksumValidation},
    types::{ServerSideEncryption, StorageClass},
};
use aws_types::service_config::ServiceConfigKey;

use super::{
    Error, Kind, LockMode, Quirks, Store, answer::Bounds, clock::ServiceClock,
    credentials::Signing, silence::Silence,
};
use crate::plain_http::HttpHosts;

/// The services that get credentials of the SDK's chain, by their ids; S3 gets what is signed by them.
const SERVICES: [&str; 4] = ["S3", "STS", "SSO", "SSO OIDC"];

/// A bucket and the prefix below which everything of ours stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// the bucket's name
    pub bucket: String,
    /// empty, or folders without a slash at either end
    pub prefix: String,
}

/// What a user may choose about the bucket beside the SDK's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// address the bucket in the path rather than in the host name
    pub path_style: bool,
    /// storage class of archives; records stay in the bucket's default class
    pub storage_class: Option<String>,
    /// id of the KMS key for server-side encryption on top of our own
    pub kms_key: Option<String>,
    /// the most parts of an upload, where the service takes fewer than 10,000
    pub parts_max: Option<u32>,
    /// how archives and records are locked until their retention ends, where they are
    pub lock: Option<LockMode>,
    /// neither reads, lists, tags nor looks: what credentials that may only write new objects are for
    pub write_only: bool,
    /// whether `AWS_REQUEST_CHECKSUM_CALCULATION` is set: then the SDK's setting holds for every endpoint
    pub checksums_chosen: bool,
    /// hosts that may be reached by `http://`, beside this machine
    pub http_hosts: HttpHosts,
}

impl Options {
    pub(super) fn encryption(&self) -> Option<ServerSideEncryption> {
        self.kms_key
            .is_some()
            .then_some(ServerSideEncryption::AwsKms)
    }

    pub(super) fn class(&self) -> Option<StorageClass> {
        self.storage_class.as_deref().map(StorageClass::from)
    }
}

impl Location {
    /// Reads `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`Kind::Configuration`] where the text isn't that.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(
                Kind::Configuration,
                format!("use {text:?} as a bucket"),
                why,
            )
        };
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| wrong("it should look like s3://bucket/prefix"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and what older buckets may have
        let named = (3..=255).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !named {
            return Err(wrong(
                "the bucket's name has 3 to 255 letters, digits, dots and hyphens",
            ));
        }
        let prefix = prefix.trim_matches('/');
        let plain = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-=+@".contains(&b))
        };
        if prefix.len() > 512 || !(prefix.is_empty() || prefix.split('/').all(plain)) {
            return Err(wrong(
                "the prefix has folders of letters, digits and . _ - = + @, 512 characters in all",
            ));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The key of something below the prefix.
    #[must_use]
    pub fn key(&self, below: &str) -> String {
        if self.prefix.is_empty() {
            below.to_owned()
        } else {
            format!("{}/{below}", self.prefix)
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.prefix)
        }
    }
}

impl Store {
    /// A store at `location`, with credentials, region and endpoint by the AWS SDK's own chain (environment, profiles,
    /// web identity, container, instance). This is the one place of the library that looks at the environment, by the
    /// SDK's hand. No request is made.
    ///
    /// # Errors
    /// [`Kind::PlainHttp`] where an endpoint is `http://` and its host is neither this machine nor among
    /// [`Options::http_hosts`]: a session token would stand in the clear, and anybody could answer in the bucket's place.
    pub async fn connect(location: Location, mut options: Options) -> Result<Self, Error> {
        let retry = RetryConfig::standard().with_max_attempts(3);
        let defaults = aws_config::defaults(BehaviorVersion::latest());
        // ours, and not those of the environment and of profiles: the SDK panics at any that it does not know
        let sdk = defaults.retry_config(retry.clone()).load().await;
        check_endpoints(&sdk, &options.http_hosts)?;
        let endpoint = endpoint(&sdk, SERVICES[0]);
        let elsewhere = endpoint.as_deref().is_some_and(|url| !is_aws(url));
        let mut config = aws_sdk_s3::config::Builder::from(&sdk)
            .force_path_style(options.path_style)
            .retry_config(retry)
            .timeout_config(
                // an answer's beginning, not its body: stalls in that are found by the SDK's stalled-stream protection
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(10))
                    .operation_attempt_timeout(Duration::from_secs(60))
                    .build(),
            );
        if let Some(provider) = sdk.credentials_provider() {
            config = config.credentials_provider(Signing::new(provider, sdk.region()));
        }
        if elsewhere && sdk.region().is_none() {
            // signatures need one, and services other than AWS take this one
            config = config.region(Region::new("us-east-1"));
        }
        // a bucket with locks takes nothing that bears no checksum
        options.checksums_chosen |= options.lock.is_some();
        if elsewhere && !options.checksums_chosen {
            // newer checksum headers are refused by many services: sent only where AWS itself answers
            config = config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        let required_only =
            sdk.request_checksum_calculation() == Some(RequestChecksumCalculation::WhenRequired);
        let checksums = !required_only && (options.checksums_chosen || !elsewhere);
        if options.parts_max.is_none()
            && endpoint
                .as_deref()
                .is_some_and(|url| host(url).ends_with(".scw.cloud"))
        {
            // https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/
            options.parts_max = Some(1000);
        }
        let clock = ServiceClock::default();
        let silence = Silence::default();
        let config = config
            .interceptor(clock.clone())
            .interceptor(silence.clone())
            .interceptor(Bounds);
        let quirks = Quirks::default();
        // who may tag an object may tag any other, too
        quirks.no_tags.store(options.write_only, Ordering::Relaxed);
        Ok(Self {
            client: Client::from_conf(config.build()),
            location,
            options,
            checksums,
            over_tls: is_over_tls(endpoint.as_deref()),
            quirks: quirks.into(),
            clock,
            silence,
            cleanup: tokio_util::task::TaskTracker::new(),
        })
    }
}

fn check_endpoints(sdk: &SdkConfig, http_hosts: &HttpHosts) -> Result<(), Error> {
    for service in SERVICES {
        let Some(endpoint) = endpoint(sdk, service) else {
            continue;
        };
        if let Err(refused) = http_hosts.check(&endpoint) {
            let doing = format!("use the endpoint that is configured for {service}");
            return Err(Error::new(Kind::PlainHttp, doing, refused.to_string()));
        }
    }
    Ok(())
}

/// The endpoint that a service's client will use where one is configured: the service's own setting before the general one.
fn endpoint(sdk: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = sdk
        .service_config()
        .and_then(|config| config.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

fn is_over_tls(endpoint: Option<&str>) -> bool {
    endpoint.is_none_or(|url| {
        url.get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    })
}

fn is_aws(url: &str) -> bool {
    let host = host(url);
    host.ends_with(".amazonaws.com")
        || host.ends_with(".amazonaws.com.cn")
        || host.ends_with(".api.aws")
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_read_with_its_prefix() {
        let parse = |text: &str| Location::parse(text).map(|l| (l.bucket, l.prefix));
        assert_eq!(
            parse("s3://b-1.x").unwrap(),
            ("b-1.x".into(), String::new())
        );
        assert_eq!(
            parse("s3://bucket/a/b/").unwrap(),
            ("bucket".into(), "a/b".into())
        );
        for bad in [
            "bucket",
            "s3:/bucket",
            "s3://",
            "s3://a b/c",
            "s3://bucket/a//b",
            "s3://bucket/../x",
            "s3://bucket/ä",
        ] {
            assert_eq!(
                Location::parse(bad).unwrap_err().kind,
                Kind::Configuration,
                "{bad}"
            );
        }
        assert_eq!(
            Location::parse("s3://bucket/p").unwrap().key("x/y"),
            "p/x/y"
        );
        assert_eq!(Location::parse("s3://bucket").unwrap().key("x/y"), "x/y");
    }

    #[test]
    fn bodies_go_unsigned_over_tls_alone() {
        assert!(is_over_tls(None) && is_over_tls(Some("HTTPS://s3.example")));
        assert!(!is_over_tls(Some("http://s3.example")) && !is_over_tls(Some("s3")));
    }

    #[test]
    fn aws_is_told_from_others_by_its_host() {
        assert!(is_aws("https://s3.eu-central-1.amazonaws.com"));
        assert!(is_aws(
            "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com:443/x"
        ));
        assert!(!is_aws("http://127.0.0.1:9000"));
        assert!(!is_aws("https://evil.example/.amazonaws.com"));
    }
}
