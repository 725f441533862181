//! When a backup is due: the clauses of a schedule, applied to a history of runs. Pure rules: no I/O, no clock.
//!
//! Nothing is stored between two evaluations: what is due follows from the text, the past runs and the time. So a
//! missed period is caught up once, however long the outage was, and an edited schedule can neither repeat an existing
//! backup nor lose one.

mod attempts;
mod fault;
mod history;
mod late;
mod parse;
mod recurrence;
#[cfg(test)]
mod tests;
mod warning;

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

pub use self::{
    attempts::{Attempt, attempt_open_max},
    fault::{ClauseFault, ClauseProblem, ScheduleError},
    history::{PastRun, RunEnd},
    late::late_by_habit,
    recurrence::Recurrence,
    warning::ScheduleWarning,
};
use crate::backup::{Retention, Served, Tier};

/// Which backups of a database are made, when, in which time zone, and how long each is kept.
///
/// Its text is a list of clauses, one for each tier, in any order, in upper or lower case:
///
/// | tier | words beside `keep RETENTION`, in any order | default |
/// |---|---|---|
/// | `hourly` | `at :MM` | `:00` |
/// | `daily` | `at HH:MM` | |
/// | `weekly` | `on WEEKDAY`, `at HH:MM` | `on sunday` |
/// | `monthly` | `on 1` to `on 31`, `on last`, `at HH:MM` | `on 1` |
/// | `yearly` | `on MM-DD`, `on 1 march`, `on march 1`, `at HH:MM` | `on 01-01` |
///
/// A clause without `at` has the time of the next lower tier, so that one backup serves both; without a lower tier it
/// has `00:00`. In a month without its day, the backup is made on the last day.
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
    /// Ordered from the lowest tier, each tier once, at least one.
    clauses: Vec<ScheduleClause>,
    zone: TimeZone,
}

/// The clause of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleClause {
    /// When its backups are due.
    pub when: Recurrence,
    /// How long each backup is kept.
    pub keep: Retention,
}

impl ScheduleClause {
    /// The clause's tier.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.when.tier()
    }
}

impl Schedule {
    /// Parses a schedule whose times are wall clock times of `zone`.
    ///
    /// # Errors
    /// [`ScheduleError`] with all faults of the text.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, ScheduleError> {
        let clauses = parse::clauses(text)?;
        let zone = zone.clone();
        Ok(Self { clauses, zone })
    }

    /// The clauses, from the lowest tier; at least one.
    #[must_use]
    pub fn clauses(&self) -> &[ScheduleClause] {
        &self.clauses
    }

    /// The time zone of its times.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Every tier that is due at `now`, from the lowest; empty if nothing is due. One backup serves them all.
    ///
    /// A tier is due unless a good run serves its latest period. Earlier missed periods are not caught up. The pause
    /// after failures is not considered: see [`Schedule::not_before`].
    #[must_use]
    pub fn due(&self, history: &[PastRun], now: Timestamp) -> Vec<Served> {
        let due = |clause: &ScheduleClause| {
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

    /// The earliest moment since `now` at which a tier is due, and the highest tier that is due then. That is `now` if
    /// something is due already. `None` only at the end of the calendar, in the year 9999.
    ///
    /// The pause after failures is not considered: see [`Schedule::not_before`].
    #[must_use]
    pub fn next_due(&self, history: &[PastRun], now: Timestamp) -> Option<(Tier, Timestamp)> {
        if let Some(highest) = self.due(history, now).last() {
            return Some((highest.tier, now));
        }
        let next = |clause: &ScheduleClause| {
            let served = history::served_until(history, clause.tier(), now);
            let after = served.map_or(now, |until| until.max(now));
            Some((clause.when.next(&self.zone, after)?, clause.tier()))
        };
        let mut coming: Vec<_> = self.clauses.iter().filter_map(next).collect();
        // the earliest moment, and of several tiers at that moment the highest
        coming.sort_by_key(|&(at, tier)| (at, std::cmp::Reverse(tier)));
        coming.first().map(|&(at, tier)| (tier, at))
    }
}

impl fmt::Display for Schedule {
    /// The canonical text, which [`Schedule::parse`] parses into the same schedule. The zone is not part of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, clause) in self.clauses.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{clause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ScheduleClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} keep {}", self.tier(), self.when, self.keep)
    }
}
