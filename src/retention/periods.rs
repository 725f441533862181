use std::collections::HashMap;

use jiff::Timestamp;

use super::{Outcome, Run};
use crate::backup::{BackupId, Retention, Served, Tier};

/// The periods of every tier that have a good backup, and which backup stands for each.
pub(super) struct Periods<'a> {
    /// where each period begins that takes a place of its own, earliest first
    dues: HashMap<Tier, Vec<Timestamp>>,
    stand: HashMap<(Tier, Timestamp), Vec<Standing<'a>>>,
}

/// A backup that stands for a period against all older ones which are promised to be counted no further than it.
struct Standing<'a> {
    age_key: (Timestamp, &'a BackupId),
    promise: u32,
}

impl<'a> Periods<'a> {
    /// Of good runs that count, the newest first.
    pub(super) fn new(good: impl Iterator<Item = &'a Run>) -> Self {
        let mut dues: HashMap<Tier, Vec<Timestamp>> = HashMap::new();
        let mut stand: HashMap<_, Vec<Standing<'a>>> = HashMap::new();
        let all = good.flat_map(|run| run.serves.iter().map(move |s| (run, s)));
        for (run, served) in all.filter(|(run, served)| takes_a_place(run, served)) {
            dues.entry(served.tier).or_default().push(served.due);
            let standing = Standing {
                age_key: run.age_key(),
                promise: promise(served.retention),
            };
            let others = stand.entry((served.tier, served.due)).or_default();
            // an older one of no greater promise would never be asked for
            if others.iter().all(|other| other.promise < standing.promise) {
                others.push(standing);
            }
        }
        let places = |(tier, dues): (Tier, Vec<Timestamp>)| (tier, apart(tier, dues));
        Self {
            dues: dues.into_iter().map(places).collect(),
            stand,
        }
    }

    /// Which period of its tier this is, counted from the newest, which is 1. A period without a good backup takes
    /// no place of its own.
    pub(super) fn place(&self, served: &Served) -> usize {
        let dues = self.dues.get(&served.tier).map_or(&[][..], Vec::as_slice);
        1 + dues.len() - dues.partition_point(|due| *due <= served.due)
    }

    /// Whether a newer good backup stands for the same period in the place of a good `run` that would be one of the
    /// newest `count`.
    ///
    /// One that is promised a smaller count, after an edit of the schedule, would go before `run` may: it replaces
    /// nothing.
    pub(super) fn is_replaced(&self, run: &Run, served: &Served, count: u16) -> bool {
        let newer = |other: &Standing<'_>| other.age_key > run.age_key() && other.promise >= u32::from(count);
        let others = self.stand.get(&(served.tier, served.due));
        run.outcome == Outcome::Good && others.is_some_and(|others| others.iter().any(newer))
    }
}

/// Moments, earliest first, each at least a third of the tier's period before the next: whoever can write records can
/// name any moment as due, and a hundred of them on one day must not push out the backups of a hundred days.
///
/// They are chosen from the newest on, so that what becomes of older ones changes nothing for a newer one.
fn apart(tier: Tier, mut dues: Vec<Timestamp>) -> Vec<Timestamp> {
    dues.sort_unstable();
    let least = tier.period() / 3;
    let mut places: Vec<Timestamp> = Vec::with_capacity(dues.len());
    for due in dues.into_iter().rev() {
        let newer = places.last();
        if newer.is_none_or(|newer| due < *newer && newer.duration_since(due) >= least) {
            places.push(due);
        }
    }
    places.reverse();
    places
}

/// Whether a backup came to the bucket when the period that it serves was long over, so that it can't be that period's:
/// what was written yesterday does not replace the backup of a day last month.
fn is_late(run: &Run, served: &Served) -> bool {
    let came = run.arrived.unwrap_or(run.started).max(run.started);
    served.tier != Tier::Manual && came.duration_since(served.due) > served.tier.open_max()
}

/// Whether a backup is one of its tier's periods. One that somebody asked for, which is due when it began, and that is
/// kept by its age is none: asked for three times and kept for an hour each, it would push out the last three days.
///
/// Nor is one that came when its period was long over: dated back as it may be, it pushes nobody out.
fn takes_a_place(run: &Run, served: &Served) -> bool {
    let asked_for = served.due == run.started;
    let is_counted = !asked_for || matches!(served.retention, Retention::Newest(_));
    is_counted && !is_late(run, served)
}

/// Up to which place a retention is sure to keep: one by age is sure of none.
fn promise(retention: Retention) -> u32 {
    match retention {
        Retention::Newest(count) => u32::from(count),
        Retention::Forever => u32::MAX,
        _ => 0,
    }
}
