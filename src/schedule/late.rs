use jiff::{SignedDuration, Timestamp};

use super::{PastRun, Schedule, ScheduleClause, history};
use crate::backup::{LateTier, Tier};

impl Schedule {
    /// Every tier that is late at `now`, lowest first. A tier is late if it has been due for longer than an hour
    /// (hourly), 3 hours (daily) or 6 hours (the others), or for longer than twice the duration of the newest good run,
    /// if that is more. Of several clauses of a tier that are late, the one that has been for longest counts.
    ///
    /// If no run has served a tier yet, its grace period begins with the newest good run for another tier, as that run
    /// would have served it if it had been scheduled; without such a run, with the oldest known run; and without any
    /// run the tier is late at once.
    #[must_use]
    pub fn late(&self, history: &[PastRun], now: Timestamp) -> Vec<LateTier> {
        let mut late: Vec<LateTier> = Vec::new();
        for one in self
            .clauses
            .iter()
            .filter_map(|clause| self.late_one(clause, history, now))
        {
            match late.iter_mut().find(|other| other.tier == one.tier) {
                Some(other) if one.due < other.due => *other = one,
                Some(_) => {}
                None => late.push(one),
            }
        }
        late
    }

    fn late_one(&self, clause: &ScheduleClause, history: &[PastRun], now: Timestamp) -> Option<LateTier> {
        let tier = clause.tier();
        let newest = history::good(history, now)
            .filter(|run| run.serves.iter().any(|served| served.tier == tier))
            .map(|run| run.started)
            .max();
        let (due, since) = match self.served_until(clause, history, now) {
            Some(until) => {
                let missed = clause.when.next(&self.zone, until)?;
                (missed, Some(missed))
            }
            None => {
                let known = known_since(history, now);
                let due = clause.when.latest(&self.zone, known.unwrap_or(now))?;
                (due, known)
            }
        };
        let grace = grace(tier, history, now);
        // a due moment in the future gives a negative wait
        let late = since.is_none_or(|since| now.duration_since(since) > grace);
        late.then_some(LateTier { tier, due, newest })
    }
}

/// The due moments that a habit is told by.
const HABIT_OF: usize = 8;

/// The longest period of the tier of hours, and an hour by which a clock may be put back.
const HOURLY_MAX: SignedDuration = SignedDuration::from_hours(13);

/// Whether backups have stopped, found from the history alone, without the schedule: the lowest tier that the newest
/// scheduled run served has been due for longer than its grace period. `None` if nothing was scheduled yet.
#[must_use]
pub fn late_by_habit(history: &[PastRun], now: Timestamp) -> Option<LateTier> {
    let scheduled = |run: &&PastRun| lowest(run).is_some();
    let good = history::good(history, now).filter(scheduled);
    let newest = good.max_by_key(|run| run.started)?;
    let tier = lowest(newest)?;
    let due = newest.started.checked_add(habitual_period(tier, history, now)).ok()?;
    let late = now.duration_since(due) > grace(tier, history, now);
    late.then_some(LateTier {
        tier,
        due,
        newest: Some(newest.started),
    })
}

fn lowest(run: &PastRun) -> Option<Tier> {
    let tiers = run.serves.iter().map(|served| served.tier);
    tiers.filter(|tier| *tier != Tier::Manual).min()
}

/// The time after which another backup of a tier is usual. A tier of hours is known by its newest runs, since it may be
/// made every hour, every 6 hours, or in any other part of a day: by the shortest time between two that were due.
fn habitual_period(tier: Tier, history: &[PastRun], now: Timestamp) -> SignedDuration {
    let longest = longest_period(tier);
    if tier != Tier::Hourly {
        return longest;
    }
    let runs = history::good(history, now);
    let served = runs.flat_map(|run| run.serves.iter().filter(|served| served.tier == tier));
    let mut dues: Vec<Timestamp> = served.map(|served| served.due).collect();
    dues.sort_unstable();
    dues.dedup();
    let newest = &dues[dues.len().saturating_sub(HABIT_OF)..];
    let between = newest.windows(2).map(|two| two[1].duration_since(two[0]));
    between.min().map_or(longest, |least| least.clamp(longest, HOURLY_MAX))
}

/// The longest time between two runs of a tier in any calendar.
fn longest_period(tier: Tier) -> SignedDuration {
    SignedDuration::from_hours(match tier {
        Tier::Manual | Tier::Hourly => 1,
        Tier::Daily => 25,
        Tier::Weekly => 7 * 24 + 1,
        Tier::Monthly => 31 * 24 + 1,
        Tier::Yearly => 366 * 24,
    })
}

/// The moment since when a tier that no run has served is known to be scheduled.
fn known_since(history: &[PastRun], now: Timestamp) -> Option<Timestamp> {
    let scheduled = |run: &&PastRun| run.serves.iter().any(|s| s.tier != Tier::Manual);
    let newest_good = history::good(history, now)
        .filter(scheduled)
        .map(|run| run.started)
        .max();
    let counting = history.iter().filter(|run| run.counts(now));
    newest_good.or_else(|| counting.map(|run| run.started).min())
}

fn grace(tier: Tier, history: &[PastRun], now: Timestamp) -> SignedDuration {
    let hours = match tier {
        Tier::Manual | Tier::Hourly => 1,
        Tier::Daily => 3,
        Tier::Weekly | Tier::Monthly | Tier::Yearly => 6,
    };
    let newest = history::good(history, now).max_by_key(|run| run.started);
    let took = newest.map_or(SignedDuration::ZERO, |run| run.duration(now));
    SignedDuration::from_hours(hours).max(took * 2)
}
