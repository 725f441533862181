//! A place that copies are brought to.

use std::fmt;

use jiff::Timestamp;

use crate::{
    backup::{BackupId, PlaceName, Retention},
    catalog::{Catalog, CatalogEntry},
    pipeline::RateLimit,
};

/// A place that holds copies of the backups: the catalog of its own, and what its settings say. Cheap to clone.
#[derive(Clone)]
pub struct CopyPlace {
    /// Its name.
    pub name: PlaceName,
    /// What is there.
    pub catalog: Catalog,
    /// How long a backup is kept there, in the place of its own retention.
    pub retention: Option<Retention>,
    /// How fast bytes are sent to it and read from it.
    pub rate: RateLimit,
}

impl CopyPlace {
    /// How long a backup is kept there, and when that runs out, where at a fixed moment. What people decided about this
    /// one backup lengthens the retention of a place and never shortens it.
    pub(super) fn kept(&self, one: &CatalogEntry) -> (Retention, Option<Timestamp>) {
        one.kept_in(self.retention)
    }

    /// Whether a good backup belongs there: one whose retention there has run out does only if it is held, or the newest
    /// one there is.
    pub(super) fn wants(&self, one: &CatalogEntry, newest: Option<&BackupId>, now: Timestamp) -> bool {
        let has_run_out = self.kept(one).1.is_some_and(|end| end <= now);
        !has_run_out || one.hold().is_some() || newest == Some(&one.record.id)
    }
}

impl fmt::Debug for CopyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyPlace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
