//! What is asked of the agent for a page, and what it found.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use crate::{
    agent::{AuditLines, Overview, ScheduleChange, ShownBackup, ShownSchedule},
    backup::{BackupId, Failure, Label},
    catalog::Listing,
    error::Error,
    operation::{Health, PruneReport},
    schedule::Schedule,
};

/// What a page is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// Every database.
    Overview,
    /// Which databases there are.
    Labels,
    /// One database with its runs.
    Database(Label),
    /// One backup.
    Backup(Label, BackupId),
    /// The audit trail.
    Audit,
    /// The schedule of one database, and perhaps what another one would keep.
    Schedule(Label, Option<ScheduleChange>),
}

impl Question {
    /// The database that it is about.
    pub(super) fn label(&self) -> Option<&Label> {
        match self {
            Self::Overview | Self::Labels | Self::Audit => None,
            Self::Database(label) | Self::Backup(label, _) | Self::Schedule(label, _) => Some(label),
        }
    }
}

/// What the bucket has about it.
#[derive(Debug)]
pub(super) enum Answer {
    Overview(Overview),
    /// None where nobody may see which there are.
    Labels(Option<BTreeSet<Label>>),
    Database(Box<DatabaseAnswer>),
    Backup(Box<BackupAnswer>),
    Audit(AuditLines),
    Schedule(Box<ScheduleAnswer>),
}

/// The schedule of one database.
#[derive(Debug)]
pub(super) struct ScheduleAnswer {
    pub(super) shown: ShownSchedule,
    /// What another one would keep, or why it is none.
    pub(super) preview: Option<Result<ShownSchedule, Failure>>,
    /// What a prune would do now, or why it would do nothing.
    pub(super) prune: Result<PruneReport, Failure>,
}

/// One database.
#[derive(Debug)]
pub(super) struct DatabaseAnswer {
    pub(super) health: Health,
    /// Its newest runs.
    pub(super) listing: Listing,
    /// Its schedule.
    pub(super) schedule: Option<Schedule>,
}

/// One backup.
#[derive(Debug)]
pub(super) struct BackupAnswer {
    pub(super) shown: ShownBackup,
    /// The good backup before it, if there is one.
    pub(super) before: Option<ShownBackup>,
}

/// What is known of a question.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The newest answer, and when it was true.
    pub(super) answer: Option<(Arc<Answer>, Timestamp)>,
    /// Why the last look failed, if it did.
    pub(super) failure: Option<LookFailure>,
    /// Whether a look goes on longer than a page waits.
    pub(super) is_looking: bool,
}

impl LookFailure {
    /// That neither the settings nor the bucket have such a database.
    pub(super) fn missing(label: &Label) -> Self {
        let error = Error::usage(
            format!("no database \"{label}\" is configured or in the bucket"),
            "the overview names those that there are",
        );
        Self {
            failure: Failure::from(&error),
            is_missing: true,
        }
    }
}

/// Why a look failed.
#[derive(Debug, Clone)]
pub(super) struct LookFailure {
    pub(super) failure: Failure,
    /// Whether there is no such thing in the bucket.
    pub(super) is_missing: bool,
}
