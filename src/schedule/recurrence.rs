use std::fmt;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday, date},
    tz::TimeZone,
};

use crate::backup::Tier;

const HOUR_SECONDS: i64 = 3600;

/// The first day, from which days and weeks are numbered. It is a Sunday, so that weeks are whole.
const DAY_ZERO: Date = date(1970, 1, 4);

/// The number of periods, or of days if there are several periods a day, that are searched: more than ever lie between
/// a date and the moment that a clock change gives it.
const REACH: i64 = 5;

/// The lengths that a period of some minutes can have: parts of an hour, each long enough for a dump.
pub(super) const MINUTES: [i8; 3] = [15, 20, 30];

/// The lengths that a period of some hours can have: parts of a day.
pub(super) const HOURS: [i8; 6] = [2, 3, 4, 6, 8, 12];

/// When the backups of a clause are due: once in each of its periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrence {
    /// Every so many minutes.
    Minutes {
        /// How many: 15, 20 or 30.
        every: i8,
        /// The first minute in each hour of the zone's wall clock, less than `every`.
        first: i8,
    },
    /// Every hour.
    Hourly {
        /// The minute of the zone's wall clock, 0 to 59.
        minute: i8,
    },
    /// Every so many hours of the zone's wall clock.
    Hours {
        /// How many: 2, 3, 4, 6, 8 or 12.
        every: i8,
        /// The first time of each day, its hour less than `every`.
        first: Time,
    },
    /// Every day.
    Daily {
        /// The time of day, in hours and minutes.
        at: Time,
    },
    /// Every week.
    Weekly {
        /// The day of the week.
        on: Weekday,
        /// The time of day.
        at: Time,
    },
    /// Every month.
    Monthly {
        /// The day, 1 to 31; in a shorter month its last day.
        day: i8,
        /// The time of day.
        at: Time,
    },
    /// Every year.
    Yearly {
        /// The month, 1 to 12.
        month: i8,
        /// The day, 1 to the month's last day. 29 February means the 28th in most years.
        day: i8,
        /// The time of day.
        at: Time,
    },
}

impl Recurrence {
    /// The tier with this kind of period.
    #[must_use]
    pub fn tier(&self) -> Tier {
        match self {
            Self::Minutes { .. } | Self::Hourly { .. } | Self::Hours { .. } => Tier::Hourly,
            Self::Daily { .. } => Tier::Daily,
            Self::Weekly { .. } => Tier::Weekly,
            Self::Monthly { .. } => Tier::Monthly,
            Self::Yearly { .. } => Tier::Yearly,
        }
    }

    /// The length of its periods in minutes. Months count as 30 days and years as 365.
    pub(crate) fn period_minutes(&self) -> u64 {
        const HOUR: u64 = 60;
        match self {
            Self::Minutes { every, .. } => every.unsigned_abs().into(),
            Self::Hourly { .. } => HOUR,
            Self::Hours { every, .. } => u64::from(every.unsigned_abs()) * HOUR,
            Self::Daily { .. } => 24 * HOUR,
            Self::Weekly { .. } => 7 * 24 * HOUR,
            Self::Monthly { .. } => 30 * 24 * HOUR,
            Self::Yearly { .. } => 365 * 24 * HOUR,
        }
    }

    /// The latest due moment up to `now`.
    ///
    /// Every day, week, month and year of the calendar has one moment, every day one for each of its parts of some
    /// hours, and so has every hour, or part of some minutes, that passes. A time that
    /// the clock skips is moved by the length of the skip. If a time occurs twice, the first one counts ([RFC 5545,
    /// 3.3.5](https://www.rfc-editor.org/rfc/rfc5545#section-3.3.5)). If a zone skipped a whole date, that date's
    /// moment is the next date's, and one backup serves both.
    #[must_use]
    pub fn latest(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        // if a clock is put back over midnight, the next date's moment comes before this date ends
        let newest = self.period(zone, now) + self.a_day();
        (newest - REACH * self.a_day()..=newest)
            .filter_map(|period| self.moment(zone, period))
            .filter(|&due| due <= now)
            .max()
    }

    /// The first due moment after `now`; `None` at the end of the calendar, in the year 9999.
    #[must_use]
    pub fn next(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        // a skip of the clock can move the moment of an earlier date past the beginning of this one
        let oldest = self.period(zone, now) - self.a_day();
        (oldest..=oldest + REACH * self.a_day())
            .filter_map(|period| self.moment(zone, period))
            .filter(|&due| due > now)
            .min()
    }

    /// The number of periods in a day, where its moments go by the clock on the wall and there are several; else 1.
    fn a_day(&self) -> i64 {
        match self {
            Self::Hours { every, .. } => 24 / i64::from(*every),
            _ => 1,
        }
    }

    /// The number of the period that contains `now`. Periods of one kind are numbered without gaps.
    fn period(&self, zone: &TimeZone, now: Timestamp) -> i64 {
        let passed = |seconds: i64| now.as_second().div_euclid(seconds);
        let clock = zone.to_datetime(now);
        let date = clock.date();
        let days = date.duration_since(DAY_ZERO).as_hours() / 24;
        match self {
            Self::Minutes { every, .. } => passed(i64::from(*every) * 60),
            Self::Hourly { .. } => passed(HOUR_SECONDS),
            Self::Hours { every, .. } => days * self.a_day() + i64::from(clock.hour() / every),
            Self::Daily { .. } => days,
            Self::Weekly { .. } => days.div_euclid(7),
            Self::Monthly { .. } => i64::from(date.year()) * 12 + i64::from(date.month() - 1),
            Self::Yearly { .. } => i64::from(date.year()),
        }
    }

    /// The due moment of a period; `None` outside of the calendar.
    fn moment(&self, zone: &TimeZone, period: i64) -> Option<Timestamp> {
        let (date, at) = match *self {
            Self::Minutes { every, first } => return passing(zone, period, i64::from(every) * 60, first),
            Self::Hourly { minute } => return passing(zone, period, HOUR_SECONDS, minute),
            Self::Hours { every, first } => {
                let date = DAY_ZERO
                    .checked_add(span_of_days(period.div_euclid(self.a_day()))?)
                    .ok()?;
                let part = i8::try_from(period.rem_euclid(self.a_day())).ok()?;
                (date, Time::new(part * every + first.hour(), first.minute(), 0, 0).ok()?)
            }
            Self::Daily { at } => (DAY_ZERO.checked_add(span_of_days(period)?).ok()?, at),
            Self::Weekly { on, at } => {
                let day = period * 7 + i64::from(on.to_sunday_zero_offset());
                (DAY_ZERO.checked_add(span_of_days(day)?).ok()?, at)
            }
            Self::Monthly { day, at } => {
                let month = i8::try_from(period.rem_euclid(12) + 1).ok()?;
                (day_of(period.div_euclid(12), month, day)?, at)
            }
            Self::Yearly { month, day, at } => (day_of(period, month, day)?, at),
        };
        instant(zone, date.to_datetime(at))
    }
}

fn span_of_days(days: i64) -> Option<jiff::Span> {
    jiff::Span::new().try_days(days).ok()
}

fn day_of(year: i64, month: i8, day: i8) -> Option<Date> {
    let first = Date::new(i16::try_from(year).ok()?, month, 1).ok()?;
    first.with().day(day.min(first.days_in_month())).build().ok()
}

fn instant(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// The moment in a period of absolute time, an hour or a part of one, at which the wall clock shows `minute` or a whole
/// number of periods later, by the offset at the beginning of that period. So an hour that the clock repeats has its own
/// backups, no period has two, and a change by half an hour (Lord Howe Island) moves the minute with the next hour.
fn passing(zone: &TimeZone, period: i64, seconds: i64, minute: i8) -> Option<Timestamp> {
    let start = Timestamp::from_second(period.checked_mul(seconds)?).ok()?;
    let offset = i64::from(zone.to_offset(start).seconds());
    let into = (i64::from(minute) * 60 - offset).rem_euclid(seconds);
    start.checked_add(into.seconds()).ok()
}

/// How often the backups of a clause are made, as the first words of its text: `every 6 hours`, `daily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency(pub(super) Recurrence);

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Recurrence::Minutes { every, .. } => write!(f, "every {every} minutes"),
            Recurrence::Hours { every, .. } => write!(f, "every {every} hours"),
            other => f.write_str(other.tier().as_str()),
        }
    }
}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self {
            Self::Minutes { first: minute, .. } | Self::Hourly { minute } => return write!(f, "at :{minute:02}"),
            Self::Hours { first: at, .. } | Self::Daily { at } => at,
            Self::Weekly { on, at } => {
                write!(f, "on {} ", weekday_name(*on))?;
                at
            }
            Self::Monthly { day: 31, at } => {
                f.write_str("on last ")?;
                at
            }
            Self::Monthly { day, at } => {
                write!(f, "on {day} ")?;
                at
            }
            Self::Yearly { month, day, at } => {
                write!(f, "on {month:02}-{day:02} ")?;
                at
            }
        };
        write!(f, "at {:02}:{:02}", at.hour(), at.minute())
    }
}

/// The names of the days, from Sunday.
pub(super) const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => WEEKDAYS[0],
        Weekday::Monday => WEEKDAYS[1],
        Weekday::Tuesday => WEEKDAYS[2],
        Weekday::Wednesday => WEEKDAYS[3],
        Weekday::Thursday => WEEKDAYS[4],
        Weekday::Friday => WEEKDAYS[5],
        Weekday::Saturday => WEEKDAYS[6],
    }
}
