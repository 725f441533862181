use std::fmt;

use data_encoding::{Encoding, Specification};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::Label;
use crate::seal::DatabaseIdentity;

/// `20261120T070000Z`: 16 characters, to the second, in UTC.
const TIME_LEN: usize = 16;
/// 60 bits of MAC: an id can't be made by trying.
const MAC_LEN: usize = 12;
const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The name of one backup: when it began, and a MAC by which its maker knows it again.
///
/// `20261120T070000Z-` and 12 characters of lower-case base32 (RFC 4648 §6, `a`–`z` `2`–`7`, unpadded) of
/// HMAC-SHA-256(catalog key, "pgcoffer/1 id" || repository || database || time), so that whether a name is ours, and of
/// this repository, can be told from the name alone, also for an upload still under way. Ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupId(String);

crate::text::text_schema!(BackupId, "The id of a backup.", r"^[0-9]{8}T[0-9]{6}Z-[a-z2-7]{12}$");

/// Why a text isn't a backup's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a backup id: those look like 20261120T070000Z-abcdefghij23")]
pub struct IdError(String);

impl BackupId {
    /// The id of a backup of `database` that began at `time` (whole seconds count).
    #[must_use]
    pub fn new(identity: &DatabaseIdentity, database: &Label, time: Timestamp) -> Self {
        let time = time.strftime(TIME_FORMAT).to_string();
        let mac = mac(identity, database, &time);
        Self(format!("{time}-{mac}"))
    }

    /// Takes an id as it stands in a key name.
    ///
    /// # Errors
    /// [`IdError`] where the text hasn't the form; the MAC is not looked at (see [`BackupId::is_by`]).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = text.split_once('-').is_some_and(|(time, mac)| {
            time.len() == TIME_LEN
                && civil_time(time).is_some()
                && mac.len() == MAC_LEN
                && mac
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError(text.to_owned()))
        }
    }

    /// Whether the holder of `identity` made this id for `database`.
    #[must_use]
    pub fn is_by(&self, identity: &DatabaseIdentity, database: &Label) -> bool {
        self.0 == format!("{}-{}", self.time_text(), mac(identity, database, self.time_text()))
    }

    /// When the backup began.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        civil_time(self.time_text()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the time, 12 characters: two backups never have the same one.
    #[must_use]
    pub fn random_part(&self) -> &str {
        &self.0[TIME_LEN + 1..]
    }

    /// Whether `text` names this backup and never another one: the whole id or its whole random part, in upper or lower
    /// case.
    #[must_use]
    pub fn is_named_by(&self, text: &str) -> bool {
        [self.as_str(), self.random_part()]
            .iter()
            .any(|whole| whole.eq_ignore_ascii_case(text))
    }

    fn time_text(&self) -> &str {
        &self.0[..TIME_LEN]
    }
}

/// The moment of a name, in whole seconds, if it is written as `20261121T040000Z`.
pub(super) fn civil_time(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(TIME_FORMAT, text).ok()?;
    let time = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // strptime is lenient about widths; what it read must be what it would write
    (time.strftime(TIME_FORMAT).to_string() == text).then_some(time)
}

fn mac(identity: &DatabaseIdentity, database: &Label, time: &str) -> String {
    name_mac(identity, "pgcoffer/1 id", &[database.as_str(), time].concat())
}

/// 60 bits of a MAC, as names bear them.
pub(super) fn name_mac(identity: &DatabaseIdentity, domain: &str, message: &str) -> String {
    let mut text = base32().encode(&identity.mac(domain, message.as_bytes()));
    text.truncate(MAC_LEN);
    text
}

pub(super) fn base32() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification
        .encoding()
        .expect("32 distinct ASCII symbols make an encoding")
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for BackupId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, RepositoryId, Secret};

    fn identity(key: &str) -> DatabaseIdentity {
        identity_in(key, HERE)
    }

    fn identity_in(key: &str, repository: &str) -> DatabaseIdentity {
        let repository: RepositoryId = repository.parse().unwrap();
        Secret::Key(MasterKey::parse(key).unwrap())
            .identity(&repository, "main")
            .unwrap()
    }

    const HERE: &str = "c0ffee00112233445566778899aabbcc";
    const ELSEWHERE: &str = "c0ffee00112233445566778899aabbcd";

    const ONE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const OTHER: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn an_id_is_known_again_by_its_maker_alone() {
        let (main, shop) = (Label::parse("main").unwrap(), Label::parse("shop").unwrap());
        let time: Timestamp = "2026-11-20T07:00:00.9Z".parse().unwrap();
        let id = BackupId::new(&identity(ONE), &main, time);
        assert!(id.as_str().starts_with("20261120T070000Z-"), "{id}");
        assert_eq!(id.as_str().len(), 29);
        assert_eq!(id.as_str(), format!("20261120T070000Z-{}", id.random_part()));
        assert_eq!(BackupId::parse(id.as_str()), Ok(id.clone()));
        assert_eq!(id.time(), "2026-11-20T07:00:00Z".parse().unwrap());
        assert!(id.is_by(&identity(ONE), &main));
        assert!(!id.is_by(&identity(ONE), &shop));
        assert!(!id.is_by(&identity(OTHER), &main));
        // the same key in another place
        assert!(!id.is_by(&identity_in(ONE, ELSEWHERE), &main));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in [
            "",
            "latest",
            "20261120T070000Z",
            "20261120T070000Z-",
            "20261320T070000Z-abcdefghij23",
            "20261120T070000Z-ABCDEFGHIJ23",
            "20261120T070000Z-abcdefghij2",
            "20261120T070000Z-abcdefghij2/",
            "2026112 T070000Z-abcdefghij23",
            "é261120T070000Z-abcdefghij23",
        ] {
            assert!(BackupId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
