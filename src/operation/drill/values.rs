//! Values that the user's statements are compared by: numbers, moments and lengths of time; and comparisons that are
//! mistyped.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

/// The longest length of time, in seconds: a hundred years.
const LENGTH_MAX: i64 = 100 * 365 * 86_400;

/// A length of time: a whole number and a unit, such as `90 minutes` or `1 day`, which has 24 hours.
pub(super) fn length_of_time(text: &str) -> Option<SignedDuration> {
    let (count, unit) = text.split_once(' ')?;
    let unit = match unit.trim_start().trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        _ => return None,
    };
    let seconds = count.parse::<i64>().ok()?.checked_mul(unit)?;
    (0..=LENGTH_MAX)
        .contains(&seconds)
        .then(|| SignedDuration::from_secs(seconds))
}

/// A moment as PostgreSQL writes it in the style ISO and the time zone UTC; a date is its first moment.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = text.strip_suffix("+00").unwrap_or(text);
    let date_time: jiff::civil::DateTime = text.parse().ok().or_else(|| {
        let date: jiff::civil::Date = text.parse().ok()?;
        Some(date.at(0, 0, 0, 0))
    })?;
    date_time
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// What was probably meant, where a comparison is written in another way than these are. Such a text is never taken for
/// the value that is expected.
pub(super) fn mistyped(text: &str) -> Option<&'static str> {
    const FORMS: [(&str, &str); 10] = [
        ("=>", "`>= 10`"),
        ("=<", "`<= 10`"),
        ("=!", "`<> 10`"),
        ("==", "`10` alone"),
        ("=", "`10` alone"),
        ("!", "`<> 10`"),
        ("≥", "`>= 10`"),
        ("≤", "`<= 10`"),
        ("≠", "`<> 10`"),
        ("~", "a value or a bound, such as `>= 10`"),
    ];
    if text.starts_with("!=") {
        return None;
    }
    let form = FORMS.iter().find(|(form, _)| text.starts_with(form));
    let ends = text.ends_with(['<', '>', '=', '≥', '≤', '≠']);
    form.map(|(_, cure)| *cure)
        .or(ends.then_some("the comparison first, such as `>= 10`"))
}

/// A decimal number of any length, compared exactly: a sum of money may have more digits than a float.
pub(super) struct Number<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        Some(Self {
            is_negative: text.starts_with('-') && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let size = |one: &Self, other: &Self| {
            let by_length = one.whole.len().cmp(&other.whole.len());
            by_length
                .then_with(|| one.whole.cmp(other.whole))
                .then_with(|| one.fraction.cmp(other.fraction))
        };
        match (self.is_negative, other.is_negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => size(self, other),
            (true, true) => size(other, self),
        }
    }
}
