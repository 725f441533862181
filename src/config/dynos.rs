//! The dynos that `serve` starts, as the settings say.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Url;

use super::wrong::{Wrong, fault};
use crate::{
    error::Fault,
    heroku::{API, ApiKey},
    plain_http::is_this_machine,
};

pub(super) const APP: &str = "PGCOFFER_HEROKU_APP";
pub(super) const API_KEY: &str = "PGCOFFER_HEROKU_API_KEY";

const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(12 * 3600);

/// A value, or what is wrong with it and the cure.
type Read<T> = Result<T, Wrong>;

/// One-off dynos that take backups.
#[derive(Debug, Clone)]
pub struct Dynos {
    /// Where the Platform API is.
    pub api: Url,
    /// Name or id of the app.
    pub app: String,
    /// The key to it.
    pub key: ApiKey,
    /// Size of each; none: the app's default.
    pub size: Option<String>,
    /// How long each may live.
    pub time_to_live: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Launch {
    #[default]
    Here,
    Heroku,
}

/// Settings of dynos while they are being read.
#[derive(Debug)]
pub(super) struct DynoReading {
    pub(super) launch: Launch,
    pub(super) api: Option<String>,
    pub(super) app: Option<String>,
    pub(super) key: Option<ApiKey>,
    pub(super) size: Option<String>,
    pub(super) time_to_live: Duration,
}

impl Default for DynoReading {
    fn default() -> Self {
        Self {
            launch: Launch::default(),
            api: None,
            app: None,
            key: None,
            size: None,
            time_to_live: DEFAULT_TIME_TO_LIVE,
        }
    }
}

impl DynoReading {
    /// The dynos, where some are wanted and everything is there that they need.
    pub(super) fn finish(self, wrong: &BTreeSet<String>, faults: &mut Vec<Fault>) -> Option<Dynos> {
        if self.launch == Launch::Here {
            return None;
        }
        let api = api_url(self.api.as_deref().unwrap_or(API));
        let hint = "set it to the name of the app whose dynos take the backups";
        let app = needed(self.app, APP, hint, wrong, faults);
        let hint = "make one with `heroku authorizations:create --scope write`";
        let key = needed(self.key, API_KEY, hint, wrong, faults);
        let api = api.map_err(|wrong| faults.push(fault("HEROKU_API_URL", wrong))).ok();
        Some(Dynos {
            api: api?,
            app: app?,
            key: key?,
            size: self.size,
            time_to_live: self.time_to_live,
        })
    }
}

/// A value that has to be there; where it is set and wrong, it is not missing as well.
fn needed<T>(value: Option<T>, name: &str, hint: &str, wrong: &BTreeSet<String>, faults: &mut Vec<Fault>) -> Option<T> {
    if value.is_none() && !wrong.contains(name) {
        let why = "PGCOFFER_LAUNCH=heroku needs it".to_owned();
        faults.push(fault(name, (why, Some(hint.to_owned()))));
    }
    value
}

fn api_url(text: &str) -> Read<Url> {
    let url = Url::parse(text).ok().filter(|url| url.has_host());
    let is_here = |url: &Url| url.host_str().is_some_and(is_this_machine);
    url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_here(url)))
        .ok_or_else(|| {
            let why = "it is no https URL, and the API key would travel in the clear";
            (
                why.to_owned(),
                Some("unset it: the API is at https://api.heroku.com".to_owned()),
            )
        })
}
