//! Copies that are sent while the database is dumped: in drop-box mode, where the bucket can't be read afterwards.
//!
//! The places get the sealed bytes that the bucket gets. What makes them a backup there comes once it is one in the
//! bucket: the archive is completed and confirmed as a copy is, then come details, mark and record.

use std::time::Duration;

use super::{CopiedBackup, CopyPlace, CopyReport, FailedCopy, archive::read_back, decisions::note_copied, tags};
use crate::{
    backup::{Failure, Record, Sealed},
    catalog::SealedEntry,
    error::{Error, Result},
    operation::mark::maker,
    pipeline::{Progress, SideUploads},
    store::{self, Attributes, PartPlan},
};

/// How long a place may hold up a dump, if the dump has not taken longer itself: it holds its snapshot all the while.
const HELD_UP_MAX: Duration = Duration::from_secs(60);

/// Begins an upload of the archive of `record` to each place, in their order. `may_begin`: as
/// [`Catalog::begin_copies`](crate::catalog::Catalog::begin_copies) takes it.
pub(in crate::operation) async fn begin_streamed(
    places: &[CopyPlace],
    record: &Record,
    part_bytes: u64,
    may_begin: bool,
) -> SideUploads {
    let begun = places.iter().map(|place| async move {
        let upload = begin_one(place, record, part_bytes, may_begin).await;
        (upload, place.rate.clone())
    });
    SideUploads::new(futures_util::future::join_all(begun).await, HELD_UP_MAX)
}

async fn begin_one(place: &CopyPlace, record: &Record, part_bytes: u64, may_begin: bool) -> Result<store::Upload> {
    place.catalog.begin_copies(&record.repository, may_begin).await?;
    let store = place.catalog.store();
    let plan = PartPlan::of_part_bytes(part_bytes, store.parts_max());
    let attributes = attributes(place, record).await?;
    Ok(store
        .begin_upload(&place.catalog.archive_key(record), plan, &attributes)
        .await?)
}

/// Completes the uploads to the places, and makes backups of them. What goes wrong with one place is in its report.
pub(in crate::operation) async fn finish_streamed(
    places: &[CopyPlace],
    uploads: SideUploads,
    record: &Record,
    entry: &SealedEntry,
) -> Vec<CopyReport> {
    let mut reports = Vec::new();
    for (place, upload) in places.iter().zip(uploads.complete().await) {
        let finished = async { commit(place, &upload?, record, entry).await };
        let finished = finished.await;
        place.catalog.store().settle().await;
        let mut report = CopyReport {
            wanted: 1,
            ..CopyReport::new(&place.name, &record.database)
        };
        match finished {
            Ok(()) => {
                tracing::info!(database = %record.database, id = %record.id, "copied to {}", place.name);
                report.held = 1;
                report.copied.push(CopiedBackup {
                    id: record.id.clone(),
                    bytes: record.sealed.as_ref().map_or(0, Sealed::bytes),
                });
            }
            Err(error) => report.failed.push(FailedCopy {
                id: record.id.clone(),
                failure: Failure::from(&error),
            }),
        }
        reports.push(report);
    }
    reports
}

async fn commit(place: &CopyPlace, stored: &store::Stored, record: &Record, entry: &SealedEntry) -> Result<()> {
    let (catalog, store) = (&place.catalog, place.catalog.store());
    let key = catalog.archive_key(record);
    let Some(object) = store.head(&key).await? else {
        let what = "it is not there although it was written just now";
        return Err(Error::differs(store.url(&key), what));
    };
    if !store.compares_bytes() || stored.unconfirmed {
        read_back(place, record, object.clone(), &Progress::default()).await?;
    }
    let attributes = attributes(place, record).await?;
    let details_key = catalog.details_key(&record.database, &record.id);
    catalog
        .put_copy(&details_key, entry.details.clone(), &attributes)
        .await?;
    note_copied(place, record, &object, None).await?;
    let record_key = catalog.record_key(&record.database, &record.id);
    catalog.put_copy(&record_key, entry.record.clone(), &attributes).await
}

/// The tags and the end of the lock at the place, by its own retention.
async fn attributes(place: &CopyPlace, record: &Record) -> Result<Attributes> {
    let (_, owner) = maker(&place.catalog, record).await?;
    let retention = place.retention.unwrap_or(record.retention);
    let expires = retention.expires(record.started);
    let locks = place.catalog.store().locks();
    Ok(Attributes {
        tags: tags(record, owner, retention, expires),
        locked_until: expires.filter(|_| locks),
    })
}
