//! The keys of certificates: the one that signs, and its public half, which verifies.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest as _, Sha256};

use crate::seal::DatabaseIdentity;

/// What stands before the 32 bytes of an Ed25519 key in the DER form of `SubjectPublicKeyInfo`.
///
/// <https://www.rfc-editor.org/rfc/rfc8410#section-4>
const SPKI_START: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KEY_LEN: usize = 32;

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// How the secret keys of pgcoffer begin as text, in lower case.
const SECRETS: [&str; 2] = ["pgcoffer-key-", "pgcoffer-catalog-"];

/// The most keys that are tried at once: one for each change of a key and for each database with a key of its own.
const KEYS_MAX: usize = 64;

/// The key that signs the certificates of one catalog key in one repository.
pub struct CertificateKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// The public half of a [`CertificateKey`]: it verifies certificates, and is no secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_LEN]);

/// Why a text is not the public key of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyFault {
    /// No text at all.
    #[error("it is empty")]
    Empty,
    /// A key of pgcoffer that opens or seals something.
    #[error("it is a secret key of pgcoffer, and not the public key of certificates")]
    Secret,
    /// A private key.
    #[error("it is a private key, and not a public one")]
    Private,
    /// A certificate of TLS.
    #[error("it is a certificate of X.509, and not a public key")]
    X509,
    /// A public key of another algorithm.
    #[error("it is the public key of another algorithm: certificates are signed by Ed25519")]
    OtherAlgorithm,
    /// A PEM block that has no end.
    #[error("its last line, `-----END PUBLIC KEY-----`, is missing")]
    Cut,
    /// Anything else.
    #[error("it is not a public key: that is a PEM block, or the line of 60 characters inside it")]
    Unrecognised,
    /// More keys than are tried.
    #[error("it holds more than {KEYS_MAX} keys")]
    TooMany,
}

impl PublicKeyFault {
    /// What cures it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Secret => {
                "`pgcoffer certificate key`, where that key is set, prints the public key; a secret does not belong to who \
                 verifies, and if it was given to others, replace it"
            }
            _ => "`pgcoffer certificate key`, where the key is set, prints it; it also stands on the recovery sheet",
        }
    }
}

impl CertificateKey {
    /// The key for the certificates of this identity's repository.
    #[must_use]
    pub fn of(identity: &DatabaseIdentity) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*identity.certificate_seed());
        let pair = pair.expect("every seed of 32 bytes makes a key");
        let public = pair.public_key().as_ref().try_into();
        Self {
            public: PublicKey(public.expect("a public key of Ed25519 has 32 bytes")),
            pair,
        }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl PublicKey {
    /// The key as PEM, in the form that OpenSSL and cosign read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", self.to_line())
    }

    /// The key on one line of 60 characters: what stands inside its PEM block.
    #[must_use]
    pub fn to_line(&self) -> String {
        BASE64.encode(&self.to_der())
    }

    /// The id of the key: SHA-256 of its DER form, 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.to_der()))
    }

    fn to_der(self) -> Vec<u8> {
        [&SPKI_START[..], &self.0].concat()
    }

    /// Whether this key signed the message.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(message, signature).is_ok()
    }

    /// Reads one or more keys: PEM blocks, or what stands inside them, separated by white space or commas. Whatever
    /// stands around a PEM block is ignored, as OpenSSL does.
    ///
    /// # Errors
    /// [`PublicKeyFault`] with what is wrong with the first one that is no public key. No part of the text is in it.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, PublicKeyFault> {
        let lower = text.to_ascii_lowercase();
        if SECRETS.iter().any(|start| lower.contains(start)) {
            return Err(PublicKeyFault::Secret);
        }
        let keys = match text.contains("-----BEGIN") {
            true => from_pem(text)?,
            false => {
                let lines = text.split(|c: char| c.is_whitespace() || c == ',');
                let lines = lines.filter(|line| !line.is_empty());
                lines.map(from_base64).collect::<Result<Vec<_>, _>>()?
            }
        };
        match keys.len() {
            0 => Err(PublicKeyFault::Empty),
            1..=KEYS_MAX => Ok(keys),
            _ => Err(PublicKeyFault::TooMany),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.to_line()).finish()
    }
}

fn from_pem(text: &str) -> Result<Vec<PublicKey>, PublicKeyFault> {
    if text.contains("PRIVATE KEY-----") {
        return Err(PublicKeyFault::Private);
    }
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(PublicKeyFault::X509);
    }
    let mut keys = Vec::new();
    for block in text.split(PEM_BEGIN).skip(1) {
        let (body, _) = block.split_once(PEM_END).ok_or(PublicKeyFault::Cut)?;
        let body: String = body.split_whitespace().collect();
        keys.push(from_base64(&body)?);
    }
    // a block of another name
    if keys.is_empty() {
        return Err(PublicKeyFault::OtherAlgorithm);
    }
    Ok(keys)
}

fn from_base64(text: &str) -> Result<PublicKey, PublicKeyFault> {
    let der = BASE64
        .decode(text.as_bytes())
        .map_err(|_| PublicKeyFault::Unrecognised)?;
    match der.strip_prefix(&SPKI_START[..]) {
        Some(key) => key.try_into().map(PublicKey).map_err(|_| PublicKeyFault::Unrecognised),
        // every other SubjectPublicKeyInfo is a sequence that begins with a sequence
        None if der.len() > KEY_LEN + 1 && der[0] == 0x30 => Err(PublicKeyFault::OtherAlgorithm),
        None => Err(PublicKeyFault::Unrecognised),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, RepositoryId, Secret};

    fn identity(key: &str, repository: &str) -> DatabaseIdentity {
        let secret = Secret::Key(MasterKey::parse(key).unwrap());
        secret.identity(&repository.parse().unwrap(), "main").unwrap()
    }

    #[test]
    fn a_key_is_that_of_its_repository_and_of_no_other() {
        let (one, other) = ("01".repeat(32), "02".repeat(32));
        let here = "c0ffee00112233445566778899aabbcc";
        let there = RepositoryId::generate().unwrap().to_string();
        let public = |key: &str, repository: &str| CertificateKey::of(&identity(key, repository)).public();
        assert_eq!(public(&one, here), public(&one, here));
        assert_ne!(public(&one, here), public(&one, &there));
        assert_ne!(public(&one, here), public(&other, here));
        // the catalog key of a key signs as the key does
        let catalog = Secret::Catalog(MasterKey::parse(&one).unwrap().catalog_key());
        let by_catalog = catalog.identity(&here.parse().unwrap(), "main").unwrap();
        assert_eq!(CertificateKey::of(&by_catalog).public(), public(&one, here));
    }

    #[test]
    fn what_one_key_signs_no_other_has_signed() {
        let here = "c0ffee00112233445566778899aabbcc";
        let key = CertificateKey::of(&identity(&"01".repeat(32), here));
        let other = CertificateKey::of(&identity(&"02".repeat(32), here));
        let signature = key.sign(b"message");
        assert!(key.public().has_signed(b"message", &signature));
        assert!(!key.public().has_signed(b"massage", &signature));
        assert!(!other.public().has_signed(b"message", &signature));
        assert!(!key.public().has_signed(b"message", &signature[..63]));
        assert!(!key.public().has_signed(b"message", b""));
    }

    /// The first vector of RFC 8032, 7.1.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let key = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = hex(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe\
             24655141438e7a100b",
        );
        let key = PublicKey(key.try_into().unwrap());
        assert!(key.has_signed(b"", &signature));
        // the same with the order of the group added to its second half is another text of one signature
        let mut malleable = signature;
        malleable[32] = malleable[32].wrapping_add(0xed);
        assert!(!key.has_signed(b"", &malleable));
    }

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn keys_are_read_in_every_form_that_is_written() {
        let here = "c0ffee00112233445566778899aabbcc";
        let one = CertificateKey::of(&identity(&"01".repeat(32), here)).public();
        let other = CertificateKey::of(&identity(&"02".repeat(32), here)).public();
        assert_eq!(one.to_line().len(), 60);
        let (pem, line) = (one.to_pem(), one.to_line());
        for text in [
            pem.clone(),
            line.clone(),
            format!("\n {line}\t"),
            pem.replace('\n', "\r\n"),
            format!("a key of the shop\n{pem}"),
            format!("{PEM_BEGIN} {line} {PEM_END}"),
        ] {
            assert_eq!(PublicKey::parse_all(&text), Ok(vec![one]), "{text:?}");
        }
        for text in [
            format!("{pem}{}", other.to_pem()),
            format!("{line},{}", other.to_line()),
            format!("{line}\n{}\n", other.to_line()),
        ] {
            assert_eq!(PublicKey::parse_all(&text), Ok(vec![one, other]), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused_and_named() {
        use PublicKeyFault as Fault;
        let master = MasterKey::parse(&"01".repeat(32)).unwrap();
        let pem = CertificateKey::of(&identity(&"01".repeat(32), "c0ffee00112233445566778899aabbcc"))
            .public()
            .to_pem();
        let p256 = BASE64.encode(&[&[0x30, 0x59, 0x30, 0x13][..], &[7; 87]].concat());
        for (text, fault) in [
            (String::new(), Fault::Empty),
            (" \n,".to_owned(), Fault::Empty),
            (master.encode().to_string(), Fault::Secret),
            (master.catalog_key().encode().to_lowercase(), Fault::Secret),
            ("01".repeat(32), Fault::Unrecognised),
            (BASE64.encode(&[1; 32]), Fault::Unrecognised),
            (
                "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----".to_owned(),
                Fault::Private,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----".to_owned(),
                Fault::X509,
            ),
            (
                "-----BEGIN RSA PUBLIC KEY-----\nAA==\n-----END RSA PUBLIC KEY-----".to_owned(),
                Fault::OtherAlgorithm,
            ),
            (format!("{PEM_BEGIN}\n{p256}\n{PEM_END}\n"), Fault::OtherAlgorithm),
            (pem[..80].to_owned(), Fault::Cut),
            (pem.replace("MCow", "MCo"), Fault::Unrecognised),
            (pem.repeat(65), Fault::TooMany),
            ("ssh-ed25519 AAAA".to_owned(), Fault::Unrecognised),
        ] {
            assert_eq!(PublicKey::parse_all(&text), Err(fault), "{text:?}");
        }
    }
}
