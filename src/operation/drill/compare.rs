//! Compares the restored database with the backup: dumps it, and holds the dump against the archive.

use std::{collections::BTreeMap, time::Duration};

use tokio::{io::AsyncReadExt as _, process::ChildStdout, time::timeout};

use super::{
    Drill,
    definitions::{EntryKey, Restored},
    ground::Scratch,
    report::DrillReport,
    source::SourceDatabase,
    there::AlreadyThere,
};
use crate::{
    archive::{ArchiveReader, Contents, EntriesReader, Entry},
    backup::{DrillFinding, DrilledLargeObjects, DrilledTable, FindingReason},
    error::{Error, Result},
    operation::restore::{LeftOut, NotRestored, RestoreReport, decode_names},
    postgres::{Clients, Direction, Dump, DumpOptions, PgClient, Session},
};

/// The bytes of a dump that are read at once.
const READ_BYTES: usize = 512 << 10;

/// Kinds whose failure says more of the scratch server's roles than of the backup.
const PRIVILEGES: &[&str] = &["ACL", "DEFAULT ACL"];

/// A backup that was restored for a drill.
pub(super) struct RestoredBackup {
    pub(super) report: RestoreReport,
    /// What was left out, by the id of its entry.
    pub(super) left_out: BTreeMap<i32, LeftOut>,
}

/// A dump of the scratch database.
pub(super) struct Dumped {
    pub(super) contents: Contents,
    pub(super) entries: Vec<Entry>,
    /// The major version of the pg_dump that dumped it.
    client_major: u32,
}

impl Drill<'_> {
    /// Compares everything, and adds what was found to the report.
    pub(super) async fn compare(
        &self,
        scratch: &Scratch,
        source: &SourceDatabase,
        before: &AlreadyThere,
        restored: RestoredBackup,
        report: &mut DrillReport,
    ) -> Result<()> {
        let mut dump = self.dumped(scratch, source).await?;
        let mut backup = self.entries().await?;
        let mut session = Session::connect(&scratch.url).await?;
        decode_names(&mut session, &mut backup).await?;
        decode_names(&mut session, &mut dump.entries).await?;
        for index in session.invalid_indexes().await? {
            report.differences.push(DrillFinding {
                kind: "INDEX".into(),
                label: format!("index {}.{}", index.schema.identifier(), index.name.identifier()).into(),
                schema: index.schema,
                name: index.name,
                why: "it is not valid".into(),
                reason: FindingReason::Invalid,
            });
        }
        session.close().await;

        let versions = self.versions_differ(scratch.server_major, dump.client_major);
        let failed = restored.report.failed.iter().map(key_of).collect();
        let comparison = Restored {
            role: &scratch.role,
            before,
            left_out: &restored.left_out,
            failed: &failed,
            versions_differ: versions.as_deref(),
        };
        let definitions = comparison.compare(&backup, &dump.entries);
        let (was, is) = (&restored.report.contents, &dump.contents);
        let rows = comparison.compare_rows((&backup, was), (&dump.entries, is));
        report.data.tables = DrilledTable::pairs(was, is);
        report.data.large_objects = DrilledLargeObjects {
            expected: was.large_objects,
            found: is.large_objects,
        };
        report.data.definitions.clone_from(&was.definitions);
        report.differences.extend(rows.differences);
        report.differences.extend(definitions.differences);
        report.not_compared.extend(rows.not_compared);
        report.not_compared.extend(definitions.not_compared);
        add_restore(restored.report, report);
        report.remarks.extend(versions.map(|versions| {
            format!("{versions} were used: where they write one definition in two ways, it could not be compared")
        }));
        Ok(())
    }

    /// Dumps the scratch database as a backup would, and reads the dump.
    pub(super) async fn dumped(&self, scratch: &Scratch, source: &SourceDatabase) -> Result<Dumped> {
        let mut session = Session::connect(&scratch.url).await?;
        let server_major = session.server_major();
        let client = client_for(self.clients, self.wanted_client(), server_major)?;
        let options = DumpOptions {
            message_language: session.message_language().await?,
            settings: session.settings(Direction::Dump).await?,
            // that of the backup, whatever a reserved database has
            encoding: Some(source.encoding.clone()),
            ..DumpOptions::new(server_major)
        };
        let url = session.child_url().await?;
        session.close().await;
        let mut dump = Dump::start(client, &url, &options)?;
        let (archive, entries) = match read(dump.take_stdout()?, self.request.dump_idle_timeout).await {
            Ok(read) => read,
            Err(error) => return Err(dump.abort().await.map_or(error, Error::from)),
        };
        dump.finish().await?;
        Ok(Dumped {
            contents: archive.finish().map_err(Error::Dump)?,
            entries: entries.into_entries(),
            client_major: client.major,
        })
    }

    /// Runs the user's own statements.
    pub(super) async fn check(&self, scratch: &Scratch, report: &mut DrillReport) -> Result<()> {
        let checks = &self.request.checks;
        let mut session = None;
        for (index, statement) in checks.statements().enumerate() {
            let session = match &mut session {
                Some(session) => session,
                none => none.insert(Session::connect(&scratch.url).await?),
            };
            let answer = session.run_check(statement).await?;
            let now = self.request.clock.now();
            report
                .checks
                .push(checks.judge(index, &answer, self.record.started, now));
        }
        if let Some(session) = session {
            session.close().await;
        }
        Ok(())
    }

    /// The major version of the pg_dump that made the backup, whose texts are compared best.
    fn wanted_client(&self) -> Option<u32> {
        self.record.source.as_ref().map(|source| source.client.major)
    }

    /// The versions in words, if server or pg_dump are of another major version than those of the backup.
    fn versions_differ(&self, server_major: u32, client_major: u32) -> Option<String> {
        let source = self.record.source.as_ref()?;
        let (server, client) = (source.server.major, source.client.major);
        if (server, client) == (server_major, client_major) {
            return None;
        }
        Some(match server == server_major {
            false => format!("PostgreSQL {server} and {server_major}"),
            true => format!("pg_dump {client} and {client_major}"),
        })
    }
}

/// Adds what the restore reported by itself.
fn add_restore(restored: RestoreReport, report: &mut DrillReport) {
    for failed in restored.failed {
        let finding = DrillFinding {
            why: format!("it could not be restored: {}", failed.why.raw()).into(),
            reason: FindingReason::Failed,
            kind: failed.kind,
            schema: failed.schema,
            name: failed.name,
            label: failed.label,
        };
        match PRIVILEGES.contains(&finding.kind.raw()) {
            true => report.not_compared.push(finding),
            false => report.differences.push(finding),
        }
    }
    let others = restored.left_out.into_iter().filter(|it| !it.missing);
    report.left_out.extend(others);
    report.remarks.extend(restored.remarks);
    report
        .remarks
        .extend(restored.warnings.iter().map(|warning| format!("warning: {warning}")));
}

fn key_of(failed: &NotRestored) -> EntryKey {
    (failed.kind.clone(), failed.schema.clone(), failed.name.clone())
}

/// The pg_dump of the version that made the backup, if it is installed and knows the server.
fn client_for(clients: &Clients, wanted: Option<u32>, server_major: u32) -> Result<&PgClient> {
    let same = clients
        .iter()
        .find(|client| Some(client.major) == wanted && client.major >= server_major);
    match same {
        Some(client) => Ok(client),
        None => Ok(clients.for_dump(server_major)?.0),
    }
}

async fn read(mut source: ChildStdout, dump_idle_timeout: Duration) -> Result<(ArchiveReader, EntriesReader)> {
    let (mut archive, mut entries) = (ArchiveReader::new(), EntriesReader::default());
    let mut buffer = vec![0; READ_BYTES];
    let mut has_all_entries = false;
    loop {
        let silent = |_| Error::Silent {
            seconds: dump_idle_timeout.as_secs(),
        };
        let read = timeout(dump_idle_timeout, source.read(&mut buffer))
            .await
            .map_err(silent)?;
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
