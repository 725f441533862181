use std::{fmt, str::FromStr};

use jiff::SignedDuration;

/// How often a backup of this kind is made; one backup serves every tier due at its moment and carries the highest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Asked for by a person.
    Manual,
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every year.
    Yearly,
}

/// A word that names no tier or no retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {kind}: {}", meant.as_ref().map_or_else(|| (*expected).to_owned(), |meant| format!("did you mean {meant}?")))]
pub struct UnknownWord {
    pub(super) word: String,
    pub(super) kind: &'static str,
    pub(super) expected: &'static str,
    /// The word that was probably meant.
    pub(super) meant: Option<String>,
}

impl UnknownWord {
    /// The word that was probably meant, if there is one.
    #[must_use]
    pub fn meant(&self) -> Option<&str> {
        self.meant.as_deref()
    }
}

impl Tier {
    /// How long a period of this tier lasts, at the least; a manual backup has none.
    #[must_use]
    pub fn period(self) -> SignedDuration {
        const DAY: i64 = 24;
        SignedDuration::from_hours(match self {
            Self::Manual => 0,
            Self::Hourly => 1,
            Self::Daily => DAY,
            Self::Weekly => 7 * DAY,
            Self::Monthly => 28 * DAY,
            Self::Yearly => 365 * DAY,
        })
    }

    /// How long after its due moment a period can still be served: two periods, and a day for a dump that takes long.
    #[must_use]
    pub fn open_max(self) -> SignedDuration {
        self.period() * 2 + SignedDuration::from_hours(24)
    }

    /// Every tier, lowest first.
    pub const ALL: [Self; 6] = [
        Self::Manual,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    /// The tier's name, as in keys, tags and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == word)
            .ok_or_else(|| UnknownWord {
                word: word.to_owned(),
                kind: "tier",
                expected: "one of manual, hourly, daily, weekly, monthly, yearly",
                meant: meant(word),
            })
    }
}

/// The tier that was probably meant: `Weekly`, `weekl`, `day`.
fn meant(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    let near = Tier::ALL.into_iter().map(|tier| {
        let name = tier.as_str();
        let is_begun = word.len() >= 3 && (name.starts_with(&word) || name.trim_end_matches("ly") == word);
        let letters = if is_begun {
            0
        } else {
            strsim::damerau_levenshtein(name, &word)
        };
        (letters, name)
    });
    let near = near.chain([(strsim::damerau_levenshtein("day", &word), "daily")]);
    near.filter(|(letters, _)| *letters <= 2.min(word.len() / 3))
        .min()
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_rise_and_keep_their_names() {
        assert!(Tier::ALL.is_sorted());
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(tier));
        }
        for (typed, expected) in [
            ("Daily", "did you mean daily?"),
            ("weekl", "did you mean weekly?"),
            ("day", "did you mean daily?"),
            ("month", "did you mean monthly?"),
            ("mothly", "did you mean monthly?"),
            ("latest", "one of manual, hourly"),
            ("x", "one of manual, hourly"),
        ] {
            let error = typed.parse::<Tier>().unwrap_err().to_string();
            assert!(error.contains(expected), "{typed}: {error}");
        }
    }
}
