//! When a backup is due: the schedule's clauses, and what they say of a history of runs. Pure rules: no I/O, no clock.
//!
//! Nothing is remembered between two looks: what is due follows from the text, the runs there were, and the time. So a
//! missed period is caught up once, however long the outage was, and an edit of the schedule can neither repeat a
//! backup that stands nor lose one.

mod calendar;
mod fault;
mod history;
mod late;
mod parse;
#[cfg(test)]
mod tests;
mod turns;
mod warning;

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

pub use self::{
    calendar::When,
    fault::{Fault, Problem, ScheduleError},
    history::{Ended, Past},
    late::late_by_habit,
    turns::{Turn, turn_open_max},
    warning::Warning,
};
use crate::backup::{Retention, Served, Tier};

/// Which backups are made of a database, when, by whose clock, and how long each is kept.
///
/// Its text is a list of clauses, one for each tier, in any order and in either case:
///
/// | tier | words beside `keep RETENTION`, in any order | where they are missing |
/// |---|---|---|
/// | `hourly` | `at :MM` | `:00` |
/// | `daily` | `at HH:MM` | |
/// | `weekly` | `on WEEKDAY`, `at HH:MM` | `on sunday` |
/// | `monthly` | `on 1` to `on 31`, `on last`, `at HH:MM` | `on 1` |
/// | `yearly` | `on MM-DD`, `on 1 march`, `on march 1`, `at HH:MM` | `on 01-01` |
///
/// A clause without `at` takes the time of the next lower tier, so that one backup serves both; where there is none,
/// `00:00`. A month too short for its day has its backup on its last day.
///
/// ```
/// use pgcoffer::schedule::Schedule;
/// # use jiff::tz::TimeZone;
/// let schedule = Schedule::parse("daily at 02:30 keep 7d, weekly keep 5w", &TimeZone::UTC)?;
/// assert_eq!(
///     schedule.to_string(),
///     "daily at 02:30 keep 7d, weekly on sunday at 02:30 keep 5w"
/// );
/// # Ok::<(), pgcoffer::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// lowest tier first, each tier once, at least one
    clauses: Vec<Clause>,
    zone: TimeZone,
}

/// What a schedule says of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// when its backups fall due
    pub when: When,
    /// how long each is kept
    pub keep: Retention,
}

impl Clause {
    /// The tier it is about.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.when.tier()
    }
}

impl Schedule {
    /// Reads a schedule whose times are those of `zone`'s wall clocks.
    ///
    /// # Errors
    /// [`ScheduleError`] with every fault of the text at once.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, ScheduleError> {
        let clauses = parse::clauses(text)?;
        let zone = zone.clone();
        Ok(Self { clauses, zone })
    }

    /// The clauses, lowest tier first; never none.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// The zone whose wall clocks its times are read on.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Every tier due at `now`, lowest first; empty where nothing is. One backup serves them all.
    ///
    /// A tier is due unless a good run serves its latest period, of which it has one only: older periods that were
    /// missed are not made up for. The pause after failures is not looked at: see [`Schedule::not_before`].
    #[must_use]
    pub fn due(&self, history: &[Past], now: Timestamp) -> Vec<Served> {
        let due = |clause: &Clause| {
            let due = clause.when.latest(&self.zone, now)?;
            let served = history::served_until(history, clause.tier(), now);
            served.is_none_or(|until| until < due).then_some(Served {
                tier: clause.tier(),
                due,
                retention: clause.keep,
            })
        };
        self.clauses.iter().filter_map(due).collect()
    }

    /// The earliest moment from `now` on at which a tier is due, and the highest tier that is due then: `now` itself
    /// where something is due already. `None` only at the calendar's end, in the year 9999.
    ///
    /// The pause after failures is not looked at: see [`Schedule::not_before`].
    #[must_use]
    pub fn next_due(&self, history: &[Past], now: Timestamp) -> Option<(Tier, Timestamp)> {
        if let Some(highest) = self.due(history, now).last() {
            return Some((highest.tier, now));
        }
        let next = |clause: &Clause| {
            let served = history::served_until(history, clause.tier(), now);
            let after = served.map_or(now, |until| until.max(now));
            Some((clause.when.next(&self.zone, after)?, clause.tier()))
        };
        let mut coming: Vec<_> = self.clauses.iter().filter_map(next).collect();
        // the earliest moment, and of those that fall together the highest tier
        coming.sort_by_key(|&(at, tier)| (at, std::cmp::Reverse(tier)));
        coming.first().map(|&(at, tier)| (tier, at))
    }
}

impl fmt::Display for Schedule {
    /// The canonical text, which [`Schedule::parse`] reads as the same schedule; the zone is not part of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, clause) in self.clauses.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{clause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} keep {}", self.tier(), self.when, self.keep)
    }
}
