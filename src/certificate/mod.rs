//! The certificate of a drill: a signed statement that others verify with their own tools, without pgcoffer and without
//! a secret.
//!
//! It is an in-toto Statement v1 in a DSSE envelope, signed by Ed25519. The key that signs is derived from the catalog
//! key, for one repository, and opens nothing. `docs/format.md` and `docs/certificates.md` describe it.
//!
//! | file | contents |
//! |---|---|
//! | `key` | [`CertificateKey`] and its public half, [`PublicKey`] |
//! | `envelope` | [`Envelope`]: what is signed, and by whom |
//! | `statement` | [`DrillStatement`]: the frame of what is stated |
//! | `predicate` | [`DrillPredicate`]: what is stated of a backup |
//! | `draft` | [`CertificateDraft`]: how it follows from the report of a drill |
//! | `names` | [`NamedFindings`]: what only the form with names says |
//! | `controls` | the requirements that it is evidence for |
//! | `signed` | [`Certificate`]: a statement whose signature was verified |
//! | `chain` | whether several certificates are all that there are |
//! | `page`, `page_names`, `page_html`, `style` | the certificate as HTML |
//! | `strict_json` | JSON that can be read in one way alone |
//!
//! This module doesn't read, write, wait or know the time.

mod chain;
mod controls;
mod digest;
mod draft;
mod envelope;
mod key;
mod names;
mod page;
mod page_html;
mod page_names;
mod predicate;
mod signed;
mod statement;
mod strict_json;
mod style;
#[cfg(test)]
mod tests;

pub use chain::{CertificateChain, ChainFault, check_chains};
pub use controls::{CONTROLS, Control};
pub use digest::{BadDigest, Sha256Digest};
pub use draft::{CertificateDraft, Predecessor};
pub use envelope::{ENVELOPE_BYTES_MAX, Envelope, EnvelopeFault, PAYLOAD_TYPE};
pub use key::{CertificateKey, PublicKey, PublicKeyFault};
pub use names::NamedFindings;
pub use predicate::{
    CertifiedBackup, CertifiedChecks, CertifiedComparison, CertifiedData, CertifiedDrill, CertifiedEncryption,
    CertifiedFailure, CertifiedPlace, CertifiedRecovery, CertifiedScratch, CertifiedSource, CertifiedVerdict,
    ChainLink, DrillPredicate, KindCount,
};
pub use signed::{Certificate, CertificateFault};
pub use statement::{DrillStatement, PREDICATE_TYPE, STATEMENT_TYPE, StatementFault, StatementSubject, SubjectDigest};
