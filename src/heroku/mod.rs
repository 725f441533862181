//! The door to Heroku's Platform API: one-off dynos are started, and looked at.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference#dyno>. No secret is ever sent but the key itself: what
//! a dyno needs it has from the app's config vars, for a command line stands in Heroku's logs.

mod answer;
mod error;

use std::{fmt, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Url};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use error::{Error, ErrorKind};

/// Where the API is.
pub const API: &str = "https://api.heroku.com";

/// The longest time to live that Heroku takes: 24 hours.
/// <https://devcenter.heroku.com/articles/platform-api-reference#dyno-create-optional-parameters>
pub const TIME_TO_LIVE_MAX: Duration = Duration::from_secs(86_400);

const VERSION: &str = "application/vnd.heroku+json; version=3";
const CONNECT: Duration = Duration::from_secs(10);
/// Creating a dyno takes a second or two; an API that takes longer than this is down.
const WHOLE: Duration = Duration::from_secs(30);

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// An API key, which prints nothing and wipes itself.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// One app, as seen through the Platform API.
#[derive(Debug, Clone)]
pub struct Heroku {
    http: Client,
    base: Url,
    app: String,
    key: ApiKey,
}

/// A one-off dyno to be started.
#[derive(Debug, Clone, Serialize)]
pub struct OneOff {
    /// The command that it runs; Heroku logs this line.
    pub command: String,
    /// Its size: `standard-1x`, `performance-l` and so on; none for the default of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// The seconds after which Heroku ends it.
    pub time_to_live: u64,
}

/// A dyno.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dyno {
    /// Its id.
    pub id: String,
    /// Its name, such as `run.1234`.
    pub name: String,
    /// The command that it runs.
    pub command: String,
    /// Its state.
    pub state: State,
}

/// How a dyno is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It ended with an error.
    Crashed,
    /// It is being ended, or has ended.
    Down,
    /// It sleeps.
    Idle,
    /// It is about to run.
    Starting,
    /// It runs.
    Up,
    /// A state that the reference of the API does not name.
    #[serde(other)]
    Unknown,
}

impl State {
    /// Whether it runs or may yet.
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Crashed | Self::Down)
    }
}

impl Heroku {
    /// This app behind the API at `base`.
    ///
    /// # Errors
    /// Where no client can be made: the machine has no root certificates, say.
    pub fn new(base: &Url, app: &str, key: ApiKey) -> Result<Self> {
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // the key goes to the API and to nobody that it names
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("pgcoffer/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::unreachable("prepare to call the Heroku API", &error))?;
        let (base, app) = (base.clone(), app.to_owned());
        Ok(Self { http, base, app, key })
    }

    /// Starts a one-off dyno.
    ///
    /// # Errors
    /// What the API refuses. After [`ErrorKind::Unreachable`] it may have been started all the same.
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

    /// The dynos that there are.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn dynos(&self) -> Result<Vec<Dyno>> {
        let doing = format!("list the dynos of the app {}", self.app);
        answer::read(&doing, self.request(Method::GET, &["dynos"])).await
    }

    /// One dyno; none where it is gone, as one-off dynos are soon after they have ended.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn dyno(&self, id: &str) -> Result<Option<Dyno>> {
        let doing = format!("look at a dyno of the app {}", self.app);
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
            .bearer_auth(self.key.0.as_str())
    }
}

impl ApiKey {
    /// Takes a text for a key; none where no header could carry it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        visible.then(|| Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
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
