//! What can be wrong with the text of a key, and its cure.

use crate::text::counted;

/// What is wrong with the text of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is empty, or only white space.
    #[error("it is empty")]
    Empty,
    /// Neither `PGCOFFER-KEY-1…`, nor hex, nor base64.
    #[error("it is neither `PGCOFFER-KEY-1…`, nor 64 hex digits, nor the base64 of 32 bytes")]
    Unrecognised,
    /// Bech32 must not mix upper and lower case.
    #[error("upper and lower case are mixed")]
    MixedCase,
    /// A character that no key contains.
    #[error("character {position} is not allowed in a key")]
    Character {
        /// The character's position, counted from 1 without surrounding white space.
        position: usize,
    },
    /// The key has too many or too few characters.
    #[error("it has {}, and a key of this kind has {expected}", counted(found, "character"))]
    Length {
        /// The number of characters, without surrounding white space.
        found: usize,
        /// The number of characters of a complete key.
        expected: usize,
    },
    /// The checksum at the end is wrong.
    #[error("its checksum is wrong: a character was mistyped")]
    Checksum,
    /// A catalog key instead of a master key.
    #[error("it is a catalog key, which opens no archive")]
    IsCatalogKey,
    /// A master key instead of a catalog key.
    #[error("it is a master key, which opens everything, and not a catalog key")]
    IsMasterKey,
    /// It is not a catalog key.
    #[error("it does not begin with `PGCOFFER-CATALOG-1`, as every catalog key does")]
    NotCatalogKey,
    /// 32 zero bytes: a placeholder, not a key.
    #[error("all of its bytes are zero, so it is a placeholder and not a key")]
    Zero,
}

impl KeyFault {
    /// One sentence with the cure.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Checksum | Self::Character { .. } | Self::Length { .. } | Self::MixedCase => {
                "copy the key again from where you store it, from its first character to its last"
            }
            Self::IsCatalogKey => {
                "set it as PGCOFFER_CATALOG_KEY where backups are monitored and pruned; the master key is on the \
                 recovery sheet"
            }
            Self::IsMasterKey | Self::NotCatalogKey => {
                "`pgcoffer keygen --catalog` prints the catalog key of the configured key"
            }
            Self::Empty | Self::Unrecognised | Self::Zero => {
                "copy the key from where you store it, such as the recovery sheet; only a first set-up (`pgcoffer \
                 init`) makes a new one, which opens no backup that there is"
            }
        }
    }
}
