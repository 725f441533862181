//! A schedule in words.

use crate::{
    backup::{Retention, Tier},
    schedule::{Recurrence, Schedule, ScheduleClause},
};

/// One line for each clause, the most frequent first: when backups are made, and how long they are kept.
#[must_use]
pub fn in_words(schedule: &Schedule) -> Vec<String> {
    let clauses = schedule.clauses().iter();
    clauses.map(|clause| one(clause, schedule)).collect()
}

fn one(clause: &ScheduleClause, schedule: &Schedule) -> String {
    let every = match clause.when {
        Recurrence::Minutes { every, .. } => format!("every {every} minutes"),
        Recurrence::Hourly { .. } => "every hour".to_owned(),
        Recurrence::Hours { every, .. } => format!("every {every} hours"),
        Recurrence::Daily { .. } => "every day".to_owned(),
        Recurrence::Weekly { .. } => "every week".to_owned(),
        Recurrence::Monthly { .. } => "every month".to_owned(),
        Recurrence::Yearly { .. } => "every year".to_owned(),
    };
    let zone = schedule.zone().iana_name().unwrap_or("UTC");
    let zone = match clause.when {
        Recurrence::Minutes { .. } | Recurrence::Hourly { .. } => String::new(),
        _ => format!(" {zone}"),
    };
    let mut when = clause.when.to_string();
    if clause.tier() == Tier::Monthly {
        when = match when.strip_prefix("on last ") {
            Some(at) => format!("on its last day {at}"),
            None => when.replacen("on ", "on day ", 1),
        };
    }
    format!("{every} {when}{zone}, {}", kept(clause.keep))
}

fn kept(keep: Retention) -> String {
    let (count, unit) = match keep {
        Retention::Forever => return "each kept for ever".to_owned(),
        Retention::Newest(1) => return "the newest is kept".to_owned(),
        Retention::Newest(n) => return format!("the newest {n} are kept"),
        Retention::Hours(n) => (n, "hour"),
        Retention::Days(n) => (n, "day"),
        Retention::Weeks(n) => (n, "week"),
        Retention::Months(n) => (n, "month"),
        Retention::Years(n) => (n, "year"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("each kept {count} {unit}{s}")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_schedule_says_when_and_for_how_long() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let text = "hourly keep 24h, daily at 02:30 keep 1d, weekly keep 5, monthly keep 12mo, yearly keep forever";
        let schedule = Schedule::parse(text, &zone).unwrap();
        assert_eq!(
            in_words(&schedule),
            [
                "every hour at :00, each kept 24 hours",
                "every day at 02:30 Europe/Berlin, each kept 1 day",
                "every week on sunday at 02:30 Europe/Berlin, the newest 5 are kept",
                "every month on day 1 at 02:30 Europe/Berlin, each kept 12 months",
                "every year on 01-01 at 02:30 Europe/Berlin, each kept for ever",
            ]
        );
    }

    #[test]
    fn parts_of_a_day_and_of_an_hour_are_said() {
        let text = "every 15 minutes keep 1d, every 6 hours at 02:30 keep 7d, daily at 14:30 keep 3d";
        let schedule = Schedule::parse(text, &TimeZone::UTC).unwrap();
        assert_eq!(
            in_words(&schedule),
            [
                "every 15 minutes at :00, each kept 1 day",
                "every 6 hours at 02:30 UTC, each kept 7 days",
                "every day at 14:30 UTC, each kept 3 days",
            ]
        );
    }
}
