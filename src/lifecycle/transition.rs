use std::fmt;

use serde::Serialize;

use super::{Class, Error};
use crate::backup::Tier;

/// One rule of `PGCOFFER_COLD` or `--cold`: archives of a tier move to a class at an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The tier.
    pub tier: Tier,
    /// The class that its archives move to.
    pub class: Class,
    /// The age at which they move, in days.
    pub after_days: u32,
}

/// The largest number of days. S3 allows a signed 32-bit number; a century is enough and keeps sums far from that.
const DAYS_MAX: u32 = 36_500;

/// Parses `monthly to glacier after 30d, yearly to deep_archive after 7d`.
///
/// # Errors
/// [`Error::Transition`] with the first clause that can't be parsed.
pub fn parse_transitions(text: &str) -> Result<Vec<Transition>, Error> {
    let mut read: Vec<Transition> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let wrong = |why: String| Error::Transition {
            clause: part.to_owned(),
            why,
        };
        let clause = transition(part).map_err(wrong)?;
        if read.iter().any(|other| other.tier == clause.tier) {
            return Err(wrong(format!("{} is named twice", clause.tier)));
        }
        read.push(clause);
    }
    Ok(read)
}

fn transition(text: &str) -> Result<Transition, String> {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let (tier, class, age) = match words.as_slice() {
        [] => return Err("the text is empty, or there is nothing between two commas".to_owned()),
        [tier, "to", class, "after", age @ ..] if !age.is_empty() => (tier, class, age.concat()),
        _ => return Err("it isn't of the form TIER to CLASS after DAYS".to_owned()),
    };
    Ok(Transition {
        tier: tier.parse().map_err(|e| format!("{e}"))?,
        class: class.parse()?,
        after_days: days(&age)?,
    })
}

/// Parses `30d`, `30days` or `30` as a number of days.
fn days(text: &str) -> Result<u32, String> {
    let number = ["days", "day", "d"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit))
        .unwrap_or(text);
    number
        .parse()
        .ok()
        .filter(|days| *days <= DAYS_MAX && number.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(|| format!("{text:?} is not a number of days, such as 30d"))
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.as_str().to_ascii_lowercase();
        write!(f, "{} to {class} after {}d", self.tier, self.after_days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_read_as_people_write_them() {
        let read = |text: &str| {
            let all = parse_transitions(text).unwrap();
            all.iter().map(Transition::to_string).collect::<Vec<_>>().join(", ")
        };
        for text in [
            "monthly to glacier after 30d, yearly to deep_archive after 7d",
            " Monthly  TO Glacier after 30 days,yearly to Deep-Archive after 7 ",
        ] {
            assert_eq!(
                read(text),
                "monthly to glacier after 30d, yearly to deep_archive after 7d"
            );
        }
        assert_eq!(read("manual to glacier-ir after 0d"), "manual to glacier_ir after 0d");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_clause() {
        for (text, why) in [
            ("", "nothing"),
            ("monthly to glacier after 30d,", "nothing"),
            ("monthly to glacier", "form"),
            ("monthly to glacier after", "form"),
            ("monthly glacier 30d", "form"),
            ("fortnightly to glacier after 3d", "not a tier"),
            ("monthly to ice after 3d", "not a storage class"),
            ("monthly to standard after 3d", "not a storage class"),
            ("monthly to glacier after 3w", "not a number of days"),
            ("monthly to glacier after -3d", "not a number of days"),
            ("monthly to glacier after +3d", "not a number of days"),
            ("monthly to glacier after 99999999999d", "not a number of days"),
            ("monthly to glacier after 1d, MONTHLY to glacier after 2d", "twice"),
        ] {
            let error = parse_transitions(text).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert!(error.hint().is_some());
        }
    }
}
