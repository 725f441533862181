//! The name of a place that holds copies of the backups.

use serde::{Deserialize, Serialize};

use super::Label;

/// The name of a place that holds copies: the `<NAME>` of `PGCOFFER_COPY_<NAME>_URL` in lower case.
///
/// Only `a`–`z`, `0`–`9` and `_`, 1 to 63 characters. The bucket itself is called [`PlaceName::BUCKET`], and no other
/// place is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlaceName(String);

crate::text::text_schema!(
    PlaceName,
    "The name of a place that holds copies.",
    r"^[a-z0-9_]{1,63}$"
);

/// Why a text can't be the name of a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlaceName {
    /// It has other characters, or too many.
    #[error("{0:?} can't be the name of a place: 1 to 63 of the characters a-z, 0-9 and _")]
    Characters(String),
    /// It is the name of the bucket.
    #[error("\"bucket\" is the name of PGCOFFER_BUCKET itself")]
    Bucket,
}

impl PlaceName {
    /// How the bucket is called among the places.
    pub const BUCKET: &'static str = "bucket";

    /// Takes a name in either case.
    ///
    /// # Errors
    /// [`BadPlaceName`] if it is empty, too long, has another character, or is the bucket's.
    pub fn parse(text: &str) -> Result<Self, BadPlaceName> {
        let name = Label::parse(text).map_err(|_| BadPlaceName::Characters(text.to_owned()))?;
        match name.as_str() {
            Self::BUCKET => Err(BadPlaceName::Bucket),
            _ => Ok(Self(name.to_string())),
        }
    }

    /// The name of the bucket itself, where it is the place that is written to.
    #[must_use]
    pub fn of_bucket() -> Self {
        Self(Self::BUCKET.to_owned())
    }

    /// Whether it is the bucket itself.
    #[must_use]
    pub fn is_bucket(&self) -> bool {
        self.0 == Self::BUCKET
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the names of its settings begin: `PGCOFFER_COPY_OFFSITE`.
    #[must_use]
    pub fn settings(&self) -> String {
        format!("PGCOFFER_COPY_{}", self.0.to_ascii_uppercase())
    }
}

impl std::fmt::Display for PlaceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for PlaceName {
    type Error = BadPlaceName;
    fn try_from(text: String) -> Result<Self, BadPlaceName> {
        match text.as_str() {
            Self::BUCKET => Ok(Self::of_bucket()),
            _ => Self::parse(&text),
        }
    }
}

impl From<PlaceName> for String {
    fn from(name: PlaceName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_is_called_as_the_bucket_is() {
        assert_eq!(
            PlaceName::parse("OFFSITE").map(|name| name.to_string()),
            Ok("offsite".into())
        );
        assert_eq!(PlaceName::parse("Bucket"), Err(BadPlaceName::Bucket));
        assert!(PlaceName::of_bucket().is_bucket());
        for bad in ["", "a/b", "a-b", &"x".repeat(64)] {
            assert!(PlaceName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
