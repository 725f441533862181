//! What the tests share: databases with a role of their own, and dumps and restores with one call.

use std::path::Path;

use pgcoffer::postgres::{
    Clients, DatabaseUrl, Dump, DumpOptions, Error, Load, LoadOptions, LoadReport, MessageLanguage, PgClient, Session,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::testbed::Cluster;

/// The distribution's major version, and those of the test bed.
pub(crate) fn majors() -> Vec<u32> {
    let mut majors = vec![16, 18, major(Cluster::shared(None))];
    majors.sort_unstable();
    majors.dedup();
    majors
}

/// The shared cluster of that major.
pub(crate) fn cluster(major: u32) -> &'static Cluster {
    Cluster::shared(Some(major))
}

pub(crate) fn url(text: &str) -> DatabaseUrl {
    DatabaseUrl::parse(text).unwrap()
}

/// A new database, owned by nobody in particular, set up by this SQL; and its superuser's URL.
pub(crate) fn database(cluster: &Cluster, name: &str, sql: &str) -> DatabaseUrl {
    let text = cluster.create_database(name);
    cluster.psql(name, sql);
    url(&text)
}

/// A new role that may log in, with that name in that cluster.
pub(crate) fn role(cluster: &Cluster, name: &str) {
    cluster.psql("postgres", &format!(r#"CREATE ROLE "{name}" LOGIN"#));
}

/// The clients of that cluster's version, and no others.
pub(crate) async fn client(cluster: &Cluster) -> PgClient {
    clients(cluster.bin()).await.for_dump(major(cluster)).unwrap().0.clone()
}

pub(crate) async fn clients(bin: &Path) -> Clients {
    Clients::discover(Some(bin), []).await
}

/// The major version of a cluster's programs.
pub(crate) fn major(cluster: &Cluster) -> u32 {
    let number: u32 = cluster.psql("postgres", "SHOW server_version_num").parse().unwrap();
    number / 10_000
}

pub(crate) async fn connect(url: &DatabaseUrl) -> Session {
    Session::connect(url).await.unwrap()
}

/// Dumps with these clients; the archive, or what the dump failed with.
pub(crate) async fn dump_with(client: &PgClient, url: &DatabaseUrl, options: &DumpOptions) -> Result<Vec<u8>, Error> {
    // as the servers of these tests do
    let options = DumpOptions {
        message_language: MessageLanguage::English,
        ..options.clone()
    };
    let mut dump = Dump::start(client, url, &options)?;
    let mut archive = Vec::new();
    dump.take_stdout()?.read_to_end(&mut archive).await.unwrap();
    dump.finish().await.map(|_| archive)
}

/// Dumps with the server's own clients.
pub(crate) async fn dump(cluster: &Cluster, url: &DatabaseUrl) -> Result<Vec<u8>, Error> {
    dump_with(&client(cluster).await, url, &DumpOptions::new(major(cluster))).await
}

/// Restores an archive as a whole.
pub(crate) async fn load(
    client: &PgClient,
    url: &DatabaseUrl,
    options: &LoadOptions,
    archive: &[u8],
) -> Result<LoadReport, Error> {
    let options = LoadOptions {
        message_language: MessageLanguage::English,
        ..options.clone()
    };
    let mut load = Load::start(client, url, &options)?;
    for piece in archive.chunks(64 * 1024) {
        if load.write_all(piece).await.is_err() {
            break;
        }
    }
    load.finish().await
}

/// The fault of a child process.
pub(crate) fn child_fault(error: Error) -> pgcoffer::postgres::ChildFault {
    match error {
        Error::DumpFailed(fault) | Error::LoadFailed(fault) => fault,
        other => panic!("not a child's fault: {other:?}"),
    }
}

/// Options for a server of that major version that speaks English.
pub(crate) fn english(server_major: u32) -> LoadOptions {
    LoadOptions {
        message_language: MessageLanguage::English,
        ..LoadOptions::new(server_major)
    }
}

/// The same for a dump.
pub(crate) fn to_dump(server_major: u32) -> DumpOptions {
    DumpOptions {
        message_language: MessageLanguage::English,
        ..DumpOptions::new(server_major)
    }
}
