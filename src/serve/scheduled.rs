//! The databases that `serve` has to back up: those with a schedule, and those whose schedule may still come.

use super::Daemon;
use crate::{
    agent::Undelivered,
    backup::Label,
    config::{DatabaseSettings, ScheduleOrigin},
    error::{Error, Result},
};

impl<U: Fn(&[Undelivered])> Daemon<'_, U> {
    /// The databases without a schedule to which somebody may give one on a page.
    pub(super) fn to_come(&self) -> impl Iterator<Item = &Label> {
        let config = self.agent.config();
        let has_pages = config.dashboard.is_some();
        let lacks = |one: &&DatabaseSettings| one.schedule.is_none() && one.origin != ScheduleOrigin::Settings;
        let databases = config.databases.iter().filter(lacks);
        databases.filter(move |_| has_pages).map(|one| &one.label)
    }

    pub(super) fn scheduled(&self) -> Result<Vec<&DatabaseSettings>> {
        let config = self.agent.config();
        let scheduled = config.databases.iter().filter(|one| !one.unscheduled);
        let scheduled: Vec<&DatabaseSettings> = scheduled.collect();
        if !scheduled.is_empty() || config.drills.is_set() || self.to_come().next().is_some() {
            return Ok(scheduled);
        }
        if config.databases.is_empty() {
            // this error says what is missing
            config.database(None)?;
        }
        Err(Error::usage(
            "every database's schedule is off",
            "set a PGCOFFER_DB_<NAME>_SCHEDULE, or do without `serve`",
        ))
    }

    /// Whether no database is set that could be backed up, and there is a catalog key for watching.
    pub(super) fn only_watches(&self) -> bool {
        let config = self.agent.config();
        let keys = config.keys();
        config.databases.is_empty() && !keys.secrets().is_empty() && keys.are_catalog_keys()
    }
}
