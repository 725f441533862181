//! Numbers with their nouns.

use std::fmt::Display;

/// `1 record`, `2 records`, for a noun that takes an s.
#[must_use]
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let s = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// A length of time in the largest unit of which it has two at least: `90 s`, `5 minutes`, `47 hours`, `20 days`.
#[must_use]
pub fn roughly(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} minutes", s / 60),
        s if s < 2 * 86_400 => format!("{} hours", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_several() {
        assert_eq!(counted(0, "record"), "0 records");
        assert_eq!(counted(1, "record"), "1 record");
        assert_eq!(counted("1", "day"), "1 day");
        assert_eq!(counted(21, "day"), "21 days");
    }

    #[test]
    fn no_unit_is_told_in_the_singular_or_by_the_thousand() {
        for (seconds, told) in [
            (-5, "0 s"),
            (119, "119 s"),
            (120, "2 minutes"),
            (7199, "119 minutes"),
            (7200, "2 hours"),
            (172_799, "47 hours"),
            (28_800 * 60, "20 days"),
        ] {
            assert_eq!(roughly(seconds), told);
        }
    }
}
