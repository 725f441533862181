//! Restores a backup into a database: what can be, what is left out and why, and the road of its bytes into pg_restore.

mod bodies;
mod choice;
mod closed;
mod given;
mod label;
mod lacks;
mod names;
mod others;
mod pattern;
mod plan;
mod prepared;
mod questions;
mod reason;
mod replace;
mod report;
mod road;
mod room;
mod rows;
mod rules;
mod slots;
mod ties;
mod tried;
mod words;

use jiff::Timestamp;

use super::{
    Interrupt, Progress,
    archive::open_archive,
    backup::signal_first,
    spans::{step, traced},
};
use crate::{
    archive::Entry,
    backup::{Details, Record, TableFingerprint},
    catalog::Catalog,
    error::{Error, Result, TargetState},
    pipeline::SealedArchive,
    postgres::{Client, Clients, DatabaseUrl, Road, Session, Settings, Speech},
    text::Untrusted,
};

use names::Names;
pub use pattern::Pattern;
use plan::{Plan, Wishes};
use questions::questions;
pub use report::{NotRestored, RestoreReport};
use road::{Broken, state_after};
use room::lacks_of_room;

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
    /// leave all comments out
    pub no_comments: bool,
    /// what is left out
    pub leave_out: Vec<Pattern>,
    /// where it is not empty: nothing but this, what belongs to it and what that needs
    pub only: Vec<Pattern>,
    /// what is done about roles that are named and not there
    pub roles: MissingRoles,
    /// go on after what can't be restored, and name it
    pub keep_going: bool,
}

/// What a restore does about roles that policies, user mappings, owners and privileges name and that the target lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingRoles {
    /// refuses, before anything is touched
    Refuse,
    /// makes them, without a login
    Create,
    /// leaves out what names them
    Skip,
}

/// A restore that was found possible: what will be restored is known, and nothing has been touched.
pub struct PreparedRestore<'a> {
    catalog: &'a Catalog,
    record: &'a Record,
    request: &'a RestoreRequest,
    details: Option<Details>,
    /// until it is brought
    archive: Option<SealedArchive>,
    plan: Plan,
    client: &'a Client,
    server_major: u32,
    speech: Speech,
    settings: Settings,
}

/// Looks at the archive's table of contents and at the target, and plans what is restored.
///
/// # Errors
/// Whatever makes the restore impossible, found before anything is touched; [`Error::TargetLacks`] where somebody has
/// to decide.
pub async fn prepare_restore<'a>(
    catalog: &'a Catalog,
    clients: &'a Clients,
    record: &'a Record,
    request: &'a RestoreRequest,
    interrupt: &Interrupt,
) -> Result<PreparedRestore<'a>> {
    interrupt.or(prepared(catalog, clients, record, request)).await
}

async fn prepared<'a>(
    catalog: &'a Catalog,
    clients: &'a Clients,
    record: &'a Record,
    request: &'a RestoreRequest,
) -> Result<PreparedRestore<'a>> {
    let archive = open_archive(catalog, record).await?;
    let mut entries = archive.entries().await?;
    let mut session = connect(request).await?;
    let (server_major, speech) = (session.server_major(), session.speech().await?);
    let settings = session.settings(Road::Back).await?;
    let names = Names::read(&mut session, &mut entries).await?;
    let facts = session.look_at_target(&questions(&entries)).await?;
    let details = catalog.known_details(record).await?;
    let filled = filled(details.as_ref(), &entries);
    let wishes = Wishes {
        filled: &filled,
        leave_out: &request.leave_out,
        only: &request.only,
        clean: request.clean,
        single_transaction: request.single_transaction,
        keep_owner: request.keep_owner,
        keep_acl: request.keep_acl,
        skip_roles: request.roles == MissingRoles::Skip,
        foresee_roles: request.keep_going && request.roles == MissingRoles::Refuse,
        keep_going: request.keep_going,
    };
    let mut plan = Plan::new(entries, names, &facts, &wishes)?;
    if request.roles != MissingRoles::Create && !request.keep_going {
        plan.lacks
            .extend(plan.lack_of_roles(request.roles == MissingRoles::Skip));
    }
    if request.clean && plan.lacks.is_empty() {
        plan.lacks.extend(lacks_of_room(&mut session, &plan).await?);
    }
    if !request.clean && !facts.is_superuser && plan.lacks.is_empty() {
        plan.try_in(&mut session, &facts, request).await?;
    }
    session.close().await;
    plan.look_at_the_rest(&facts, &wishes, source_major(record));
    if !plan.lacks.is_empty() {
        return Err(Error::TargetLacks {
            target: request.target.to_string(),
            lacks: plan.lacks,
        });
    }
    Ok(PreparedRestore {
        catalog,
        client: client_for(clients, record, server_major)?,
        record,
        request,
        details,
        archive: Some(archive),
        plan,
        server_major,
        speech,
        settings,
    })
}

/// The tables that have rows, by schema and name. Where the details are lost any that has data may have some.
fn filled(details: Option<&Details>, entries: &[Entry]) -> Vec<(Untrusted, Untrusted)> {
    let with_data = || {
        let tables = entries.iter().filter(|entry| entry.has_data);
        tables.map(|entry| (entry.schema.clone(), entry.name.clone()))
    };
    let Some(details) = details else {
        return with_data().collect();
    };
    let tables = details.tables.iter().filter(|table| table.rows > 0);
    let name = |table: &TableFingerprint| (table.schema.clone(), table.name.clone());
    tables.map(name).collect()
}

/// The major version of the server that was dumped; none in a record that doesn't say.
fn source_major(record: &Record) -> Option<u32> {
    record.source.as_ref().map(|source| source.server.major)
}

/// Whether the target can take a backup, before hours are spent on thawing it: what [`prepare_restore`] looks at, but
/// for what the archive holds.
///
/// # Errors
/// What the target's side refuses.
pub async fn check_target(clients: &Clients, record: &Record, request: &RestoreRequest) -> Result<()> {
    let session = connect(request).await?;
    let server_major = session.server_major();
    session.close().await;
    client_for(clients, record, server_major).map(drop)
}

/// Connects to a target that can be written and is empty, unless it need not be.
async fn connect(request: &RestoreRequest) -> Result<Session> {
    let mut session = Session::connect(&request.target).await?;
    session.check_writable().await?;
    if !request.clean {
        session.check_empty().await?;
    }
    Ok(session)
}

fn client_for<'a>(clients: &'a Clients, record: &Record, server_major: u32) -> Result<&'a Client> {
    let dumped_by = record.source.as_ref().map_or(0, |source| source.client.major);
    Ok(clients.for_restore(dumped_by, server_major)?)
}

/// Restores what was prepared.
///
/// The target is looked at once more; on any fault pg_restore is killed rather than given a clean end. Safe to cancel
/// as far as the archive is concerned; what the target then holds, a single transaction decides.
///
/// # Errors
/// Whatever failed first; [`Error::RestoreFailed`] says in what state the target was left.
pub async fn restore(
    prepared: PreparedRestore<'_>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<RestoreReport> {
    let record = prepared.record;
    let span = step!(
        "restore",
        database = record.database.as_str(),
        id = record.id.as_str(),
        dump_bytes = record.sealed.as_ref().map(|sealed| sealed.dump_bytes),
    );
    traced(span, restored(prepared, progress, interrupt)).await
}

async fn restored(
    mut prepared: PreparedRestore<'_>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<RestoreReport> {
    let started = Timestamp::now();
    let (record, request) = (prepared.record, prepared.request);
    let mut settings: Vec<String> = prepared.settings.warnings().collect();
    settings.extend(prepared.warnings_of_backup());
    let mut made_roles = Vec::new();
    let target = match interrupt.or(begin(&prepared, &mut made_roles)).await {
        Ok(target) => target,
        Err(error) if made_roles.is_empty() => return Err(error),
        Err(error) => {
            return Err(Error::RestoreFailed {
                target: request.target.to_string(),
                state: TargetState::Unchanged,
                made_roles,
                source: Box::new(error),
            });
        }
    };
    let loaded = prepared.loaded(&target, progress, interrupt).await;
    let slots = slots::take_away(&target, &prepared.plan).await;
    let (contents, loaded) = match loaded {
        Ok(loaded) => loaded,
        Err(Broken { error, all_given }) => {
            let error = signal_first(error, interrupt).await;
            return Err(Error::RestoreFailed {
                target: request.target.to_string(),
                state: state_after(&error, all_given, request),
                made_roles,
                source: Box::new(error),
            });
        }
    };
    let mut report = RestoreReport::new(record, request, &contents, &prepared.plan, loaded);
    report.add_slots(slots);
    report.add_failed(closed::close(&prepared.plan, &target).await);
    report.remarks.extend(settings);
    (report.started, report.finished) = (started, Timestamp::now());
    Ok(report)
}

/// The target may have changed while somebody was asked; and roles that are missing are made. The address of the very
/// server that this was seen on, for the child processes.
async fn begin(prepared: &PreparedRestore<'_>, made_roles: &mut Vec<String>) -> Result<DatabaseUrl> {
    let request = prepared.request;
    let mut session = connect(request).await?;
    if request.clean {
        let lacks = lacks_of_room(&mut session, &prepared.plan).await?;
        if !lacks.is_empty() {
            return Err(Error::TargetLacks {
                target: request.target.to_string(),
                lacks,
            });
        }
    }
    if request.roles == MissingRoles::Create {
        let roles = &prepared.plan.missing_roles;
        session.create_roles(roles, request.keep_owner, made_roles).await?;
    }
    let target = session.child_url().await?;
    session.close().await;
    Ok(target)
}
