//! What came of a restore: what is there, and what is not and why.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    RestoreRequest,
    plan::{Plan, label},
    reason::Weight,
};
use crate::{
    archive::{Contents, Entry},
    backup::{BackupId, Label, Record},
    postgres::{Failures, LoadReport},
    text::Untrusted,
};

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
    /// what failed, where the restore went on all the same; up to a thousand
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
    /// whether something is missing now that was in the database; not where it was to be left out, or the target has its own
    pub missing: bool,
    /// the statement that makes it, where it is known
    #[serde(skip)]
    pub statement: Untrusted,
}

impl NotRestored {
    fn new(entry: &Entry, why: impl Into<Untrusted>, missing: bool) -> Self {
        Self {
            kind: entry.kind.clone(),
            schema: entry.schema.clone(),
            name: entry.name.clone(),
            why: why.into(),
            missing,
            statement: entry.definition.clone(),
        }
    }

    /// As a person knows it: `table public.orders`.
    #[must_use]
    pub fn label(&self) -> String {
        let kind = Untrusted::from(self.kind.raw().to_lowercase());
        if self.schema.is_empty() {
            format!("{kind} {}", self.name)
        } else {
            format!("{kind} {}.{}", self.schema, self.name)
        }
    }
}

impl RestoreReport {
    pub(super) fn new(
        record: &Record,
        request: &RestoreRequest,
        contents: &Contents,
        plan: &Plan,
        loaded: LoadReport,
    ) -> Self {
        let left_out = left_out(plan);
        let failed = failed(plan, &loaded.failures);
        let without_rows = |table: &(&str, &str)| {
            let all = left_out.iter().chain(&failed);
            all.into_iter()
                .any(|it| it.kind == "TABLE DATA" && (it.schema.raw(), it.name.raw()) == *table)
        };
        let whole = contents
            .tables
            .iter()
            .filter(|table| !without_rows(&(table.schema.raw(), table.name.raw())));
        let (tables, rows) = whole.fold((0, 0), |(tables, rows), table| {
            (tables + 1, rows + table.rows)
        });
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

    /// Everything that is missing in the target now.
    pub fn missing(&self) -> impl Iterator<Item = &NotRestored> {
        self.left_out
            .iter()
            .filter(|it| it.missing)
            .chain(&self.failed)
    }
}

/// What the plan leaves out.
pub(super) fn left_out(plan: &Plan) -> Vec<NotRestored> {
    let name = |at: usize| label(&plan.entries[at]);
    plan.left_out()
        .map(|(entry, reason, weight)| {
            NotRestored::new(entry, reason.describe(name), weight == Weight::Loss)
        })
        .collect()
}

fn failed(plan: &Plan, failures: &Failures) -> Vec<NotRestored> {
    let by_id: HashMap<i32, &Entry> = plan.kept_entries().map(|entry| (entry.id, entry)).collect();
    let session = Entry {
        kind: "SESSION".into(),
        ..Entry::default()
    };
    failures
        .first
        .iter()
        .map(|failure| {
            let entry = failure.entry.and_then(|id| by_id.get(&id).copied());
            NotRestored::new(entry.unwrap_or(&session), failure.message.clone(), true)
        })
        .collect()
}

/// What the plan changes beside.
pub(super) fn remarks(plan: &Plan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if !plan.missing_tablespaces.is_empty() {
        let names: Vec<String> = plan
            .missing_tablespaces
            .iter()
            .map(Untrusted::identifier)
            .collect();
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
    remarks
}
