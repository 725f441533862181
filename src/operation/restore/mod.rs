//! Restores a backup into a database: decides what is restored and what is left out, and streams the archive into
//! pg_restore.

mod beside;
mod clean;
mod column_defaults;
mod connection;
mod default_grants;
mod dependencies;
mod estimate;
mod function_bodies;
mod hidden_needs;
mod in_use;
mod label;
mod load;
mod missing_extensions;
mod named_roles;
mod names;
mod not_restored;
mod parallel;
mod pattern;
mod plan;
mod prepared;
mod preview;
mod problems;
mod public_revokes;
mod reason;
mod remade;
mod remarks;
mod replaced;
mod report;
mod request;
mod required_facts;
mod resume;
mod revoke_from_public;
mod routed_rows;
mod row_order;
mod rows;
mod rules;
mod selection;
mod slots;
mod statement;
mod steps;
mod trial;
mod unfinished;
mod unowned_tables;

use jiff::Timestamp;

use super::{
    Interrupt, Progress,
    backup::signal_first,
    part::{OpenedArchive, open_part},
    spans::{step, traced},
};
use crate::{
    archive::Entry,
    backup::{Details, Record, TableFingerprint},
    catalog::Catalog,
    error::{Error, Result, TargetProblem, TargetState},
    postgres::{Clients, DatabaseUrl, Direction, MessageLanguage, PgClient, Session, SessionSettings},
    text::Untrusted,
};

use beside::Beside;
use clean::clean_problems;
pub use estimate::RestoreEstimate;
use hidden_needs::add_hidden_needs;
pub(super) use label::label;
use load::FailedLoad;
pub(super) use named_roles::roles_named;
use names::DecodedNames;
pub use not_restored::NotRestored;
use parallel::{Jobs, ParallelPlan};
pub use pattern::Pattern;
use plan::{PlanOptions, RestorePlan};
pub(super) use prepared::LeftOut;
pub use preview::{Lacks, RestorePreview};
pub use report::RestoreReport;
pub use request::{MissingRoles, RestoreRequest};
use required_facts::required_facts;
use resume::{RestoredBefore, restored_before};
pub(super) use routed_rows::rows_root;
pub(super) use selection::is_part;
pub(super) use statement::{columns as copied_columns, granted_roles, name_after};
use unfinished::or_unfinished;

/// A restore that was checked and planned. The target has not been changed.
pub struct PreparedRestore<'a> {
    record: &'a Record,
    request: &'a RestoreRequest,
    /// The connection that holds the target's lock; none for a preview.
    locked: Option<Session>,
    archive: OpenedArchive,
    plan: RestorePlan,
    /// The table beside what the target has, if one was asked for.
    beside: Option<Beside>,
    /// How it is divided among several jobs, if several were asked for and the archive allows it.
    parallel: Option<ParallelPlan>,
    /// What the user should know about these jobs.
    remarks_on_jobs: Vec<String>,
    client: &'a PgClient,
    server_major: u32,
    message_language: MessageLanguage,
    settings: SessionSettings,
}

/// Reads the archive's table of contents, inspects the target, and plans what is restored.
///
/// Changes nothing that lasts: definitions are tried in a transaction that is rolled back. Safe to cancel.
///
/// # Errors
/// Any reason why the restore is impossible. [`Error::TargetUnsuitable`] lists problems that the user can solve.
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
    request.check()?;
    let is_part = !request.only.is_empty();
    let has_jobs = request.jobs.get() > 1 || request.resume;
    let mut archive = open_part(catalog, record, is_part || has_jobs).await?;
    let mut entries = std::mem::take(&mut archive.entries);
    let connected = match request.preview {
        true => connection::look(request).await,
        false => connection::locked(request).await,
    };
    let mut session = connected.map_err(|error| or_unfinished(error, request, &archive, &entries))?;
    let (server_major, message_language) = (session.server_major(), session.message_language().await?);
    let settings = session.settings(Direction::Restore).await?;
    let beside = match &request.beside {
        Some(name) => Some(Beside::new(&request.only, name, &mut entries)?),
        None => None,
    };
    let names = DecodedNames::read(&mut session, &mut entries).await?;
    let mut facts = session.inspect_target(&required_facts(&entries, request)).await?;
    if request.resume {
        facts.forget_objects();
    }
    let details = archive.details.as_ref().filter(|_| beside.is_none());
    let tables_with_rows = tables_with_rows(details, &entries);
    let options = PlanOptions {
        tables_with_rows: &tables_with_rows,
        leave_out: &request.leave_out,
        // the entries of a table beside are made for it
        only: if beside.is_some() { &[] } else { &request.only },
        data_only: request.data_only,
        is_beside: beside.is_some(),
        clean: request.clean,
        single_transaction: request.single_transaction,
        keep_owner: request.keep_owner,
        keep_acl: request.keep_acl,
        skip_roles: request.roles == MissingRoles::Skip,
        foresee_roles: request.keep_going && request.roles == MissingRoles::Refuse,
        keep_going: request.keep_going,
        own_tables_only: request.own_tables_only,
    };
    let refused = add_hidden_needs(&mut session, &mut entries, &facts, &options).await?;
    let mut plan = RestorePlan::new(entries, names, &facts, &options)?;
    // with --keep-going they are left out, as the trial finds them as well
    let is_refused = !refused.is_empty();
    plan.problems
        .extend(refused.into_iter().filter(|_| !request.keep_going));
    if request.roles != MissingRoles::Create && !request.keep_going {
        plan.problems
            .extend(plan.missing_roles_problem(request.roles == MissingRoles::Skip));
    }
    if request.clean && plan.problems.is_empty() {
        plan.problems.extend(clean_problems(&mut session, &plan).await?);
    }
    let there = match request.resume && plan.problems.is_empty() {
        true => restored_before(clients, record, request, &plan, &archive).await?,
        false => RestoredBefore::default(),
    };
    if !request.clean && (!facts.is_superuser || is_refused) && plan.problems.is_empty() {
        plan.try_in(&mut session, &facts, request, &there).await?;
    }
    let jobs = match has_jobs {
        true => Jobs::within(request.jobs, &session.connection_room().await?),
        false => Jobs::one(),
    };
    let locked = match request.preview {
        true => {
            session.close().await;
            None
        }
        false => Some(session),
    };
    plan.add_remarks(&facts, &options, source_major(record));
    if !plan.problems.is_empty() && !request.preview {
        return Err(unsuitable(request, plan.problems));
    }
    let parallel = match has_jobs {
        true => ParallelPlan::new(&plan, &archive, &jobs, there)?,
        false => None,
    };
    if parallel.is_none() && plan.kept_entries().any(|entry| entry.has_data && entry.kind == "BLOBS") {
        archive.read_whole();
    }
    let mut prepared = PreparedRestore {
        client: client_for(clients, record, server_major)?,
        record,
        request,
        locked,
        archive,
        plan,
        beside,
        parallel,
        remarks_on_jobs: Vec::new(),
        server_major,
        message_language,
        settings,
    };
    prepared.remarks_on_jobs = prepared.remarks_on(&jobs);
    Ok(prepared)
}

fn unsuitable(request: &RestoreRequest, problems: Vec<TargetProblem>) -> Error {
    Error::TargetUnsuitable {
        target: request.target.to_string(),
        problems,
    }
}

/// The tables that have rows, by schema and name. If the details are lost, every table with a data entry counts.
fn tables_with_rows(details: Option<&Details>, entries: &[Entry]) -> Vec<(Untrusted, Untrusted)> {
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

/// The major version of the server that was backed up; `None` if the record doesn't have it.
fn source_major(record: &Record) -> Option<u32> {
    record.source.as_ref().map(|source| source.server.major)
}

/// Checks whether the target can take a backup, before hours are spent on thawing it. Checks what [`prepare_restore`]
/// does, except for what needs the archive.
///
/// # Errors
/// Any reason why the target can't be used.
pub async fn check_target(clients: &Clients, record: &Record, request: &RestoreRequest) -> Result<()> {
    let session = connection::look(request).await?;
    let server_major = session.server_major();
    session.close().await;
    client_for(clients, record, server_major).map(drop)
}

fn client_for<'a>(clients: &'a Clients, record: &Record, server_major: u32) -> Result<&'a PgClient> {
    let dumped_by = record.source.as_ref().map_or(0, |source| source.client.major);
    Ok(clients.for_restore(dumped_by, server_major)?)
}

/// Decodes names and statements of entries as a restore does, by asking the server of this session.
///
/// # Errors
/// A failed query.
pub(super) async fn decode_names(session: &mut Session, entries: &mut [Entry]) -> Result<()> {
    DecodedNames::read(session, entries).await.map(drop)
}

/// Runs a prepared restore.
///
/// The target is checked once more. On any fault pg_restore is killed, never ended cleanly. Not retried. Safe to cancel
/// for the archive; the target is left unchanged only in a single transaction.
///
/// # Errors
/// The first fault. [`Error::RestoreFailed`] says in which state the target was left.
pub async fn restore(
    prepared: PreparedRestore<'_>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<RestoreReport> {
    if let Some(refusal) = prepared.refusal() {
        return Err(refusal);
    }
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
    let before = prepared.locked.take();
    let (mut locked, target, not_furnished) = match interrupt.or(begin(&prepared, before, &mut made_roles)).await {
        Ok(begun) => begun,
        Err(error) if made_roles.is_empty() => return Err(error),
        Err(error) => {
            return Err(Error::RestoreFailed {
                target: request.target.to_string(),
                backup: record.id.to_string(),
                state: TargetState::Unchanged,
                made_roles,
                source: Box::new(error),
            });
        }
    };
    let loaded = connection::kept(&mut locked, prepared.loaded(&target, progress, interrupt)).await;
    let slots = slots::remove_slots(&target, &prepared.plan).await;
    let (contents, loaded) = match loaded {
        Ok(loaded) => loaded,
        Err(FailedLoad { error, all_sent }) => {
            locked.close().await;
            let error = signal_first(error, interrupt).await;
            return Err(Error::RestoreFailed {
                target: request.target.to_string(),
                backup: record.id.to_string(),
                state: prepared.state_after(&error, all_sent),
                made_roles,
                source: Box::new(error),
            });
        }
    };
    let tables = prepared.beside.as_ref().map(|beside| &beside.tables);
    let mut report = RestoreReport::new(record, request, (&contents, tables), &prepared.plan, loaded);
    let read = prepared.read_bytes()?;
    (report.read_bytes, report.stored_bytes) = (read.read, read.of);
    report.remarks.extend(prepared.remarks_on_part());
    report.add_slots(slots);
    report.add_failed(revoke_from_public::revoke_from_public(&prepared.plan, &target).await);
    locked.close().await;
    report.remarks.extend(settings);
    let not_furnished = not_furnished.into_iter();
    report
        .remarks
        .extend(not_furnished.map(|why| format!("a created role lacks what it had: {why}")));
    (report.started, report.finished) = (started, Timestamp::now());
    Ok(report)
}

/// Checks the target again, as it may have changed while the user was asked, and creates missing roles. Returns the
/// session with the target's lock, the address of the server that the checks ran on, for child processes, and what the
/// created roles could not be given.
async fn begin(
    prepared: &PreparedRestore<'_>,
    before: Option<Session>,
    made_roles: &mut Vec<String>,
) -> Result<(Session, DatabaseUrl, Vec<String>)> {
    let request = prepared.request;
    let mut session = connection::locked_still(before, request).await?;
    if request.clean {
        let problems = clean_problems(&mut session, &prepared.plan).await?;
        if !problems.is_empty() {
            return Err(Error::TargetUnsuitable {
                target: request.target.to_string(),
                problems,
            });
        }
    }
    if request.roles == MissingRoles::Create {
        let roles = &prepared.plan.missing_roles;
        session.create_roles(roles, request.keep_owner, made_roles).await?;
    }
    let not_furnished = match prepared.globals() {
        Some(globals) => session.furnish_roles(made_roles, globals).await?,
        None => Vec::new(),
    };
    let target = session.child_url().await?;
    Ok((session, target, not_furnished))
}
