//! Values that several settings have.

use std::time::Duration;

use jiff::SignedDuration;

use super::wrong::Wrong;
use crate::seal::{CatalogKey, MasterKey};

pub(super) fn boolean(text: &str) -> Result<bool, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err((
            format!("{text:?} is neither true nor false"),
            Some("write true or false".to_owned()),
        )),
    }
}

/// `90s`, `20m`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let positive = parsed.filter(SignedDuration::is_positive);
    positive.and_then(|d| Duration::try_from(d).ok()).ok_or_else(|| {
        let hint = "write for example 30m or 2h";
        (format!("{text:?} is not a length of time"), Some(hint.to_owned()))
    })
}

pub(super) fn key(text: &str) -> Result<MasterKey, Wrong> {
    MasterKey::parse(text).map_err(|error| {
        let before = text.split_once('@').map(|(before, _)| before);
        match before.map(str::trim_end).map(MasterKey::parse) {
            Some(Ok(_)) => (
                "it bears the day on which it was retired, and so is an earlier key".to_owned(),
                Some(
                    "earlier keys stand in PGCOFFER_OLD_KEYS (of a database with a key of its own: \
                    PGCOFFER_DB_<NAME>_OLD_KEYS), beside the one that replaced them"
                        .to_owned(),
                ),
            ),
            _ => (error.to_string(), error.hint()),
        }
    })
}

pub(super) fn catalog_key(text: &str) -> Result<CatalogKey, Wrong> {
    CatalogKey::parse(text).map_err(|error| match text.split_once('@') {
        Some((before, _)) if CatalogKey::parse(before.trim_end()).is_ok() => (
            "it bears the day on which it was retired, and so is an earlier catalog key".to_owned(),
            Some(
                "earlier catalog keys stand in PGCOFFER_OLD_KEYS (of a database with one of its own: \
                PGCOFFER_DB_<NAME>_OLD_KEYS), as earlier keys do"
                    .to_owned(),
            ),
        ),
        _ => (error.to_string(), error.hint()),
    })
}
