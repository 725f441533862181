use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Outcome, Run};
use crate::backup::{BackupId, Retention, Served, Tier};

/// The periods of every tier that have a good backup, and which backup stands for each.
pub(super) struct Periods<'a> {
    /// due moments, earliest first, each once
    dues: HashMap<Tier, Vec<Timestamp>>,
    stand: HashMap<(Tier, Timestamp), Vec<Standing<'a>>>,
}

/// A backup that stands for a period against all older ones which are promised to be counted no further than it.
struct Standing<'a> {
    age_key: (Timestamp, &'a BackupId),
    promise: u32,
}

impl<'a> Periods<'a> {
    /// Of good runs, the newest first.
    pub(super) fn new(good: impl Iterator<Item = &'a Run>) -> Self {
        let mut dues: HashMap<Tier, HashSet<Timestamp>> = HashMap::new();
        let mut stand: HashMap<_, Vec<Standing<'a>>> = HashMap::new();
        let all = good.flat_map(|run| run.serves.iter().map(move |s| (run, s)));
        for (run, served) in all.filter(|(run, served)| takes_a_place(run, served)) {
            dues.entry(served.tier).or_default().insert(served.due);
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
        let in_order = |(tier, dues): (Tier, HashSet<Timestamp>)| {
            let mut dues: Vec<_> = dues.into_iter().collect();
            dues.sort_unstable();
            (tier, dues)
        };
        Self {
            dues: dues.into_iter().map(in_order).collect(),
            stand,
        }
    }

    /// The how-manieth period of its tier this is, counted from the newest, which is 1. A period without a good backup takes
    /// no place of its own.
    pub(super) fn place(&self, served: &Served) -> usize {
        let dues = self.dues.get(&served.tier).map_or(&[][..], Vec::as_slice);
        1 + dues.len() - dues.partition_point(|due| *due <= served.due)
    }

    /// Whether a newer good backup stands for the same period in the place of a good `run` that would be one of the newest
    /// `count`.
    ///
    /// One that is promised a smaller count, after an edit of the schedule, would go before `run` may: it replaces nothing.
    pub(super) fn is_replaced(&self, run: &Run, served: &Served, count: u16) -> bool {
        let newer = |other: &Standing<'_>| {
            other.age_key > run.age_key() && other.promise >= u32::from(count)
        };
        let others = self.stand.get(&(served.tier, served.due));
        run.outcome == Outcome::Good && others.is_some_and(|others| others.iter().any(newer))
    }
}

/// Whether a backup is one of its tier's periods. One that somebody asked for, which is due when it began, and that is kept by
/// its age is none: asked for three times and kept for an hour each, it would push out the last three days.
fn takes_a_place(run: &Run, served: &Served) -> bool {
    let asked_for = served.due == run.started;
    !asked_for || matches!(served.retention, Retention::Newest(_))
}

/// Up to which place a retention is sure to keep: one by age is sure of none.
fn promise(retention: Retention) -> u32 {
    match retention {
        Retention::Newest(count) => u32::from(count),
        Retention::Forever => u32::MAX,
        _ => 0,
    }
}
