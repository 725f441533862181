use jiff::Timestamp;
use serde::Serialize;
use tokio::io::AsyncWrite;

use super::{
    Progress,
    archive::{compare, open_archive},
    read_back::{note_read, verdict},
    spans::{step, traced},
};
use crate::{
    archive::Contents,
    backup::{BackupId, Details, Label, Record, Sealed},
    catalog::Catalog,
    error::{Error, Result},
    pipeline::SealedArchive,
    postgres::{Load, PgClient},
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
    /// The number of large objects that were compared.
    pub large_objects: u64,
    /// The number of definitions that were compared.
    pub definitions: u64,
    /// What it was compared with.
    pub compared_with: ComparedWith,
    /// The version of the `pg_restore` that has read all of it as well, if that was asked for.
    pub pg_restore: Option<String>,
    /// When it ended.
    pub finished: Timestamp,
}

/// What an archive was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedWith {
    /// The details: each table's rows, bytes and fingerprint, the large objects, and the definitions of each kind.
    Details,
    /// The record alone, as the details are lost: one fingerprint of all data, and the number of definitions.
    Record,
}

/// Reads every byte of a backup, checks every MAC, and compares the contents with what was dumped: rows, bytes and
/// fingerprint of each table, large objects, and the definitions of each kind, which the values of sequences are among.
///
/// `client`: its `pg_restore` has to read all of it as well, and to write it as a script that nobody keeps. No database
/// is connected to.
///
/// # Errors
/// The first error; of a comparison everything that differs, up to a limit. What was found is noted in the backup's
/// mark, if these credentials may write it. [`Error::NotGood`] for the record of a failed run, [`Error::Postgres`] where
/// `pg_restore` can't read it.
pub async fn verify(
    catalog: &Catalog,
    record: &Record,
    client: Option<&PgClient>,
    progress: &Progress,
) -> Result<Verified> {
    let span = step!(
        "verify",
        database = record.database.as_str(),
        id = record.id.as_str(),
        stored_bytes = record.sealed.as_ref().map(Sealed::bytes),
    );
    traced(span, verified(catalog, record, client, progress)).await
}

async fn verified(
    catalog: &Catalog,
    record: &Record,
    client: Option<&PgClient>,
    progress: &Progress,
) -> Result<Verified> {
    let (etag, read) = match open_archive(catalog, record).await {
        Ok(archive) => {
            let etag = archive.etag().map(Untrusted::from);
            (etag, read_whole(catalog, record, archive, client, progress).await)
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
        note_read(catalog, record, etag, good).await;
    }
    read
}

async fn read_whole(
    catalog: &Catalog,
    record: &Record,
    archive: SealedArchive,
    client: Option<&PgClient>,
    progress: &Progress,
) -> Result<Verified> {
    let details = catalog.known_details(record).await?;
    let dumped = Dumped {
        archive: &archive,
        record,
        details: details.as_ref(),
    };
    let contents = match client {
        None => dumped.read_into(&mut tokio::io::sink(), progress).await?,
        Some(client) => dumped.read_by(client, progress).await?,
    };
    Ok(Verified {
        id: record.id.clone(),
        database: record.database.clone(),
        sealed_bytes: record.sealed.as_ref().map_or(0, Sealed::bytes),
        dump_bytes: contents.length,
        tables: record.counts.tables,
        rows: record.counts.rows,
        large_objects: record.counts.large_objects,
        definitions: record.counts.definitions,
        compared_with: match details {
            Some(_) => ComparedWith::Details,
            None => ComparedWith::Record,
        },
        pg_restore: client.map(|client| client.version.clone()),
        finished: Timestamp::now(),
    })
}

/// An archive, and what was dumped into it.
struct Dumped<'a> {
    archive: &'a SealedArchive,
    record: &'a Record,
    details: Option<&'a Details>,
}

impl Dumped<'_> {
    async fn read_into(&self, sink: &mut (impl AsyncWrite + Unpin), progress: &Progress) -> Result<Contents> {
        let contents = self.archive.read_into(sink, progress).await?;
        compare(self.record, self.details, &contents, &self.archive.name())?;
        Ok(contents)
    }

    /// The same, read by `pg_restore` as well.
    async fn read_by(&self, client: &PgClient, progress: &Progress) -> Result<Contents> {
        let mut load = Load::rehearse(client)?;
        match self.read_into(&mut load, progress).await {
            Ok(contents) => {
                load.finish().await?;
                Ok(contents)
            }
            // pg_restore failed by itself, and its own error says why
            Err(error @ Error::Sink(_)) => Err(load.abort().await.map_or(error, Error::from)),
            Err(error) => {
                load.kill().await;
                Err(error)
            }
        }
    }
}
