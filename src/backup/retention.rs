use std::{fmt, str::FromStr};

use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Tier, UnknownWord};

/// How long a backup is kept: by age (`24h`, `7d`, `5w`, `12mo`, `7y`), `forever`, or by count (`24`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Retention {
    /// Never deleted by age.
    Forever,
    /// So many hours.
    Hours(u16),
    /// So many days of 24 hours.
    Days(u16),
    /// So many weeks of 7 days.
    Weeks(u16),
    /// So many calendar months.
    Months(u16),
    /// So many calendar years.
    Years(u16),
    /// As long as it is among so many newest of its tier.
    Newest(u16),
}

crate::text::text_schema!(
    Retention,
    "How long a backup is kept: by age, `forever`, or by count.",
    r"^(forever|[1-9][0-9]{0,3}(h|d|w|mo|y)?)$"
);

/// A tier that a backup serves: which of its periods, and how long it is kept for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Served {
    /// The tier.
    pub tier: Tier,
    /// The moment at which this period's backup fell due; the start of a run that nothing but a person asked for.
    pub due: Timestamp,
    /// How long it is kept for this tier.
    pub retention: Retention,
}

impl Retention {
    /// The longest of several, for something made at `start`: never before a date, the later date before the earlier,
    /// and any date before a count, of which nobody knows the day.
    #[must_use]
    pub fn longest(of: impl IntoIterator<Item = Self>, start: Timestamp) -> Option<Self> {
        let rank = |retention: &Self| match (retention, retention.expires(start)) {
            (Self::Newest(count), _) => (0, None, *count),
            (_, Some(end)) => (1, Some(end), 0),
            (_, None) => (2, None, 0),
        };
        of.into_iter().max_by_key(rank)
    }

    /// The moment this retention of something made at `start` runs out, by the calendar of UTC; `None` for never, and
    /// for a count, which has no moment.
    #[must_use]
    pub fn expires(self, start: Timestamp) -> Option<Timestamp> {
        let span = match self {
            Self::Forever | Self::Newest(_) => return None,
            Self::Hours(n) => Span::new().hours(n),
            Self::Days(n) => Span::new().days(n),
            Self::Weeks(n) => Span::new().weeks(n),
            Self::Months(n) => Span::new().months(n),
            Self::Years(n) => Span::new().years(i16::try_from(n).unwrap_or(i16::MAX)),
        };
        // past the end of the calendar (year 9999) is never
        let end = start.to_zoned(TimeZone::UTC).checked_add(span).ok()?;
        Some(end.timestamp())
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Forever => "forever".to_owned(),
            Self::Hours(n) => format!("{n}h"),
            Self::Days(n) => format!("{n}d"),
            Self::Weeks(n) => format!("{n}w"),
            Self::Months(n) => format!("{n}mo"),
            Self::Years(n) => format!("{n}y"),
            Self::Newest(n) => n.to_string(),
        };
        f.pad(&text)
    }
}

impl FromStr for Retention {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord {
            word: word.to_owned(),
            kind: "retention",
            expected: "a whole number from 1 to 9999 and h, d, w, mo or y (24h, 7d, 5w, 12mo, 7y), forever, or a \
                number alone for so many newest ones",
            meant: meant(word),
        };
        if word == "forever" {
            return Ok(Self::Forever);
        }
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let count: u16 = word[..word.len() - unit.len()].parse().map_err(|_| unknown())?;
        if !(1..=9999).contains(&count) {
            return Err(unknown());
        }
        match unit {
            "h" => Ok(Self::Hours(count)),
            "d" => Ok(Self::Days(count)),
            "w" => Ok(Self::Weeks(count)),
            "mo" => Ok(Self::Months(count)),
            "y" => Ok(Self::Years(count)),
            "" => Ok(Self::Newest(count)),
            _ => Err(unknown()),
        }
    }
}

/// The retention that was probably meant: `7 days`, `30D`, `1month`, `Forever`, `newest:7`.
fn meant(word: &str) -> Option<String> {
    let plain: String = word.chars().filter(|c| !c.is_whitespace()).collect();
    let plain = plain.to_ascii_lowercase();
    // as `backup --retain` has it
    if let Some(count) = plain.strip_prefix("newest:") {
        let count: u16 = count.parse().ok().filter(|count| (1..=9999).contains(count))?;
        return Some(count.to_string());
    }
    let unit = plain.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = &plain[..plain.len() - unit.len()];
    let unit = match unit {
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "week" | "weeks" => "w",
        // minutes are never meant
        "m" | "mo" | "mon" | "month" | "months" => "mo",
        "y" | "yr" | "yrs" | "year" | "years" => "y",
        "forever" | "ever" | "always" | "never" | "unlimited" if count.is_empty() => return Some("forever".to_owned()),
        _ => return None,
    };
    let count: u16 = count.parse().ok().filter(|count| (1..=9999).contains(count))?;
    Some(format!("{count}{unit}"))
}

impl TryFrom<String> for Retention {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Retention> for String {
    fn from(retention: Retention) -> Self {
        retention.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retentions_are_read_as_they_are_written() {
        for text in ["24h", "7d", "5w", "12mo", "7y", "forever", "24"] {
            assert_eq!(text.parse::<Retention>().unwrap().to_string(), text);
        }
        for bad in ["", "0", "d", "0d", "-1d", "7 d", "10000d", "7m", "Forever", "99999999d"] {
            assert!(bad.parse::<Retention>().is_err(), "{bad:?}");
        }
        for (typed, meant) in [
            ("7 days", "did you mean 7d?"),
            ("30D", "did you mean 30d?"),
            ("1m", "did you mean 1mo?"),
            ("Forever", "did you mean forever?"),
            ("newest:7", "did you mean 7?"),
            ("0 days", "a whole number from 1"),
            ("soon", "a whole number from 1"),
        ] {
            let error = typed.parse::<Retention>().unwrap_err().to_string();
            assert!(error.contains(meant), "{typed}: {error}");
        }
    }

    #[test]
    fn months_and_years_go_by_the_calendar() {
        let start: Timestamp = "2027-12-31T12:00:00Z".parse().unwrap();
        let end = |text: &str| text.parse::<Retention>().unwrap().expires(start).map(|t| t.to_string());
        assert_eq!(end("24h").as_deref(), Some("2028-01-01T12:00:00Z"));
        assert_eq!(end("2mo").as_deref(), Some("2028-02-29T12:00:00Z"));
        assert_eq!(end("7y").as_deref(), Some("2034-12-31T12:00:00Z"));
        assert_eq!(end("9999y"), None);
        assert_eq!(end("forever"), None);
    }

    #[test]
    fn the_longest_is_never_then_the_latest_date_then_the_largest_count() {
        let start: Timestamp = "2027-02-01T00:00:00Z".parse().unwrap();
        let longest = |texts: &str| {
            let all = texts.split(' ').map(|text| text.parse().unwrap());
            Retention::longest(all, start).unwrap().to_string()
        };
        assert_eq!(longest("24h 7d 5w"), "5w");
        assert_eq!(longest("28d 1mo 29d"), "29d");
        assert_eq!(longest("7y forever 24"), "forever");
        assert_eq!(longest("24 48 1h"), "1h");
        assert_eq!(longest("24 48"), "48");
    }
}
