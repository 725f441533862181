mod grammar;
mod nights;
mod properties;
mod rules;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Ended, Past, Schedule};
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
fn run(started: Timestamp, ended: Ended, serves: Vec<Served>) -> Past {
    Past {
        started,
        finished: started + minutes(10),
        ended,
        serves,
    }
}

/// A good run that was due when it began.
fn good(started: &str, tiers: &[Tier]) -> Past {
    let started = at(started);
    let served = |&tier| Served {
        tier,
        due: started,
        retention: Retention::Days(7),
    };
    run(started, Ended::Good, tiers.iter().map(served).collect())
}

fn failed(started: &str) -> Past {
    run(at(started), Ended::Failed, Vec::new())
}

fn due_tiers(schedule: &Schedule, history: &[Past], now: &str) -> Vec<Tier> {
    let due = schedule.due(history, at(now));
    due.iter().map(|served| served.tier).collect()
}
