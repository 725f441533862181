//! What a drill has proven of a backup, as its report in the bucket says it.

mod certificate;
mod findings;
mod name;
mod reason;
mod server;
#[cfg(test)]
mod tests;
mod verdict;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BackupId, Collation, Counts, Label, lists::few};
use crate::{cause::Cause, seal::RepositoryId, text::Untrusted};

pub use certificate::{CERTIFICATE_BYTES_MAX, DrillCertificate};
pub use findings::{
    DrillCheck, DrillFinding, DrillFindings, DrilledLargeObjects, DrilledTable, FINDINGS_VERSION, TableRows,
};
pub use name::{BadDrillName, DrillName};
pub use reason::FindingReason;
pub use server::{DrillPlace, DrillServer};
pub use verdict::DrillVerdict;

/// The version of the shape of reports that this program writes.
pub const DRILL_VERSION: u32 = 1;

/// The characters of each text from outside that are written.
const TEXT_CHARS_MAX: usize = 200;

/// The characters of the place of an earlier drill.
const PLACE_CHARS_MAX: usize = 80;

/// Drills that a report names beside its own.
pub const MEASURED_MAX: usize = 12;

/// Drills that a report names because they were in the bucket when it was written.
pub const KNOWN_MAX: usize = 24;

/// How long everything of a drill is kept in the bucket.
pub const DRILLS_KEPT: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The newest drills of a database that are kept however old they are.
pub const DRILLS_KEPT_MIN: usize = 12;

/// How long the parts of a drill took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillTimes {
    /// To make the database.
    pub prepare_ms: i64,
    /// To restore the backup: the measured recovery time.
    pub restore_ms: i64,
    /// To compare what came back with what was dumped.
    pub compare_ms: i64,
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DrillOutcome {
    /// It ran to its end.
    Completed {
        /// What was proven.
        verdict: DrillVerdict,
        /// The number of parts that came back otherwise, or did not come back.
        differences: u64,
        /// The number of parts that could not be compared.
        not_compared: u64,
        /// The user's own statements whose answer was as expected.
        checks_passed: u64,
        /// The user's own statements whose answer was another one.
        checks_failed: u64,
    },
    /// It could not be carried out, so nothing was proven.
    NotCarriedOut {
        /// The exit status.
        exit_status: u8,
        /// Why, in words of our own. The findings have the error itself.
        #[serde(default, deserialize_with = "Cause::lenient")]
        cause: Cause,
    },
}

/// A drill that ran to its end, in short: one value of the series of measured recovery times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MeasuredDrill {
    /// When it began.
    pub began: Timestamp,
    /// The backup.
    pub id: BackupId,
    /// What was proven.
    pub verdict: DrillVerdict,
    /// Milliseconds that the restore took: the measured recovery time.
    pub restore_ms: i64,
    /// Bytes of the dump.
    pub dump_bytes: u64,
    /// `local`, or the address of the server.
    pub place: Untrusted,
}

/// The report of one drill: what a monitor needs to know, and no name of anything inside the database. It is sealed for
/// the catalog key and written last, so a drill without it has not ended.
///
/// A reader skips fields that it doesn't know; `version` rises only where that would mislead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// The shape of this document, [`DRILL_VERSION`].
    pub version: u32,
    /// The repository that it belongs to.
    pub repository: RepositoryId,
    /// The name of the drill, under which the report stands.
    pub name: DrillName,
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
    /// When it was due by the schedule; none if a person started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Who started it, as `user@host`.
    pub who: Untrusted,
    /// The version of pgcoffer that ran.
    pub agent: Untrusted,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: DrillOutcome,
    /// Where it restored, if it came so far.
    pub scratch: Option<DrillServer>,
    /// The version of the server that was backed up; empty if the record doesn't have it.
    #[serde(default)]
    pub source_version: Untrusted,
    /// What the backup holds, in numbers.
    #[serde(default)]
    pub counts: Counts,
    /// Bytes of the backup in the bucket.
    #[serde(default)]
    pub stored_bytes: u64,
    /// Bytes of its dump.
    #[serde(default)]
    pub dump_bytes: u64,
    /// SHA-256 of the archive that was restored, 64 lower-case hexadecimal digits; empty if the record doesn't have it.
    #[serde(default)]
    pub archive_sha256: Untrusted,
    /// How long it took.
    #[serde(default)]
    pub times: DrillTimes,
    /// Bytes of its findings in the bucket, which were written before it; 0 where there are none.
    #[serde(default)]
    pub findings_bytes: u64,
    /// SHA-256 of those bytes, 64 lower-case hexadecimal digits: others under their name are not believed.
    #[serde(default)]
    pub findings_sha256: Untrusted,
    /// Drills before it that ran to their end, the last one first: at most [`MEASURED_MAX`], and among them the last one
    /// whose backup came back. So the newest report alone tells all that a monitor shows.
    #[serde(default, deserialize_with = "few")]
    pub earlier: Vec<MeasuredDrill>,
    /// The other drills that were in the bucket when this report was written, those without a report as well, the last
    /// one first: at most [`KNOWN_MAX`]. One that is gone although it isn't old enough was removed by somebody.
    #[serde(default, deserialize_with = "few")]
    pub known: Vec<DrillName>,
    /// The certificate, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<DrillCertificate>,
}

/// Why a report or findings can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableDrill {
    /// Not the JSON of a report.
    #[error("it is no report of a drill: {0}")]
    NotAReport(Untrusted),
    /// Not the JSON of findings.
    #[error("these are no findings of a drill: {0}")]
    NotFindings(Untrusted),
    /// A later version wrote it.
    #[error("it is of version {0}, and this program knows versions up to {1}")]
    Newer(u32, u32),
    /// It says that it belongs to another drill.
    #[error("it is that of {0} {1}: it was put under another's name")]
    Misplaced(Label, DrillName),
    /// It says that a drill proved what its findings don't.
    #[error("its verdict is not that of its findings")]
    OtherVerdict,
    /// No drill writes it.
    #[error("no drill writes such a report: {0}")]
    Implausible(&'static str),
}

impl DrillRecord {
    /// What was proven; none if the drill could not be carried out.
    #[must_use]
    pub fn verdict(&self) -> Option<DrillVerdict> {
        match self.outcome {
            DrillOutcome::Completed { verdict, .. } => Some(verdict),
            DrillOutcome::NotCarriedOut { .. } => None,
        }
    }

    /// Whether the backup came back, as far as it could be compared.
    #[must_use]
    pub fn came_back(&self) -> bool {
        self.verdict().is_some_and(DrillVerdict::came_back)
    }

    /// The drill in short, if it ran to its end.
    #[must_use]
    pub fn measured(&self) -> Option<MeasuredDrill> {
        Some(MeasuredDrill {
            began: self.started,
            id: self.id.clone(),
            verdict: self.verdict()?,
            restore_ms: self.times.restore_ms,
            dump_bytes: self.dump_bytes,
            place: self
                .scratch
                .as_ref()
                .map(|server| server.place.clone())
                .unwrap_or_default(),
        })
    }

    /// The drill itself, if it ran to its end, and those before it that it names, the last one first.
    #[must_use]
    pub fn series(&self) -> Vec<MeasuredDrill> {
        self.measured()
            .into_iter()
            .chain(self.earlier.iter().cloned())
            .collect()
    }

    /// Takes over what reports before it say, the last one first, as far as there is room.
    pub fn take_earlier<'a>(&mut self, reports: impl IntoIterator<Item = &'a Self>) {
        let mut all: Vec<MeasuredDrill> = reports.into_iter().flat_map(Self::series).collect();
        all.retain(|one| one.began < self.started);
        all.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        all.dedup_by(|a, b| (a.began, &a.id) == (b.began, &b.id));
        let last_proven = all.iter().position(|one| one.verdict.came_back());
        if let Some(place) = last_proven.filter(|place| *place >= MEASURED_MAX) {
            all.swap(place, MEASURED_MAX - 1);
        }
        all.truncate(MEASURED_MAX);
        self.earlier = all;
    }

    /// Writes the report as JSON; longer texts than anybody needs are cut.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut report = self.clone();
        report.who = report.who.cut(TEXT_CHARS_MAX);
        report.agent = report.agent.cut(TEXT_CHARS_MAX);
        report.source_version = report.source_version.cut(TEXT_CHARS_MAX);
        if let Some(server) = &mut report.scratch {
            server.place = server.place.cut(TEXT_CHARS_MAX);
            server.version = server.version.cut(TEXT_CHARS_MAX);
            server.collation = server.collation.as_ref().map(Collation::cut);
        }
        for one in &mut report.earlier {
            one.place = one.place.cut(PLACE_CHARS_MAX);
        }
        serde_json::to_vec(&report).expect("a report has string keys and no fallible field")
    }

    /// Reads the report of this drill, looking at its version before anything else.
    ///
    /// # Errors
    /// [`UnreadableDrill`].
    pub fn from_json(bytes: &[u8], name: &DrillName, database: &Label) -> Result<Self, UnreadableDrill> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let not_a_report = |e: serde_json::Error| UnreadableDrill::NotAReport(e.to_string().into());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(not_a_report)?;
        if version > DRILL_VERSION {
            return Err(UnreadableDrill::Newer(version, DRILL_VERSION));
        }
        let report: Self = serde_json::from_slice(bytes).map_err(not_a_report)?;
        if report.name != *name || report.database != *database || report.id != *name.id() {
            return Err(UnreadableDrill::Misplaced(report.database, report.name));
        }
        match report.implausible() {
            Some(why) => Err(UnreadableDrill::Implausible(why)),
            None => Ok(report),
        }
    }

    /// Why no drill writes such a report, where none does.
    fn implausible(&self) -> Option<&'static str> {
        let times = [self.times.prepare_ms, self.times.restore_ms, self.times.compare_ms];
        if self.started.as_second() != self.name.began().as_second() {
            return Some("it did not begin when its name says");
        }
        if self.finished < self.started || times.iter().any(|time| *time < 0) {
            return Some("it ended before it began");
        }
        match self.outcome {
            DrillOutcome::Completed {
                verdict: DrillVerdict::Proven | DrillVerdict::PartlyProven,
                differences,
                checks_failed,
                ..
            } if differences + checks_failed > 0 => Some("something came back otherwise, and it says that nothing did"),
            DrillOutcome::Completed {
                verdict: DrillVerdict::Proven,
                not_compared,
                ..
            } if not_compared > 0 => Some("not everything was compared, and it says that everything was"),
            _ => None,
        }
    }
}
