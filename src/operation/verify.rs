use jiff::Timestamp;
use serde::Serialize;

use super::{
    Progress,
    archive::{compare, open_archive},
    mark::{maker, of_mark},
    spans::{step, traced},
};
use crate::{
    backup::{BackupId, Checked, Label, Mark, Record, Sealed},
    catalog::Catalog,
    error::{Error, Result},
    pipeline::SealedArchive,
    seal,
    text::Untrusted,
};

/// The result of a successful verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// The backup.
    pub id: BackupId,
    /// Its database.
    pub database: Label,
    /// The bytes that were read from the bucket, all under checked MACs.
    pub sealed_bytes: u64,
    /// The bytes of pg_dump's archive inside.
    pub dump_bytes: u64,
    /// The number of tables that were compared with the record.
    pub tables: u64,
    /// The number of their rows.
    pub rows: u64,
    /// When it ended.
    pub finished: Timestamp,
}

/// Reads every byte of a backup, checks every MAC, and compares the contents with the record: rows, bytes and
/// fingerprint of each table.
///
/// # Errors
/// The first error. Results that matter later are stored in the backup's mark, if these credentials may write it.
/// [`Error::NotGood`] for the record of a failed run.
pub async fn verify(catalog: &Catalog, record: &Record, progress: &Progress) -> Result<Verified> {
    let span = step!(
        "verify",
        database = record.database.as_str(),
        id = record.id.as_str(),
        stored_bytes = record.sealed.as_ref().map(Sealed::bytes),
    );
    traced(span, verified(catalog, record, progress)).await
}

async fn verified(catalog: &Catalog, record: &Record, progress: &Progress) -> Result<Verified> {
    let (etag, read) = match open_archive(catalog, record).await {
        Ok(archive) => {
            let etag = archive.etag().map(Untrusted::from);
            (etag, read_whole(catalog, record, archive, progress).await)
        }
        // an error of header or last frame: look up which object that was
        Err(error @ Error::Seal { .. }) => {
            let found = catalog.store().head(&catalog.archive_key(record)).await;
            let etag = found.ok().flatten().and_then(|object| object.etag);
            (etag.map(Untrusted::from), Err(error))
        }
        Err(error) => return Err(error),
    };
    if let Some((etag, good)) = etag.zip(verdict(&read)) {
        remember(catalog, record, etag, good).await;
    }
    read
}

/// Leaves in the backup's mark that its archive is damaged, if that is what an error of reading a part says.
pub(super) async fn remember_damage(catalog: &Catalog, record: &Record, archive: &SealedArchive, error: &Error) {
    let is_damaged = matches!(error, Error::Seal { .. });
    if let Some(etag) = archive.etag().filter(|_| is_damaged) {
        remember(catalog, record, etag.into(), false).await;
    }
}

/// Whether the archive is good; `None` if the reading doesn't show it, such as if the bucket failed.
fn verdict(read: &Result<Verified>) -> Option<bool> {
    match read {
        Ok(_) => Some(true),
        // a missing key says nothing about the archive
        Err(Error::Seal {
            source: seal::Error::WrongKey { .. },
            ..
        }) => None,
        Err(Error::Seal { .. } | Error::Archive { .. } | Error::Payload { .. } | Error::Differs { .. }) => Some(false),
        Err(_) => None,
    }
}

/// Stores the result in the backup's mark, so that lists and `latest` know it: the archive is damaged, or is good
/// although it is another object than was uploaded. A good archive that is the uploaded object needs no entry.
async fn remember(catalog: &Catalog, record: &Record, etag: Untrusted, good: bool) {
    let same = |known: &str| known.trim_matches('"') == etag.raw().trim_matches('"');
    let uploaded = record.object().and_then(|object| object.etag.as_deref());
    let is_as_uploaded = uploaded.is_none_or(same);
    let noted = async {
        let before = catalog.mark(&record.database, &record.id).await?;
        let before = before.and_then(|mark| mark.checked);
        let is_known = match &before {
            Some(before) => before.good == good && same(before.etag.raw()),
            None => good && is_as_uploaded,
        };
        if is_known {
            return Ok(());
        }
        let (secret, owner) = maker(catalog, record).await?;
        let checked = Checked {
            etag: etag.clone(),
            at: Timestamp::now(),
            good,
        };
        let attributes = of_mark(record, owner);
        let change = |mark: &mut Mark| mark.checked = Some(checked.clone());
        let changed = catalog.change_mark(&record.database, &record.id, &secret, &attributes, change);
        changed.await.map(drop)
    };
    if let Err(error) = noted.await {
        let what = if good { "good" } else { "damaged" };
        tracing::warn!(
            "that {} was read and is {what} can't be noted in the bucket: {error}",
            record.id
        );
    }
}

async fn read_whole(
    catalog: &Catalog,
    record: &Record,
    archive: SealedArchive,
    progress: &Progress,
) -> Result<Verified> {
    let details = catalog.known_details(record).await?;
    let name = archive.name();
    let sealed_bytes = record.sealed.as_ref().map_or(0, Sealed::bytes);
    let contents = archive.read_into(&mut tokio::io::sink(), progress).await?;
    compare(record, details.as_ref(), &contents, &name)?;
    Ok(Verified {
        id: record.id.clone(),
        database: record.database.clone(),
        sealed_bytes,
        dump_bytes: contents.length,
        tables: record.counts.tables,
        rows: record.counts.rows,
        finished: Timestamp::now(),
    })
}
