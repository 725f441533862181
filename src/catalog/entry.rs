//! One run as it stands in the bucket: its entry opened, and what stands beside it.

use futures_util::{StreamExt as _, stream};

use super::{
    Catalog, Doubt, READS_AT_ONCE,
    databases::DatabaseNames,
    keys::maker,
    look::{Shown, unsure},
};
use crate::{
    anomaly::Measure,
    backup::{BackupId, Details, Failure, Label, Mark, Reason, Record, Status},
    error::{Error, Result},
    store::{Kind, Object},
    text::Untrusted,
};

/// One run as it stands in the bucket.
#[derive(Debug)]
pub struct CatalogEntry {
    /// Its entry.
    pub record: Record,
    /// What it measures: with its tables where these were compared.
    pub measure: Measure,
    /// Why it looks wrong, where its details were read.
    pub reasons: Vec<Reason>,
    /// Warnings of the run, where its details were read for them.
    pub warnings: Vec<Untrusted>,
    /// The details of a failed run, where they were read.
    pub(super) failure: Option<Failure>,
    /// The record's object.
    pub object: Object,
    /// The archive where the record says it is.
    pub archive: Option<Object>,
    /// Its details, once they were looked for.
    pub details: Option<Object>,
    /// Its details were asked for and can't be read.
    pub(super) details_fault: bool,
    /// Why the archive of a good record can't be counted on, as far as it was looked at.
    pub doubt: Option<Doubt>,
    /// Why the whole of it can't be counted on, where nothing is wrong with header and last frame.
    pub unsure: Option<Doubt>,
    /// Header and last frame of the archive have been looked at.
    pub looked_at: bool,
    /// It was to be looked at, and lies in cold storage.
    pub unseen: bool,
    /// What people decided about it.
    pub mark: Option<Mark>,
    /// The mark's object.
    pub mark_object: Option<Object>,
    /// Why its mark can't be read, where there is one: nobody knows then whether it is held.
    pub mark_fault: Option<Error>,
    /// Tag of the owner by whose key its id was made.
    pub owner: String,
    /// The key that made it: `key 0123456789abcdef` or `a passphrase`.
    pub key: String,
    /// That key had been retired for a while when the record came to the bucket: it was copied there, or dated back by
    /// a holder of the key.
    pub came_late: bool,
}

/// What came of opening entries.
#[derive(Default)]
pub(super) struct Opened {
    /// Those that could be opened, in their order.
    pub(super) entries: Vec<CatalogEntry>,
    /// The keys of the others, and why.
    pub(super) unreadable: Vec<(String, Error)>,
}

impl CatalogEntry {
    /// Whether the archive stands where the record says, as long as it says, and nothing that was looked at is wrong
    /// with it.
    #[must_use]
    pub fn has_archive(&self) -> bool {
        self.record.sealed.is_some() && self.archive.is_some() && self.doubt.is_none()
    }

    /// Why it failed, where it did: in the words of its details where these were read, else in those of its entry.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let known = self.failure.clone();
        known.or_else(|| Details::default().failure(&self.record))
    }

    /// Why it looks wrong: with numbers and names, or by kind alone where its details were not read.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        match self.reasons.is_empty() {
            true => self.record.anomalies.iter().copied().map(Reason::KindOnly).collect(),
            false => self.reasons.clone(),
        }
    }
}

impl Catalog {
    /// Opens these entries, some at once. What was deleted since it was listed is left out.
    pub(super) async fn open_some(&self, found: &DatabaseNames, ids: Vec<&BackupId>) -> Result<Opened> {
        let mut opened = Opened::default();
        let mut all = stream::iter(ids)
            // on the heap: every look at the bucket awaits this
            .map(|id| Box::pin(async move { (id, self.open_one(found, id).await) }))
            .buffered(READS_AT_ONCE);
        while let Some((id, result)) = all.next().await {
            match result {
                Ok(one) => opened.entries.push(one),
                // deleted since it was listed, by another prune
                Err(Error::Store(error)) if error.kind == Kind::NotFound => {}
                Err(Error::Store(error)) if is_of_the_whole(error.kind) => {
                    return Err(error.into());
                }
                Err(error) => {
                    let key = self.record_key(&found.database, id);
                    opened.unreadable.push((key, error));
                }
            }
        }
        Ok(opened)
    }

    /// Opens one entry and the mark beside it. A mark that can't be read says nothing of the backup, which is good or
    /// not without it.
    pub(super) async fn open_one(&self, found: &DatabaseNames, id: &BackupId) -> Result<CatalogEntry> {
        let (database, names) = (&found.database, &found.names);
        let object = names.records.get(id).cloned();
        let object = object.ok_or_else(|| Error::no_such_backup(id.as_str(), self.store.location()))?;
        let record = self.open_listed(database, id, &object).await?;
        let mark_object = names.marks.get(id);
        let mark = self.open_mark_of(database, id, mark_object).await?;
        let archive = names.archives.get(&(id.clone(), record.tier));
        let archive = archive.filter(|_| record.is_good()).cloned();
        let maker = maker(&found.makers, id, database);
        let (mark, mark_fault) = match mark {
            Ok(mark) => (mark, None),
            Err(error) => (None, Some(error)),
        };
        Ok(CatalogEntry {
            measure: Measure::from(&record),
            reasons: Vec::new(),
            warnings: Vec::new(),
            failure: None,
            unsure: unsure(&record, archive.as_ref(), mark.as_ref()),
            doubt: doubt(&record, archive.as_ref()),
            archive,
            details: None,
            details_fault: false,
            looked_at: false,
            unseen: false,
            mark,
            mark_fault,
            mark_object: mark_object.cloned(),
            owner: maker.map_or_else(String::new, |maker| maker.identity.owner()),
            key: maker.map_or_else(String::new, |maker| maker.secret.describe()),
            came_late: maker.is_some_and(|maker| maker.was_retired_before(&object)),
            record,
            object,
        })
    }

    /// Opens the entry that this object is, unless it was opened already as it stands. Whoever deletes or replaces
    /// reads what stands there at that moment instead.
    async fn open_listed(&self, database: &Label, id: &BackupId, object: &Object) -> Result<Record> {
        if let Some(known) = self.known_records.get(object) {
            return Ok(known);
        }
        let record = self.open_record(database, id).await?;
        self.known_records.keep(object, &record);
        Ok(record)
    }

    async fn open_mark_of(
        &self,
        database: &Label,
        id: &BackupId,
        mark: Option<&Object>,
    ) -> Result<Result<Option<Mark>>> {
        let Some(object) = mark else {
            return Ok(Ok(None));
        };
        if let Some(known) = self.known_marks.get(object) {
            return Ok(Ok(Some(known)));
        }
        match self.open_mark(database, id, object).await {
            Err(Error::Store(error)) if is_of_the_whole(error.kind) => Err(error.into()),
            Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(Ok(None)),
            Err(error) => Ok(Err(error)),
            Ok(mark) => {
                self.known_marks.keep(object, &mark);
                Ok(Ok(Some(mark)))
            }
        }
    }

    /// Why a run failed. Where its details can't be read, its entry's words stand for the error.
    ///
    /// # Errors
    /// What concerns more than one object.
    pub async fn failure(&self, record: &Record) -> Result<Option<Failure>> {
        if !matches!(record.status, Status::Failed { .. }) {
            return Ok(None);
        }
        let details = self.known_details(record).await?.unwrap_or_default();
        Ok(details.failure(record))
    }
}

/// Why the archive of a good record is not what was uploaded, by what a listing shows.
fn doubt(record: &Record, archive: Option<&Object>) -> Option<Doubt> {
    match Shown::of(record, archive) {
        Shown::Doubted(doubt) if record.is_good() => Some(doubt),
        _ => None,
    }
}

/// Whether an error says that nothing can be read here, rather than that this one object can't.
pub(super) fn is_of_the_whole(kind: Kind) -> bool {
    kind.is_passing() || kind.is_of_all_requests()
}
