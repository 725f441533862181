use jiff::{SignedDuration, Timestamp};

use super::Schedule;
use crate::{
    backup::{AHEAD_MAX, Record, Served, Status, Tier},
    exit_status::ExitStatus,
    retry::Backoff,
};

/// One run that has ended, as far as the schedule has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// when it began
    pub started: Timestamp,
    /// when it ended
    pub finished: Timestamp,
    /// how it ended
    pub ended: Ended,
    /// the tiers it was made for; of a good run only do they count as served
    pub serves: Vec<Served>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// with a good backup
    Good,
    /// with an error
    Failed,
    /// by a signal, which says nothing about the database or the bucket
    Interrupted,
}

impl From<&Record> for Past {
    fn from(record: &Record) -> Self {
        let ended = match &record.status {
            Status::Succeeded if record.is_good() => Ended::Good,
            Status::Failed { exit_status, .. } if is_of_signal(*exit_status) => Ended::Interrupted,
            Status::Succeeded | Status::Failed { .. } => Ended::Failed,
        };
        Self {
            started: record.started,
            finished: record.finished,
            ended,
            serves: record.serves(),
        }
    }
}

impl Past {
    /// Whether its times can be believed at `now`. A run dated by a clock that was ahead and has been put back counts
    /// for nothing: or else it would pass for the newest until that day, which may be years away.
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        self.started <= horizon(now)
    }

    pub(super) fn is_good(&self) -> bool {
        self.ended == Ended::Good
    }

    /// The moment up to which this run serves a tier: what falls due later is not in it.
    pub(super) fn serves_until(&self, tier: Tier) -> Option<Timestamp> {
        let served = self.serves.iter().filter(|served| served.tier == tier);
        let until = |served: &Served| {
            // a due moment far after the run itself is of a clock that was put back between the two
            let believed = served.due <= horizon(self.started);
            if believed {
                served.due.max(self.started)
            } else {
                self.started
            }
        };
        served.map(until).max()
    }

    /// Its end, or its beginning where the end is dated by a clock that was put back since.
    fn end(&self, now: Timestamp) -> Timestamp {
        if self.finished <= horizon(now) {
            self.finished.max(self.started)
        } else {
            self.started
        }
    }

    /// How long it took, as far as that can be known.
    pub(super) fn duration(&self, now: Timestamp) -> SignedDuration {
        self.end(now).duration_since(self.started)
    }
}

fn horizon(now: Timestamp) -> Timestamp {
    now.saturating_add(AHEAD_MAX)
        .expect("a duration has no calendar units to be relative to")
}

/// The good runs that count at `now`.
pub(super) fn good(history: &[Past], now: Timestamp) -> impl Iterator<Item = &Past> {
    history.iter().filter(move |run| run.is_good() && run.counts(now))
}

/// The latest moment up to which a good run serves the tier.
pub(super) fn served_until(history: &[Past], tier: Tier, now: Timestamp) -> Option<Timestamp> {
    good(history, now).filter_map(|run| run.serves_until(tier)).max()
}

impl Schedule {
    /// The end of the pause after failures, where `now` lies in it: 5 minutes after the first failed run since the
    /// newest good one, twice as long after each further one, 6 hours at most, counted from the end of the newest.
    ///
    /// A run that a signal ended is no failure. A backup that a person asks for heeds no pause, and ends it when it is
    /// good.
    #[must_use]
    pub fn not_before(&self, history: &[Past], now: Timestamp) -> Option<Timestamp> {
        let newest_good = good(history, now).map(|run| run.started).max();
        let failed = history.iter().filter(|run| {
            run.ended == Ended::Failed && run.counts(now) && newest_good.is_none_or(|good| run.started > good)
        });
        let ends: Vec<_> = failed.map(|run| run.end(now)).collect();
        let failures = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        let end = ends.iter().max()?.checked_add(Backoff::OF_RUNS.pause(failures)).ok()?;
        (now < end).then_some(end)
    }

    /// The end of that pause, where something waits for it: what is due already, or falls due in it. Before anything
    /// else is due a pause that ends makes nobody wait.
    #[must_use]
    pub fn waits_until(&self, history: &[Past], now: Timestamp) -> Option<Timestamp> {
        let end = self.not_before(history, now)?;
        let (_, due) = self.next_due(history, now)?;
        (due < end).then_some(end)
    }
}

/// Whether a signal ended a run that left this exit status.
fn is_of_signal(exit_status: u8) -> bool {
    ExitStatus::of_number(exit_status).is_some_and(ExitStatus::is_of_signal)
}
