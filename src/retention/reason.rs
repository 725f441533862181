use std::{fmt, num::NonZeroU32};

use jiff::Timestamp;
use serde::Serialize;

use super::Outcome;
use crate::{
    backup::Tier,
    text::{Untrusted, minute},
};

/// What becomes of a run, and why. Shows the reason as a short phrase, for tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// it stays
    Keep(Keep),
    /// it may be deleted
    Delete(Delete),
}

/// Why a run is kept: the strongest of its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Keep {
    /// held by a person, in its guards or by its tag
    Held {
        /// who and why
        why: String,
    },
    /// under an Object Lock legal hold
    LegalHold,
    /// under an Object Lock retention: no error, nobody may delete it
    Locked {
        /// when that ends
        until: Timestamp,
    },
    /// it started later than now: a clock was or is wrong, and no rule of time can be trusted with it
    Ahead,
    /// its record says forever
    Forever {
        /// for which tier
        tier: Tier,
    },
    /// its record's retention has not run out
    Until {
        /// for which tier
        tier: Tier,
        /// when it runs out
        until: Timestamp,
    },
    /// it is among the newest of its tier
    Counted {
        /// for which tier
        tier: Tier,
        /// its place among the periods of its tier, counted from the newest, which is 1
        place: usize,
        /// how many are kept
        of: u16,
    },
    /// the record of a run that failed lately
    FailedLately,
    /// no retention is known for it
    NothingStated,
    /// one of the newest good ones, which nothing may delete
    Floor {
        /// how many those are
        keep_last: NonZeroU32,
    },
    /// the newest good one that has stood in the bucket for so long
    Elder {
        /// days
        days: i64,
    },
    /// a tag that belongs there is not there
    TagMissing {
        /// its name
        tag: String,
    },
    /// a tag names another owner or database
    TagForeign {
        /// its name
        tag: String,
    },
    /// a tag's value can't be read
    TagUnreadable {
        /// its name
        tag: String,
    },
    /// its tags lengthen what is sealed: forever
    TagForever,
    /// its tags lengthen what is sealed: to a date
    TagUntil {
        /// the date
        until: Timestamp,
    },
    /// its tags lengthen what is sealed: to more of the newest of its tier
    TagCounted {
        /// for which tier
        tier: Tier,
        /// its place among the periods of its tier, counted from the newest, which is 1
        place: usize,
        /// how many are kept
        of: u16,
    },
    /// it is the newest run of its database
    Newest,
    /// the newest run of its database is no good backup, so nothing is deleted
    Blocked {
        /// what that one is
        newest: Outcome,
    },
}

/// Why a run may be deleted: the last thing that would have kept it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Delete {
    /// its record's retention has run out
    Expired {
        /// for which tier, the last one
        tier: Tier,
        /// when it ran out
        at: Timestamp,
    },
    /// enough newer ones of its tier are there
    Outnumbered {
        /// which tier
        tier: Tier,
        /// how many are kept
        of: u16,
    },
    /// a newer good backup stands for the same period
    Replaced {
        /// of which tier
        tier: Tier,
    },
    /// the record of a run that failed long ago
    FailedLongAgo,
}

impl Keep {
    /// Whether it keeps what its own retention would let go.
    #[must_use]
    pub fn is_of_what_has_run_out(&self) -> bool {
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
            | Self::Forever { .. }
            | Self::Until { .. }
            | Self::Counted { .. }
            | Self::FailedLately
            | Self::NothingStated => false,
        }
    }

    /// Of two reasons by policy, the greater is told: never, then the later date, then the higher tier.
    pub(super) fn strength(&self) -> (u8, Option<Timestamp>, Option<Tier>) {
        match *self {
            Self::Forever { tier } => (2, None, Some(tier)),
            Self::Until { tier, until } => (1, Some(until), Some(tier)),
            Self::Counted { tier, .. } | Self::TagCounted { tier, .. } => (0, None, Some(tier)),
            _ => (0, None, None),
        }
    }
}

impl Delete {
    /// Of two reasons by policy, the greater is told: the later date, then the higher tier.
    pub(super) fn strength(&self) -> (Option<Timestamp>, Option<Tier>) {
        match *self {
            Self::Expired { tier, at } => (Some(at), Some(tier)),
            Self::Outnumbered { tier, .. } | Self::Replaced { tier } => (None, Some(tier)),
            Self::FailedLongAgo => (None, None),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(keep) => keep.fmt(f),
            Self::Delete(delete) => delete.fmt(f),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { why } => write!(f, "held: {}", harmless(why)),
            Self::LegalHold => f.write_str("legal hold"),
            Self::Locked { until } => write!(f, "locked until {}", minute(*until)),
            Self::Ahead => f.write_str("started ahead of the clock"),
            Self::Forever { tier } => write!(f, "{tier}, forever"),
            Self::Until { tier, until } => write!(f, "{tier} until {}", minute(*until)),
            Self::Counted { tier, place, of } => write!(f, "{tier} {place} of {of}"),
            Self::FailedLately => write!(f, "failed less than {} ago", failed_kept()),
            Self::NothingStated => f.write_str("no retention is known"),
            Self::Floor { keep_last } => write!(f, "among the last {keep_last} good ones"),
            Self::Elder { days: 1 } => f.write_str("the newest that has stood for a day"),
            Self::Elder { days } => write!(f, "the newest that has stood for {days} days"),
            Self::TagMissing { tag } => write!(f, "its tag {} is missing", harmless(tag)),
            Self::TagForeign { tag } => write!(f, "its tag {} is not ours", harmless(tag)),
            Self::TagUnreadable { tag } => {
                write!(f, "its tag {} can't be read", harmless(tag))
            }
            Self::TagForever => f.write_str("its tags say forever"),
            Self::TagUntil { until } => write!(f, "its tags say until {}", minute(*until)),
            Self::TagCounted { tier, place, of } => {
                write!(f, "its tags say {of}: {tier} {place} of {of}")
            }
            Self::Newest => f.write_str("the newest run"),
            Self::Blocked { newest } => f.write_str(match newest {
                Outcome::Failed => "the newest run failed",
                Outcome::NoRoom => "no run had room in the bucket",
                Outcome::Suspicious => "the newest run is suspicious",
                Outcome::Lost => "the newest run's archive is lost",
                Outcome::Good => "the newest run is good",
            }),
        }
    }
}

impl fmt::Display for Delete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { tier, at } => write!(f, "{tier} expired {}", minute(*at)),
            Self::Outnumbered { tier, of } => write!(f, "not among the newest {of} {tier}"),
            Self::Replaced { tier } => write!(f, "a newer {tier} of the same period is there"),
            Self::FailedLongAgo => write!(f, "failed more than {} ago", failed_kept()),
        }
    }
}

fn failed_kept() -> String {
    format!("{} days", super::FAILED_KEPT.as_hours() / 24)
}

/// Text from a tag may hold anything: quoted where it could move a terminal's cursor or hide what follows.
fn harmless(text: &str) -> String {
    let text = Untrusted::from(text);
    match text.to_string() {
        shown if text == shown.as_str() => shown,
        _ => format!("{text:?}"),
    }
}
