//! The predicate of a certificate: what is stated of a backup. `docs/certificates.md` has every field.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Sha256Digest, controls::Control, names::NamedFindings};
use crate::{
    archive::Fingerprint,
    backup::{BackupId, Collation, DrillPlace, Label, Tier},
    seal::RepositoryId,
    text::Untrusted,
};

/// What a drill has proven, how, and what stands before it. A reader skips fields that it doesn't know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillPredicate {
    /// The repository that the backup is in.
    pub repository: RepositoryId,
    /// The label of the database.
    pub database: Label,
    /// What was proven.
    pub verdict: CertifiedVerdict,
    /// Why it could not be carried out, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CertifiedFailure>,
    /// The backup.
    pub backup: CertifiedBackup,
    /// The drill.
    pub drill: CertifiedDrill,
    /// Where the backup was restored, if it came so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<CertifiedScratch>,
    /// Time and point of recovery, as measured.
    pub recovery: CertifiedRecovery,
    /// What was compared, if it came so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<CertifiedComparison>,
    /// Its place among the certificates of the database.
    pub chain: ChainLink,
    /// The requirements that it is evidence for.
    #[serde(default)]
    pub controls: Vec<Control>,
    /// What it says by name; none in the form that is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<NamedFindings>,
}

/// What a drill has proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertifiedVerdict {
    /// Everything came back as it was dumped.
    Proven,
    /// Everything that could be compared came back as it was dumped.
    PartlyProven,
    /// Something came back otherwise, or did not come back.
    NotProven,
    /// The drill could not be carried out, so it has proven nothing.
    NotCarriedOut,
}

/// Why a drill could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedFailure {
    /// The exit status of the drill.
    pub exit_status: u8,
    /// The kind of the cause, in words of pgcoffer.
    pub cause: Untrusted,
}

/// The backup that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedBackup {
    /// Its id.
    pub id: BackupId,
    /// The tier that it was made for.
    pub tier: Tier,
    /// When it began: all its tables are of a moment shortly after.
    pub started_on: Timestamp,
    /// When it ended.
    pub finished_on: Timestamp,
    /// The version of pgcoffer that made it.
    pub agent: Untrusted,
    /// The server that it was made of, where its record has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CertifiedSource>,
    /// How it is encrypted.
    pub encryption: CertifiedEncryption,
    /// Bytes in the bucket.
    pub stored_bytes: u64,
    /// Bytes of the dump.
    pub dump_bytes: u64,
    /// Definitions in the dump's table of contents.
    pub definitions: u64,
}

/// The server that was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedSource {
    /// The version of PostgreSQL.
    pub postgres: Untrusted,
    /// The version of pg_dump.
    pub pg_dump: Untrusted,
    /// It was a standby.
    pub standby: bool,
    /// The collation of the database, where its record has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Collation>,
}

/// How a backup is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedEncryption {
    /// The format: `pgcoffer/1`.
    pub format: Untrusted,
    /// Its cipher and its MAC.
    pub algorithms: Untrusted,
    /// What opens it: `key 0123456789abcdef` or `a passphrase`.
    pub sealed_for: Untrusted,
}

/// The drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedDrill {
    /// When it began.
    pub started_on: Timestamp,
    /// When it ended.
    pub finished_on: Timestamp,
    /// When it was due by the schedule; none where a person started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Timestamp>,
    /// Who started it: `user@host`.
    pub started_by: Untrusted,
    /// The version of pgcoffer that carried it out.
    pub agent: Untrusted,
    /// The digest of that program, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_sha256: Option<Sha256Digest>,
}

/// The server on which a backup was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedScratch {
    /// `local` for a server that was made for this drill alone and is reached by a Unix socket; else host and port.
    pub place: Untrusted,
    /// The version of PostgreSQL.
    pub postgres: Untrusted,
    /// Whether it is another server than the one that was backed up, by what the two say of themselves; none where one
    /// of them says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_than_source: Option<bool>,
    /// What kind of database it was restored into; none in certificates of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<CertifiedPlace>,
    /// Whether what was restored was removed when the drill ended; none in certificates of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
    /// The collation of the restored database, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Collation>,
}

/// What kind of database a backup was restored into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertifiedPlace {
    /// One on a server that was made for this drill.
    OwnServer,
    /// One that was made for this drill on a server that was there.
    OwnDatabase,
    /// One that is reserved for drills, and is emptied before and after each.
    Reserved,
    /// What a later version knows.
    #[serde(other)]
    Other,
}

impl From<DrillPlace> for CertifiedPlace {
    fn from(place: DrillPlace) -> Self {
        match place {
            DrillPlace::OwnServer => Self::OwnServer,
            DrillPlace::OwnDatabase => Self::OwnDatabase,
            DrillPlace::Reserved => Self::Reserved,
            DrillPlace::Other => Self::Other,
        }
    }
}

impl CertifiedScratch {
    /// Where the backup was restored and what became of it, as the end of "it was restored …". `place` is taken from
    /// the certificate.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { place, removed, .. } = self;
        let (at, left) = match self.database {
            Some(CertifiedPlace::OwnServer) => (
                "into a server of its own that was made for it".to_owned(),
                "which could not be removed",
            ),
            Some(CertifiedPlace::OwnDatabase) => (
                format!("into a database that was made for it on {place}"),
                "which could not be removed",
            ),
            Some(CertifiedPlace::Reserved) => (
                format!("into a database on {place} that is reserved for drills"),
                "which could not be emptied afterwards",
            ),
            None if *place == "local" => ("into a server of its own that was made for it".to_owned(), ""),
            Some(CertifiedPlace::Other) | None => return format!("into a database on {place}"),
        };
        let is_reserved = self.database == Some(CertifiedPlace::Reserved);
        match (removed, is_reserved) {
            (Some(true), false) => format!("{at}, and removed"),
            (Some(true), true) => format!("{at}, and was emptied afterwards"),
            (Some(false), _) => format!("{at}, {left}"),
            (None, _) => at,
        }
    }
}

/// What a recovery from this backup has taken, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedRecovery {
    /// To restore it: the measured recovery time. None where it was not restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_ms: Option<i64>,
    /// To make the database that it was restored into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare_ms: Option<i64>,
    /// To compare what came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_ms: Option<i64>,
    /// The age of the backup when the drill began: what would have been lost, had the database been lost then and had
    /// this been the newest backup.
    pub point_ms: i64,
    /// The longest time between two backups that the schedule allows, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_target_ms: Option<i64>,
}

/// What was compared, without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedComparison {
    /// What was dumped.
    pub expected: CertifiedData,
    /// What the restored database held.
    pub found: CertifiedData,
    /// Tables with the same rows, by number and fingerprint.
    pub equal_tables: u64,
    /// Definitions in the dump's table of contents, by pg_dump's word for their kind.
    pub definitions: Vec<KindCount>,
    /// What came back otherwise, or did not come back.
    pub differences: Vec<KindCount>,
    /// What could not be compared.
    pub not_compared: Vec<KindCount>,
    /// What was left out without a loss, such as what a platform creates by itself.
    pub left_out: Vec<KindCount>,
    /// The customer's own statements.
    pub checks: CertifiedChecks,
}

/// Data in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedData {
    /// Tables with data.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Large objects.
    pub large_objects: u64,
    /// One fingerprint of all tables and large objects, as the record of a backup has it.
    pub fingerprint: Fingerprint,
    /// The digest of the list of tables, each with its rows and its fingerprint.
    pub list_sha256: Sha256Digest,
}

/// How many there are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KindCount {
    /// pg_dump's word for the kind.
    pub kind: Untrusted,
    /// Why, in words without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Untrusted>,
    /// How many.
    pub count: u64,
}

/// The customer's own statements, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedChecks {
    /// Those whose answer was as expected.
    pub passed: u64,
    /// The others.
    pub failed: u64,
}

/// The place of a certificate among those of its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainLink {
    /// Its number, from 1 on.
    pub number: u64,
    /// The digest of the statement before it, in the form without names; none for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_sha256: Option<Sha256Digest>,
    /// In the form with names: the digest of the statement without them, which is the link of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_sha256: Option<Sha256Digest>,
    /// The drills since the certificate before it that had begun and left no report when this one was made: they were
    /// killed, still went on, or their report was removed. Absent if there was none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub drills_without_report: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl DrillPredicate {
    /// What its verdict means, as a sentence without its end.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        match &self.comparison {
            Some(compared) if compared.differences.is_empty() && compared.checks.failed > 0 => {
                match compared.not_compared.is_empty() {
                    true => "everything came back as it was dumped, and one of the customer's own checks failed",
                    false => {
                        "everything that could be compared came back as it was dumped, and one of the customer's own \
                         checks failed"
                    }
                }
            }
            Some(_) if self.verdict == CertifiedVerdict::NotProven => "something did not come back as it was dumped",
            _ => self.verdict.meaning(),
        }
    }
}

impl CertifiedVerdict {
    /// Its words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::PartlyProven => "partly proven",
            Self::NotProven => "not proven",
            Self::NotCarriedOut => "not carried out",
        }
    }

    /// What the verdict of a certificate means, as a sentence without its end.
    fn meaning(self) -> &'static str {
        match self {
            Self::Proven => "everything came back as it was dumped",
            Self::PartlyProven => "everything that could be compared came back as it was dumped",
            Self::NotProven => {
                "something did not come back as it was dumped, or one of the customer's own checks failed"
            }
            Self::NotCarriedOut => "the drill could not be carried out, so nothing was proven",
        }
    }
}
