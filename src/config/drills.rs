//! When backups are drilled, as the settings say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, tz::TimeZone};

use super::names::of_database;
use crate::{backup::Label, error::Fault, schedule::DrillSchedule};

pub(super) const DRILL: &str = "PGCOFFER_DRILL";
pub(super) const DRILL_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_DRILL";

/// After which time a scheduled drill is ended, where nothing else is said.
pub const DEFAULT_DRILL_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// When backups are drilled.
#[derive(Debug, Clone, Default)]
pub struct ScheduledDrills {
    for_all: Option<DrillSchedule>,
    own: BTreeMap<Label, DrillSchedule>,
    off: BTreeSet<Label>,
}

/// The same, while it is read.
#[derive(Debug, Default)]
pub(super) struct DrillReading {
    pub(super) for_all: Option<String>,
    pub(super) own: BTreeMap<Label, String>,
    pub(super) time_limit: Option<Duration>,
}

impl ScheduledDrills {
    /// When the backups of this database are drilled; none if that is not scheduled here.
    #[must_use]
    pub fn schedule_of(&self, label: &Label) -> Option<&DrillSchedule> {
        let for_all = self.for_all.as_ref().filter(|_| !self.off.contains(label));
        self.own.get(label).or(for_all)
    }

    /// Whether any database is drilled from here.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.for_all.is_some() || !self.own.is_empty()
    }

    /// The databases that have a schedule of their own.
    pub fn of_their_own(&self) -> impl Iterator<Item = &Label> {
        self.own.keys()
    }
}

impl ScheduledDrills {
    /// Takes a schedule for this database that was stored elsewhere than in the settings.
    pub fn adopt(&mut self, label: &Label, schedule: DrillSchedule) {
        self.own.insert(label.clone(), schedule);
    }
}

impl DrillReading {
    pub(super) fn finish(self, zone: &TimeZone, faults: &mut Vec<Fault>) -> ScheduledDrills {
        let limit = self.time_limit.unwrap_or(DEFAULT_DRILL_TIMEOUT);
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX / 4);
        let mut read = |variable: String, text: &str| match DrillSchedule::parse(text, zone, limit) {
            Ok(schedule) => Some(schedule),
            Err(error) => {
                faults.push(Fault {
                    variable,
                    why: error.to_string(),
                    hint: Some(DrillSchedule::HINT.to_owned()),
                });
                None
            }
        };
        let is_off = |text: &&String| text.trim().eq_ignore_ascii_case("off");
        let for_all = self.for_all.as_ref().filter(|text| !is_off(text));
        let for_all = for_all.and_then(|text| read(DRILL.to_owned(), text));
        let mut times = ScheduledDrills {
            for_all,
            ..ScheduledDrills::default()
        };
        for (label, text) in self.own {
            if is_off(&&text) {
                times.off.insert(label);
                continue;
            }
            let schedule = read(of_database(DRILL_OF_DATABASE, &label), &text);
            times.own.extend(schedule.map(|schedule| (label, schedule)));
        }
        times
    }
}
