//! Credentials: where they come from, and how long they are valid. The SDK's own chain is created anew for each look,
//! so credentials that another program renews are found without a restart.

mod characters;
mod client;
mod refusal;
mod variables;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{
    credential_feature::AwsCredentialFeature as Feature,
    provider::{Result as Provided, error::CredentialsError, future},
};
use aws_sdk_s3::config::{
    ConfigBag, Credentials, Intercept, ProvideCredentials, RuntimeComponents,
    interceptors::FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::SharedHttpClient,
        interceptors::context::InterceptorContext,
        retries::classifiers::{ClassifyRetry, RetryAction},
    },
};
use tokio::sync::Mutex;

pub use self::variables::CredentialVariables;
pub(super) use self::{
    characters::{SAME, SWAPPED, UNFIT, WRAPPED},
    client::client,
};
use self::{
    characters::{fault_of, fault_of_region},
    client::{CountedAnswers, CountingClient},
    refusal::refuses,
};
use super::{Error, own_service::OwnCredentials};
use crate::{aws_credentials::nothing_found, retry::Backoff};

/// The time limit of one look, including the SDK's own retries.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// After this time a look isn't repeated: a short failure is over by then, and the user sees the error within two
/// minutes.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// The pauses between two looks.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
/// For this time after that, each request looks only once.
const REST: Duration = Duration::from_secs(45);
/// Credentials that expire are renewed so long before, if that is possible.
const MARGIN: Duration = Duration::from_secs(300);
/// Credentials that expire sooner than this are not used: a request takes some time, and clocks differ.
const MARGIN_MIN: Duration = Duration::from_secs(15);
/// How long credentials from a file are used before it is read again.
const FILE_AGE_MAX: Duration = Duration::from_secs(30);
/// How long credentials are used that don't expire and are not from a file.
const AGE_MAX: Duration = Duration::from_secs(900);
/// Credentials younger than this are not renewed because the service refuses them.
const REFUSED_AGE_MIN: Duration = Duration::from_secs(5);

/// The source of credentials failed with a passing error: it didn't answer, or asked to retry later.
#[derive(Debug, thiserror::Error)]
#[error("what gives the credentials has failed for {seconds} s: {last}")]
pub(super) struct SourceUnavailable {
    seconds: u64,
    last: String,
}

/// Loads the settings that the SDK finds by itself, and creates its chain of credentials.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    client: SharedHttpClient,
    answers: CountedAnswers,
    region: Option<Region>,
    /// Those of a place that has its own, in the place of the chain.
    own: Option<OwnCredentials>,
}

impl Loader {
    pub(super) fn new(client: SharedHttpClient, region: Option<Region>, own: Option<OwnCredentials>) -> Self {
        Self {
            client,
            answers: CountedAnswers::default(),
            region,
            own,
        }
    }

    /// Reads environment and profiles. The SDK does it.
    pub(super) async fn load(&self) -> SdkConfig {
        let heard = CountingClient {
            client: self.client.clone(),
            answers: self.answers.clone(),
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(10));
        let mut defaults = aws_config::defaults(BehaviorVersion::latest())
            // our own, instead of the one in the environment and in profiles: the SDK panics if it doesn't know their
            // value
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(timeouts.build())
            .http_client(heard);
        if let Some(region) = &self.region {
            // ask an instance for it only once
            defaults = defaults.region(region.clone());
        }
        defaults.load().await
    }

    async fn look(&self) -> Provided {
        self.answers.forget();
        let look = async {
            match &self.own {
                Some(OwnCredentials::Key { id, secret, token }) => {
                    let token = token.as_ref().map(|token| token.reveal().to_owned());
                    Ok(Credentials::new(
                        id,
                        secret.reveal(),
                        token,
                        None,
                        "settings of a place",
                    ))
                }
                Some(OwnCredentials::Profile(name)) => self.look_in_profile(name).await,
                Some(OwnCredentials::OfBucket) | None => {
                    let provider = self.load().await.credentials_provider();
                    let none = || CredentialsError::not_loaded("the SDK has no chain of credentials");
                    provider.ok_or_else(none)?.provide_credentials().await
                }
            }
        };
        let timed_out = |_| CredentialsError::provider_timed_out(LOOK_MAX);
        tokio::time::timeout(LOOK_MAX, look).await.map_err(timed_out).flatten()
    }

    /// The credentials of one profile, without the environment before it.
    async fn look_in_profile(&self, name: &str) -> Provided {
        let client = CountingClient {
            client: self.client.clone(),
            answers: self.answers.clone(),
        };
        let found = ProviderConfig::default()
            .with_http_client(client)
            .with_region(self.region.clone());
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&found)
            .profile_name(name);
        provider.build().provide_credentials().await
    }
}

/// Credentials from any source, cached while they are valid.
#[derive(Debug, Clone)]
pub(super) struct CredentialsSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    loader: Loader,
    /// What is wrong with the region.
    fault: Option<String>,
    held: Mutex<Held>,
    /// Whether the service refuses the cached credentials.
    refused: AtomicBool,
}

#[derive(Debug, Default)]
struct Held {
    found: Option<Found>,
    given_up: Option<Instant>,
}

#[derive(Debug)]
struct Found {
    credentials: Credentials,
    at: Instant,
    /// When they are looked for again.
    again: Instant,
}

impl CredentialsSource {
    pub(super) fn new(loader: Loader) -> Self {
        Self(Arc::new(Inner {
            fault: fault_of_region(loader.region.as_ref()),
            loader,
            held: Mutex::default(),
            refused: AtomicBool::new(false),
        }))
    }

    /// The settings that the SDK finds, anew.
    pub(super) async fn settings(&self) -> SdkConfig {
        self.0.loader.load().await
    }

    /// The credentials that are valid now.
    pub(super) async fn current(&self) -> Provided {
        let inner = &self.0;
        let mut held = inner.held.lock().await;
        let refused = inner.refused.swap(false, Ordering::Relaxed);
        if let Some(found) = &held.found
            && !(refused && found.at.elapsed() >= REFUSED_AGE_MIN)
            && Instant::now() < found.again
            && is_usable(&found.credentials)
        {
            return Ok(found.credentials.clone());
        }
        match self.renewed(&mut held).await {
            Ok(credentials) => {
                held.given_up = None;
                held.found = Some(Found::new(credentials.clone()));
                Ok(credentials)
            }
            // while the cached credentials are valid, their source may fail
            Err(error) => match &mut held.found {
                Some(found) if is_usable(&found.credentials) => {
                    tracing::debug!("credentials are not renewed for now: {error}");
                    found.again = Instant::now() + MARGIN_MIN;
                    Ok(found.credentials.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// Looks for credentials. Repeats that if the source fails with a passing error and there are no usable ones in the
    /// cache.
    async fn renewed(&self, held: &mut Held) -> Provided {
        let (began, mut attempt) = (Instant::now(), 1);
        let had = held.found.is_some();
        let holds = held.found.as_ref().is_some_and(|found| is_usable(&found.credentials));
        let rests = held.given_up.is_some_and(|at| at.elapsed() < REST);
        loop {
            let error = match self.0.loader.look().await {
                Ok(found) => return self.checked(found),
                Err(error) => error,
            };
            if holds || !self.is_passing(&error, had) {
                return Err(error);
            }
            if rests || began.elapsed() >= RETRY_MAX {
                held.given_up.get_or_insert_with(Instant::now);
                return Err(CredentialsError::provider_error(SourceUnavailable {
                    seconds: began.elapsed().as_secs(),
                    last: words(&error),
                }));
            }
            if attempt == 1 {
                tracing::warn!("no credentials for now: {}; trying again", words(&error));
            }
            tokio::time::sleep(PAUSES.jittered(attempt)).await;
            attempt += 1;
        }
    }

    /// Whether a failure may pass soon. If no credentials were ever found, no answer means that there is no source.
    fn is_passing(&self, error: &CredentialsError, had: bool) -> bool {
        match error {
            CredentialsError::InvalidConfiguration(_) => false,
            _ if Error::is_of_tls(error) => false,
            CredentialsError::CredentialsNotLoaded(_) => had,
            CredentialsError::ProviderTimedOut(_) => true,
            // STS could not reach the issuer of a token
            _ => self.0.loader.answers.are_passing() || words(error).contains("IDPCommunication"),
        }
    }

    fn checked(&self, found: Credentials) -> Provided {
        let fault = self.0.fault.clone().or_else(|| fault_of(&found));
        match fault {
            Some(fault) => Err(CredentialsError::invalid_configuration(fault)),
            None => Ok(found),
        }
    }
}

impl Found {
    fn new(credentials: Credentials) -> Self {
        let at = Instant::now();
        let wait = match credentials.expiry() {
            Some(end) => {
                let left = end.duration_since(SystemTime::now()).unwrap_or_default();
                left.saturating_sub(MARGIN).max(MARGIN_MIN)
            }
            None if is_of_file(&credentials) => FILE_AGE_MAX,
            None => AGE_MAX,
        };
        Self {
            credentials,
            at,
            again: at + wait,
        }
    }
}

/// Whether requests can still be signed with them.
fn is_usable(credentials: &Credentials) -> bool {
    let end = credentials.expiry();
    end.is_none_or(|end| end > SystemTime::now() + MARGIN_MIN)
}

/// Whether they come from a file, which is cheap to read again. A program may ask a user.
fn is_of_file(credentials: &Credentials) -> bool {
    let features = credentials.get_property::<Vec<Feature>>();
    let has = |feature| features.is_some_and(|features| features.contains(feature));
    has(&Feature::CredentialsProfile) && !has(&Feature::CredentialsProfileProcess)
}

/// An error of the chain with its causes.
fn words(error: &CredentialsError) -> String {
    if let Some(nothing_found) = nothing_found(error) {
        return nothing_found;
    }
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = cause.source();
    }
    words
}

impl ProvideCredentials for CredentialsSource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}

/// Renews credentials that the service refuses, as another program may have replaced them.
impl Intercept for CredentialsSource {
    fn name(&self) -> &'static str {
        "Source"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if refuses(context.response()) {
            self.0.refused.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Repeats the request once with the renewed credentials.
impl ClassifyRetry for CredentialsSource {
    fn name(&self) -> &'static str {
        "Source"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Ok(held) = self.0.held.try_lock() else {
            return RetryAction::NoActionIndicated;
        };
        let found = held.found.as_ref();
        let is_old = found.is_some_and(|found| found.at.elapsed() >= REFUSED_AGE_MIN);
        if is_old && refuses(context.response()) {
            return RetryAction::transient_error();
        }
        RetryAction::NoActionIndicated
    }
}
