//! The secrets of users: master keys, catalog keys and passphrases, and the identity that is derived from them.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::Mac;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::derivation::{derive, derive_for, keyed_hmac};
use super::key_slip::is_named;
use super::key_text::KeyText;
use super::passphrase::{Argon2Cost, Passphrase};
use super::secret_name::{A_PASSPHRASE, catalog_key_named};
use super::{CatalogKey, Content, Error, KeyFault, RepositoryId};

/// A random key of 32 bytes: the usual secret to seal with.
///
/// Its text is bech32 ([BIP 173](https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki)) with the
/// human-readable part `pgcoffer-key-`, in upper case, 72 characters. Its checksum detects typing errors.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Generates a key from the operating system's random source.
    ///
    /// # Errors
    /// [`Error::Random`] if that source fails.
    pub fn generate() -> Result<Self, Error> {
        let mut key = Self([0; 32]);
        getrandom::fill(&mut key.0)?;
        Ok(key)
    }

    /// Parses a key as users write it: bech32 in upper or lower case, 64 hex digits, or the padded base64 of 32 bytes.
    /// White space around and inside it is ignored, and so are hyphens between groups of characters after the `1` of
    /// bech32, as in a printed key. Its beginning `PGCOFFER-KEY-1` may be left out: the checksum tells that it is one.
    ///
    /// # Errors
    /// [`Error::Key`], which distinguishes a mistyped character from a missing one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let key = if text.is_empty() {
            return Err(KeyFault::Empty.into());
        } else if CatalogKey::looks_like(text) {
            return Err(KeyFault::IsCatalogKey.into());
        } else if let Some(fault) = KeyText::MASTER.around(text) {
            return Err(fault.into());
        } else if KeyText::MASTER.begins(text) {
            KeyText::MASTER.parse(text)?
        } else if let Some(whole) = KeyText::MASTER.completed(text) {
            KeyText::MASTER.parse(&whole)?
        } else {
            parse_plain(text)?
        };
        if *key == [0; 32] {
            return Err(KeyFault::Zero.into());
        }
        Ok(Self(*key))
    }

    /// The key as text, for users to store: `PGCOFFER-KEY-1…`.
    pub fn encode(&self) -> Zeroizing<String> {
        KeyText::MASTER.encode(&self.0)
    }

    /// The id of the key, which doesn't reveal it: 16 hex digits, as in a header's `slot key` line.
    pub fn key_id(&self) -> String {
        HEXLOWER.encode(&derive(&self.0, "pgcoffer/1 key id")[..8])
    }

    /// The catalog key that is derived from it.
    #[must_use]
    pub fn catalog_key(&self) -> CatalogKey {
        CatalogKey::of(&self.0)
    }

    /// The key that wraps the data keys of objects of this content.
    ///
    /// A holder of the catalog key learns the data keys of the objects that it opens. He must not be able to put the
    /// slot of such a data key into the header of an archive, which would then open under the master key with contents
    /// of his choice. So the data keys of entries are wrapped under another key.
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

/// A secret of a user.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A random key.
    Key(MasterKey),
    /// A catalog key, which is derived from a master key and opens and seals only entries and marks.
    Catalog(CatalogKey),
    /// A passphrase, which Argon2id stretches.
    Passphrase(Passphrase),
}

impl Secret {
    /// The identity under which the backups of `database` (its label) are named and tagged in `repository`.
    ///
    /// With a passphrase the first call takes 64 MiB and a large part of a second. Later calls for the same repository
    /// and label, also on clones, cost nothing.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], with a passphrase.
    pub fn identity(&self, repository: &RepositoryId, database: &str) -> Result<DatabaseIdentity, Error> {
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
        Ok(DatabaseIdentity {
            catalog_key,
            repository: *repository,
        })
    }

    /// Checks that the secret may seal: a key always, a passphrase if it is hard to guess.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`].
    pub fn check_strength(&self) -> Result<(), Error> {
        match self {
            Self::Key(_) | Self::Catalog(_) => Ok(()),
            Self::Passphrase(passphrase) => passphrase.check_strength(),
        }
    }

    /// Whether it is a catalog key, which opens nothing of what is inside a backup.
    #[must_use]
    pub fn is_catalog_key(&self) -> bool {
        matches!(self, Self::Catalog(_))
    }

    /// Its catalog key: itself, or the one derived from it. A passphrase has none, since it is stretched separately for
    /// each database.
    #[must_use]
    pub fn catalog_key(&self) -> Option<CatalogKey> {
        match self {
            Self::Key(key) => Some(key.catalog_key()),
            Self::Catalog(key) => Some(key.clone()),
            Self::Passphrase(_) => None,
        }
    }

    /// The key under which links to the dashboard are made. A master key has another one than its catalog key, so that a
    /// monitor can make no link for a machine that can open backups. A passphrase has none, as it would have to be
    /// stretched.
    #[must_use]
    pub fn dashboard_key(&self) -> Option<Zeroizing<[u8; 32]>> {
        const INFO: &str = "pgcoffer/1 dashboard";
        match self {
            Self::Key(key) => Some(derive(&key.0, INFO)),
            Self::Catalog(key) => Some(derive(key.as_bytes(), INFO)),
            Self::Passphrase(_) => None,
        }
    }

    /// The secret's name for messages, which reveals nothing: `key 0123456789abcdef`, `catalog key 0123456789abcdef` or
    /// `a passphrase`.
    pub fn describe(&self) -> String {
        match self {
            Self::Key(key) => format!("key {}", key.key_id()),
            Self::Catalog(key) => catalog_key_named(&key.key_id()),
            Self::Passphrase(_) => A_PASSPHRASE.to_owned(),
        }
    }
}

/// What is constant for all backups under one secret in one repository. It makes the backups' ids, so that a name alone
/// shows whether it is ours, and the tag of their owner.
#[derive(Clone)]
pub struct DatabaseIdentity {
    catalog_key: CatalogKey,
    repository: RepositoryId,
}

impl DatabaseIdentity {
    /// HMAC-SHA-256 under the catalog key, over `domain`, the repository's 16 bytes and `message`. Each domain has its
    /// own message format, so that a name of one kind never passes for another kind.
    pub fn mac(&self, domain: &str, message: &[u8]) -> [u8; 32] {
        keyed_hmac(self.catalog_key.as_bytes())
            .chain_update(domain)
            .chain_update(self.repository.as_bytes())
            .chain_update(message)
            .finalize()
            .into_bytes()
            .into()
    }

    /// The owner's tag, 16 hex digits: whose an object is and in which repository. It reveals nothing about the key.
    pub fn owner(&self) -> String {
        HEXLOWER.encode(&self.mac("pgcoffer/1 owner", b"")[..8])
    }

    /// The seed of the Ed25519 key that signs the certificates of this repository. Nothing else is made with it, so
    /// whoever has it alone can sign, and can open, name or tag nothing.
    pub fn certificate_seed(&self) -> Zeroizing<[u8; 32]> {
        let repository = self.repository.as_bytes();
        derive_for(self.catalog_key.as_bytes(), "pgcoffer/1 certificate", repository)
    }

    /// The repository in which its names are valid.
    pub fn repository(&self) -> &RepositoryId {
        &self.repository
    }

    /// The salt for passphrase slots. All objects of one passphrase, repository and label share it, so that reading a
    /// hundred of them needs one stretching instead of a hundred. It is printable, because the `argon2` program accepts
    /// no other salt, and a backup must be possible to open by hand. 96 bits are enough to keep salts distinct.
    pub(super) fn slot_salt(&self) -> [u8; 16] {
        let derived = derive(self.catalog_key.as_bytes(), "pgcoffer/1 slot salt");
        let mut salt = [0; 16];
        BASE64.encode_mut(&derived[..12], &mut salt);
        salt
    }
}

impl fmt::Debug for DatabaseIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseIdentity")
            .field("owner", &self.owner())
            .finish_non_exhaustive()
    }
}

fn parse_plain(typed: &str) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
    const HEX_LEN: usize = 64;
    const BASE64_LEN: usize = 44;
    const KEY_ID_LEN: usize = 16;
    if is_named(typed) {
        return Err(KeyFault::Preceded);
    }
    // of its full length from the beginning: a text that grows leaves copies of a secret behind
    let mut text = Zeroizing::new(String::with_capacity(typed.len()));
    text.extend(typed.chars().filter(|c| !c.is_ascii_whitespace()));
    let text = text.as_str();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = if is_hex && text.len() != BASE64_LEN {
        if text.len() == KEY_ID_LEN {
            return Err(KeyFault::IsKeyId);
        }
        if text.len() == 2 * HEX_LEN && text[..HEX_LEN] == text[HEX_LEN..] {
            return Err(KeyFault::Twice);
        }
        if text.len() != HEX_LEN {
            return Err(KeyFault::Length {
                found: text.len(),
                expected: HEX_LEN,
            });
        }
        HEXLOWER_PERMISSIVE.decode(text.as_bytes())
    } else {
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        // words of a passphrase, and no groups of a key
        let is_in_words = typed.contains(' ') && text.len() != BASE64_LEN;
        if text.len() != BASE64_LEN && is_file_name(typed) {
            return Err(KeyFault::IsFileName);
        }
        if is_in_words || !text.bytes().all(in_alphabet) {
            return Err(match is_passphrase(typed) {
                true => KeyFault::IsPassphrase,
                false => KeyFault::Unrecognised,
            });
        }
        // too short for a key that lost an end
        if text.len() < BASE64_LEN / 2 {
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

/// Whether it is the path of a file, and not a key that lost an end.
fn is_file_name(typed: &str) -> bool {
    let begins = ["/", "~/", "./", "../", "file:"]
        .iter()
        .any(|start| typed.starts_with(start));
    begins && (typed.matches('/').count() > 1 || typed.contains('.'))
}

/// Whether it is words, as `keygen` suggests them and people choose them.
fn is_passphrase(typed: &str) -> bool {
    let words: Vec<&str> = typed.split([' ', '-', '_', '.', ',']).collect();
    let is_word = |word: &&str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic());
    words.len() >= 3 && words.iter().all(is_word)
}
