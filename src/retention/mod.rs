//! What may be deleted: a pure rule over the runs of one database, with a reason for every one of them.
//!
//! [`plan`] takes what is known of each run, the [`Policy`] and the time, and says of every run whether it is kept or
//! may be deleted, and why. A dry run shows the plan that the real run carries out. The reasons to keep, strongest
//! first:
//!
//! 1. a hold, a legal hold or a lock; a run whose start lies ahead of the clock;
//! 2. what is sealed in its record: each tier that it serves keeps it for that tier's [`Retention`], the longest wins;
//!    the record of a run that failed is kept for [`FAILED_KEPT`];
//! 3. the floor: the newest [`Policy::keep_last`] good ones, and the newest good one that has stood here for each of
//!    [`STOOD_DAYS`], whatever else arrives;
//! 4. tags: they can lengthen what is sealed, never shorten it, and a tag that is missing, unreadable or another's
//!    keeps;
//! 5. the newest run: it is never deleted itself, and unless it is good nothing else of its database is. One for which
//!    the bucket had no room says nothing of the database, and leaves that to the run before it.
//!
//! Editing the schedule deletes nothing: every run is judged by the retentions sealed in its own record.
//!
//! What arrives is not believed at once: a good one that nobody could open pushes nothing out and fills no place of the
//! floor, though the floor keeps it; moments of one tier that lie
//! closer together than a third of its period are one period, and one that arrives after its period takes no place.
//!
//! A plan may be carried out by halves: whatever part of it was deleted, the next plan keeps all that this one keeps.

mod periods;
mod plan;
mod reason;
mod rules;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

use crate::backup::{AHEAD_MAX, BackupId, Retention, Served};

pub use plan::{Line, Plan};
pub use reason::{Delete, Keep, Verdict};

/// How long the record of a run that failed is kept, from its start.
pub const FAILED_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Days. Of the good ones that have stood in the bucket for so many, by the service's own date, the newest is not
/// deleted: an agent that was broken into can write as many new ones as it likes, and can date none of them back.
pub const STOOD_DAYS: [i64; 5] = [1, 7, 30, 90, 365];

/// What the owner of the backups wants beyond the retentions of single runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// the floor: how many of the newest good backups of a database nothing may delete
    pub keep_last: NonZeroU32,
    /// for each of these numbers of days, the newest good one that has stood for so long stays
    pub stood_days: &'static [i64],
}

impl Default for Policy {
    fn default() -> Self {
        const THREE: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");
        Self {
            keep_last: THREE,
            stood_days: &STOOD_DAYS,
        }
    }
}

/// One run of one database, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// its id
    pub id: BackupId,
    /// when it began, by its own clock
    pub started: Timestamp,
    /// when the service took it, where it tells: nobody but the service can set that
    pub arrived: Option<Timestamp>,
    /// what became of it
    pub outcome: Outcome,
    /// whether it counts against others, where it is good: its record is such as an agent writes, and it opens
    pub counts: bool,
    /// every tier that it serves ([`Record::serves`](crate::backup::Record::serves)); nothing stated means that it is
    /// kept
    pub serves: Vec<Served>,
    /// what protects it beside its retention
    pub guards: Guards,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// a good backup: the only kind that counts toward the floor and toward counts
    Good,
    /// good in itself, but marked by the anomaly check and not accepted
    Suspicious,
    /// no backup
    Failed,
    /// no backup, since the bucket had no room: the only failure that deleting what has run out can cure
    NoRoom,
    /// its record says good, and its archive is gone or has another length
    Lost,
}

/// What protects a run beside its retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// held by a person: who and why
    pub hold: Option<String>,
    /// the end of its Object Lock retention
    pub locked_until: Option<Timestamp>,
    /// under an Object Lock legal hold
    pub legal_hold: bool,
    /// what its tags say
    pub tags: Tags,
}

/// What the tags of a run's archive say. They are not authenticated: whoever may write tags can write these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// nobody looked: judged as if there were none. Plan so first, then again with the tags of what would be deleted:
    /// the second plan deletes nothing that the first one kept.
    NotLooked,
    /// there are none to be had: the service has no tags, or the record says that it refused them
    None,
    /// a tag that belongs there is not there: its name
    Missing(String),
    /// a tag names another owner or database: its name
    Foreign(String),
    /// a tag's value can't be read: its name
    Unreadable(String),
    /// all that belong there are ours and readable
    Read {
        /// `pgcoffer:retain`
        retain: Retention,
        /// `pgcoffer:expires`
        expires: Option<Timestamp>,
        /// `pgcoffer:hold`
        hold: Option<String>,
    },
}

impl Guards {
    /// Nothing protects it, and nobody looked at its tags.
    pub const NONE: Self = Self {
        hold: None,
        locked_until: None,
        legal_hold: false,
        tags: Tags::NotLooked,
    };
}

/// Says of every run of one database whether it may be deleted. The order of `runs` does not matter.
#[must_use]
pub fn plan(runs: &[Run], policy: &Policy, now: Timestamp) -> Plan {
    let mut newest_first: Vec<&Run> = runs.iter().collect();
    newest_first.sort_unstable_by(|a, b| b.age_key().cmp(&a.age_key()));
    let rules = rules::Rules::new(&newest_first, *policy, now);
    let line = |run: &&Run| Line {
        id: run.id.clone(),
        verdict: rules.verdict(run),
    };
    Plan {
        lines: newest_first.iter().map(line).collect(),
    }
}

impl Outcome {
    /// Whether it is no backup at all.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::NoRoom)
    }
}

impl Run {
    /// What runs are ordered by: the greater one is the newer.
    fn age_key(&self) -> (Timestamp, &BackupId) {
        (self.started, &self.id)
    }

    /// How long it has stood here; by its own date where the service tells none.
    fn stood(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.arrived.unwrap_or(self.started))
    }

    fn is_ahead(&self, now: Timestamp) -> bool {
        self.started.duration_since(now) > AHEAD_MAX
    }
}
