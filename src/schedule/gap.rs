use jiff::{SignedDuration, Timestamp};

use super::Schedule;

/// The due moments that are looked at, and the time in which: as many as a leap year has days, with some to spare.
const MOMENTS_MAX: usize = 400;
const WITHIN: SignedDuration = SignedDuration::from_hours(400 * 24);

impl Schedule {
    /// The longest time between two due moments, whatever their tier, in the time from `now` on: so old the newest
    /// backup is at most, if each is made when it is due. None where there are no two.
    #[must_use]
    pub fn longest_gap(&self, now: Timestamp) -> Option<SignedDuration> {
        let next = |after: Timestamp| {
            let all = self
                .clauses
                .iter()
                .filter_map(|clause| clause.when.next(&self.zone, after));
            all.min()
        };
        let mut at = next(now)?;
        let end = now.checked_add(WITHIN).ok()?;
        let mut longest = None;
        for _ in 0..MOMENTS_MAX {
            let Some(following) = next(at).filter(|following| *following > at) else {
                break;
            };
            longest = longest.max(Some(following.duration_since(at)));
            at = following;
            if at > end {
                break;
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_schedule_says_how_old_the_newest_backup_may_be() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for (text, hours) in [
            ("daily at 02:00 keep 7d", 24),
            ("hourly keep 2d, daily at 02:00 keep 7d", 1),
            ("weekly on sunday at 03:00 keep 5w", 7 * 24),
            (
                "weekly on sunday at 03:00 keep 5w, weekly on monday at 03:00 keep 5w",
                6 * 24,
            ),
        ] {
            let schedule = Schedule::parse(text, &TimeZone::UTC).unwrap();
            assert_eq!(
                schedule.longest_gap(now),
                Some(SignedDuration::from_hours(hours)),
                "{text}"
            );
        }
        // the clocks go back in between
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let schedule = Schedule::parse("daily at 12:00 keep 7d", &zone).unwrap();
        assert_eq!(schedule.longest_gap(now), Some(SignedDuration::from_hours(25)));
    }
}
