//! How often a backup is made at the most.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

/// The intervals that make sense between two backups.
const INTERVALS: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_hours(24 * 366);

/// Reads an interval between two backups: `90s`, `10m`, `1h 30m`, `1d`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_interval(text: &str) -> Result<SignedDuration, String> {
    let days = |text: &str| text.strip_suffix('d')?.parse::<u32>().ok();
    let parsed = match days(text) {
        Some(days) => Some(SignedDuration::from_hours(24 * i64::from(days))),
        None => text.parse().ok(),
    };
    match parsed {
        Some(span) if INTERVALS.contains(&span) => Ok(span),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => Err(format!(
            "a unit is missing, such as 10m: {text}m are minutes, {text}h are hours"
        )),
        _ => Err("a length of time from 1s to 366d, such as 10m or 2h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_length_of_time() {
        for (text, seconds) in [
            ("1s", Some(1)),
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("1h 30m", Some(5400)),
            ("1h30m", Some(5400)),
            ("7d", Some(7 * 86_400)),
            ("366d", Some(366 * 86_400)),
            ("367d", None),
            ("4294967295d", None),
            ("0s", None),
            ("0d", None),
            ("500ms", None),
            ("-10m", None),
            ("10", None),
            ("", None),
            ("d", None),
            ("1mo", None),
        ] {
            assert_eq!(parse_interval(text).ok().map(|span| span.as_secs()), seconds, "{text}");
        }
    }
}
