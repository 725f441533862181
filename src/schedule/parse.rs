use std::iter::Peekable;

use jiff::civil::{Date, Time, Weekday};

use super::{
    Recurrence, ScheduleClause,
    fault::{ClauseFault, ClauseProblem, ScheduleError},
    recurrence::WEEKDAYS,
};
use crate::backup::{Retention, Tier};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A year with a 29 February: a date that it lacks exists in no year.
const LEAP_YEAR: i16 = 2000;

/// Parses the clauses of a schedule, ordered from the lowest tier.
pub(super) fn clauses(text: &str) -> Result<Vec<ScheduleClause>, ScheduleError> {
    let mut faults = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    for clause in text.split(',') {
        let written = clause.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut fault = |problem| {
            faults.push(ClauseFault {
                clause: written.clone(),
                problem,
            });
        };
        match tier(&written, text) {
            Err(problem) => fault(problem),
            Ok(tier) if drafts.iter().any(|draft| draft.tier == tier) => {
                fault(ClauseProblem::TierTwice(tier));
            }
            Ok(tier) => drafts.push(Draft::read(tier, &written.to_ascii_lowercase(), &mut fault)),
        }
    }
    if !faults.is_empty() {
        return Err(ScheduleError { faults });
    }
    drafts.sort_by_key(|draft| draft.tier);
    Ok(settled(&drafts))
}

/// The tier at the beginning of a clause.
fn tier(clause: &str, text: &str) -> Result<Tier, ClauseProblem> {
    let first = clause.split(' ').next().unwrap_or_default();
    match first.to_ascii_lowercase().parse() {
        _ if text.trim().is_empty() => Err(ClauseProblem::NoClause),
        _ if first.is_empty() => Err(ClauseProblem::EmptyClause),
        Ok(Tier::Manual) => Err(ClauseProblem::Manual),
        Ok(tier) => Ok(tier),
        Err(_) => Err(ClauseProblem::UnknownTier(first.to_owned())),
    }
}

/// A clause as written, before defaults are filled in.
struct Draft {
    tier: Tier,
    on: Option<On>,
    /// The time. An hourly clause's minute is stored as a time after midnight, which a daily clause inherits.
    at: Option<Time>,
    keep: Option<Retention>,
}

#[derive(Clone, Copy)]
enum On {
    Weekday(Weekday),
    Day(i8),
    Date { month: i8, day: i8 },
}

impl Draft {
    /// Parses the words after the tier, and reports every fault.
    fn read(tier: Tier, clause: &str, fault: &mut impl FnMut(ClauseProblem)) -> Self {
        let mut draft = Self {
            tier,
            on: None,
            at: None,
            keep: None,
        };
        let mut kept = false;
        let mut seen = Vec::new();
        let mut words = clause.split(' ').skip(1).peekable();
        while let Some(word) = words.next() {
            let Some(word) = keyword(word) else {
                fault(ClauseProblem::UnknownWord {
                    tier,
                    word: word.to_owned(),
                });
                if word.parse::<Tier>().is_ok() {
                    // a comma is missing: the rest belongs to another tier
                    return draft;
                }
                continue;
            };
            kept |= word == "keep";
            if seen.contains(&word) {
                fault(ClauseProblem::WordTwice(word));
            }
            seen.push(word);
            if let Err(problem) = draft.take(word, &mut words) {
                fault(problem);
            }
        }
        if !kept {
            fault(ClauseProblem::NoRetention(tier));
        }
        draft
    }

    fn take<'a>(
        &mut self,
        word: &'static str,
        words: &mut Peekable<impl Iterator<Item = &'a str>>,
    ) -> Result<(), ClauseProblem> {
        let tier = self.tier;
        let value = value(words).ok_or(ClauseProblem::NoValue { tier, word })?;
        match word {
            "at" => self.at = Some(time(tier, value)?),
            "on" => self.on = Some(on(tier, value, words)?),
            _ => self.keep = Some(value.parse().map_err(ClauseProblem::BadRetention)?),
        }
        Ok(())
    }
}

fn keyword(word: &str) -> Option<&'static str> {
    ["at", "on", "keep"].into_iter().find(|&k| k == word)
}

/// The next word, unless it is a keyword.
fn value<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Option<&'a str> {
    words.next_if(|word| keyword(word).is_none())
}

fn time(tier: Tier, value: &str) -> Result<Time, ClauseProblem> {
    let parts = value.split_once(':').and_then(|(hour, minute)| {
        let hour = match (tier, hour) {
            (Tier::Hourly, "") => 0,
            (Tier::Hourly, _) => return None,
            _ => number(hour, 1..=2)?,
        };
        Time::new(hour, number(minute, 2..=2)?, 0, 0).ok()
    });
    parts.ok_or_else(|| ClauseProblem::BadTime {
        tier,
        value: value.to_owned(),
    })
}

fn on<'a>(tier: Tier, first: &str, words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Result<On, ClauseProblem> {
    let mut day = first.to_owned();
    let on = match tier {
        Tier::Weekly => weekday(&day),
        Tier::Monthly => day_of_month(&day),
        Tier::Yearly if day.contains('-') => month_and_day(&day),
        Tier::Yearly => {
            if let Some(second) = value(words) {
                day = format!("{first} {second}");
            }
            named_month_and_day(&day)
        }
        Tier::Manual | Tier::Hourly | Tier::Daily => return Err(ClauseProblem::NoDay(tier)),
    };
    on.ok_or(ClauseProblem::BadDay { tier, value: day })
}

fn weekday(value: &str) -> Option<On> {
    let index = named(&WEEKDAYS, value)?;
    Weekday::from_sunday_zero_offset(index).ok().map(On::Weekday)
}

fn day_of_month(value: &str) -> Option<On> {
    let day = if value == "last" { 31 } else { number(value, 1..=2)? };
    (1..=31).contains(&day).then_some(On::Day(day))
}

fn month_and_day(value: &str) -> Option<On> {
    let (month, day) = value.split_once('-')?;
    date(number(month, 1..=2)?, number(day, 1..=2)?)
}

fn named_month_and_day(value: &str) -> Option<On> {
    let (first, second) = value.split_once(' ')?;
    let (month, day) = match named(&MONTHS, first) {
        Some(month) => (month, second),
        None => (named(&MONTHS, second)?, first),
    };
    date(month + 1, number(day, 1..=2)?)
}

fn date(month: i8, day: i8) -> Option<On> {
    Date::new(LEAP_YEAR, month, day).ok()?;
    Some(On::Date { month, day })
}

/// The index of a name in a list. The name is written in full or as its first three letters.
fn named(names: &[&str], value: &str) -> Option<i8> {
    let index = names.iter().position(|name| *name == value || name[..3] == *value)?;
    i8::try_from(index).ok()
}

/// A number with the given count of digits and nothing else: no sign, no point.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i8> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Fills in the defaults, from the lowest tier: each clause inherits the time of the tier below it.
fn settled(drafts: &[Draft]) -> Vec<ScheduleClause> {
    let mut inherited = Time::midnight();
    let settle = |draft: &Draft| {
        let at = draft.at.unwrap_or(inherited);
        inherited = at;
        let when = match (draft.tier, draft.on) {
            (Tier::Manual | Tier::Hourly, _) => Recurrence::Hourly { minute: at.minute() },
            (Tier::Daily, _) => Recurrence::Daily { at },
            (Tier::Weekly, Some(On::Weekday(on))) => Recurrence::Weekly { on, at },
            (Tier::Weekly, _) => Recurrence::Weekly {
                on: Weekday::Sunday,
                at,
            },
            (Tier::Monthly, Some(On::Day(day))) => Recurrence::Monthly { day, at },
            (Tier::Monthly, _) => Recurrence::Monthly { day: 1, at },
            (Tier::Yearly, Some(On::Date { month, day })) => Recurrence::Yearly { month, day, at },
            (Tier::Yearly, _) => Recurrence::Yearly { month: 1, day: 1, at },
        };
        let keep = draft.keep.expect("a clause that lacks it is a fault");
        ScheduleClause { when, keep }
    };
    drafts.iter().map(settle).collect()
}
