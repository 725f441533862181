//! The catalog key: what a monitor or a pruning job holds in the place of the key itself.

use std::fmt;

use data_encoding::HEXLOWER;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key_text::KeyText;
use super::{Error, KeyFault, key::derive};

/// What is derived from a master key to make names and to open and seal what a catalog consists of: entries, marks and
/// what names the repository. It opens no archive and no details, so it shows no row and no table's name.
///
/// As text it is bech32 with the human-readable part `pgcoffer-catalog-`, in upper case, 76 characters. It has no other
/// spelling, so that no master key in hexadecimal digits can be taken for one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CatalogKey([u8; 32]);

impl CatalogKey {
    /// The catalog key of a master key, or of a stretched passphrase.
    pub(super) fn of(key: &[u8; 32]) -> Self {
        Self(*derive(key, "pgcoffer/1 catalog"))
    }

    /// Reads a catalog key as a person writes it: in upper or lower case, with white space around it, and with blanks
    /// and hyphens between groups of characters behind the `1`.
    ///
    /// # Errors
    /// [`Error::Key`], which tells a mistyped character from a missing one, and a master key from both.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyFault::Empty.into());
        }
        if KeyText::MASTER.begins(text) {
            return Err(KeyFault::IsMasterKey.into());
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

    /// Whether a text begins as a catalog key does.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        KeyText::CATALOG.begins(text)
    }

    /// The key as text, to be stored by a person: `PGCOFFER-CATALOG-1…`.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        KeyText::CATALOG.encode(&self.0)
    }

    /// Names the key without giving it away: 16 hex digits, as in a header's `slot catalog` line.
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
