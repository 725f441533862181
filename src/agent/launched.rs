//! What a clock tells that has others take the backups: runs that never came, and a bucket in which it can't see them.

use futures_util::future::join;
use jiff::Timestamp;

use super::{
    Teller,
    facts::{self, newest_good},
};
use crate::{
    backup::Label,
    error::Error,
    notify::{Event, Kind, Signal},
    operation::{Health, Interrupt},
};

/// A run that was due elsewhere, and of which no record came.
#[derive(Debug, Clone, Copy)]
pub struct NotTaken<'a> {
    /// label of the database
    pub database: &'a Label,
    /// why there is none
    pub error: &'a Error,
    /// how the database stands; none where that can't be seen
    pub health: Option<&'a Health>,
    /// when it is tried again
    pub retry_at: Timestamp,
}

impl Teller {
    /// Tells that a run was missed. Who launches makes growing pauses between two of them, so each is told.
    pub async fn not_taken(&self, run: NotTaken<'_>, interrupt: &Interrupt) {
        let event = not_taken(self, run);
        let text = facts::short(&event);
        let signal = Signal::Exit(run.error.exit_status().number());
        let own = self.signal(Some(run.database), signal, &text, interrupt);
        let all = self.signal(None, signal, &text, interrupt);
        join(self.tell(&event, interrupt), join(own, all)).await;
    }

    /// Tells that nothing can be seen of a database: with growing pauses while it goes on.
    pub async fn blind(&self, database: &Label, error: &Error, interrupt: &Interrupt) {
        let event = facts::of_error(self, Some(database), error, self.clock.now());
        let text = facts::short(&event);
        let signal = Signal::Exit(error.exit_status().number());
        let all = self.signal(None, signal, &text, interrupt);
        join(self.failed(Some(database), error, interrupt), all).await;
    }

    /// It can be seen again.
    pub fn sees(&self, database: &Label) {
        self.repeats.forget(database.as_str());
    }
}

fn not_taken(teller: &Teller, run: NotTaken<'_>) -> Event {
    let mut event = Event::new(Kind::Missed, teller.clock.now(), teller.origin.clone());
    event.database = Some(run.database.to_string());
    event.cause = Some(run.error.cause());
    event.exit_status = Some(run.error.exit_status().number());
    event.newest_good = newest_good(run.health);
    event.retry_at = Some(run.retry_at);
    let late = run.health.map_or(&[][..], |health| &health.late);
    event.since = late.iter().map(|late| late.due).min();
    event.late = facts::lines(late);
    event
}
