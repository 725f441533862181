//! The report of a restore: what was restored, what was not, and why.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    RestoreRequest,
    label::label,
    not_restored::NotRestored,
    plan::RestorePlan,
    reason::{Impact, SkipReason},
    rules::SESSION_KINDS,
    statement::{listed, statements},
};
use crate::{
    archive::{Contents, Entry},
    backup::{BackupId, Details, Label, Record},
    postgres::{LoadReport, StatementFailures, sql::ident},
    text::{Untrusted, counted},
};

/// The number of tables that a remark names.
const ROWS_NAMED: usize = 5;

/// The result of a restore that ran to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// The id of the backup.
    pub id: BackupId,
    /// The label of the backup's database.
    pub database: Label,
    /// The target as user@host:port/name.
    pub target: String,
    /// Whether everything is restored, except for what the user asked to leave out and what the target has of its own.
    pub complete: bool,
    /// The number of tables whose rows were restored.
    pub tables: usize,
    /// The number of restored rows.
    pub rows: u64,
    /// The length of pg_dump's archive in bytes.
    pub dump_bytes: u64,
    /// Bytes of the archive in the bucket that were read, at most: of a part no more than it takes.
    pub read_bytes: u64,
    /// Bytes of the archive in the bucket.
    pub stored_bytes: u64,
    /// What was left out, in the archive's order.
    pub left_out: Vec<NotRestored>,
    /// What failed, if the restore continued after failures.
    pub failed: Vec<NotRestored>,
    /// The number of statements that failed.
    pub failures: u64,
    /// What else the user should know.
    pub remarks: Vec<String>,
    /// Warnings of pg_restore.
    pub warnings: Vec<Untrusted>,
    /// What the archive held, which is as it was dumped.
    #[serde(skip)]
    pub contents: Contents,
    /// When the restore began.
    pub started: Timestamp,
    /// When the restore ended.
    pub finished: Timestamp,
}

impl RestoreReport {
    /// Adds what failed after the load.
    pub(super) fn add_failed(&mut self, failed: Vec<NotRestored>) {
        self.failures += failed.len() as u64;
        self.complete &= failed.is_empty();
        self.failed.extend(failed);
    }

    pub(super) fn new(
        record: &Record,
        request: &RestoreRequest,
        (contents, tables_of_part): (&Contents, Option<&BTreeSet<(Untrusted, Untrusted)>>),
        plan: &RestorePlan,
        loaded: LoadReport,
    ) -> Self {
        let left_out = left_out(plan);
        let failed = failed(plan, &loaded.failures);
        let (tables, rows) = match is_told_apart(plan) || loaded.failures.count == 0 {
            true => restored_rows((contents, tables_of_part), plan, left_out.iter().chain(&failed)),
            false => (0, 0),
        };
        Self {
            id: record.id.clone(),
            database: record.database.clone(),
            target: request.target.to_string(),
            complete: loaded.failures.count == 0 && !left_out.iter().any(|it| it.missing),
            tables,
            rows,
            dump_bytes: record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes),
            read_bytes: 0,
            stored_bytes: 0,
            left_out,
            failed,
            failures: loaded.failures.count,
            remarks: remarks(plan, request),
            warnings: loaded.warnings.into_iter().map(Untrusted::from).collect(),
            contents: contents.clone(),
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
        }
    }

    /// Adds the subscriptions that still name the source's replication slot.
    pub(super) fn add_slots(&mut self, left: Vec<NotRestored>) {
        self.failures += left.len() as u64;
        self.complete &= left.is_empty();
        self.failed.extend(left);
    }

    /// Everything that the target lacks now.
    pub fn missing(&self) -> impl Iterator<Item = &NotRestored> {
        self.left_out.iter().filter(|it| it.missing).chain(&self.failed)
    }
}

/// What the plan leaves out.
pub(super) fn left_out(plan: &RestorePlan) -> Vec<NotRestored> {
    let name = |at: usize| label(&plan.entries[at]);
    plan.left_out()
        .map(|(entry, reason, impact)| {
            let is_missing = impact == Impact::Loss;
            let mut left_out = NotRestored::new(entry, reason.describe(name), is_missing);
            left_out.is_unrelated = !is_missing
                && (*reason == SkipReason::NotSelected || (plan.is_data_only && *reason == SkipReason::Present));
            left_out
        })
        .collect()
}

/// The labels of everything that the plan restores.
pub(super) fn restored(plan: &RestorePlan) -> Vec<Untrusted> {
    plan.kept_entries()
        .filter(|entry| {
            let kind = entry.kind.raw();
            !SESSION_KINDS.contains(&kind) && !plan.unreported_kinds.contains(&kind)
        })
        .map(|entry| label(entry).into())
        .collect()
}

/// The number of the backup's warnings that are shown.
const WARNINGS: usize = 10;

/// Warnings of the run that made the backup. No restore brings back what it couldn't dump.
pub(super) fn warnings_of_backup(record: &Record, details: Option<&Details>) -> Vec<String> {
    let Some(details) = details else {
        let count = record.counts.warnings;
        let lost = (count > 0).then(|| {
            let warnings = counted(count, "warning");
            format!("{warnings} of the run that made the backup can't be read, as its details are lost")
        });
        return Vec::from_iter(lost);
    };
    let mut warnings: Vec<String> = details
        .warnings
        .iter()
        .take(WARNINGS)
        .map(|warning| format!("warning of the run that made the backup: {warning}"))
        .collect();
    if let Some(more) = details.warnings.len().checked_sub(WARNINGS + 1) {
        warnings.push(format!(
            "{} more, which `pgcoffer show {}` lists",
            counted(more + 1, "warning"),
            record.id
        ));
    }
    warnings
}

/// The number of tables whose rows were restored, and the number of rows.
fn restored_rows<'a>(
    (contents, tables_of_part): (&Contents, Option<&BTreeSet<(Untrusted, Untrusted)>>),
    plan: &RestorePlan,
    missing: impl Iterator<Item = &'a NotRestored>,
) -> (usize, u64) {
    let without_rows: HashSet<(&str, &str)> = missing
        .filter(|it| it.kind == "TABLE DATA")
        .map(|it| (it.schema.raw(), it.name.raw()))
        .collect();
    let tables = contents.tables.iter();
    tables
        .filter(|table| {
            let place = (table.schema.clone(), table.name.clone());
            if tables_of_part.is_some_and(|tables| !tables.contains(&place)) {
                return false;
            }
            let (schema, name) = plan.renamed.get(&place).unwrap_or(&place);
            !without_rows.contains(&(schema.raw(), name.raw()))
        })
        .fold((0, 0), |(tables, rows), table| (tables + 1, rows + table.rows))
}

/// Whether pg_restore's messages are unambiguous. A name with a line break could look like a line of pg_restore's own.
fn is_told_apart(plan: &RestorePlan) -> bool {
    let has_line_break = |text: &Untrusted| text.raw().contains(['\n', '\r']);
    !plan.kept_entries().any(|entry| {
        [&entry.name, &entry.schema, &entry.owner]
            .into_iter()
            .any(has_line_break)
    })
}

/// What failed, in the order of the failures. Reasons are kept for the first thousand. If a name could look like a line
/// of pg_restore's own, the entries are not named.
fn failed(plan: &RestorePlan, failures: &StatementFailures) -> Vec<NotRestored> {
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
                "it failed; reasons are kept for the first thousand failures only",
                true,
            )
        });
    first.chain(more).collect()
}

/// The number of a database's settings that are shown.
const SETTINGS: usize = 3;

/// Settings of the backed-up database. They belong to the database and not to its contents, so they aren't restored.
/// They are named with the target's name in place of the backup's.
fn settings_of_database(plan: &RestorePlan, target: &str) -> Option<String> {
    let target = ident(target);
    let properties = plan.entries.iter().filter(|entry| entry.kind == "DATABASE PROPERTIES");
    let settings: Vec<Untrusted> = properties
        .flat_map(|entry| statements(entry.definition.raw()))
        .map(|statement| format!("{};", of_database(statement, &target)).into())
        .collect();
    let some = settings.iter().take(SETTINGS);
    let mut shown: Vec<String> = some.map(ToString::to_string).collect();
    if settings.len() > SETTINGS {
        shown.push(format!("({} more)", settings.len() - SETTINGS));
    }
    (!settings.is_empty()).then(|| {
        format!(
            "the settings of the database are not restored; if the application needs them, run in the target: {}",
            shown.join(" ")
        )
    })
}

/// The statement for another database, whose name is quoted for SQL. Every such statement names one: `ALTER DATABASE
/// "a b" SET …`, `ALTER ROLE x IN DATABASE "a b" SET …`.
fn of_database(statement: &str, name: &str) -> String {
    const BEFORE: &str = "DATABASE ";
    let Some((before, named)) = statement.split_once(BEFORE) else {
        return statement.to_owned();
    };
    let mut in_quotes = false;
    let end = named.find(|c: char| {
        in_quotes ^= c == '"';
        c == ' ' && !in_quotes
    });
    format!("{before}{BEFORE}{name}{}", &named[end.unwrap_or(named.len())..])
}

/// What the user should know about the plan, in words.
pub(super) fn remarks(plan: &RestorePlan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if request.keep_going && !is_told_apart(plan) {
        remarks.push(
            "a name in the backup has a line break and could look like a line of pg_restore's own: if something fails, \
             the report can't tell which entry failed and which rows were restored"
                .to_owned(),
        );
    }
    remarks.extend(plan.public_revokes.remarks());
    remarks.extend(plan.body_remarks.iter().cloned());
    if let Some(why) = &plan.trial_stopped {
        remarks.push(format!(
            "not all definitions could be tried in the target beforehand ({why}), so the restore may find more that \
             the target refuses"
        ));
    }
    if let Some(first) = plan.superuser_functions.first() {
        remarks.push(format!(
            "a superuser restores without --keep-owner: {first}{} with SECURITY DEFINER will run as superuser for \
             every role that can connect; restore as the database's owner instead",
            match plan.superuser_functions.len() {
                1 => String::new(),
                count => format!(" and {} more functions", count - 1),
            }
        ));
    }
    // a database that is made for a drill is asked for no settings
    if !request.made_for_it {
        remarks.extend(settings_of_database(plan, request.target.database()));
    }
    if !plan.missing_tablespaces.is_empty() {
        let names: Vec<String> = plan.missing_tablespaces.iter().map(Untrusted::identifier).collect();
        remarks.push(format!(
            "everything goes into the target's default tablespace, as these tablespaces are missing or the role has no \
             right to use them: {}",
            names.join(", ")
        ));
    }
    if request.roles == super::MissingRoles::Create && !plan.missing_roles.is_empty() {
        let names: Vec<String> = plan
            .missing_roles
            .iter()
            .map(|role| Untrusted::from(&**role).identifier())
            .collect();
        remarks.push(format!(
            "roles created without a login and without special rights: {}; what else they were, `pgcoffer show ID \
             --globals` prints",
            names.join(", ")
        ));
    }
    if !plan.replaced_row_tables.is_empty() {
        remarks.push(format!(
            "rows that were added to tables of extensions are replaced by the backup's: {}",
            listed(plan.replaced_row_tables.clone(), ROWS_NAMED)
        ));
    }
    remarks.extend(plan.subscriptions().iter().map(|name| {
        format!(
            "the subscription {} is restored disabled and without a slot, as the slot at its publisher belongs to the \
             source: before you enable it, create a slot there, SELECT pg_create_logical_replication_slot('NEW', \
             'pgoutput'), and set it, ALTER SUBSCRIPTION {} SET (slot_name = 'NEW')",
            name.identifier(),
            ident(name.raw())
        )
    }));
    if !plan.granted_by_default.is_empty() {
        let roles = plan.granted_by_default.iter();
        let roles = roles.map(|role| Untrusted::from(&**role).identifier());
        remarks.push(format!(
            "default privileges of the target grant rights on every new object, also on what was closed in the \
             database (psql lists them by \\ddp); they grant to: {}",
            listed(roles.collect(), ROWS_NAMED)
        ));
    }
    remarks.extend(remarks_on_replacing(plan, request));
    if !plan.waiting_keys.is_empty() {
        let names = plan.waiting_keys.iter().map(|key| {
            let words = [&key.schema, &key.table, &key.name].map(|word| Untrusted::from(&**word).identifier());
            format!("{} of {}.{}", words[2], words[0], words[1])
        });
        remarks.push(format!(
            "foreign keys of the target's own tables that need rows which come later are checked when all rows are there: \
             {}",
            listed(names.collect(), ROWS_NAMED)
        ));
    }
    let passes = plan.later_passes().len();
    if passes > 0 {
        remarks.push(format!(
            "foreign keys of the target's own tables need the rows in another order than the backup has them, so the \
             backup is read {} times",
            passes + 1
        ));
    }
    remarks
}

/// What `--clean` means for other users of the replaced objects.
fn remarks_on_replacing(plan: &RestorePlan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if !request.clean {
        return remarks;
    }
    let has_privileges = plan.entries.iter().any(|entry| entry.kind == "ACL");
    if has_privileges && !request.keep_acl {
        remarks.push(
            "replaced objects lose their privileges, so other roles may lose access; --keep-acl restores the \
             privileges of the backup"
                .to_owned(),
        );
    }
    if let Some(role) = &plan.new_owner {
        remarks.push(format!(
            "replaced objects will belong to {role}; --keep-owner restores the owners of the backup"
        ));
    }
    if !plan.published.is_empty() {
        let names = plan.published.iter().map(Untrusted::identifier).collect();
        remarks.push(format!(
            "subscribers of replaced tables don't receive the restored rows and keep the rows that they have; set up \
             those subscriptions again; publications: {}",
            listed(names, ROWS_NAMED)
        ));
    }
    remarks
}
