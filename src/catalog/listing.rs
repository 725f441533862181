use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::{Catalog, Entry, SUFFIX};
use crate::{
    backup::{BackupId, Label, Record, Tier},
    error::{Error, Result},
    store::Kind,
};

/// Records read at once when many are wanted.
const READS_AT_ONCE: usize = 8;

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
    lost: BTreeSet<BackupId>,
}

impl Listing {
    /// Whether a record is that of a good backup whose archive stands where it should, as long as it should be.
    #[must_use]
    pub fn is_good(&self, record: &Record) -> bool {
        record.is_good() && !self.lost.contains(&record.id)
    }

    /// The newest good backup of a database, and its newest run.
    #[must_use]
    pub fn newest(&self, label: &Label) -> (Option<&Record>, Option<&Record>) {
        let of_label = || {
            let all = self.records.iter().chain(&self.beside);
            all.filter(|record| record.database == *label)
        };
        let good = of_label().filter(|record| self.is_good(record));
        let newest = |a: &&Record, b: &&Record| a.id.cmp(&b.id);
        (good.max_by(newest), of_label().max_by(newest))
    }

    fn take(&mut self, entry: &Entry, mut record: Record, beside: bool) {
        let expected = record.sealed.as_mut().map(|sealed| {
            sealed.compression.chunks = Vec::new();
            sealed.bytes
        });
        if expected.is_some() && entry.archive != expected.map(|bytes| (record.tier, bytes)) {
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
    pub async fn list(&self, database: Option<&Label>, count_max: usize) -> Result<Listing> {
        let mut entries = self.entries(database).await?;
        let older = entries.split_off(entries.len().min(count_max));
        let mut listing = Listing {
            more: older.len(),
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
            self.look_behind(&mut listing, label, &older).await?;
        }
        Ok(listing)
    }

    /// Opens older records of one database until its newest run and a good one are known.
    async fn look_behind(
        &self,
        listing: &mut Listing,
        label: &Label,
        older: &[Entry],
    ) -> Result<()> {
        for some in older.chunks(READS_AT_ONCE) {
            if matches!(listing.newest(label), (Some(_), Some(_))) {
                break;
            }
            self.open_into(listing, some, true).await?;
        }
        // what was opened only on the way tells nobody anything
        let (good, last) = listing.newest(label);
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

    /// The newest good backup of a database among its newest `count_max` runs, whatever the others' records hold.
    ///
    /// # Errors
    /// What the bucket refuses to list.
    pub async fn newest_good(&self, database: &Label, count_max: usize) -> Result<Option<Record>> {
        for entry in self.entries(Some(database)).await?.iter().take(count_max) {
            match self.open(entry).await {
                Ok(record) if record.is_good() => return Ok(Some(record)),
                Ok(_) => {}
                Err(error) => tracing::debug!("passed over: {error}"),
            }
        }
        Ok(None)
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
        let folder = self.store.location().key(&format!("{database}/"));
        let (mut ids, mut archives) = (Vec::new(), BTreeMap::new());
        for object in self.store.list(&folder).await? {
            let path = object
                .key
                .strip_prefix(&folder)
                .and_then(|path| path.strip_suffix(SUFFIX));
            match path
                .map(|path| path.split('/').collect::<Vec<_>>())
                .as_deref()
            {
                Some(["records", id]) => ids.extend(BackupId::parse(id)),
                Some(["archives", tier, id]) => {
                    if let (Ok(tier), Ok(id)) = (tier.parse::<Tier>(), BackupId::parse(id)) {
                        archives.insert(id, (tier, object.bytes));
                    }
                }
                _ => {}
            }
        }
        let entry = |id| Entry {
            database: database.clone(),
            archive: archives.get(&id).copied(),
            id,
        };
        Ok(ids.into_iter().map(entry).collect())
    }

    async fn open_into(
        &self,
        listing: &mut Listing,
        entries: &[Entry],
        beside: bool,
    ) -> Result<()> {
        let mut opened = stream::iter(entries)
            .map(|entry| async move { (entry, self.open(entry).await) })
            .buffered(READS_AT_ONCE);
        while let Some((entry, result)) = opened.next().await {
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
        )
}
