use std::fmt;

use super::recurrence::{HOURS, MINUTES};
use crate::backup::{Tier, UnknownWord};

/// The error of a text that is not a schedule, with all its faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError {
    /// At least one fault, in the order of the text.
    pub(super) faults: Vec<ClauseFault>,
}

/// A fault of a schedule, with its clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseFault {
    /// The clause as written; empty if there is none.
    pub clause: String,
    /// What is wrong with it.
    pub problem: ClauseProblem,
}

/// What is wrong with a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClauseProblem {
    /// A text without any clause.
    #[error("the schedule is empty")]
    NoClause,
    /// An empty clause: between two commas, or at the beginning or the end.
    #[error("there is nothing between two commas")]
    EmptyClause,
    /// A semicolon in the place of a comma: whatever else seems wrong may come from it.
    #[error("a semicolon stands in the place of a comma")]
    Semicolon,
    /// The first word is not a tier.
    #[error("{0:?} is not every, hourly, daily, weekly, monthly or yearly")]
    UnknownTier(String),
    /// What follows `every` is not a length of time that can be scheduled.
    #[error("{}", no_interval(.0))]
    BadInterval(String),
    /// `manual`, which is not scheduled.
    #[error("manual backups have no schedule")]
    Manual,
    /// Two clauses are due at the same moments.
    #[error("{0:?} is there twice")]
    Twice(String),
    /// A clause is kept by count, and its tier has another clause.
    #[error("a count is of all {0} backups, and there is another clause of them")]
    SharedCount(Tier),
    /// A clause of some minutes is kept by count.
    #[error("backups that are made every few minutes can't be kept by count")]
    CountOfMinutes,
    /// A word that is not allowed here.
    #[error("{word:?} is not understood")]
    UnknownWord {
        /// The clause's tier.
        tier: Tier,
        /// The word.
        word: String,
    },
    /// `at`, `on` or `keep` appears twice in one clause.
    #[error("{0:?} appears twice")]
    WordTwice(&'static str),
    /// `at`, `on` or `keep` without a value.
    #[error("{word:?} has no value")]
    NoValue {
        /// The clause's tier.
        tier: Tier,
        /// The word.
        word: &'static str,
    },
    /// An hourly or daily clause with a day.
    #[error("{0} backups can't have a day")]
    NoDay(Tier),
    /// The value of `on` is not a day for this tier.
    #[error("{value:?} is not a day for {tier} backups")]
    BadDay {
        /// The clause's tier.
        tier: Tier,
        /// The value of `on`.
        value: String,
    },
    /// The value of `at` is not a time for this tier.
    #[error("{value:?} is not a time for {tier} backups")]
    BadTime {
        /// The clause's tier.
        tier: Tier,
        /// The value of `at`.
        value: String,
        /// What it can be.
        example: String,
    },
    /// The value of `keep` is not a retention.
    #[error(transparent)]
    BadRetention(UnknownWord),
    /// There is no `keep`.
    #[error("it doesn't say how long {0} backups are kept")]
    NoRetention(Tier),
}

impl ScheduleError {
    /// The hints of all faults, each once.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let mut hints: Vec<String> = Vec::new();
        for hint in self.faults.iter().filter_map(ClauseFault::hint) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        (!hints.is_empty()).then(|| hints.join("; "))
    }
}

impl ClauseFault {
    /// The hint of the fault, one sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.problem {
            ClauseProblem::NoClause => format!("write, for example, {EXAMPLE:?}"),
            ClauseProblem::EmptyClause => "remove the extra comma".to_owned(),
            ClauseProblem::Semicolon => "put a comma for the semicolon".to_owned(),
            ClauseProblem::UnknownTier(_) => match like_cron(&self.clause) {
                Some(clause) => format!("cron's own form is not read here: write, for example, {clause:?}"),
                None => format!(
                    "begin every clause with its tier, for example {:?}",
                    example(Tier::Daily)
                ),
            },
            ClauseProblem::Manual => "remove it: `pgcoffer backup` makes manual backups".to_owned(),
            ClauseProblem::BadInterval(interval) => match uncounted(interval) {
                Some(tier) => format!(
                    "write, for example, {:?}: only minutes and hours are counted",
                    example(tier)
                ),
                None => format!(
                    "write, for example, \"every 6 hours keep 7d\"; there are {} minutes, and {} hours",
                    listed(&MINUTES),
                    listed(&HOURS)
                ),
            },
            ClauseProblem::Twice(_) => "write one clause for each moment, kept for the longer time".to_owned(),
            ClauseProblem::SharedCount(_) | ClauseProblem::CountOfMinutes => {
                "keep it for a time: \"keep 7d\"".to_owned()
            }
            ClauseProblem::UnknownWord { word, .. } if word == "every" || word.parse::<Tier>().is_ok() => {
                format!("put a comma before {word:?}")
            }
            ClauseProblem::WordTwice(word) => format!("write {word:?} once in each clause"),
            ClauseProblem::NoDay(_) => "remove \"on\" and its day".to_owned(),
            ClauseProblem::BadDay { tier, .. } => format!("write {}", days(*tier)),
            ClauseProblem::BadTime { example, .. } => format!("write {example}"),
            ClauseProblem::BadRetention(word) if word.meant().is_some_and(is_count) => {
                "a number alone is so many newest ones of its tier".to_owned()
            }
            ClauseProblem::BadRetention(_) => "write, for example, \"keep 7d\" or \"keep 12mo\"".to_owned(),
            ClauseProblem::NoRetention(tier) => {
                let keep = example(*tier).rsplit(' ').next().unwrap_or_default();
                format!("add, for example, \"keep {keep}\": \"{} keep {keep}\"", self.clause)
            }
            ClauseProblem::UnknownWord { tier, .. } | ClauseProblem::NoValue { tier, .. } => {
                format!("write, for example, {:?}", example(*tier))
            }
        };
        Some(hint)
    }
}

fn is_count(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// A schedule with every scheduled tier, in a short form.
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

/// What a line of five fields, as cron reads it, or its short form is called here.
fn like_cron(clause: &str) -> Option<String> {
    let fields: Vec<&str> = clause.split(' ').collect();
    match fields[0].to_ascii_lowercase().as_str() {
        "@hourly" => return Some(example(Tier::Hourly).to_owned()),
        "@daily" | "@midnight" => return Some(example(Tier::Daily).to_owned()),
        "@weekly" => return Some(example(Tier::Weekly).to_owned()),
        "@monthly" => return Some(example(Tier::Monthly).to_owned()),
        "@yearly" | "@annually" => return Some(example(Tier::Yearly).to_owned()),
        _ => {}
    }
    let is_field = |field: &&str| field.bytes().all(|b| b.is_ascii_digit() || b"*/,-".contains(&b));
    if fields.len() != 5 || !fields.iter().all(is_field) {
        return None;
    }
    let (minute, hour) = (fields[0].parse::<u8>().unwrap_or(0), fields[1].parse::<u8>().ok());
    Some(match hour {
        Some(hour) if hour < 24 && minute < 60 => format!("daily at {hour:02}:{minute:02} keep 7d"),
        _ => example(Tier::Hourly).to_owned(),
    })
}

/// The tier that comes next to `2 days`, `3 weeks`.
fn uncounted(interval: &str) -> Option<Tier> {
    let unit = interval.rsplit(' ').next()?;
    Some(match unit.strip_suffix('s').unwrap_or(unit) {
        "day" => Tier::Daily,
        "week" => Tier::Weekly,
        "month" => Tier::Monthly,
        "year" => Tier::Yearly,
        _ => return None,
    })
}

fn days(tier: Tier) -> &'static str {
    match tier {
        Tier::Monthly => "\"on 1\" to \"on 31\", or \"on last\"",
        Tier::Yearly => "the month and a day in it: \"on 03-31\", \"on 31 march\" or \"on march 31\"",
        Tier::Manual | Tier::Hourly | Tier::Daily | Tier::Weekly => {
            "\"on monday\" to \"on sunday\", or its first three letters: \"on mon\""
        }
    }
}

fn no_interval(written: &str) -> String {
    match written {
        "" => "it doesn't say how often".to_owned(),
        written => format!("it can't be every {written}"),
    }
}

/// `15, 20 or 30`
fn listed(numbers: &[i8]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i8::to_string).collect();
    match numbers.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
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

impl fmt::Display for ClauseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.clause.is_empty() {
            write!(f, "{}", self.problem)
        } else {
            write!(f, "in {:?}: {}", self.clause, self.problem)
        }
    }
}

impl std::error::Error for ScheduleError {}
