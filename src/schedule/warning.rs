use std::fmt;

use super::{Schedule, ScheduleClause};
use crate::backup::{Retention, Tier};

/// A valid part of a schedule that is probably not intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleWarning {
    /// A backup is deleted before the next one of its tier is made.
    Gap {
        /// The tier.
        tier: Tier,
        /// How long it is kept.
        keep: Retention,
    },
    /// A tier is kept no longer than one with more frequent backups.
    AddsNothing {
        /// The tier.
        tier: Tier,
        /// The tier that is kept as long.
        lower: Tier,
    },
}

impl Schedule {
    /// Valid parts that are probably not intended. Months count as 30 days and years as 365.
    #[must_use]
    pub fn warnings(&self) -> Vec<ScheduleWarning> {
        let clauses = self.clauses();
        let gaps = clauses
            .iter()
            .filter(|clause| kept_hours(clause) < period_hours(clause.tier()))
            .map(|clause| ScheduleWarning::Gap {
                tier: clause.tier(),
                keep: clause.keep,
            });
        let useless = clauses.iter().enumerate().filter_map(|(n, clause)| {
            let longer = |lower: &&ScheduleClause| kept_hours(lower) >= kept_hours(clause);
            let lower = clauses[..n].iter().rev().find(longer)?;
            Some(ScheduleWarning::AddsNothing {
                tier: clause.tier(),
                lower: lower.tier(),
            })
        });
        gaps.chain(useless).collect()
    }
}

impl fmt::Display for ScheduleWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { tier, keep } => write!(
                f,
                "{tier} backups are kept {keep}, and deleted before the next {tier} one is made"
            ),
            Self::AddsNothing { tier, lower } => write!(
                f,
                "{tier} backups are kept no longer than the {lower} ones, so they add nothing"
            ),
        }
    }
}

fn kept_hours(clause: &ScheduleClause) -> u64 {
    match clause.keep {
        Retention::Forever => u64::MAX,
        Retention::Hours(n) => u64::from(n),
        Retention::Days(n) => u64::from(n) * 24,
        Retention::Weeks(n) => u64::from(n) * 7 * 24,
        Retention::Months(n) => u64::from(n) * period_hours(Tier::Monthly),
        Retention::Years(n) => u64::from(n) * period_hours(Tier::Yearly),
        Retention::Newest(n) => u64::from(n) * period_hours(clause.tier()),
    }
}

fn period_hours(tier: Tier) -> u64 {
    match tier {
        Tier::Manual | Tier::Hourly => 1,
        Tier::Daily => 24,
        Tier::Weekly => 7 * 24,
        Tier::Monthly => 30 * 24,
        Tier::Yearly => 365 * 24,
    }
}
