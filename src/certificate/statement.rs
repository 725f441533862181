//! What a certificate states: an in-toto Statement v1 with a predicate of our own.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Sha256Digest, controls::Control, names::NamedFindings, strict_json};
use crate::{
    archive::Fingerprint,
    backup::{BackupId, Label, Tier},
    seal::RepositoryId,
    text::Untrusted,
};

/// The type of every in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The type of our predicate, but for its version.
const PREDICATE: &str = "https://github.com/pgcoffer/pgcoffer/blob/main/docs/certificates.md#v";

/// The type of the predicate that this version writes and reads.
pub const PREDICATE_TYPE: &str = "https://github.com/pgcoffer/pgcoffer/blob/main/docs/certificates.md#v1";

/// An in-toto statement about one drill of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillStatement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The sealed objects of the archive that was restored.
    pub subject: Vec<StatementSubject>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// What is stated of them.
    pub predicate: DrillPredicate,
}

/// A sealed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementSubject {
    /// Its key below the prefix.
    pub name: Untrusted,
    /// The digest of its bytes as they are stored.
    pub digest: SubjectDigest,
}

/// The digest of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectDigest {
    /// SHA-256.
    pub sha256: Sha256Digest,
}

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
}

/// Why a payload is no statement about a drill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// Not the JSON of a statement.
    #[error("what is signed is no in-toto statement: {0}")]
    NotAStatement(Untrusted),
    /// A version of in-toto that is not known.
    #[error("what is signed is a statement of the type {0}, and this program knows {STATEMENT_TYPE}")]
    OtherStatement(Untrusted),
    /// A predicate of somebody else.
    #[error("what is signed is no certificate of a drill, but a statement of the type {0}")]
    OtherPredicate(Untrusted),
    /// A later version of our predicate.
    #[error("it is a certificate of version {0}, and this program knows version 1")]
    Newer(Untrusted),
    /// Fields of our predicate are missing or are no such fields.
    #[error("the certificate can't be read: {0}")]
    Unreadable(Untrusted),
    /// Fields that contradict each other.
    #[error("no drill writes such a certificate: {0}")]
    Implausible(&'static str),
}

impl DrillStatement {
    /// A statement about these objects.
    #[must_use]
    pub fn new(subject: Vec<StatementSubject>, predicate: DrillPredicate) -> Self {
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate,
        }
    }

    /// The statement as it is signed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a statement has string keys and no fallible field")
    }

    /// Reads a statement, looking at its types before anything else.
    ///
    /// # Errors
    /// [`StatementFault`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, StatementFault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Types {
            #[serde(rename = "_type")]
            statement_type: String,
            predicate_type: String,
        }
        let not_a_statement = |e: serde_json::Error| StatementFault::NotAStatement(e.to_string().into());
        let types: Types = strict_json::parse(bytes).map_err(not_a_statement)?;
        if types.statement_type != STATEMENT_TYPE {
            return Err(StatementFault::OtherStatement(types.statement_type.into()));
        }
        if types.predicate_type != PREDICATE_TYPE {
            return Err(match types.predicate_type.strip_prefix(PREDICATE) {
                Some(version) => StatementFault::Newer(version.into()),
                None => StatementFault::OtherPredicate(types.predicate_type.into()),
            });
        }
        let read: Result<Self, _> = serde_json::from_slice(bytes);
        let statement = read.map_err(|e| StatementFault::Unreadable(e.to_string().into()))?;
        match statement.implausible() {
            None => Ok(statement),
            Some(why) => Err(StatementFault::Implausible(why)),
        }
    }

    /// Why no drill states this, where none does.
    fn implausible(&self) -> Option<&'static str> {
        let DrillPredicate { verdict, chain, .. } = &self.predicate;
        let (has_comparison, is_named) = (self.predicate.comparison.is_some(), self.predicate.names.is_some());
        if self.subject.is_empty() {
            Some("it names no archive")
        } else if (*verdict == CertifiedVerdict::NotCarriedOut) == has_comparison {
            Some("what was compared doesn't fit the verdict")
        } else if chain.number == 0 || (chain.number == 1) != chain.previous_sha256.is_none() {
            Some("its number doesn't fit what stands before it")
        } else if is_named != chain.stored_sha256.is_some() {
            Some("a certificate has names exactly if it says which one without them it belongs to")
        } else if self.contradicts_itself() {
            Some("the verdict is not that of the comparison")
        } else {
            None
        }
    }

    fn contradicts_itself(&self) -> bool {
        let Some(comparison) = &self.predicate.comparison else {
            return false;
        };
        let has_failed = !comparison.differences.is_empty() || comparison.checks.failed > 0;
        let verdict = match (has_failed, comparison.not_compared.is_empty()) {
            (true, _) => CertifiedVerdict::NotProven,
            (false, false) => CertifiedVerdict::PartlyProven,
            (false, true) => CertifiedVerdict::Proven,
        };
        self.predicate.verdict != verdict
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

    /// What it means, as a sentence without its end.
    #[must_use]
    pub fn meaning(self) -> &'static str {
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
