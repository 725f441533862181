//! Several clauses of one tier, and parts of a day and of an hour: each has its own moments and its own retention.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::{prelude::*, sample::select};

use super::{
    at, minutes, moments as listed,
    properties::{ZONES, any_moment, any_ticks, moments},
    run, schedule, zone,
};
use crate::{
    backup::{Retention, Served, Tier},
    schedule::{PastRun, RunEnd, Schedule},
};

/// `tier due retention` of everything that is due.
fn due(schedule: &Schedule, history: &[PastRun], now: &str) -> Vec<String> {
    let due = schedule.due(history, at(now)).into_iter();
    due.map(|served| format!("{} {} {}", served.tier, served.due, served.retention))
        .collect()
}

/// A run that serves what was due when it began.
fn ran(schedule: &Schedule, history: &mut Vec<PastRun>, now: &str) {
    let due = schedule.due(history, at(now));
    history.push(run(at(now), RunEnd::Good, due));
}

const TWO_DAILIES: &str = "daily at 02:30 keep 7d, daily at 14:30 keep 3d";

#[test]
fn two_dailies_are_due_and_kept_each_for_itself() {
    let schedule = schedule(TWO_DAILIES);
    let mut history = Vec::new();
    ran(&schedule, &mut history, "2027-05-05T00:00:00Z");
    for (now, expected) in [
        ("2027-05-05T02:30:00Z", "daily 2027-05-05T02:30:00Z 7d"),
        ("2027-05-05T14:30:00Z", "daily 2027-05-05T14:30:00Z 3d"),
        ("2027-05-06T02:31:00Z", "daily 2027-05-06T02:30:00Z 7d"),
        ("2027-05-06T20:00:00Z", "daily 2027-05-06T14:30:00Z 3d"),
    ] {
        assert_eq!(due(&schedule, &history, now), [expected], "{now}");
        ran(&schedule, &mut history, now);
        assert_eq!(due(&schedule, &history, now), [""; 0], "{now}");
    }
    assert_eq!(
        schedule.next_due(&history, at("2027-05-06T20:00:00Z")),
        Some((Tier::Daily, at("2027-05-07T02:30:00Z")))
    );
}

#[test]
fn what_was_missed_is_caught_up_by_its_own_clause() {
    let schedule = schedule(TWO_DAILIES);
    let mut history = Vec::new();
    ran(&schedule, &mut history, "2027-05-04T14:30:00Z");
    // the night's one was missed, and the later one is not due yet
    assert_eq!(
        due(&schedule, &history, "2027-05-05T09:00:00Z"),
        ["daily 2027-05-05T02:30:00Z 7d"]
    );
    // both were missed: one backup serves both, and is kept for the longer time
    let both = ["daily 2027-05-05T14:30:00Z 7d"];
    assert_eq!(due(&schedule, &history, "2027-05-05T15:00:00Z"), both);
    ran(&schedule, &mut history, "2027-05-05T15:00:00Z");
    assert_eq!(due(&schedule, &history, "2027-05-05T23:00:00Z"), [""; 0]);
    // one that is kept for the shorter time alone doesn't stand for the other
    let short = Served {
        tier: Tier::Daily,
        due: at("2027-05-06T14:30:00Z"),
        retention: Retention::Days(3),
    };
    history.push(run(at("2027-05-06T14:31:00Z"), RunEnd::Good, vec![short]));
    assert_eq!(
        due(&schedule, &history, "2027-05-06T15:00:00Z"),
        ["daily 2027-05-06T02:30:00Z 7d"]
    );
}

#[test]
fn an_edited_schedule_repeats_nothing() {
    let history = |retention| {
        let due = at("2027-05-05T02:30:00Z");
        let served = Served {
            tier: Tier::Daily,
            due,
            retention,
        };
        [run(due, RunEnd::Good, vec![served])]
    };
    let now = "2027-05-05T10:00:00Z";
    for (text, kept) in [
        // one clause became two
        (TWO_DAILIES, 7),
        // the retention of a clause was made longer, or its time another one
        ("daily at 02:30 keep 30d, daily at 14:30 keep 3d", 7),
        ("daily at 01:00 keep 30d, daily at 14:30 keep 3d", 7),
        // two became one
        ("daily at 02:00 keep 30d", 3),
    ] {
        let schedule = schedule(text);
        assert_eq!(due(&schedule, &history(Retention::Days(kept)), now), [""; 0], "{text}");
    }
}

#[test]
fn hours_and_parts_of_a_day_may_stand_side_by_side() {
    let schedule = schedule("hourly keep 24h, every 6 hours keep 7d, weekly on sun keep 5w, weekly on wed keep 2w");
    let mut history = Vec::new();
    // a Wednesday
    ran(&schedule, &mut history, "2027-05-05T00:00:00Z");
    ran(&schedule, &mut history, "2027-05-05T05:00:00Z");
    assert_eq!(
        due(&schedule, &history, "2027-05-05T06:00:00Z"),
        ["hourly 2027-05-05T06:00:00Z 7d"]
    );
    ran(&schedule, &mut history, "2027-05-05T06:00:00Z");
    assert_eq!(
        due(&schedule, &history, "2027-05-05T07:00:00Z"),
        ["hourly 2027-05-05T07:00:00Z 24h"]
    );
    // after an outage since the last one the 6 hours' one is caught up with the hour's
    assert_eq!(
        due(&schedule, &history, "2027-05-05T13:10:00Z"),
        ["hourly 2027-05-05T13:00:00Z 7d"]
    );
    let weekly = |now| {
        let due = due(&schedule, &history, now).into_iter();
        due.filter(|one| one.starts_with("weekly")).collect::<Vec<_>>()
    };
    assert_eq!(weekly("2027-05-09T01:00:00Z"), ["weekly 2027-05-09T00:00:00Z 5w"]);
    assert_eq!(weekly("2027-05-12T01:00:00Z"), ["weekly 2027-05-12T00:00:00Z 5w"]);
}

#[test]
fn parts_of_a_day_go_by_the_clock_on_the_wall() {
    let spring = listed(
        "every 6 hours at 02:30 keep 7d",
        "Europe/Berlin",
        "2027-03-27T23:00:00Z",
        "2027-03-29T02:00:00Z",
    );
    assert_eq!(
        spring,
        [
            // 02:30 does not exist
            "03-28 03:30 +02:00",
            "03-28 08:30 +02:00",
            "03-28 14:30 +02:00",
            "03-28 20:30 +02:00",
            "03-29 02:30 +02:00",
        ]
    );
    let autumn = listed(
        "every 2 hours at 00:30 keep 7d",
        "Europe/Berlin",
        "2027-10-30T22:00:00Z",
        "2027-10-31T04:00:00Z",
    );
    // 02:30 is there twice, and the first one counts
    assert_eq!(
        autumn,
        ["10-31 00:30 +02:00", "10-31 02:30 +02:00", "10-31 04:30 +01:00"]
    );
    // a whole date that was skipped, with all its parts
    let apia = listed(
        "every 8 hours keep 7d",
        "Pacific/Apia",
        "2011-12-30T06:00:00Z",
        "2011-12-31T12:00:00Z",
    );
    assert_eq!(
        apia,
        [
            "12-31 00:00 +14:00",
            "12-31 08:00 +14:00",
            "12-31 16:00 +14:00",
            "01-01 00:00 +14:00",
        ]
    );
}

#[test]
fn parts_of_an_hour_pass_whatever_the_clock_says() {
    let night = listed(
        "every 30 minutes at :10 keep 1d",
        "Europe/Berlin",
        "2027-10-30T23:30:00Z",
        "2027-10-31T01:45:00Z",
    );
    assert_eq!(
        night,
        [
            "10-31 01:40 +02:00",
            "10-31 02:10 +02:00",
            "10-31 02:40 +02:00",
            "10-31 02:10 +01:00",
            "10-31 02:40 +01:00",
        ]
    );
}

#[test]
fn what_is_late_is_the_clause_that_waits_longest() {
    let schedule = schedule(TWO_DAILIES);
    let mut history = Vec::new();
    ran(&schedule, &mut history, "2027-05-05T14:30:00Z");
    ran(&schedule, &mut history, "2027-05-06T02:30:00Z");
    assert_eq!(schedule.late(&history, at("2027-05-06T17:30:00Z")), []);
    for now in ["2027-05-06T17:31:00Z", "2027-05-09T00:00:00Z"] {
        let late = schedule.late(&history, at(now));
        assert_eq!(late.len(), 1, "{late:?}");
        assert_eq!(late[0].due, at("2027-05-06T14:30:00Z"));
    }
}

/// A schedule with up to three clauses of each tier, kept for times.
fn any_schedule() -> impl Strategy<Value = String> {
    let keep = || select(&["6h", "24h", "3d", "7d", "5w", "2mo", "forever"][..]);
    let hourly = prop_oneof![
        (0..60).prop_map(|minute| format!("hourly at :{minute:02}")),
        (select(&[15, 20, 30][..]), 0..60).prop_map(|(n, at)| format!("every {n} minutes at :{:02}", at % n)),
        (select(&[2, 3, 4, 6, 8, 12][..]), 0..12, 0..60)
            .prop_map(|(n, hour, minute)| format!("every {n} hours at {:02}:{minute:02}", hour % n)),
    ];
    // more often at the hours at which clocks change
    let time = || (prop_oneof![0..24, 0..4], select(&[0, 30][..])).prop_map(|(h, m)| format!("{h:02}:{m:02}"));
    let daily = time().prop_map(|time| format!("daily at {time}"));
    let weekly =
        (select(&["mon", "fri", "sun"][..]), time()).prop_map(|(on, time)| format!("weekly on {on} at {time}"));
    let some = |clause: BoxedStrategy<String>| prop::collection::btree_map(clause, keep(), 0..=3);
    (some(hourly.boxed()), some(daily.boxed()), some(weekly.boxed()))
        .prop_filter("no clause", |(a, b, c)| a.len() + b.len() + c.len() > 0)
        .prop_map(|(a, b, c)| {
            let clauses = a.into_iter().chain(b).chain(c);
            let clauses: Vec<String> = clauses.map(|(when, keep)| format!("{when} keep {keep}")).collect();
            clauses.join(", ")
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each clause by itself: of each of its periods that a tick sees there is one good run, kept at least as long as
    /// the clause says; and no run is made for what has one.
    #[test]
    fn each_clause_has_its_own_backups(
        text in any_schedule(),
        name in select(&ZONES[..]),
        start in any_moment(),
        mut ticks in any_ticks(),
    ) {
        let zone = zone(name);
        // the same moments may be asked for twice
        let Ok(schedule) = Schedule::parse(&text, &zone) else { return Ok(()) };
        // of minutes there are many in a year
        for (pause, _) in &mut ticks {
            *pause = *pause % (3 * 24 * 60) + 1;
        }
        ticks.truncate(60);
        let end = start + minutes(ticks.iter().map(|(pause, _)| pause).sum());
        let model: Vec<BTreeSet<Timestamp>> =
            schedule.clauses().iter().map(|clause| moments(clause.when, &zone, start - minutes(14 * 24 * 60), end)).collect();
        let mut served: Vec<Option<Timestamp>> = vec![None; model.len()];
        let mut history: Vec<PastRun> = Vec::new();
        let mut now = start;
        for (pause, ends_well) in ticks {
            now += minutes(pause);
            let latest = |n: usize| *model[n].range(..=now).next_back().unwrap();
            let waiting: Vec<usize> = (0..model.len()).filter(|n| served[*n].is_none_or(|until| until < latest(*n))).collect();
            let mut expected: BTreeMap<Tier, (Timestamp, Vec<Retention>)> = BTreeMap::new();
            for n in &waiting {
                let clause = &schedule.clauses()[*n];
                let (due, keeps) = expected.entry(clause.tier()).or_insert((latest(*n), Vec::new()));
                *due = latest(*n).max(*due);
                keeps.push(clause.keep);
            }
            let due = schedule.due(&history, now);
            let told: Vec<_> = due.iter().map(|served| (served.tier, served.due)).collect();
            let wanted: Vec<_> = expected.iter().map(|(tier, (due, _))| (*tier, *due)).collect();
            prop_assert_eq!(told, wanted, "{} at {}", text, now);
            for one in &due {
                let ends = |keep: Retention| keep.expires(now);
                for keep in &expected[&one.tier].1 {
                    let longer = ends(one.retention).is_none() || ends(one.retention) >= ends(*keep) && ends(*keep).is_some();
                    prop_assert!(longer, "{} is kept {}", keep, one.retention);
                }
                prop_assert!(expected[&one.tier].1.contains(&one.retention), "kept for nobody's time");
            }
            let next = schedule.next_due(&history, now);
            prop_assert_eq!(next.is_some_and(|(_, at)| at == now), !due.is_empty());
            if due.is_empty() {
                continue;
            }
            let ended = if ends_well { RunEnd::Good } else { RunEnd::Failed };
            history.push(run(now, ended, due));
            if ends_well {
                waiting.iter().for_each(|n| served[*n] = Some(now));
                prop_assert_eq!(schedule.due(&history, now), []);
                prop_assert_eq!(schedule.late(&history, now), []);
            }
        }
    }

    #[test]
    fn the_canonical_text_is_the_same_schedule(text in any_schedule(), name in select(&ZONES[..])) {
        let zone = zone(name);
        let Ok(schedule) = Schedule::parse(&text, &zone) else { return Ok(()) };
        prop_assert_eq!(Schedule::parse(&schedule.to_string(), &zone), Ok(schedule));
    }
}
