//! The verb `drill`.

use jiff::SignedDuration;

use super::{Agent, Selector, usage};
use crate::{
    backup::{Label, Record},
    certificate::Sha256Digest,
    error::{Error, Result},
    operation::{self, DrillChecks, DrillRequest, Drilled, Progress},
    postgres::DatabaseUrl,
};

/// The options of a drill by hand.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// Who started it.
    pub who: String,
    /// Whether a report is left in the bucket.
    pub leaves_report: bool,
}

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

    /// Proves that a backup comes back, where `PGCOFFER_SCRATCH_URL` says, and leaves a report in the bucket.
    ///
    /// # Errors
    /// Those of [`operation::drill`]; [`Error::Usage`] for a file of statements that can't be read.
    pub async fn drill(&self, record: &Record, options: &DrillOptions, progress: &Progress) -> Result<Drilled> {
        let request = DrillRequest {
            ground: self.config.drill_ground.clone(),
            sources: self.sources(),
            checks: self.drill_checks()?,
            dump_idle_timeout: self.config.dump_idle_timeout,
            leaves_report: options.leaves_report,
            who: format!("{}@{}", options.who.trim(), self.environment.host),
            due: None,
            time_limit: None,
            agent_sha256: self.agent_sha256().await,
            recovery_point_target: self.recovery_point_target(&record.database),
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

    /// SHA-256 of the running program, where it can be read.
    pub(super) async fn agent_sha256(&self) -> Option<Sha256Digest> {
        let program = self.environment.program.clone()?;
        // some tens of megabytes
        let hash = move || Sha256Digest::of_reader(std::fs::File::open(program).ok()?).ok();
        tokio::task::spawn_blocking(hash).await.ok()?
    }

    /// The longest time between two backups of a database that its schedule allows.
    pub(super) fn recovery_point_target(&self, database: &Label) -> Option<SignedDuration> {
        self.schedule_of(database)?.longest_gap(self.clock.now())
    }

    /// The databases that are backed up.
    pub(super) fn sources(&self) -> Vec<(String, DatabaseUrl)> {
        let databases = self.config.databases.iter();
        databases
            .map(|database| (database.label.to_string(), database.url.clone()))
            .collect()
    }

    /// The statements of `PGCOFFER_DRILL_SQL`.
    pub(super) fn drill_checks(&self) -> Result<DrillChecks> {
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
