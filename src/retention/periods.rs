use std::collections::HashMap;

use jiff::Timestamp;

use super::{RetentionOutcome, RetentionRun};
use crate::backup::{BackupId, Retention, Served, Tier};

/// The periods of every tier that have a good backup, and the backups that represent each.
pub(super) struct Periods<'a> {
    /// The due moment of each period that takes a place, earliest first.
    dues: HashMap<Tier, Vec<Timestamp>>,
    stand: HashMap<(Tier, Timestamp), Vec<Representative<'a>>>,
}

/// A backup that represents a period, instead of all older ones whose retention counts no further than its own.
struct Representative<'a> {
    age_key: (Timestamp, &'a BackupId),
    guaranteed_place: u32,
}

impl<'a> Periods<'a> {
    /// From the good runs that count, newest first.
    pub(super) fn new(good: impl Iterator<Item = &'a RetentionRun>) -> Self {
        let mut dues: HashMap<Tier, Vec<Timestamp>> = HashMap::new();
        let mut stand: HashMap<_, Vec<Representative<'a>>> = HashMap::new();
        let all = good.flat_map(|run| run.serves.iter().map(move |s| (run, s)));
        for (run, served) in all.filter(|(run, served)| takes_place(run, served)) {
            dues.entry(served.tier).or_default().push(served.due);
            let standing = Representative {
                age_key: run.age_key(),
                guaranteed_place: guaranteed_place(served.retention),
            };
            let others = stand.entry((served.tier, served.due)).or_default();
            // an older backup with no longer retention would never be needed
            if others
                .iter()
                .all(|other| other.guaranteed_place < standing.guaranteed_place)
            {
                others.push(standing);
            }
        }
        let places = |(tier, dues): (Tier, Vec<Timestamp>)| (tier, apart(tier, dues));
        Self {
            dues: dues.into_iter().map(places).collect(),
            stand,
        }
    }

    /// The place of a period in its tier, counted from the newest, which is 1. A period without a good backup takes no
    /// place.
    pub(super) fn place(&self, served: &Served) -> usize {
        let dues = self.dues.get(&served.tier).map_or(&[][..], Vec::as_slice);
        1 + dues.len() - dues.partition_point(|due| *due <= served.due)
    }

    /// Whether a newer good backup of the same period replaces `run`, which would be one of the newest `count`.
    ///
    /// After an edit of the schedule, a newer backup may have a smaller count and be deleted before `run`; it replaces
    /// nothing.
    pub(super) fn is_replaced(&self, run: &RetentionRun, served: &Served, count: u16) -> bool {
        let newer =
            |other: &Representative<'_>| other.age_key > run.age_key() && other.guaranteed_place >= u32::from(count);
        let others = self.stand.get(&(served.tier, served.due));
        run.outcome == RetentionOutcome::Good && others.is_some_and(|others| others.iter().any(newer))
    }
}

/// Chooses due moments that are at least a third of the tier's period apart, earliest first. Anyone who can write
/// records can name any moment as due, and a hundred of them on one day must not displace the backups of a hundred
/// days.
///
/// The choice begins with the newest, so that a change among older ones never affects a newer one.
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

/// Whether a backup was stored long after the end of the period that it serves, and so can't belong to that period:
/// what was written yesterday doesn't replace the backup of a day last month.
fn is_late(run: &RetentionRun, served: &Served) -> bool {
    let came = run.arrived.unwrap_or(run.started).max(run.started);
    served.tier != Tier::Manual && came.duration_since(served.due) > served.tier.open_max()
}

/// Whether a backup takes the place of a period in its tier. A manual backup, which is due when it began, doesn't if it
/// is kept by age: three of them that are kept for an hour each would displace the last three days.
///
/// Nor does one that was stored long after its period: it may be dated back, and displaces nothing.
fn takes_place(run: &RetentionRun, served: &Served) -> bool {
    let asked_for = served.due == run.started;
    let is_counted = !asked_for || matches!(served.retention, Retention::Newest(_));
    is_counted && !is_late(run, served)
}

/// The place up to which a retention certainly keeps a backup: 0 for one by age.
fn guaranteed_place(retention: Retention) -> u32 {
    match retention {
        Retention::Newest(count) => u32::from(count),
        Retention::Forever => u32::MAX,
        _ => 0,
    }
}
