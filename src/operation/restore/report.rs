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
    remarks::{is_told_apart, remarks},
    rules::SESSION_KINDS,
};
use crate::{
    archive::{Contents, Entry},
    backup::{BackupId, Details, Label, Record},
    postgres::{LoadReport, StatementFailures},
    text::{Untrusted, counted},
};

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
        // the rows of several partitions may have come into the one table beside
        let tables = match tables_of_part {
            Some(_) => tables.min(1),
            None => tables,
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
