//! Rounds that only look: with a catalog key alone, at databases that other machines back up.

use super::{Daemon, Pace};
use crate::{
    agent::{Undelivered, WatchedDatabase},
    backup::Label,
    catalog::Catalog,
    error::{Error, Result},
    metrics::{Monitor, Observation},
    operation::Health,
};

impl<U: Fn(&[Undelivered])> Daemon<'_, U> {
    /// The databases that have backups in the bucket now.
    pub(super) async fn to_watch(&self, catalog: &Catalog) -> Result<Vec<Label>> {
        if catalog.store().writes_only() {
            return Err(Error::usage(
                "a catalog key is set to watch with, and in drop-box mode nothing may be looked at",
                "unset PGCOFFER_MODE, and give credentials that may read",
            ));
        }
        let labels = self.agent.interrupt().or(catalog.databases()).await?;
        if labels.is_empty() {
            return Err(catalog.no_backup_at_all("backup to watch").await);
        }
        let names: Vec<&str> = labels.iter().map(Label::as_str).collect();
        let names = names.join(", ");
        tracing::info!("a catalog key alone is set: watching {names}, and backing up nothing");
        Ok(labels)
    }

    /// Surveys each of them until a signal, and reports backups that are late.
    pub(super) async fn watch(&self, catalog: &Catalog, labels: &[Label], pace: Pace, monitor: &Monitor) -> Result<()> {
        let watched = labels.iter().map(|label| self.agent.watched(label));
        let watched: Vec<WatchedDatabase> = watched.collect::<Result<_>>()?;
        let round = async || {
            if !self.agent.notifications().is_silent() {
                let reported = self.agent.report_missed(catalog, &watched).await;
                // any other error was reported already; show what is known
                if let Err(error @ Error::Interrupted { .. }) = reported {
                    return Err(error);
                }
            }
            let mut seen = Vec::new();
            for label in labels {
                seen.push(self.observed(catalog, label).await?);
            }
            let found: Vec<Health> = seen.iter().filter_map(|one| one.health.clone()).collect();
            self.agent.report_overdue_drills(catalog, &found).await?;
            Ok(seen)
        };
        self.rounds(round, pace, monitor).await;
        Ok(())
    }

    async fn observed(&self, catalog: &Catalog, label: &Label) -> Result<Observation> {
        let health = match self.agent.health(catalog, label).await {
            Ok(health) => Some(health),
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                let hint = error.hint();
                tracing::error!(database = %label, hint, "how it stands can't be seen: {error}");
                None
            }
        };
        for problem in health.iter().flat_map(Health::problems) {
            tracing::warn!(database = %label, "{problem}");
        }
        Ok(Observation {
            database: label.clone(),
            failed: health.is_none(),
            health,
        })
    }
}
