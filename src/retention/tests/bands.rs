//! What has stood for a while outlives whatever arrives.

use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*};

use super::{
    oracle,
    world::{id, left},
    *,
};

/// A good run that serves these periods.
fn run(started: Timestamp, serves: &[(Tier, Timestamp, &str)]) -> RetentionRun {
    let serves = serves.iter().map(|(tier, due, retention)| Served {
        tier: *tier,
        due: *due,
        retention: retention.parse().unwrap(),
    });
    RetentionRun {
        id: id(started, 0),
        started,
        arrived: None,
        outcome: RetentionOutcome::Good,
        counts: true,
        serves: serves.collect(),
        retained: None,
        guards: Protection::NONE,
    }
}

/// A good run of so many hours ago that came to the bucket so many hours ago and was kept for an hour.
fn expired(now: Timestamp, began: i64, came: i64, serial: u64) -> RetentionRun {
    let ago = |hours: i64| now - SignedDuration::from_hours(hours);
    RetentionRun {
        id: id(ago(began), serial),
        arrived: Some(ago(came)),
        ..run(ago(began), &[(Tier::Daily, ago(began), "1h")])
    }
}

#[test]
fn the_newest_that_has_stood_for_each_number_of_days_stays() {
    let now = at("2027-03-10T12:00:00Z");
    let hours = [1, 20, 30, 100, 200, 300, 800, 900];
    let runs: Vec<RetentionRun> = hours.iter().map(|h| expired(now, *h, *h, 0)).collect();
    let kept = |policy: &RetentionPolicy| -> Vec<i64> {
        let plan = plan(&runs, policy, now);
        let lines = plan.lines.iter().zip(hours);
        lines
            .filter(|(line, _)| !line.is_deletion())
            .map(|(_, hours)| hours)
            .collect()
    };
    assert_eq!(kept(&floor(1)), [1]);
    // a day, seven, thirty
    assert_eq!(kept(&banded(1)), [1, 30, 200, 800]);
    let verdict = plan(&runs, &banded(1), now).lines[2].verdict.to_string();
    assert_eq!(verdict, "the newest that is at least a day old");
}

#[test]
fn what_was_dated_back_and_came_today_has_not_stood() {
    let now = at("2027-03-10T12:00:00Z");
    let real = expired(now, 400, 400, 0);
    let fakes = (0..9).map(|n| expired(now, 50 * n + 1, 1, n as u64 + 1));
    let runs: Vec<RetentionRun> = fakes.chain([real.clone()]).collect();
    let plan = plan(&runs, &banded(3), now);
    let line = plan.lines.iter().find(|line| line.id == real.id).unwrap();
    assert!(!line.is_deletion(), "{}", line.verdict);
}

#[test]
fn a_schedule_with_bands_stops_growing() {
    // daily, kept for a week, for two years: a few beyond the week, and no more of them with time
    let end = at("2029-03-10T03:30:00Z");
    let mut runs: Vec<RetentionRun> = Vec::new();
    let mut most = 0;
    for day in (0..730).rev() {
        let now = end - SignedDuration::from_hours(24 * day);
        let began = now - SignedDuration::from_mins(30);
        runs.push(RetentionRun {
            id: id(began, 0),
            ..run(began, &[(Tier::Daily, began - SignedDuration::from_mins(1), "7d")])
        });
        let plan = plan(&runs, &banded(3), now);
        runs = left(&runs, &plan);
        most = most.max(runs.len());
    }
    assert!((8..=10).contains(&most), "{most}");
}

#[test]
fn what_does_not_count_pushes_nothing_out() {
    let now = at("2027-03-10T12:00:00Z");
    let daily = |n: i64, counts: bool| {
        let began = now - SignedDuration::from_hours(24 * n);
        RetentionRun {
            id: id(began, u64::from(counts)),
            counts,
            ..run(began, &[(Tier::Daily, began - SignedDuration::from_mins(1), "2")])
        }
    };
    let runs = [daily(0, false), daily(1, false), daily(5, true), daily(6, true)];
    let plan = plan(&runs, &floor(1), now);
    assert_eq!(plan.deleted(), 0, "{:?}", plan.lines);
}

#[test]
fn where_nothing_counts_the_floor_and_the_elders_stand_all_the_same() {
    let now = at("2027-03-10T12:00:00Z");
    let mut runs: Vec<RetentionRun> = (0..9)
        .map(|n| expired(now, 10 + 24 * 5 * n, 10 + 24 * 5 * n, n as u64))
        .collect();
    let deleted = |runs: &[RetentionRun]| plan(runs, &banded(3), now).deleted();
    let believed = deleted(&runs);
    assert!(believed > 0);
    for run in &mut runs {
        run.counts = false;
    }
    assert_eq!(deleted(&runs), believed);
}

proptest! {
    /// With bands, fakes and late comers, against the rules said plainly.
    #[test]
    fn bands_are_as_the_rules_say(
        hours in vec((0..9000_i64, 0..9000_i64, any::<bool>(), 0..4_u8), 0..30),
    ) {
        let now = at("2027-03-10T12:00:00Z");
        let runs: Vec<RetentionRun> = hours
            .iter()
            .enumerate()
            .map(|(serial, (began, came, counts, keep))| {
                let began = now - SignedDuration::from_hours(*began);
                let keep = ["1h", "2", "3", "40d"][usize::from(*keep)];
                RetentionRun {
                    id: id(began, serial as u64),
                    arrived: Some(now - SignedDuration::from_hours(*came)),
                    counts: *counts,
                    ..run(began, &[(Tier::Daily, began - SignedDuration::from_mins(5), keep)])
                }
            })
            .collect();
        let policy = banded(2);
        let plan = plan(&runs, &policy, now);
        for line in &plan.lines {
            let run = runs.iter().find(|run| run.id == line.id).unwrap();
            let may = oracle::may_go(run, &runs, &policy, now);
            prop_assert_eq!(line.is_deletion(), may, "{:?}: {}", run, line.verdict);
        }
    }
}
