use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::Error;

/// Which repository an object belongs to: 16 random bytes, made once for each place in which backups are kept.
///
/// It is no secret. It stands in the header of every object, under the header's MAC, and in the MAC of every name, so
/// that what was sealed for one place is a stranger in another, even under the same key. As text it is 32 lower-case
/// hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryId([u8; 16]);

/// Why a text is no repository's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a repository's id is 32 hex digits")]
pub struct BadRepositoryId;

impl RepositoryId {
    /// A new one from the operating system's random source.
    ///
    /// # Errors
    /// [`Error::Random`] where that source fails.
    pub fn generate() -> Result<Self, Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }

    /// That of a text which a platform made by chance, 40 to 128 characters without blanks: those that generate
    /// settings choose the form themselves.
    #[must_use]
    pub fn of_generated(text: &str) -> Option<Self> {
        let fits = (40..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        let id = *Sha256::digest(text).first_chunk()?;
        fits.then_some(Self(id))
    }

    /// Its 16 bytes.
    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for RepositoryId {
    type Err = BadRepositoryId;

    /// Lower-case digits only: an id has one spelling.
    fn from_str(text: &str) -> Result<Self, BadRepositoryId> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok());
        id.map(Self).ok_or(BadRepositoryId)
    }
}

impl TryFrom<String> for RepositoryId {
    type Error = BadRepositoryId;

    fn try_from(text: String) -> Result<Self, BadRepositoryId> {
        text.parse()
    }
}

impl From<RepositoryId> for String {
    fn from(id: RepositoryId) -> Self {
        id.to_string()
    }
}
