//! Databases that live for years: due moments, and the runs that a schedule makes of them.

use std::collections::HashSet;

use jiff::{ToSpan, civil::Weekday, tz::TimeZone};

use super::*;

/// One database: its schedule, and the runs that stand.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) runs: Vec<RetentionRun>,
    schedule: Vec<(Tier, Retention)>,
    /// due moments that have their backup
    taken: HashSet<(Tier, Timestamp)>,
    /// makes ids differ, between databases too
    serial: u64,
}

impl World {
    pub(super) fn new(database: u64, schedule: Vec<(Tier, Retention)>) -> Self {
        Self {
            runs: Vec::new(),
            schedule,
            taken: HashSet::new(),
            serial: database << 32,
        }
    }

    pub(super) fn edit(&mut self, schedule: Vec<(Tier, Retention)>) {
        self.schedule = schedule;
    }

    /// What is due at that moment by the clock is made, if anything is.
    pub(super) fn tick(&mut self, clock: Timestamp, outcome: RetentionOutcome) {
        let serves: Vec<_> = self
            .schedule
            .iter()
            .map(|&(tier, retention)| Served {
                tier,
                due: due(tier, clock),
                retention,
            })
            .filter(|served| !self.taken.contains(&(served.tier, served.due)))
            .collect();
        if serves.is_empty() {
            return;
        }
        if !outcome.is_failure() {
            self.taken.extend(serves.iter().map(|s| (s.tier, s.due)));
        }
        self.push(clock, outcome, serves);
    }

    /// What a person asks for is made.
    pub(super) fn ask(&mut self, clock: Timestamp, outcome: RetentionOutcome, retention: Retention) {
        let (tier, due) = (Tier::Manual, clock);
        let served = Served { tier, due, retention };
        self.push(clock, outcome, vec![served]);
    }

    /// The newest run's periods are made once more.
    pub(super) fn repeat(&mut self, clock: Timestamp, outcome: RetentionOutcome) {
        if let Some(last) = self.runs.last() {
            self.push(clock, outcome, last.serves.clone());
        }
    }

    /// Plans, carries the plan out, and returns it.
    pub(super) fn prune(&mut self, policy: &RetentionPolicy, now: Timestamp) -> RetentionPlan {
        let plan = plan(&self.runs, policy, now);
        self.runs = left(&self.runs, &plan);
        plan
    }

    fn push(&mut self, started: Timestamp, outcome: RetentionOutcome, serves: Vec<Served>) {
        self.serial += 1;
        self.runs.push(RetentionRun {
            id: id(started, self.serial),
            started,
            arrived: None,
            outcome,
            counts: true,
            serves,
            retained: None,
            guards: Protection::NONE,
        });
    }
}

/// The runs that a plan leaves.
pub(super) fn left(runs: &[RetentionRun], plan: &RetentionPlan) -> Vec<RetentionRun> {
    let gone: HashSet<_> = plan.deletions().map(|line| &line.id).collect();
    let stands = |run: &&RetentionRun| !gone.contains(&run.id);
    runs.iter().filter(stands).cloned().collect()
}

/// An id of that second, its MAC made of `serial`.
pub(super) fn id(time: Timestamp, serial: u64) -> BackupId {
    let symbols = b"abcdefghijklmnopqrstuvwxyz234567";
    let mac: String = (0..12)
        .map(|at| char::from(symbols[(serial >> (5 * (11 - at)) & 31) as usize]))
        .collect();
    let time = time.strftime("%Y%m%dT%H%M%SZ");
    BackupId::parse(&format!("{time}-{mac}")).unwrap()
}

/// The last due moment of a tier: each full hour; 02:00 each day, each Sunday, on each 1st, on each 1 January.
pub(super) fn due(tier: Tier, now: Timestamp) -> Timestamp {
    let now = now.to_zoned(TimeZone::UTC).datetime();
    let two = |date: jiff::civil::Date| date.at(2, 0, 0, 0);
    let (today, month, year) = (now.date(), now.date().first_of_month(), now.date().first_of_year());
    let this = match tier {
        Tier::Manual => now,
        Tier::Hourly => today.at(now.hour(), 0, 0, 0),
        Tier::Daily => two(today),
        Tier::Weekly => {
            let since = today.weekday().since(Weekday::Sunday);
            two(today - i32::from(since).days())
        }
        Tier::Monthly => two(month),
        Tier::Yearly => two(year),
    };
    let last = match tier {
        _ if this <= now => this,
        Tier::Weekly => two(this.date() - 1.week()),
        Tier::Monthly => two(month - 1.month()),
        Tier::Yearly => two(year - 1.year()),
        _ => two(this.date() - 1.day()),
    };
    last.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// `hourly 24h, daily 7d`
pub(super) fn schedule(text: &str) -> Vec<(Tier, Retention)> {
    let pair = |item: &str| {
        let (tier, retention) = item.split_once(' ').unwrap();
        (tier.parse().unwrap(), retention.parse().unwrap())
    };
    text.split(", ").map(pair).collect()
}

#[test]
fn due_moments_are_the_last_ones() {
    // 2027-03-07 is a Sunday
    for (tier, now, expected) in [
        (Tier::Hourly, "2027-03-07T01:59:59Z", "2027-03-07T01:00:00Z"),
        (Tier::Daily, "2027-03-07T01:59:59Z", "2027-03-06T02:00:00Z"),
        (Tier::Daily, "2027-03-07T02:00:00Z", "2027-03-07T02:00:00Z"),
        (Tier::Weekly, "2027-03-07T01:59:59Z", "2027-02-28T02:00:00Z"),
        (Tier::Weekly, "2027-03-13T12:00:00Z", "2027-03-07T02:00:00Z"),
        (Tier::Monthly, "2027-03-01T01:00:00Z", "2027-02-01T02:00:00Z"),
        (Tier::Yearly, "2027-01-01T01:00:00Z", "2026-01-01T02:00:00Z"),
        (Tier::Yearly, "2027-12-31T01:00:00Z", "2027-01-01T02:00:00Z"),
    ] {
        assert_eq!(due(tier, at(now)), at(expected), "{tier} at {now}");
    }
}
