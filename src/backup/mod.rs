//! What one backup is: its [`BackupId`], [`Tier`], [`Retention`], [`Record`], [`Details`] and [`Mark`]; and what a drill
//! has proven of it, in a [`DrillRecord`]. Pure rules: no I/O, no clock.

mod audit;
mod changes;
mod details;
mod documents;
mod drill;
mod event;
mod failure;
mod globals;
mod id;
mod interval;
mod lists;
mod mark;
mod notice;
mod place_name;
mod reason;
mod recent;
mod record;
mod retention;
mod settings;
mod tier;
mod turn;

pub use audit::{
    AUDIT_KEPT_DAYS, AUDIT_VERSION, AuditAction, AuditEntry, AuditEvent, AuditName, AuditOutcome, AuditRole,
    BadAuditName, KnownAudit, UnreadableAudit, audit_counts, audit_links,
};
pub use changes::{
    Between, Changes, DefinitionFate, DefinitionsChange, ExtensionChange, LargeObjectsSize, NamedDefinition,
    RoleChange, TableChange, TableSize,
};
pub use details::{DETAILS_VERSION, Details, TableFingerprint, UnreadableDetails};
pub use documents::{DrillDocument, InsideDocument, RecordDocument, RetainedDocument};
pub use drill::{
    BadDrillName, CERTIFICATE_BYTES_MAX, DRILL_VERSION, DRILLS_KEPT, DRILLS_KEPT_MIN, DrillCertificate, DrillCheck,
    DrillFinding, DrillFindings, DrillName, DrillOutcome, DrillPlace, DrillRecord, DrillServer, DrillTimes,
    DrillVerdict, DrilledLargeObjects, DrilledTable, FINDINGS_VERSION, FindingReason, KNOWN_MAX, MEASURED_MAX,
    MeasuredDrill, TableRows, UnreadableDrill,
};
pub use event::{
    BackupSummary, CopyEvent, DigestLine, DrillEvent, Event, EventKind, LatePlace, LateTier, NewestGood, Occurrence,
    Origin, ProvenBackup, RunError, RunsOn, Topic,
};
pub use failure::Failure;
pub use globals::{Globals, LastingSetting, Membership, Role, RoleAttributes, RoleState};
pub use id::{BackupId, IdError};
pub use interval::parse_interval;
pub use mark::{Acceptance, AnnouncedDeletion, Checked, Hold, MARK_VERSION, Mark, NOTICES_MAX, Release, Retained};
pub use notice::{FailedDelivery, Notice};
pub use place_name::{BadPlaceName, PlaceName};
pub use reason::{Reason, with_text};
pub use recent::{Recency, RecentBackup};
pub use record::{
    AHEAD_MAX, Anomaly, Client, Collation, Compression, Counts, RECORD_VERSION, Record, Sealed, SealedObject, Server,
    Source, Status, UnknownVersion,
};
pub use retention::{Retention, Served};
pub use settings::{
    BadSettingsName, STORED_SETTINGS_VERSION, STORED_TEXT_MAX, SettingsName, StoredSettings, UnreadableSettings,
};
pub use tier::{Tier, UnknownWord};
pub use turn::TurnName;

/// A database's label as it stands in key names and records: the `<NAME>` of `PGCOFFER_DB_<NAME>_URL` in lower case.
///
/// Only `a`–`z`, `0`–`9` and `_`, 1 to 63 characters: a label can never change where in the bucket a key stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

crate::text::text_schema!(Label, "The label of a database.", r"^[a-z0-9_]{1,63}$");

/// Why a text can't be a database's label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} can't be a database's label: 1 to 63 of the characters a-z, 0-9 and _")]
pub struct BadLabel(String);

impl Label {
    /// Takes a label in either case.
    ///
    /// # Errors
    /// [`BadLabel`] where it is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, BadLabel> {
        let lower = text.to_ascii_lowercase();
        let fits = (1..=63).contains(&lower.len())
            && lower
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(lower))
        } else {
            Err(BadLabel(text.to_owned()))
        }
    }

    /// The label that is nearest to a text that can't be one: hyphens, dots and blanks are underscores there.
    #[must_use]
    pub fn fitting(text: &str) -> Option<Self> {
        Self::parse(&text.replace(['-', '.', ' '], "_")).ok()
    }

    /// The one of these labels that was probably meant by a word that none has: one letter in three may differ.
    #[must_use]
    pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        let typed = typed.to_ascii_lowercase();
        let letters_max = typed.len() / 3;
        let near = known
            .into_iter()
            .map(|label| (strsim::damerau_levenshtein(label.as_str(), &typed), label));
        near.filter(|(letters, _)| *letters <= letters_max)
            .min()
            .map(|(_, label)| label)
    }

    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = BadLabel;
    fn try_from(text: String) -> Result<Self, BadLabel> {
        Self::parse(&text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_lower_case_and_can_not_leave_its_folder() {
        assert_eq!(Label::parse("MAIN").map(|l| l.to_string()), Ok("main".into()));
        for bad in ["", "a/b", "..", "a b", "ä", &"x".repeat(64)] {
            assert!(Label::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Label::fitting("My-App.x"), Label::parse("my_app_x").ok());
        assert_eq!(Label::fitting("../x"), None);
    }
}
