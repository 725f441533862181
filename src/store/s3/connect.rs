//! Makes the client for a bucket, from the settings of the AWS SDK and ours.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws_config::{Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::{
    Client,
    config::{
        self, IdentityCache, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
    },
    types::{ObjectCannedAcl, ServerSideEncryption, StorageClass},
};

use super::{
    BucketLocation, Error, LockMode, Quirks, S3,
    answer::Bounds,
    clock::ServiceClock,
    credentials::{self, CredentialVariables, CredentialsSource, Loader},
    endpoint::{self, Endpoint, REGION_ELSEWHERE},
    headers::{Checksums, RequestPayer},
    own_service::OwnService,
    silence::Silence,
};
use crate::plain_http::HttpHosts;

/// The time limit for an answer's first byte, and for a complete small upload.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// The most bytes of a small upload, which any uplink can send within that limit.
pub(super) const SMALL_BYTES_MAX: usize = 256 << 10;
/// The time limit of a larger upload, while the service answers other requests.
const LARGE_MAX: Duration = Duration::from_secs(1800);
/// The time limit of one attempt, which may have to wait for credentials.
const ATTEMPT_MAX: Duration = Duration::from_secs(160);

/// How long somebody who waits waits for one connection.
const CONNECT_QUICKLY: Duration = Duration::from_secs(4);

/// The user's options for the bucket, in addition to the SDK's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Puts the bucket's name into the path instead of the host name.
    pub path_style: bool,
    /// The storage class of archives. Records have the bucket's default class.
    pub storage_class: Option<String>,
    /// Server-side encryption in addition to our own, which a bucket's policy may require.
    pub encryption: Option<ServerSideEncryption>,
    /// The id of the KMS key for it.
    pub kms_key: Option<String>,
    /// The canned ACL of written objects, which a bucket's policy may require.
    pub acl: Option<ObjectCannedAcl>,
    /// Whether these credentials pay for requests and traffic, instead of the bucket's owner.
    pub requester_pays: bool,
    /// The most parts of an upload, if the service accepts fewer than 10,000.
    pub parts_max: Option<u32>,
    /// The mode in which archives and records are locked until their retention ends; `None` if they aren't.
    pub lock: Option<LockMode>,
    /// Doesn't read, list, tag or look at anything: for credentials that may only write new objects.
    pub write_only: bool,
    /// Whether `AWS_REQUEST_CHECKSUM_CALCULATION` is set, so that the SDK's setting applies to every endpoint.
    pub checksums_chosen: bool,
    /// The hosts that may be reached by `http://`, in addition to this machine.
    pub http_hosts: HttpHosts,
    /// Which variables of the environment hold credentials, for the hints of errors.
    pub variables: CredentialVariables,
    /// The service of a place that is not the agent's bucket: nothing that the SDK finds for the bucket is used then.
    pub own_service: Option<OwnService>,
    /// How the names of the settings of a place begin that is not the agent's bucket, for messages.
    pub settings: Option<String>,
    /// Somebody waits for the first answer: a service that can't be reached at all is told within seconds. Once it has
    /// answered, it is waited for as patiently as ever.
    pub quick: bool,
}

impl Options {
    pub(super) fn encryption(&self) -> Option<ServerSideEncryption> {
        let by_key = self.kms_key.as_ref();
        let by_key = by_key.map(|_| ServerSideEncryption::AwsKms);
        self.encryption.clone().or(by_key)
    }

    /// The options in use that some services don't support.
    pub(super) fn special(&self) -> Vec<&'static str> {
        let all = [
            ("PGCOFFER_SSE", self.encryption.is_some()),
            ("PGCOFFER_SSE_KMS_KEY_ID", self.kms_key.is_some()),
            ("PGCOFFER_ACL", self.acl.is_some()),
            ("PGCOFFER_STORAGE_CLASS", self.storage_class.is_some()),
        ];
        let made = all.into_iter().filter(|(_, is_made)| *is_made);
        made.map(|(name, _)| name).collect()
    }

    pub(super) fn class(&self) -> Option<StorageClass> {
        self.storage_class.as_deref().map(StorageClass::from)
    }
}

impl S3 {
    /// A bucket at `location`. Credentials, region and endpoint come from the AWS SDK's own chain (environment,
    /// profiles, web identity, container, instance). This is the only place where the library reads the environment,
    /// and the SDK does it. Makes no request.
    ///
    /// # Errors
    /// [`Kind::PlainHttp`] if an endpoint is `http://` and its host is neither this machine nor among
    /// [`Options::http_hosts`]: a session token would be readable, and anyone on the network could answer instead of
    /// the bucket. [`Kind::Configuration`] if an endpoint is not a URL, or a file of certificates contains none.
    pub async fn connect(location: BucketLocation, mut options: Options) -> Result<Self, Error> {
        let own = options.own_service.clone();
        let (mut sdk, loader) = settings(own.as_ref()).await?;
        let endpoint = match &own {
            Some(own) => {
                sdk = own.applied(&sdk, sdk.region());
                own.endpoint(&options.http_hosts)?
            }
            None => endpoint::checked(&sdk, &options.http_hosts)?,
        };
        let elsewhere = endpoint.as_ref().is_some_and(|one| !one.is_aws());
        // an endpoint with a path has no host names for buckets
        options.path_style |= endpoint.as_ref().is_some_and(Endpoint::has_path);
        let source = CredentialsSource::new(loader);
        let silence = Silence::default();
        let clock = ServiceClock::default();
        let quirks = Arc::new(Quirks::default());
        // the right to tag objects applies to every object, also to those of others
        quirks.no_tags.store(options.write_only, Ordering::Relaxed);
        // a bucket with locks accepts nothing without a checksum; all services support the oldest kind
        let locks = elsewhere && options.lock.is_some() && !options.checksums_chosen;
        quirks.wants_md5.store(locks, Ordering::Relaxed);
        let mut config = config::Builder::from(&sdk)
            .force_path_style(options.path_style)
            .retry_config(attempts(options.quick))
            .timeout_config(first_timeouts(options.quick))
            .identity_cache(IdentityCache::no_cache())
            .credentials_provider(source.clone())
            .retry_classifier(source.clone())
            .interceptor(source.clone())
            .interceptor(RequestPayer(options.requester_pays))
            .interceptor(Checksums(Arc::clone(&quirks)))
            .interceptor(clock.clone())
            .interceptor(silence.clone())
            .interceptor(Bounds);
        if let Some(endpoint) = &endpoint {
            config = config.endpoint_url(endpoint.url());
        }
        if elsewhere && sdk.region().is_none() {
            config = config.region(Region::new(REGION_ELSEWHERE));
        }
        if elsewhere && !options.checksums_chosen {
            // many services refuse the newer checksum headers, so only AWS gets them
            config = config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        let required_only = sdk.request_checksum_calculation() == Some(RequestChecksumCalculation::WhenRequired);
        let checksums = !required_only && (options.checksums_chosen || !elsewhere);
        if options.parts_max.is_none() {
            options.parts_max = endpoint.as_ref().and_then(Endpoint::parts_max);
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            location,
            options,
            checksums,
            over_tls: endpoint.as_ref().is_none_or(Endpoint::is_over_tls),
            endpoint: endpoint.map(Arc::new),
            quirks,
            clock,
            source,
            silence,
            cleanup: tokio_util::task::TaskTracker::new(),
        })
    }
}

/// The settings that the SDK finds, and the loader of credentials. The file of certificates is one of the settings, and
/// has to be known before any source of credentials is asked.
async fn settings(own: Option<&OwnService>) -> Result<(SdkConfig, Loader), Error> {
    let credentials = own.map(|own| own.credentials.clone());
    let client = credentials::client(None)?;
    let sdk = Loader::new(client.clone(), None, None).load().await;
    // ask an instance for its region only once
    let region = sdk.region().cloned();
    let region = region.unwrap_or_else(|| Region::from_static(REGION_ELSEWHERE));
    let bundle = endpoint::setting(&sdk, "S3", "AWS_CA_BUNDLE", "ca_bundle");
    let Some(bundle) = bundle.filter(|file| !file.trim().is_empty()) else {
        return Ok((sdk, Loader::new(client, Some(region), credentials)));
    };
    let client = credentials::client(Some(&bundle))?;
    let sdk = sdk.to_builder().http_client(client.clone()).build();
    Ok((sdk, Loader::new(client, Some(region), credentials)))
}

/// Our own number of attempts, instead of the one in the environment and in profiles: the SDK panics if it doesn't know
/// their value.
fn attempts(quick: bool) -> RetryConfig {
    match quick {
        true => RetryConfig::standard()
            .with_max_attempts(2)
            .with_initial_backoff(Duration::from_millis(300)),
        false => RetryConfig::standard().with_max_attempts(3),
    }
}

/// How long is waited for connections and small answers. Where somebody waits, two attempts to connect are over within
/// ten seconds.
fn first_timeouts(quick: bool) -> TimeoutConfig {
    match quick {
        true => timeouts(ANSWER_MAX, ATTEMPT_MAX)
            .to_builder()
            .connect_timeout(CONNECT_QUICKLY)
            .build(),
        false => timeouts(ANSWER_MAX, ATTEMPT_MAX),
    }
}

/// The configuration for an upload of so many bytes. There are two, since each has its own connections.
pub(super) fn sending(options: config::Builder, bytes: usize) -> config::Builder {
    if bytes <= SMALL_BYTES_MAX {
        return options.timeout_config(timeouts(ANSWER_MAX, ATTEMPT_MAX));
    }
    let patient = StalledStreamProtectionConfig::enabled().upload_enabled(false);
    options
        .timeout_config(timeouts(LARGE_MAX, LARGE_MAX))
        .stalled_stream_protection(patient.build())
}

/// The time limits for the beginning of an answer, and for a complete attempt. A body that stalls is found by the SDK's
/// own protection.
pub(super) fn timeouts(answer: Duration, attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(answer)
        .operation_attempt_timeout(attempt)
        .build()
}
