//! Slots: each wraps an object's data key, in one line of the header.

use std::ops::RangeInclusive;

use data_encoding::{BASE64, HEXLOWER};

use super::data_key::{DataKey, WRAPPED_LEN};
use super::secret_name::{A_PASSPHRASE, catalog_key_named};
use super::{Argon2Cost, CatalogKey, Content, Error, Secret, Subject};

/// The allowed lengths of a salt in bytes. Argon2 requires at least 8 (the shorter of the two lengths in [RFC 9106
/// §4](https://www.rfc-editor.org/rfc/rfc9106#section-4)), and more than 64 gain nothing.
const SALT_LENS: RangeInclusive<usize> = 8..=64;

/// A wrapped data key, as a line of the header contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySlot {
    /// Wrapped under a master key.
    Key {
        /// [`MasterKey::key_id`](super::MasterKey::key_id) of that key.
        key_id: String,
        /// The data key, wrapped with AES-256 key wrap.
        wrapped: [u8; WRAPPED_LEN],
    },
    /// Wrapped under a catalog key: in an entry, a mark, or a repository object.
    Catalog {
        /// [`CatalogKey::key_id`] of that key.
        key_id: String,
        /// The data key, wrapped with AES-256 key wrap.
        wrapped: [u8; WRAPPED_LEN],
    },
    /// Wrapped under a passphrase, stretched with Argon2id.
    Passphrase {
        /// The cost parameters.
        cost: Argon2Cost,
        /// Argon2id's salt: 8 to 64 bytes; pgcoffer writes 16.
        salt: Vec<u8>,
        /// The data key, wrapped with AES-256 key wrap.
        wrapped: [u8; WRAPPED_LEN],
    },
    /// A kind of slot that this version does not know, and skips.
    Unknown {
        /// The word for the kind.
        kind: String,
    },
}

impl KeySlot {
    /// The line of a slot that wraps `data_key` for `secret`, without its newline.
    pub(super) fn seal(data_key: &DataKey, secret: &Secret, subject: &Subject<'_>) -> Result<String, Error> {
        match secret {
            Secret::Key(key) => {
                let wrapped = data_key.wrap(&key.wrapping_key(subject.content));
                Ok(format!("slot key {} {}", key.key_id(), BASE64.encode(&wrapped)))
            }
            Secret::Catalog(key) => Self::seal_catalog(data_key, key, subject.content),
            Secret::Passphrase(passphrase) => {
                let identity = secret.identity(subject.repository, subject.database)?;
                let (salt, cost) = (identity.slot_salt(), Argon2Cost::WRITTEN);
                let wrapped = data_key.wrap(&*passphrase.stretch(&salt, cost)?);
                Ok(format!(
                    "slot passphrase argon2id m={} t={} p={} {} {}",
                    cost.memory_kib,
                    cost.passes,
                    cost.lanes,
                    BASE64.encode(&salt),
                    BASE64.encode(&wrapped)
                ))
            }
        }
    }

    /// The line of a slot that wraps `data_key` for a catalog key.
    pub(super) fn seal_catalog(data_key: &DataKey, key: &CatalogKey, content: Content) -> Result<String, Error> {
        if !content.is_of_catalog() {
            return Err(Error::BeyondCatalogKey { content });
        }
        let wrapped = data_key.wrap(&key.wrapping_key());
        Ok(format!("slot catalog {} {}", key.key_id(), BASE64.encode(&wrapped)))
    }

    /// The data key, if `secret` opens this slot of an object of this content. [`Error::HeaderChanged`] if the slot
    /// names this key and does not open under it.
    pub(super) fn open(&self, secret: &Secret, content: Content) -> Result<Option<DataKey>, Error> {
        let opened = |data_key: Option<DataKey>| data_key.map(Some).ok_or(Error::HeaderChanged);
        match (self, secret) {
            (Self::Key { key_id, wrapped }, Secret::Key(key)) if *key_id == key.key_id() => {
                opened(DataKey::unwrap(wrapped, &key.wrapping_key(content)))
            }
            (Self::Catalog { key_id, wrapped }, secret) if content.is_of_catalog() => {
                let key = secret.catalog_key();
                match key.filter(|key| *key_id == key.key_id()) {
                    Some(key) => opened(DataKey::unwrap(wrapped, &key.wrapping_key())),
                    None => Ok(None),
                }
            }
            (Self::Passphrase { cost, salt, wrapped }, Secret::Passphrase(passphrase)) => {
                Ok(DataKey::unwrap(wrapped, &*passphrase.stretch(salt, *cost)?))
            }
            _ => Ok(None),
        }
    }

    /// Whether the slot names this key.
    pub(crate) fn names(&self, secret: &Secret) -> bool {
        match (self, secret) {
            (Self::Key { key_id, .. }, Secret::Key(key)) => *key_id == key.key_id(),
            (Self::Catalog { key_id, .. }, secret) => secret.catalog_key().is_some_and(|key| *key_id == key.key_id()),
            _ => false,
        }
    }

    /// Whether opening this slot needs Argon2id.
    pub(super) fn is_costly(&self) -> bool {
        matches!(self, Self::Passphrase { .. })
    }

    /// What the slot is sealed for, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Key { key_id, .. } => format!("key {key_id}"),
            Self::Catalog { key_id, .. } => catalog_key_named(key_id),
            Self::Passphrase { .. } => A_PASSPHRASE.to_owned(),
            Self::Unknown { kind } => format!("a slot of the unknown kind `{kind}`"),
        }
    }

    /// Parses the rest of a line after `slot `.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let fields: Vec<&str> = text.split(' ').collect();
        if fields.iter().any(|field| field.is_empty()) {
            return Err("fields are separated by exactly one space");
        }
        match fields.as_slice() {
            ["key", key_id, wrapped] => Ok(Self::Key {
                key_id: parse_key_id(key_id)?,
                wrapped: parse_base64(wrapped).ok_or("a wrapped key is the base64 of 40 bytes")?,
            }),
            ["key", ..] => Err("a key slot is `slot key <key id> <wrapped>`"),
            ["catalog", key_id, wrapped] => Ok(Self::Catalog {
                key_id: parse_key_id(key_id)?,
                wrapped: parse_base64(wrapped).ok_or("a wrapped key is the base64 of 40 bytes")?,
            }),
            ["catalog", ..] => Err("a catalog slot is `slot catalog <key id> <wrapped>`"),
            ["passphrase", "argon2id", m, t, p, salt, wrapped] => Self::parse_passphrase([m, t, p], salt, wrapped),
            ["passphrase", "argon2id", ..] => Err("an Argon2id slot goes on with m=<KiB> t=<n> p=<n> <salt> <wrapped>"),
            // this includes a passphrase slot with another function than Argon2id
            [kind, ..] => parse_kind(kind),
            [] => Err("a slot has a kind"),
        }
    }

    fn parse_passphrase(figures: [&str; 3], salt: &str, wrapped: &str) -> Result<Self, &'static str> {
        let figure = |place: usize, name: &str| {
            let text = figures[place]
                .strip_prefix(name)
                .ok_or("Argon2id's figures are m=, t= and p=, in this order")?;
            parse_number(text).ok_or("a figure of Argon2id is not a number below 2^32 without leading zeros")
        };
        let cost = Argon2Cost {
            memory_kib: figure(0, "m=")?,
            passes: figure(1, "t=")?,
            lanes: figure(2, "p=")?,
        };
        if !cost.is_defined() {
            return Err("Argon2id needs t and p of at least 1 and m of at least 8 times p");
        }
        Ok(Self::Passphrase {
            cost,
            salt: parse_salt(salt).ok_or("a salt is the base64 of 8 to 64 bytes")?,
            wrapped: parse_base64(wrapped).ok_or("a wrapped key is the base64 of 40 bytes")?,
        })
    }
}

/// Parses a number as the header writes it: decimal, no sign, no leading zeros, below 2^32.
pub(super) fn parse_number(text: &str) -> Option<u32> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

/// Parses exactly `N` bytes in padded base64, which has only one spelling.
pub(super) fn parse_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn parse_salt(text: &str) -> Option<Vec<u8>> {
    let salt = BASE64.decode(text.as_bytes()).ok()?;
    SALT_LENS.contains(&salt.len()).then_some(salt)
}

fn parse_key_id(text: &str) -> Result<String, &'static str> {
    let id = HEXLOWER.decode(text.as_bytes()).ok().filter(|id| id.len() == 8);
    id.map(|_| text.to_owned())
        .ok_or("a key id is 16 lower-case hex digits")
}

fn parse_kind(kind: &str) -> Result<KeySlot, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if kind.bytes().all(allowed) {
        Ok(KeySlot::Unknown { kind: kind.to_owned() })
    } else {
        Err("a slot's kind is made of lower-case letters, digits and hyphens")
    }
}
