use jiff::Timestamp;

use crate::{
    backup::{
        BackupId, Label,
        id::{civil_time, name_mac},
    },
    seal::DatabaseIdentity,
};

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// `20261121T040000Z`.
const TIME_LEN: usize = 16;
/// The characters of a backup's id.
const ID_LEN: usize = 29;

/// The name of one drill of a backup.
///
/// The backup's id, `-20261121T040000Z-`, the moment at which the drill began, and 12 characters of a MAC over
/// repository, database and what stands before it, as in a [`BackupId`]. Without the key nobody can make the name, so
/// whether a report is ours, and of which backup and when, can be told from a listing alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DrillName {
    text: String,
    id: BackupId,
    began: Timestamp,
}

crate::text::text_schema!(DrillName, "The name of a drill.");

/// Why a text isn't the name of a drill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a drill")]
pub struct BadDrillName(String);

impl DrillName {
    /// The name of a drill of this backup that began at `began` (whole seconds count).
    #[must_use]
    pub fn new(identity: &DatabaseIdentity, database: &Label, id: &BackupId, began: Timestamp) -> Self {
        let drill = format!("{id}-{}", began.strftime(TIME_FORMAT));
        let text = format!("{drill}-{}", mac(identity, database, &drill));
        Self {
            text,
            id: id.clone(),
            began: Timestamp::from_second(began.as_second()).unwrap_or(began),
        }
    }

    /// Takes a name as it stands in a key.
    ///
    /// # Errors
    /// [`BadDrillName`] where the text hasn't the form; the MAC is not looked at (see [`DrillName::is_by`]).
    pub fn parse(text: &str) -> Result<Self, BadDrillName> {
        Self::parsed(text).ok_or_else(|| BadDrillName(text.to_owned()))
    }

    fn parsed(text: &str) -> Option<Self> {
        let id = BackupId::parse(text.get(..ID_LEN)?).ok()?;
        let (time, _) = text.get(ID_LEN..)?.strip_prefix('-')?.split_once('-')?;
        // what stands behind the id has the form of an id as well
        BackupId::parse(text.get(ID_LEN + 1..)?).ok()?;
        let began = civil_time(time)?;
        Some(Self {
            text: text.to_owned(),
            id,
            began,
        })
    }

    /// Whether the holder of `identity` made this name for `database`.
    #[must_use]
    pub fn is_by(&self, identity: &DatabaseIdentity, database: &Label) -> bool {
        let drill = &self.text[..ID_LEN + 1 + TIME_LEN];
        self.text == format!("{drill}-{}", mac(identity, database, drill))
    }

    /// The backup that is drilled.
    #[must_use]
    pub fn id(&self) -> &BackupId {
        &self.id
    }

    /// When the drill began.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn mac(identity: &DatabaseIdentity, database: &Label, drill: &str) -> String {
    // no label holds a slash
    name_mac(identity, "pgcoffer/1 drill", &format!("{database}/{drill}"))
}

impl std::fmt::Display for DrillName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for DrillName {
    type Error = BadDrillName;
    fn try_from(text: String) -> Result<Self, BadDrillName> {
        Self::parse(&text)
    }
}

impl From<DrillName> for String {
    fn from(name: DrillName) -> Self {
        name.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, RepositoryId, Secret};

    #[test]
    fn a_name_counts_for_its_backup_moment_database_and_repository_alone() {
        let secret = Secret::Key(MasterKey::generate().unwrap());
        let identity = || {
            let repository = RepositoryId::generate().unwrap();
            secret.identity(&repository, "main").unwrap()
        };
        let (here, elsewhere) = (identity(), identity());
        let (main, shop) = (Label::parse("main").unwrap(), Label::parse("shop").unwrap());
        let at: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let began: Timestamp = "2026-11-21T04:00:00.5Z".parse().unwrap();
        let id = BackupId::new(&here, &main, at);
        let name = DrillName::new(&here, &main, &id, began);
        let parsed = DrillName::parse(name.as_str()).unwrap();
        assert_eq!(parsed, name);
        assert_eq!(parsed.began(), "2026-11-21T04:00:00Z".parse().unwrap());
        assert_eq!(*parsed.id(), id);
        assert!(parsed.is_by(&here, &main));
        assert!(!parsed.is_by(&elsewhere, &main));
        assert!(!parsed.is_by(&here, &shop));
        // the MAC of one drill is none for another moment or another backup
        let later = name.as_str().replace("20261121T040000Z", "20271121T040000Z");
        assert!(!DrillName::parse(&later).unwrap().is_by(&here, &main));
        let of_other = name.as_str().replace("20261120T070000Z", "20261119T070000Z");
        assert!(!DrillName::parse(&of_other).unwrap().is_by(&here, &main));
        // an id twice is no drill
        let twice = DrillName::parse(&format!("{id}-{id}")).unwrap();
        assert!(!twice.is_by(&here, &main));
    }

    #[test]
    fn what_is_no_name_of_a_drill_is_refused() {
        let id = "20261120T070000Z-abcdefghij23";
        for bad in [
            String::new(),
            id.to_owned(),
            format!("{id}-"),
            format!("{id}-20261121T040000Z"),
            format!("{id}-20261121T040000Z-abc"),
            format!("{id}-20261321T040000Z-abcdefghij23"),
            format!("{id}-20261121T040000Z-abcdefghij23x"),
            format!("{id}/20261121T040000Z-abcdefghij23"),
            format!("é{id}-20261121T040000Z-abcdefghij23"),
            "é".repeat(40),
        ] {
            assert!(DrillName::parse(&bad).is_err(), "{bad:?}");
        }
    }
}
