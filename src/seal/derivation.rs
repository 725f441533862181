//! The derivation of keys from other keys, and HMAC with a key.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use zeroize::Zeroizing;

/// HKDF-SHA-256 without salt, 32 bytes ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)).
pub(super) fn derive(key: &[u8; 32], info: &str) -> Zeroizing<[u8; 32]> {
    derive_for(key, info, b"")
}

/// The same, with what the derived key is for behind the info.
pub(super) fn derive_for(key: &[u8; 32], info: &str, whose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key)
        .expand_multi_info(&[info.as_bytes(), whose], &mut *derived)
        .expect("32 bytes are fewer than HKDF's limit of 255 · 32");
    derived
}

/// HMAC-SHA-256 with its key set.
pub(super) fn keyed_hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}
