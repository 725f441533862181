//! The time zone in which people read moments: that of `PGCOFFER_TIMEZONE`, else that of the machine.

use jiff::{Timestamp, tz::TimeZone};
use pgcoffer::config::Config;

/// The time zone of tables.
#[derive(Debug, Clone)]
pub(super) struct Zone(pub(super) TimeZone);

impl Zone {
    /// The one that is set, else what `TZ` or the system says.
    pub(super) fn of(config: &Config) -> Self {
        Self(config.timezone.clone().unwrap_or_else(TimeZone::system))
    }

    /// A moment to the minute: `2026-11-20 08:00`.
    pub(super) fn minute(&self, time: Timestamp) -> String {
        self.show(time, "%Y-%m-%d %H:%M")
    }

    /// A moment in the same year as everything around it: `11-20 08:00`.
    pub(super) fn short_minute(&self, time: Timestamp) -> String {
        self.show(time, "%m-%d %H:%M")
    }

    /// The day: `2026-11-20`.
    pub(super) fn day(&self, time: Timestamp) -> String {
        self.show(time, "%Y-%m-%d")
    }

    fn show(&self, time: Timestamp, format: &str) -> String {
        time.to_zoned(self.0.clone()).strftime(format).to_string()
    }

    /// Its name, or where it has none how far it is from UTC at that moment: `Europe/Berlin`, `UTC+01:00`.
    pub(super) fn name(&self, at: Timestamp) -> String {
        match self.0.iana_name() {
            Some("UTC" | "Etc/UTC" | "Etc/Unknown" | "Zulu" | "Universal" | "Etc/Zulu" | "Etc/UCT" | "UCT") => {
                "UTC".to_owned()
            }
            Some(name) => name.to_owned(),
            None => match at.to_zoned(self.0.clone()).strftime("%:z").to_string().as_str() {
                "+00:00" => "UTC".to_owned(),
                offset => format!("UTC{offset}"),
            },
        }
    }

    /// The line above a table that says which zone its moments are in; none for UTC, which the heads say.
    pub(super) fn line(&self, at: Timestamp) -> String {
        match self.name(at).as_str() {
            "UTC" => String::new(),
            name => format!("Times are in {name}.\n"),
        }
    }

    /// The head of a column of moments.
    pub(super) fn head(&self, head: &str, at: Timestamp) -> String {
        match self.name(at).as_str() {
            "UTC" => format!("{head} (UTC)"),
            _ => head.to_owned(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_the_zone_that_is_named() {
        let time: Timestamp = "2026-12-31T23:30:00Z".parse().unwrap();
        let berlin = Zone(TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(berlin.minute(time), "2027-01-01 00:30");
        assert_eq!(berlin.short_minute(time), "01-01 00:30");
        assert_eq!(berlin.day(time), "2027-01-01");
        assert_eq!(berlin.line(time), "Times are in Europe/Berlin.\n");
        assert_eq!(berlin.head("STARTED", time), "STARTED");
        let utc = Zone(TimeZone::UTC);
        assert_eq!(
            (utc.line(time).as_str(), utc.head("STARTED", time).as_str()),
            ("", "STARTED (UTC)")
        );
        let posix = Zone(TimeZone::posix("XYZ-05:30").unwrap());
        assert_eq!(posix.line(time), "Times are in UTC+05:30.\n");
    }
}
