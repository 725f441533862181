//! The databases whose turn it is, by the schedules that count now.

use std::sync::Arc;

use crate::{
    agent::{Agent, CurrentSchedules, log_unready},
    backup::Label,
    config::DatabaseSettings,
    error::{Error, Result},
    operation::TickDatabase,
};

/// The databases whose turn it is.
pub(super) struct Turns {
    /// Those that can have it.
    pub(super) ready: Vec<TickDatabase>,
    /// Those whose settings don't let them take part, and why.
    pub(super) unready: Vec<(Label, Error)>,
    /// The schedules by which they have it.
    current: Arc<CurrentSchedules>,
}

impl Turns {
    /// Those of these databases.
    pub(super) fn of<'d>(agent: &Agent, databases: impl Iterator<Item = &'d DatabaseSettings>) -> Self {
        let current = agent.current();
        let (ready, unready) = agent.readied(databases);
        Self {
            ready,
            unready,
            current,
        }
    }

    /// Reads again what is stored in the bucket. Says whether anything has changed.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(super) async fn refresh(&mut self, agent: &Agent) -> Result<bool> {
        agent.refresh_schedules().await?;
        let current = agent.current();
        if Arc::ptr_eq(&current, &self.current) {
            return Ok(false);
        }
        *self = Self::of(agent, current.databases.iter().filter(|one| !one.unscheduled));
        log_unready(self.unready.iter());
        Ok(true)
    }
}
