//! What a certificate states: an in-toto Statement v1 with a predicate of our own.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>

use serde::{Deserialize, Serialize};

use super::{
    Sha256Digest,
    predicate::{CertifiedVerdict, DrillPredicate},
    strict_json,
};
use crate::text::Untrusted;

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
