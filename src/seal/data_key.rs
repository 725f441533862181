//! The data key of one object, and the keys that are derived from it.

use std::fmt;
use std::sync::Arc;

use aes::{Aes256, Aes256Enc};
use aes_kw::AesKw;
use aws_lc_rs::cipher::{AES_256, PaddedBlockDecryptingKey, UnboundCipherKey};
use cipher::KeyInit;
use hkdf::Hkdf;
use hmac::Hmac;
use sha2::{Sha256, block_api::compress256};
use zeroize::Zeroizing;

use super::{Error, derivation::keyed_hmac};

/// The length of a wrapped data key in bytes: AES key wrap adds eight to the 32.
pub(super) const WRAPPED_LEN: usize = 40;

/// SHA-256's initial state ([FIPS 180-4 §5.3.3](https://doi.org/10.6028/NIST.FIPS.180-4)).
const SHA256_INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The random key of one object. Every slot of its header wraps this key.
pub(super) struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    pub(super) fn generate() -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Self(key))
    }

    /// Wraps the data key with AES-256 key wrap ([RFC 3394](https://www.rfc-editor.org/rfc/rfc3394)) under
    /// `wrapping_key`.
    pub(super) fn wrap(&self, wrapping_key: &[u8; 32]) -> [u8; WRAPPED_LEN] {
        let mut wrapped = [0; WRAPPED_LEN];
        AesKw::<Aes256>::new(&(*wrapping_key).into())
            .wrap_key(&*self.0, &mut wrapped)
            .expect("a key of 32 bytes wraps into 40");
        wrapped
    }

    /// The data key; `None` if `wrapping_key` is not the key that wrapped it.
    pub(super) fn unwrap(wrapped: &[u8; WRAPPED_LEN], wrapping_key: &[u8; 32]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        AesKw::<Aes256>::new(&(*wrapping_key).into())
            .unwrap_key(wrapped, &mut *key)
            .ok()?;
        Some(Self(key))
    }

    /// HMAC-SHA-256 with the key that authenticates the header.
    pub(super) fn header_hmac(&self) -> Hmac<Sha256> {
        keyed_hmac(&self.expand("pgcoffer/1 header"))
    }

    pub(super) fn frame_keys(&self) -> FrameKeys {
        let encrypt = self.expand("pgcoffer/1 encrypt");
        let authenticate = self.expand("pgcoffer/1 authenticate");
        FrameKeys(Arc::new(Schedule {
            encrypt: Aes256Enc::new(&(*encrypt).into()),
            decrypt: decrypting_key(&encrypt),
            hmac: keyed_hmac(&authenticate),
            hmac_inner: pad_state(&authenticate, 0x36),
            hmac_outer: pad_state(&authenticate, 0x5c),
        }))
    }

    /// HKDF-Expand without Extract: the data key is uniformly random, so nothing has to be extracted.
    fn expand(&self, info: &str) -> Zeroizing<[u8; 32]> {
        let mut expanded = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::from_prk(&*self.0)
            .expect("32 bytes are as many as SHA-256 gives")
            .expand(info.as_bytes(), &mut *expanded)
            .expect("32 bytes are fewer than HKDF's limit of 255 · 32");
        expanded
    }
}

/// It wipes its schedule when it is dropped.
fn decrypting_key(key: &[u8; 32]) -> PaddedBlockDecryptingKey {
    UnboundCipherKey::new(&AES_256, key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .expect("an AES-256 key has 32 bytes")
}

/// The keys of one object's frames, with their schedules. Clones share one schedule, which is wiped with the last
/// clone.
#[derive(Clone)]
pub struct FrameKeys(Arc<Schedule>);

struct Schedule {
    encrypt: Aes256Enc,
    decrypt: PaddedBlockDecryptingKey,
    hmac: Hmac<Sha256>,
    hmac_inner: Zeroizing<[u32; 8]>,
    hmac_outer: Zeroizing<[u32; 8]>,
}

impl FrameKeys {
    pub(super) fn encrypt(&self) -> &Aes256Enc {
        &self.0.encrypt
    }

    /// AES-256-CBC with PKCS #7 padding.
    pub(super) fn decrypt(&self) -> &PaddedBlockDecryptingKey {
        &self.0.decrypt
    }

    /// HMAC-SHA-256 with the authentication key set.
    pub(super) fn hmac(&self) -> Hmac<Sha256> {
        self.0.hmac.clone()
    }

    /// SHA-256's state after the inner padded key, where HMAC's inner hash begins.
    pub(super) fn hmac_inner(&self) -> [u32; 8] {
        *self.0.hmac_inner
    }

    /// SHA-256's state after the outer padded key.
    pub(super) fn hmac_outer(&self) -> [u32; 8] {
        *self.0.hmac_outer
    }
}

impl fmt::Debug for FrameKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameKeys").finish_non_exhaustive()
    }
}

/// SHA-256's state after one block of the key padded with `pad`
/// ([RFC 2104 §4](https://www.rfc-editor.org/rfc/rfc2104#section-4)).
fn pad_state(key: &[u8; 32], pad: u8) -> Zeroizing<[u32; 8]> {
    let mut block = Zeroizing::new([pad; 64]);
    for (place, byte) in block.iter_mut().zip(key) {
        *place ^= byte;
    }
    let mut state = Zeroizing::new(SHA256_INITIAL);
    compress256(&mut state, &[*block]);
    state
}
