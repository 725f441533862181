//! Settings of the dynos that `serve` starts.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Url;

use super::{
    monitoring::fault,
    table::{Characters, DefaultValue, Section, Setting, Take, Wrong},
    values::duration,
};
use crate::{
    error::Fault,
    heroku::{API, ApiKey, TIME_TO_LIVE_MAX},
    plain_http::is_this_machine,
};

const APP: &str = "PGCOFFER_HEROKU_APP";
const API_KEY: &str = "PGCOFFER_HEROKU_API_KEY";

const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(12 * 3600);
const SHORTEST_TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// A value, or what is wrong with it and the cure.
type Read<T> = Result<T, Wrong>;

pub(super) const SECTION: Section = Section {
    title: "Dynos that take the backups",
    settings: &[
        Setting {
            name: "PGCOFFER_LAUNCH",
            secret: false,
            default: DefaultValue::Text("here"),
            help: "heroku: `serve` starts a dyno for each backup",
            doc: "`here`: `serve` takes the backups itself; `heroku`: it starts a one-off dyno for each",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dynos.launch = launch(text)?;
                Ok(())
            }),
        },
        Setting {
            name: APP,
            secret: false,
            default: DefaultValue::None,
            help: "the app whose dynos these are",
            doc: "the app whose dynos these are",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dynos.app = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: API_KEY,
            secret: true,
            default: DefaultValue::None,
            help: "a key to Heroku's Platform API, with the scope `write`",
            doc: "a key to Heroku's Platform API, with the scope `write`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dynos.key = Some(api_key(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_HEROKU_DYNO_SIZE",
            secret: false,
            default: DefaultValue::Described("the app's"),
            help: "their size: standard-1x, standard-2x, performance-m …",
            doc: "their size: `standard-1x`, `standard-2x`, `performance-m` …",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dynos.size = Some(dyno_size(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_HEROKU_TIME_TO_LIVE",
            secret: false,
            default: DefaultValue::Text("12h"),
            help: "how long each may live, 1m to 24h",
            doc: "how long each may live, `1m` to `24h`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dynos.time_to_live = time_to_live(text)?;
                Ok(())
            }),
        },
    ],
};

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
enum Launch {
    #[default]
    Here,
    Heroku,
}

/// Settings of dynos while they are being read.
#[derive(Debug)]
pub(super) struct DynoReading {
    launch: Launch,
    pub(super) api: Option<String>,
    app: Option<String>,
    key: Option<ApiKey>,
    size: Option<String>,
    time_to_live: Duration,
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

fn launch(text: &str) -> Read<Launch> {
    match text.to_ascii_lowercase().as_str() {
        "here" => Ok(Launch::Here),
        "heroku" => Ok(Launch::Heroku),
        _ => {
            let hint = "`here`: serve takes the backups itself; `heroku`: it starts a one-off dyno for each";
            Err((format!("{text:?} is neither here nor heroku"), Some(hint.to_owned())))
        }
    }
}

/// Never shows the text: it may be a key with a line's end.
fn api_key(text: &str) -> Read<ApiKey> {
    ApiKey::parse(text).ok_or_else(|| {
        let hint = "copy it anew, without spaces or line ends: `heroku authorizations:create --scope write` prints it \
            as Token";
        (
            "it holds characters that no API key has".to_owned(),
            Some(hint.to_owned()),
        )
    })
}

fn dyno_size(text: &str) -> Read<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.chars().all(plain) {
        return Ok(text.to_ascii_lowercase());
    }
    let hint = "give one that `heroku ps:type` knows, such as standard-1x, standard-2x or performance-m";
    Err((format!("{text:?} is no dyno size"), Some(hint.to_owned())))
}

fn time_to_live(text: &str) -> Read<Duration> {
    let time = duration(text)?;
    if (SHORTEST_TIME_TO_LIVE..=TIME_TO_LIVE_MAX).contains(&time) {
        return Ok(time);
    }
    let hint = "give a minute at least and 24h at most, which is Heroku's own limit";
    Err((
        format!("{text:?} is no time that a dyno can live"),
        Some(hint.to_owned()),
    ))
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
