use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use futures_util::{StreamExt as _, stream};

use super::{
    Catalog, Entry, READS_AT_ONCE, SUFFIX, reads_at_once,
    survey::{FOLDERS, parse},
};
use crate::{
    anomaly::{self, Marked, Measure},
    backup::{BackupId, Hold, Label, Mark, Record},
    error::{Error, Result},
    store::Kind,
};

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
    lost: BTreeSet<BackupId>,
    classes: BTreeMap<BackupId, String>,
    marks: BTreeMap<BackupId, Mark>,
    suspicious: BTreeSet<BackupId>,
}

impl Listing {
    /// Whether a record is that of a good backup whose archive stands where it should, as long as it should be.
    #[must_use]
    pub fn is_good(&self, record: &Record) -> bool {
        record.is_good() && !self.lost.contains(&record.id)
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

    /// The newest good backup of a database, and its newest run. What was dated by a clock that was ahead is neither, unless
    /// there is nothing else.
    #[must_use]
    pub fn newest(&self, label: &Label, now: Timestamp) -> (Option<&Record>, Option<&Record>) {
        let of_label = || {
            let all = self.records.iter().chain(&self.beside);
            all.filter(|record| record.database == *label)
        };
        let good = of_label().filter(|record| self.is_good(record));
        let rank = |record: &Record| (!record.is_ahead(now), record.id.clone());
        let newest = |a: &&Record, b: &&Record| rank(a).cmp(&rank(b));
        (good.max_by(newest), of_label().max_by(newest))
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

    fn take(&mut self, entry: &Entry, mut record: Record, beside: bool) {
        let expected = record.sealed.as_mut().map(|sealed| {
            sealed.compression.chunks = Vec::new();
            sealed.bytes
        });
        let archive = entry.archives.iter().find(|(tier, _)| *tier == record.tier);
        let archive = archive.map(|(_, object)| object);
        if let Some(class) = archive.and_then(|object| object.storage_class.clone()) {
            self.classes.insert(record.id.clone(), class);
        }
        if expected.is_some() && archive.map(|object| object.bytes) != expected {
            self.lost.insert(record.id.clone());
        }
        if beside {
            self.beside.push(record);
        } else {
            self.records.push(record);
        }
    }
}

impl Catalog {
    /// The databases that have records here.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn databases(&self) -> Result<Vec<Label>> {
        let folders = self.store.folders(&self.store.location().key("")).await?;
        // anything else below the prefix is somebody else's
        let ours = |name: &String| {
            let label = Label::parse(name).ok()?;
            (label.as_str() == name).then_some(label)
        };
        Ok(folders.iter().filter_map(ours).collect())
    }

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
        let mut entries = self.entries(database).await?;
        let now = self.store.service_time().unwrap_or(now);
        let older = entries.split_off(entries.len().min(count_max));
        let mut listing = Listing {
            more: older.len(),
            seen: now,
            ..Listing::default()
        };
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

    /// Records by name, newest first.
    pub(super) async fn entries(&self, database: Option<&Label>) -> Result<Vec<Entry>> {
        let databases = match database {
            Some(database) => vec![database.clone()],
            None => self.databases().await?,
        };
        let mut entries = Vec::new();
        for database in databases {
            entries.extend(self.entries_of(&database).await?);
        }
        entries.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.database.cmp(&b.database)));
        Ok(entries)
    }

    async fn entries_of(&self, database: &Label) -> Result<Vec<Entry>> {
        let (mut entries, mut archives, mut marks) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for what in FOLDERS {
            let folder = self.store.location().key(&format!("{database}/{what}/"));
            for object in self.store.list(&folder).await? {
                let path = object.key.strip_prefix(&folder);
                let path = path.and_then(|path| path.strip_suffix(SUFFIX));
                match path.and_then(|path| parse(what, path)) {
                    Some((id, Some(tier))) => {
                        archives
                            .entry(id)
                            .or_insert_with(Vec::new)
                            .push((tier, object));
                    }
                    Some((id, None)) if what == "records" => entries.push((id, object.bytes)),
                    Some((id, None)) => {
                        marks.insert(id, object);
                    }
                    None => {}
                }
            }
        }
        let entry = |(id, bytes): (BackupId, u64)| Entry {
            database: database.clone(),
            bytes,
            archives: archives.remove(&id).unwrap_or_default(),
            mark: marks.remove(&id),
            id,
        };
        Ok(entries.into_iter().map(entry).collect())
    }

    async fn open_into(
        &self,
        listing: &mut Listing,
        entries: &[Entry],
        beside: bool,
    ) -> Result<()> {
        let width = reads_at_once(entries.iter().map(|entry| entry.bytes).max());
        let mut opened = stream::iter(entries)
            .map(|entry| async move { (entry, self.open(entry).await, self.mark_of(entry).await) })
            .buffered(width);
        while let Some((entry, result, mark)) = opened.next().await {
            match mark {
                Ok(mark) => listing
                    .marks
                    .extend(mark.map(|mark| (entry.id.clone(), mark))),
                Err(error) => {
                    let key = self.mark_key(&entry.database, &entry.id);
                    listing.unreadable.push((key, error));
                }
            }
            match result {
                Ok(record) => listing.take(entry, record, beside),
                Err(Error::Store(error)) if is_of_the_whole(error.kind) => return Err(error.into()),
                Err(error) => {
                    let key = self.record_key(&entry.database, &entry.id);
                    listing.unreadable.push((key, error));
                }
            }
        }
        Ok(())
    }
}

impl Catalog {
    async fn mark_of(&self, entry: &Entry) -> Result<Option<Mark>> {
        match &entry.mark {
            Some(object) => self
                .open_mark(&entry.database, &entry.id, object)
                .await
                .map(Some),
            None => Ok(None),
        }
    }
}

/// Whether an error says that nothing can be read here, rather than that this one object can't.
pub(super) fn is_of_the_whole(kind: Kind) -> bool {
    kind.is_passing()
        || matches!(
            kind,
            Kind::NoCredentials
                | Kind::WrongCredentials
                | Kind::Denied
                | Kind::NoBucket
                | Kind::WrongRegion
                | Kind::Silent
        )
}
