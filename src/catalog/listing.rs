use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use futures_util::{StreamExt as _, stream};

use super::{
    Catalog, Doubt, OtherRepository, READS_AT_ONCE,
    entries::Entry,
    look::{Look, Shown, unsure},
    reads_at_once,
};
use crate::{
    anomaly::{self, Marked, Measure},
    backup::{BackupId, Hold, Label, Mark, Record},
    error::{Error, Result},
    store::Kind,
};

/// The most archives whose entity tag is another than that of the upload that one listing looks at: the newest ones.
const OTHER_TAGS_LOOKED_AT: usize = 100;

/// What a place holds. The records' compression indexes are left out.
#[derive(Debug, Default)]
pub struct Listing {
    /// the newest records, newest first
    pub records: Vec<Record>,
    /// of each database its newest run and its newest good one, where they are not among `records`
    pub beside: Vec<Record>,
    /// records that can't be read with our keys: their key in the bucket, and why
    pub unreadable: Vec<(String, Error)>,
    /// how many older records there are that were not read
    pub more: usize,
    /// when it was looked, by the bucket's clock where it tells the time: one's own may be behind
    pub seen: Timestamp,
    /// of each database, records whose names no key at hand has made
    pub others: BTreeMap<Label, usize>,
    /// of each database, records of other repositories under a key that counts here
    pub other_repositories: BTreeMap<Label, Vec<OtherRepository>>,
    /// whose those are, as far as one of them tells; or whose the place is, where there is nothing else
    pub stranger: Option<Error>,
    doubts: BTreeMap<BackupId, Doubt>,
    keys: BTreeMap<BackupId, String>,
    classes: BTreeMap<BackupId, String>,
    marks: BTreeMap<BackupId, Mark>,
    suspicious: BTreeSet<BackupId>,
}

impl Listing {
    /// Whether a record is that of a good backup whose archive stands where it should, as far as it was looked at.
    #[must_use]
    pub fn is_good(&self, record: &Record) -> bool {
        record.is_good() && !self.doubts.contains_key(&record.id)
    }

    /// Why the archive of a good record can't be counted on.
    #[must_use]
    pub fn doubt(&self, record: &Record) -> Option<&Doubt> {
        self.doubts.get(&record.id)
    }

    /// The key that made a backup: `key 0123456789abcdef` or `a passphrase`.
    #[must_use]
    pub fn key(&self, record: &Record) -> Option<&str> {
        self.keys.get(&record.id).map(String::as_str)
    }

    /// Who holds a backup and why, where somebody does.
    #[must_use]
    pub fn hold(&self, record: &Record) -> Option<&Hold> {
        self.marks
            .get(&record.id)
            .and_then(|mark| mark.hold.as_ref())
    }

    /// The storage class of a backup's archive, where the service told it.
    #[must_use]
    pub fn class(&self, record: &Record) -> Option<&str> {
        self.classes.get(&record.id).map(String::as_str)
    }

    /// Whether a backup looks wrong beside those before it, and nobody has accepted it, nor have those after it agreed.
    #[must_use]
    pub fn is_suspicious(&self, record: &Record) -> bool {
        self.suspicious.contains(&record.id)
    }

    /// The newest good backup of a database, and its newest run. One whose archive is another object than was uploaded is the
    /// newest good one where there is no other. What was dated by a clock that was ahead is neither, unless
    /// there is nothing else.
    #[must_use]
    pub fn newest(&self, label: &Label, now: Timestamp) -> (Option<&Record>, Option<&Record>) {
        let of_label = || {
            let all = self.records.iter().chain(&self.beside);
            all.filter(|record| record.database == *label)
        };
        let may_be_good =
            |record: &Record| record.is_good() && self.doubt(record).is_none_or(Doubt::is_open);
        let good = of_label().filter(|record| may_be_good(record));
        let is_sure = |record: &Record| self.is_good(record) || !record.is_good();
        let rank = |record: &Record| (!record.is_ahead(now), is_sure(record), record.id.clone());
        let newest_of_all = |a: &&Record, b: &&Record| {
            let rank = |record: &Record| (!record.is_ahead(now), record.id.clone());
            rank(a).cmp(&rank(b))
        };
        let newest = |a: &&Record, b: &&Record| rank(a).cmp(&rank(b));
        (good.max_by(newest), of_label().max_by(newest_of_all))
    }

    /// The records of other repositories, with the database in whose folder they stand.
    pub fn of_other_repositories(&self) -> impl Iterator<Item = (&Label, &OtherRepository)> {
        let all = self.other_repositories.iter();
        all.flat_map(|(label, others)| others.iter().map(move |other| (label, other)))
    }

    /// How many records of a database none of the keys opens.
    #[must_use]
    pub fn unreadable_of(&self, label: &Label) -> usize {
        let folder = format!("/{label}/records/");
        let keys = self.unreadable.iter().map(|(key, _)| format!("/{key}"));
        keys.filter(|key| key.contains(&folder)).count()
    }

    /// Says which of the marked backups are suspicious, from all that were read.
    fn judge(&mut self) {
        let read = || self.records.iter().chain(&self.beside);
        let labels: BTreeSet<&Label> = read()
            .filter(|record| !record.suspicious.is_empty())
            .map(|record| &record.database)
            .collect();
        let of = |label: &Label| {
            let good = read().filter(|record| record.database == *label && self.is_good(record));
            let history: Vec<Marked> = good.map(|record| self.marked(record)).collect();
            let suspicious = anomaly::standing(&history).into_iter().cloned();
            suspicious.collect::<Vec<_>>()
        };
        self.suspicious = labels.into_iter().flat_map(of).collect();
    }

    fn marked(&self, record: &Record) -> Marked {
        let mark = self.marks.get(&record.id);
        Marked {
            id: record.id.clone(),
            started: record.started,
            measure: Measure::from(record),
            marked: !record.suspicious.is_empty(),
            accepted: mark.is_some_and(|mark| mark.accepted.is_some()),
        }
    }

    fn take(&mut self, entry: &Entry, mut record: Record, doubt: Option<Doubt>, beside: bool) {
        if let Some(sealed) = &mut record.sealed {
            sealed.compression.chunks = Vec::new();
        }
        let class = entry
            .archive(&record)
            .and_then(|object| object.storage_class.clone());
        if let Some(class) = class {
            self.classes.insert(record.id.clone(), class);
        }
        if let Some(doubt) = doubt {
            self.doubts.insert(record.id.clone(), doubt);
        }
        self.keys.insert(record.id.clone(), entry.key.clone());
        if beside {
            self.beside.push(record);
        } else {
            self.records.push(record);
        }
    }
}

impl Catalog {
    /// The newest `count_max` records of one database or of all; and beside them, of each database, its newest run and its
    /// newest good backup, however old.
    ///
    /// # Errors
    /// What the bucket refuses. A record that can't be read is no error here: see [`Listing::unreadable`].
    pub async fn list(
        &self,
        database: Option<&Label>,
        count_max: usize,
        now: Timestamp,
    ) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut entries = self.entries(database, Some(&mut listing)).await?;
        if entries.is_empty() && listing.stranger.is_none() {
            listing.stranger = self.of_others().await?;
        }
        let now = self.store.service_time().unwrap_or(now);
        let older = entries.split_off(entries.len().min(count_max));
        (listing.more, listing.seen) = (older.len(), now);
        self.open_into(&mut listing, &entries, false).await?;
        let mut by_label: BTreeMap<&Label, Vec<Entry>> = BTreeMap::new();
        for entry in &older {
            by_label
                .entry(&entry.database)
                .or_default()
                .push(entry.clone());
        }
        for (label, older) in by_label {
            self.look_behind(&mut listing, label, &older, now).await?;
        }
        listing.judge();
        Ok(listing)
    }

    /// Opens older records of one database until its newest run and a good one are known.
    async fn look_behind(
        &self,
        listing: &mut Listing,
        label: &Label,
        older: &[Entry],
        now: Timestamp,
    ) -> Result<()> {
        for some in older.chunks(READS_AT_ONCE) {
            if matches!(listing.newest(label, now), (Some(_), Some(_))) {
                break;
            }
            self.open_into(listing, some, true).await?;
        }
        // what was opened only on the way tells nobody anything
        let (good, last) = listing.newest(label, now);
        let kept: Vec<BackupId> = [good, last]
            .into_iter()
            .flatten()
            .map(|r| r.id.clone())
            .collect();
        listing
            .beside
            .retain(|record| record.database != *label || kept.contains(&record.id));
        Ok(())
    }

    async fn open_into(
        &self,
        listing: &mut Listing,
        entries: &[Entry],
        beside: bool,
    ) -> Result<()> {
        let width = reads_at_once(entries.iter().map(|entry| entry.bytes).max());
        let mut opened = stream::iter(entries)
            .map(|entry| async move { (entry, self.open_with_mark_of(entry).await) })
            .buffered(width);
        let mut looks = 0;
        while let Some((entry, result)) = opened.next().await {
            let (record, mark) = match result {
                Ok(opened) => opened,
                Err(Error::Store(error)) if is_of_the_whole(error.kind) => return Err(error.into()),
                Err(error) => {
                    let key = self.record_key(&entry.database, &entry.id);
                    listing.unreadable.push((key, error));
                    continue;
                }
            };
            let mark = match mark {
                Ok(mark) => mark,
                Err(error) => {
                    let key = self.mark_key(&entry.database, &entry.id);
                    listing.unreadable.push((key, error));
                    None
                }
            };
            let doubt = self
                .doubt(entry, &record, mark.as_ref(), &mut looks)
                .await?;
            let mark = mark.map(|mark| (entry.id.clone(), mark));
            listing.marks.extend(mark);
            listing.take(entry, record, doubt, beside);
        }
        Ok(())
    }

    async fn open_with_mark_of(&self, entry: &Entry) -> Result<(Record, Result<Option<Mark>>)> {
        self.open_with_mark(&entry.database, &entry.id, entry.mark.as_ref())
            .await
    }

    /// Why a good record's archive can't be counted on: by the listing, and by a look at the first ones that are other objects
    /// than what was uploaded.
    async fn doubt(
        &self,
        entry: &Entry,
        record: &Record,
        mark: Option<&Mark>,
        looks: &mut usize,
    ) -> Result<Option<Doubt>> {
        let archive = entry.archive(record);
        if !record.is_good() {
            return Ok(None);
        }
        if let Shown::Doubted(doubt) = Shown::of(record, archive) {
            return Ok(Some(doubt));
        }
        match (unsure(record, archive, mark), archive) {
            (Some(Doubt::Another), Some(object)) if *looks < OTHER_TAGS_LOOKED_AT => {
                *looks += 1;
                match self.look_at(record, object).await? {
                    Look::Doubted(doubt) => Ok(Some(doubt)),
                    Look::Opens | Look::Cold => Ok(Some(Doubt::Another)),
                }
            }
            (unsure, _) => Ok(unsure),
        }
    }

    /// Opens a record that is chosen, and says why its archive can't be counted on.
    pub(super) async fn open_chosen(&self, entry: &Entry) -> Result<(Record, Option<Doubt>)> {
        let (record, mark) = self.open_with_mark_of(entry).await?;
        // one that can't be read says nothing of the backup
        let mark = mark.ok().flatten();
        let doubt = self.doubt(entry, &record, mark.as_ref(), &mut 0).await?;
        Ok((record, doubt))
    }
}

/// Whether an error says that nothing can be read here, rather than that this one object can't.
pub(super) fn is_of_the_whole(kind: Kind) -> bool {
    kind.is_passing() || kind.is_of_all_requests()
}
