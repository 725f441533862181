//! Settings of when backups are made and how long they are kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use jiff::tz::TimeZone;

use super::table::{self, Characters, DefaultValue, Section, Setting, Take, Wrong};
use crate::{
    backup::{Label, Retention},
    error::Fault,
    lifecycle,
    schedule::Schedule,
};

pub(super) const SCHEDULE: &str = "PGCOFFER_SCHEDULE";
pub(super) const SCHEDULE_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_SCHEDULE";
pub(super) const TIMEZONE: &str = "PGCOFFER_TIMEZONE";

pub(super) const SECTION: Section = Section {
    title: "Schedule and retention",
    settings: &[
        Setting {
            name: SCHEDULE,
            secret: false,
            default: DefaultValue::None,
            help: "hourly keep 24h, daily at 02:30 keep 7d, weekly keep 5w, …",
            doc: "when every database is backed up and how long that is kept: [retention.md](retention.md)",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.schedules.for_all = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: SCHEDULE_OF_DATABASE,
            secret: false,
            default: DefaultValue::Described("`PGCOFFER_SCHEDULE`"),
            help: "a schedule for one database, or off",
            doc: "a schedule for that database alone, or `off`",
            characters: Characters::List,
            take: Take::per_database(|reading, label, text| {
                reading.schedules.own.insert(label, text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: TIMEZONE,
            secret: false,
            default: DefaultValue::Text("UTC"),
            help: "time zone of schedules, such as Europe/Berlin",
            doc: "time zone of schedules: a name of the tz database",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.schedules.zone = Some(zone(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_KEEP_LAST",
            secret: false,
            default: DefaultValue::Text("3"),
            help: "good backups that no retention deletes",
            doc: "good backups of each database that no retention deletes",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.keep_last = keep_last(text)?;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_COLD",
            secret: false,
            default: DefaultValue::Described("nothing"),
            help: "what `lifecycle` moves: monthly to glacier after 30d, …",
            doc: "what `lifecycle` moves to colder classes: `monthly to glacier after 30d, yearly to deep_archive after \
                7d`: [glacier.md](glacier.md)",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.config.cold = lifecycle::parse_transitions(text).map_err(|e| (e.to_string(), e.hint()))?;
                Ok(())
            }),
        },
    ],
};

/// The texts, and the zone that they are to be read in.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    /// that of databases which have none of their own
    pub(super) for_all: Option<String>,
    pub(super) own: BTreeMap<Label, String>,
    pub(super) zone: Option<TimeZone>,
}

/// The same, read.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    for_all: Option<Schedule>,
    own: BTreeMap<Label, Schedule>,
    off: BTreeSet<Label>,
}

impl Parsed {
    /// Whether a database is meant to have no schedule.
    pub(super) fn is_off(&self, label: &Label) -> bool {
        self.off.contains(label)
    }

    /// The schedule of one database.
    pub(super) fn take(&mut self, label: &Label) -> Option<Schedule> {
        let own = self.own.remove(label);
        let for_all = self.for_all.clone().filter(|_| !self.is_off(label));
        own.or(for_all)
    }
}

impl Schedules {
    /// Reads all schedules. Where objects are to be locked (`locked`), every retention needs an end.
    pub(super) fn parse(&self, locked: bool, faults: &mut Vec<Fault>) -> Parsed {
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let mut read = |variable: String, text: &str| match Schedule::parse(text, &zone) {
            Ok(schedule) => {
                faults.extend(endless(&variable, &schedule).filter(|_| locked));
                Some(schedule)
            }
            Err(error) => {
                faults.push(Fault {
                    variable,
                    why: error.to_string(),
                    hint: error.hint(),
                });
                None
            }
        };
        let for_all = self.for_all.as_ref();
        let for_all = for_all.and_then(|text| read(SCHEDULE.to_owned(), text));
        let (mut own, mut off) = (BTreeMap::new(), BTreeSet::new());
        for (label, text) in &self.own {
            if text.trim().eq_ignore_ascii_case("off") {
                off.insert(label.clone());
                continue;
            }
            let schedule = read(table::of_database(SCHEDULE_OF_DATABASE, label), text);
            own.extend(schedule.map(|schedule| (label.clone(), schedule)));
        }
        Parsed { for_all, own, off }
    }
}

/// A lock ends on a day, so what is kept forever or by count can't be locked.
fn endless(variable: &str, schedule: &Schedule) -> Option<Fault> {
    let is_endless = |keep: Retention| matches!(keep, Retention::Forever | Retention::Newest(_));
    let clause = schedule.clauses().iter().find(|clause| is_endless(clause.keep))?;
    Some(Fault {
        variable: variable.to_owned(),
        why: format!(
            "{} is kept {}, and PGCOFFER_LOCK needs to know until when",
            clause.tier(),
            clause.keep
        ),
        hint: Some("keep it by age, such as 12mo, or unset PGCOFFER_LOCK".to_owned()),
    })
}

fn zone(text: &str) -> Result<TimeZone, Wrong> {
    TimeZone::get(text).map_err(|_| {
        let hint = "give a name of the tz database, such as Europe/Berlin, America/New_York or UTC";
        (format!("{text:?} is not a time zone"), Some(hint.to_owned()))
    })
}

fn keep_last(text: &str) -> Result<NonZeroU32, Wrong> {
    text.parse().map_err(|_| {
        let hint = "the newest good backups are what a lost database comes back from: keep 1 at least";
        (
            format!("{text:?} is not a whole number from 1 on"),
            Some(hint.to_owned()),
        )
    })
}
