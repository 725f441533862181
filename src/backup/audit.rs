//! The audit trail: who had what done, from where, and how it ended.

mod links;
mod name;

use serde::{Deserialize, Serialize};

use super::{BackupId, Label};
use crate::{seal::RepositoryId, text::Untrusted};

pub use links::{AUDIT_KEPT_DAYS, KnownAudit, audit_counts, audit_links};
pub use name::{AuditName, BadAuditName};

/// The version of the shape of an entry of the trail that this program writes.
pub const AUDIT_VERSION: u32 = 1;

/// The most characters of a name and of an address in an entry.
const WHO_CHARS_MAX: usize = 200;
/// The most characters of what is said beside.
const DETAIL_CHARS_MAX: usize = 1000;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditAction {
    /// Signing in to the dashboard.
    SignIn,
    /// A backup.
    BackUp,
    /// A drill.
    Drill,
    /// Reading a backup back.
    Verify,
    /// A hold.
    Hold,
    /// The end of a hold.
    Release,
    /// That a backup which looks wrong is right.
    Accept,
    /// Another retention of a backup.
    Retain,
    /// The deletion of a backup.
    Delete,
    /// A notice that is a test.
    TestNotice,
    /// Another schedule.
    Schedule,
    /// Asking the API for anything.
    UseApi,
}

impl AuditAction {
    /// In words, as a sentence begins.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SignIn => "Sign in",
            Self::BackUp => "Back up",
            Self::Drill => "Test a restore",
            Self::Verify => "Read back",
            Self::Hold => "Hold",
            Self::Release => "Release",
            Self::Accept => "Accept",
            Self::Retain => "Change the retention",
            Self::Delete => "Delete",
            Self::TestNotice => "Send a test notice",
            Self::Schedule => "Change the schedule",
            Self::UseApi => "Use the API",
        }
    }
}

/// As what somebody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditRole {
    /// Who may only look.
    Viewer,
    /// Who may act.
    Operator,
    /// Nobody who is known.
    Nobody,
}

impl AuditRole {
    /// Its name.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Nobody => "nobody known",
        }
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditOutcome {
    /// It is about to begin.
    Asked,
    /// It was done.
    Done,
    /// It was tried, and failed.
    Failed,
    /// It was not tried, as it was not allowed.
    Refused,
    /// It went on already, as somebody else had asked for it.
    Joined,
}

impl AuditOutcome {
    /// In a word.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Asked => "asked for",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Joined => "joined what went on",
        }
    }
}

/// What one entry says, but for its name. Texts are cut to a bounded length where they come in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What was asked for.
    pub action: AuditAction,
    /// How far it has come.
    pub outcome: AuditOutcome,
    /// Who: a person's name as the front door knows it.
    pub who: Untrusted,
    /// As what he acts.
    pub role: AuditRole,
    /// From where: an address.
    pub from: Untrusted,
    /// The database that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Label>,
    /// The backup that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupId>,
    /// What is said beside: the reason of a hold, a retention, a schedule; why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Untrusted>,
    /// How many times, where several are told as one.
    pub count: u64,
}

impl AuditEvent {
    /// The same with texts of a bounded length.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.who = self.who.cut(WHO_CHARS_MAX);
        self.from = self.from.cut(WHO_CHARS_MAX);
        self.detail = self.detail.map(|detail| detail.cut(DETAIL_CHARS_MAX));
        self
    }

    /// The same, with how it ended and why.
    #[must_use]
    pub fn ended(&self, outcome: AuditOutcome, why: Option<Untrusted>) -> Self {
        Self {
            outcome,
            detail: why.or_else(|| self.detail.clone()),
            ..self.clone()
        }
    }
}

/// One entry of the audit trail, in an object of its own that is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The version of this shape.
    pub version: u32,
    /// The repository.
    pub repository: RepositoryId,
    /// The object's name.
    pub name: AuditName,
    /// The entry with which it was asked for, in one that says how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<AuditName>,
    /// The entries that its writer saw or remembered: the newest ones, and those that were gone by then.
    pub after: Vec<AuditName>,
    /// What it says.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// Why an entry can't be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableAudit {
    /// It is no JSON of this shape.
    #[error("this is no entry of an audit trail: {0}")]
    Shape(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error("a newer pgcoffer wrote this entry (version {0}), and this one reads version 1")]
    Version(u32),
}

impl AuditEntry {
    /// The JSON that is sealed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the JSON that was sealed.
    ///
    /// # Errors
    /// [`UnreadableAudit`] where it has another shape or a newer version.
    pub fn from_json(json: &[u8]) -> Result<Self, UnreadableAudit> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        match serde_json::from_slice::<Versioned>(json)?.version {
            AUDIT_VERSION => Ok(serde_json::from_slice(json)?),
            version => Err(UnreadableAudit::Version(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::seal::{MasterKey, Secret};

    #[test]
    fn texts_of_any_length_make_a_small_entry() {
        let long = "\u{202e}<script>".repeat(100_000);
        let event = AuditEvent {
            action: AuditAction::Hold,
            outcome: AuditOutcome::Asked,
            who: long.as_str().into(),
            role: AuditRole::Operator,
            from: long.as_str().into(),
            database: Some(Label::parse("main").unwrap()),
            backup: None,
            detail: Some(long.as_str().into()),
            count: 1,
        };
        let secret = Secret::Key(MasterKey::generate().unwrap());
        let repository = RepositoryId::of_generated(&"7".repeat(64)).unwrap();
        let identity = secret.identity(&repository, "").unwrap();
        let entry = AuditEntry {
            version: AUDIT_VERSION,
            repository,
            name: AuditName::new(&identity, Timestamp::UNIX_EPOCH, [0; 5]),
            of: None,
            after: vec![AuditName::new(&identity, Timestamp::UNIX_EPOCH, [1; 5]); 100],
            event: event.bounded(),
        };
        let json = entry.to_json();
        assert!(json.len() < 12 << 10, "{}", json.len());
        assert_eq!(AuditEntry::from_json(&json).unwrap(), entry);
        for bad in ["", "{}", r#"{"version": 1}"#, "[1]"] {
            let refused = AuditEntry::from_json(bad.as_bytes()).unwrap_err();
            assert!(matches!(refused, UnreadableAudit::Shape(_)), "{bad}: {refused}");
        }
        let newer = AuditEntry::from_json(br#"{"version": 2}"#).unwrap_err();
        assert!(matches!(newer, UnreadableAudit::Version(2)), "{newer}");
    }
}
