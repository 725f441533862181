use jiff::{SignedDuration, Timestamp};

use super::Schedule;
use crate::{
    backup::{AHEAD_MAX, Record, Served, Status, Tier},
    exit_status::ExitStatus,
    retry::Backoff,
};

/// A run that has ended, with what the schedule needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How it ended.
    pub ended: RunEnd,
    /// The tiers that it was made for. They count as served only if the run is good.
    pub serves: Vec<Served>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// With a good backup.
    Good,
    /// With an error.
    Failed,
    /// By a signal, which says nothing about the database or the bucket.
    Interrupted,
}

impl From<&Record> for PastRun {
    fn from(record: &Record) -> Self {
        let ended = match &record.status {
            Status::Succeeded if record.is_good() => RunEnd::Good,
            Status::Failed { exit_status, .. } if is_of_signal(*exit_status) => RunEnd::Interrupted,
            Status::Succeeded | Status::Failed { .. } => RunEnd::Failed,
        };
        Self {
            started: record.started,
            finished: record.finished,
            ended,
            serves: record.serves(),
        }
    }
}

impl PastRun {
    /// Whether its times are plausible at `now`. A run dated by a clock that was ahead and has been put back doesn't
    /// count: otherwise it would be the newest until that day, which may be years away.
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        self.started <= horizon(now)
    }

    pub(super) fn is_good(&self) -> bool {
        self.ended == RunEnd::Good
    }

    /// The moment up to which this run serves a tier. It doesn't serve what is due later.
    pub(super) fn serves_until(&self, tier: Tier) -> Option<Timestamp> {
        let served = self.serves.iter().filter(|served| served.tier == tier);
        let until = |served: &Served| {
            // a due moment long after the run comes from a clock that was put back in between
            let believed = served.due <= horizon(self.started);
            if believed {
                served.due.max(self.started)
            } else {
                self.started
            }
        };
        served.map(until).max()
    }

    /// Its end, or its beginning if the end comes from a clock that was put back since.
    fn end(&self, now: Timestamp) -> Timestamp {
        if self.finished <= horizon(now) {
            self.finished.max(self.started)
        } else {
            self.started
        }
    }

    /// How long it took, as far as that is known.
    pub(super) fn duration(&self, now: Timestamp) -> SignedDuration {
        self.end(now).duration_since(self.started)
    }
}

fn horizon(now: Timestamp) -> Timestamp {
    now.saturating_add(AHEAD_MAX)
        .expect("a duration has no calendar units to be relative to")
}

/// The good runs that count at `now`.
pub(super) fn good(history: &[PastRun], now: Timestamp) -> impl Iterator<Item = &PastRun> {
    history.iter().filter(move |run| run.is_good() && run.counts(now))
}

/// The latest moment up to which a good run serves the tier.
pub(super) fn served_until(history: &[PastRun], tier: Tier, now: Timestamp) -> Option<Timestamp> {
    good(history, now).filter_map(|run| run.serves_until(tier)).max()
}

impl Schedule {
    /// The end of the pause after failures, if `now` is in it. It is 5 minutes after the first failed run since the
    /// newest good one, twice as long after each further one, and at most 6 hours, counted from the end of the newest
    /// run.
    ///
    /// A run that was ended by a signal is not a failure. A manual backup ignores the pause, and ends it if it is good.
    #[must_use]
    pub fn not_before(&self, history: &[PastRun], now: Timestamp) -> Option<Timestamp> {
        let newest_good = good(history, now).map(|run| run.started).max();
        let failed = history.iter().filter(|run| {
            run.ended == RunEnd::Failed && run.counts(now) && newest_good.is_none_or(|good| run.started > good)
        });
        let ends: Vec<_> = failed.map(|run| run.end(now)).collect();
        let failures = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        let end = ends.iter().max()?.checked_add(Backoff::OF_RUNS.pause(failures)).ok()?;
        (now < end).then_some(end)
    }

    /// The end of that pause, if something waits for it: a tier that is already due, or is due before the pause ends. A
    /// pause that ends before anything is due delays nothing.
    #[must_use]
    pub fn waits_until(&self, history: &[PastRun], now: Timestamp) -> Option<Timestamp> {
        let end = self.not_before(history, now)?;
        let (_, due) = self.next_due(history, now)?;
        (due < end).then_some(end)
    }
}

/// Whether a signal ended the run with this exit status.
fn is_of_signal(exit_status: u8) -> bool {
    ExitStatus::of_number(exit_status).is_some_and(ExitStatus::is_of_signal)
}
