//! A moment as people write it.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// Why a text names no one moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It is not written as a moment.
    #[error("{0:?} is not a moment")]
    NotAMoment(String),
    /// The clocks skipped that time.
    #[error("{local} does not exist in {zone}: the clocks went forward over it")]
    Skipped {
        /// The time, `2026-03-29 02:30`.
        local: String,
        /// The name of the time zone.
        zone: String,
        /// The two moments that may be meant, each with its offset: by the clock before the change, and after it.
        meant: [String; 2],
    },
    /// The clocks showed that time twice.
    #[error("{local} was there twice in {zone}: the clocks were put back")]
    Twice {
        /// The time.
        local: String,
        /// The name of the time zone.
        zone: String,
        /// Both moments, the earlier one first, each with its offset.
        meant: [String; 2],
    },
}

impl MomentError {
    /// What cures it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotAMoment(_) => {
                "write 2026-11-29, \"2026-11-29 02:30\" (in the time zone of PGCOFFER_TIMEZONE, else of this \
                                    machine), or RFC 3339: 2026-11-29T02:30:00Z"
                    .to_owned()
            }
            Self::Skipped {
                meant: [first, second], ..
            } => format!("give the moment with its offset, probably {first} or {second}"),
            Self::Twice {
                meant: [first, second], ..
            } => format!("give the one that you mean with its offset: {first} or {second}"),
        }
    }
}

/// Reads a moment: RFC 3339 (`2026-11-29T02:30:00Z`), a time of day in `zone` (`2026-11-29 02:30`, with seconds or
/// without), or a date alone, which is the moment at which that day begins there.
///
/// # Errors
/// [`MomentError`] where the text is none of these, or where `zone` doesn't have that time, or has it twice.
pub fn parse_moment(text: &str, zone: &TimeZone) -> Result<Timestamp, MomentError> {
    let (text, not_a_moment) = (text.trim(), || MomentError::NotAMoment(text.to_owned()));
    // a name of a time zone in brackets would be read and not heeded
    if text.contains('[') {
        return Err(not_a_moment());
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let is_civil = text.bytes().all(|b| b.is_ascii_digit() || b"-: T.t".contains(&b));
    if !is_civil {
        return Err(not_a_moment());
    }
    if let Some(date) = date_alone(text) {
        let begins = date.to_zoned(zone.clone()).map_err(|_| not_a_moment())?;
        return Ok(begins.timestamp());
    }
    let civil: DateTime = text.parse().map_err(|_| not_a_moment())?;
    in_zone(civil, zone).ok_or_else(not_a_moment)?
}

/// `2026-11-29` and `20261129`.
fn date_alone(text: &str) -> Option<Date> {
    let is_date = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date.then(|| text.parse().ok()).flatten()
}

fn in_zone(civil: DateTime, zone: &TimeZone) -> Option<Result<Timestamp, MomentError>> {
    let meant = |offset: Offset| {
        let moment = offset.to_timestamp(civil).ok()?;
        Some(moment.display_with_offset(zone.to_offset(moment)).to_string())
    };
    let (local, name) = (
        civil.strftime("%Y-%m-%d %H:%M").to_string(),
        zone.iana_name().unwrap_or("this time zone").to_owned(),
    );
    Some(match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => Ok(offset.to_timestamp(civil).ok()?),
        AmbiguousOffset::Gap { before, after } => Err(MomentError::Skipped {
            local,
            zone: name,
            // by the clock of before the change it would have been later, by that of after it earlier
            meant: [meant(after)?, meant(before)?],
        }),
        AmbiguousOffset::Fold { before, after } => Err(MomentError::Twice {
            local,
            zone: name,
            meant: [meant(before)?, meant(after)?],
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn read(text: &str, name: &str) -> String {
        parse_moment(text, &zone(name)).unwrap().to_string()
    }

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        for text in [
            "2026-11-29T01:30:00Z",
            "2026-11-29T02:30:00+01:00",
            "2026-11-29 01:30:00Z",
            "2026-11-29T01:30Z",
            "20261129T013000Z",
            "2026-11-29 02:30",
            "2026-11-29T02:30",
            "2026-11-29 02:30:00",
            "  2026-11-29 02:30 ",
        ] {
            assert_eq!(read(text, "Europe/Berlin"), "2026-11-29T01:30:00Z", "{text:?}");
        }
        for text in ["2026-11-29", "20261129"] {
            assert_eq!(read(text, "Europe/Berlin"), "2026-11-28T23:00:00Z", "{text:?}");
            assert_eq!(read(text, "UTC"), "2026-11-29T00:00:00Z", "{text:?}");
        }
    }

    #[test]
    fn a_day_begins_where_its_midnight_is_skipped_or_repeated() {
        // the clocks in Beirut go from 00:00 to 01:00, those in Havana from 01:00 to 00:00
        assert_eq!(read("2026-03-29", "Asia/Beirut"), "2026-03-28T22:00:00Z");
        assert_eq!(read("2026-11-01", "America/Havana"), "2026-11-01T04:00:00Z");
    }

    #[test]
    fn a_time_that_is_not_there_once_is_asked_back_with_both_moments() {
        let error = |text: &str| parse_moment(text, &zone("Europe/Berlin")).unwrap_err();
        let skipped = error("2026-03-29 02:30");
        assert_eq!(
            skipped.to_string(),
            "2026-03-29 02:30 does not exist in Europe/Berlin: the clocks went forward over it"
        );
        let twice = error("2026-10-25 02:30");
        assert_eq!(
            twice.to_string(),
            "2026-10-25 02:30 was there twice in Europe/Berlin: the clocks were put back"
        );
        // what a hint proposes is one moment, and each of the two another one
        for (error, expected) in [
            (skipped, ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]),
            (twice, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]),
        ] {
            let hint = error.hint();
            let words = hint.split([' ', ',']).filter(|word| word.starts_with("2026-"));
            let moments: Vec<String> = words.map(|word| read(word, "UTC")).collect();
            assert_eq!(moments, expected, "{hint}");
        }
        assert_eq!(read("2026-10-25 02:30", "UTC"), "2026-10-25T02:30:00Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "yesterday",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-11-31",
            "29.11.2026",
            "11/29/2026",
            "02:30",
            "2026-11-29 24:30",
            "2026-11-29 2:30",
            "2026-11-29 02:30 Berlin",
            "2026-11-29 02:30[Europe/Berlin]",
            "2026-11-29T02:30:00Z[Europe/Berlin]",
            "latest",
        ] {
            assert!(parse_moment(bad, &zone("Europe/Berlin")).is_err(), "{bad:?}");
        }
    }
}
