//! How long a restore may take, by what the drills of the database took.

use serde::Serialize;

use crate::{
    backup::{Label, MeasuredDrill},
    catalog::{Catalog, ReportsRead},
};

/// Reports of drills that are read at the most, until one tells of a backup that came back.
const REPORTS_READ: usize = 5;

/// How long a restore may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreEstimate {
    /// Seconds: as many for each byte as the drill took.
    pub seconds: u64,
    /// The drill, the last one whose backup came back.
    pub drill: MeasuredDrill,
}

impl RestoreEstimate {
    /// That of so many bytes of rows. Indexes, and how fast target and network are, don't count.
    fn of(bytes: u64, drill: MeasuredDrill) -> Option<Self> {
        let measured = u128::try_from(drill.restore_ms).ok()?;
        if drill.dump_bytes == 0 || measured == 0 {
            return None;
        }
        let milliseconds = measured * u128::from(bytes) / u128::from(drill.dump_bytes);
        Some(Self {
            seconds: u64::try_from(milliseconds.div_ceil(1000)).unwrap_or(u64::MAX).max(1),
            drill,
        })
    }
}

/// How long it may take to restore so many bytes; none where no drill was measured, or where that can't be seen.
pub(super) async fn estimate(catalog: &Catalog, database: &Label, bytes: u64) -> Option<RestoreEstimate> {
    let history = catalog.drill_history(database, ReportsRead::UntilProven(REPORTS_READ));
    let reports = history.await.ok()?.reports;
    let measured = reports.iter().flat_map(|report| report.series());
    let last = measured
        .filter(|drill| drill.verdict.came_back())
        .max_by_key(|drill| drill.began)?;
    RestoreEstimate::of(bytes, last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::backup::{BackupId, DrillVerdict};

    fn drill(restore_ms: i64, dump_bytes: u64) -> MeasuredDrill {
        let id = BackupId::parse("20261120T070000Z-rkropyeppww6").unwrap();
        MeasuredDrill {
            began: id.time(),
            id,
            verdict: DrillVerdict::Proven,
            restore_ms,
            dump_bytes,
            place: "local".into(),
        }
    }

    #[test]
    fn it_grows_with_the_bytes() {
        for (bytes, restore_ms, dump_bytes, seconds) in [
            (100 << 30, 60_000, 1 << 30, Some(6000)),
            (1 << 29, 60_000, 1 << 30, Some(30)),
            (1, 60_000, 1 << 30, Some(1)),
            (0, 60_000, 1 << 30, Some(1)),
            (u64::MAX, i64::MAX, 1, Some(u64::MAX)),
            (100, 60_000, 0, None),
            (100, 0, 100, None),
            (100, -5, 100, None),
        ] {
            let estimate = RestoreEstimate::of(bytes, drill(restore_ms, dump_bytes));
            assert_eq!(
                estimate.map(|it| it.seconds),
                seconds,
                "{bytes} {restore_ms} {dump_bytes}"
            );
        }
    }
}
