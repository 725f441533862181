//! Private keys of a login. RSA keys are signed with by AWS-LC, as the crate `rsa` leaks them by its timing
//! (RUSTSEC-2023-0071).

use std::{fs, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair},
};
use crypto_bigint::{BoxedUint, NonZero};
use data_encoding::BASE64;
use russh::{
    SendError, Signer,
    keys::{
        self, HashAlg, PrivateKey, PublicKey,
        agent::AgentIdentity,
        ssh_encoding::Mpint,
        ssh_key::{
            private::{KeypairData, RsaKeypair},
            public::{KeyData, RsaPublicKey},
        },
    },
};
use zeroize::Zeroizing;

use super::SshKeySource;
use crate::{
    redact::SecretText,
    store::{Error, Kind},
    text::os_words,
};

/// The longest file of a key.
const FILE_BYTES_MAX: u64 = 64 << 10;
const FORM: &str = "give the private key as ssh-keygen writes it (`-----BEGIN OPENSSH PRIVATE KEY-----`), or the path \
     of its file";
const CONVERT: &str = "have `ssh-keygen -p -f FILE` write the key anew, in OpenSSH's own format";

/// Why a key can't be read without its passphrase.
const ENCRYPTED: &str = "it is encrypted";

/// A private key, ready to sign.
#[derive(Clone)]
pub(super) enum SshKey {
    Plain(Arc<PrivateKey>),
    Rsa(RsaKey),
}

/// An RSA key.
#[derive(Clone)]
pub(super) struct RsaKey {
    public: PublicKey,
    pair: Arc<RsaKeyPair>,
}

/// Why a text is no key that can be used.
type KeyResult<T> = Result<T, (&'static str, &'static str)>;

impl SshKeySource {
    /// The public half of the key, as a line of `authorized_keys` has it. `None` where the key is encrypted and
    /// `passphrase` is `None`.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if it can't be read, is no key, or is encrypted by another passphrase.
    pub fn public_line(&self, passphrase: Option<&SecretText>) -> Result<Option<String>, Error> {
        match SshKey::load(self, passphrase) {
            Ok(key) => Ok(key.public().to_openssh().ok()),
            Err(error) if error.why == ENCRYPTED => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl SshKey {
    /// Reads and decrypts a key.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if it can't be read, is encrypted by another passphrase, or is no key.
    pub(super) fn load(source: &SshKeySource, passphrase: Option<&SecretText>) -> Result<Self, Error> {
        let (doing, text) = match source {
            SshKeySource::Text(text) => ("use the private key for SSH".to_owned(), text.clone()),
            SshKeySource::File(path) => {
                let doing = format!("use the private key for SSH in {}", path.display());
                let fault = |why: String| Error::new(Kind::Configuration, doing.clone(), why).with_cure(FORM);
                let length = fs::metadata(path).map_err(|e| fault(os_words(&e)))?.len();
                if length > FILE_BYTES_MAX {
                    return Err(fault("it is too long for a key".to_owned()));
                }
                let text = fs::read_to_string(path).map_err(|e| fault(os_words(&e)))?;
                (doing, SecretText::new(text))
            }
        };
        Self::parse(text.reveal(), passphrase)
            .map_err(|(why, cure)| Error::new(Kind::Configuration, doing, why).with_cure(cure))
    }

    fn parse(text: &str, passphrase: Option<&SecretText>) -> KeyResult<Self> {
        let text = text.trim();
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") {
            return Err(("it is a public key", FORM));
        }
        if let Some(key) = pem(text, "RSA PRIVATE KEY") {
            let is_encrypted = text.contains("ENCRYPTED");
            let pair = RsaKeyPair::from_der(&key).ok().filter(|_| !is_encrypted);
            return pair
                .ok_or(("it is an RSA key in an old format", CONVERT))
                .and_then(Self::of_pair);
        }
        if let Some(pair) = pem(text, "PRIVATE KEY").and_then(|der| RsaKeyPair::from_pkcs8(&der).ok()) {
            return Self::of_pair(pair);
        }
        let phrase = passphrase.map(SecretText::reveal).filter(|phrase| !phrase.is_empty());
        let key = keys::decode_secret_key(text, phrase).map_err(|error| reason(&error, phrase.is_some()))?;
        match key.key_data() {
            KeypairData::Rsa(pair) => Self::of_openssh(pair),
            KeypairData::SkEd25519(_) | KeypairData::SkEcdsaSha2NistP256(_) => Err((
                "it is on a security key, which somebody has to touch",
                "use a key of its own for pgcoffer",
            )),
            _ => Ok(Self::Plain(Arc::new(key))),
        }
    }

    fn of_openssh(pair: &RsaKeypair) -> KeyResult<Self> {
        let (public, private) = (pair.public(), pair.private());
        let parts = [
            public.n(),
            public.e(),
            private.d(),
            private.p(),
            private.q(),
            private.iqmp(),
        ];
        let bytes: Option<Vec<_>> = parts.into_iter().map(Mpint::as_positive_bytes).collect();
        let bad = ("it is no whole RSA key", FORM);
        let [n, e, d, p, q, coefficient] = bytes.ok_or(bad)?.try_into().map_err(|_| bad)?;
        let (d_p, d_q) = (exponent(d, p).ok_or(bad)?, exponent(d, q).ok_or(bad)?);
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n, e },
            d,
            p,
            q,
            dP: d_p.as_slice(),
            dQ: d_q.as_slice(),
            qInv: coefficient,
        });
        Self::of_pair(pair.map_err(|_| ("its RSA key is damaged, or shorter than 2048 bits", FORM))?)
    }

    fn of_pair(pair: RsaKeyPair) -> KeyResult<Self> {
        let bad = ("its RSA key is damaged", FORM);
        let (modulus, exponent) = public_numbers(pair.public_key().as_ref()).ok_or(bad)?;
        let number = Mpint::from_positive_bytes;
        let public = RsaPublicKey::new(number(exponent), number(modulus)).map_err(|_| bad)?;
        Ok(Self::Rsa(RsaKey {
            public: PublicKey::new(KeyData::Rsa(public), ""),
            pair: Arc::new(pair),
        }))
    }

    pub(super) fn public(&self) -> &PublicKey {
        match self {
            Self::Plain(key) => key.public_key(),
            Self::Rsa(key) => &key.public,
        }
    }
}

/// `d mod (prime - 1)`, as bytes. Takes the same time for all numbers of one length.
fn exponent(d: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let bits = |bytes: &[u8]| u32::try_from(bytes.len() * 8).ok();
    let d = BoxedUint::from_be_slice(d, bits(d)?).ok()?;
    let prime = BoxedUint::from_be_slice(prime, bits(prime)?).ok()?;
    let one_less = NonZero::new(prime.wrapping_sub(BoxedUint::one())).into_option()?;
    let exponent = Zeroizing::new(d.rem(&one_less));
    Some(Zeroizing::new(exponent.to_be_bytes().into_vec()))
}

/// Modulus and exponent of a public key in DER: a sequence of two integers, RFC 8017, appendix A.1.1.
fn public_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = value(0x30, der)?;
    let (modulus, rest) = value(0x02, sequence)?;
    let (exponent, _) = value(0x02, rest)?;
    Some((modulus, exponent))
}

/// The first value in DER, which has this tag, and what follows it.
fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        ..0x80 => (usize::from(*length), rest),
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = bytes
                .iter()
                .try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)));
            (length?, rest)
        }
    };
    (*found == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// The bytes of a block between `-----BEGIN NAME-----` and its end.
fn pem(text: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {name}-----"))?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: Zeroizing<Vec<u8>> = Zeroizing::new(body.bytes().filter(|b| !b.is_ascii_whitespace()).collect());
    BASE64.decode(&body).ok().map(Zeroizing::new)
}

fn reason(error: &keys::Error, has_passphrase: bool) -> (&'static str, &'static str) {
    match error {
        keys::Error::KeyIsEncrypted => (ENCRYPTED, "give its passphrase too"),
        keys::Error::UnsupportedKeyType { .. } | keys::Error::UnknownAlgorithm(_) => {
            ("its type or format is not supported", CONVERT)
        }
        keys::Error::SshKey(keys::ssh_key::Error::Crypto) if has_passphrase => {
            ("the passphrase doesn't open it", "correct the passphrase")
        }
        _ if has_passphrase => (
            "it can't be opened with that passphrase",
            "correct the passphrase, or the key",
        ),
        _ => ("it is no private key", FORM),
    }
}

/// Signs a login with an RSA key.
pub(super) struct RsaSigner(pub(super) RsaKey);

/// Why a login wasn't signed.
#[derive(Debug)]
pub(super) enum SignFault {
    /// The connection is gone.
    Gone,
    /// The key can't sign, or not by what the server takes.
    Refused,
}

impl From<SendError> for SignFault {
    fn from(_: SendError) -> Self {
        Self::Gone
    }
}

impl Signer for RsaSigner {
    type Error = SignFault;

    /// Appends the signature to what is to be signed, as SSH frames it: RFC 4253, section 6.6, and RFC 8332.
    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, SignFault> {
        let (name, padding) = match hash {
            Some(HashAlg::Sha512) => ("rsa-sha2-512", &RSA_PKCS1_SHA512),
            Some(HashAlg::Sha256) => ("rsa-sha2-256", &RSA_PKCS1_SHA256),
            _ => return Err(SignFault::Refused),
        };
        let mut signature = vec![0; self.0.pair.public_modulus_len()];
        let signed = self.0.pair.sign(padding, &SystemRandom::new(), &data, &mut signature);
        signed.map_err(|_| SignFault::Refused)?;
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
        data.extend(length(8 + name.len() + signature.len()));
        for part in [name.as_bytes(), &signature] {
            data.extend(length(part.len()));
            data.extend(part);
        }
        Ok(data)
    }
}
