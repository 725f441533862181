//! Secrets of a session, and how they are compared.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    error::{Error, Result},
    redact::SecretText,
};

/// SHA-256 of a secret, by which it is found without being kept.
pub(super) type SecretDigest = [u8; 32];

/// 32 bytes that nobody guesses.
///
/// # Errors
/// Where the operating system has none.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Internal(format!("there are no random numbers: {error}")))?;
    Ok(bytes)
}

/// 256 random bits as a text of 43 characters.
///
/// # Errors
/// Where the operating system has none.
pub(super) fn random_text() -> Result<SecretText> {
    Ok(SecretText::new(BASE64URL_NOPAD.encode(&random_bytes::<32>()?)))
}

pub(super) fn digest(text: &str) -> SecretDigest {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether two texts are the same, in a time that doesn't depend on where they differ.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    digest(one).ct_eq(&digest(other)).into()
}
