//! What a clock reports that has one-off dynos take the backups: runs that never came, and a bucket in which it can't
//! see them.

use futures_util::future::join;
use jiff::Timestamp;

use super::{Notifications, event};
use crate::{
    backup::{Event, Label, Occurrence},
    error::Error,
    notify::Signal,
    operation::{Health, Interrupt},
};

/// A run that was due on a dyno, and of which no record came.
#[derive(Debug, Clone, Copy)]
pub struct MissingRun<'a> {
    /// The database.
    pub database: &'a Label,
    /// Why there is no record.
    pub error: &'a Error,
    /// How the database stands; none where that can't be seen.
    pub health: Option<&'a Health>,
    /// When it is tried again.
    pub retry_at: Timestamp,
}

impl Notifications {
    /// Reports that a run was missed. The launcher makes growing pauses between two of them, so each is reported.
    pub async fn missing_run(&self, run: MissingRun<'_>, interrupt: &Interrupt) {
        let event = missing_run(self, run);
        let text = event::log_line(&event);
        let signal = Signal::Exit(run.error.exit_status().number());
        let own = self.heartbeat(Some(run.database), signal, &text, interrupt);
        let all = self.heartbeat(None, signal, &text, interrupt);
        join(self.send(&event, interrupt), join(own, all)).await;
    }

    /// Reports that nothing can be seen of a database: with growing pauses while it goes on.
    pub async fn unseen(&self, database: &Label, error: &Error, interrupt: &Interrupt) {
        let event = event::of_error(self, Some(database), error);
        let signal = Signal::Exit(error.exit_status().number());
        let all = self.heartbeat(None, signal, event::log_line(&event), interrupt);
        join(self.failed(Some(database), error, interrupt), all).await;
    }

    /// The database can be seen again: the next failure is reported at once.
    pub fn seen(&self, database: &Label) {
        self.throttle.forget(database.as_str());
    }
}

fn missing_run(notifications: &Notifications, run: MissingRun<'_>) -> Event {
    let what = Occurrence::Missed {
        late: run.health.map_or_else(Vec::new, |health| health.late.clone()),
        error: Some(event::run_error(run.error, None)),
        failures: 0,
        retry_at: Some(run.retry_at),
    };
    notifications.event(Some(run.database), event::newest_good(run.health), what)
}
