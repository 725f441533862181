//! All databases at one glance, for the dashboard.

use jiff::Timestamp;

use super::Agent;
use crate::{
    backup::{BackupId, Failure, Label},
    catalog::Catalog,
    error::{Error, Result},
    operation::{self, Health},
};

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
    /// Looks at every database. One that can't be looked at hides none of the others. Writes nothing.
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
        let mut databases = Vec::new();
        for label in self.labels(catalog, None).await? {
            let health = match self.health_with_places(catalog, &label).await {
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                looked => looked.map_err(|error| Failure::from(&error)),
            };
            databases.push(OverviewDatabase { label, health });
        }
        Ok(Overview {
            at: catalog.store().service_time().unwrap_or(now),
            databases,
            not_configured: self.interrupt.or(self.not_configured(catalog)).await?,
            writes_only: false,
        })
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
