//! Moments, ages and sizes as people read them.

use jiff::Timestamp;

/// A moment, to the minute: nobody is woken by seconds.
pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How long ago, in the two largest units.
pub(super) fn age(from: Timestamp, to: Timestamp) -> String {
    let minutes = (to.as_second() - from.as_second()).max(0) / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, hours) => format!("{hours}h {minutes}m"),
        (days, hours) => format!("{days}d {hours}h"),
    }
}

/// Bytes in binary units, as elsewhere in this program.
pub(super) fn size(bytes: u64) -> String {
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
        let ago = |seconds: i64| age(Timestamp::from_second(now.as_second() - seconds).unwrap(), now);
        assert_eq!(minute(now), "2026-11-20 07:00 UTC");
        assert_eq!(
            [ago(59), ago(3600 * 5 + 60), ago(86_400 * 30), ago(-9)],
            ["0m", "5h 1m", "30d 0h", "0m"]
        );
        assert_eq!(
            [size(1023), size(1024), size(5 << 30)],
            ["1023 B", "1.00 KiB", "5.00 GiB"]
        );
    }
}
