//! When a drill is due. A pure rule over the drills of a database that have begun: nothing is stored in between.

use std::fmt;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{ClauseProblem, Frequency, Recurrence, Schedule};

/// How often a drill that could not be carried out is tried in one period.
const ATTEMPTS_MAX: usize = 3;

/// The pauses after the first and the second attempt, from its beginning.
const PAUSES: [SignedDuration; ATTEMPTS_MAX - 1] = [SignedDuration::from_hours(1), SignedDuration::from_hours(6)];

/// How much longer than its time limit a drill may take to end and to leave its report.
const END_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// How long after a drill could have ended it is overdue.
const GRACE: SignedDuration = SignedDuration::from_hours(6);

/// The clauses of a schedule of drills are parsed as those of backups, of which each has a retention.
const RETENTION: &str = " keep 1d";

/// When the drills of a database are carried out, and how long each may take. Its text has the words of a [`Schedule`],
/// without a retention: `weekly on sunday at 04:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillSchedule {
    whens: Vec<Recurrence>,
    zone: TimeZone,
    /// After which time a drill is ended.
    pub time_limit: SignedDuration,
}

/// Why a text is no schedule of drills.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DrillScheduleError(String);

/// A drill that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastDrill {
    /// When it began.
    pub began: Timestamp,
    /// What became of it.
    pub end: DrillEnd,
}

/// What became of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillEnd {
    /// It ran to its end, whatever it has proven.
    Completed,
    /// It could not be carried out.
    Failed,
    /// It left no report: it goes on, or it was killed.
    Unknown,
}

/// Whether a drill is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillDue {
    /// The last period had its drill, or there was no period yet.
    No,
    /// It is due.
    Now {
        /// Since when.
        due: Timestamp,
        /// Which attempt of this period it would be, from 1.
        attempt: u32,
    },
    /// A drill that began then goes on.
    UnderWay {
        /// When it began.
        began: Timestamp,
    },
    /// It could not be carried out, and is tried again.
    Waits {
        /// When.
        until: Timestamp,
    },
    /// It could not be carried out, and is not tried again in this period.
    GivenUp {
        /// Since when it is due.
        due: Timestamp,
    },
}

impl DrillSchedule {
    /// What is written where a text is wrong.
    pub const HINT: &str = "write, for example, \"weekly on sunday at 04:00\", \"daily at 05:00\" or \"monthly on 1\"";

    /// Parses a schedule whose times are wall clock times of `zone`.
    ///
    /// # Errors
    /// [`DrillScheduleError`] with all faults of the text.
    pub fn parse(text: &str, zone: &TimeZone, time_limit: SignedDuration) -> Result<Self, DrillScheduleError> {
        let has_retention = text.split_whitespace().any(|word| word.eq_ignore_ascii_case("keep"));
        if has_retention {
            return Err(DrillScheduleError(
                "a drill has no retention: \"keep\" is for backups".to_owned(),
            ));
        }
        let with_retention = |clause: &str| match clause.trim() {
            "" => String::new(),
            clause => format!("{clause}{RETENTION}"),
        };
        let clauses: Vec<String> = text.split(',').map(with_retention).collect();
        let schedule = Schedule::parse(&clauses.join(", "), zone).map_err(|error| {
            let faults = error.faults.iter().map(|fault| {
                let clause = fault.clause.strip_suffix(RETENTION).unwrap_or(&fault.clause);
                match clause.is_empty() {
                    true => of_drills(&fault.problem),
                    false => format!("in {clause:?}: {}", of_drills(&fault.problem)),
                }
            });
            DrillScheduleError(faults.collect::<Vec<_>>().join("; "))
        })?;
        Ok(Self {
            whens: schedule.clauses().iter().map(|clause| clause.when).collect(),
            zone: zone.clone(),
            time_limit,
        })
    }

    /// The latest due moment up to `now`.
    #[must_use]
    pub fn latest(&self, now: Timestamp) -> Option<Timestamp> {
        self.whens.iter().filter_map(|when| when.latest(&self.zone, now)).max()
    }

    /// The first due moment after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.whens.iter().filter_map(|when| when.next(&self.zone, now)).min()
    }

    /// Whether a drill is due. One that a person has started counts as well.
    #[must_use]
    pub fn due(&self, drills: &[PastDrill], now: Timestamp) -> DrillDue {
        let Some(due) = self.latest(now) else {
            return DrillDue::No;
        };
        // one that was dated by a clock that was ahead says nothing
        let counts = |drill: &&PastDrill| drill.began >= due && drill.began <= now;
        let mut since: Vec<&PastDrill> = drills.iter().filter(counts).collect();
        since.sort_by_key(|drill| drill.began);
        if since.iter().any(|drill| drill.end == DrillEnd::Completed) {
            return DrillDue::No;
        }
        let Some(last) = since.last() else {
            return DrillDue::Now { due, attempt: 1 };
        };
        if last.end == DrillEnd::Unknown && now.duration_since(last.began) <= self.time_limit + END_WITHIN {
            return DrillDue::UnderWay { began: last.began };
        }
        let Some(pause) = PAUSES.get(since.len() - 1) else {
            return DrillDue::GivenUp { due };
        };
        match last.began.checked_add(*pause) {
            Ok(until) if until > now => DrillDue::Waits { until },
            _ => DrillDue::Now {
                due,
                attempt: u32::try_from(since.len()).unwrap_or(u32::MAX).saturating_add(1),
            },
        }
    }

    /// The moment at which a drill was due that is overdue: the first one since the last drill that ran to its end, or
    /// since there is something to drill (`good_since`), if it has been due for longer than the time limit and six
    /// hours.
    #[must_use]
    pub fn overdue(&self, drills: &[PastDrill], good_since: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let completed = drills
            .iter()
            .filter(|drill| drill.end == DrillEnd::Completed && drill.began <= now);
        let since = completed.map(|drill| drill.began).max().or(good_since)?;
        let missed = self.next(since)?;
        (now.duration_since(missed) > self.time_limit + GRACE).then_some(missed)
    }
}

/// What is wrong with a clause of drills, which makes no backups.
fn of_drills(problem: &ClauseProblem) -> String {
    match problem {
        ClauseProblem::Manual => "manual drills have no schedule".to_owned(),
        ClauseProblem::NoDay(tier) => format!("{tier} drills can't have a day"),
        ClauseProblem::BadDay { tier, value } => format!("{value:?} is not a day for {tier} drills"),
        ClauseProblem::BadTime { tier, value, .. } => format!("{value:?} is not a time for {tier} drills"),
        other => other.to_string(),
    }
}

impl fmt::Display for DrillSchedule {
    /// The canonical text. Time zone and time limit are no part of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, when) in self.whens.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{} {when}", Frequency(*when))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(text: &str) -> DrillSchedule {
        DrillSchedule::parse(text, &TimeZone::UTC, SignedDuration::from_hours(4)).unwrap()
    }

    fn drill(began: &str, end: DrillEnd) -> PastDrill {
        PastDrill { began: at(began), end }
    }

    #[test]
    fn it_has_the_words_of_a_schedule_without_a_retention() {
        for (text, canonical) in [
            ("weekly on sunday at 04:00", "weekly on sunday at 04:00"),
            ("WEEKLY", "weekly on sunday at 00:00"),
            ("daily at 05:00", "daily at 05:00"),
            ("monthly on last at 03:15", "monthly on last at 03:15"),
            ("every 6 hours", "every 6 hours at 00:00"),
            (
                "weekly on mon at 04:00, monthly on 1 at 05:00",
                "weekly on monday at 04:00, monthly on 1 at 05:00",
            ),
        ] {
            assert_eq!(schedule(text).to_string(), canonical, "{text}");
            assert_eq!(schedule(canonical), schedule(text));
        }
        for (bad, why) in [
            ("weekly keep 5w", "retention"),
            ("", "empty"),
            ("weekly on", "no value"),
            ("weekly onn sunday", "in \"weekly onn sunday\""),
            ("sundays", "\"sundays\""),
            ("weekly on funday", "\"funday\" is not a day for weekly drills"),
            ("weekly on sunday at 4", "\"4\" is not a time for weekly drills"),
            ("daily on monday", "daily drills can't have a day"),
            ("weekly; monthly", "a semicolon"),
            ("daily at 25:00", "25:00"),
            ("daily,", "between two commas"),
        ] {
            let error = DrillSchedule::parse(bad, &TimeZone::UTC, SignedDuration::ZERO).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(why) && !error.contains("keep 1d"), "{bad:?}: {error}");
            assert!(!error.contains("y backups"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn each_period_has_one_drill_that_runs_to_its_end() {
        let weekly = schedule("weekly on sunday at 04:00");
        // 22 November 2026 is a Sunday
        let (sunday, now) = (at("2026-11-22T04:00:00Z"), at("2026-11-22T12:00:00Z"));
        let due = |drills: &[PastDrill]| weekly.due(drills, now);
        let first = DrillDue::Now {
            due: sunday,
            attempt: 1,
        };
        assert_eq!(due(&[]), first);
        assert_eq!(due(&[drill("2026-11-22T03:59:00Z", DrillEnd::Completed)]), first);
        assert_eq!(due(&[drill("2026-11-22T04:00:00Z", DrillEnd::Completed)]), DrillDue::No);
        // a clock that was ahead
        assert_eq!(due(&[drill("2027-11-22T04:00:00Z", DrillEnd::Completed)]), first);
        // a failure after one that was completed changes nothing
        let both = [
            drill("2026-11-22T05:00:00Z", DrillEnd::Completed),
            drill("2026-11-22T06:00:00Z", DrillEnd::Failed),
        ];
        assert_eq!(due(&both), DrillDue::No);
    }

    #[test]
    fn what_could_not_be_carried_out_is_tried_three_times() {
        let weekly = schedule("weekly on sunday at 04:00");
        let sunday = at("2026-11-22T04:00:00Z");
        let failed = |began| drill(began, DrillEnd::Failed);
        let one = [failed("2026-11-22T04:05:00Z")];
        assert_eq!(
            weekly.due(&one, at("2026-11-22T04:30:00Z")),
            DrillDue::Waits {
                until: at("2026-11-22T05:05:00Z")
            }
        );
        assert_eq!(
            weekly.due(&one, at("2026-11-22T05:05:00Z")),
            DrillDue::Now {
                due: sunday,
                attempt: 2
            }
        );
        let two = [one[0], failed("2026-11-22T05:05:00Z")];
        assert!(matches!(
            weekly.due(&two, at("2026-11-22T11:00:00Z")),
            DrillDue::Waits { .. }
        ));
        assert_eq!(
            weekly.due(&two, at("2026-11-22T11:05:00Z")),
            DrillDue::Now {
                due: sunday,
                attempt: 3
            }
        );
        let three = [two[0], two[1], failed("2026-11-22T11:05:00Z")];
        assert_eq!(
            weekly.due(&three, at("2026-11-27T00:00:00Z")),
            DrillDue::GivenUp { due: sunday }
        );
        // the next period begins anew
        assert!(matches!(
            weekly.due(&three, at("2026-11-29T04:00:00Z")),
            DrillDue::Now { attempt: 1, .. }
        ));
    }

    #[test]
    fn one_without_a_report_goes_on_until_its_time_is_over() {
        let weekly = schedule("weekly on sunday at 04:00");
        let drills = [drill("2026-11-22T04:00:00Z", DrillEnd::Unknown)];
        let began = drills[0].began;
        assert_eq!(
            weekly.due(&drills, at("2026-11-22T08:30:00Z")),
            DrillDue::UnderWay { began }
        );
        // it was killed
        assert!(matches!(
            weekly.due(&drills, at("2026-11-22T08:31:00Z")),
            DrillDue::Now { attempt: 2, .. }
        ));
    }

    #[test]
    fn it_is_overdue_when_it_could_have_ended_and_six_hours_later() {
        let weekly = schedule("weekly on sunday at 04:00");
        let old = Some(at("2026-10-01T00:00:00Z"));
        let overdue = |drills: &[PastDrill], good, now: &str| weekly.overdue(drills, good, at(now));
        let last = [drill("2026-11-15T04:10:00Z", DrillEnd::Completed)];
        assert_eq!(overdue(&last, old, "2026-11-22T14:00:00Z"), None);
        let missed = Some(at("2026-11-22T04:00:00Z"));
        assert_eq!(overdue(&last, old, "2026-11-22T14:01:00Z"), missed);
        // those that failed or go on change nothing, and it stays the first that was missed
        let later = [
            last[0],
            drill("2026-11-22T04:00:00Z", DrillEnd::Failed),
            drill("2026-11-29T04:00:00Z", DrillEnd::Unknown),
        ];
        assert_eq!(overdue(&later, old, "2026-12-01T00:00:00Z"), missed);
        // never drilled: since there was a backup
        assert_eq!(overdue(&[], None, "2026-11-25T00:00:00Z"), None);
        assert_eq!(
            overdue(&[], Some(at("2026-11-23T00:00:00Z")), "2026-11-25T00:00:00Z"),
            None
        );
        assert_eq!(
            overdue(&[], old, "2026-11-25T00:00:00Z"),
            Some(at("2026-10-04T04:00:00Z"))
        );
    }
}
