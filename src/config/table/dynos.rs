//! Settings of the dynos that `serve` starts.

use std::time::Duration;

use super::super::{
    dynos::{API_KEY, APP, Launch},
    setting::{Characters, DefaultValue, Section, Setting, Take},
    values::duration,
    wrong::Wrong,
};
use crate::heroku::{ApiKey, TIME_TO_LIVE_MAX};

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
            doc: "`here`: `serve` makes the backups itself; `heroku`: it starts a one-off dyno for each",
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
            doc: "the app of these dynos",
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
            doc: "how long each may run, `1m` to `24h`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dynos.time_to_live = time_to_live(text)?;
                Ok(())
            }),
        },
    ],
};

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
