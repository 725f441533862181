//! Which places hold the backups in a listing.

use std::collections::BTreeMap;

use crate::{
    backup::{BackupId, PlaceName},
    text::Untrusted,
};

/// Which places beside the bucket hold the backups in a listing.
#[derive(Debug, Default)]
pub struct ListedCopies {
    /// The places that were looked at, in the order of their names.
    pub places: Vec<PlaceName>,
    /// The places that hold each backup of which at least one does.
    pub of_backups: BTreeMap<BackupId, Vec<PlaceName>>,
    /// The places that could not be looked at, and why.
    pub unseen: Vec<(PlaceName, Untrusted)>,
}

impl ListedCopies {
    /// The places that hold this backup.
    #[must_use]
    pub fn of(&self, id: &BackupId) -> &[PlaceName] {
        self.of_backups.get(id).map_or(&[], Vec::as_slice)
    }

    /// Whether there are places beside the bucket.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.places.is_empty() || !self.unseen.is_empty()
    }

    /// How many of how many places hold a backup: `2 of 3`.
    #[must_use]
    pub fn count_of(&self, id: &BackupId) -> String {
        format!("{} of {}", self.of(id).len(), self.places.len() + self.unseen.len())
    }
}
