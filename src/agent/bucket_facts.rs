//! What stands in the bucket, for a set-up that may have no key yet.

use serde::Serialize;

use super::Agent;
use crate::{
    backup::Label,
    catalog::{NearbyPlace, SealedPlace},
    error::Result,
};

/// What is in the bucket, without any verdict on the backups.
#[derive(Debug, Default, Serialize)]
pub struct BucketFacts {
    /// The databases that have backups there.
    pub databases: Vec<Label>,
    /// The repository, as a header says.
    pub repository: Option<String>,
    /// What the backups are sealed for, as a header says: `key 0123456789abcdef`.
    pub sealed_for: Vec<String>,
    /// Whether a key that is set opens what is there.
    pub opens: bool,
    /// Where else there are backups, if there are none there.
    pub elsewhere: Vec<NearbyPlace>,
}

impl Agent {
    /// Looks at the bucket, with the keys that are set or without any.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn bucket_facts(&self) -> Result<BucketFacts> {
        let Some(catalog) = self.catalog_to_try().await? else {
            return Ok(BucketFacts::default());
        };
        let look = async {
            let databases = catalog.databases().await?;
            let found: Option<SealedPlace> = catalog.sealed_place().await?;
            let opens = match (&found, self.config.keys().secrets().is_empty()) {
                (Some(_), false) => catalog.opens_here().await?,
                _ => false,
            };
            let elsewhere = match databases.is_empty() && found.is_none() {
                true => catalog.nearby_places().await,
                false => Vec::new(),
            };
            Ok(BucketFacts {
                databases,
                repository: found.as_ref().map(|found| found.repository.to_string()),
                sealed_for: found.map(|found| found.sealed_for).unwrap_or_default(),
                opens,
                elsewhere,
            })
        };
        self.interrupt.or(look).await
    }
}
