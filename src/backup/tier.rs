use std::{fmt, str::FromStr};

use jiff::{Span, Timestamp, tz::TimeZone};

/// How often a backup of this kind is made; one backup serves every tier due at its moment and carries the highest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// asked for by a person
    Manual,
    /// every hour
    Hourly,
    /// every day
    Daily,
    /// every week
    Weekly,
    /// every month
    Monthly,
    /// every year
    Yearly,
}

/// A word that names no tier or no retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {kind}: {expected}")]
pub struct UnknownWord {
    word: String,
    kind: &'static str,
    expected: &'static str,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Self; 6] = [
        Self::Manual,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    /// The tier's name, as in keys, tags and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == word)
            .ok_or_else(|| UnknownWord {
                word: word.to_owned(),
                kind: "tier",
                expected: "one of manual, hourly, daily, weekly, monthly, yearly",
            })
    }
}

/// How long a backup is kept: `24h`, `7d`, `5w`, `12mo`, `7y` or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Retention {
    /// never deleted by age
    Forever,
    /// so many hours
    Hours(u16),
    /// so many days of 24 hours
    Days(u16),
    /// so many weeks of 7 days
    Weeks(u16),
    /// so many calendar months
    Months(u16),
    /// so many calendar years
    Years(u16),
}

impl Retention {
    /// The moment this retention of something made at `start` runs out, by the calendar of UTC; `None` for never.
    #[must_use]
    pub fn expires(self, start: Timestamp) -> Option<Timestamp> {
        let span = match self {
            Self::Forever => return None,
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
            expected: "a whole number from 1 to 9999 and h, d, w, mo or y (24h, 7d, 5w, 12mo, 7y), or forever",
        };
        if word == "forever" {
            return Ok(Self::Forever);
        }
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let count: u16 = word[..word.len() - unit.len()]
            .parse()
            .map_err(|_| unknown())?;
        if !(1..=9999).contains(&count) {
            return Err(unknown());
        }
        match unit {
            "h" => Ok(Self::Hours(count)),
            "d" => Ok(Self::Days(count)),
            "w" => Ok(Self::Weeks(count)),
            "mo" => Ok(Self::Months(count)),
            "y" => Ok(Self::Years(count)),
            _ => Err(unknown()),
        }
    }
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
        for text in ["24h", "7d", "5w", "12mo", "7y", "forever"] {
            assert_eq!(text.parse::<Retention>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "7",
            "d",
            "0d",
            "-1d",
            "7 d",
            "10000d",
            "7m",
            "Forever",
            "99999999d",
        ] {
            assert!(bad.parse::<Retention>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn months_and_years_go_by_the_calendar() {
        let start: Timestamp = "2027-12-31T12:00:00Z".parse().unwrap();
        let end = |text: &str| {
            text.parse::<Retention>()
                .unwrap()
                .expires(start)
                .map(|t| t.to_string())
        };
        assert_eq!(end("24h").as_deref(), Some("2028-01-01T12:00:00Z"));
        assert_eq!(end("2mo").as_deref(), Some("2028-02-29T12:00:00Z"));
        assert_eq!(end("7y").as_deref(), Some("2034-12-31T12:00:00Z"));
        assert_eq!(end("9999y"), None);
        assert_eq!(end("forever"), None);
    }

    #[test]
    fn tiers_rise_and_keep_their_names() {
        assert!(Tier::ALL.is_sorted());
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(tier));
        }
        assert!("Daily".parse::<Tier>().is_err());
    }
}
