//! When a backup is due: the clauses of a schedule, applied to a history of runs. Pure rules: no I/O, no clock.
//!
//! Nothing is stored between two evaluations: what is due follows from the text, the past runs and the time. So a
//! missed period is caught up once, however long the outage was, and an edited schedule can neither repeat an existing
//! backup nor lose one.

mod attempts;
mod drills;
mod fault;
mod gap;
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
    drills::{DrillDue, DrillEnd, DrillSchedule, DrillScheduleError, PastDrill},
    fault::{ClauseFault, ClauseProblem, ScheduleError},
    history::{PastRun, RunEnd},
    late::late_by_habit,
    recurrence::{Frequency, Recurrence},
    warning::ScheduleWarning,
};
use crate::backup::{Retention, Served, Tier};

/// Which backups of a database are made, when, in which time zone, and how long each is kept.
///
/// Its text is a list of clauses in any order, in upper or lower case:
///
/// | clause | words beside `keep RETENTION`, in any order | default |
/// |---|---|---|
/// | `every 15 minutes` (20, 30) | `at :MM` | `:00` |
/// | `hourly` | `at :MM` | `:00` |
/// | `every 6 hours` (2, 3, 4, 8, 12) | `at :MM`, `at HH:MM` | `:00` |
/// | `daily` | `at HH:MM` | |
/// | `weekly` | `on WEEKDAY`, `at HH:MM` | `on sunday` |
/// | `monthly` | `on 1` to `on 31`, `on last`, `at HH:MM` | `on 1` |
/// | `yearly` | `on MM-DD`, `on 1 march`, `on march 1`, `at HH:MM` | `on 01-01` |
///
/// A clause without `at` has the time of the next lower one, so that one backup serves both; without a lower one it has
/// `00:00`. In a month without its day, the backup is made on the last day.
///
/// The first three are all of the tier `hourly`. A tier may have several clauses, each with moments and a retention of
/// its own, as long as none of them is kept by count.
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
    /// Ordered from the lowest tier, at least one.
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

    /// When its backups are due, as its text says: `daily at 02:30`.
    #[must_use]
    pub fn when_text(&self) -> String {
        format!("{} {}", Frequency(self.when), self.when)
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

    /// Every tier that is due at `now`, from the lowest, each once; empty if nothing is due. One backup serves them all.
    ///
    /// A clause is due unless a good run serves its latest period. Earlier missed periods are not caught up. Of several
    /// clauses of a tier that are due, the latest moment and the longest retention count. The pause after failures is
    /// not considered: see [`Schedule::not_before`].
    #[must_use]
    pub fn due(&self, history: &[PastRun], now: Timestamp) -> Vec<Served> {
        let due = |clause: &ScheduleClause| {
            let due = clause.when.latest(&self.zone, now)?;
            let served = self.served_until(clause, history, now);
            served.is_none_or(|until| until < due).then_some(Served {
                tier: clause.tier(),
                due,
                retention: clause.keep,
            })
        };
        one_a_tier(self.clauses.iter().filter_map(due), now)
    }

    /// How long the backups of each tier are kept, from the lowest: of several clauses the longest, by the calendar of
    /// `now`.
    #[must_use]
    pub fn kept(&self, now: Timestamp) -> Vec<(Tier, Retention)> {
        let all = self.clauses.iter().map(|clause| Served {
            tier: clause.tier(),
            due: now,
            retention: clause.keep,
        });
        let all = one_a_tier(all, now).into_iter();
        all.map(|served| (served.tier, served.retention)).collect()
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
            let served = self.served_until(clause, history, now);
            let after = served.map_or(now, |until| until.max(now));
            Some((clause.when.next(&self.zone, after)?, clause.tier()))
        };
        let mut coming: Vec<_> = self.clauses.iter().filter_map(next).collect();
        // the earliest moment, and of several tiers at that moment the highest
        coming.sort_by_key(|&(at, tier)| (at, std::cmp::Reverse(tier)));
        coming.first().map(|&(at, tier)| (tier, at))
    }
}

/// One for each tier, from the lowest: the latest moment, and the longest retention of what begins at `start`.
#[must_use]
pub fn one_a_tier(all: impl IntoIterator<Item = Served>, start: Timestamp) -> Vec<Served> {
    let mut served: Vec<Served> = Vec::new();
    for one in all {
        match served.iter_mut().find(|other| other.tier == one.tier) {
            Some(other) => {
                let longest = Retention::longest([other.retention, one.retention], start);
                (other.due, other.retention) = (other.due.max(one.due), longest.unwrap_or(one.retention));
            }
            None => served.push(one),
        }
    }
    served.sort_by_key(|one| one.tier);
    served
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
        write!(f, "{} {} keep {}", Frequency(self.when), self.when, self.keep)
    }
}
