//! The report of a drill: what was proven of a backup, and what was not.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    archive::Definitions,
    backup::{
        BackupId, Counts, DrillCheck, DrillFinding, DrillName, DrillServer, DrillTimes, DrillVerdict,
        DrilledLargeObjects, DrilledTable, Label, Record,
    },
    operation::restore::NotRestored,
    text::Untrusted,
};

/// The result of a drill that ran to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillReport {
    /// The name of the report in the bucket; none if none was left there.
    pub report: Option<DrillName>,
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
    /// What both sides of the comparison held; its findings in the bucket have it.
    #[serde(skip)]
    pub data: ComparedData,
    /// How long it took.
    pub times: DrillTimes,
    /// When the drill began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// What was dumped, and what came back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ComparedData {
    /// Every table, by schema and name.
    pub tables: Vec<DrilledTable>,
    /// All large objects together.
    pub large_objects: DrilledLargeObjects,
    /// What the archive's table of contents defines, by kind.
    pub definitions: Vec<Definitions>,
}

impl DrillReport {
    /// A report before anything was compared.
    pub(super) fn new(record: &Record, scratch: DrillServer, started: Timestamp) -> Self {
        let source = record.source.as_ref();
        Self {
            report: None,
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
            data: ComparedData::default(),
            times: DrillTimes::default(),
            started,
            finished: started,
        }
    }

    /// The verdict that follows from what was found.
    pub(super) fn decide(&mut self) {
        self.verdict = self.findings().verdict();
    }
}

/// The milliseconds between two moments.
pub(super) fn milliseconds(from: Timestamp, to: Timestamp) -> i64 {
    let took: SignedDuration = to.duration_since(from);
    i64::try_from(took.as_millis()).unwrap_or(i64::MAX)
}
