//! A client for a bucket, from the settings of the AWS SDK and ours.

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
    endpoint::{self, Endpoint},
    headers::{Checksums, RequestPayer},
    silence::Silence,
};
use crate::plain_http::HttpHosts;

/// What a client of S3 alone waits for: an answer's first byte, or the whole of a small upload.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// What any uplink takes within that.
pub(super) const SMALL_BYTES_MAX: usize = 256 << 10;
/// The same of what is larger, which is waited for while the service answers others.
const LARGE_MAX: Duration = Duration::from_secs(1800);
/// One attempt in all: its credentials may have to be waited for.
const ATTEMPT_MAX: Duration = Duration::from_secs(160);

/// How long somebody who waits waits for one connection.
const CONNECT_QUICKLY: Duration = Duration::from_secs(4);

/// What a user may choose about the bucket beside the SDK's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Address the bucket in the path rather than in the host name.
    pub path_style: bool,
    /// Storage class of archives; records stay in the bucket's default class.
    pub storage_class: Option<String>,
    /// Server-side encryption on top of our own, as the bucket's policy may want it.
    pub encryption: Option<ServerSideEncryption>,
    /// Id of the KMS key for it.
    pub kms_key: Option<String>,
    /// Canned ACL of what is written, as the bucket's policy may want it.
    pub acl: Option<ObjectCannedAcl>,
    /// Who asks pays for requests and traffic, where the bucket's owner doesn't.
    pub requester_pays: bool,
    /// The most parts of an upload, where the service takes fewer than 10,000.
    pub parts_max: Option<u32>,
    /// How archives and records are locked until their retention ends, where they are.
    pub lock: Option<LockMode>,
    /// Neither reads, lists, tags nor looks: what credentials that may only write new objects are for.
    pub write_only: bool,
    /// Whether `AWS_REQUEST_CHECKSUM_CALCULATION` is set: then the SDK's setting holds for every endpoint.
    pub checksums_chosen: bool,
    /// Hosts that may be reached by `http://`, beside this machine
    pub http_hosts: HttpHosts,
    /// Which variables of the environment hold credentials, for the hints of errors.
    pub variables: CredentialVariables,
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

    /// Settings that some services don't know, where they are made.
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
    /// A bucket at `location`, with credentials, region and endpoint by the AWS SDK's own chain (environment, profiles,
    /// web identity, container, instance). This is the one place of the library that looks at the environment, by the
    /// SDK's hand. No request is made.
    ///
    /// # Errors
    /// [`Kind::PlainHttp`] where an endpoint is `http://` and its host is neither this machine nor among
    /// [`Options::http_hosts`]: a session token would stand in the clear, and anybody could answer in the bucket's
    /// place. [`Kind::Configuration`] where an endpoint is no URL, or a file of certificates holds none.
    pub async fn connect(location: BucketLocation, mut options: Options) -> Result<Self, Error> {
        let (sdk, loader) = settings().await?;
        let endpoint = endpoint::checked(&sdk, &options.http_hosts)?;
        let elsewhere = endpoint.as_ref().is_some_and(|one| !one.is_aws());
        // an endpoint with a path has no host names for buckets
        options.path_style |= endpoint.as_ref().is_some_and(Endpoint::has_path);
        let source = CredentialsSource::new(loader);
        let silence = Silence::default();
        let clock = ServiceClock::default();
        let quirks = Arc::new(Quirks::default());
        // who may tag an object may tag any other, too
        quirks.no_tags.store(options.write_only, Ordering::Relaxed);
        // a bucket with locks takes nothing that bears no checksum; the oldest is known to all services
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
            // newer checksum headers are refused by many services: sent only where AWS itself answers
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

/// Signatures need a region, and services other than AWS take this one.
const REGION_ELSEWHERE: &str = "us-east-1";

/// What the SDK finds by itself, and what finds credentials. A file of certificates has to be known before anybody is
/// asked for credentials, and stands among the settings.
async fn settings() -> Result<(SdkConfig, Loader), Error> {
    let client = credentials::client(None)?;
    let sdk = Loader::new(client.clone(), None).load().await;
    // an instance is asked for its region once
    let region = sdk.region().cloned();
    let region = region.unwrap_or_else(|| Region::from_static(REGION_ELSEWHERE));
    let bundle = endpoint::setting(&sdk, "S3", "AWS_CA_BUNDLE", "ca_bundle");
    let Some(bundle) = bundle.filter(|file| !file.trim().is_empty()) else {
        return Ok((sdk, Loader::new(client, Some(region))));
    };
    let client = credentials::client(Some(&bundle))?;
    let sdk = sdk.to_builder().http_client(client.clone()).build();
    Ok((sdk, Loader::new(client, Some(region))))
}

/// Ours, and not those of the environment and of profiles: the SDK panics at any that it does not know.
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

/// How the upload of so many bytes is sent. Of these there are two kinds, since each has connections of its own.
pub(super) fn sending(options: config::Builder, bytes: usize) -> config::Builder {
    if bytes <= SMALL_BYTES_MAX {
        return options.timeout_config(timeouts(ANSWER_MAX, ATTEMPT_MAX));
    }
    let patient = StalledStreamProtectionConfig::enabled().upload_enabled(false);
    options
        .timeout_config(timeouts(LARGE_MAX, LARGE_MAX))
        .stalled_stream_protection(patient.build())
}

/// How long is waited for an answer's beginning, and for all of one attempt: stalls in a body are found by the SDK's
/// own protection.
pub(super) fn timeouts(answer: Duration, attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(answer)
        .operation_attempt_timeout(attempt)
        .build()
}
