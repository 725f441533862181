//! Which backup a person means.

mod find;

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    backup::{BackupId, Tier},
    error::{Error, Result},
    text::{parse_moment, second},
};

/// Characters that a part of an id has at the least.
const PART_CHARS_MIN: usize = 4;

/// Which backup a person means: an id or a part of one, `latest`, or `latest:<tier>`; the last two also before a
/// moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupSelector {
    /// The newest good one.
    Latest {
        /// Of this tier, where one is named.
        tier: Option<Tier>,
        /// Of those that began before this moment, where one is named.
        before: Option<Timestamp>,
    },
    /// The one whose id begins or ends so, or whose random part begins so.
    Part(String),
}

impl BackupSelector {
    /// Reads what a person typed, and the moment that was given beside it; without a text the newest good one is
    /// meant.
    ///
    /// # Errors
    /// [`Error::Usage`] for what can't be a part of an id, and where both an id and a moment are given.
    pub fn parse(text: Option<&str>, before: Option<Timestamp>) -> Result<Self> {
        let tier = match text {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("latest") => None,
            Some(text) => match text.strip_prefix("latest:") {
                Some(tier) => Some(tier.parse().map_err(|e| not_an_id(format!("{e}")))?),
                None => return Self::part(text, before),
            },
        };
        Ok(Self::Latest { tier, before })
    }

    fn part(text: &str, before: Option<Timestamp>) -> Result<Self> {
        // `2026-11-29 02:30`: no id has a colon or a date with hyphens
        let is_moment = text.contains(':') || text.split_once('-').is_some_and(|(year, _)| year.len() == 4);
        if is_moment && text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(moment_as_id(text, before));
        }
        let is_word_of_ours = text.starts_with("latest");
        let is_part = text.len() >= PART_CHARS_MIN && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_part || is_word_of_ours {
            return Err(not_an_id(format!(
                "{text:?} is not a backup id, nor a part of one with {PART_CHARS_MIN} characters or more"
            )));
        }
        match before {
            None => Ok(Self::Part(text.to_owned())),
            Some(_) => Err(Error::usage(
                format!("{text} and --before name two backups"),
                "leave out one of them; --before goes with latest and latest:TIER",
            )),
        }
    }

    /// What there is none of, where nothing is found: `good weekly backup before 2026-11-29 02:30:00 UTC`, `backup 2026`.
    pub(super) fn noun(&self) -> String {
        match self {
            Self::Part(part) => format!("backup {part}"),
            Self::Latest { tier, before } => {
                let tier = tier.map_or_else(String::new, |tier| format!("{tier} "));
                let before = before.map_or_else(String::new, |before| format!(" before {}", second(before)));
                format!("good {tier}backup{before}")
            }
        }
    }

    /// Whether it means another backup as soon as a newer one is made.
    #[must_use]
    pub fn is_latest(&self) -> bool {
        matches!(self, Self::Latest { .. })
    }
}

/// Whether somebody who types `part` may mean this backup. Upper and lower case are the same.
pub(super) fn is_part_of(part: &str, id: &BackupId) -> bool {
    let begins = |whole: &str| {
        let beginning = whole.get(..part.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(part))
    };
    let id_text = id.as_str();
    let end = id_text.len().checked_sub(part.len()).and_then(|at| id_text.get(at..));
    begins(id_text) || begins(id.random_part()) || end.is_some_and(|end| end.eq_ignore_ascii_case(part))
}

/// A moment in the place of an id, or the second half of one, which the shell has parted at its blank.
fn moment_as_id(text: &str, before: Option<Timestamp>) -> Error {
    let is_time = text
        .get(..4)
        .is_none_or(|year| !year.bytes().all(|b| b.is_ascii_digit()));
    let hint = match (is_time, before) {
        (true, _) => "a moment with a blank in it stands in quotes: --before \"2026-11-29 02:30\"".to_owned(),
        (false, None) if parse_moment(text, &TimeZone::UTC).is_ok() => {
            format!("--before {text:?} takes the newest good backup before it")
        }
        (false, None) => "--before 2026-11-29 takes the newest good backup before that day".to_owned(),
        (false, Some(_)) => "--before is given already: leave out one of the two moments".to_owned(),
    };
    Error::usage(format!("{text:?} is a moment, and no backup id"), hint)
}

fn not_an_id(why: String) -> Error {
    Error::usage(
        why,
        "give an id from `pgcoffer list`, its beginning or its end, latest, or latest:daily",
    )
}

impl fmt::Display for BackupSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => f.write_str(part),
            Self::Latest { tier, before } => {
                f.write_str("latest")?;
                if let Some(tier) = tier {
                    write!(f, ":{tier}")?;
                }
                match before {
                    Some(before) => write!(f, " before {}", second(*before)),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BackupSelector> {
        BackupSelector::parse(Some(text), None)
    }

    fn latest(tier: Option<Tier>, before: Option<Timestamp>) -> BackupSelector {
        BackupSelector::Latest { tier, before }
    }

    #[test]
    fn what_a_person_types_is_an_id_a_part_or_latest() {
        assert_eq!(parse("latest").unwrap(), latest(None, None));
        assert_eq!(BackupSelector::parse(None, None).unwrap(), latest(None, None));
        assert_eq!(parse("latest:daily").unwrap(), latest(Some(Tier::Daily), None));
        for part in ["20261120", "20261120T070000Z-abcdefghij23", "abcd", "2026", "Hij23"] {
            assert_eq!(parse(part).unwrap(), BackupSelector::Part(part.into()));
        }
        for bad in [
            "",
            "lat",
            "latest:",
            "latestdaily",
            "latest:x",
            "2",
            "../x",
            "main/2026",
            "2026-11-29",
            "2026-11-29 02:30",
            "2026-11-29T02:30:00Z",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let hint = parse("2026-11-29 02:30").unwrap_err().hint().unwrap();
        assert!(hint.starts_with("--before \"2026-11-29 02:30\""), "{hint}");
        // without quotes the shell makes two words of it: no cure may name half a moment
        let moment = "2026-11-29T00:00:00Z".parse().unwrap();
        for before in [None, Some(moment)] {
            let hint = BackupSelector::parse(Some("02:30"), before)
                .unwrap_err()
                .hint()
                .unwrap();
            assert!(hint.contains("in quotes: --before \"2026"), "{hint}");
        }
    }

    #[test]
    fn a_moment_goes_with_latest_alone() {
        let moment: Timestamp = "2026-11-29T01:30:00Z".parse().unwrap();
        let before = |text| BackupSelector::parse(text, Some(moment));
        assert_eq!(before(None).unwrap(), latest(None, Some(moment)));
        assert_eq!(
            before(Some("latest:daily")).unwrap(),
            latest(Some(Tier::Daily), Some(moment))
        );
        assert!(before(Some("20261120")).is_err());
        assert_eq!(
            before(Some("latest:daily")).unwrap().to_string(),
            "latest:daily before 2026-11-29 01:30:00 UTC"
        );
    }

    #[test]
    fn a_part_is_the_beginning_the_end_or_the_beginning_of_the_random_part() {
        let id = BackupId::parse("20261120T070000Z-abcdefghij23").unwrap();
        for part in [
            "2026",
            "20261120t07",
            "20261120T070000Z-abcdefghij23",
            "abcd",
            "ABCDEFGHIJ23",
            "ij23",
            "hij23",
        ] {
            assert!(is_part_of(part, &id), "{part}");
        }
        for other in ["2025", "bcde", "j234", "T070", "20261120T070000Z-abcdefghij23a", "é261"] {
            assert!(!is_part_of(other, &id), "{other}");
        }
    }
}
