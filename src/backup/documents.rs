//! Records as programs read them: the same in the JSON of the commands and in the dashboard's API, whose document
//! describes them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    BackupId, Counts, Details, DrillName, DrillOutcome, DrillRecord, DrillServer, DrillTimes, Label, Mark, Reason,
    Record, Retention, TableFingerprint, with_text,
};
use crate::{
    archive::{Definitions, LargeObjects},
    text::Untrusted,
};

/// A record with what is inside the backup.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordDocument {
    /// The record itself.
    #[serde(flatten)]
    pub record: Record,
    /// What is inside, as far as the keys at hand see it.
    #[serde(flatten)]
    #[schema(value_type = InsideDocument)]
    pub inside: Option<InsideDocument>,
}

/// What is inside a backup, without what only a program that reads the archive needs. Nothing of it is there where the
/// keys at hand don't open it.
#[derive(Debug, Serialize, ToSchema)]
pub struct InsideDocument {
    /// The error of a run that failed: what failed, on what, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Untrusted>,
    /// What cures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Untrusted>,
    /// Warnings of pg_dump and of the run.
    #[schema(required = false)]
    pub warnings: Vec<Untrusted>,
    /// Why it looks wrong beside the last good ones: for each reason its kind, its facts, and the same in words.
    #[serde(serialize_with = "with_text")]
    #[schema(required = false, value_type = Vec<Object>)]
    pub suspicious: Vec<Reason>,
    /// The extensions of the database and their versions.
    #[schema(required = false)]
    pub extensions: Vec<(Untrusted, Untrusted)>,
    /// The arguments of pg_dump.
    #[schema(required = false)]
    pub options: Vec<Untrusted>,
    /// What the archive's table of contents defines, by kind.
    #[schema(required = false)]
    pub definitions: Vec<Definitions>,
    /// Each table's rows, bytes and fingerprint, in the archive's order.
    #[schema(required = false)]
    pub tables: Vec<TableFingerprint>,
    /// All large objects together.
    #[schema(required = false)]
    pub large_objects: LargeObjects,
}

/// The report of a drill, without the certificate itself, which has a command of its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrillDocument {
    /// The name of the report.
    pub report: DrillName,
    /// Whether there is a certificate.
    pub certified: bool,
    /// The backup.
    pub id: BackupId,
    /// The label of its database.
    pub database: Label,
    /// When the backup began.
    pub backed_up: Timestamp,
    /// When the drill began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// When it was due by the schedule; not there if a person started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Who started it.
    pub who: Untrusted,
    /// The version of pgcoffer that ran.
    pub agent: Untrusted,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: DrillOutcome,
    /// Where it restored, if it came so far.
    pub scratch: Option<DrillServer>,
    /// The version of the server that was backed up; empty if that isn't known.
    pub source_version: Untrusted,
    /// What the backup holds, in numbers.
    pub counts: Counts,
    /// Bytes of the backup in the bucket.
    pub stored_bytes: u64,
    /// Bytes of its dump.
    pub dump_bytes: u64,
    /// SHA-256 of the archive that was restored; empty if that isn't known.
    pub archive_sha256: Untrusted,
    /// How long it took.
    pub times: DrillTimes,
    /// Bytes of its findings in the bucket; 0 where there are none.
    pub findings_bytes: u64,
    /// SHA-256 of those bytes.
    pub findings_sha256: Untrusted,
    /// The other drills that were in the bucket then, the last one first.
    pub known: Vec<DrillName>,
}

/// How long a backup is kept in the place of what its record says, as somebody decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetainedDocument {
    /// How long.
    pub retention: Retention,
    /// When that runs out; null for never.
    pub expires: Option<Timestamp>,
    /// Who decided so.
    pub who: Untrusted,
    /// When.
    pub at: Timestamp,
}

impl RecordDocument {
    /// A record, with what is inside where that is known.
    #[must_use]
    pub fn new(record: &Record, details: Option<&Details>) -> Self {
        Self {
            record: record.clone(),
            inside: details.map(InsideDocument::from),
        }
    }
}

impl From<&Details> for InsideDocument {
    /// Without the index of chunks, and without roles and settings, which may hold secrets: whoever wants those asks
    /// for them.
    fn from(details: &Details) -> Self {
        Self {
            error: details.error.clone(),
            hint: details.hint.clone(),
            warnings: details.warnings.clone(),
            suspicious: details.suspicious.clone(),
            extensions: details.extensions.clone(),
            options: details.options.clone(),
            definitions: details.definitions.clone(),
            tables: details.tables.clone(),
            large_objects: details.large_objects,
        }
    }
}

impl From<&DrillRecord> for DrillDocument {
    fn from(report: &DrillRecord) -> Self {
        Self {
            report: report.name.clone(),
            certified: report.certificate.is_some(),
            id: report.id.clone(),
            database: report.database.clone(),
            backed_up: report.backed_up,
            started: report.started,
            finished: report.finished,
            due: report.due,
            who: report.who.clone(),
            agent: report.agent.clone(),
            outcome: report.outcome.clone(),
            scratch: report.scratch.clone(),
            source_version: report.source_version.clone(),
            counts: report.counts,
            stored_bytes: report.stored_bytes,
            dump_bytes: report.dump_bytes,
            archive_sha256: report.archive_sha256.clone(),
            times: report.times,
            findings_bytes: report.findings_bytes,
            findings_sha256: report.findings_sha256.clone(),
            known: report.known.clone(),
        }
    }
}

impl RetainedDocument {
    /// What somebody decided about a backup; none where nobody has.
    #[must_use]
    pub fn of(record: &Record, mark: Option<&Mark>) -> Option<Self> {
        let retained = mark.and_then(|mark| mark.retained.as_ref())?;
        let (retention, expires) = record.kept(mark);
        Some(Self {
            retention,
            expires,
            who: retained.who.clone(),
            at: retained.at,
        })
    }
}
