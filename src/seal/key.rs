//! What a person holds: a master key or a passphrase, and the identity that is derived from either.

use std::fmt;

use bech32::{
    Bech32, Hrp, primitives::decode::CheckedHrpstring, primitives::decode::CheckedHrpstringError,
};
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::passphrase::{Argon2Cost, Passphrase};
use super::{Error, KeyFault, RepositoryId};

/// The human-readable part of a key in bech32, before the separator `1`.
const HRP: &str = "pgcoffer-key-";
/// Characters of a key in bech32: human-readable part, separator, 52 for 32 bytes, 6 for the
/// checksum.
const BECH32_LEN: usize = HRP.len() + 1 + 52 + 6;

/// A random key of 32 bytes: the usual thing to seal with.
///
/// As text it is bech32 ([BIP 173](https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki))
/// with the human-readable part `pgcoffer-key-`, in upper case, 72 characters: a typing error is
/// caught by its checksum.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// A new key from the operating system's random source.
    ///
    /// # Errors
    /// [`Error::Random`] where that source fails.
    pub fn generate() -> Result<Self, Error> {
        let mut key = Self([0; 32]);
        getrandom::fill(&mut key.0)?;
        Ok(key)
    }

    /// Reads a key as a person writes it: bech32 in upper or lower case, 64 hex digits, or the
    /// padded base64 of 32 bytes. White space around it is ignored, and so are blanks and hyphens
    /// between groups of characters behind the `1` of bech32, as a printed key may have them.
    ///
    /// # Errors
    /// [`Error::Key`], which tells a mistyped character from a missing one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let starts_as_bech32 = text
            .get(..HRP.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(HRP));
        let key = if text.is_empty() {
            return Err(KeyFault::Empty.into());
        } else if starts_as_bech32 {
            parse_grouped(text)?
        } else {
            parse_plain(text)?
        };
        if key.0 == [0; 32] {
            return Err(KeyFault::Zero.into());
        }
        Ok(key)
    }

    /// The key as text, to be stored by a person: `PGCOFFER-KEY-1…`.
    pub fn encode(&self) -> Zeroizing<String> {
        let hrp = Hrp::parse_unchecked(HRP);
        let text = bech32::encode_upper::<Bech32>(hrp, &self.0);
        Zeroizing::new(text.expect("72 characters are fewer than the 90 that bech32 allows"))
    }

    /// Names the key without giving it away: 16 hex digits, as in a header's `slot key` line.
    pub fn key_id(&self) -> String {
        HEXLOWER.encode(&derive(&self.0, "pgcoffer/1 key id")[..8])
    }

    /// The key that wraps data keys.
    pub(super) fn wrapping_key(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.0, "pgcoffer/1 wrap")
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").finish_non_exhaustive()
    }
}

/// What a person holds, whichever it is.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A random key.
    Key(MasterKey),
    /// A passphrase, which Argon2id stretches.
    Passphrase(Passphrase),
}

impl Secret {
    /// The identity under which the backups of `database` (its label) are named and tagged in `repository`.
    ///
    /// With a passphrase this takes 64 MiB and a good part of a second the first time; later calls
    /// for the same repository and label, also on clones, cost nothing.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], with a passphrase.
    pub fn identity(&self, repository: &RepositoryId, database: &str) -> Result<Identity, Error> {
        let catalog_key = match self {
            Self::Key(key) => derive(&key.0, "pgcoffer/1 catalog"),
            Self::Passphrase(passphrase) => {
                let digest = Sha256::new()
                    .chain_update("pgcoffer/1 id")
                    .chain_update(repository.as_bytes())
                    .chain_update(database)
                    .finalize();
                let mut salt = [0; 16];
                salt.copy_from_slice(&digest[..16]);
                let stretched = passphrase.stretch(&salt, Argon2Cost::WRITTEN)?;
                derive(&stretched, "pgcoffer/1 catalog")
            }
        };
        Ok(Identity {
            catalog_key,
            repository: *repository,
        })
    }

    /// Whether it may seal: a key always, a passphrase where it can't be guessed.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`].
    pub fn check_strength(&self) -> Result<(), Error> {
        match self {
            Self::Key(_) => Ok(()),
            Self::Passphrase(passphrase) => passphrase.check_strength(),
        }
    }

    /// What may be said of the secret aloud: `key 0123456789abcdef` or `a passphrase`.
    pub fn describe(&self) -> String {
        match self {
            Self::Key(key) => format!("key {}", key.key_id()),
            Self::Passphrase(_) => super::slot::A_PASSPHRASE.to_owned(),
        }
    }
}

/// What stays the same from backup to backup under one secret, in one repository: it makes the backups'
/// ids, so that one can tell from a name alone whether it is ours, and the tag of their owner.
#[derive(Clone)]
pub struct Identity {
    catalog_key: Zeroizing<[u8; 32]>,
    repository: RepositoryId,
}

impl Identity {
    /// HMAC-SHA-256 under the catalog key of `domain`, the repository's 16 bytes and `message`. Each domain has a message
    /// format of its own, so that a name of one kind never passes for one of another.
    pub fn mac(&self, domain: &str, message: &[u8]) -> [u8; 32] {
        keyed_hmac(&self.catalog_key)
            .chain_update(domain)
            .chain_update(self.repository.as_bytes())
            .chain_update(message)
            .finalize()
            .into_bytes()
            .into()
    }

    /// The owner's tag, 16 hex digits: says whose an object is and in which repository, and nothing of the key.
    pub fn owner(&self) -> String {
        HEXLOWER.encode(&self.mac("pgcoffer/1 owner", b"")[..8])
    }

    /// The repository in which its names count.
    pub fn repository(&self) -> &RepositoryId {
        &self.repository
    }

    /// The salt that this program writes into passphrase slots. It is one for all objects of a
    /// passphrase, repository and label, so that reading a hundred of them costs one stretching and not a
    /// hundred. It is printable, because the `argon2` program takes no other and a backup has to
    /// open by hand; 96 bits are enough to keep salts apart.
    pub(super) fn slot_salt(&self) -> [u8; 16] {
        let derived = derive(&self.catalog_key, "pgcoffer/1 slot salt");
        let mut salt = [0; 16];
        BASE64.encode_mut(&derived[..12], &mut salt);
        salt
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("owner", &self.owner())
            .finish_non_exhaustive()
    }
}

/// HKDF-SHA-256 without salt, 32 bytes ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)).
fn derive(key: &[u8; 32], info: &str) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key)
        .expand(info.as_bytes(), &mut *derived)
        .expect("32 bytes are fewer than HKDF's limit of 255 · 32");
    derived
}

/// HMAC-SHA-256 with its key set.
pub(super) fn keyed_hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Takes out what stands between groups. A fault's position is the one in the text as it was typed.
fn parse_grouped(typed: &str) -> Result<MasterKey, KeyFault> {
    let mut text = Zeroizing::new(String::with_capacity(typed.len()));
    let mut places = Vec::with_capacity(typed.len());
    for (at, c) in typed.char_indices() {
        if at > HRP.len() && (c == '-' || c.is_ascii_whitespace()) {
            continue;
        }
        text.push(c);
        places.resize(text.len(), at + 1);
    }
    parse_bech32(&text).map_err(|fault| match fault {
        KeyFault::Character { position } => KeyFault::Character {
            position: places.get(position - 1).copied().unwrap_or(position),
        },
        fault => fault,
    })
}

fn parse_bech32(text: &str) -> Result<MasterKey, KeyFault> {
    if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
        return Err(KeyFault::Character { position: at + 1 });
    }
    if text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase())
    {
        return Err(KeyFault::MixedCase);
    }
    if text.len() == HRP.len() {
        return Err(KeyFault::Length {
            found: text.len(),
            expected: BECH32_LEN,
        });
    }
    if text.as_bytes()[HRP.len()] != b'1' {
        return Err(KeyFault::Character {
            position: HRP.len() + 1,
        });
    }
    let data = &text[HRP.len() + 1..];
    let outside =
        |byte: u8| !b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&byte.to_ascii_lowercase());
    if let Some(at) = data.bytes().position(outside) {
        return Err(KeyFault::Character {
            position: HRP.len() + 1 + at + 1,
        });
    }
    if text.len() != BECH32_LEN {
        return Err(KeyFault::Length {
            found: text.len(),
            expected: BECH32_LEN,
        });
    }
    let checked = CheckedHrpstring::new::<Bech32>(text).map_err(|error| match error {
        CheckedHrpstringError::Checksum(_) => KeyFault::Checksum,
        _ => KeyFault::Unrecognised,
    })?;
    // 52 characters hold 260 bits: the four left over have to be zero, or two texts would mean one
    // key.
    checked
        .validate_segwit_padding()
        .map_err(|_| KeyFault::Checksum)?;
    let mut key = MasterKey([0; 32]);
    for (place, byte) in key.0.iter_mut().zip(checked.byte_iter()) {
        *place = byte;
    }
    Ok(key)
}

fn parse_plain(text: &str) -> Result<MasterKey, KeyFault> {
    const HEX_LEN: usize = 64;
    const BASE64_LEN: usize = 44;
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = if is_hex && text.len() != BASE64_LEN {
        if text.len() != HEX_LEN {
            return Err(KeyFault::Length {
                found: text.len(),
                expected: HEX_LEN,
            });
        }
        HEXLOWER_PERMISSIVE.decode(text.as_bytes())
    } else {
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if !text.bytes().all(in_alphabet) {
            return Err(KeyFault::Unrecognised);
        }
        if text.len() != BASE64_LEN {
            return Err(KeyFault::Length {
                found: text.len(),
                expected: BASE64_LEN,
            });
        }
        BASE64.decode(text.as_bytes())
    };
    let bytes = Zeroizing::new(bytes.map_err(|error| KeyFault::Character {
        position: error.position + 1,
    })?);
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyFault::Unrecognised)?;
    Ok(MasterKey(key))
}
