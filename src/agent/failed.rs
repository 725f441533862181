//! Reports failures that left no record.

use futures_util::future::join;

use super::{Notifications, event};
use crate::{backup::Label, error::Error, notify::Signal, operation::Interrupt};

impl Notifications {
    /// Reports that something failed before it could leave a record: settings, the key, the bucket. In a process that
    /// lives on, the same subject is reported again with growing pauses only.
    pub async fn failed(&self, database: Option<&Label>, error: &Error, interrupt: &Interrupt) {
        self.guarded(database, self.send_failure(database, error, interrupt))
            .await;
    }

    async fn send_failure(&self, database: Option<&Label>, error: &Error, interrupt: &Interrupt) {
        let event = event::of_error(self, database, error);
        let subject = database.map_or("", Label::as_str);
        let sending = async {
            if self.throttle.allows(subject, event.at) {
                self.send(&event, interrupt).await;
            }
        };
        let signal = Signal::Exit(error.exit_status().number());
        let heartbeat = self.heartbeat(database, signal, event::log_line(&event), interrupt);
        join(sending, heartbeat).await;
    }
}
