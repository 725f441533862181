//! Numbers about one database's part of the bucket, for monitoring.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    backup::{Record, Sealed, Status, Tier},
    catalog::{CatalogEntry, Survey},
    schedule::Schedule,
};

/// Numbers from one survey of a database's part of the bucket. Sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// When it was surveyed.
    pub looked: Timestamp,
    /// Every tier, lowest first.
    pub tiers: Vec<TierFigures>,
    /// The tiers of the schedule.
    pub scheduled: Vec<Tier>,
    /// The newest good backup.
    pub newest_good: Option<GoodFigures>,
    /// The newest run, good or not.
    pub last_run: Option<LastRun>,
    /// The number of failed runs that have a record.
    pub failed: usize,
    /// The number of failed runs since the newest good one.
    pub failed_since_good: usize,
}

/// Numbers of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierFigures {
    /// The tier.
    pub tier: Tier,
    /// The number of its good backups.
    pub good: usize,
    /// The bytes of all its objects, including records.
    pub bytes: u64,
    /// When the newest good backup that serves it began.
    pub newest: Option<Timestamp>,
}

/// Numbers of one good backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoodFigures {
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: i64,
    /// The bytes of the archive in the bucket.
    pub stored_bytes: u64,
    /// The bytes of pg_dump's archive inside.
    pub dump_bytes: u64,
}

/// How the newest run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// When it began.
    pub started: Timestamp,
    /// Whether it made a backup.
    pub succeeded: bool,
}

impl Figures {
    pub(super) fn of(survey: &Survey, schedule: Option<&Schedule>, now: Timestamp) -> Self {
        let newest = survey.newest_good(now);
        // a run dated by a clock that was ahead doesn't count until that date
        let runs = || survey.entries.iter().map(|one| &one.record);
        let believed = || runs().filter(|record| !record.is_ahead(now));
        let failed = |record: &&Record| matches!(record.status, Status::Failed { .. });
        let is_since = |record: &&Record| newest.is_none_or(|newest| record.started > newest.started);
        let clauses = schedule.map_or(&[][..], Schedule::clauses);
        Self {
            looked: now,
            tiers: Tier::ALL.map(|tier| of_tier(survey, tier, now)).to_vec(),
            scheduled: clauses
                .iter()
                .map(|clause| clause.tier())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            newest_good: newest.map(GoodFigures::from),
            last_run: believed().next().map(|record| LastRun {
                started: record.started,
                succeeded: record.is_good(),
            }),
            failed: runs().filter(failed).count(),
            failed_since_good: believed().filter(failed).filter(is_since).count(),
        }
    }
}

impl From<&Record> for GoodFigures {
    fn from(record: &Record) -> Self {
        let sealed = record.sealed.as_ref();
        Self {
            started: record.started,
            seconds: record.finished.duration_since(record.started).as_secs(),
            stored_bytes: sealed.map_or(0, Sealed::bytes),
            dump_bytes: sealed.map_or(0, |sealed| sealed.dump_bytes),
        }
    }
}

fn of_tier(survey: &Survey, tier: Tier, now: Timestamp) -> TierFigures {
    let under = || survey.entries.iter().filter(|one| one.record.tier == tier);
    let serves = |record: &Record| record.serves().iter().any(|served| served.tier == tier);
    let good = survey.entries.iter().filter(|one| one.is_good());
    let serving = good.filter(|one| serves(&one.record) && !one.record.is_ahead(now));
    TierFigures {
        tier,
        good: under().filter(|one| one.is_good()).count(),
        bytes: under().map(stored).fold(0, u64::saturating_add),
        newest: serving.map(|one| one.record.started).max(),
    }
}

/// The bytes of one run in the bucket: its record, its details, and its archive if that exists.
pub(super) fn stored(one: &CatalogEntry) -> u64 {
    let archive = one.archive.as_ref().map_or(0, |archive| archive.bytes);
    let details = one.record.details_bytes;
    let bytes = [one.object.bytes, details, archive].into_iter();
    bytes.fold(0, u64::saturating_add)
}
