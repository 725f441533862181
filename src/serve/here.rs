//! Rounds that back up here: a tick each, and beside them copies in other places.

use futures_util::future::join;
use tokio::sync::Notify;

use super::{Daemon, Pace, log::log_tick, turns::Turns};
use crate::{
    agent::{self, Undelivered},
    backup::Label,
    catalog::Catalog,
    error::{Error, Result},
    metrics::{Monitor, Observation},
    operation::{Progress, TickRequest},
    panics::caught_as_error,
};

impl<U: Fn(&[Undelivered])> Daemon<'_, U> {
    /// Backs up what is due until a signal.
    pub(super) async fn back_up_here(
        &self,
        catalog: &Catalog,
        mut turns: Turns,
        pace: Pace,
        (progress, monitor): (&Progress, &Monitor),
    ) -> Result<()> {
        let agent = self.agent;
        let clients = agent.clients().await?;
        let scheduled = turns.ready.iter().map(|one| one.label.clone());
        let labels: Vec<Label> = scheduled.chain(self.to_come().cloned()).collect();
        let wake = Notify::new();
        let request = agent.tick_request(Vec::new(), self.options.parallel, self.options.prune);
        let (notifications, interrupt) = (agent.notifications(), agent.interrupt());
        let round = async || {
            turns.refresh(agent).await?;
            // connected to once, as soon as they can be reached
            let beside = agent.places_beside(catalog).await?;
            let request = TickRequest {
                beside: beside.connected.clone(),
                databases: turns.ready.clone(),
                ..request.clone()
            };
            let unready = &turns.unready;
            let tick = agent::tick(catalog, clients, &request, unready, notifications, progress, interrupt);
            let mut report = tick.await?;
            for turn in &mut report.databases {
                agent.streamed(turn, &beside).await;
            }
            agent
                .drill_what_is_due(catalog, clients, None, &mut report, progress)
                .await?;
            for health in report.databases.iter_mut().filter_map(|one| one.health.as_mut()) {
                agent.add_known_places(health);
            }
            wake.notify_one();
            report.databases.iter().for_each(log_tick);
            Ok(report.databases.into_iter().map(Observation::from).collect())
        };
        join(self.rounds(round, pace, monitor), self.copies(catalog, &labels, &wake)).await;
        Ok(())
    }

    /// Copies what is missing in other places after each round, beside the rounds: a slow place keeps no backup waiting.
    async fn copies(&self, catalog: &Catalog, labels: &[Label], wake: &Notify) {
        let agent = self.agent;
        if !agent.has_places() || catalog.store().writes_only() {
            return;
        }
        loop {
            tokio::select! {
                () = wake.notified() => {}
                _ = agent.interrupt().raised() => return,
            }
            for label in labels {
                let progress = Progress::default();
                let copying = async {
                    if self.options.prune {
                        agent.prune_copies(catalog, label).await?;
                    }
                    agent.copy_after_backup(catalog, label, None, &progress).await
                };
                match caught_as_error(copying).await {
                    Ok(_) => {}
                    Err(Error::Interrupted { .. }) => return,
                    Err(error) => self.report(Some(label), &error).await,
                }
            }
        }
    }
}
