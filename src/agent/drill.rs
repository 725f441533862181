//! The verb `drill`.

use super::{Agent, Selector, usage};
use crate::{
    backup::Record,
    error::{Error, Result},
    operation::{self, DrillChecks, DrillReport, DrillRequest, Progress},
};

impl Agent {
    /// The backups to drill: the one that is meant; if neither a backup nor a database is named, the newest good one of
    /// each database.
    ///
    /// # Errors
    /// [`Error::NoSuchBackup`]; [`Error::Usage`] where only a catalog key is set.
    pub async fn find_to_drill(&self, selector: Selector<'_>) -> Result<Vec<Record>> {
        if selector.id.is_some() || selector.database.is_some() {
            return Ok(vec![self.find_to("drill", selector).await?]);
        }
        let catalog = self.catalog().await?;
        let labels = self.labels(catalog, None).await?;
        let (mut records, mut missing) = (Vec::new(), None);
        for label in &labels {
            let of_label = Selector {
                database: Some(label.as_str()),
                ..selector
            };
            match self.find_to("drill", of_label).await {
                Ok(record) => records.push(record),
                // a database without a backup keeps no other from its drill
                Err(error @ Error::NoSuchBackup { .. }) => {
                    if labels.len() > 1 {
                        tracing::warn!("{label}: {error}");
                    }
                    missing = missing.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        match (records.is_empty(), missing) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(catalog.no_backup_at_all("good backup").await),
            (false, _) => Ok(records),
        }
    }

    /// Proves that a backup comes back, where `PGCOFFER_SCRATCH_URL` says.
    ///
    /// # Errors
    /// Those of [`operation::drill`]; [`Error::Usage`] for a file of statements that can't be read.
    pub async fn drill(&self, record: &Record, progress: &Progress) -> Result<DrillReport> {
        let request = DrillRequest {
            ground: self.config.drill_ground.clone(),
            checks: self.drill_checks()?,
            dump_idle_timeout: self.config.dump_idle_timeout,
            clock: self.clock,
        };
        let (catalog, clients) = (self.catalog().await?, self.clients().await?);
        Box::pin(operation::drill(
            catalog,
            clients,
            record,
            &request,
            progress,
            &self.interrupt,
        ))
        .await
    }

    /// The statements of `PGCOFFER_DRILL_SQL`.
    fn drill_checks(&self) -> Result<DrillChecks> {
        let Some(file) = &self.config.drill_sql else {
            return Ok(DrillChecks::default());
        };
        let text =
            std::fs::read_to_string(file).map_err(|source| Error::io("read PGCOFFER_DRILL_SQL,", file, source))?;
        DrillChecks::parse(&text).map_err(|why| {
            usage(
                format!("PGCOFFER_DRILL_SQL, {}: {why}", file.display()),
                "each statement stands below a comment with what is expected of it, such as `-- expect: >= 1000`",
            )
        })
    }
}
