//! The catalog key: a monitor or a pruning job holds it instead of the master key.

use std::fmt;

use data_encoding::HEXLOWER;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key_text::KeyText;
use super::{Error, KeyFault, derivation::derive};

/// A key that is derived from a master key. It makes names, and seals and opens what a catalog consists of: entries,
/// marks, reports of drills and the repository object. It opens no archive, no details and no findings, so it reveals no row and no table's name.
///
/// Its text is bech32 with the human-readable part `pgcoffer-catalog-`, in upper case, 76 characters. It has no other
/// form, so a master key in hexadecimal digits can't be mistaken for one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CatalogKey([u8; 32]);

impl CatalogKey {
    /// The catalog key of a master key, or of a stretched passphrase.
    pub(super) fn of(key: &[u8; 32]) -> Self {
        Self(*derive(key, "pgcoffer/1 catalog"))
    }

    /// Parses a catalog key as users write it: in upper or lower case, with white space around it, and with spaces and
    /// hyphens between groups of characters after the `1`.
    ///
    /// # Errors
    /// [`Error::Key`], which distinguishes a mistyped character, a missing one, and a master key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyFault::Empty.into());
        }
        if KeyText::MASTER.begins(text) {
            return Err(KeyFault::IsMasterKey.into());
        }
        if let Some(fault) = KeyText::CATALOG.around(text) {
            return Err(fault.into());
        }
        if !KeyText::CATALOG.begins(text) {
            return Err(KeyFault::NotCatalogKey.into());
        }
        let key = KeyText::CATALOG.parse(text)?;
        if *key == [0; 32] {
            return Err(KeyFault::Zero.into());
        }
        Ok(Self(*key))
    }

    /// Whether a text begins like a catalog key.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        KeyText::CATALOG.begins(text)
    }

    /// The key as text, for users to store: `PGCOFFER-CATALOG-1…`.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        KeyText::CATALOG.encode(&self.0)
    }

    /// The id of the key, which doesn't reveal it: 16 hex digits, as in a header's `slot catalog` line.
    #[must_use]
    pub fn key_id(&self) -> String {
        HEXLOWER.encode(&derive(&self.0, "pgcoffer/1 catalog id")[..8])
    }

    /// The key that wraps data keys.
    pub(super) fn wrapping_key(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.0, "pgcoffer/1 catalog wrap")
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CatalogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogKey").finish_non_exhaustive()
    }
}
