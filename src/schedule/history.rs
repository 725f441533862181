use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

use super::{Schedule, ScheduleClause};
use crate::{
    backup::{AHEAD_MAX, Record, Retention, Served, Status, Tier},
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

    /// Whether it was made for no schedule.
    fn is_by_hand(&self) -> bool {
        !self.serves.is_empty() && self.serves.iter().all(|served| served.tier == Tier::Manual)
    }

    pub(super) fn is_good(&self) -> bool {
        self.ended == RunEnd::Good
    }

    /// The moment up to which this run serves what it was made for. It doesn't serve what is due later.
    fn serves_until(&self, served: &Served) -> Timestamp {
        // a due moment long after the run comes from a clock that was put back in between
        match served.due <= horizon(self.started) {
            true => served.due.max(self.started),
            false => self.started,
        }
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

impl Schedule {
    /// The latest moment up to which a good run serves the clause.
    pub(super) fn served_until(
        &self,
        clause: &ScheduleClause,
        history: &[PastRun],
        now: Timestamp,
    ) -> Option<Timestamp> {
        let of_tier = |served: &&Served| served.tier == clause.tier();
        let mut all: Vec<_> = good(history, now)
            .flat_map(|run| run.serves.iter().filter(of_tier).map(move |served| (run, served)))
            .map(|(run, served)| (run.serves_until(served), run, served))
            .collect();
        all.sort_unstable_by_key(|(until, ..)| Reverse(*until));
        let found = all
            .into_iter()
            .find(|(_, run, served)| self.is_served(clause, run, served));
        found.map(|(until, ..)| until)
    }

    /// Whether what a run was made for serves this clause of its tier.
    ///
    /// What it was made for by another clause counts only if it is kept as long. What no clause of today would have
    /// asked for counts for all, so that an edited schedule repeats no backup.
    fn is_served(&self, clause: &ScheduleClause, run: &PastRun, served: &Served) -> bool {
        let is_kept_as_long = || {
            let longest = Retention::longest([served.retention, clause.keep], run.started);
            longest == Some(served.retention)
        };
        self.is_due_at(clause, served.due) || !self.has_due_at(clause.tier(), served.due) || is_kept_as_long()
    }

    /// Whether the clause has this due moment. A tier's only clause has all of them, however it was edited.
    fn is_due_at(&self, clause: &ScheduleClause, due: Timestamp) -> bool {
        let others = self.clauses.iter().filter(|other| other.tier() == clause.tier());
        others.count() == 1 || clause.when.latest(&self.zone, due) == Some(due)
    }

    /// Whether any clause of the tier has this due moment.
    fn has_due_at(&self, tier: Tier, due: Timestamp) -> bool {
        let mut clauses = self.clauses.iter().filter(|clause| clause.tier() == tier);
        clauses.any(|clause| self.is_due_at(clause, due))
    }

    /// The end of the pause after failures, if `now` is in it. It is 5 minutes after the first failed run since the
    /// newest good one, twice as long after each further one, and at most 6 hours, counted from the end of the newest
    /// run.
    ///
    /// A run that was ended by a signal is not a failure, nor is one by hand, which may have failed by what somebody has
    /// typed. A manual backup ignores the pause, and ends it if it is good.
    #[must_use]
    pub fn not_before(&self, history: &[PastRun], now: Timestamp) -> Option<Timestamp> {
        let newest_good = good(history, now).map(|run| run.started).max();
        let failed = history.iter().filter(|run| {
            let is_failed = run.ended == RunEnd::Failed && !run.is_by_hand();
            is_failed && run.counts(now) && newest_good.is_none_or(|good| run.started > good)
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
