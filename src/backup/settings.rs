//! Settings of one database that are stored in the bucket.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Label,
    id::{civil_time, name_mac},
};
use crate::{
    seal::{DatabaseIdentity, RepositoryId},
    text::Untrusted,
};

/// The version of the shape of stored settings that this program writes.
pub const STORED_SETTINGS_VERSION: u32 = 1;

/// The most characters of one of their texts. The longest schedule that makes sense has some 400.
pub const STORED_TEXT_MAX: usize = 2000;

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// `20261121T040000Z`.
const TIME_LEN: usize = 16;

/// When a database is backed up and drilled, as somebody has stored it in the bucket for every machine. The settings of
/// a machine's own environment have precedence.
///
/// Each change is a new object that holds the whole, and the newest counts. So nobody who may only write new objects
/// can bring an older one back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSettings {
    /// The version of this shape.
    pub version: u32,
    /// The repository.
    pub repository: RepositoryId,
    /// The object's name.
    pub name: SettingsName,
    /// The database.
    pub database: Label,
    /// Who stored them: a person's name as the front door knows it, and the machine.
    pub by: Untrusted,
    /// The text of the schedule; none where nothing is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Untrusted>,
    /// The text of the schedule of drills; none where nothing is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Untrusted>,
    /// The time zone of both, a name of the tz database; none for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Untrusted>,
}

/// Why stored settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableSettings {
    /// They are no JSON of this shape.
    #[error("these are no settings: {0}")]
    Shape(#[from] serde_json::Error),
    /// A newer program wrote them.
    #[error("a newer pgcoffer stored these settings (version {0}), and this one reads version 1")]
    Version(u32),
}

impl StoredSettings {
    /// The JSON that is sealed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the JSON that was sealed.
    ///
    /// # Errors
    /// [`UnreadableSettings`] where it has another shape or a newer version.
    pub fn from_json(json: &[u8]) -> Result<Self, UnreadableSettings> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        match serde_json::from_slice::<Versioned>(json)?.version {
            STORED_SETTINGS_VERSION => Ok(serde_json::from_slice(json)?),
            version => Err(UnreadableSettings::Version(version)),
        }
    }
}

/// The name of stored settings: `20261121T040000Z-`, the moment of the change, and 12 characters of a MAC over
/// repository, database and moment, as in a [`BackupId`](super::BackupId). So whether they are ours, and which are the
/// newest, can be told from a listing alone. Names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SettingsName(String);

/// Why a text isn't the name of stored settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of stored settings")]
pub struct BadSettingsName(String);

impl SettingsName {
    /// The name of settings that are stored at `time` (whole seconds count).
    #[must_use]
    pub fn new(identity: &DatabaseIdentity, database: &Label, time: Timestamp) -> Self {
        let time = time.strftime(TIME_FORMAT).to_string();
        let mac = mac(identity, database, &time);
        Self(format!("{time}-{mac}"))
    }

    /// Takes a name as it stands in a key.
    ///
    /// # Errors
    /// [`BadSettingsName`] where the text hasn't the form; the MAC is not looked at (see [`SettingsName::is_by`]).
    pub fn parse(text: &str) -> Result<Self, BadSettingsName> {
        // the same form as that of an id
        match super::BackupId::parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(BadSettingsName(text.to_owned())),
        }
    }

    /// Whether the holder of `identity` made this name for `database`.
    #[must_use]
    pub fn is_by(&self, identity: &DatabaseIdentity, database: &Label) -> bool {
        let time = &self.0[..TIME_LEN];
        self.0 == format!("{time}-{}", mac(identity, database, time))
    }

    /// When they were stored.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        civil_time(&self.0[..TIME_LEN]).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn mac(identity: &DatabaseIdentity, database: &Label, time: &str) -> String {
    // no label holds a slash
    name_mac(identity, "pgcoffer/1 settings", &format!("{database}/{time}"))
}

impl TryFrom<String> for SettingsName {
    type Error = BadSettingsName;
    fn try_from(text: String) -> Result<Self, BadSettingsName> {
        Self::parse(&text)
    }
}

impl From<SettingsName> for String {
    fn from(name: SettingsName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backup::BackupId,
        seal::{MasterKey, Secret},
    };

    fn identity(secret: &Secret, database: &str) -> DatabaseIdentity {
        let repository = RepositoryId::of_generated(&"7".repeat(64)).unwrap();
        secret.identity(&repository, database).unwrap()
    }

    #[test]
    fn a_name_counts_for_its_moment_its_database_and_as_nothing_else() {
        let secret = Secret::Key(MasterKey::generate().unwrap());
        let (main, shop) = (Label::parse("main").unwrap(), Label::parse("shop").unwrap());
        let here = identity(&secret, "main");
        let at: Timestamp = "2026-11-21T04:00:00.7Z".parse().unwrap();
        let name = SettingsName::new(&here, &main, at);
        let parsed = SettingsName::parse(name.as_str()).unwrap();
        assert_eq!(parsed, name);
        assert_eq!(parsed.time(), "2026-11-21T04:00:00Z".parse().unwrap());
        assert!(parsed.is_by(&here, &main));
        assert!(!parsed.is_by(&identity(&secret, "shop"), &shop));
        let later = name.as_str().replace("20261121", "20271121");
        assert!(!SettingsName::parse(&later).unwrap().is_by(&here, &main));
        // the id of a backup of that moment is no name of settings, and the other way round
        let id = BackupId::new(&here, &main, at);
        assert!(!SettingsName::parse(id.as_str()).unwrap().is_by(&here, &main));
        assert!(!BackupId::parse(name.as_str()).unwrap().is_by(&here, &main));
    }

    #[test]
    fn a_newer_version_is_said_and_another_shape_refused() {
        let newer = StoredSettings::from_json(br#"{"version": 2}"#).unwrap_err();
        assert!(matches!(newer, UnreadableSettings::Version(2)), "{newer}");
        for bad in ["", "{}", r#"{"version": 1}"#, "[1]"] {
            let refused = StoredSettings::from_json(bad.as_bytes()).unwrap_err();
            assert!(matches!(refused, UnreadableSettings::Shape(_)), "{bad}: {refused}");
        }
    }
}
