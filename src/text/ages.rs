//! How long ago something was. There are two styles: words in a sentence, and at most ten characters in the column of a
//! table.

use jiff::Timestamp;

use super::number::roughly;

/// How long ago, in a sentence: `just now`, `40 seconds ago`, `5 minutes ago`, `47 hours ago`, `20 days ago`; `in 3 hours`
/// for what is yet to come.
#[must_use]
pub fn ago(from: Timestamp, to: Timestamp) -> String {
    match to.as_second() - from.as_second() {
        0 => "just now".to_owned(),
        ahead @ ..0 => format!("in {}", roughly(-ahead)),
        seconds => format!("{} ago", roughly(seconds)),
    }
}

/// How old something is, in a sentence: `40 seconds`, `5 minutes`, `47 hours`, `20 days`, to be followed by `old`.
#[must_use]
pub fn age(from: Timestamp, to: Timestamp) -> String {
    roughly(to.as_second() - from.as_second())
}

/// How long ago, for the column of a table, in ten characters at most: `now`, `7 s ago`, `59 min ago`, `3 h ago`,
/// `12 d ago`, `2 mo ago`, `7 y ago`; `in 3 h` for what is yet to come.
#[must_use]
pub fn ago_in_column(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second() - from.as_second();
    let minutes = seconds.unsigned_abs() / 60;
    let (hours, days) = (minutes / 60, minutes / 1440);
    let length = match (minutes, hours, days) {
        (0, _, _) if seconds == 0 => return "now".to_owned(),
        (0, _, _) => format!("{} s", seconds.unsigned_abs()),
        (_, 0, _) => format!("{minutes} min"),
        // the hour of a day matters for the first two
        (_, 1..48, _) => format!("{hours} h"),
        (_, _, ..60) => format!("{days} d"),
        (_, _, ..730) => format!("{} mo", days * 12 / 365),
        _ => format!("{} y", days / 365),
    };
    match seconds < 0 {
        true => format!("in {length}"),
        false => format!("{length} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_in_a_sentence_are_words() {
        let now: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let at = |seconds: i64| Timestamp::from_second(now.as_second() - seconds).unwrap();
        let (hour, day) = (3600, 86_400);
        assert_eq!(
            [ago(at(0), now), ago(at(1), now), ago(at(119), now)],
            ["just now", "1 second ago", "119 seconds ago"]
        );
        assert_eq!(
            [ago(at(300), now), ago(at(47 * hour), now)],
            ["5 minutes ago", "47 hours ago"]
        );
        assert_eq!(
            [ago(at(20 * day), now), ago(at(-3 * hour), now)],
            ["20 days ago", "in 3 hours"]
        );
        assert_eq!([age(at(51 * hour), now), age(at(-9), now)], ["2 days", "0 seconds"]);
    }

    #[test]
    fn ages_in_a_column_have_one_unit_and_ten_characters_at_most() {
        let now: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let told = |seconds: i64| ago_in_column(Timestamp::from_second(now.as_second() - seconds).unwrap(), now);
        let (hour, day) = (3600, 86_400);
        assert_eq!([told(0), told(59), told(-59)], ["now", "59 s ago", "in 59 s"]);
        assert_eq!([told(60), told(hour - 1)], ["1 min ago", "59 min ago"]);
        assert_eq!([told(hour), told(2 * day - 1)], ["1 h ago", "47 h ago"]);
        assert_eq!([told(2 * day), told(60 * day - 1)], ["2 d ago", "59 d ago"]);
        assert_eq!([told(61 * day), told(729 * day)], ["2 mo ago", "23 mo ago"]);
        assert_eq!([told(730 * day), told(50 * 365 * day)], ["2 y ago", "50 y ago"]);
        assert_eq!(told(-3 * hour), "in 3 h");
        for minutes in (0..3_000_000).step_by(7) {
            assert!(told(minutes * 60).len() <= 10, "{}", told(minutes * 60));
        }
    }
}
