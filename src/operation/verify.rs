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

/// What a verification found good.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// The backup.
    pub id: BackupId,
    /// Its database.
    pub database: Label,
    /// Bytes read from the bucket, every one under a MAC that was checked.
    pub sealed_bytes: u64,
    /// Bytes of pg_dump's archive inside.
    pub dump_bytes: u64,
    /// Tables compared with the record.
    pub tables: u64,
    /// Rows of them.
    pub rows: u64,
    /// When it ended.
    pub finished: Timestamp,
}

/// Reads every byte of a backup back, checks every MAC, and compares what is inside with what the record says was
/// dumped: table by table, rows, bytes and fingerprint.
///
/// # Errors
/// The first fault. What is worth knowing later is left in the backup's mark, as far as these credentials may write.
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
        // header or last frame: which object that was, is asked for once more
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

/// What a reading says of the archive; none where that is nothing, as when the bucket went away.
fn verdict(read: &Result<Verified>) -> Option<bool> {
    match read {
        Ok(_) => Some(true),
        // no key that opens it says nothing of it
        Err(Error::Seal {
            source: seal::Error::WrongKey { .. },
            ..
        }) => None,
        Err(Error::Seal { .. } | Error::Archive { .. } | Error::Payload { .. } | Error::Differs { .. }) => Some(false),
        Err(_) => None,
    }
}

/// Leaves what was found in the backup's mark, so that lists and `latest` know: that the archive is damaged, or that
/// one which is another object than was uploaded is good all the same. Of one that is as it was uploaded there is
/// nothing to say.
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
