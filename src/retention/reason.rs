use std::{fmt, num::NonZeroU32};

use jiff::Timestamp;
use serde::Serialize;

use super::RetentionOutcome;
use crate::{
    backup::Tier,
    text::{Untrusted, minute},
};

/// The verdict on a run, with its reason. Its `Display` is the reason as a short phrase, for tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum RetentionVerdict {
    /// It is kept.
    Keep(KeepReason),
    /// It may be deleted.
    Delete(DeleteReason),
}

/// Why a run is kept: the strongest of its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum KeepReason {
    /// Held by a user, in its mark or by its tag.
    Held {
        /// Who and why.
        why: String,
    },
    /// It has an Object Lock legal hold.
    LegalHold,
    /// It has an Object Lock retention, so nobody can delete it. Not an error.
    Locked {
        /// When the lock ends.
        until: Timestamp,
    },
    /// It started in the future: a clock was or is wrong, and no rule by time is reliable.
    Ahead,
    /// A user gave it a retention of its own.
    Retained {
        /// When that ends; none: never.
        until: Option<Timestamp>,
    },
    /// Its record says forever.
    Forever {
        /// The tier that keeps it.
        tier: Tier,
    },
    /// Its record's retention has not ended.
    Until {
        /// The tier that keeps it.
        tier: Tier,
        /// When the retention ends.
        until: Timestamp,
    },
    /// It is one of the newest of its tier.
    Counted {
        /// The tier that keeps it.
        tier: Tier,
        /// Its place among the periods of its tier, counted from the newest, which is 1.
        place: usize,
        /// The number that is kept.
        of: u16,
    },
    /// The record of a run that failed recently.
    FailedLately,
    /// Its retention is unknown.
    NothingStated,
    /// One of the newest good runs, which are never deleted.
    Floor {
        /// The number of these runs.
        keep_last: NonZeroU32,
    },
    /// The newest good run that has been in the bucket for so long.
    Elder {
        /// The number of days.
        days: i64,
    },
    /// A required tag is missing.
    TagMissing {
        /// The tag's name.
        tag: String,
    },
    /// A tag names another owner or database.
    TagForeign {
        /// The tag's name.
        tag: String,
    },
    /// A tag's value can't be parsed.
    TagUnreadable {
        /// The tag's name.
        tag: String,
    },
    /// Its tags lengthen the sealed retention to forever.
    TagForever,
    /// Its tags lengthen the sealed retention to a date.
    TagUntil {
        /// The date.
        until: Timestamp,
    },
    /// Its tags lengthen the sealed retention to more of the newest of its tier.
    TagCounted {
        /// The tier that keeps it.
        tier: Tier,
        /// Its place among the periods of its tier, counted from the newest, which is 1.
        place: usize,
        /// The number that is kept.
        of: u16,
    },
    /// It is the newest run of its database.
    Newest,
    /// The newest run of its database is not a good backup, so nothing is deleted.
    Blocked {
        /// The outcome of the newest run.
        newest: RetentionOutcome,
    },
}

/// Why a run may be deleted: the last reason that kept it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum DeleteReason {
    /// Its record's retention has ended.
    Expired {
        /// The tier whose retention ended last.
        tier: Tier,
        /// When it ended.
        at: Timestamp,
    },
    /// The retention that a user gave it has ended.
    Retained {
        /// When it ended.
        at: Timestamp,
    },
    /// A user named it to be deleted.
    Named,
    /// Its tier has enough newer backups.
    Outnumbered {
        /// The tier.
        tier: Tier,
        /// The number that is kept.
        of: u16,
    },
    /// A newer good backup represents the same period.
    Replaced {
        /// The tier.
        tier: Tier,
    },
    /// The record of a run that failed long ago.
    FailedLongAgo,
}

impl KeepReason {
    /// Whether it keeps a run whose own retention has ended.
    #[must_use]
    pub fn outlasts_retention(&self) -> bool {
        match self {
            Self::Floor { .. }
            | Self::Elder { .. }
            | Self::TagMissing { .. }
            | Self::TagForeign { .. }
            | Self::TagUnreadable { .. }
            | Self::TagForever
            | Self::TagUntil { .. }
            | Self::TagCounted { .. }
            | Self::Newest
            | Self::Blocked { .. } => true,
            Self::Held { .. }
            | Self::LegalHold
            | Self::Locked { .. }
            | Self::Ahead
            | Self::Retained { .. }
            | Self::Forever { .. }
            | Self::Until { .. }
            | Self::Counted { .. }
            | Self::FailedLately
            | Self::NothingStated => false,
        }
    }

    /// The order of reasons by retention, of which the greatest is shown: forever, then the later date, then the higher
    /// tier.
    pub(super) fn strength(&self) -> (u8, Option<Timestamp>, Option<Tier>) {
        match *self {
            Self::Forever { tier } => (2, None, Some(tier)),
            Self::Until { tier, until } => (1, Some(until), Some(tier)),
            Self::Counted { tier, .. } | Self::TagCounted { tier, .. } => (0, None, Some(tier)),
            _ => (0, None, None),
        }
    }
}

impl DeleteReason {
    /// The order of reasons, of which the greatest is shown: the later date, then the higher tier.
    pub(super) fn strength(&self) -> (Option<Timestamp>, Option<Tier>) {
        match *self {
            Self::Expired { tier, at } => (Some(at), Some(tier)),
            Self::Outnumbered { tier, .. } | Self::Replaced { tier } => (None, Some(tier)),
            Self::FailedLongAgo | Self::Retained { .. } | Self::Named => (None, None),
        }
    }
}

impl fmt::Display for RetentionVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(keep) => keep.fmt(f),
            Self::Delete(delete) => delete.fmt(f),
        }
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { why } => write!(f, "held: {}", quoted(why)),
            Self::LegalHold => f.write_str("legal hold"),
            Self::Locked { until } => write!(f, "locked until {}", minute(*until)),
            Self::Ahead => f.write_str("started in the future"),
            Self::Retained { until: None } => f.write_str("retained forever"),
            Self::Retained { until: Some(until) } => write!(f, "retained until {}", minute(*until)),
            Self::Forever { tier } => write!(f, "{tier}, forever"),
            Self::Until { tier, until } => write!(f, "{tier} until {}", minute(*until)),
            Self::Counted { tier, place, of } => write!(f, "{tier} {place} of {of}"),
            Self::FailedLately => write!(f, "failed less than {} ago", failed_kept()),
            Self::NothingStated => f.write_str("no retention is known"),
            Self::Floor { keep_last } => write!(f, "among the last {keep_last} good ones"),
            Self::Elder { days: 1 } => f.write_str("the newest that is at least a day old"),
            Self::Elder { days } => write!(f, "the newest that is at least {days} days old"),
            Self::TagMissing { tag } => write!(f, "its tag {} is missing", quoted(tag)),
            Self::TagForeign { tag } => write!(f, "its tag {} is not ours", quoted(tag)),
            Self::TagUnreadable { tag } => {
                write!(f, "its tag {} can't be read", quoted(tag))
            }
            Self::TagForever => f.write_str("its tags say forever"),
            Self::TagUntil { until } => write!(f, "its tags say until {}", minute(*until)),
            Self::TagCounted { tier, place, of } => {
                write!(f, "its tags say {of}: {tier} {place} of {of}")
            }
            Self::Newest => f.write_str("the newest run"),
            Self::Blocked { newest } => f.write_str(match newest {
                RetentionOutcome::Failed => "the newest run failed",
                RetentionOutcome::NoRoom => "the bucket was full in every run",
                RetentionOutcome::Suspicious => "the newest run is suspicious",
                RetentionOutcome::Lost => "the newest run's archive is lost",
                RetentionOutcome::Good => "the newest run is good",
            }),
        }
    }
}

impl fmt::Display for DeleteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { tier, at } => write!(f, "{tier} expired {}", minute(*at)),
            Self::Retained { at } => write!(f, "retained only until {}", minute(*at)),
            Self::Named => f.write_str("named to be deleted"),
            Self::Outnumbered { tier, of } => write!(f, "not among the newest {of} {tier}"),
            Self::Replaced { tier } => write!(f, "there is a newer {tier} of the same period"),
            Self::FailedLongAgo => write!(f, "failed more than {} ago", failed_kept()),
        }
    }
}

fn failed_kept() -> String {
    format!("{} days", super::FAILED_KEPT.as_hours() / 24)
}

/// Quotes text from a tag if it could move a terminal's cursor or hide other text.
fn quoted(text: &str) -> String {
    let text = Untrusted::from(text);
    match text.to_string() {
        shown if text == shown.as_str() => shown,
        _ => format!("{text:?}"),
    }
}
