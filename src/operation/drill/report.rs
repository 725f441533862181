//! The report of a drill: what was proven of a backup, and what was not.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    backup::{BackupId, Counts, Label, Record},
    operation::restore::NotRestored,
    text::Untrusted,
};

/// What a drill has proven of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillVerdict {
    /// Everything came back as it was dumped.
    Proven,
    /// Everything that could be compared came back as it was dumped. What could not be compared is named.
    PartlyProven,
    /// Something came back otherwise, or did not come back.
    NotProven,
}

/// A part of the backup that came back otherwise, or that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillFinding {
    /// pg_dump's word for its kind.
    pub kind: Untrusted,
    /// Its schema; empty if it is in none.
    pub schema: Untrusted,
    /// Its name.
    pub name: Untrusted,
    /// What is different, or why it could not be compared.
    pub why: Untrusted,
    /// Its label for people, like `table public.orders`.
    #[serde(skip)]
    pub label: Untrusted,
}

/// The result of one statement of `PGCOFFER_DRILL_SQL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillCheck {
    /// The line of the file on which its expectation stands.
    pub line: usize,
    /// The statement.
    pub statement: Untrusted,
    /// What is expected of it, as the file says it.
    pub expected: Untrusted,
    /// What it has returned, in words where that is no value.
    pub found: Untrusted,
    /// Whether that is as expected.
    pub passed: bool,
}

/// How long the parts of a drill took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DrillTimes {
    /// To make the database.
    pub prepare_ms: i64,
    /// To restore the backup: the measured recovery time.
    pub restore_ms: i64,
    /// To compare what came back with what was dumped.
    pub compare_ms: i64,
}

/// Where a drill restored a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillServer {
    /// `local`, or the address as user@host:port/name.
    pub place: String,
    /// Its version.
    pub version: Untrusted,
    /// Its major version.
    pub major: u32,
}

/// The result of a drill that ran to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillReport {
    /// The backup.
    pub id: BackupId,
    /// Its database.
    pub database: Label,
    /// When the backup began.
    pub backed_up: Timestamp,
    /// What was proven.
    pub verdict: DrillVerdict,
    /// Where it was restored.
    pub scratch: DrillServer,
    /// The version of the server that was backed up; empty if the record doesn't have it.
    pub source_version: Untrusted,
    /// What was compared, in numbers.
    pub counts: Counts,
    /// What came back otherwise, or did not come back: the reasons of "not proven".
    pub differences: Vec<DrillFinding>,
    /// What could not be compared: the reasons of "partly proven".
    pub not_compared: Vec<DrillFinding>,
    /// What was left out without a loss, such as what a platform creates by itself.
    pub left_out: Vec<NotRestored>,
    /// The user's own statements.
    pub checks: Vec<DrillCheck>,
    /// What else the user should know.
    pub remarks: Vec<String>,
    /// How long it took.
    pub times: DrillTimes,
    /// When the drill began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

impl DrillReport {
    /// A report before anything was compared.
    pub(super) fn new(record: &Record, scratch: DrillServer, started: Timestamp) -> Self {
        let source = record.source.as_ref();
        Self {
            id: record.id.clone(),
            database: record.database.clone(),
            backed_up: record.started,
            verdict: DrillVerdict::NotProven,
            scratch,
            source_version: source.map(|source| source.server.version.clone()).unwrap_or_default(),
            counts: record.counts,
            differences: Vec::new(),
            not_compared: Vec::new(),
            left_out: Vec::new(),
            checks: Vec::new(),
            remarks: Vec::new(),
            times: DrillTimes::default(),
            started,
            finished: started,
        }
    }

    /// The verdict that follows from what was found.
    pub(super) fn decide(&mut self) {
        let has_failed = !self.differences.is_empty() || self.checks.iter().any(|check| !check.passed);
        self.verdict = match (has_failed, self.not_compared.is_empty()) {
            (true, _) => DrillVerdict::NotProven,
            (false, false) => DrillVerdict::PartlyProven,
            (false, true) => DrillVerdict::Proven,
        };
    }
}

/// The milliseconds between two moments.
pub(super) fn milliseconds(from: Timestamp, to: Timestamp) -> i64 {
    let took: SignedDuration = to.duration_since(from);
    i64::try_from(took.as_millis()).unwrap_or(i64::MAX)
}
