//! When backups are made and how long they are kept, as the settings say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::names::of_database;
use crate::{
    backup::{Label, Retention},
    error::Fault,
    schedule::Schedule,
};

pub(super) const SCHEDULE: &str = "PGCOFFER_SCHEDULE";
pub(super) const SCHEDULE_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_SCHEDULE";
pub(super) const TIMEZONE: &str = "PGCOFFER_TIMEZONE";
pub(super) const RETAIN_MANUAL: &str = "PGCOFFER_RETAIN_MANUAL";

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
            let schedule = read(of_database(SCHEDULE_OF_DATABASE, label), text);
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
