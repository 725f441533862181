//! What a place contains, for users: the newest runs of one database or of all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Catalog, CatalogEntry, ListedCopies, ListedDrills, ListedRuns, NearbyPlace, OtherRepository, READS_AT_ONCE,
    databases::DatabaseNames, listed_runs::folded, trust,
};
use crate::{
    backup::{BackupId, Label, Record, Status},
    error::{Error, Result},
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
    /// What drills have shown, once that was looked for.
    pub drills: ListedDrills,
    /// Which other places hold them, once that was looked for.
    pub copies: ListedCopies,
    /// Whose those records are, as far as one of them shows; or whose the place is, if there is nothing else.
    pub stranger: Option<Error>,
    /// Where else there are backups, if there are none here: looked for by who asks for a listing.
    pub elsewhere: Vec<NearbyPlace>,
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

    /// The runs that are shown, newest first: each by itself, or those of one database that failed one after the other
    /// together.
    #[must_use]
    pub fn lines(&self, runs: ListedRuns) -> Vec<Vec<&CatalogEntry>> {
        match runs {
            ListedRuns::Folded => folded(self.entries.iter()),
            ListedRuns::All => self.entries.iter().map(|one| vec![one]).collect(),
            ListedRuns::Good => {
                let good = self.entries.iter().filter(|one| self.counts(one));
                good.map(|one| vec![one]).collect()
            }
        }
    }

    /// Whether it is a good backup of which nothing is doubted and nothing looks wrong.
    fn counts(&self, one: &CatalogEntry) -> bool {
        one.is_sure() && !self.is_suspicious(&one.record)
    }

    /// Leaves in the listing what is shown; what else was opened goes beside it. `older`: what was opened on the way
    /// alone, and is counted already.
    fn choose(&mut self, runs: ListedRuns, count_max: usize, older: &BTreeSet<(&BackupId, &Label)>) {
        let order = |one: &CatalogEntry| (std::cmp::Reverse(one.record.id.clone()), one.record.database.clone());
        self.entries.sort_by_key(order);
        let is_older = |one: &CatalogEntry| older.contains(&(&one.record.id, &one.record.database));
        let (behind, entries) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|one| is_older(one));
        self.beside = behind;
        self.entries = entries;
        let key = |one: &CatalogEntry| (one.record.id.clone(), one.record.database.clone());
        let lines = self.lines(runs);
        let (shown, others) = lines.split_at(count_max.min(lines.len()));
        let shown: BTreeSet<_> = shown.iter().flatten().map(|one| key(one)).collect();
        let others = others.iter().map(Vec::len).sum::<usize>();
        self.more += others;
        let (entries, beside): (Vec<_>, Vec<_>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|one| shown.contains(&key(one)));
        self.entries = entries;
        self.beside.extend(beside);
    }

    /// Of what stands beside the listing only a database's newest run and its newest good one tell anything.
    fn keep_newest_beside(&mut self, label: &Label) {
        let (good, last) = self.newest(label, self.seen);
        let kept: Vec<BackupId> = [good, last]
            .into_iter()
            .flatten()
            .map(|one| one.record.id.clone())
            .collect();
        self.beside
            .retain(|one| one.record.database != *label || kept.contains(&one.record.id));
    }

    /// The ids of the runs that are shown, by database; a database of which none is shown has none.
    #[must_use]
    pub fn ids(&self) -> BTreeMap<Label, Vec<BackupId>> {
        let mut ids: BTreeMap<Label, Vec<BackupId>> = BTreeMap::new();
        for one in &self.beside {
            ids.entry(one.record.database.clone()).or_default();
        }
        for one in &self.entries {
            ids.entry(one.record.database.clone())
                .or_default()
                .push(one.record.id.clone());
        }
        ids
    }

    /// Whether there is no record at all, of whomever.
    #[must_use]
    pub fn knows_nothing(&self) -> bool {
        let own = self.entries.len() + self.beside.len() + self.unreadable.len();
        own + self.others.len() + self.other_repositories.len() == 0
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
    /// The newest `count_max` lines of runs (see [`ListedRuns`]) of one database or of all; and beside them, of each
    /// database, its newest run and its newest good backup, however old.
    ///
    /// Older records are opened as long as fewer lines than that are known.
    ///
    /// # Errors
    /// What the bucket refuses. A record that can't be read is no error here: see [`Listing::unreadable`].
    pub async fn list(
        &self,
        database: Option<&Label>,
        runs: ListedRuns,
        count_max: usize,
        now: Timestamp,
    ) -> Result<Listing> {
        let mut opened_max = count_max;
        loop {
            let (listing, unopened) = self.listed(database, runs, count_max, opened_max, now).await?;
            // which of the good ones look wrong is known only when they were compared
            let is_whole = unopened == 0 || listing.lines(runs).len() >= count_max;
            if runs != ListedRuns::Good || is_whole {
                return Ok(listing);
            }
            opened_max = opened_max.saturating_mul(2).saturating_add(READS_AT_ONCE);
        }
    }

    /// The same, of lines out of the newest `opened_max` at the most, and how many records were not opened. What was
    /// opened before is not read again.
    async fn listed(
        &self,
        database: Option<&Label>,
        runs: ListedRuns,
        count_max: usize,
        opened_max: usize,
        now: Timestamp,
    ) -> Result<(Listing, usize)> {
        let mut listing = Listing::default();
        let all = self.settled_names(database).await?;
        for found in &all {
            self.count_others(&mut listing, found).await;
        }
        let is_empty = all.iter().all(|found| found.names.records.is_empty());
        if is_empty && listing.stranger.is_none() {
            listing.stranger = self.of_others().await?;
        }
        listing.seen = self.store.service_time().unwrap_or(now);
        let ids = newest_first(&all);
        let (opened, rest) = self.open_newest(&mut listing, &all, &ids, runs, opened_max).await?;
        for (index, (found, entries)) in all.iter().zip(opened).enumerate() {
            let older = of_database(rest, index);
            self.assess_database(&mut listing, found, entries, &older).await?;
        }
        let older: BTreeSet<(&BackupId, &Label)> =
            rest.iter().map(|(id, index)| (*id, &all[*index].database)).collect();
        listing.more = older.len();
        listing.choose(runs, count_max, &older);
        for found in &all {
            listing.keep_newest_beside(&found.database);
            self.explain_last(&mut listing, &found.database).await?;
        }
        let unopened = older.len();
        Ok((listing, unopened))
    }

    /// Opens records, newest first, until there are lines enough. Gives those of each database, and the ids that were
    /// not opened.
    async fn open_newest<'a>(
        &self,
        listing: &mut Listing,
        all: &[DatabaseNames],
        ids: &'a [(&'a BackupId, usize)],
        runs: ListedRuns,
        count_max: usize,
    ) -> Result<(Vec<Vec<CatalogEntry>>, &'a [(&'a BackupId, usize)])> {
        let mut opened: Vec<Vec<CatalogEntry>> = all.iter().map(|_| Vec::new()).collect();
        let mut rest = ids;
        while !rest.is_empty() {
            let lines: usize = match runs {
                // a record that can't be read is none the less one of those that were asked for
                ListedRuns::All => ids.len() - rest.len(),
                _ => opened.iter().map(|entries| runs.lines(entries)).sum(),
            };
            let missing = count_max.saturating_sub(lines);
            if missing == 0 {
                break;
            }
            // what the first look did not bring may lie far back
            let at_once = match rest.len() == ids.len() {
                true => missing,
                false => missing.max(READS_AT_ONCE),
            };
            let (some, others) = rest.split_at(at_once.min(rest.len()));
            rest = others;
            for (index, found) in all.iter().enumerate() {
                let entries = self.open_into(listing, found, of_database(some, index)).await?;
                opened[index].extend(entries);
            }
        }
        Ok((opened, rest))
    }

    /// Counts the objects that aren't ours.
    async fn count_others(&self, listing: &mut Listing, found: &DatabaseNames) {
        let (database, names) = (&found.database, &found.names);
        let others = names.others + names.too_late.len();
        if others > 0 {
            listing.others.insert(database.clone(), others);
        }
        if let Some(other) = names.other_repositories.first() {
            if listing.stranger.is_none() {
                let key = self.record_key(database, &other.newest);
                listing.stranger = self.of_other_repository(key, other.repository).await;
            }
            let others = names.other_repositories.clone();
            listing.other_repositories.insert(database.clone(), others);
        }
        if let (None, Some((_, object))) = (&listing.stranger, names.strangers.last_key_value()) {
            listing.stranger = self.whose(database, object).await.err();
        }
    }

    /// Opens what more is needed of one database to judge its runs, and puts all of them into the listing.
    async fn assess_database(
        &self,
        listing: &mut Listing,
        found: &DatabaseNames,
        mut entries: Vec<CatalogEntry>,
        older: &[&BackupId],
    ) -> Result<()> {
        self.look_behind(listing, found, &mut entries, older).await?;
        self.assess(&mut entries).await?;
        listing.suspicious.extend(trust::suspicious(&entries));
        listing.entries.extend(entries);
        Ok(())
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

/// The ids of all databases together, newest first, each with the index of its database.
fn newest_first(all: &[DatabaseNames]) -> Vec<(&BackupId, usize)> {
    let of_one = |(index, found)| {
        let found: &DatabaseNames = found;
        found.newest_first().map(move |id| (id, index))
    };
    let mut ids: Vec<_> = all.iter().enumerate().flat_map(of_one).collect();
    ids.sort_by(|a, b| b.0.cmp(a.0).then_with(|| a.1.cmp(&b.1)));
    ids
}

/// Those ids that are the database's with this index.
fn of_database<'a>(ids: &[(&'a BackupId, usize)], index: usize) -> Vec<&'a BackupId> {
    let own = ids.iter().filter(|(_, of)| *of == index);
    own.map(|(id, _)| *id).collect()
}
