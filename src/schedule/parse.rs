use std::iter::Peekable;

use jiff::civil::{Date, Time, Weekday};

use super::{
    Recurrence, ScheduleClause,
    fault::{ClauseFault, ClauseProblem, ScheduleError},
    recurrence::{HOURS, MINUTES, WEEKDAYS},
};
use crate::backup::{Retention, Tier, UnknownWord};

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

/// Parses the clauses of a schedule, ordered from the lowest tier and in each from the shortest period.
pub(super) fn clauses(text: &str) -> Result<Vec<ScheduleClause>, ScheduleError> {
    if text.contains(';') {
        let fault = ClauseFault {
            clause: String::new(),
            problem: ClauseProblem::Semicolon,
        };
        return Err(ScheduleError { faults: vec![fault] });
    }
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
        let words = written.to_ascii_lowercase();
        match every(&words, &written, text) {
            Err(problem) => fault(problem),
            Ok((every, words)) => drafts.push(Draft::read(every, written.clone(), words, &mut fault)),
        }
    }
    if !faults.is_empty() {
        return Err(ScheduleError { faults });
    }
    drafts.sort_by_key(|draft| (draft.every.tier(), draft.every.period_minutes()));
    settled(&drafts)
}

/// How often the backups of a clause are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Minutes(i8),
    Hours(i8),
    Tier(Tier),
}

impl Every {
    fn tier(self) -> Tier {
        match self {
            Self::Minutes(_) | Self::Hours(_) => Tier::Hourly,
            Self::Tier(tier) => tier,
        }
    }

    /// For the order of clauses of one tier alone.
    fn period_minutes(self) -> i32 {
        match self {
            Self::Minutes(minutes) => minutes.into(),
            Self::Hours(hours) => i32::from(hours) * 60,
            Self::Tier(_) => 60,
        }
    }
}

/// The words of a clause, in lower case.
type Words<'a> = Peekable<std::str::Split<'a, char>>;

/// The frequency at the beginning of a clause, and the words behind it.
fn every<'a>(clause: &'a str, written: &str, text: &str) -> Result<(Every, Words<'a>), ClauseProblem> {
    let mut words = clause.split(' ').peekable();
    let first = words.next().unwrap_or_default();
    let every = match first.parse() {
        _ if text.trim().is_empty() => return Err(ClauseProblem::NoClause),
        _ if first.is_empty() => return Err(ClauseProblem::EmptyClause),
        Ok(Tier::Manual) => return Err(ClauseProblem::Manual),
        Ok(tier) => Every::Tier(tier),
        Err(_) if first == "every" => interval(&mut words)?,
        Err(_) => {
            let first = written.split(' ').next().unwrap_or_default();
            return Err(ClauseProblem::UnknownTier(first.to_owned()));
        }
    };
    Ok((every, words))
}

/// `6 hours`, `15 minutes`, `hour`, `day` and so on, behind `every`.
fn interval(words: &mut Words<'_>) -> Result<Every, ClauseProblem> {
    let count = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let unit = words.next_if(|word| keyword(word).is_none());
    let written = [count, unit].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let fault = || ClauseProblem::BadInterval(written.clone());
    let unit = unit.ok_or_else(fault)?;
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    let count = match count {
        None if singular != unit => return Err(fault()),
        None => 1,
        Some(count) => number(count, 1..=2).ok_or_else(fault)?,
    };
    match (singular, count) {
        ("minute", 60) | ("hour", 1) => Ok(Every::Tier(Tier::Hourly)),
        ("minute", minutes) if MINUTES.contains(&minutes) => Ok(Every::Minutes(minutes)),
        ("hour", 24) | ("day", 1) => Ok(Every::Tier(Tier::Daily)),
        ("hour", hours) if HOURS.contains(&hours) => Ok(Every::Hours(hours)),
        ("week", 1) => Ok(Every::Tier(Tier::Weekly)),
        ("month", 1) => Ok(Every::Tier(Tier::Monthly)),
        ("year", 1) => Ok(Every::Tier(Tier::Yearly)),
        _ => Err(fault()),
    }
}

/// A clause as written, before defaults are filled in.
struct Draft {
    every: Every,
    written: String,
    on: Option<On>,
    /// The time. The minute of an hourly clause is stored as a time after midnight, which a daily clause inherits.
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
    /// Parses the words after the frequency, and reports every fault.
    fn read(every: Every, written: String, mut words: Words<'_>, fault: &mut impl FnMut(ClauseProblem)) -> Self {
        let tier = every.tier();
        let mut draft = Self {
            every,
            written,
            on: None,
            at: None,
            keep: None,
        };
        let mut kept = false;
        let mut seen = Vec::new();
        while let Some(word) = words.next() {
            let Some(word) = keyword(word) else {
                fault(ClauseProblem::UnknownWord {
                    tier,
                    word: word.to_owned(),
                });
                if word == "every" || word.parse::<Tier>().is_ok() {
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

    fn take(&mut self, word: &'static str, words: &mut Words<'_>) -> Result<(), ClauseProblem> {
        let tier = self.every.tier();
        let value = value(words).ok_or(ClauseProblem::NoValue { tier, word })?;
        match word {
            "at" => self.at = Some(time(self.every, value)?),
            "on" => self.on = Some(on(tier, value, words)?),
            _ => self.keep = Some(retention(value, words).map_err(ClauseProblem::BadRetention)?),
        }
        Ok(())
    }
}

/// How long backups are kept. `1 week` is one fault, and not a count with a word behind it.
fn retention(value: &str, words: &mut Words<'_>) -> Result<Retention, UnknownWord> {
    let is_count = value.bytes().all(|b| b.is_ascii_digit());
    let with_unit = words.peek().filter(|_| is_count).map(|unit| format!("{value} {unit}"));
    let fault = with_unit.and_then(|text| text.parse::<Retention>().err());
    match fault.filter(|fault| fault.meant().is_some()) {
        Some(fault) => {
            words.next();
            Err(fault)
        }
        None => value.parse(),
    }
}

fn keyword(word: &str) -> Option<&'static str> {
    ["at", "on", "keep"].into_iter().find(|&k| k == word)
}

/// The next word, unless it is a keyword.
fn value<'a>(words: &mut Words<'a>) -> Option<&'a str> {
    words.next_if(|word| keyword(word).is_none())
}

fn time(every: Every, value: &str) -> Result<Time, ClauseProblem> {
    let parts = value.split_once(':').and_then(|(hour, minute)| {
        let hour = match (every, hour) {
            (Every::Minutes(_) | Every::Hours(_) | Every::Tier(Tier::Hourly), "") => 0,
            (Every::Minutes(_) | Every::Tier(Tier::Hourly), _) => return None,
            _ => number(hour, 1..=2)?,
        };
        let time = Time::new(hour, number(minute, 2..=2)?, 0, 0).ok()?;
        match every {
            Every::Minutes(every) => (time.minute() < every).then_some(time),
            Every::Hours(every) => (time.hour() < every).then_some(time),
            Every::Tier(_) => Some(time),
        }
    });
    parts.ok_or_else(|| ClauseProblem::BadTime {
        tier: every.tier(),
        value: value.to_owned(),
        example: match every {
            Every::Minutes(every) => format!(
                "the first minute of each hour, from \"at :00\" to \"at :{:02}\"",
                every - 1
            ),
            Every::Hours(every) => {
                format!(
                    "the first time of each day, from \"at 00:00\" to \"at {:02}:59\"",
                    every - 1
                )
            }
            Every::Tier(Tier::Hourly) => "the minute, from \"at :00\" to \"at :59\"".to_owned(),
            Every::Tier(_) => match of_twelve_hours(value) {
                Some((hour, minute)) => format!("\"at {hour:02}:{minute:02}\""),
                None => "hour and minute, from \"at 00:00\" to \"at 23:59\"".to_owned(),
            },
        },
    })
}

/// The hour and the minute of `2am`, `2:30pm`.
fn of_twelve_hours(value: &str) -> Option<(i8, i8)> {
    let is_later = value.ends_with("pm");
    let bare = value.strip_suffix("am").or_else(|| value.strip_suffix("pm"))?;
    let (hour, minute) = bare.split_once(':').unwrap_or((bare, "00"));
    let hour = number(hour, 1..=2).filter(|hour| (1..=12).contains(hour))? % 12;
    let minute = number(minute, 2..=2).filter(|minute| (0..60).contains(minute))?;
    Some((if is_later { hour + 12 } else { hour }, minute))
}

fn on(tier: Tier, first: &str, words: &mut Words<'_>) -> Result<On, ClauseProblem> {
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

/// Fills in the defaults, from the lowest tier: each clause inherits the time of the first one below it.
fn settled(drafts: &[Draft]) -> Result<Vec<ScheduleClause>, ScheduleError> {
    let mut clauses: Vec<ScheduleClause> = Vec::new();
    let mut inherited = Time::midnight();
    for alike in drafts.chunk_by(|a, b| a.every == b.every) {
        let ats: Vec<Time> = alike.iter().map(|draft| draft.at.unwrap_or(inherited)).collect();
        clauses.extend(alike.iter().zip(&ats).map(|(draft, at)| clause(draft, *at)));
        inherited = ats.first().copied().unwrap_or(inherited);
    }
    let faults = faults_together(drafts, &clauses);
    if !faults.is_empty() {
        return Err(ScheduleError { faults });
    }
    clauses.sort_by_key(|clause| (clause.tier(), clause.when.period_minutes(), clause.to_string()));
    Ok(clauses)
}

fn clause(draft: &Draft, at: Time) -> ScheduleClause {
    let when = match (draft.every, draft.on) {
        (Every::Minutes(every), _) => Recurrence::Minutes {
            every,
            first: at.minute() % every,
        },
        (Every::Hours(every), _) => Recurrence::Hours {
            every,
            first: draft.at.unwrap_or_else(|| Time::constant(0, at.minute(), 0, 0)),
        },
        (Every::Tier(Tier::Manual | Tier::Hourly), _) => Recurrence::Hourly { minute: at.minute() },
        (Every::Tier(Tier::Daily), _) => Recurrence::Daily { at },
        (Every::Tier(Tier::Weekly), Some(On::Weekday(on))) => Recurrence::Weekly { on, at },
        (Every::Tier(Tier::Weekly), _) => Recurrence::Weekly {
            on: Weekday::Sunday,
            at,
        },
        (Every::Tier(Tier::Monthly), Some(On::Day(day))) => Recurrence::Monthly { day, at },
        (Every::Tier(Tier::Monthly), _) => Recurrence::Monthly { day: 1, at },
        (Every::Tier(Tier::Yearly), Some(On::Date { month, day })) => Recurrence::Yearly { month, day, at },
        (Every::Tier(Tier::Yearly), _) => Recurrence::Yearly { month: 1, day: 1, at },
    };
    let keep = draft.keep.expect("a clause that lacks it is a fault");
    ScheduleClause { when, keep }
}

/// What is wrong with clauses that are right by themselves. A count is of all backups of a tier, so that it would be
/// shared by two clauses; and of those that come more often than a third of an hour it would be of every other one.
fn faults_together(drafts: &[Draft], clauses: &[ScheduleClause]) -> Vec<ClauseFault> {
    let mut faults = Vec::new();
    for (n, (draft, clause)) in drafts.iter().zip(clauses).enumerate() {
        let tier = clause.tier();
        let is_counted = matches!(clause.keep, Retention::Newest(_));
        let of_tier = clauses.iter().filter(|other| other.tier() == tier).count();
        let problem = if clauses[..n].iter().any(|other| other.when == clause.when) {
            ClauseProblem::Twice(clause.when_text())
        } else if is_counted && of_tier > 1 {
            ClauseProblem::SharedCount(tier)
        } else if is_counted && matches!(clause.when, Recurrence::Minutes { .. }) {
            ClauseProblem::CountOfMinutes
        } else {
            continue;
        };
        faults.push(ClauseFault {
            clause: draft.written.clone(),
            problem,
        });
    }
    faults
}
