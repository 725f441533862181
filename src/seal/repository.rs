use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// The identity of a repository: 16 random bytes, generated once for each place in which backups are stored.
///
/// It isn't secret. It is in the header of every object, under the header's MAC, and in the MAC of every name, so that
/// an object that was sealed for one repository is refused in another, even under the same key. Its text is 32
/// lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryId([u8; 16]);

crate::text::text_schema!(RepositoryId, "The id of a repository.", r"^[0-9a-f]{32}$");

/// The error of a text that is not a repository's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a repository's id is 32 hex digits")]
pub struct BadRepositoryId;

impl RepositoryId {
    /// Generates an id from the operating system's random source.
    ///
    /// # Errors
    /// The error of that source.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }

    /// The id from a random text that a platform generated, of 40 to 128 characters without spaces. Platforms that
    /// generate settings choose the form themselves.
    #[must_use]
    pub fn of_generated(text: &str) -> Option<Self> {
        let fits = (40..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        let id = *Sha256::digest(text).first_chunk()?;
        fits.then_some(Self(id))
    }

    /// The 16 bytes of the id.
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

    /// Parses lower-case digits only: an id has one spelling.
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
