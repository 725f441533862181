//! What a person holds: a master key or a passphrase, and the identity that is derived from either.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key_text::KeyText;
use super::passphrase::{Argon2Cost, Passphrase};
use super::{CatalogKey, Content, Error, KeyFault, RepositoryId};

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
        let key = if text.is_empty() {
            return Err(KeyFault::Empty.into());
        } else if CatalogKey::is_meant_by(text) {
            return Err(KeyFault::IsCatalogKey.into());
        } else if KeyText::MASTER.begins(text) {
            KeyText::MASTER.parse(text)?
        } else {
            parse_plain(text)?
        };
        if *key == [0; 32] {
            return Err(KeyFault::Zero.into());
        }
        Ok(Self(*key))
    }

    /// The key as text, to be stored by a person: `PGCOFFER-KEY-1…`.
    pub fn encode(&self) -> Zeroizing<String> {
        KeyText::MASTER.encode(&self.0)
    }

    /// Names the key without giving it away: 16 hex digits, as in a header's `slot key` line.
    pub fn key_id(&self) -> String {
        HEXLOWER.encode(&derive(&self.0, "pgcoffer/1 key id")[..8])
    }

    /// The catalog key that is derived from it.
    #[must_use]
    pub fn catalog_key(&self) -> CatalogKey {
        CatalogKey::of(&self.0)
    }

    /// The key that wraps data keys of such objects.
    ///
    /// Whoever has the catalog key learns the data keys of what it opens. He must not be able to take the slot of such
    /// a data key into the header of an archive, which would then open under the master key with whatever he put
    /// inside: so those are wrapped under another key.
    pub(super) fn wrapping_key(&self, content: Content) -> Zeroizing<[u8; 32]> {
        match content.is_of_catalog() {
            false => derive(&self.0, "pgcoffer/1 wrap"),
            true => derive(&self.0, "pgcoffer/1 wrap entry"),
        }
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
    /// What is derived from such a key, and opens and seals entries and marks alone.
    Catalog(CatalogKey),
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
            Self::Key(key) => key.catalog_key(),
            Self::Catalog(key) => key.clone(),
            Self::Passphrase(passphrase) => {
                let digest = Sha256::new()
                    .chain_update("pgcoffer/1 id")
                    .chain_update(repository.as_bytes())
                    .chain_update(database)
                    .finalize();
                let mut salt = [0; 16];
                salt.copy_from_slice(&digest[..16]);
                let stretched = passphrase.stretch(&salt, Argon2Cost::WRITTEN)?;
                CatalogKey::of(&stretched)
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
            Self::Key(_) | Self::Catalog(_) => Ok(()),
            Self::Passphrase(passphrase) => passphrase.check_strength(),
        }
    }

    /// Whether it is a catalog key, which sees nothing of what is inside a backup.
    #[must_use]
    pub fn is_catalog_key(&self) -> bool {
        matches!(self, Self::Catalog(_))
    }

    /// Its catalog key: itself, or what is derived from it. A passphrase has none, since it is stretched anew for each
    /// database.
    #[must_use]
    pub fn catalog_key(&self) -> Option<CatalogKey> {
        match self {
            Self::Key(key) => Some(key.catalog_key()),
            Self::Catalog(key) => Some(key.clone()),
            Self::Passphrase(_) => None,
        }
    }

    /// What may be said of the secret aloud: `key 0123456789abcdef`, `catalog key 0123456789abcdef` or `a passphrase`.
    pub fn describe(&self) -> String {
        match self {
            Self::Key(key) => format!("key {}", key.key_id()),
            Self::Catalog(key) => super::slot::catalog_key_named(&key.key_id()),
            Self::Passphrase(_) => super::slot::A_PASSPHRASE.to_owned(),
        }
    }
}

/// What stays the same from backup to backup under one secret, in one repository: it makes the backups'
/// ids, so that one can tell from a name alone whether it is ours, and the tag of their owner.
#[derive(Clone)]
pub struct Identity {
    catalog_key: CatalogKey,
    repository: RepositoryId,
}

impl Identity {
    /// HMAC-SHA-256 under the catalog key of `domain`, the repository's 16 bytes and `message`. Each domain has a
    /// message format of its own, so that a name of one kind never passes for one of another.
    pub fn mac(&self, domain: &str, message: &[u8]) -> [u8; 32] {
        keyed_hmac(self.catalog_key.as_bytes())
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
        let derived = derive(self.catalog_key.as_bytes(), "pgcoffer/1 slot salt");
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
pub(super) fn derive(key: &[u8; 32], info: &str) -> Zeroizing<[u8; 32]> {
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

fn parse_plain(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
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
    Ok(Zeroizing::new(key))
}
