//! A restore in words: the question before it, and what came of it.

use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use pgcoffer::{
    backup::Record,
    operation::{FetchedTable, NotRestored, PreparedRestore, RestoreReport, RestoreRequest},
    text::{Untrusted, counted, shell_word, span},
};

use super::text::tables_and_rows;

/// Lines of a list that are shown; the rest is a number.
const SHOWN: usize = 12;

/// What is asked before a restore, with everything that somebody half asleep should know.
pub(super) fn question(
    record: &Record,
    request: &RestoreRequest,
    prepared: &PreparedRestore<'_>,
    source: Option<&str>,
) -> String {
    let what = match request.clean {
        _ if !request.only.is_empty() => "a part; what is there stays as it is",
        _ if request.resume => "what an interrupted restore left there stays, and the rest is added",
        true => "what is there and in the backup too is dropped first; what is not in the backup stays",
        false => "it is empty",
    };
    let mut text = format!(
        "Restore {} of {} into {} ({what}).\n",
        record.id, record.database, request.target
    );
    if let Some(label) = source {
        text.push_str(&is_a_source(label));
        text.push('\n');
    }
    text.push_str(&plan(&prepared.left_out(), &prepared.remarks()));
    text.push_str("Type the name of the target database to go on: ");
    text
}

/// That the target is a database that is backed up.
pub(super) fn is_a_source(label: &str) -> String {
    format!(
        "This is the database that is backed up as {label}: to keep what it holds now, take a backup first, by \
         `pgcoffer backup {}`.",
        shell_word(label)
    )
}

/// That a target which is refused is a database that is backed up.
pub(super) fn leads_to_a_source(label: &str) -> String {
    format!("--to leads to the database that is backed up as {label}: name another one to restore into.")
}

/// Kinds that come first in a list, as they weigh most: rows, and who may see them.
const FIRST: &[&str] = &[
    "TABLE",
    "TABLE DATA",
    "BLOBS",
    "MATERIALIZED VIEW DATA",
    "ROW SECURITY",
    "POLICY",
];

/// What is known before.
pub(super) fn plan(left_out: &[NotRestored], remarks: &[String]) -> String {
    let mut text = list("missing", left_out.iter().filter(|it| it.missing));
    if !text.is_empty() {
        text.push_str("  so the exit status is 9\n");
    }
    let rest = left_out.iter().filter(|it| !it.missing && !it.is_unrelated);
    text.push_str(&list("left out", rest));
    for remark in remarks {
        text.push_str(&format!("  {remark}\n"));
    }
    text
}

/// Rows of one table that were got.
pub(super) fn fetched_table(fetched: &FetchedTable) -> String {
    let of = match fetched.partitions {
        0 => String::new(),
        count => format!(" from {}", counted(count, "partition")),
    };
    let file = fetched.file.as_ref().map(|file| format!(" in {}", file.display()));
    let mut text = format!(
        "{} of {}.{}{of}, as dumped, of {}{}\n",
        counted(HumanCount(fetched.rows), "row"),
        fetched.schema.identifier(),
        fetched.name.identifier(),
        fetched.id,
        file.unwrap_or_default()
    );
    match &fetched.whole_because {
        Some(why) => text.push_str(&format!(
            "  the whole archive was read, as {}\n",
            Untrusted::from(why.as_str())
        )),
        None => text.push_str(&read_of(fetched.read_bytes, fetched.stored_bytes)),
    }
    text
}

/// How much was read, and what that leaves open.
fn read_of(read: u64, stored: u64) -> String {
    // ranges may overlap, and of a small archive the ends are read beside them
    if read >= stored {
        return format!("  all {} were read, each byte checked\n", HumanBytes(stored));
    }
    format!(
        "  read {} of {}, each byte checked; what was not read is not proven by this\n",
        HumanBytes(read),
        HumanBytes(stored)
    )
}

/// What came of it.
pub(super) fn restored(report: &RestoreReport, statements: Option<&Path>) -> String {
    let mut text = format!(
        "{} {} of {} into {}\n  {}, in {}\n",
        if report.complete {
            "Restored"
        } else {
            "Restored in part"
        },
        report.id,
        report.database,
        report.target,
        tables_and_rows(report.tables as u64, report.rows),
        span(report.started, report.finished),
    );
    if report.read_bytes < report.stored_bytes {
        text.push_str(&read_of(report.read_bytes, report.stored_bytes));
    }
    text.push_str(&list("missing", report.missing()));
    if report.failures > report.failed.len() as u64 {
        text.push_str(&format!("  {} failed in all\n", counted(report.failures, "statement")));
    }
    if let Some(file) = statements {
        text.push_str(&format!(
            "  the statements that make what is missing, with their reasons: {}\n",
            file.display()
        ));
    }
    let rest = report.left_out.iter().filter(|it| !it.missing && !it.is_unrelated);
    text.push_str(&list("left out", rest));
    for remark in &report.remarks {
        text.push_str(&format!("  {remark}\n"));
    }
    for warning in &report.warnings {
        text.push_str(&format!("  warning: {warning}\n"));
    }
    text.push_str("  planner statistics are not part of a dump: run ANALYZE before real work\n");
    text
}

fn list<'a>(what: &str, all: impl Iterator<Item = &'a NotRestored>) -> String {
    let mut text = String::new();
    let mut more = 0;
    let mut all: Vec<&NotRestored> = all.collect();
    all.sort_by_key(|one| !FIRST.contains(&one.kind.raw()));
    for (at, one) in all.into_iter().enumerate() {
        if at < SHOWN {
            let why = one.why.first_line();
            text.push_str(&format!("  {what}: {}: {why}\n", one.label));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        text.push_str(&format!("  {what}: {more} more, which --json lists\n"));
    }
    text
}
