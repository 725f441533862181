use super::{
    CertificateKey, PublicKey, Sha256Digest,
    envelope::{Envelope, EnvelopeFault, PAYLOAD_TYPE},
    statement::{DrillStatement, StatementFault},
};
use crate::text::Untrusted;

/// A signed statement about a drill, whose signature was verified by the key that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    envelope: Envelope,
    statement: DrillStatement,
    signer: PublicKey,
}

/// Why a file is not a certificate that one of the keys at hand has signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It is no envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeFault),
    /// Another key signed it, or it was changed.
    #[error("none of the keys at hand signed it as it stands: it was changed, or another key signed it{}", by(.0))]
    NotSigned(Vec<Untrusted>),
    /// One of the keys signed it, and it is no statement.
    #[error("what is signed is of the type {0}, and certificates are {PAYLOAD_TYPE}")]
    OtherPayload(Untrusted),
    /// One of the keys signed it, and it is no statement about a drill.
    #[error(transparent)]
    Statement(#[from] StatementFault),
}

impl CertificateFault {
    /// What cures it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSigned(_) => Some(
                "take the public key from the recovery sheet, or from `pgcoffer certificate key` where the key is set; what was \
                 signed before a key was replaced is verified by the earlier one, and each repository has its own",
            ),
            Self::Statement(StatementFault::Newer(_)) => Some("a later version of pgcoffer reads it"),
            Self::Envelope(EnvelopeFault::MoreThanOne(_)) => Some(
                "somebody has put something beside the certificate, which other programs may take for it: get it anew, by \
                 `pgcoffer certificate get`, from whoever has the bucket",
            ),
            Self::Envelope(_) => Some(
                "a certificate is the file that `pgcoffer certificate get` writes as JSON or as a bundle; the page in HTML is a \
                 reading of it, and has it as a file to save",
            ),
            Self::OtherPayload(_) | Self::Statement(_) => {
                Some("it is another kind of statement than `pgcoffer certificate get` writes")
            }
        }
    }
}

impl Certificate {
    /// Signs a statement.
    #[must_use]
    pub fn sign(statement: DrillStatement, key: &CertificateKey) -> Self {
        Self {
            envelope: Envelope::sign(statement.to_json(), key),
            statement,
            signer: key.public(),
        }
    }

    /// Opens a certificate: nothing of it is believed, or even read as a statement, before one of these keys has
    /// verified its signature. A key that stands in the file counts for nothing.
    ///
    /// # Errors
    /// [`CertificateFault`].
    pub fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Self, CertificateFault> {
        let envelope = Envelope::parse(bytes)?;
        let Some(signer) = envelope.signer(keys) else {
            let ids = envelope.key_ids().filter(|id| !id.is_empty());
            return Err(CertificateFault::NotSigned(ids.map(Untrusted::from).collect()));
        };
        if envelope.payload_type() != PAYLOAD_TYPE {
            return Err(CertificateFault::OtherPayload(envelope.payload_type().into()));
        }
        let statement = DrillStatement::from_json(envelope.payload())?;
        Ok(Self {
            envelope,
            statement,
            signer,
        })
    }

    /// What it states.
    #[must_use]
    pub fn statement(&self) -> &DrillStatement {
        &self.statement
    }

    /// The envelope that is given out.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The key that signed it.
    #[must_use]
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The digest of the statement as it was signed. The JSON around it may be written anew and means the same.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(self.envelope.payload())
    }

    /// The digest by which the next certificate names this one: that of the form without names.
    #[must_use]
    pub fn link_digest(&self) -> Sha256Digest {
        let stored = self.statement.predicate.chain.stored_sha256;
        stored.unwrap_or_else(|| self.digest())
    }

    /// Whether it is the form with names.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.statement.predicate.names.is_some()
    }
}

/// What an envelope says of who signed it.
fn by(ids: &[Untrusted]) -> String {
    match ids.first() {
        None => String::new(),
        Some(id) => format!(" (it says: {id})"),
    }
}
