//! All databases at one glance, for the dashboard.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Agent;
use crate::{
    backup::{BackupId, Failure, Label},
    catalog::Catalog,
    error::{Error, Result},
    operation::{self, Health},
    store::Kind,
};

/// After so many databases that can't be looked at, and none that can, the bucket counts as away.
const TRIED_AWAY: usize = 3;

/// All databases at one glance, as they stand in the bucket now.
#[derive(Debug)]
pub struct Overview {
    /// When they were looked at, by the bucket's clock if that is known.
    pub at: Timestamp,
    /// The databases that are configured; where none is, those in the bucket.
    pub databases: Vec<OverviewDatabase>,
    /// Databases with backups in the bucket that are not configured here, each with its newest backup.
    pub not_configured: Vec<(Label, BackupId)>,
    /// Whether nothing can be seen, as the credentials may only write.
    pub writes_only: bool,
}

/// One database at one glance.
#[derive(Debug)]
pub struct OverviewDatabase {
    /// Its label.
    pub label: Label,
    /// Its health, or why that could not be seen.
    pub health: std::result::Result<Health, Failure>,
}

impl Agent {
    /// Looks at every database. One that can't be looked at hides none of the others; where none can, as the bucket is
    /// away, that is the answer, and not one for each of them. Writes nothing.
    ///
    /// # Errors
    /// What keeps every database from being looked at, and [`Error::Interrupted`].
    pub async fn overview(&self) -> Result<Overview> {
        let catalog = self.catalog().await?;
        if catalog.store().writes_only() {
            return Ok(Overview {
                at: self.clock.now(),
                databases: Vec::new(),
                not_configured: Vec::new(),
                writes_only: true,
            });
        }
        let now = self.clock.now();
        let (mut databases, mut refused) = (Vec::new(), Vec::new());
        for label in self.labels(catalog, None).await? {
            let health = match self.health_with_places(catalog, &label).await {
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                looked => looked.map_err(|error| {
                    let failure = Failure::from(&error);
                    refused.push(error);
                    failure
                }),
            };
            databases.push(OverviewDatabase { label, health });
            // further ones would only take as long again
            if refused.len() == TRIED_AWAY && is_away(&refused, databases.len()) {
                break;
            }
        }
        if is_away(&refused, databases.len()) {
            return Err(refused.swap_remove(0));
        }
        Ok(Overview {
            at: catalog.store().service_time().unwrap_or(now),
            databases,
            not_configured: self.interrupt.or(self.not_configured(catalog)).await?,
            writes_only: false,
        })
    }

    /// The databases that the settings name or the bucket has; none where the bucket's folders may not be listed.
    ///
    /// # Errors
    /// What keeps every database from being looked at, and [`Error::Interrupted`].
    pub(crate) async fn known_labels(&self) -> Result<Option<BTreeSet<Label>>> {
        let catalog = self.catalog().await?;
        if catalog.store().writes_only() {
            return Ok(None);
        }
        let there = match self.interrupt.or(catalog.databases()).await {
            Ok(there) => there,
            Err(Error::Store(error)) if error.kind == Kind::Denied => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(there.into_iter().chain(self.configured()).collect()))
    }

    /// The health of one database by its schedule, with the places that hold copies.
    ///
    /// # Errors
    /// What the bucket refuses, and [`Error::Interrupted`].
    pub async fn health_of(&self, label: &Label) -> Result<Health> {
        self.health_with_places(self.catalog().await?, label).await
    }

    pub(super) async fn health_with_places(&self, catalog: &Catalog, label: &Label) -> Result<Health> {
        let expected = self.expected_of(label);
        let look = operation::status(catalog, label, expected.borrowed(), self.clock.now());
        let mut health = self.interrupt.or(look).await?;
        let places = self.places_of(catalog, label).await?;
        self.add_places(&mut health, places);
        Ok(health)
    }
}

/// Whether none of so many databases could be looked at, for something that concerns the whole bucket.
fn is_away(refused: &[Error], looked_at: usize) -> bool {
    let is_of_bucket = |error: &Error| matches!(error, Error::Store(error) if error.kind.is_of_all_objects());
    !refused.is_empty() && refused.len() == looked_at && refused.iter().all(is_of_bucket)
}
