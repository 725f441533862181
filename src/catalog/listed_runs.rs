//! Which of the runs that were opened a listing shows, and how many lines that makes.

use std::collections::BTreeMap;

use super::CatalogEntry;
use crate::backup::{Label, Status};

/// Which runs a listing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedRuns {
    /// Every run, each by itself.
    All,
    /// Every run; those of one database that failed one after the other count as one.
    Folded,
    /// Good backups alone: none that failed, is doubted or looks suspicious.
    Good,
}

impl ListedRuns {
    /// How many lines these runs of one database make at the most, before anything but their records was looked at.
    pub(super) fn lines(self, entries: &[CatalogEntry]) -> usize {
        match self {
            Self::All => entries.len(),
            Self::Folded => folded(entries.iter()).len(),
            Self::Good => entries.iter().filter(|one| one.record.is_good()).count(),
        }
    }
}

/// The runs, newest first, in groups that are shown as one: each run by itself, but those of one database that failed
/// one after the other together.
pub(super) fn folded<'a>(entries: impl Iterator<Item = &'a CatalogEntry>) -> Vec<Vec<&'a CatalogEntry>> {
    let mut groups: Vec<Vec<&CatalogEntry>> = Vec::new();
    // of each database the group of failures that the next one would join
    let mut failures: BTreeMap<&Label, usize> = BTreeMap::new();
    for one in entries {
        let database = &one.record.database;
        if !matches!(one.record.status, Status::Failed { .. }) {
            failures.remove(database);
            groups.push(vec![one]);
        } else if let Some(group) = failures.get(database).and_then(|index| groups.get_mut(*index)) {
            group.push(one);
        } else {
            failures.insert(database, groups.len());
            groups.push(vec![one]);
        }
    }
    groups
}
