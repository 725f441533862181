//! Moments, lengths of time and sizes as people read them. Moments are in UTC, as everything that is stored is.

use jiff::Timestamp;

/// A moment to the minute: `2026-11-20 07:00 UTC`.
#[must_use]
pub fn minute(time: Timestamp) -> String {
    format!("{} UTC", bare_minute(time))
}

/// A moment to the second: `2026-11-20 07:00:59 UTC`.
#[must_use]
pub fn second(time: Timestamp) -> String {
    format!("{} UTC", bare_second(time))
}

/// The same as [`minute`], where a heading says that it is UTC.
#[must_use]
pub fn bare_minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The same as [`second`], where a heading says that it is UTC.
#[must_use]
pub fn bare_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The day in UTC: `2026-11-20`.
#[must_use]
pub fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// A length of time in milliseconds, in its two largest units, without one that is zero: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`,
/// `3 d 4 h`, `24 h`.
#[must_use]
pub fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let whole = milliseconds / 1000;
    let two = |first: i64, unit: &str, second: i64, smaller: &str| match second {
        0 => format!("{first} {unit}"),
        second => format!("{first} {unit} {second} {smaller}"),
    };
    match whole {
        0..10 => format!("{whole}.{} s", milliseconds % 1000 / 100),
        10..60 => format!("{whole} s"),
        60..3600 => two(whole / 60, "min", whole % 60, "s"),
        3600..172_800 => two(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

/// The time between two moments, to the second, in its two largest units, without one that is zero: `3h 12m`, `2d 1h`,
/// `4s`.
#[must_use]
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let Some(largest) = units.iter().position(|(length, _)| seconds >= *length) else {
        return "0s".to_owned();
    };
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, name) in units.iter().skip(largest).take(2) {
        if rest >= *length {
            parts.push(format!("{}{name}", rest / length));
        }
        rest %= length;
    }
    parts.join(" ")
}

/// Bytes in binary units with three figures: `1023 B`, `1.00 KiB`, `1021 KiB`, `14.6 MiB`.
#[must_use]
pub fn short_size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // what would be shown as 1024 is the next unit's first
    while value >= 1023.5 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit = units[unit];
    match value {
        ..9.995 => format!("{value:.2} {unit}"),
        ..99.95 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// Bytes in binary units: `1023 B`, `5.00 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    match unit {
        "B" => format!("{bytes} B"),
        unit => format!("{value:.2} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let now: Timestamp = "2026-11-20T07:00:59Z".parse().unwrap();
        assert_eq!(minute(now), "2026-11-20 07:00 UTC");
        assert_eq!(second(now), "2026-11-20 07:00:59 UTC");
        assert_eq!(day(now), "2026-11-20");
        assert_eq!(
            [size(1023), size(1024), size(5 << 30)],
            ["1023 B", "1.00 KiB", "5.00 GiB"]
        );
    }

    #[test]
    fn short_sizes_have_three_figures() {
        let shown = [
            0,
            1023,
            1024,
            10_235,
            104_448,
            1_047_552,
            1_048_064,
            1_048_575,
            15_309_210,
            u64::MAX,
        ];
        assert_eq!(
            shown.map(short_size),
            [
                "0 B", "1023 B", "1.00 KiB", "10.0 KiB", "102 KiB", "1023 KiB", "1.00 MiB", "1.00 MiB", "14.6 MiB",
                "16.0 EiB"
            ]
        );
    }

    #[test]
    fn lengths_of_time_have_two_units() {
        for (milliseconds, text) in [
            (-1, "0.0 s"),
            (0, "0.0 s"),
            (1_450, "1.4 s"),
            (59_999, "59 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (172_800_000, "2 d"),
            (180_000, "3 min"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn spans_have_two_units() {
        let span_of = |seconds| span(Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).unwrap());
        assert_eq!(span_of(0), "0s");
        assert_eq!(span_of(59), "59s");
        assert_eq!(span_of(61), "1m 1s");
        assert_eq!(span_of(3600), "1h");
        assert_eq!(span_of(86_400 * 3 + 3600 * 2 + 59), "3d 2h");
        assert_eq!(span_of(-5), "0s");
    }
}
