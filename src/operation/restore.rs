use jiff::Timestamp;
use serde::Serialize;

use super::{
    Interrupt, Progress,
    backup::signal_first,
    inbound::Inbound,
    spans::{step, traced},
    verify::{compare, open_archive},
};
use crate::{
    archive::Contents,
    backup::{BackupId, Label, Record},
    catalog::Catalog,
    error::{Error, Result, TargetState},
    postgres::{
        self, Client, Clients, DatabaseUrl, Load, LoadOptions, LoadReport, Session, Speech,
    },
    text::Untrusted,
};

/// One restore to be made.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// the database to restore into
    pub target: DatabaseUrl,
    /// drop what is there first, instead of refusing
    pub clean: bool,
    /// all or nothing: one transaction
    pub single_transaction: bool,
    /// keep owners as they were dumped: every role must exist
    pub keep_owner: bool,
    /// keep privileges as they were dumped: every role must exist
    pub keep_acl: bool,
    /// leave comments out: a role that doesn't own an extension may not comment on it
    pub no_comments: bool,
}

/// What was restored where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// the backup
    pub id: BackupId,
    /// its database's label
    pub database: Label,
    /// user@host:port/name
    pub target: String,
    /// tables with data
    pub tables: usize,
    /// rows of them
    pub rows: u64,
    /// bytes of pg_dump's archive
    pub dump_bytes: u64,
    /// what pg_restore warned of
    pub warnings: Vec<Untrusted>,
    /// when it began
    pub started: Timestamp,
    /// when it ended
    pub finished: Timestamp,
}

/// Restores a backup into a database that must be empty, unless `clean` says otherwise.
///
/// The last frame is checked before anything is touched; on any fault pg_restore is killed rather than given a clean end.
///
/// # Errors
/// Whatever failed first; [`Error::RestoreFailed`] says in what state the target was left.
pub async fn restore(
    catalog: &Catalog,
    clients: &Clients,
    record: &Record,
    request: &RestoreRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<RestoreReport> {
    let span = step!(
        "restore",
        database = record.database.as_str(),
        id = record.id.as_str(),
        dump_bytes = record.sealed.as_ref().map(|sealed| sealed.dump_bytes),
    );
    let work = restored(catalog, clients, record, request, progress, interrupt);
    traced(span, work).await
}

async fn restored(
    catalog: &Catalog,
    clients: &Clients,
    record: &Record,
    request: &RestoreRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<RestoreReport> {
    let started = Timestamp::now();
    let (archive, load) = interrupt
        .or(prepare(catalog, clients, record, request))
        .await?;
    let loaded = carry_out(record, archive, load, progress, interrupt).await;
    let (contents, report) = match loaded {
        Ok(loaded) => loaded,
        Err(Broken { error, all_given }) => {
            let error = signal_first(error, interrupt).await;
            return Err(Error::RestoreFailed {
                target: request.target.to_string(),
                state: state_after(&error, all_given, request.single_transaction),
                source: Box::new(error),
            });
        }
    };
    Ok(RestoreReport {
        id: record.id.clone(),
        database: record.database.clone(),
        target: request.target.to_string(),
        tables: contents.tables.len(),
        rows: record.rows(),
        dump_bytes: contents.length,
        warnings: report.warnings.into_iter().map(Untrusted::from).collect(),
        started,
        finished: Timestamp::now(),
    })
}

/// Everything that can be refused before the target is touched.
async fn prepare(
    catalog: &Catalog,
    clients: &Clients,
    record: &Record,
    request: &RestoreRequest,
) -> Result<(Inbound, Load)> {
    let archive = open_archive(catalog, record).await?;
    let (client, server_major, speech, target) = look_at_target(clients, record, request).await?;
    let options = LoadOptions {
        clean: request.clean,
        single_transaction: request.single_transaction,
        no_owner: !request.keep_owner,
        no_acl: !request.keep_acl,
        no_comments: request.no_comments,
        speech,
        ..LoadOptions::new(server_major)
    };
    tracing::info!(id = %record.id, pg_restore = %client.version, server_major, "restoring into {}", request.target);
    let load = Load::start(client, &target, &options)?;
    Ok((archive, load))
}

/// Whether the target can take a backup, before hours are spent on thawing it: the same look that [`restore`] takes.
///
/// # Errors
/// What the target's side refuses.
pub async fn check_target(
    clients: &Clients,
    record: &Record,
    request: &RestoreRequest,
) -> Result<()> {
    look_at_target(clients, record, request).await.map(drop)
}

/// Finds the target empty, unless it need not be, and the client for it.
async fn look_at_target<'a>(
    clients: &'a Clients,
    record: &Record,
    request: &RestoreRequest,
) -> Result<(&'a Client, u32, Speech, DatabaseUrl)> {
    let mut session = Session::connect(&request.target).await?;
    session.check_writable().await?;
    if !request.clean {
        session.check_empty().await?;
    }
    let (server_major, speech) = (session.server_major(), session.speech().await?);
    let target = session.child_url().await?;
    session.close().await;
    let dumped_by = record
        .source
        .as_ref()
        .map_or(0, |source| source.client.major);
    let client = clients.for_restore(dumped_by, server_major)?;
    Ok((client, server_major, speech, target))
}

/// A restore that broke off, and whether pg_restore had been given all of the archive.
struct Broken {
    error: Error,
    all_given: bool,
}

/// Brings the archive to pg_restore. Its input ends cleanly only if all of it came and is what was dumped: on any fault it
/// is killed, since a clean end would make a cut archive look whole.
async fn carry_out(
    record: &Record,
    archive: Inbound,
    mut load: Load,
    progress: &Progress,
    interrupt: &Interrupt,
) -> std::result::Result<(Contents, LoadReport), Broken> {
    let name = archive.name();
    let brought = interrupt.or(archive.bring(&mut load, progress)).await;
    let all_given = brought.is_ok();
    let ended = match brought.and_then(|got| compare(record, &got, &name).map(|()| got)) {
        Ok(contents) => {
            tracing::info!("all rows are there; pg_restore goes on with indexes and constraints");
            let ended = interrupt.or(async { Ok(load.finish().await?) }).await;
            ended.map(|report| (contents, report))
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(loaded) => Ok(loaded),
        Err(error @ Error::Sink(_)) => {
            // pg_restore had failed by itself, and says why
            let error = load.abort().await.map_or(error, Error::from);
            Err(Broken { error, all_given })
        }
        Err(error) => {
            load.kill().await;
            Err(Broken { error, all_given })
        }
    }
}

/// In what state a failed restore leaves its target. pg_restore commits its one transaction when it has read all rows, which
/// may be before we see a fault of our own.
fn state_after(error: &Error, all_given: bool, single_transaction: bool) -> TargetState {
    match error {
        _ if !single_transaction => TargetState::Incomplete,
        Error::Postgres(postgres::Error::LoadFailed(_)) => TargetState::Unchanged,
        _ if !all_given => TargetState::Unchanged,
        _ => TargetState::AllOrNothing,
    }
}
