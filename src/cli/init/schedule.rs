//! How often, and for how long.

use jiff::tz::TimeZone;
use pgcoffer::{
    Result,
    config::parse_zone,
    schedule::Schedule,
    setup::{DEFAULT_SCHEDULE, in_words},
};

use super::{Draft, journal::Asked, usage};

/// For a database of which an hour's work must not be lost. Each backup is a full dump.
const HOURLY: &str =
    "hourly keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo, yearly keep 7y";

impl Draft {
    pub(super) fn schedule(&mut self) -> Asked<()> {
        self.step(5, "Schedule");
        if let Some(zone) = self.args.timezone.take() {
            self.setup.set("PGCOFFER_TIMEZONE", zone);
        }
        let given = self.args.schedule.take();
        let set = self.setup.text("PGCOFFER_SCHEDULE").map(str::to_owned);
        let text = match (given, set) {
            // without a zone it is one in UTC already
            (None, Some(set)) => set,
            (Some(given), _) => {
                self.ask_zone()?;
                given
            }
            (None, None) => {
                let text = self.ask_schedule()?;
                self.ask_zone()?;
                text
            }
        };
        let schedule = Schedule::parse(&text, &self.zone()?)
            .map_err(|e| usage(format!("the schedule can't be used: {e}"), e.hint().unwrap_or_default()))?;
        for line in in_words(&schedule) {
            self.terminal.say(&format!("   {line}"));
        }
        for warning in schedule.warnings() {
            tracing::warn!("{warning}");
        }
        self.note_answer("--schedule", &text);
        self.setup.set("PGCOFFER_SCHEDULE", text);
        Ok(())
    }

    fn ask_schedule(&self) -> Asked<String> {
        if !self.terminal.asks {
            return Ok(DEFAULT_SCHEDULE.to_owned());
        }
        let choices = [
            "every night, with weekly and monthly ones that are kept longer (recommended)",
            "every hour, with daily to yearly ones that are kept longer",
            "something else",
        ];
        Ok(match self.terminal.choose("   How often", &choices)? {
            0 => DEFAULT_SCHEDULE.to_owned(),
            1 => HOURLY.to_owned(),
            _ => {
                let check = |text: &str| {
                    let parsed = Schedule::parse(text, &TimeZone::UTC);
                    parsed
                        .map(drop)
                        .map_err(|e| format!("{e}; {}", e.hint().unwrap_or_default()))
                };
                let question = "   The schedule, such as daily at 02:30 keep 7d";
                self.terminal.text(question, None, check)?
            }
        })
    }

    fn ask_zone(&mut self) -> Asked<()> {
        if self.setup.text("PGCOFFER_TIMEZONE").is_some() || !self.terminal.asks {
            return Ok(());
        }
        let here = TimeZone::system();
        let here = here.iana_name().filter(|name| *name != "Etc/UTC").unwrap_or("UTC");
        let check = |text: &str| match parse_zone(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error}: {}", error.hint().unwrap_or_default())),
        };
        let zone = self.terminal.text("   Time zone of its times", Some(here), check)?;
        self.note_answer("--timezone", &zone);
        if zone != "UTC" {
            self.setup.set("PGCOFFER_TIMEZONE", zone);
        }
        Ok(())
    }

    fn zone(&self) -> Result<TimeZone> {
        let name = self.setup.text("PGCOFFER_TIMEZONE").unwrap_or("UTC");
        parse_zone(name)
    }
}
