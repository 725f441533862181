//! What identifies a set of rows whatever their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The sum, modulo 2¹²⁸, of the [XXH3-128](https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) (seed 0) of
/// each row.
///
/// A row is its COPY text without the line break. The sum does not depend on the order of the rows, since a restored
/// table may come back in another physical order, and counts equal rows as often as they come. Tables without rows have
/// zero.
///
/// It finds what was lost, doubled or changed by accident. It is no cryptographic hash: who may choose the rows can
/// make two sets with one fingerprint.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(u128);

crate::text::text_schema!(Fingerprint, "The fingerprint of a set of rows.", r"^[0-9a-f]{32}$");

impl Fingerprint {
    /// The fingerprint of a set of rows.
    #[must_use]
    pub fn of_rows(rows: impl Iterator<Item = String>) -> Self {
        let mut fingerprint = Self::default();
        rows.for_each(|row| fingerprint.add(xxh3_128(row.as_bytes())));
        fingerprint
    }

    /// The fingerprint of both sets of rows together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Adds one row, or one large object, by its hash.
    pub(super) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }
}

/// 32 lowercase hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The text is no fingerprint: not exactly 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fingerprint {0:?} is not made of 32 hexadecimal digits")]
pub struct NotAFingerprint(String);

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        // The digits are checked one by one because u128's own parser takes a leading plus sign too.
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAFingerprint(text.to_owned()));
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAFingerprint(text.to_owned()))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NotAFingerprint;

    fn try_from(text: String) -> Result<Self, NotAFingerprint> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn is_written_and_read_as_32_hex_digits() {
        let fingerprint = Fingerprint(0x00ab);
        assert_eq!(fingerprint.to_string(), "000000000000000000000000000000ab");
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(json, "\"000000000000000000000000000000ab\"");
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
    }

    #[test]
    fn refuses_all_else() {
        for text in [
            "",
            "ab",
            "+00000000000000000000000000000ab",
            "000000000000000000000000000000ag",
            "éééééééééééééééé",
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn order_does_not_matter_and_number_does() {
        let sum = |hashes: &[u128]| {
            let mut sum = Fingerprint::default();
            hashes.iter().for_each(|&hash| sum.add(hash));
            sum
        };
        assert_eq!(sum(&[1, u128::MAX, 5]), sum(&[5, 1, u128::MAX]));
        assert_ne!(sum(&[7, 7]), sum(&[7, 7, 7, 7]));
    }
}
