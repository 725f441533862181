//! The verbs that concern the catalog as a whole: `list`, `prune`, `repository`.

use super::{Agent, archives::no_such_database, connect::parse_label, usage};
use crate::{
    backup::{Failure, Label, PlaceName, Record},
    catalog::{Catalog, ListedRuns, Listing, NearbyPlace},
    error::{Error, Result},
    operation::{self, PruneReport, PruneRequest},
    seal::RepositoryId,
};

/// What a prune is to do.
#[derive(Debug, Clone, Copy)]
pub struct PruneOptions<'a> {
    /// The label of the only database that is pruned; none for all.
    pub database: Option<&'a str>,
    /// Whether only the plan is made.
    pub dry_run: bool,
    /// How many good backups may go though the schedule does not explain it.
    pub confirmed: Option<usize>,
}

/// What a prune came to.
#[derive(Debug)]
pub struct Pruned {
    /// Each database, in order.
    pub reports: Vec<std::result::Result<PruneReport, (Label, Failure)>>,
    /// The first error.
    pub failed: Option<Error>,
    /// What became of the copies in each other place.
    pub places: Vec<PrunedPlace>,
}

/// What a prune of a place beside the bucket came to.
#[derive(Debug)]
pub struct PrunedPlace {
    /// The place.
    pub place: PlaceName,
    /// Each database, in order.
    pub reports: Vec<std::result::Result<PruneReport, (Label, Failure)>>,
}

impl Agent {
    /// Lists the newest `limit` backups, or lines of them.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn list(&self, database: Option<&str>, runs: ListedRuns, limit: usize) -> Result<Listing> {
        let catalog = self.catalog().await?;
        let label = parse_label(database)?;
        let now = self.clock.now();
        let listing = async {
            let mut listing = catalog.list(label.as_ref(), runs, limit, now).await?;
            listing.drills = catalog.list_drills(&listing.ids()).await?;
            listing.unreadable.append(&mut listing.drills.unreadable);
            Ok(listing)
        };
        let mut listing = self.interrupt.or(listing).await?;
        listing.copies = self.copies_of(catalog, &records_of(&listing)).await?;
        if !listing.knows_nothing() {
            return Ok(listing);
        }
        // a name that was mistyped is no database without backups
        let unknown = label.filter(|label| !self.configured().contains(label));
        if let Some(label) = unknown {
            let look = async { Ok(no_such_database(catalog, &label).await) };
            if let Some(error) = self.interrupt.or(look).await? {
                return Err(error);
            }
        }
        listing.elsewhere = self.nearby_places(catalog).await?;
        Ok(listing)
    }

    /// Where else there are backups, if there are none here at all. A hint: what can't be read is passed over.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(super) async fn nearby_places(&self, catalog: &Catalog) -> Result<Vec<NearbyPlace>> {
        self.interrupt.or(async { Ok(catalog.nearby_places().await) }).await
    }

    /// The label of a database, and the configured databases of which something can be expected: it alone, or all.
    ///
    /// # Errors
    /// [`Error::Usage`] where it can't be a label.
    pub fn expected(&self, database: Option<&str>) -> Result<(Option<Label>, Vec<Label>)> {
        let label = parse_label(database)?;
        let mut expected = self.configured();
        expected.retain(|one| label.as_ref().is_none_or(|only| only == one));
        Ok((label, expected))
    }

    /// The repository that the bucket holds.
    ///
    /// # Errors
    /// [`Error::NoSuchBackup`] where there is no backup yet, and what the bucket refuses.
    pub async fn repository(&self) -> Result<RepositoryId> {
        let catalog = self.catalog().await?;
        match self.interrupt.or(catalog.settled_repository()).await? {
            Some(id) => Ok(id),
            None => Err(catalog
                .no_backup_at_all("backup from which the repository could be told")
                .await),
        }
    }

    /// Deletes what its retention says, database by database; one that fails keeps no other from its turn.
    ///
    /// # Errors
    /// What keeps every database from its turn, and [`Error::Interrupted`].
    pub async fn prune(&self, options: PruneOptions<'_>) -> Result<Pruned> {
        let catalog = self.catalog().await?;
        let request = PruneRequest {
            policy: self.retention_policy(),
            dry_run: options.dry_run,
            clock: self.clock,
            confirmed: options.confirmed,
        };
        let labels = self.labels(catalog, options.database).await?;
        let mut failed = None;
        let reports = self.prune_all(catalog, &labels, &request, &mut failed).await?;
        let places = self.prune_places(catalog, &labels, &request, &mut failed).await?;
        // it belongs to no database
        if options.database.is_none() {
            match self.prune_audit(options.dry_run).await {
                Ok(_) => {}
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        if let (Some(name), [Ok(report)]) = (options.database, reports.as_slice())
            && report.is_empty()
            && self.config.database(Some(name)).is_err()
        {
            return Err(usage(
                format!("there is no database {name} here, and none of that name is configured"),
                "`pgcoffer list` shows which databases have backups",
            ));
        }
        if !options.dry_run {
            self.write_metrics(catalog, &[]).await;
        }
        Ok(Pruned {
            reports,
            failed,
            places,
        })
    }

    /// What a prune of this database would delete in the bucket now. Changes nothing.
    ///
    /// # Errors
    /// As [`operation::prune`].
    pub async fn prune_preview(&self, label: &Label) -> Result<PruneReport> {
        let request = PruneRequest {
            policy: self.retention_policy(),
            dry_run: true,
            clock: self.clock,
            confirmed: None,
        };
        operation::prune(self.catalog().await?, label, &request, &self.interrupt).await
    }

    /// Deletes what its retention says in one place, database by database. `failed`: the first error.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    async fn prune_all(
        &self,
        catalog: &Catalog,
        labels: &[Label],
        request: &PruneRequest,
        failed: &mut Option<Error>,
    ) -> Result<Vec<std::result::Result<PruneReport, (Label, Failure)>>> {
        let mut reports = Vec::new();
        for label in labels {
            match operation::prune(catalog, label, request, &self.interrupt).await {
                Ok(report) => reports.push(Ok(report)),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => {
                    reports.push(Err((label.clone(), Failure::from(&error))));
                    failed.get_or_insert(error);
                }
            }
        }
        Ok(reports)
    }

    /// Deletes what has run out of one database in every place, before copies need the room. What can't be deleted is
    /// logged, and keeps nothing else from its turn.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(crate) async fn prune_copies(&self, source: &Catalog, label: &Label) -> Result<()> {
        let request = PruneRequest {
            policy: self.retention_policy(),
            dry_run: false,
            clock: self.clock,
            confirmed: None,
        };
        let labels = std::slice::from_ref(label);
        let pruned = self.prune_places(source, labels, &request, &mut None).await?;
        for place in pruned {
            let name = &place.place;
            for report in &place.reports {
                match report {
                    Ok(report) => {
                        for trouble in report.troubles() {
                            tracing::warn!(database = %label, "not pruned in {name}: {trouble}");
                        }
                    }
                    Err((_, failure)) => {
                        tracing::warn!(database = %label, "nothing was pruned in {name}: {}", failure.error);
                    }
                }
            }
        }
        Ok(())
    }

    /// The same in every place beside the bucket, each by its own retention where it has one.
    async fn prune_places(
        &self,
        source: &Catalog,
        labels: &[Label],
        request: &PruneRequest,
        failed: &mut Option<Error>,
    ) -> Result<Vec<PrunedPlace>> {
        let mut places = Vec::new();
        for place in self.places() {
            let reports = match self.place(place, source).await {
                Ok(connected) => self.prune_all(&connected.catalog, labels, request, failed).await?,
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => {
                    let failure = Failure::from(&error);
                    failed.get_or_insert(error);
                    labels
                        .iter()
                        .map(|label| Err((label.clone(), failure.clone())))
                        .collect()
                }
            };
            places.push(PrunedPlace {
                place: place.name().clone(),
                reports,
            });
        }
        Ok(places)
    }
}

/// The good backups that are shown.
fn records_of(listing: &Listing) -> Vec<&Record> {
    let all = listing.entries.iter().map(|one| &one.record);
    all.filter(|record| record.is_good()).collect()
}
