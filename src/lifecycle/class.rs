use std::{fmt, str::FromStr};

use serde::Serialize;

/// A storage class that archives can be moved to.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Class {
    /// Infrequent access, readable at once.
    StandardIa,
    /// Infrequent access in one zone only, readable at once.
    OnezoneIa,
    /// Archive (Glacier Instant Retrieval), readable at once.
    GlacierIr,
    /// Archive (Glacier Flexible Retrieval), readable after thawing.
    Glacier,
    /// Deep archive, readable after thawing.
    DeepArchive,
}

/// How long each speed of thawing takes; `None` if the class doesn't offer that speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retrieval {
    /// The fastest and most expensive speed.
    pub expedited: Option<ThawTime>,
    /// The default speed.
    pub standard: ThawTime,
    /// The slowest and cheapest speed.
    pub bulk: ThawTime,
}

/// How long thawing takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ThawTime {
    /// In words.
    pub words: &'static str,
    /// The usual maximum, in minutes.
    pub longest_minutes: u32,
}

const fn wait(words: &'static str, longest_minutes: u32) -> ThawTime {
    ThawTime { words, longest_minutes }
}

impl Class {
    /// Every class, from the warmest to the coldest.
    pub const ALL: [Self; 5] = [
        Self::StandardIa,
        Self::OnezoneIa,
        Self::GlacierIr,
        Self::Glacier,
        Self::DeepArchive,
    ];

    /// The class's name in S3's API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandardIa => "STANDARD_IA",
            Self::OnezoneIa => "ONEZONE_IA",
            Self::GlacierIr => "GLACIER_IR",
            Self::Glacier => "GLACIER",
            Self::DeepArchive => "DEEP_ARCHIVE",
        }
    }

    /// The days for which each object is billed, even if it is deleted earlier.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html#sc-compare>
    #[must_use]
    pub fn minimum_storage_days(self) -> u32 {
        match self {
            Self::StandardIa | Self::OnezoneIa => 30,
            Self::GlacierIr | Self::Glacier => 90,
            Self::DeepArchive => 180,
        }
    }

    /// The lowest age in days at which a rule may move an object to this class.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
    #[must_use]
    pub fn least_age_days(self) -> u32 {
        match self {
            Self::StandardIa | Self::OnezoneIa => 30,
            Self::GlacierIr | Self::Glacier | Self::DeepArchive => 0,
        }
    }

    /// Whether an object must be thawed before it can be read.
    #[must_use]
    pub fn must_be_thawed(self) -> bool {
        matches!(self, Self::Glacier | Self::DeepArchive)
    }

    /// How long thawing takes; `None` for a class that is readable at once.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
    #[must_use]
    pub fn retrieval(self) -> Option<Retrieval> {
        match self {
            Self::StandardIa | Self::OnezoneIa | Self::GlacierIr => None,
            Self::Glacier => Some(Retrieval {
                expedited: Some(wait("1 to 5 minutes (below 250 MB)", 5)),
                standard: wait("3 to 5 hours", 5 * 60),
                bulk: wait("5 to 12 hours", 12 * 60),
            }),
            Self::DeepArchive => Some(Retrieval {
                expedited: None,
                standard: wait("within 12 hours", 12 * 60),
                bulk: wait("within 48 hours", 48 * 60),
            }),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = String;

    /// Parses a class in upper or lower case, with `_` or `-`.
    fn from_str(word: &str) -> Result<Self, String> {
        let plain = word.to_ascii_uppercase().replace('-', "_");
        let found = Self::ALL.into_iter().find(|class| class.as_str() == plain);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("{word:?} is not a storage class that backups can be moved to: {all}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_read_in_either_case_with_either_dash() {
        for class in Class::ALL {
            let name = class.as_str();
            let dashed = name.to_lowercase().replace('_', "-");
            assert_eq!((name.parse(), dashed.parse()), (Ok(class), Ok(class)));
        }
        assert!("STANDARD".parse::<Class>().is_err() && "glacierir".parse::<Class>().is_err());
    }

    #[test]
    fn only_what_must_be_thawed_takes_time() {
        for class in Class::ALL {
            assert_eq!(class.must_be_thawed(), class.retrieval().is_some());
        }
    }
}
