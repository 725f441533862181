//! The places that hold copies: connected to, copied to, and looked at.

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use super::{Agent, Selector, copies_told::CopiesHealth, event, silence::Silence, streamed_copies::PlacesBeside};
use crate::{
    backup::{Failure, Label, PlaceName, Record},
    catalog::Catalog,
    config::PlaceSettings,
    error::{Error, Result},
    operation::{
        self, BackupOutcome, CopyMemory, CopyPlace, CopyReport, CopyRequest, DatabaseTick, Health, Progress, RateLimit,
        TickReport,
    },
    seal::RepositoryId,
    store::{Location, SftpOptions, Store},
};

/// What is to be copied.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions<'a> {
    /// The only backup; none for all that belong there.
    pub backup: Option<Selector<'a>>,
    /// The label of the only database; none for all.
    pub database: Option<&'a str>,
    /// The name of the place that is copied to; none for all of them, or where one is copied from for the bucket.
    pub to: Option<&'a str>,
    /// The name of the place that is copied from, in the place of the bucket.
    pub from: Option<&'a str>,
    /// Whether only to say what would be copied.
    pub dry_run: bool,
}

/// A place that is configured, and what it is connected to once it was needed.
pub(super) struct AgentPlace {
    settings: PlaceSettings,
    connected: OnceCell<CopyPlace>,
    /// Whether it has not answered the last look.
    pub(super) silence: Silence,
}

impl AgentPlace {
    pub(super) fn of(settings: &[PlaceSettings]) -> Vec<Self> {
        let of_one = |settings: &PlaceSettings| Self {
            settings: settings.clone(),
            connected: OnceCell::new(),
            silence: Silence::default(),
        };
        settings.iter().map(of_one).collect()
    }

    /// Where it is.
    pub(super) fn location(&self) -> &Location {
        &self.settings.location
    }

    /// The name of the place.
    pub(super) fn name(&self) -> &PlaceName {
        &self.settings.name
    }
}

impl Agent {
    /// The places that are configured beside the bucket.
    pub(super) fn places(&self) -> &[AgentPlace] {
        &self.places
    }

    /// A place that holds copies of what is in `source`. Connects on the first call.
    ///
    /// # Errors
    /// [`Error::Store`] where there are no credentials, or the settings of its service are wrong.
    pub(super) async fn place<'a>(&self, place: &'a AgentPlace, source: &Catalog) -> Result<&'a CopyPlace> {
        let connect = async {
            // what is wrong with the bucket keeps no place from being looked at
            let repository = source.repository_here().await.ok().flatten().or(self.config.repository);
            let connected = self.connect(&place.settings, repository).await?;
            match is_same_place(source.store(), connected.catalog.store()) {
                false => Ok(connected),
                true => Err(super::usage(
                    format!(
                        "the place {} is the bucket itself, so what is there is no copy",
                        place.name()
                    ),
                    format!("correct {}_URL", place.name().settings()),
                )),
            }
        };
        let connect = self.interrupt.or(Box::pin(connect));
        place.connected.get_or_try_init(|| connect).await
    }

    async fn connect(&self, settings: &PlaceSettings, repository: Option<RepositoryId>) -> Result<CopyPlace> {
        let store = match &settings.sftp {
            Some(server) => self.connect_server(server)?,
            None => {
                let mut options = settings.store.clone();
                options.quick = self.environment.is_watched;
                Store::connect(settings.location.clone(), options).await?
            }
        };
        Ok(CopyPlace {
            name: settings.name.clone(),
            catalog: Catalog::new(store, self.config.keys_for_reading()?, repository).keeping(settings.retention),
            retention: settings.retention,
            rate: RateLimit::new(settings.bytes_per_second),
        })
    }

    /// A folder on a server. Where no key and no password is set, the SSH agent of the environment is asked.
    pub(super) fn connect_server(&self, server: &SftpOptions) -> Result<Store> {
        let mut server = server.clone();
        if server.key.is_none() && server.password.is_none() {
            server.agent = self.environment.variable("SSH_AUTH_SOCK").map(Into::into);
        }
        Ok(Store::connect_sftp(server)?)
    }

    /// Copies backups to the places, or from a place to the bucket: what is missing there.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such place; what keeps every database from its turn, and
    /// [`Error::Interrupted`]. What goes wrong with one database or place is in the reports.
    pub async fn copy(&self, options: &CopyOptions<'_>, progress: &Progress) -> Result<Vec<CopyReport>> {
        self.check_key("copy a backup")?;
        let from = match options.from {
            Some(name) => {
                let settings = self.config.place(name)?;
                Some(
                    self.interrupt
                        .or(Box::pin(self.connect(settings, self.config.repository)))
                        .await?,
                )
            }
            None => None,
        };
        let source = match &from {
            Some(from) => &from.catalog,
            None => self.catalog().await?,
        };
        let only = match options.backup {
            Some(selector) => Some(self.find(source, selector).await?),
            None => None,
        };
        let labels = match (&only, options.database) {
            (Some(record), _) => vec![record.database.clone()],
            (None, Some(_)) => self.labels(source, options.database).await?,
            // also those that are not configured here
            (None, None) => self.interrupt.or(source.databases()).await?,
        };
        let request = CopyRequest {
            only: only.map(|record| record.id),
            dry_run: options.dry_run,
            by_hand: true,
            clock: self.clock,
            memory: CopyMemory::default(),
        };
        let mut reports = Vec::new();
        if let (Some(from), None) = (&from, options.to) {
            let bucket = self.bucket_as_place(from).await?;
            for label in &labels {
                let work = operation::copy(source, &bucket, label, &request, progress, &self.interrupt);
                reports.push(work.await?);
            }
            return Ok(reports);
        }
        let places = self.chosen_places(options.to)?;
        for label in &labels {
            for place in &places {
                reports.push(self.copy_one(source, place, label, &request, progress).await?);
            }
        }
        Ok(reports)
    }

    /// The bucket as a place that is copied to from another one, whose repository it is to hold and whose rate counts.
    async fn bucket_as_place(&self, from: &CopyPlace) -> Result<CopyPlace> {
        let repository = self.interrupt.or(from.catalog.repository_here()).await?;
        let store = self.store(self.config.store.clone()).await?;
        Ok(CopyPlace {
            name: PlaceName::of_bucket(),
            catalog: Catalog::new(store, self.config.keys_for_reading()?, repository),
            retention: None,
            rate: from.rate.clone(),
        })
    }

    fn chosen_places(&self, name: Option<&str>) -> Result<Vec<&AgentPlace>> {
        match name {
            Some(name) => {
                let found = self.config.place(name)?;
                Ok(self
                    .places
                    .iter()
                    .filter(|place| place.settings.name == found.name)
                    .collect())
            }
            None if self.places.is_empty() => Err(super::usage(
                "no place beside the bucket is configured",
                "set PGCOFFER_COPY_<NAME>_URL to s3://bucket/prefix, sftp://user@host/path or file:///path/to/folder",
            )),
            None => Ok(self.places.iter().collect()),
        }
    }

    async fn copy_one(
        &self,
        source: &Catalog,
        place: &AgentPlace,
        label: &Label,
        request: &CopyRequest,
        progress: &Progress,
    ) -> Result<CopyReport> {
        match self.place(place, source).await {
            Ok(connected) => {
                let copied = operation::copy(source, connected, label, request, progress, &self.interrupt).await?;
                if copied.failure.is_none() {
                    place.silence.end();
                }
                Ok(copied)
            }
            Err(error @ Error::Interrupted { .. }) => Err(error),
            Err(error) => Ok(CopyReport::of_failure(place.name(), label, Failure::from(&error))),
        }
    }

    /// Copies what is missing of one database to every place, as `tick`, `backup` and `serve` do after a backup, and
    /// notifies people of places that are behind. `seen`: how the database stands, which is brought up to date. In
    /// drop-box mode nothing is copied: see [`Agent::places_beside`].
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone: a place that is down fails no backup.
    pub(crate) async fn copy_after_backup(
        &self,
        source: &Catalog,
        label: &Label,
        seen: Option<&mut Health>,
        progress: &Progress,
    ) -> Result<Vec<CopyReport>> {
        if self.places.is_empty() || self.config.keys().are_catalog_keys() || source.store().writes_only() {
            return Ok(Vec::new());
        }
        let reports = self.copy_to_places(source, label, progress).await?;
        reports.iter().for_each(log);
        let places = match self.places_of(source, label).await {
            Ok(places) => places,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(database = %label, "how the places stand can't be seen: {error}");
                return Ok(reports);
            }
        };
        let newest = event::newest_good(seen.as_deref());
        let mut health = CopiesHealth {
            places,
            copies_min: self.copies_min(),
        };
        self.tell_of_copies(source, label, newest, &mut health, &reports).await;
        self.remember_places(label, &health.places);
        if let Some(seen) = seen {
            self.add_places(seen, health.places);
        }
        Ok(reports)
    }

    /// Copies what is missing of each database of a tick, whose backups are made by then, and adds what became of it to
    /// the report.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(super) async fn copy_what_was_made(
        &self,
        source: &Catalog,
        ticked: &mut TickReport,
        beside: &PlacesBeside,
        prune: bool,
        progress: &Progress,
    ) -> Result<()> {
        for database in &mut ticked.databases {
            let label = database.database.clone();
            if source.store().writes_only() {
                ticked.copies.extend(self.streamed(database, beside).await);
                continue;
            }
            if prune {
                self.prune_copies(source, &label).await?;
            }
            let copied = self.copy_after_backup(source, &label, database.health.as_mut(), progress);
            ticked.copies.extend(copied.await?);
        }
        Ok(())
    }

    /// What became of the places that got the backup of a turn in drop-box mode while it was dumped.
    pub(crate) async fn streamed(&self, turn: &mut DatabaseTick, beside: &PlacesBeside) -> Vec<CopyReport> {
        let BackupOutcome::Done { copies, .. } = &mut turn.backup else {
            return Vec::new();
        };
        let reports = beside.reports(&turn.database, std::mem::take(copies));
        self.say_streamed(&turn.database, &reports).await;
        reports
    }

    /// Logs what became of the places that got a backup while it was dumped, and notifies people.
    pub(super) async fn say_streamed(&self, label: &Label, reports: &[CopyReport]) {
        reports.iter().for_each(log);
        self.tell_of_streamed(label, reports).await;
    }

    /// Whether there are places that copies are brought to from here.
    pub(crate) fn has_places(&self) -> bool {
        !self.places.is_empty()
    }

    /// Copies to all places at the same time, so that a slow one doesn't hold up another, as far as memory allows it.
    async fn copy_to_places(&self, source: &Catalog, label: &Label, progress: &Progress) -> Result<Vec<CopyReport>> {
        let request = CopyRequest {
            only: None,
            dry_run: false,
            by_hand: false,
            clock: self.clock,
            memory: CopyMemory::default(),
        };
        // what is shown is of the first one: two at once would make one number of two
        let unseen = Progress::default();
        let mut copies = Vec::new();
        for (n, place) in self.places.iter().enumerate() {
            let progress = if n == 0 { progress } else { &unseen };
            copies.push(self.copy_one(source, place, label, &request, progress));
        }
        // each ends by itself, also where another was interrupted: so none leaves behind what it had begun to tidy up
        join_all(copies).await.into_iter().collect()
    }

    /// Brings what was decided about a backup to its copies. A place that can't be reached is warned of: the next copy
    /// brings it there.
    pub(super) async fn decide_in_places(&self, source: &Catalog, record: &Record) {
        for place in &self.places {
            let brought = async {
                let place = self.place(place, source).await?;
                operation::copy_decisions(source, place, record).await
            };
            if let Err(error) = brought.await {
                let name = place.name();
                tracing::warn!(id = %record.id, "not noted in {name}, until the next copy: {error}");
            }
        }
    }
}

fn log(report: &CopyReport) {
    let (database, place) = (&report.database, &report.place);
    match report.first_failure() {
        None if report.copied.is_empty() => {}
        None => tracing::info!(%database, %place, "copied: {}", report.copied.len()),
        Some((id, failure)) => {
            let hint = failure.hint.as_ref().map(ToString::to_string);
            let id = id.map_or_else(|| "nothing".to_owned(), |id| format!("{id} is not"));
            tracing::warn!(%database, hint, "{id} copied to {place}: {}", failure.error);
        }
    }
}

/// Whether two stores are the same bucket and prefix of one service.
fn is_same_place(one: &Store, other: &Store) -> bool {
    let address = |store: &Store| store.s3().and_then(|s3| s3.address());
    one.location() == other.location() && address(one) == address(other)
}
