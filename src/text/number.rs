//! Numbers with their nouns.

use std::fmt::Display;

/// `1 record`, `2 records`, for a noun that takes an s.
#[must_use]
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let s = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// A number with its digits in groups of three: `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in the largest unit of which it has two at least: `90 seconds`, `5 minutes`, `47 hours`, `20 days`.
#[must_use]
pub fn roughly(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 120 => counted(s, "second"),
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
    fn digits_stand_in_threes() {
        for (number, told) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345, "12,345"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), told);
        }
    }

    #[test]
    fn no_unit_is_told_in_the_singular_or_by_the_thousand() {
        for (seconds, told) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
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
