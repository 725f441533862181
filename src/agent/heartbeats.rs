//! The dead man's switch: heartbeats to a service that notices when good backups stop, whatever the reason.
//!
//! Success is signalled only while all is well: after a run that was due and good, and by a tick that found nothing due
//! and nothing wrong. So a check goes red when nothing runs at all, and as well when ticks run and backups fail, wait
//! or are late.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    backup::Label,
    notify::{Error, Ping, RunId, SendLimits, Signal},
};

/// The checks of the service: one for everything, and one for each database that has its own.
#[derive(Debug, Default)]
pub struct Heartbeats {
    /// The check for everything.
    pub all: Option<Ping>,
    /// The checks of single databases.
    pub own: BTreeMap<Label, Ping>,
    /// The runs that have begun, by database; that of everything under none.
    started: Mutex<BTreeMap<Option<Label>, Option<RunId>>>,
}

impl Heartbeats {
    /// A check for everything, and one for each of some databases.
    #[must_use]
    pub fn new(all: Option<Ping>, own: BTreeMap<Label, Ping>) -> Self {
        Self {
            all,
            own,
            started: Mutex::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_none() && self.own.is_empty()
    }

    /// The check of a database, or that of everything.
    fn of(&self, database: Option<&Label>) -> Option<&Ping> {
        match database {
            Some(label) => self.own.get(label),
            None => self.all.as_ref(),
        }
    }

    /// Signals that a run begins; once, until it ends. Retried within `limits`.
    ///
    /// # Errors
    /// The host of the check, and why it did not take the signal.
    pub(super) async fn start(&self, database: Option<&Label>, limits: SendLimits) -> Result<(), (String, Error)> {
        let Some(ping) = self.of(database) else {
            return Ok(());
        };
        let run = {
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            if started.contains_key(&database.cloned()) {
                return Ok(());
            }
            let run = RunId::generate();
            started.insert(database.cloned(), run.clone());
            run
        };
        let sent = ping.send(Signal::Start, run.as_ref(), "", limits).await;
        sent.map_err(|error| (ping.host().to_owned(), error))
    }

    /// Signals how a run ended. Retried within `limits`; safe to repeat.
    ///
    /// # Errors
    /// The host of the check, and why it did not take the signal.
    pub(super) async fn end(
        &self,
        database: Option<&Label>,
        signal: Signal,
        text: &str,
        limits: SendLimits,
    ) -> Result<(), (String, Error)> {
        let Some(ping) = self.of(database) else {
            return Ok(());
        };
        let run = {
            let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            started.get(&database.cloned()).cloned().flatten()
        };
        let sent = ping.send(signal, run.as_ref(), text, limits).await;
        // only now: a signal that is cut off and sent again ends the same run
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.remove(&database.cloned());
        drop(started);
        sent.map_err(|error| (ping.host().to_owned(), error))
    }
}
