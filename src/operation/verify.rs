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
    backup::{BackupId, Checked, Counts, Details, Label, Mark, Record, Sealed, Status},
    catalog::Catalog,
    error::{Error, Result},
    seal,
    text::{Untrusted, counted},
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
    pub tables: u64,
    /// rows of them
    pub rows: u64,
    /// when it ended
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

async fn read_whole(catalog: &Catalog, record: &Record, archive: Inbound, progress: &Progress) -> Result<Verified> {
    let details = catalog.known_details(record).await?;
    let name = archive.name();
    let sealed_bytes = record.sealed.as_ref().map_or(0, Sealed::bytes);
    let contents = archive.bring(&mut tokio::io::sink(), progress).await?;
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

/// The archive of a good backup, its size, header and last frame found good.
pub(super) async fn open_archive(catalog: &Catalog, record: &Record) -> Result<Inbound> {
    let sealed = match (&record.status, &record.sealed) {
        (Status::Succeeded, Some(sealed)) if sealed.objects.len() == 1 => sealed,
        (Status::Failed { .. }, _) => return Err(not_good(catalog, record).await?),
        (Status::Succeeded, Some(sealed)) => {
            let count = sealed.objects.len();
            let what = format!("its archive is made of {count} objects, and this version reads those of one");
            return Err(Error::differs(record.id.as_str(), what));
        }
        (Status::Succeeded, None) => {
            let what = "its record says that it succeeded and names no archive";
            return Err(Error::differs(record.id.as_str(), what));
        }
    };
    let source = Source::object(catalog.store(), &catalog.archive_key(record)).await?;
    if source.bytes() != sealed.bytes() {
        let what = format!(
            "it has {}, and {} were uploaded",
            counted(source.bytes(), "byte"),
            sealed.bytes()
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

/// That a run is no good backup, and why it failed.
pub(super) async fn not_good(catalog: &Catalog, record: &Record) -> Result<Error> {
    let failure = catalog.failure(record).await?;
    Ok(Error::NotGood {
        id: record.id.to_string(),
        why: failure.map_or_else(String::new, |failure| failure.error.to_string()),
    })
}

/// Compares what came back with what was dumped: by the one fingerprint in the entry, and by the details, which say
/// where it differs.
pub(super) fn compare(record: &Record, details: Option<&Details>, contents: &Contents, name: &str) -> Result<()> {
    match difference(record, details, contents) {
        None => Ok(()),
        Some(what) => Err(Error::differs(
            name,
            format!("it isn't what the record says was dumped: {what}"),
        )),
    }
}

fn difference(record: &Record, details: Option<&Details>, contents: &Contents) -> Option<String> {
    let dumped = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
    if contents.length != dumped {
        return Some(format!(
            "the archive has {}, and pg_dump wrote {dumped}",
            counted(contents.length, "byte")
        ));
    }
    let mut found = Details::default();
    found.take(contents);
    let (is, was) = (found.counts(), record.counts);
    if is.tables != was.tables {
        let tables = counted(is.tables, "table");
        return Some(format!("it holds {tables}, and the record has {}", was.tables));
    }
    if let Some(difference) = details.and_then(|details| details.difference(&found)) {
        return Some(difference);
    }
    let is_same = Counts {
        warnings: was.warnings,
        ..is
    } == was;
    (!is_same).then(|| "its tables or large objects differ".to_owned())
}
