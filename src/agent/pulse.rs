//! The dead man's switch: what is signalled when, so that a check goes red when good backups stop, whatever the reason.
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
    notify::{Error, Patience, Ping, RunId, Signal},
};

/// The checks: one for everything, and one for each database that has its own.
#[derive(Debug, Default)]
pub struct Pings {
    /// the one for everything
    pub all: Option<Ping>,
    /// those of single databases
    pub own: BTreeMap<Label, Ping>,
    /// the runs that have begun, by database; that of everything under none
    begun: Mutex<BTreeMap<Option<Label>, Option<RunId>>>,
}

impl Pings {
    /// A check for everything, and one for each of some databases.
    #[must_use]
    pub fn new(all: Option<Ping>, own: BTreeMap<Label, Ping>) -> Self {
        Self {
            all,
            own,
            begun: Mutex::default(),
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

    /// Signals that something begins; once, until it ends.
    pub(super) async fn start(&self, database: Option<&Label>, patience: Patience) -> Result<(), (String, Error)> {
        let Some(ping) = self.of(database) else {
            return Ok(());
        };
        let run = {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            if begun.contains_key(&database.cloned()) {
                return Ok(());
            }
            let run = RunId::generate();
            begun.insert(database.cloned(), run.clone());
            run
        };
        let sent = ping.send(Signal::Start, run.as_ref(), "", patience).await;
        sent.map_err(|error| (ping.host().to_owned(), error))
    }

    /// Signals how it ended.
    pub(super) async fn end(
        &self,
        database: Option<&Label>,
        signal: Signal,
        text: &str,
        patience: Patience,
    ) -> Result<(), (String, Error)> {
        let Some(ping) = self.of(database) else {
            return Ok(());
        };
        let run = {
            let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.get(&database.cloned()).cloned().flatten()
        };
        let sent = ping.send(signal, run.as_ref(), text, patience).await;
        // only now: one that is cut off and sent anew ends the same run
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.remove(&database.cloned());
        drop(begun);
        sent.map_err(|error| (ping.host().to_owned(), error))
    }
}
