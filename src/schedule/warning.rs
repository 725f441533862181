use std::fmt;

use super::{Frequency, Schedule, ScheduleClause};
use crate::backup::Retention;

/// A valid part of a schedule that is probably not intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleWarning {
    /// A backup is deleted before the next one of its clause is made.
    Gap {
        /// How often it is made.
        frequency: Frequency,
        /// How long it is kept.
        keep: Retention,
    },
    /// A clause is kept no longer than one with more frequent backups.
    AddsNothing {
        /// How often its backups are made.
        frequency: Frequency,
        /// How often those are made that are kept as long.
        lower: Frequency,
    },
}

impl Schedule {
    /// Valid parts that are probably not intended. Months count as 30 days and years as 365.
    #[must_use]
    pub fn warnings(&self) -> Vec<ScheduleWarning> {
        let clauses = self.clauses();
        let gaps = clauses
            .iter()
            .filter(|clause| kept_minutes(clause) < clause.when.period_minutes())
            .map(|clause| ScheduleWarning::Gap {
                frequency: Frequency(clause.when),
                keep: clause.keep,
            });
        let useless = clauses.iter().enumerate().filter_map(|(n, clause)| {
            let is_more_frequent = |lower: &&ScheduleClause| lower.when.period_minutes() < clause.when.period_minutes();
            let is_longer = |lower: &&ScheduleClause| kept_minutes(lower) >= kept_minutes(clause);
            let mut lower = clauses[..n].iter().rev().filter(is_more_frequent);
            let lower = lower.find(is_longer)?;
            Some(ScheduleWarning::AddsNothing {
                frequency: Frequency(clause.when),
                lower: Frequency(lower.when),
            })
        });
        gaps.chain(useless).collect()
    }
}

impl fmt::Display for ScheduleWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { frequency, keep } => write!(
                f,
                "{} are kept {keep}, and deleted before the next one is made",
                backups(frequency)
            ),
            Self::AddsNothing { frequency, lower } => write!(
                f,
                "{} are kept no longer than {}, so they add nothing",
                backups(frequency),
                backups(lower)
            ),
        }
    }
}

/// `daily backups`, `backups every 6 hours`
fn backups(frequency: &Frequency) -> String {
    let text = frequency.to_string();
    match text.starts_with("every") {
        true => format!("backups {text}"),
        false => format!("{text} backups"),
    }
}

fn kept_minutes(clause: &ScheduleClause) -> u64 {
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    match clause.keep {
        Retention::Forever => u64::MAX,
        Retention::Hours(n) => u64::from(n) * HOUR,
        Retention::Days(n) => u64::from(n) * DAY,
        Retention::Weeks(n) => u64::from(n) * 7 * DAY,
        Retention::Months(n) => u64::from(n) * 30 * DAY,
        Retention::Years(n) => u64::from(n) * 365 * DAY,
        Retention::Newest(n) => u64::from(n) * clause.when.period_minutes(),
    }
}
