//! `serve` as a monitor: with a catalog key and no database's URL it makes no backups, and watches those of others.

use pgcoffer::{
    Error, Result,
    agent::{self, Teller, Watched},
    backup::Label,
    catalog::Catalog,
    operation::{self, Clock},
    serve::{Pulse, Seen},
};

use super::{Context, usage};
use crate::cli::args::ServeArgs;

impl Context<'_> {
    /// Whether nothing is set that could be backed up, and a catalog key to watch with.
    pub(super) fn only_watches(&self) -> bool {
        let keys = self.config.keys();
        self.config.databases.is_empty() && !keys.secrets().is_empty() && keys.are_catalog_keys()
    }

    /// The databases that have backups in the bucket as it is now.
    pub(super) async fn to_watch(&self, catalog: &Catalog) -> Result<Vec<Label>> {
        if catalog.store().writes_only() {
            return Err(usage(
                "a catalog key is set to watch with, and in drop-box mode nothing may be looked at".to_owned(),
                "unset PGCOFFER_MODE, and give credentials that may read",
            ));
        }
        let labels = self.interrupt.or(catalog.databases()).await?;
        if labels.is_empty() {
            return Err(Error::NoSuchBackup {
                wanted: "to watch".to_owned(),
                location: catalog.store().location().to_string(),
            });
        }
        let names: Vec<&str> = labels.iter().map(Label::as_str).collect();
        let names = names.join(", ");
        tracing::info!("a catalog key alone is set: watching {names}, and backing up nothing");
        Ok(labels)
    }

    /// Looks at each of them until a signal comes, and tells of backups that are late.
    pub(super) async fn watch_rounds(
        &self,
        args: &ServeArgs,
        labels: &[Label],
        (catalog, teller): (&Catalog, &Teller),
        pulse: &Pulse,
    ) -> Result<()> {
        let watched: Vec<Watched> = labels.iter().map(|label| self.watched(label)).collect::<Result<_>>()?;
        let round = async || {
            if !teller.is_silent() {
                self.tell_late(catalog, &watched, teller).await?;
            }
            let mut seen = Vec::new();
            for label in labels {
                seen.push(self.seen(catalog, label).await?);
            }
            Ok(seen)
        };
        self.go(args, round, teller, pulse).await;
        Ok(())
    }

    async fn tell_late(&self, catalog: &Catalog, watched: &[Watched], teller: &Teller) -> Result<()> {
        match agent::missed(catalog, watched, teller, self.interrupt).await {
            Ok(told) => {
                for label in told {
                    tracing::info!(database = %label, "told that its backup is late");
                }
                Ok(())
            }
            Err(error @ Error::Interrupted { .. }) => Err(error),
            // told already; what can be seen is shown all the same
            Err(_) => Ok(()),
        }
    }

    async fn seen(&self, catalog: &Catalog, label: &Label) -> Result<Seen> {
        let look = operation::status(catalog, label, None, Clock::system().now());
        let health = match self.interrupt.or(look).await {
            Ok(health) => Some(health),
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                let hint = error.hint();
                tracing::error!(database = %label, hint, "how it stands can't be seen: {error}");
                None
            }
        };
        for problem in health.iter().flat_map(|health| health.problems()) {
            tracing::warn!(database = %label, "{problem}");
        }
        Ok(Seen {
            database: label.clone(),
            failed: health.is_none(),
            health,
        })
    }
}
