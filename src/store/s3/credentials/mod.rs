//! Where credentials come from, and for how long they hold: the SDK's own chain, made anew whenever they are looked
//! for, so that what somebody else renews is found without a restart.

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

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
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
    characters::{SWAPPED, UNFIT},
    client::client,
};
use self::{
    characters::{fault_of, fault_of_region},
    client::{CountedAnswers, Heard},
    refusal::refuses,
};
use super::{Error, retry::pause};

/// How long one look may take, the SDK's own repetitions included.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// From then on nobody looks again: a hiccup of half a minute is over by now, and a command is told within two minutes.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// After nobody looked any more, each request looks once, until then.
const REST: Duration = Duration::from_secs(45);
/// What has an end is renewed so long before it, if it can be had.
const MARGIN: Duration = Duration::from_secs(300);
/// Nearer to their end than this they are of no use: a request takes its time, and clocks differ.
const MARGIN_MIN: Duration = Duration::from_secs(15);
/// How long credentials out of a file count before it is read again.
const FILE_AGE_MAX: Duration = Duration::from_secs(30);
/// The same of what has no end and is no file.
const AGE_MAX: Duration = Duration::from_secs(900);
/// Credentials younger than this are not looked for again because the service refuses them.
const REFUSED_AGE_MIN: Duration = Duration::from_secs(5);

/// What gives credentials failed as something that passes: it did not answer, or asked for patience.
#[derive(Debug, thiserror::Error)]
#[error("what gives the credentials has failed for {seconds} s: {last}")]
pub(super) struct Away {
    seconds: u64,
    last: String,
}

/// The settings that the SDK finds by itself, and its chain of credentials.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    client: SharedHttpClient,
    answers: CountedAnswers,
    region: Option<Region>,
}

impl Loader {
    pub(super) fn new(client: SharedHttpClient, region: Option<Region>) -> Self {
        Self {
            client,
            answers: CountedAnswers::default(),
            region,
        }
    }

    /// Reads environment and profiles, by the SDK's hand.
    pub(super) async fn load(&self) -> SdkConfig {
        let heard = Heard {
            client: self.client.clone(),
            answers: self.answers.clone(),
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(10));
        let mut defaults = aws_config::defaults(BehaviorVersion::latest())
            // ours, and not those of the environment and of profiles: the SDK panics at any that it does not know
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(timeouts.build())
            .http_client(heard);
        if let Some(region) = &self.region {
            // an instance is asked for it once
            defaults = defaults.region(region.clone());
        }
        defaults.load().await
    }

    async fn look(&self) -> Provided {
        self.answers.forget();
        let look = async {
            let provider = self.load().await.credentials_provider();
            let none = || CredentialsError::not_loaded("the SDK has no chain of credentials");
            provider.ok_or_else(none)?.provide_credentials().await
        };
        let timed_out = |_| CredentialsError::provider_timed_out(LOOK_MAX);
        tokio::time::timeout(LOOK_MAX, look).await.map_err(timed_out).flatten()
    }
}

/// Credentials of whatever source, held while they are good.
#[derive(Debug, Clone)]
pub(super) struct CredentialsSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    loader: Loader,
    /// What is wrong with the region.
    fault: Option<String>,
    held: Mutex<Held>,
    /// The service refuses what is held.
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

    /// Those that are good now.
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
            // while what is held holds, what gives it may fail
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

    /// Looks, and looks again where what gives them fails as something that passes and nothing is held that would do.
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
            if rests || began.elapsed() >= PATIENCE {
                held.given_up.get_or_insert_with(Instant::now);
                return Err(CredentialsError::provider_error(Away {
                    seconds: began.elapsed().as_secs(),
                    last: words(&error),
                }));
            }
            if attempt == 1 {
                tracing::warn!("no credentials for now: {}; trying again", words(&error));
            }
            tokio::time::sleep(pause(attempt).min(PAUSE_MAX)).await;
            attempt += 1;
        }
    }

    /// Whether a failure may be over soon. Where nothing was ever found, no answer means that nobody is there to give
    /// any.
    fn is_passing(&self, error: &CredentialsError, had: bool) -> bool {
        match error {
            CredentialsError::InvalidConfiguration(_) => false,
            _ if Error::is_of_tls(error) => false,
            CredentialsError::CredentialsNotLoaded(_) => had,
            CredentialsError::ProviderTimedOut(_) => true,
            // STS could not ask who vouches for a token
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

/// Whether a request may still be signed with them.
fn is_usable(credentials: &Credentials) -> bool {
    let end = credentials.expiry();
    end.is_none_or(|end| end > SystemTime::now() + MARGIN_MIN)
}

/// Whether they stood in a file, which costs nothing to read again; a program may ask somebody.
fn is_of_file(credentials: &Credentials) -> bool {
    let features = credentials.get_property::<Vec<Feature>>();
    let has = |feature| features.is_some_and(|features| features.contains(feature));
    has(&Feature::CredentialsProfile) && !has(&Feature::CredentialsProfileProcess)
}

/// An error of the chain with its causes.
fn words(error: &CredentialsError) -> String {
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

/// What the service refuses is looked for again: somebody may have renewed it.
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

/// The same request once more, with what was found then.
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
