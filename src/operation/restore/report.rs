//! What came of a restore: what is there, and what is not and why.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    RestoreRequest,
    closed::Closed,
    label::label,
    plan::Plan,
    reason::Weight,
    rules::SESSION,
    words::{listed, statements},
};
use crate::{
    archive::{Contents, Entry},
    backup::{BackupId, Details, Label, Record},
    postgres::{Failures, LoadReport, sql::ident},
    text::{Untrusted, counted},
};

/// Tables that a remark names.
const ROWS_NAMED: usize = 5;

/// What was restored where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// the backup
    pub id: BackupId,
    /// its database's label
    pub database: Label,
    /// user@host:port/name
    pub target: String,
    /// whether everything is there but what was to be left out, or what the target has of its own
    pub complete: bool,
    /// tables whose rows are there
    pub tables: usize,
    /// rows of them
    pub rows: u64,
    /// bytes of pg_dump's archive
    pub dump_bytes: u64,
    /// what was left out, in the archive's order
    pub left_out: Vec<NotRestored>,
    /// what failed, where the restore went on all the same
    pub failed: Vec<NotRestored>,
    /// how many statements failed
    pub failures: u64,
    /// what else is to be known
    pub remarks: Vec<String>,
    /// what pg_restore warned of
    pub warnings: Vec<Untrusted>,
    /// when it began
    pub started: Timestamp,
    /// when it ended
    pub finished: Timestamp,
}

/// Something of the backup that is not restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotRestored {
    /// pg_dump's word for what it is
    pub kind: Untrusted,
    /// its schema; empty for what is in none
    pub schema: Untrusted,
    /// its name
    pub name: Untrusted,
    /// why
    pub why: Untrusted,
    /// whether something is missing now that was in the database; not where it was to be left out, or the target has
    /// its own
    pub missing: bool,
    /// as a person knows it: `table public.orders`
    #[serde(skip)]
    pub label: Untrusted,
    /// the statement that makes it, where it is known
    #[serde(skip)]
    pub statement: Untrusted,
}

impl NotRestored {
    pub(super) fn new(entry: &Entry, why: impl Into<Untrusted>, missing: bool) -> Self {
        Self {
            kind: entry.kind.clone(),
            schema: entry.schema.clone(),
            name: entry.name.clone(),
            why: why.into(),
            missing,
            label: label(entry).into(),
            statement: match entry.is_cut {
                true => Untrusted::default(),
                false => entry.definition.clone(),
            },
        }
    }
}

impl NotRestored {
    /// An object that was closed to everybody in the backup, and is not in the target.
    pub(super) fn open(plan: &Plan, closed: &Closed, why: Untrusted) -> Self {
        let why = format!("it is open to PUBLIC, which it wasn't in the backup: {why}");
        let mut open = Self::new(&plan.entries[closed.entry], why, true);
        open.statement = closed.statements.clone();
        open
    }
}

impl RestoreReport {
    /// Adds what failed at the end.
    pub(super) fn add_failed(&mut self, failed: Vec<NotRestored>) {
        self.failures += failed.len() as u64;
        self.complete &= failed.is_empty();
        self.failed.extend(failed);
    }

    pub(super) fn new(
        record: &Record,
        request: &RestoreRequest,
        contents: &Contents,
        plan: &Plan,
        loaded: LoadReport,
    ) -> Self {
        let left_out = left_out(plan);
        let failed = failed(plan, &loaded.failures);
        let (tables, rows) = match is_told_apart(plan) || loaded.failures.count == 0 {
            true => restored_rows(contents, plan, left_out.iter().chain(&failed)),
            false => (0, 0),
        };
        Self {
            id: record.id.clone(),
            database: record.database.clone(),
            target: request.target.to_string(),
            complete: loaded.failures.count == 0 && !left_out.iter().any(|it| it.missing),
            tables,
            rows,
            dump_bytes: contents.length,
            left_out,
            failed,
            failures: loaded.failures.count,
            remarks: remarks(plan, request),
            warnings: loaded.warnings.into_iter().map(Untrusted::from).collect(),
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
        }
    }

    /// Names the subscriptions that still have the source's slot.
    pub(super) fn add_slots(&mut self, left: Vec<NotRestored>) {
        self.failures += left.len() as u64;
        self.complete &= left.is_empty();
        self.failed.extend(left);
    }

    /// Everything that is missing in the target now.
    pub fn missing(&self) -> impl Iterator<Item = &NotRestored> {
        self.left_out.iter().filter(|it| it.missing).chain(&self.failed)
    }
}

/// What the plan leaves out.
pub(super) fn left_out(plan: &Plan) -> Vec<NotRestored> {
    let name = |at: usize| label(&plan.entries[at]);
    plan.left_out()
        .map(|(entry, reason, weight)| NotRestored::new(entry, reason.describe(name), weight == Weight::Loss))
        .collect()
}

/// What the plan restores.
pub(super) fn restored(plan: &Plan) -> Vec<Untrusted> {
    plan.kept_entries()
        .filter(|entry| {
            let kind = entry.kind.raw();
            !SESSION.contains(&kind) && !plan.unasked.contains(&kind)
        })
        .map(|entry| label(entry).into())
        .collect()
}

/// Warnings of a backup's run that are shown.
const WARNINGS: usize = 10;

/// What the run that made the backup warned of: what it couldn't dump no restore brings.
pub(super) fn warnings_of_backup(record: &Record, details: Option<&Details>) -> Vec<String> {
    let Some(details) = details else {
        let count = record.counts.warnings;
        let lost = (count > 0).then(|| {
            let warnings = counted(count, "warning");
            format!("{warnings} of the run that made the backup can't be read any more: its details are lost")
        });
        return Vec::from_iter(lost);
    };
    let mut warnings: Vec<String> = details
        .warnings
        .iter()
        .take(WARNINGS)
        .map(|warning| format!("warned of when the backup was made: {warning}"))
        .collect();
    if let Some(more) = details.warnings.len().checked_sub(WARNINGS + 1) {
        warnings.push(format!(
            "{} more, which `pgcoffer show {}` has",
            counted(more + 1, "warning"),
            record.id
        ));
    }
    warnings
}

/// Tables whose rows are there, and how many rows.
fn restored_rows<'a>(contents: &Contents, plan: &Plan, missing: impl Iterator<Item = &'a NotRestored>) -> (usize, u64) {
    let without_rows: HashSet<(&str, &str)> = missing
        .filter(|it| it.kind == "TABLE DATA")
        .map(|it| (it.schema.raw(), it.name.raw()))
        .collect();
    let tables = contents.tables.iter();
    tables
        .filter(|table| {
            let place = (table.schema.clone(), table.name.clone());
            let (schema, name) = plan.renamed.get(&place).unwrap_or(&place);
            !without_rows.contains(&(schema.raw(), name.raw()))
        })
        .fold((0, 0), |(tables, rows), table| (tables + 1, rows + table.rows))
}

/// Whether the lines of pg_restore are its own: a name with a line break can look like one.
fn is_told_apart(plan: &Plan) -> bool {
    let has_line_break = |text: &Untrusted| text.raw().contains(['\n', '\r']);
    !plan.kept_entries().any(|entry| {
        [&entry.name, &entry.schema, &entry.owner]
            .into_iter()
            .any(has_line_break)
    })
}

/// What failed, in the order in which it did; of those beyond the first thousand without its reason. Where a name could
/// pass for a line of pg_restore's own, nothing is said of which entry it was.
fn failed(plan: &Plan, failures: &Failures) -> Vec<NotRestored> {
    let is_told_apart = is_told_apart(plan);
    let by_id: HashMap<i32, &Entry> = plan.kept_entries().map(|entry| (entry.id, entry)).collect();
    let session = Entry {
        kind: "SESSION".into(),
        ..Entry::default()
    };
    let first = failures.first.iter().map(|failure| {
        let entry = failure.entry.filter(|_| is_told_apart);
        let entry = entry.and_then(|id| by_id.get(&id).copied());
        NotRestored::new(entry.unwrap_or(&session), failure.message.clone(), true)
    });
    let named: HashSet<i32> = failures.first.iter().filter_map(|failure| failure.entry).collect();
    let more = failures
        .more
        .iter()
        .filter(|id| is_told_apart && !named.contains(id))
        .filter_map(|id| by_id.get(id))
        .map(|entry| {
            NotRestored::new(
                entry,
                "it failed behind the first thousand, whose reasons are kept",
                true,
            )
        });
    first.chain(more).collect()
}

/// Statements of settings that are shown.
const SETTINGS: usize = 3;

/// Settings of the database that was backed up, which belong to it and not to what is in it.
fn settings_of_database(plan: &Plan) -> Option<String> {
    let properties = plan.entries.iter().filter(|entry| entry.kind == "DATABASE PROPERTIES");
    let settings: Vec<Untrusted> = properties
        .flat_map(|entry| statements(entry.definition.raw()))
        .map(|statement| format!("{statement};").into())
        .collect();
    let some = settings.iter().take(SETTINGS);
    let mut shown: Vec<String> = some.map(ToString::to_string).collect();
    if settings.len() > SETTINGS {
        shown.push(format!("({} more)", settings.len() - SETTINGS));
    }
    (!settings.is_empty()).then(|| {
        format!(
            "settings that the database had are not restored; where the application needs them, run for the target: {}",
            shown.join(" ")
        )
    })
}

/// What the plan changes beside.
pub(super) fn remarks(plan: &Plan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if request.keep_going && !is_told_apart(plan) {
        remarks.push(
            "a name in the backup has a line break and could pass for a line of pg_restore's: should something fail, \
             which entry it was, and which rows are there, can't be told"
                .to_owned(),
        );
    }
    remarks.extend(plan.closures.remarks());
    remarks.extend(plan.bodies.iter().cloned());
    if let Some(why) = &plan.untried {
        remarks.push(format!(
            "not all definitions could be tried in the target beforehand ({why}): what it refuses may be found on the \
             way"
        ));
    }
    if let Some(first) = plan.raised.first() {
        remarks.push(format!(
            "a superuser restores without --keep-owner: {first}{} with SECURITY DEFINER then runs as superuser, for \
             whoever may connect; restore as the database's owner instead",
            match plan.raised.len() {
                1 => String::new(),
                count => format!(" and {} more functions", count - 1),
            }
        ));
    }
    remarks.extend(settings_of_database(plan));
    if !plan.missing_tablespaces.is_empty() {
        let names: Vec<String> = plan.missing_tablespaces.iter().map(Untrusted::identifier).collect();
        remarks.push(format!(
            "everything goes into the target's own tablespace, since it lacks, or the role may not use, {}",
            names.join(", ")
        ));
    }
    if request.roles == super::MissingRoles::Create && !plan.missing_roles.is_empty() {
        let names: Vec<String> = plan
            .missing_roles
            .iter()
            .map(|role| Untrusted::from(&**role).identifier())
            .collect();
        remarks.push(format!("roles made without a login: {}", names.join(", ")));
    }
    if !plan.emptied_tables.is_empty() {
        remarks.push(format!(
            "of the tables that extensions make, the rows that they had beside their own are replaced: {}",
            listed(plan.emptied_tables.clone(), ROWS_NAMED)
        ));
    }
    remarks.extend(plan.subscriptions().iter().map(|name| {
        format!(
            "the subscription {} comes disabled and without a slot, as the one at its publisher is the source's: make \
             one there, SELECT pg_create_logical_replication_slot('NEW', 'pgoutput'), and name it, ALTER SUBSCRIPTION \
             {} SET (slot_name = 'NEW'), before it is enabled",
            name.identifier(),
            ident(name.raw())
        )
    }));
    if !plan.granted_by_default.is_empty() {
        let roles = plan.granted_by_default.iter();
        let roles = roles.map(|role| Untrusted::from(&**role).identifier());
        remarks.push(format!(
            "default privileges of the target give rights to whatever is made there, also to what was closed in the \
             database (psql lists them by \\ddp): {}",
            listed(roles.collect(), ROWS_NAMED)
        ));
    }
    remarks.extend(of_replacing(plan, request));
    let passes = plan.later_passes().len();
    if passes > 0 {
        remarks.push(format!(
            "foreign keys of the target's own tables want rows in another order than the backup has them, so it is \
             read {} times",
            passes + 1
        ));
    }
    remarks
}

/// What others notice of what is replaced.
fn of_replacing(plan: &Plan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if !request.clean {
        return remarks;
    }
    let has_privileges = plan.entries.iter().any(|entry| entry.kind == "ACL");
    if has_privileges && !request.keep_acl {
        remarks.push(
            "privileges go with what is replaced, and others may lose their access: --keep-acl brings those of the \
             backup"
                .to_owned(),
        );
    }
    if let Some(role) = &plan.takes_over {
        remarks.push(format!(
            "what is replaced will belong to {role}: --keep-owner gives it to the backup's owners"
        ));
    }
    if !plan.published.is_empty() {
        let names = plan.published.iter().map(Untrusted::identifier).collect();
        remarks.push(format!(
            "who subscribes to tables that are replaced is not sent what they hold then, and goes on with what it has: \
             set those subscriptions up anew; publications: {}",
            listed(names, ROWS_NAMED)
        ));
    }
    remarks
}
