use jiff::Timestamp;
use serde::Serialize;

use super::{
    Progress,
    decide::{maker, of_mark},
    inbound::Inbound,
    source::Source,
    spans::{step, traced},
};
use crate::{
    archive::Contents,
    backup::{BackupId, Checked, Label, Mark, Record, Status},
    catalog::Catalog,
    error::{Error, Result},
    seal,
    text::Untrusted,
};

/// What a verification found good.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// the backup
    pub id: BackupId,
    /// its database
    pub database: Label,
    /// bytes read from the bucket, every one under a MAC that was checked
    pub sealed_bytes: u64,
    /// bytes of pg_dump's archive inside
    pub dump_bytes: u64,
    /// tables compared with the record
    pub tables: usize,
    /// rows of them
    pub rows: u64,
    /// when it ended
    pub finished: Timestamp,
}

/// Reads every byte of a backup back, checks every MAC, and compares what is inside with what the record says was
/// dumped: table by table, rows, bytes and fingerprint.
///
/// # Errors
/// The first fault. What is worth knowing later is left in the backup's mark, as far as these credentials may write. [`Error::NotGood`] for the record of a failed run.
pub async fn verify(catalog: &Catalog, record: &Record, progress: &Progress) -> Result<Verified> {
    let span = step!(
        "verify",
        database = record.database.as_str(),
        id = record.id.as_str(),
        stored_bytes = record.sealed.as_ref().map(|sealed| sealed.bytes),
    );
    traced(span, verified(catalog, record, progress)).await
}

async fn verified(catalog: &Catalog, record: &Record, progress: &Progress) -> Result<Verified> {
    let (etag, read) = match open_archive(catalog, record).await {
        Ok(archive) => {
            let etag = archive.etag().map(Untrusted::from);
            (etag, read_whole(record, archive, progress).await)
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
        Err(
            Error::Seal { .. }
            | Error::Archive { .. }
            | Error::Payload { .. }
            | Error::Differs { .. },
        ) => Some(false),
        Err(_) => None,
    }
}

/// Leaves what was found in the backup's mark, so that lists and `latest` know: that the archive is damaged, or that one which is
/// another object than was uploaded is good all the same. Of one that is as it was uploaded there is nothing to say.
async fn remember(catalog: &Catalog, record: &Record, etag: Untrusted, good: bool) {
    let same = |known: &str| known.trim_matches('"') == etag.raw().trim_matches('"');
    let uploaded = record
        .sealed
        .as_ref()
        .and_then(|sealed| sealed.etag.as_deref());
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
        let changed =
            catalog.change_mark(&record.database, &record.id, &secret, &attributes, change);
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

async fn read_whole(record: &Record, archive: Inbound, progress: &Progress) -> Result<Verified> {
    let name = archive.name();
    let sealed_bytes = record.sealed.as_ref().map_or(0, |sealed| sealed.bytes);
    let contents = archive.bring(&mut tokio::io::sink(), progress).await?;
    compare(record, &contents, &name)?;
    Ok(Verified {
        id: record.id.clone(),
        database: record.database.clone(),
        sealed_bytes,
        dump_bytes: contents.length,
        tables: contents.tables.len(),
        rows: record.rows(),
        finished: Timestamp::now(),
    })
}

/// The archive of a good backup, its size, header and last frame found good.
pub(super) async fn open_archive(catalog: &Catalog, record: &Record) -> Result<Inbound> {
    let sealed = match (&record.status, &record.sealed) {
        (Status::Succeeded, Some(sealed)) => sealed,
        (Status::Failed(failure), _) => {
            return Err(Error::NotGood {
                id: record.id.to_string(),
                why: failure.error.to_string(),
            });
        }
        (Status::Succeeded, None) => {
            let what = "its record says that it succeeded and names no archive";
            return Err(Error::differs(record.id.as_str(), what));
        }
    };
    let source = Source::object(catalog.store(), &catalog.archive_key(record)).await?;
    if source.bytes() != sealed.bytes {
        let what = format!(
            "it has {} bytes, and {} were uploaded",
            source.bytes(),
            sealed.bytes
        );
        return Err(Error::Differs {
            object: source.name(),
            what,
        });
    }
    let secrets = catalog.secrets_of(&record.database, &record.id);
    let expected = (&record.repository, record.id.as_str());
    let archive = Inbound::begin(source, &secrets, Some(expected)).await?;
    Ok(archive.with_dump_bytes_max(sealed.dump_bytes))
}

/// Compares what came back with what the record says was dumped.
pub(super) fn compare(record: &Record, contents: &Contents, name: &str) -> Result<()> {
    match difference(record, contents) {
        None => Ok(()),
        Some(what) => Err(Error::differs(
            name,
            format!("it isn't what the record says was dumped: {what}"),
        )),
    }
}

fn difference(record: &Record, contents: &Contents) -> Option<String> {
    let dumped = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
    if contents.length != dumped {
        return Some(format!(
            "the archive has {} bytes, and pg_dump wrote {dumped}",
            contents.length
        ));
    }
    if contents.tables.len() != record.tables.len() {
        return Some(format!(
            "it holds {} tables, and {} were dumped",
            contents.tables.len(),
            record.tables.len()
        ));
    }
    for (table, dumped) in contents.tables.iter().zip(&record.tables) {
        if *dumped != super::backup::fingerprint(table) {
            return Some(format!(
                "table {:?}.{:?} differs",
                dumped.schema, dumped.name
            ));
        }
    }
    (contents.large_objects != record.large_objects).then(|| "the large objects differ".to_owned())
}
