//! Names of entries of the audit trail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    backup::id::{base32, civil_time, name_mac},
    seal::DatabaseIdentity,
};

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// `20261121T040000Z`.
const TIME_LEN: usize = 16;
/// 40 random bits: entries of one second don't meet.
const RANDOM_BYTES: usize = 5;
const RANDOM_LEN: usize = 8;
const MAC_LEN: usize = 12;

/// The name of an entry: `20261121T040000Z-`, its moment, 8 random characters, and 12 characters of a MAC over
/// repository, moment and these. So whether one is ours, and which are the newest, can be told from a listing alone, and
/// no listing is needed to write one. Names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuditName(String);

/// Why a text isn't the name of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an entry of an audit trail")]
pub struct BadAuditName(String);

impl AuditName {
    /// The bytes that make a name differ from others of the same second.
    pub const RANDOM_BYTES: usize = RANDOM_BYTES;

    /// The name of an entry that is written at `time` (whole seconds count).
    #[must_use]
    pub fn new(identity: &DatabaseIdentity, time: Timestamp, random: [u8; RANDOM_BYTES]) -> Self {
        let begin = format!("{}-{}", time.strftime(TIME_FORMAT), base32().encode(&random));
        let mac = mac(identity, &begin);
        Self(format!("{begin}-{mac}"))
    }

    /// Takes a name as it stands in a key.
    ///
    /// # Errors
    /// [`BadAuditName`] where the text hasn't the form; the MAC is not looked at (see [`AuditName::is_by`]).
    pub fn parse(text: &str) -> Result<Self, BadAuditName> {
        let is_base32 = |part: &str| {
            let mut bytes = part.bytes();
            bytes.all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
        };
        let parts: Vec<&str> = text.split('-').collect();
        let fits = matches!(parts[..], [time, random, mac]
            if time.len() == TIME_LEN && civil_time(time).is_some()
                && random.len() == RANDOM_LEN && mac.len() == MAC_LEN && is_base32(random) && is_base32(mac));
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(BadAuditName(text.to_owned())),
        }
    }

    /// Whether the holder of `identity` made this name.
    #[must_use]
    pub fn is_by(&self, identity: &DatabaseIdentity) -> bool {
        let begin = &self.0[..TIME_LEN + 1 + RANDOM_LEN];
        self.0 == format!("{begin}-{}", mac(identity, begin))
    }

    /// When it was written.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        civil_time(&self.0[..TIME_LEN]).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The month in which it was written, in UTC: `2026-11`.
    #[must_use]
    pub fn month(&self) -> String {
        format!("{}-{}", &self.0[..4], &self.0[4..6])
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn mac(identity: &DatabaseIdentity, begin: &str) -> String {
    name_mac(identity, "pgcoffer/1 audit", begin)
}

impl TryFrom<String> for AuditName {
    type Error = BadAuditName;
    fn try_from(text: String) -> Result<Self, BadAuditName> {
        Self::parse(&text)
    }
}

impl From<AuditName> for String {
    fn from(name: AuditName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, RepositoryId, Secret};

    fn identity(secret: &Secret) -> DatabaseIdentity {
        let repository = RepositoryId::of_generated(&"7".repeat(64)).unwrap();
        secret.identity(&repository, "").unwrap()
    }

    #[test]
    fn a_name_counts_for_its_moment_and_its_key() {
        let (secret, other) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        let (here, there) = (identity(&Secret::Key(secret)), identity(&Secret::Key(other)));
        let at: Timestamp = "2026-11-21T04:00:00.7Z".parse().unwrap();
        let name = AuditName::new(&here, at, [1, 2, 3, 4, 255]);
        let parsed = AuditName::parse(name.as_str()).unwrap();
        assert_eq!(parsed, name);
        assert_eq!(parsed.time(), "2026-11-21T04:00:00Z".parse().unwrap());
        assert_eq!(parsed.month(), "2026-11");
        assert!(parsed.is_by(&here) && !parsed.is_by(&there));
        assert_ne!(AuditName::new(&here, at, [1, 2, 3, 4, 254]), name);
        let later = name.as_str().replace("20261121", "20271121");
        assert!(!AuditName::parse(&later).unwrap().is_by(&here));
        for bad in [
            "",
            "-",
            "a-b-c",
            &name.as_str()[1..],
            &name.as_str().to_uppercase(),
            &name.as_str().replacen('-', "/", 1),
            &format!("{}-", name.as_str()),
        ] {
            AuditName::parse(bad).unwrap_err();
        }
    }
}
