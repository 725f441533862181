//! `backup`: one backup that somebody asks for.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Agent, AskedBackup, backup, usage};
use crate::{
    backup::{Retention, Tier},
    config,
    error::{Error, Result},
    operation::{self, BackupInterval, BackupRequest, CopyReport, Occasion, Progress},
};

/// How long a backup on an event waits for a run that is in progress: Heroku ends a release phase after an hour.
/// <https://devcenter.heroku.com/articles/release-phase>
const LOCK_WAIT: Duration = Duration::from_secs(50 * 60);

/// A backup that somebody asks for.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// The label of the database; none for the only one that is configured.
    pub database: Option<String>,
    /// The tier under which it stands.
    pub tier: Tier,
    /// How long it is kept, where not as the settings say.
    pub retention: Option<Retention>,
    /// How it is compressed, as the user wrote it, where not as the settings say.
    pub compression: Option<String>,
    /// How long after a good backup no further one is made; none to make one in any case.
    pub at_most_every: Option<SignedDuration>,
    /// The size of a part of the upload in bytes, where it is not chosen by what is expected.
    pub part_bytes: Option<u64>,
}

/// What became of a backup that somebody asked for, and of its copies.
#[derive(Debug)]
pub struct TakenBackup {
    /// The backup.
    pub asked: AskedBackup,
    /// What was copied to the other places.
    pub copies: Vec<CopyReport>,
}

impl Agent {
    /// Takes one backup, copies it to the other places, notifies people of how it ended, and writes the metrics file. However many ask for one at once
    /// with [`BackupOptions::at_most_every`], one is made, and the others wait for it.
    ///
    /// # Errors
    /// Those of [`crate::operation::backup`], and what is wrong with the settings; [`crate::Error::Usage`] for an
    /// interval where nothing can be read. A failed notification is none.
    pub async fn backup(&self, options: &BackupOptions, progress: &Progress) -> Result<TakenBackup> {
        let work = async {
            let request = self.backup_request(options);
            let request = self.or_report(None, request).await?;
            let database = request.database.clone();
            let label = Some(&database);
            let catalog = self.or_report(label, self.catalog().await).await?;
            if request.at_most_every.is_some() && catalog.store().writes_only() {
                return Err(operation::unknowable("in drop-box mode nothing is read"));
            }
            let clients = self.or_report(label, self.clients().await).await?;
            let beside = self.places_beside(catalog).await?;
            let request = BackupRequest {
                beside: beside.connected.clone(),
                ..request
            };
            let (alone, notifications) = (self.config.databases.len() == 1, &self.notifications);
            let work = backup(
                catalog,
                clients,
                &request,
                alone,
                notifications,
                progress,
                &self.interrupt,
            );
            let mut result = Box::pin(work).await;
            let copied = match &mut result {
                Ok(AskedBackup::Made(taken)) if catalog.store().writes_only() => {
                    let reports = beside.reports(&request.database, std::mem::take(&mut taken.copies));
                    self.say_streamed(&request.database, &reports).await;
                    Ok(reports)
                }
                Ok(AskedBackup::Made(_)) => {
                    let copying = self.copy_after_backup(catalog, &request.database, None, progress);
                    Box::pin(copying).await
                }
                _ => Ok(Vec::new()),
            };
            self.write_metrics(catalog, &[]).await;
            let asked = result.inspect_err(|error| {
                if matches!(error, Error::Interrupted { .. }) {
                    tracing::warn!(database = %database, "no backup was made");
                }
            })?;
            Ok(TakenBackup {
                asked,
                // the backup is made, whatever becomes of its copies
                copies: copied?,
            })
        };
        self.or_report_panic(work).await
    }

    fn backup_request(&self, options: &BackupOptions) -> Result<BackupRequest> {
        let database = self.config.database(options.database.as_deref())?;
        let level = match &options.compression {
            Some(text) => {
                config::compression(text).map_err(|why| usage(why, "give --compression zstd:3, for example"))?
            }
            None => self.config.level,
        };
        Ok(BackupRequest {
            database: database.label.clone(),
            url: database.url.clone(),
            secret: self.config.secret_of(database)?.clone(),
            occasion: Occasion::Asked(options.tier, options.retention.unwrap_or(self.config.retain_manual)),
            at_most_every: options.at_most_every.map(|span| BackupInterval {
                span,
                lock_wait: LOCK_WAIT,
            }),
            level,
            part_bytes: options.part_bytes,
            dump_idle_timeout: self.config.dump_idle_timeout,
            beside: Vec::new(),
            clock: self.clock,
        })
    }
}
