//! The door to Heroku's Platform API: starts one-off dynos and reads their state; reads and sets up apps.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference#dyno>. The only secret that is sent is the API key: a
//! dyno gets its secrets from the app's config vars, since command lines appear in Heroku's logs.

mod account;
mod answer;
mod error;

use std::{fmt, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Url};
use serde::{Deserialize, Serialize};

use crate::redact::SecretText;

pub use account::{HerokuAccount, HerokuAddOn, HerokuApp, HerokuAttachment};
pub use error::{Error, ErrorKind};

/// The API's address.
pub const API: &str = "https://api.heroku.com";

/// The longest time to live that Heroku accepts: 24 hours.
/// <https://devcenter.heroku.com/articles/platform-api-reference#dyno-create-optional-parameters>
pub const TIME_TO_LIVE_MAX: Duration = Duration::from_secs(86_400);

const VERSION: &str = "application/vnd.heroku+json; version=3";
const CONNECT: Duration = Duration::from_secs(10);
/// Creating a dyno takes a second or two. An API that takes longer than this is down.
const WHOLE: Duration = Duration::from_secs(30);

/// The result of a request.
pub type Result<T> = std::result::Result<T, Error>;

/// An API key. Its `Debug` shows dots, and it is wiped on drop.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretText);

/// An app in the Platform API.
#[derive(Debug, Clone)]
pub struct Heroku {
    http: Client,
    base: Url,
    app: String,
    key: ApiKey,
}

/// A one-off dyno to start.
#[derive(Debug, Clone, Serialize)]
pub struct OneOff {
    /// The command line. Heroku logs it.
    pub command: String,
    /// The size: `standard-1x`, `performance-l` and so on; `None` for the app's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// After how many seconds Heroku ends it.
    pub time_to_live: u64,
}

/// A dyno.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dyno {
    /// Its id.
    pub id: String,
    /// Its name, such as `run.1234`.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// Its state.
    pub state: State,
}

/// The state of a dyno.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It ended with an error.
    Crashed,
    /// It is being ended.
    Down,
    /// It sleeps.
    Idle,
    /// It is starting.
    Starting,
    /// It is running.
    Up,
    /// A state that the API's reference doesn't name.
    #[serde(other)]
    Unknown,
}

impl State {
    /// Whether it is running or may still run.
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Crashed | Self::Down)
    }
}

impl Heroku {
    /// A client for this app at the API `base`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] if the HTTP client can't be built, for example without root certificates.
    pub fn new(base: &Url, app: &str, key: ApiKey) -> Result<Self> {
        let http = http_client()?;
        let (base, app) = (base.clone(), app.to_owned());
        Ok(Self { http, base, app, key })
    }

    /// Starts a one-off dyno. Not retried; bounded to 30 s.
    ///
    /// # Errors
    /// Any error of the API. After [`ErrorKind::Unreachable`] the dyno may have been started anyway.
    pub async fn start(&self, one_off: &OneOff) -> Result<Dyno> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            one_off: &'a OneOff,
            attach: bool,
            r#type: &'static str,
        }
        let doing = format!("start a dyno of the app {}", self.app);
        let request = self.request(Method::POST, &["dynos"]).json(&Body {
            one_off,
            // its output goes to the app's log
            attach: false,
            r#type: "run",
        });
        answer::read(&doing, request).await
    }

    /// The app's dynos. Not retried; bounded to 30 s.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn dynos(&self) -> Result<Vec<Dyno>> {
        let doing = format!("list the dynos of the app {}", self.app);
        answer::read(&doing, self.request(Method::GET, &["dynos"])).await
    }

    /// One dyno; `None` if it no longer exists, as one-off dynos are removed soon after they end. Not retried; bounded
    /// to 30 s.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn dyno(&self, id: &str) -> Result<Option<Dyno>> {
        let doing = format!("read the state of a dyno of the app {}", self.app);
        match answer::read(&doing, self.request(Method::GET, &["dynos", id])).await {
            Ok(dyno) => Ok(Some(dyno)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["apps", &self.app]).extend(path);
        }
        let request = self.http.request(method, url);
        request
            .header(reqwest::header::ACCEPT, VERSION)
            .bearer_auth(self.key.0.reveal())
    }
}

/// The client of all requests, which bounds each in time.
fn http_client() -> Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        // the key must not be sent to a redirect's target
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("pgcoffer/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::unreachable("prepare to call the Heroku API", &error))
}

impl ApiKey {
    /// Wraps a key; `None` if it contains characters that a header can't contain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        visible.then(|| Self(SecretText::new(text.to_owned())))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crashed => "crashed",
            Self::Down => "down",
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Unknown => "in a state that this version doesn't know",
        })
    }
}
