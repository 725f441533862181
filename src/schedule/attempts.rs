use jiff::{SignedDuration, Timestamp};

use super::{Schedule, ScheduleClause, one_a_tier};
use crate::backup::{Served, Tier};

/// When the second and the third attempt of a period begin, in minutes after it is due. After that the times double.
const ATTEMPTS_MINUTES: [i64; 2] = [15, 30];

/// One attempt to serve a period of a clause. A period has its first attempt when it is due, and more at growing
/// intervals until the next one of its clause is due: what fails in one attempt is tried again in the next.
///
/// So a run that can't read the bucket finds out with one object name, which only one run can create, whether it has
/// something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The period.
    pub served: Served,
    /// When this attempt began. No two attempts of a tier have the same beginning and the same due moment.
    pub began: Timestamp,
    /// When the next period is due.
    ends: Option<Timestamp>,
}

impl Schedule {
    /// The attempt that is open at `now` in each clause's period, lowest tier first. Clauses of one tier that were due
    /// at the same moment, as after a clock change, share theirs.
    #[must_use]
    pub fn attempts(&self, now: Timestamp) -> Vec<Attempt> {
        let mut open: Vec<Attempt> = Vec::new();
        let attempt = |clause: &ScheduleClause| {
            let served = Served {
                tier: clause.tier(),
                due: clause.when.latest(&self.zone, now)?,
                retention: clause.keep,
            };
            let began = beginnings(served.due).take_while(|began| *began <= now);
            let began = began.last()?;
            let ends = clause.when.next(&self.zone, served.due);
            Some(Attempt { served, began, ends })
        };
        for one in self.clauses.iter().filter_map(attempt) {
            let of_period = |other: &&mut Attempt| {
                let (one, other) = (one.served, other.served);
                (one.tier, one.due) == (other.tier, other.due)
            };
            match open.iter_mut().find(of_period) {
                Some(other) => {
                    other.ends = other.ends.max(one.ends);
                    let both = one_a_tier([other.served, one.served], now);
                    other.served = both.first().copied().unwrap_or(one.served);
                }
                None => open.push(one),
            }
        }
        open
    }
}

impl Attempt {
    /// The later attempts of the same period. All of them are claimed once the period is served.
    #[must_use]
    pub fn later(&self) -> Vec<Self> {
        let Some(ends) = self.ends else { return Vec::new() };
        beginnings(self.served.due)
            .take_while(|began| *began < ends)
            .filter(|began| *began > self.began)
            .map(|began| Self { began, ..*self })
            .collect()
    }
}

/// The longest time for which an attempt of this tier can be open, in any calendar.
#[must_use]
pub fn attempt_open_max(tier: Tier) -> SignedDuration {
    SignedDuration::from_hours(match tier {
        Tier::Manual => 2,
        // half a day, and an hour by which a clock is put back
        Tier::Hourly => 14,
        Tier::Daily => 2 * 24,
        Tier::Weekly => 8 * 24,
        Tier::Monthly => 32 * 24,
        Tier::Yearly => 367 * 24,
    })
}

/// The due moment, 15 and 30 minutes later, one hour, two, four and so on; more than any period has.
fn beginnings(due: Timestamp) -> impl Iterator<Item = Timestamp> {
    let doubled = (0..16).map(|n| 60 << n);
    let minutes = ATTEMPTS_MINUTES.into_iter().chain(doubled);
    let after = minutes.filter_map(move |n| due.checked_add(SignedDuration::from_mins(n)).ok());
    std::iter::once(due).chain(after)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::tz::TimeZone;

    use super::*;

    fn schedule(text: &str, zone: &str) -> Schedule {
        Schedule::parse(text, &TimeZone::get(zone).unwrap()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    type Period = (Tier, Timestamp);

    /// Ticks every `minutes` through some days. Returns the periods that were due, and those for which a backup was
    /// made; an attempt succeeds if `works` says so.
    fn served(
        schedule: &Schedule,
        from: &str,
        days: i64,
        minutes: i64,
        works: impl Fn(Timestamp) -> bool,
    ) -> (BTreeSet<Period>, Vec<Period>) {
        let (mut taken, mut due, mut done) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let (mut now, end) = (at(from), at(from) + SignedDuration::from_hours(days * 24));
        while now < end {
            let open = schedule.attempts(now);
            due.extend(open.iter().map(|attempt| (attempt.served.tier, attempt.served.due)));
            let name = |attempt: &Attempt| (attempt.served.tier, attempt.served.due, attempt.began);
            let ours = open.into_iter().filter(|attempt| taken.insert(name(attempt)));
            for attempt in ours.collect::<Vec<_>>() {
                if works(now) {
                    done.push((attempt.served.tier, attempt.served.due));
                    taken.extend(attempt.later().iter().map(name));
                }
            }
            now += SignedDuration::from_mins(minutes);
        }
        (due, done)
    }

    /// Two clauses of one tier, whose later attempts begin at the same moments.
    const TWICE: &str = "every 15 minutes keep 24h, every 6 hours at 01:30 keep 3d, daily at 02:30 keep 7d, daily at 14:30 \
        keep 3d, weekly on sunday at 03:30 keep 5w, weekly on wednesday keep 2w";

    const ALL: &str = "hourly at :07 keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on last keep \
        12mo, yearly keep 7y";

    #[test]
    fn every_period_is_served_once_however_often_it_ticks() {
        for (zone, from) in [
            ("UTC", "2026-11-20T12:00:00Z"),
            // both clock changes
            ("Europe/Berlin", "2026-03-27T12:00:00Z"),
            ("America/New_York", "2026-10-30T12:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-03T00:00:00Z"),
        ] {
            for (text, minutes) in [ALL, TWICE].into_iter().flat_map(|text| [1, 10, 60].map(|n| (text, n))) {
                let schedule = schedule(text, zone);
                let (due, done) = served(&schedule, from, 5, minutes, |_| true);
                let once: BTreeSet<_> = done.iter().copied().collect();
                assert_eq!(once.len(), done.len(), "{text} {zone} {minutes}: twice");
                assert_eq!(once, due, "{text} {zone} {minutes}: lost");
            }
        }
    }

    #[test]
    fn what_fails_is_tried_again_and_served_once_it_works() {
        for text in [ALL, TWICE] {
            works_again(&schedule(text, "Europe/Berlin"));
        }
    }

    fn works_again(schedule: &Schedule) {
        let outage = at("2026-11-21T00:00:00Z")..at("2026-11-22T09:00:00Z");
        let works = |now: Timestamp| !outage.contains(&now);
        let (due, done) = served(schedule, "2026-11-20T12:00:00Z", 14, 10, works);
        let once: BTreeSet<_> = done.iter().copied().collect();
        assert_eq!(once.len(), done.len());
        // only periods that began and ended during the outage are lost
        for (tier, due) in due.difference(&once) {
            let over = *due + attempt_open_max(*tier);
            assert!(
                outage.contains(due) && over < at("2026-11-24T00:00:00Z"),
                "{tier} {due}"
            );
        }
        let daily = (Tier::Daily, at("2026-11-22T01:30:00Z"));
        assert!(once.contains(&daily), "caught up after the outage");
    }

    #[test]
    fn clauses_of_one_tier_take_no_turn_from_each_other() {
        let schedule = schedule("daily at 02:30 keep 7d, daily at 14:30 keep 3d", "UTC");
        // the later one was served, and all its turns are taken; the earlier one failed all day
        let [earlier, later] = schedule.attempts(at("2026-11-20T18:31:00Z"))[..] else {
            panic!("two are open");
        };
        assert_eq!(
            (earlier.began, later.began),
            (at("2026-11-20T18:30:00Z"), at("2026-11-20T18:30:00Z"))
        );
        let keep = |attempt: Attempt| attempt.served.retention.to_string();
        assert_eq!((keep(earlier), keep(later)), ("7d".to_owned(), "3d".to_owned()));
        assert_ne!(earlier.served.due, later.served.due);
    }

    #[test]
    fn an_attempt_a_turn_is_few_attempts() {
        let schedule = schedule("daily at 02:30 keep 7d", "UTC");
        let mut attempts = BTreeSet::new();
        for minute in 0..24 * 60 {
            let now = at("2026-11-20T02:30:00Z") + SignedDuration::from_mins(minute);
            attempts.extend(schedule.attempts(now).iter().map(|attempt| attempt.began));
        }
        let minutes: Vec<i64> = attempts
            .iter()
            .map(|began| (*began - at("2026-11-20T02:30:00Z")).total(jiff::Unit::Minute).unwrap() as i64)
            .collect();
        assert_eq!(minutes, [0, 15, 30, 60, 120, 240, 480, 960]);
    }

    #[test]
    fn no_turn_is_open_longer_than_is_said() {
        for tier in [Tier::Hourly, Tier::Daily, Tier::Weekly, Tier::Monthly, Tier::Yearly] {
            let schedule = schedule(&format!("every 12 hours keep 1d, {ALL}"), "Europe/Berlin");
            let mut now = at("2026-01-01T00:00:00Z");
            for _ in 0..800 {
                let attempts = schedule.attempts(now);
                for attempt in attempts.iter().filter(|attempt| attempt.served.tier == tier) {
                    assert!(now.duration_since(attempt.began) < attempt_open_max(tier));
                }
                now += SignedDuration::from_hours(11);
            }
        }
    }
}
