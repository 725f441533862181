//! What a place contains, for users: the newest runs of one database or of all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Catalog, CatalogEntry, OtherRepository, READS_AT_ONCE, databases::DatabaseNames, trust};
use crate::{
    backup::{BackupId, Label, Record, Status},
    error::{Error, Result},
    seal,
};

/// What a place contains.
#[derive(Debug, Default)]
pub struct Listing {
    /// The newest runs, newest first.
    pub entries: Vec<CatalogEntry>,
    /// The newest run and the newest good run of each database, if they are not among `entries`.
    pub beside: Vec<CatalogEntry>,
    /// The keys of records and marks that can't be read, and why.
    pub unreadable: Vec<(String, Error)>,
    /// The number of older records that were not read.
    pub more: usize,
    /// The time of the listing, by the bucket's clock if that is known, since this machine's may be behind.
    pub seen: Timestamp,
    /// For each database, the number of records whose names were made by no key that is configured here.
    pub others: BTreeMap<Label, usize>,
    /// For each database, records of other repositories under a key that is valid here.
    pub other_repositories: BTreeMap<Label, Vec<OtherRepository>>,
    /// Whose those records are, as far as one of them shows; or whose the place is, if there is nothing else.
    pub stranger: Option<Error>,
    suspicious: BTreeSet<BackupId>,
}

impl Listing {
    /// Whether a backup looks wrong compared with those before it, no user has accepted it, and those after it don't
    /// agree with it.
    #[must_use]
    pub fn is_suspicious(&self, record: &Record) -> bool {
        self.suspicious.contains(&record.id)
    }

    /// The newest good backup of a database, and its newest run. A backup whose archive is another object than was
    /// uploaded counts only if there is no other. A run dated by a clock that was ahead counts only if there is nothing
    /// else.
    #[must_use]
    pub fn newest(&self, label: &Label, now: Timestamp) -> (Option<&CatalogEntry>, Option<&CatalogEntry>) {
        let of_label = || {
            let all = self.entries.iter().chain(&self.beside);
            all.filter(|one| one.record.database == *label)
        };
        let is_sure = |one: &CatalogEntry| one.is_sure() || !one.record.is_good();
        let in_time = |one: &CatalogEntry| !one.record.is_ahead(now);
        let good = of_label().filter(|one| one.may_be_good());
        (
            good.max_by_key(|one| (in_time(one), is_sure(one), one.record.id.clone())),
            of_label().max_by_key(|one| (in_time(one), one.record.id.clone())),
        )
    }

    /// The records of other repositories, with the database in whose folder they are.
    pub fn of_other_repositories(&self) -> impl Iterator<Item = (&Label, &OtherRepository)> {
        let all = self.other_repositories.iter();
        all.flat_map(|(label, others)| others.iter().map(move |other| (label, other)))
    }

    /// The number of records of a database that none of the keys opens.
    #[must_use]
    pub fn unreadable_of(&self, label: &Label) -> usize {
        let folder = format!("/{label}/records/");
        let keys = self.unreadable.iter().map(|(key, _)| format!("/{key}"));
        keys.filter(|key| key.contains(&folder)).count()
    }
}

impl Catalog {
    /// The newest `count_max` runs of one database or of all, and for each database its newest run and its newest good
    /// backup, however old.
    ///
    /// # Errors
    /// Any error of the bucket. A record that can't be read is no error here: see [`Listing::unreadable`].
    pub async fn list(&self, database: Option<&Label>, count_max: usize, now: Timestamp) -> Result<Listing> {
        let mut listing = Listing::default();
        let all = self.settled_names(database).await?;
        for found in &all {
            self.count_others(&mut listing, found).await;
        }
        let is_empty = all.iter().all(|found| found.names.records.is_empty());
        if is_empty && listing.stranger.is_none() {
            listing.stranger = self.of_others().await?;
        }
        let now = self.store.service_time().unwrap_or(now);
        let newest = newest_of_all(&all, count_max);
        listing.seen = now;
        for found in &all {
            let ids: Vec<&BackupId> = found.newest_first().collect();
            let is_listed = |id: &&BackupId| newest.contains(&(*id, &found.database));
            let (listed, older): (Vec<_>, Vec<_>) = ids.into_iter().partition(is_listed);
            listing.more += older.len();
            self.list_database(&mut listing, found, listed, older).await?;
        }
        let order = |one: &CatalogEntry| (std::cmp::Reverse(one.record.id.clone()), one.record.database.clone());
        listing.entries.sort_by_key(order);
        Ok(listing)
    }

    /// Counts the objects that aren't ours.
    async fn count_others(&self, listing: &mut Listing, found: &DatabaseNames) {
        let (database, names) = (&found.database, &found.names);
        let others = names.others + names.too_late.len();
        if others > 0 {
            listing.others.insert(database.clone(), others);
        }
        if let Some(other) = names.other_repositories.first() {
            if listing.stranger.is_none()
                && let Ok(here) = self.repository().await
            {
                let key = self.record_key(database, &other.newest);
                let found = other.repository;
                let source = seal::Error::OtherRepository { found, here };
                listing.stranger = Some(Error::seal(key, source));
            }
            let others = names.other_repositories.clone();
            listing.other_repositories.insert(database.clone(), others);
        }
        if let (None, Some((_, object))) = (&listing.stranger, names.strangers.last_key_value()) {
            listing.stranger = self.whose(database, object).await.err();
        }
    }

    async fn list_database(
        &self,
        listing: &mut Listing,
        found: &DatabaseNames,
        listed: Vec<&BackupId>,
        older: Vec<&BackupId>,
    ) -> Result<()> {
        let shown = listed.len();
        let mut entries = self.open_into(listing, found, listed).await?;
        let shown = entries.len().min(shown);
        self.look_behind(listing, found, &mut entries, &older).await?;
        self.assess(&mut entries).await?;
        listing.suspicious.extend(trust::suspicious(&entries));
        let beside = entries.split_off(shown);
        listing.entries.extend(entries);
        listing.beside.extend(beside);
        // drop entries that were only opened in the search
        let (good, last) = listing.newest(&found.database, listing.seen);
        let kept: Vec<BackupId> = [good, last]
            .into_iter()
            .flatten()
            .map(|one| one.record.id.clone())
            .collect();
        let is_kept = |one: &CatalogEntry| one.record.database != found.database || kept.contains(&one.record.id);
        listing.beside.retain(is_kept);
        self.explain_last(listing, &found.database).await
    }

    /// Opens older records of one database until its newest run and its newest good one are known.
    async fn look_behind(
        &self,
        listing: &mut Listing,
        found: &DatabaseNames,
        entries: &mut Vec<CatalogEntry>,
        older: &[&BackupId],
    ) -> Result<()> {
        for some in older.chunks(READS_AT_ONCE) {
            if entries.iter().any(CatalogEntry::may_be_good) {
                break;
            }
            let opened = self.open_into(listing, found, some.to_vec()).await?;
            entries.extend(opened);
        }
        Ok(())
    }

    async fn open_into(
        &self,
        listing: &mut Listing,
        found: &DatabaseNames,
        ids: Vec<&BackupId>,
    ) -> Result<Vec<CatalogEntry>> {
        let opened = self.open_some(found, ids).await?;
        listing.unreadable.extend(opened.unreadable);
        let mut entries = opened.entries;
        for one in &mut entries {
            if let Some(fault) = one.mark_fault.take() {
                let key = self.mark_key(&found.database, &one.record.id);
                listing.unreadable.push((key, fault));
            }
        }
        self.check_other_tags(&mut entries).await?;
        Ok(entries)
    }

    /// Reads why the last run of a database failed, if it did.
    async fn explain_last(&self, listing: &mut Listing, label: &Label) -> Result<()> {
        let (_, last) = listing.newest(label, listing.seen);
        let is_failed = |one: &&CatalogEntry| matches!(one.record.status, Status::Failed { .. });
        let Some(record) = last.filter(is_failed).map(|one| one.record.clone()) else {
            return Ok(());
        };
        let failure = self.failure(&record).await?;
        let mut all = listing.entries.iter_mut().chain(&mut listing.beside);
        let last = all.find(|one| one.record.id == record.id && one.record.database == *label);
        if let Some(last) = last {
            last.failure = failure;
        }
        Ok(())
    }
}

/// The newest ids of all databases together, each with its database.
fn newest_of_all(all: &[DatabaseNames], count_max: usize) -> BTreeSet<(&BackupId, &Label)> {
    let ids = |found| {
        let found: &DatabaseNames = found;
        found.newest_first().map(|id| (id, &found.database))
    };
    let mut ids: Vec<_> = all.iter().flat_map(ids).collect();
    ids.sort_by(|a, b| b.0.cmp(a.0).then_with(|| a.1.cmp(b.1)));
    ids.truncate(count_max);
    ids.into_iter().collect()
}
