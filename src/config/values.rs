//! Values that settings of several subjects have.

use std::time::Duration;

use jiff::SignedDuration;

use super::table::Wrong;

pub(super) fn boolean(text: &str) -> Result<bool, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err((format!("{text:?} is neither true nor false"), None)),
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
