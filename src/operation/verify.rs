use jiff::Timestamp;
use serde::Serialize;

use super::{
    Progress,
    inbound::Inbound,
    source::Source,
    spans::{step, traced},
};
use crate::{
    archive::Contents,
    backup::{BackupId, Label, Record, Status},
    catalog::Catalog,
    error::{Error, Result},
    text::counted,
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
/// The first fault. [`Error::NotGood`] for the record of a failed run.
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
    let archive = open_archive(catalog, record).await?;
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
            "it has {}, and {} were uploaded",
            counted(source.bytes(), "byte"),
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
            "the archive has {}, and pg_dump wrote {dumped}",
            counted(contents.length, "byte")
        ));
    }
    if contents.tables.len() != record.tables.len() {
        return Some(format!(
            "it holds {}, and the record has {}",
            counted(contents.tables.len(), "table"),
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
