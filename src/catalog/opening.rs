//! Opens entries: the record of each run, its mark, and what a listing shows about its archive.

use futures_util::{StreamExt as _, stream};

use super::{
    Catalog, CatalogEntry, READS_AT_ONCE,
    databases::DatabaseNames,
    doubt::{doubt, unsure},
    keys::maker,
};
use crate::{
    anomaly::Measure,
    backup::{BackupId, Failure, Label, Mark, Record, Status},
    error::{Error, Result},
    store::{Kind, Object},
};

/// The result of opening entries.
#[derive(Default)]
pub(super) struct Opened {
    /// The entries that could be opened, in their order.
    pub(super) entries: Vec<CatalogEntry>,
    /// The keys of the others, and why they couldn't be opened.
    pub(super) unreadable: Vec<(String, Error)>,
}

impl Catalog {
    /// Opens these entries, some of them at once. Entries that were deleted since the listing are left out.
    pub(super) async fn open_some(&self, found: &DatabaseNames, ids: Vec<&BackupId>) -> Result<Opened> {
        let mut opened = Opened::default();
        let mut all = stream::iter(ids)
            // boxed, since every survey awaits this large future
            .map(|id| Box::pin(async move { (id, self.open_one(found, id).await) }))
            .buffered(READS_AT_ONCE);
        while let Some((id, result)) = all.next().await {
            match result {
                Ok(one) => opened.entries.push(one),
                // deleted since the listing, by another prune
                Err(Error::Store(error)) if error.kind == Kind::NotFound => {}
                Err(Error::Store(error)) if error.kind.is_of_all_objects() => {
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

    /// Opens one entry and its mark. A mark that can't be read doesn't make the backup bad.
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
            archive_checked: false,
            unseen: false,
            mark,
            mark_fault,
            mark_object: mark_object.cloned(),
            owner: maker.map_or_else(String::new, |maker| maker.identity.owner()),
            key: maker.map_or_else(String::new, |maker| maker.secret.describe()),
            place_retention: self.retention,
            came_late: maker.is_some_and(|maker| maker.was_retired_before(&object)),
            record,
            object,
        })
    }

    /// Opens the entry in this object, or takes it from the cache. A command that deletes or replaces reads the object
    /// itself instead.
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
            Err(Error::Store(error)) if error.kind.is_of_all_objects() => Err(error.into()),
            Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(Ok(None)),
            Err(error) => Ok(Err(error)),
            Ok(mark) => {
                self.known_marks.keep(object, &mark);
                Ok(Ok(Some(mark)))
            }
        }
    }

    /// Why a run failed. If its details can't be read, this is the short error in its entry.
    ///
    /// # Errors
    /// Errors that concern more than one object.
    pub async fn failure(&self, record: &Record) -> Result<Option<Failure>> {
        if !matches!(record.status, Status::Failed { .. }) {
            return Ok(None);
        }
        let details = self.known_details(record).await?.unwrap_or_default();
        Ok(details.failure(record))
    }
}
