//! The schedules that count now: those of the settings, and where these say none, what is stored in the bucket, which
//! somebody may change while `serve` runs.

use std::sync::{Arc, PoisonError};

use super::Agent;
use crate::{
    backup::Label,
    config::{DatabaseSettings, ScheduleOrigin, ScheduledDrills},
    error::{Error, Result},
    operation::Schedules,
    schedule::{DrillSchedule, Schedule},
};

/// The schedules that count now.
#[derive(Debug, Clone)]
pub(crate) struct CurrentSchedules {
    /// The configured databases, with the schedules that count.
    pub(crate) databases: Vec<DatabaseSettings>,
    /// When backups are drilled.
    pub(crate) drills: ScheduledDrills,
}

/// What is expected of one database now.
#[derive(Debug, Clone, Default)]
pub(super) struct ExpectedSchedules {
    backups: Option<Schedule>,
    drills: Option<DrillSchedule>,
}

impl ExpectedSchedules {
    pub(super) fn borrowed(&self) -> Schedules<'_> {
        Schedules {
            backups: self.backups.as_ref(),
            drills: self.drills.as_ref(),
        }
    }
}

impl CurrentSchedules {
    /// Whether the same counts for a database.
    fn is_same(&self, other: &Self, label: &Label) -> bool {
        let facts = |all: &Self| {
            let one = all.database(label);
            one.map(|one| (one.schedule.clone(), one.unscheduled, one.origin.clone()))
        };
        facts(self) == facts(other) && self.drills.schedule_of(label) == other.drills.schedule_of(label)
    }

    /// The settings of a configured database.
    pub(crate) fn database(&self, label: &Label) -> Option<&DatabaseSettings> {
        self.databases.iter().find(|one| one.label == *label)
    }
}

impl Agent {
    /// The schedules that count now; the same ones until they change.
    pub(crate) fn current(&self) -> Arc<CurrentSchedules> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let of_settings = || {
            Arc::new(CurrentSchedules {
                databases: self.config.databases.clone(),
                drills: self.config.drills.clone(),
            })
        };
        Arc::clone(current.get_or_insert_with(of_settings))
    }

    /// Reads again what is stored in the bucket, of configured databases whose schedule the settings don't say: one
    /// listing and one small object for each. Without such a database it makes no request. What can't be read now stays
    /// as it was.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(crate) async fn refresh_schedules(&self) -> Result<()> {
        let labels: Vec<Label> = self.not_in_settings().collect();
        if labels.is_empty() || self.config.location.is_none() {
            return Ok(());
        }
        let Ok(catalog) = self.catalog().await else {
            return self.interrupt.check();
        };
        if catalog.store().writes_only() {
            return Ok(());
        }
        let before = self.current();
        let mut now = CurrentSchedules {
            databases: self.config.databases.clone(),
            drills: self.drills_of_settings.clone(),
        };
        for label in &labels {
            let look = catalog.stored_settings(label, self.clock.now());
            match self.interrupt.or(look).await {
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Ok(stored) => {
                    now.forget(label);
                    if let Some(stored) = stored {
                        self.adopted(&mut now, label, &stored);
                    }
                }
                // nor does what somebody has damaged end the backups of a schedule that was read before
                Err(error) => {
                    tracing::warn!(database = %label, "whether its schedule was changed can't be seen: {error}");
                    now.keep(&before, label);
                }
            }
        }
        if labels.iter().all(|label| before.is_same(&now, label)) {
            return Ok(());
        }
        for label in &labels {
            say_change(label, before.database(label), now.database(label));
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(now));
        Ok(())
    }

    /// The configured databases whose schedule the settings don't say.
    pub(super) fn not_in_settings(&self) -> impl Iterator<Item = Label> {
        let databases = self.config.databases.iter();
        databases
            .filter(|one| one.origin != ScheduleOrigin::Settings)
            .map(|one| one.label.clone())
    }

    /// What is expected of a database now.
    pub(super) fn expected_of(&self, label: &Label) -> ExpectedSchedules {
        let current = self.current();
        ExpectedSchedules {
            backups: current.database(label).and_then(|one| one.schedule.clone()),
            drills: current.drills.schedule_of(label).cloned(),
        }
    }

    /// When a database is backed up now.
    pub(super) fn schedule_of(&self, label: &Label) -> Option<Schedule> {
        self.expected_of(label).backups
    }
}

impl CurrentSchedules {
    /// Nothing is known of this database but what the settings say of all.
    fn forget(&mut self, label: &Label) {
        for one in self.of(label) {
            one.schedule = None;
            one.unscheduled = false;
            one.origin = ScheduleOrigin::Nowhere;
        }
    }

    /// As it was before.
    fn keep(&mut self, before: &Self, label: &Label) {
        if let Some(known) = before.database(label) {
            for one in self.of(label) {
                one.clone_from(known);
            }
        }
        if let Some(drill) = before.drills.schedule_of(label)
            && self.drills.schedule_of(label).is_none()
        {
            self.drills.adopt(label, drill.clone());
        }
    }

    pub(super) fn remember_fault(&mut self, label: &Label, why: String) {
        for one in self.of(label) {
            one.origin = ScheduleOrigin::Unreadable(why.clone());
        }
    }

    /// Takes what is stored.
    pub(super) fn take(
        &mut self,
        label: &Label,
        (schedule, is_off): (Option<&Schedule>, bool),
        drill: Option<DrillSchedule>,
    ) {
        if let Some(drill) = drill
            && self.drills.schedule_of(label).is_none()
        {
            self.drills.adopt(label, drill);
        }
        if !is_off && schedule.is_none() {
            return;
        }
        for one in self.of(label) {
            one.origin = ScheduleOrigin::Bucket;
            one.unscheduled = is_off;
            one.schedule = schedule.cloned();
        }
    }

    fn of(&mut self, label: &Label) -> impl Iterator<Item = &mut DatabaseSettings> {
        self.databases.iter_mut().filter(move |one| one.label == *label)
    }
}

fn say_change(label: &Label, before: Option<&DatabaseSettings>, now: Option<&DatabaseSettings>) {
    let text = |one: Option<&DatabaseSettings>| match one {
        Some(one) if one.unscheduled => "off".to_owned(),
        Some(one) => one
            .schedule
            .as_ref()
            .map_or_else(|| "none".to_owned(), ToString::to_string),
        None => "none".to_owned(),
    };
    let (before, now) = (text(before), text(now));
    if before != now {
        tracing::info!(database = %label, "the schedule in the bucket was changed: {now}, and before: {before}");
    }
}
