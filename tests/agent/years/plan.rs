//! Schedules and the ends of retentions, by arithmetic that is not the product's.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Weekday, date},
    tz::TimeZone,
};
use pgcoffer::backup::{Retention, Tier};

/// Clauses of a schedule whose tiers from daily on share one time of day.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) at: (i8, i8),
    pub(crate) keep: Vec<(Tier, Retention)>,
    pub(crate) zone: TimeZone,
}

impl Plan {
    pub(crate) fn new(zone: &str, at: (i8, i8), keep: &[(Tier, &str)]) -> Self {
        let parsed = |&(tier, keep): &(Tier, &str)| (tier, keep.parse().unwrap());
        Self {
            at,
            keep: keep.iter().map(parsed).collect(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    /// As users write it.
    pub(crate) fn text(&self) -> String {
        let (hour, minute) = self.at;
        let clause = |(tier, keep): &(Tier, Retention)| match tier {
            Tier::Hourly => format!("hourly keep {keep}"),
            Tier::Weekly => format!("weekly on sunday at {hour:02}:{minute:02} keep {keep}"),
            Tier::Monthly => format!("monthly on 1 at {hour:02}:{minute:02} keep {keep}"),
            tier => format!("{tier} at {hour:02}:{minute:02} keep {keep}"),
        };
        let clauses: Vec<String> = self.keep.iter().map(clause).collect();
        clauses.join(", ")
    }

    /// When this tier fell due last, found day by day; the zones here are whole hours from UTC.
    pub(crate) fn latest(&self, tier: Tier, now: Timestamp) -> Timestamp {
        if tier == Tier::Hourly {
            return Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap();
        }
        let mut day = self.zone.to_datetime(now).date();
        loop {
            let matches = match tier {
                Tier::Weekly => day.weekday() == Weekday::Sunday,
                Tier::Monthly => day.day() == 1,
                Tier::Yearly => (day.month(), day.day()) == (1, 1),
                _ => true,
            };
            let moment = self.moment(day);
            if matches && moment <= now {
                return moment;
            }
            day = day.yesterday().unwrap();
        }
    }

    fn moment(&self, day: Date) -> Timestamp {
        let civil = day.at(self.at.0, self.at.1, 0, 0);
        let zoned = self.zone.to_ambiguous_timestamp(civil);
        zoned.compatible().unwrap()
    }
}

/// When a retention by age ends, by the calendar of UTC.
pub(crate) fn end(start: Timestamp, keep: Retention) -> Timestamp {
    let hours = |n: i64| start + SignedDuration::from_hours(n);
    match keep {
        Retention::Hours(n) => hours(i64::from(n)),
        Retention::Days(n) => hours(24 * i64::from(n)),
        Retention::Weeks(n) => hours(24 * 7 * i64::from(n)),
        Retention::Months(n) => months_later(start, i32::from(n)),
        Retention::Years(n) => months_later(start, 12 * i32::from(n)),
        Retention::Forever | Retention::Newest(_) => Timestamp::MAX,
    }
}

fn months_later(start: Timestamp, months: i32) -> Timestamp {
    let civil = TimeZone::UTC.to_datetime(start);
    let count = i32::from(civil.year()) * 12 + i32::from(civil.month()) - 1 + months;
    let (year, month) = (
        i16::try_from(count / 12).unwrap(),
        i8::try_from(count % 12).unwrap() + 1,
    );
    let last = date(year, month, 1).days_in_month();
    let day = date(year, month, civil.day().min(last));
    TimeZone::UTC.to_timestamp(day.to_datetime(civil.time())).unwrap()
}
