//! Time zones by their names, and what was meant by a text that is none.

use jiff::tz::TimeZone;

use super::wrong::Wrong;
use crate::error::{Error, Result};

/// From this similarity on, 1 being the same, a name is suggested.
const SIMILAR: f64 = 0.8;

/// What people call a zone, and a place in it whose name the tz database has. Abbreviations are those of the zone's
/// summer and winter, and Windows has names of its own.
const CALLED: [(&str, &str); 40] = [
    ("z", "UTC"),
    ("zulu time", "UTC"),
    ("utc time", "UTC"),
    ("cest", "Europe/Berlin"),
    ("mez", "Europe/Berlin"),
    ("mesz", "Europe/Berlin"),
    ("germany", "Europe/Berlin"),
    ("frankfurt", "Europe/Berlin"),
    ("munich", "Europe/Berlin"),
    ("geneva", "Europe/Zurich"),
    ("barcelona", "Europe/Madrid"),
    ("milan", "Europe/Rome"),
    ("france", "Europe/Paris"),
    ("uk", "Europe/London"),
    ("bst", "Europe/London"),
    ("eest", "Europe/Helsinki"),
    ("msk", "Europe/Moscow"),
    ("ist", "Asia/Kolkata"),
    ("mumbai", "Asia/Kolkata"),
    ("bangalore", "Asia/Kolkata"),
    ("india", "Asia/Kolkata"),
    ("jst", "Asia/Tokyo"),
    ("kst", "Asia/Seoul"),
    ("sgt", "Asia/Singapore"),
    ("beijing", "Asia/Shanghai"),
    ("china", "Asia/Shanghai"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("nzst", "Pacific/Auckland"),
    ("nzdt", "Pacific/Auckland"),
    ("edt", "America/New_York"),
    ("eastern", "America/New_York"),
    ("cdt", "America/Chicago"),
    ("central", "America/Chicago"),
    ("mdt", "America/Denver"),
    ("mountain", "America/Denver"),
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("pacific", "America/Los_Angeles"),
    ("san francisco", "America/Los_Angeles"),
];

/// The zone of this name, in whatever case.
pub(super) fn zone(text: &str) -> std::result::Result<TimeZone, Wrong> {
    TimeZone::get(text).map_err(|_| {
        let why = format!("{text:?} is not a time zone");
        (why, Some(hint(text)))
    })
}

/// The zone of this name, in whatever case, for whoever asks for nothing else.
///
/// # Errors
/// [`Error::Usage`] with the name that was probably meant.
pub fn parse_zone(text: &str) -> Result<TimeZone> {
    zone(text).map_err(|(why, hint)| Error::usage(why, hint.unwrap_or_default()))
}

/// What was meant, as a hint.
fn hint(text: &str) -> String {
    let text = text.trim_start_matches(':').trim();
    if let Some(minutes) = offset(text) {
        return of_offset(minutes);
    }
    match nearest(text) {
        Some(name) => format!("did you mean {name}?"),
        None => "write the name of a zone by its largest city, such as Europe/Berlin, America/New_York or UTC: \
            https://en.wikipedia.org/wiki/List_of_tz_database_time_zones has all of them"
            .to_owned(),
    }
}

/// The minutes east of Greenwich that a text like `UTC+2`, `CET+1`, `GMT-05:30` or `+0200` says.
fn offset(text: &str) -> Option<i32> {
    let at = text.find(['+', '-', '\u{2212}', '\u{b1}'])?;
    let (name, rest) = text.split_at(at);
    let is_name = name.trim().len() <= 5 && name.trim().bytes().all(|b| b.is_ascii_alphabetic());
    let sign = if rest.starts_with('+') { 1 } else { -1 };
    let mut chars = rest.chars();
    chars.next();
    let digits = chars.as_str().trim();
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_offset = is_name && (0..=14).contains(&hours) && (0..60).contains(&minutes);
    // a zone's winter time lies in its name already
    let before = match name.trim().to_ascii_uppercase().as_str() {
        _ if !is_offset => return None,
        "" | "UTC" | "GMT" | "Z" => 0,
        // CET+1 and CET-1 both mean CET to those who write them
        "CET" | "MEZ" => return Some(60),
        "EET" => return Some(120),
        _ => return None,
    };
    Some(before + sign * (hours * 60 + minutes))
}

/// An offset is no zone: it knows no summer time. The tz database has whole hours, with the sign turned round.
fn of_offset(minutes: i32) -> String {
    let place = match minutes {
        -480 => "America/Los_Angeles",
        -300 => "America/New_York",
        -360 => "America/Chicago",
        -420 => "America/Denver",
        -180 => "America/Sao_Paulo",
        0 => "UTC",
        60 => "Europe/Berlin",
        120 => "Europe/Helsinki (Europe/Berlin in summer)",
        180 => "Europe/Istanbul",
        240 => "Asia/Dubai",
        330 => "Asia/Kolkata",
        420 => "Asia/Bangkok",
        480 => "Asia/Singapore",
        540 => "Asia/Tokyo",
        600 => "Australia/Sydney",
        720 => "Pacific/Auckland",
        _ => "Europe/Berlin",
    };
    let fixed = match (minutes % 60, minutes / 60) {
        (0, 0) => return "write UTC".to_owned(),
        (0, hours) => format!("; Etc/GMT{:+} is that offset all year round", -hours),
        _ => String::new(),
    };
    format!("an offset knows no summer time: write the zone of a place, such as {place}{fixed}")
}

/// The most similar name: by its city, by what people call it, or with one slip in typing.
fn nearest(text: &str) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '-', '.'], "_");
    let (wanted, city) = (plain(text), plain(text.rsplit('/').next().unwrap_or(text)));
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let places = || {
        names
            .iter()
            .filter(|name| name.contains('/') && !name.starts_with("posix"))
    };
    if let Some(name) = places().find(|name| plain(name) == wanted) {
        return Some(name.clone());
    }
    let of_city = |name: &&String| plain(name.rsplit('/').next().unwrap_or(name)) == city;
    if let Some(name) = places().find(of_city) {
        return Some(name.clone());
    }
    let said = |called: &str| {
        let called = plain(called);
        called == wanted || called == city || wanted.strip_suffix("_standard_time") == Some(called.as_str())
    };
    if let Some((_, place)) = CALLED.iter().find(|(called, _)| said(called)) {
        return Some((*place).to_owned());
    }
    let scored = places().map(|name| {
        let whole = strsim::normalized_damerau_levenshtein(&plain(name), &wanted);
        let last = plain(name.rsplit('/').next().unwrap_or(name));
        (whole.max(strsim::normalized_damerau_levenshtein(&last, &city)), name)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score >= SIMILAR)
        .map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_in_whatever_case() {
        for text in ["UTC", "utc", "Europe/Berlin", "europe/berlin", "CET"] {
            assert!(zone(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_the_one_that_was_meant() {
        for (text, name) in [
            ("Berlin", "Europe/Berlin"),
            ("berlin", "Europe/Berlin"),
            ("Europe Berlin", "Europe/Berlin"),
            ("Europe/Berln", "Europe/Berlin"),
            ("Europe/Frankfurt", "Europe/Berlin"),
            ("New York", "America/New_York"),
            ("new-york", "America/New_York"),
            ("US/New_York", "America/New_York"),
            ("PST", "America/Los_Angeles"),
            ("Pacific Standard Time", "America/Los_Angeles"),
            ("CEST", "Europe/Berlin"),
            ("IST", "Asia/Kolkata"),
            ("Z", "UTC"),
        ] {
            assert_eq!(
                zone(text).unwrap_err().1.unwrap(),
                format!("did you mean {name}?"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_offset_is_answered_with_a_place_and_with_the_fixed_zone() {
        for (text, place, fixed) in [
            ("utc+2", "Europe/Helsinki", "Etc/GMT-2"),
            ("UTC-5", "America/New_York", "Etc/GMT+5"),
            ("+02:00", "Europe/Helsinki", "Etc/GMT-2"),
            ("CET+1", "Europe/Berlin", "Etc/GMT-1"),
            ("GMT+0530", "Asia/Kolkata", ""),
        ] {
            let hint = zone(text).unwrap_err().1.unwrap();
            assert!(hint.contains(place) && hint.contains(fixed), "{text}: {hint}");
        }
        assert_eq!(zone("UTC+0").unwrap_err().1.unwrap(), "write UTC");
        let other = zone("nowhere at all").unwrap_err().1.unwrap();
        assert!(other.contains("List_of_tz_database"), "{other}");
    }
}
