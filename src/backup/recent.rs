//! Whether a backup was made just now.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{AHEAD_MAX, BackupId, Label, Mark, Record, Retention, Tier};

/// The good backup on account of which no further one was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecentBackup {
    /// Its id.
    pub id: BackupId,
    /// The label of its database.
    pub database: Label,
    /// Its tier.
    pub tier: Tier,
    /// When it began: it holds what the database held then.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How long it is kept.
    pub retention: Retention,
    /// When that runs out; none: never, or at no fixed moment.
    pub expires: Option<Timestamp>,
}

impl RecentBackup {
    /// The backup with this record and mark.
    #[must_use]
    pub fn new(record: &Record, mark: Option<&Mark>) -> Self {
        let (retention, expires) = record.kept(mark);
        Self {
            id: record.id.clone(),
            database: record.database.clone(),
            tier: record.tier,
            started: record.started,
            finished: record.finished,
            retention,
            expires,
        }
    }
}

/// The moments by which the age of a backup is known.
#[derive(Debug, Clone, Copy)]
pub struct Recency {
    /// When it ended, by the clock of the machine that made it.
    pub finished: Timestamp,
    /// When its record was stored and what time it is, by the bucket's clock, if that is known.
    pub by_bucket: Option<(Timestamp, Timestamp)>,
    /// What time it is, by this machine's clock.
    pub now: Timestamp,
}

impl Recency {
    /// How long ago it ended. Its record was stored at its end, so where both moments are about the same, the bucket's
    /// clock alone counts, and those of two machines may differ. Else the record was copied or touched by others, or the
    /// clock was wrong by much: then what was sealed counts, beside this machine's clock.
    fn age(&self) -> SignedDuration {
        match self.by_bucket {
            Some((stored, service)) if stored.duration_since(self.finished).abs() <= AHEAD_MAX => {
                service.duration_since(stored)
            }
            _ => self.now.duration_since(self.finished),
        }
    }

    /// Whether it ended within the span. One of a moment that is yet to come counts as just made, up to a quarter of an
    /// hour: two clocks differ.
    #[must_use]
    pub fn is_within(&self, span: SignedDuration) -> bool {
        let age = self.age();
        -AHEAD_MAX <= age && age < span
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Minutes past a moment.
    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn is_recent(finished: i64, by_bucket: Option<(i64, i64)>, now: i64) -> bool {
        let recency = Recency {
            finished: at(finished),
            by_bucket: by_bucket.map(|(stored, service)| (at(stored), at(service))),
            now: at(now),
        };
        recency.is_within(SignedDuration::from_mins(10))
    }

    #[test]
    fn what_ended_within_the_span_is_recent() {
        for (age, recent) in [(0, true), (9, true), (10, false), (11, false), (60 * 24, false)] {
            assert_eq!(is_recent(0, Some((0, age)), age), recent, "{age}");
            // a place without a clock
            assert_eq!(is_recent(0, None, age), recent, "{age}");
        }
    }

    #[test]
    fn clocks_that_differ_by_minutes_change_nothing_where_the_bucket_has_one() {
        for ahead in [-14, -5, 5, 14] {
            // of the machine that made it
            assert!(is_recent(ahead, Some((0, 9)), 9), "{ahead}");
            assert!(!is_recent(ahead, Some((0, 10)), 10), "{ahead}");
            // of this machine
            assert!(is_recent(0, Some((0, 9)), 9 + ahead), "{ahead}");
            assert!(!is_recent(0, Some((0, 10)), 10 + ahead), "{ahead}");
        }
    }

    #[test]
    fn a_machine_whose_clock_is_far_off_still_counts_its_own() {
        for ahead in [-600, 600] {
            assert!(is_recent(ahead, Some((0, 9)), 9 + ahead), "{ahead}");
            assert!(!is_recent(ahead, Some((0, 10)), 10 + ahead), "{ahead}");
            // and another machine counts it no more than what it can't know
            assert!(!is_recent(ahead, Some((0, 1)), 1), "{ahead}");
        }
    }

    #[test]
    fn a_record_that_was_copied_or_touched_is_as_old_as_is_sealed() {
        assert!(!is_recent(0, Some((600, 601)), 601));
        // by as much as two clocks may differ it may look younger
        assert!(is_recent(0, Some((15, 16)), 16));
        assert!(!is_recent(0, Some((16, 17)), 17));
    }

    #[test]
    fn what_is_yet_to_come_is_recent_for_a_quarter_of_an_hour() {
        assert!(is_recent(15, None, 0));
        assert!(!is_recent(16, None, 0));
    }
}
