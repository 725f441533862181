//! Decides which backups may be deleted: pure rules over the runs of one database, with a reason for each run.
//!
//! [`plan`] takes what is known about each run, the [`RetentionPolicy`] and the time. It decides for every run whether
//! it is kept or may be deleted, and why. A dry run shows the same plan that the real run executes. The reasons to keep
//! a run, strongest first:
//!
//! 1. a hold, a legal hold or a lock; a run that started in the future;
//! 2. the retention sealed in its record: each tier that it serves keeps it for that tier's [`Retention`], and the
//!    longest applies; the record of a failed run is kept for [`FAILED_KEPT`]. A user can give one backup another
//!    retention ([`RetentionRun::retained`]), which lengthens at once. It shortens only if the tags of the backup's
//!    objects say the same, or the service has no tags: an agent that was broken into can seal such a mark, and with
//!    the right to write new objects alone it can't tag what is there;
//! 3. the floor: the newest [`RetentionPolicy::keep_last`] good runs, and for each of [`STOOD_DAYS`] the newest good
//!    run that has been in the bucket for so long, whatever else is written;
//! 4. tags: they can lengthen the sealed retention, never shorten it; a run whose tag is missing, unreadable or from
//!    another owner is kept;
//! 5. the newest run is never deleted, and unless it is good, nothing else of its database is. A run that failed
//!    because the bucket was full says nothing about the database; then the run before it decides.
//!
//! An edited schedule deletes nothing: every run is judged by the retention in its own record.
//!
//! What is written is not trusted at once: a good run that can't be opened displaces no other run and doesn't count for
//! the floor, though the floor keeps it. Due moments of one tier that are closer together than a third of its period
//! count as one period, and a run that arrives after its period takes no place.
//!
//! A plan can be executed partially: whatever part of it was deleted, the next plan keeps everything that this one
//! keeps.

mod by_hand;
mod periods;
mod plan;
mod reason;
mod rules;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

use crate::backup::{AHEAD_MAX, BackupId, Retention, Served};

pub use by_hand::{DeletionObstacle, obstacles};
pub use plan::{PlanLine, RetentionPlan};
pub use reason::{DeleteReason, KeepReason, RetentionVerdict};

/// How long the record of a failed run is kept, from its start.
pub const FAILED_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Numbers of days. For each, the newest good run that has been in the bucket for so long, by the service's own date,
/// is not deleted: a compromised agent can write as many new runs as it likes, and can't date them back.
pub const STOOD_DAYS: [i64; 5] = [1, 7, 30, 90, 365];

/// The user's settings beyond the retention of single runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// The floor: the number of newest good backups of a database that are never deleted.
    pub keep_last: NonZeroU32,
    /// For each of these numbers of days, the newest good run that has been in the bucket for so long is kept.
    pub stood_days: &'static [i64],
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        const THREE: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");
        Self {
            keep_last: THREE,
            stood_days: &STOOD_DAYS,
        }
    }
}

/// What is known about one run of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRun {
    /// Its id.
    pub id: BackupId,
    /// When it began, by its own clock.
    pub started: Timestamp,
    /// When the service stored it, if the service reports that. Only the service can set this date.
    pub arrived: Option<Timestamp>,
    /// Its outcome.
    pub outcome: RetentionOutcome,
    /// Whether it counts against others if it is good: its record is one that an agent writes, and its archive can be
    /// opened.
    pub counts: bool,
    /// Every tier that it serves ([`Record::serves`](crate::backup::Record::serves)). Without any, it is kept.
    pub serves: Vec<Served>,
    /// The retention that a user gave this one backup since it was made.
    pub retained: Option<Retention>,
    /// What protects it beside its retention.
    pub guards: Protection,
}

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RetentionOutcome {
    /// A good backup. Only these count for the floor and for retention by count.
    Good,
    /// A complete backup that the anomaly check marked, and that was not accepted.
    Suspicious,
    /// No backup.
    Failed,
    /// No backup, because the bucket was full: the only failure that deleting expired backups can cure.
    NoRoom,
    /// A good record whose archive is missing or has another length.
    Lost,
}

/// What protects a run beside its retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// A hold by a user: who and why.
    pub hold: Option<String>,
    /// The end of its Object Lock retention.
    pub locked_until: Option<Timestamp>,
    /// Whether it has an Object Lock legal hold.
    pub legal_hold: bool,
    /// The tags of its archive.
    pub tags: TagState,
}

/// The tags of a run's archive. They are not authenticated: everyone with the right to write tags can forge them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagState {
    /// The tags were not read, and count as absent. Make a first plan this way, then a second one with the tags of what
    /// would be deleted. The second plan deletes nothing that the first one kept.
    NotLooked,
    /// The service has no tags.
    Unsupported,
    /// There are no tags, and the record says that the service took none when the backup was made.
    None,
    /// A required tag is missing. Holds its name.
    Missing(String),
    /// A tag names another owner or database. Holds its name.
    Foreign(String),
    /// A tag's value can't be parsed. Holds its name.
    Unreadable(String),
    /// All required tags are valid.
    Read {
        /// `pgcoffer:retain`.
        retain: Retention,
        /// `pgcoffer:expires`.
        expires: Option<Timestamp>,
        /// `pgcoffer:hold`.
        hold: Option<String>,
    },
}

impl Protection {
    /// No protection, and tags that were not read.
    pub const NONE: Self = Self {
        hold: None,
        locked_until: None,
        legal_hold: false,
        tags: TagState::NotLooked,
    };
}

/// Decides for every run of one database whether it may be deleted. The order of `runs` doesn't matter.
#[must_use]
pub fn plan(runs: &[RetentionRun], policy: &RetentionPolicy, now: Timestamp) -> RetentionPlan {
    let mut newest_first: Vec<&RetentionRun> = runs.iter().collect();
    newest_first.sort_unstable_by(|a, b| b.age_key().cmp(&a.age_key()));
    let rules = rules::Rules::new(&newest_first, *policy, now);
    let line = |run: &&RetentionRun| PlanLine {
        id: run.id.clone(),
        verdict: rules.verdict(run),
    };
    RetentionPlan {
        lines: newest_first.iter().map(line).collect(),
    }
}

impl RetentionOutcome {
    /// Whether it is not a backup at all.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::NoRoom)
    }
}

impl RetentionRun {
    /// The key by which runs are ordered: the greater one is newer.
    fn age_key(&self) -> (Timestamp, &BackupId) {
        (self.started, &self.id)
    }

    /// How long it has been in the bucket; by its own date if the service reports none.
    fn stood(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.arrived.unwrap_or(self.started))
    }

    fn is_ahead(&self, now: Timestamp) -> bool {
        self.started.duration_since(now) > AHEAD_MAX
    }
}
