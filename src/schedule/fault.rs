use std::fmt;

use crate::backup::{Tier, UnknownWord};

/// Why a text is no schedule: every fault of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError {
    /// at least one, in the order of the text
    pub(super) faults: Vec<Fault>,
}

/// One fault of a schedule, and the clause that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// the clause as it was written; empty where there is none
    pub clause: String,
    /// what is wrong with it
    pub problem: Problem,
}

/// What is wrong with a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// a text without any clause
    #[error("the schedule is empty")]
    NoClause,
    /// nothing between two commas, or before or behind one
    #[error("there is nothing between two commas")]
    EmptyClause,
    /// the first word is no tier
    #[error("{0:?} is not hourly, daily, weekly, monthly or yearly")]
    UnknownTier(String),
    /// `manual` is what a person asks for
    #[error("manual backups have no schedule")]
    Manual,
    /// a tier has two clauses
    #[error("{0} is there twice")]
    TierTwice(Tier),
    /// a word that means nothing here
    #[error("{word:?} is not understood")]
    UnknownWord {
        /// the clause's tier
        tier: Tier,
        /// the word
        word: String,
    },
    /// `at`, `on` or `keep` stands twice in one clause
    #[error("{0:?} is there twice")]
    WordTwice(&'static str),
    /// `at`, `on` or `keep` with nothing behind it
    #[error("{word:?} has nothing behind it")]
    NoValue {
        /// the clause's tier
        tier: Tier,
        /// the word
        word: &'static str,
    },
    /// an hourly or daily clause with a day
    #[error("{0} backups have no day to be made on")]
    NoDay(Tier),
    /// what stands behind `on` is no day that this tier knows
    #[error("{value:?} is not a day for {tier} backups")]
    BadDay {
        /// the clause's tier
        tier: Tier,
        /// what stands behind `on`
        value: String,
    },
    /// what stands behind `at` is no time that this tier knows
    #[error("{value:?} is not a time for {tier} backups")]
    BadTime {
        /// the clause's tier
        tier: Tier,
        /// what stands behind `at`
        value: String,
    },
    /// what stands behind `keep` is no retention
    #[error(transparent)]
    BadRetention(UnknownWord),
    /// no `keep`
    #[error("it doesn't say how long {0} backups are kept")]
    NoRetention(Tier),
}

impl ScheduleError {
    /// Every fault, in the order of the text; at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What cures it: the hint of each fault, each once.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let mut hints: Vec<String> = Vec::new();
        for hint in self.faults.iter().filter_map(Fault::hint) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        (!hints.is_empty()).then(|| hints.join("; "))
    }
}

impl Fault {
    /// What cures it, in one sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.problem {
            Problem::NoClause => format!("write for example {EXAMPLE:?}"),
            Problem::EmptyClause => "take out the comma too many".to_owned(),
            Problem::UnknownTier(_) => format!(
                "begin every clause with its tier, for example {:?}",
                example(Tier::Daily)
            ),
            Problem::Manual => "take it out: `pgcoffer backup` makes one".to_owned(),
            Problem::TierTwice(_) => "write one clause for each tier".to_owned(),
            Problem::UnknownWord { word, .. } if word.parse::<Tier>().is_ok() => {
                format!("put a comma before {word:?}")
            }
            Problem::WordTwice(word) => format!("write {word:?} once in each clause"),
            Problem::NoDay(_) => "take out \"on\" and the day behind it".to_owned(),
            Problem::BadDay { tier, .. } => format!("write {}", days(*tier)),
            Problem::BadTime { tier, .. } => format!("write {}", times(*tier)),
            Problem::BadRetention(_) => "write for example \"keep 7d\" or \"keep 12mo\"".to_owned(),
            Problem::NoRetention(tier) => {
                let keep = example(*tier).rsplit(' ').next().unwrap_or_default();
                format!("add for example \"keep {keep}\": \"{} keep {keep}\"", self.clause)
            }
            Problem::UnknownWord { tier, .. } | Problem::NoValue { tier, .. } => {
                format!("write for example {:?}", example(*tier))
            }
        };
        Some(hint)
    }
}

/// A schedule with every tier, in its shortest form.
const EXAMPLE: &str =
    "hourly keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo, yearly keep 7y";

fn example(tier: Tier) -> &'static str {
    match tier {
        Tier::Hourly => "hourly at :15 keep 24h",
        Tier::Manual | Tier::Daily => "daily at 02:30 keep 7d",
        Tier::Weekly => "weekly on sunday at 02:30 keep 5w",
        Tier::Monthly => "monthly on 1 at 02:30 keep 12mo",
        Tier::Yearly => "yearly on 01-01 at 02:30 keep 7y",
    }
}

fn days(tier: Tier) -> &'static str {
    match tier {
        Tier::Monthly => "\"on 1\" to \"on 31\", or \"on last\"",
        Tier::Yearly => "the month and the day that it has: \"on 03-31\", \"on 31 march\" or \"on march 31\"",
        Tier::Manual | Tier::Hourly | Tier::Daily | Tier::Weekly => {
            "\"on monday\" to \"on sunday\", or three letters of it: \"on mon\""
        }
    }
}

fn times(tier: Tier) -> &'static str {
    if tier == Tier::Hourly {
        "the minute, from \"at :00\" to \"at :59\""
    } else {
        "hour and minute, from \"at 00:00\" to \"at 23:59\""
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().enumerate() {
            let semicolon = if n == 0 { "" } else { "; " };
            write!(f, "{semicolon}{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.clause.is_empty() {
            write!(f, "{}", self.problem)
        } else {
            write!(f, "in {:?}: {}", self.clause, self.problem)
        }
    }
}

impl std::error::Error for ScheduleError {}
