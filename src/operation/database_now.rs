//! What a database holds now: dumped as a backup would be, and read as it passes.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, process::ChildStdout, time::timeout};

use crate::{
    archive::{ArchiveReader, Contents, EntriesReader, Entry},
    error::{Error, Result},
    postgres::{Clients, DatabaseUrl, Direction, Dump, DumpOptions, PgClient, Session},
};

/// The bytes of a dump that are read at once.
const READ_BYTES: usize = 512 << 10;

/// What a database holds now.
pub(super) struct DatabaseNow {
    /// Rows and fingerprints.
    pub(super) contents: Contents,
    /// The entries of the table of contents, not decoded.
    pub(super) entries: Vec<Entry>,
    /// The major version of the pg_dump that dumped it.
    pub(super) client_major: u32,
}

/// How a database is dumped to see what it holds.
pub(super) struct DumpSettings {
    /// The major version of the pg_dump that is taken if it is installed and knows the server.
    pub(super) client_major: Option<u32>,
    /// The encoding of names and rows.
    pub(super) encoding: String,
    /// Whether only definitions are dumped, and no rows.
    pub(super) schema_only: bool,
    /// How long pg_dump may write nothing before it counts as hung.
    pub(super) idle_timeout: Duration,
}

/// Dumps a database, and reads the dump. Nothing is kept but what [`DatabaseNow`] has.
///
/// # Errors
/// [`Error::Silent`] if pg_dump hangs, [`Error::Dump`] if it writes no archive, and its own errors.
pub(super) async fn database_now(clients: &Clients, url: &DatabaseUrl, settings: DumpSettings) -> Result<DatabaseNow> {
    let mut session = Session::connect(url).await?;
    let server_major = session.server_major();
    let client = client_for(clients, settings.client_major, server_major)?;
    let options = DumpOptions {
        message_language: session.message_language().await?,
        settings: session.settings(Direction::Dump).await?,
        encoding: Some(settings.encoding),
        schema_only: settings.schema_only,
        ..DumpOptions::new(server_major)
    };
    let url = session.child_url().await?;
    session.close().await;
    let mut dump = Dump::start(client, &url, &options)?;
    let read = match read(dump.take_stdout()?, settings.idle_timeout).await {
        Ok(read) => read,
        Err(error) => return Err(dump.abort().await.map_or(error, Error::from)),
    };
    dump.finish().await?;
    let (archive, entries) = read;
    Ok(DatabaseNow {
        contents: archive.finish().map_err(Error::Dump)?,
        entries: entries.into_entries(),
        client_major: client.major,
    })
}

/// The pg_dump of the wanted version, if it is installed and knows the server.
fn client_for(clients: &Clients, wanted: Option<u32>, server_major: u32) -> Result<&PgClient> {
    let same = clients
        .iter()
        .find(|client| Some(client.major) == wanted && client.major >= server_major);
    match same {
        Some(client) => Ok(client),
        None => Ok(clients.for_dump(server_major)?.0),
    }
}

async fn read(mut source: ChildStdout, idle_timeout: Duration) -> Result<(ArchiveReader, EntriesReader)> {
    let (mut archive, mut entries) = (ArchiveReader::new(), EntriesReader::default());
    let mut buffer = vec![0; READ_BYTES];
    let mut has_all_entries = false;
    loop {
        let silent = |_| Error::Silent {
            seconds: idle_timeout.as_secs(),
        };
        let read = timeout(idle_timeout, source.read(&mut buffer)).await.map_err(silent)?;
        let bytes = read.map_err(|source| Error::Io {
            doing: "read from pg_dump".to_owned(),
            source,
        })?;
        if bytes == 0 {
            return Ok((archive, entries));
        }
        archive.push(&buffer[..bytes]).map_err(Error::Dump)?;
        if !has_all_entries {
            has_all_entries = entries.push(&buffer[..bytes]).map_err(Error::Dump)?;
        }
    }
}
