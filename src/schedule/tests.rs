mod dates;
mod grammar;
mod lateness;
mod nights;
mod properties;
mod rules;
mod several;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{PastRun, RunEnd, Schedule};
use crate::backup::{Retention, Served, Tier};

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text, &TimeZone::UTC).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// A run of ten minutes.
fn run(started: Timestamp, ended: RunEnd, serves: Vec<Served>) -> PastRun {
    PastRun {
        started,
        finished: started + minutes(10),
        ended,
        serves,
    }
}

/// A good run that was due when it began.
fn good(started: &str, tiers: &[Tier]) -> PastRun {
    let started = at(started);
    let served = |&tier| Served {
        tier,
        due: started,
        retention: Retention::Days(7),
    };
    run(started, RunEnd::Good, tiers.iter().map(served).collect())
}

fn failed(started: &str) -> PastRun {
    run(at(started), RunEnd::Failed, Vec::new())
}

fn due_tiers(schedule: &Schedule, history: &[PastRun], now: &str) -> Vec<Tier> {
    let due = schedule.due(history, at(now));
    due.iter().map(|served| served.tier).collect()
}

/// Every due moment after `from` and up to `to`, by the wall clock of the zone and its offset.
fn moments(text: &str, zone_name: &str, from: &str, to: &str) -> Vec<String> {
    let zone = zone(zone_name);
    let schedule = Schedule::parse(text, &zone).unwrap();
    let when = schedule.clauses()[0].when;
    let mut found = Vec::new();
    let mut now = at(from);
    while let Some(next) = when.next(&zone, now)
        && next <= at(to)
    {
        assert_eq!(when.latest(&zone, next), Some(next));
        assert_eq!(when.latest(&zone, next - minutes(1)).unwrap().max(now), now);
        let wall = next.to_zoned(zone.clone());
        found.push(wall.strftime("%m-%d %H:%M %:z").to_string());
        now = next;
    }
    found
}
