use std::fmt;

use crate::{
    backup::Tier,
    error::{Error, Result},
};

/// Which backup a person means: an id or a unique beginning of one, `latest`, or `latest:<tier>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// the newest good one, of a tier where one is named
    Latest(Option<Tier>),
    /// the one whose id begins so
    Beginning(String),
}

impl Wanted {
    /// Reads what a person typed.
    ///
    /// # Errors
    /// [`Error::Usage`] for what can't be the beginning of an id.
    pub fn parse(text: &str) -> Result<Self> {
        let usage = |why: String| {
            Error::usage(
                why,
                "give an id from `pgcoffer list`, the beginning of one, latest, or latest:daily",
            )
        };
        if let Some(rest) = text.strip_prefix("latest") {
            return match rest.strip_prefix(':') {
                None if rest.is_empty() => Ok(Self::Latest(None)),
                Some(tier) => Ok(Self::Latest(Some(
                    tier.parse().map_err(|e| usage(format!("{e}")))?,
                ))),
                None => Err(usage(format!("{text:?} is not a backup id"))),
            };
        }
        let plain = text.len() >= 4 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if plain && text.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(Self::Beginning(text.to_owned()))
        } else {
            Err(usage(format!(
                "{text:?} is not a backup id, nor the first four characters or more of one"
            )))
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest(None) => write!(f, "latest"),
            Self::Latest(Some(tier)) => write!(f, "latest:{tier}"),
            Self::Beginning(id) => write!(f, "{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_an_id_a_beginning_or_latest() {
        assert_eq!(Wanted::parse("latest").unwrap(), Wanted::Latest(None));
        assert_eq!(
            Wanted::parse("latest:daily").unwrap(),
            Wanted::Latest(Some(Tier::Daily))
        );
        assert_eq!(
            Wanted::parse("20261120").unwrap(),
            Wanted::Beginning("20261120".into())
        );
        for bad in [
            "",
            "lat",
            "latest:",
            "latestdaily",
            "latest:x",
            "2",
            "../x",
            "main/2026",
        ] {
            assert!(Wanted::parse(bad).is_err(), "{bad:?}");
        }
    }
}
