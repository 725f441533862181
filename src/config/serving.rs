//! Settings of `serve`, of monitoring, and of dynos that it starts.

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use reqwest::Url;

use super::values::{Wrong, boolean, duration};
use crate::{
    error::{Error, Fault, Result},
    heroku::{API, ApiKey, TIME_TO_LIVE_MAX},
    plain_http::is_this_machine,
    web::{Readers, Token},
};

/// The port that nobody else has in <https://github.com/prometheus/prometheus/wiki/Default-port-allocations>, on this
/// machine alone.
const DEFAULT_LISTEN: &str = "127.0.0.1:9187";
/// A value, or what is wrong with it and the cure.
type Taken<T> = std::result::Result<T, Wrong>;

/// Every setting that is read here, without its prefix.
pub(super) const SETTINGS: [&str; 10] = [
    "LISTEN",
    "METRICS_TOKEN",
    "METRICS_OPEN",
    "METRICS_FILE",
    "LOG_FORMAT",
    "LAUNCH",
    "HEROKU_APP",
    "HEROKU_API_KEY",
    "HEROKU_DYNO_SIZE",
    "HEROKU_TIME_TO_LIVE",
];

const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(12 * 3600);
const SHORTEST_TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// How `serve` listens, what it tells, and how it has backups taken.
#[derive(Debug, Clone, Default)]
pub struct Serving {
    /// where it listens, where somebody says so
    pub listen: Option<SocketAddr>,
    /// the port that the platform's router passes the Internet on to, as the platform wrote it
    pub port: Option<String>,
    /// what a reader of metrics has to show
    pub token: Option<Token>,
    /// whether whoever reaches an address that somebody chose may read metrics without a token
    pub open: bool,
    /// the file for node_exporter's textfile collector
    pub metrics_file: Option<PathBuf>,
    /// dynos that take the backups, instead of `serve` itself
    pub dynos: Option<Dynos>,
    launch: Launch,
    heroku: HerokuSettings,
}

/// One-off dynos that take backups.
#[derive(Debug, Clone)]
pub struct Dynos {
    /// where the Platform API is
    pub api: Url,
    /// name or id of the app
    pub app: String,
    /// the key to it
    pub key: ApiKey,
    /// size of each; none: the app's default
    pub size: Option<String>,
    /// how long each may live
    pub time_to_live: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Launch {
    #[default]
    Here,
    Heroku,
}

#[derive(Debug, Clone, Default)]
struct HerokuSettings {
    api: Option<String>,
    app: Option<String>,
    key: Option<ApiKey>,
    size: Option<String>,
    time_to_live: Option<Duration>,
}

impl Serving {
    /// Where to listen.
    ///
    /// # Errors
    /// [`Error::Config`] where the platform's `PORT` is none, which no other command minds, or where metrics would be
    /// open to the Internet, which the platform's router passes on to that port.
    pub fn address(&self) -> Result<SocketAddr> {
        match (self.listen, &self.port) {
            (Some(listen), _) => Ok(listen),
            (None, Some(text)) => {
                let port = port(text).map_err(|wrong| Error::Config(vec![fault("PORT", wrong)]))?;
                if self.open {
                    return Err(Error::Config(vec![fault("PGCOFFER_METRICS_OPEN", open_to_all())]));
                }
                Ok(SocketAddr::from(([0, 0, 0, 0], port)))
            }
            (None, None) => Ok(listen(DEFAULT_LISTEN).expect("it is a constant")),
        }
    }

    /// Who is told names and numbers at this address.
    #[must_use]
    pub fn readers(&self, address: SocketAddr) -> Readers {
        Readers::at(address, self.token.clone(), self.open)
    }

    /// Takes a setting if it is one of these; whether it was.
    pub(super) fn take(&mut self, setting: &str, value: &str) -> Taken<bool> {
        let heroku = &mut self.heroku;
        match setting {
            "LISTEN" => self.listen = Some(listen(value)?),
            "METRICS_TOKEN" => {
                let token = Token::parse(value);
                self.token = Some(token.map_err(|fault| (fault.to_string(), Some(fault.hint())))?);
            }
            "METRICS_OPEN" => self.open = boolean(value).map_err(|why| (why, None))?,
            "METRICS_FILE" => self.metrics_file = Some(metrics_file(value)?),
            "LOG_FORMAT" => log_format(value)?,
            "LAUNCH" => self.launch = launch(value)?,
            "HEROKU_APP" => heroku.app = Some(value.to_owned()),
            "HEROKU_API_KEY" => heroku.key = Some(api_key(value)?),
            "HEROKU_DYNO_SIZE" => heroku.size = Some(dyno_size(value)?),
            "HEROKU_TIME_TO_LIVE" => heroku.time_to_live = Some(time_to_live(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes a variable that is a platform's own. What it means shows only where it is used.
    pub(super) fn take_of_platform(&mut self, name: &str, value: &str) {
        match name {
            "PORT" => self.port = Some(value.to_owned()),
            // the heroku CLI's own variable
            "HEROKU_API_URL" => self.heroku.api = Some(value.to_owned()),
            _ => {}
        }
    }

    /// Puts together what belongs together, once everything is read.
    pub(super) fn finish(&mut self, faults: &mut Vec<Fault>) {
        if self.open && self.token.is_some() {
            let why = "PGCOFFER_METRICS_TOKEN is set, and both can't hold".to_owned();
            let hint = "unset it: then metrics are shown to who sends the token".to_owned();
            faults.push(fault("PGCOFFER_METRICS_OPEN", (why, Some(hint))));
        }
        if self.launch == Launch::Here {
            return;
        }
        let mut needed = |name: &str, what: &str| {
            faults.push(Fault {
                variable: format!("PGCOFFER_{name}"),
                why: "PGCOFFER_LAUNCH=heroku needs it".to_owned(),
                hint: Some(what.to_owned()),
            });
        };
        let heroku = std::mem::take(&mut self.heroku);
        let api = api_url(heroku.api.as_deref().unwrap_or(API));
        if heroku.app.is_none() {
            needed(
                "HEROKU_APP",
                "set it to the name of the app whose dynos take the backups",
            );
        }
        if heroku.key.is_none() {
            needed(
                "HEROKU_API_KEY",
                "make one with `heroku authorizations:create --scope write`",
            );
        }
        let api = api.map_err(|wrong| faults.push(fault("HEROKU_API_URL", wrong))).ok();
        if let (Some(api), Some(app), Some(key)) = (api, heroku.app, heroku.key) {
            self.dynos = Some(Dynos {
                api,
                app,
                key,
                size: heroku.size,
                time_to_live: heroku.time_to_live.unwrap_or(DEFAULT_TIME_TO_LIVE),
            });
        }
    }
}

/// `ADDRESS:PORT`, or a port of this machine alone.
///
/// # Errors
/// Says what the text should have been.
pub fn listen(text: &str) -> std::result::Result<SocketAddr, (String, Option<String>)> {
    let text = text.trim();
    let here = text
        .parse()
        .ok()
        .map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
    let spelled = text.replace("localhost:", "127.0.0.1:");
    here.or_else(|| spelled.parse().ok()).ok_or_else(|| {
        let hint = "give an address and a port such as 127.0.0.1:9187, 0.0.0.0:9187 or [::]:9187";
        (format!("{text:?} is no address to listen on"), Some(hint.to_owned()))
    })
}

fn fault(variable: &str, (why, hint): Wrong) -> Fault {
    Fault {
        variable: variable.to_owned(),
        why,
        hint,
    }
}

fn port(text: &str) -> Taken<u16> {
    text.parse().map_err(|_| {
        let hint = "platforms set it to the port to listen on; where it means something else, set PGCOFFER_LISTEN";
        (format!("{text:?} is no port"), Some(hint.to_owned()))
    })
}

fn open_to_all() -> Wrong {
    let why = "the platform's router passes the whole Internet on to PORT, which is listened on";
    let hint = "unset it and set PGCOFFER_METRICS_TOKEN, or name an address of a private network by PGCOFFER_LISTEN";
    (why.to_owned(), Some(hint.to_owned()))
}

fn metrics_file(text: &str) -> Taken<PathBuf> {
    if text.ends_with(".prom") && !text.ends_with("/.prom") {
        return Ok(PathBuf::from(text));
    }
    let hint = "name it for example /var/lib/prometheus/node-exporter/pgcoffer.prom";
    let why = "node_exporter reads only files that end in .prom";
    Err((why.to_owned(), Some(hint.to_owned())))
}

fn log_format(text: &str) -> Taken<()> {
    match text {
        "text" | "json" => Ok(()),
        _ => Err((format!("{text:?} is neither text nor json"), None)),
    }
}

fn launch(text: &str) -> Taken<Launch> {
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
fn api_key(text: &str) -> Taken<ApiKey> {
    ApiKey::parse(text).ok_or_else(|| {
        let hint = "copy it anew, without spaces or line ends: `heroku authorizations:create --scope write` prints it \
            as Token";
        (
            "it holds characters that no API key has".to_owned(),
            Some(hint.to_owned()),
        )
    })
}

fn dyno_size(text: &str) -> Taken<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.chars().all(plain) {
        return Ok(text.to_ascii_lowercase());
    }
    let hint = "give one that `heroku ps:type` knows, such as standard-1x, standard-2x or performance-m";
    Err((format!("{text:?} is no dyno size"), Some(hint.to_owned())))
}

fn time_to_live(text: &str) -> Taken<Duration> {
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

fn api_url(text: &str) -> Taken<Url> {
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
