//! How often, and for how long.

use jiff::tz::TimeZone;
use pgcoffer::{
    Result,
    schedule::Schedule,
    setup::{DEFAULT_SCHEDULE, in_words},
};

use super::{Draft, usage};

/// For a database that is large, or seldom changed.
const NIGHTLY: &str = "daily at 02:30 keep 14d, monthly on 1 keep 12mo";

impl Draft {
    pub(super) fn schedule(&mut self) -> Result<()> {
        self.step(4, "Schedule");
        if let Some(zone) = self.args.timezone.take() {
            self.setup.set("PGCOFFER_TIMEZONE", zone);
        }
        let given = self.args.schedule.take();
        let text = match given.or_else(|| self.setup.text("PGCOFFER_SCHEDULE").map(str::to_owned)) {
            Some(text) => text,
            None => self.ask_schedule()?,
        };
        self.ask_zone()?;
        let schedule = Schedule::parse(&text, &self.zone()?)
            .map_err(|e| usage(format!("the schedule can't be used: {e}"), e.hint().unwrap_or_default()))?;
        for line in in_words(&schedule) {
            self.terminal.say(&format!("   {line}"));
        }
        for warning in schedule.warnings() {
            tracing::warn!("{warning}");
        }
        self.setup.set("PGCOFFER_SCHEDULE", text);
        Ok(())
    }

    fn ask_schedule(&self) -> Result<String> {
        if !self.terminal.asks {
            return Ok(DEFAULT_SCHEDULE.to_owned());
        }
        let choices = [
            "every hour, and daily to yearly ones that are kept longer (recommended)",
            "every night, kept 14 days, and a monthly one kept 12 months",
            "something else",
        ];
        Ok(match self.terminal.choose("   How often", &choices)? {
            0 => DEFAULT_SCHEDULE.to_owned(),
            1 => NIGHTLY.to_owned(),
            _ => {
                let check = |text: &str| {
                    let parsed = Schedule::parse(text, &TimeZone::UTC);
                    parsed
                        .map(drop)
                        .map_err(|e| format!("{e}; {}", e.hint().unwrap_or_default()))
                };
                self.terminal
                    .text("   The schedule, such as daily at 02:30 keep 7d", None, check)?
            }
        })
    }

    fn ask_zone(&mut self) -> Result<()> {
        if self.setup.text("PGCOFFER_TIMEZONE").is_some() || !self.terminal.asks {
            return Ok(());
        }
        let here = TimeZone::system();
        let here = here.iana_name().filter(|name| *name != "Etc/UTC").unwrap_or("UTC");
        let check = |text: &str| match TimeZone::get(text) {
            Ok(_) => Ok(()),
            Err(_) => Err("no such time zone; there are Europe/Berlin, America/New_York, UTC".to_owned()),
        };
        let zone = self.terminal.text("   Time zone of its times", Some(here), check)?;
        if zone != "UTC" {
            self.setup.set("PGCOFFER_TIMEZONE", zone);
        }
        Ok(())
    }

    fn zone(&self) -> Result<TimeZone> {
        let name = self.setup.text("PGCOFFER_TIMEZONE").unwrap_or("UTC");
        TimeZone::get(name).map_err(|_| {
            usage(
                format!("{name:?} is not a time zone"),
                "give a name of the tz database, such as Europe/Berlin, America/New_York or UTC",
            )
        })
    }
}
