use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};
use proptest::{prelude::*, sample::select};

use super::{minutes, run, zone};
use crate::{
    backup::Tier,
    schedule::{PastRun, Recurrence, RunEnd, Schedule},
};

pub(super) const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
];

const KEEPS: [&str; 7] = ["24h", "7d", "5w", "12mo", "7y", "forever", "30"];

/// A clause, its words in any order and case.
fn clause(tier: &'static str, on: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let every: Option<i32> = tier.split(' ').nth(1).map(|number| number.parse().unwrap());
    let (hourly, minutes) = (tier == "hourly", tier.ends_with("minutes"));
    // more often at the hours at which clocks change
    let hour = prop_oneof![0..24, 0..4];
    let minute = prop_oneof![0..60, Just(0), Just(30)];
    let at = (hour, minute).prop_map(move |(hour, minute)| match every {
        Some(every) if minutes => format!("at :{:02}", minute % every),
        Some(every) => format!("at {:02}:{minute:02}", hour % every),
        None if hourly => format!("at :{minute:02}"),
        None => format!("at {hour:02}:{minute:02}"),
    });
    // what comes every few minutes is kept for a time
    let keeps = if minutes { &KEEPS[..6] } else { &KEEPS[..] };
    let words = (prop::option::of(at), on, select(keeps), any::<bool>());
    words
        .prop_flat_map(|(at, on, keep, upper)| {
            let words = vec![at.unwrap_or_default(), on, format!("keep {keep}")];
            (Just(words).prop_shuffle(), Just(upper))
        })
        .prop_map(move |(words, upper)| {
            let text = format!("{tier} {}", words.join(" "));
            if upper { text.to_uppercase() } else { text }
        })
        .boxed()
}

fn any_schedule() -> impl Strategy<Value = String> {
    let weekday = prop_oneof![
        Just(String::new()),
        select(&["on mon", "on friday", "on sun"][..]).prop_map(str::to_owned)
    ];
    let day = prop_oneof![Just("on last".to_owned()), (1..=31).prop_map(|day| format!("on {day}"))];
    let date = prop_oneof![
        Just("on 29 feb".to_owned()),
        (1..=12, 1..=28).prop_map(|(month, day)| format!("on {month:02}-{day:02}")),
    ];
    let nothing = || Just(String::new()).boxed();
    let clauses = vec![
        prop_oneof![
            4 => clause("hourly", nothing()),
            1 => clause("every 15 minutes", nothing()),
            1 => clause("every 30 minutes", nothing()),
            1 => clause("every 2 hours", nothing()),
            2 => clause("every 6 hours", nothing()),
            1 => clause("every 12 hours", nothing()),
        ]
        .boxed(),
        clause("daily", nothing()),
        clause("weekly", weekday.boxed()),
        clause("monthly", day.boxed()),
        clause("yearly", date.boxed()),
    ];
    (
        clauses,
        prop::sample::subsequence(vec![0, 1, 2, 3, 4], 1..=5).prop_shuffle(),
    )
        .prop_map(|(clauses, chosen)| {
            let chosen: Vec<_> = chosen.into_iter().map(|n| clauses[n].clone()).collect();
            chosen.join(", ")
        })
}

pub(super) fn any_moment() -> impl Strategy<Value = Timestamp> {
    let years = 2005 - 1970..2035 - 1970_i64;
    let anywhere = (years, 0..366 * 86400_i64).prop_map(|(year, second)| year * 31_556_952 + second);
    // before Apia's lost day, and before a half-hour change on Lord Howe Island
    let nights = select(&[1_325_000_000_i64, 1_822_400_000][..]);
    prop_oneof![4 => anywhere, 1 => nights].prop_map(|second| Timestamp::from_second(second).unwrap())
}

/// Pauses between ticks in minutes, and whether the run that a tick may begin is a good one.
pub(super) fn any_ticks() -> impl Strategy<Value = Vec<(i64, bool)>> {
    let pause = prop_oneof![
        4 => 1..90_i64,
        4 => 90..48 * 60_i64,
        1 => 48 * 60..60 * 24 * 60_i64,
    ];
    prop::collection::vec((pause, prop::bool::weighted(0.8)), 1..120)
}

/// The rule for dates, found by looking at every date: shares nothing with the calendar's arithmetic.
pub(super) fn moments(when: Recurrence, zone: &TimeZone, from: Timestamp, to: Timestamp) -> BTreeSet<Timestamp> {
    let first: Date = zone.to_datetime(from).date() - 400.days();
    let last: Date = zone.to_datetime(to).date() + 400.days();
    let chosen = |date: &Date| match when {
        Recurrence::Minutes { .. } | Recurrence::Hourly { .. } => false,
        Recurrence::Hours { .. } | Recurrence::Daily { .. } => true,
        Recurrence::Weekly { on, .. } => date.weekday() == on,
        Recurrence::Monthly { day, .. } => date.day() == day || (date.day() < day && *date == date.last_of_month()),
        Recurrence::Yearly { month, day, .. } => {
            let short = day == 29 && date.day() == 28 && !date.in_leap_year();
            date.month() == month && (date.day() == day || short)
        }
    };
    let ats = match when {
        Recurrence::Minutes { .. } | Recurrence::Hourly { .. } => return hours(when, zone, from, to),
        Recurrence::Hours { every, first } => (0..24 / every)
            .map(|n| Time::constant(first.hour() + n * every, first.minute(), 0, 0))
            .collect(),
        Recurrence::Daily { at } | Recurrence::Weekly { at, .. } => vec![at],
        Recurrence::Monthly { at, .. } | Recurrence::Yearly { at, .. } => vec![at],
    };
    first
        .series(1.day())
        .take_while(|date| *date <= last)
        .filter(chosen)
        .flat_map(|date| ats.iter().map(move |at| date.to_datetime(*at)))
        .map(|civil| zone.to_zoned(civil).unwrap().timestamp())
        .collect()
}

/// The moment of every hour, or of every part of one, found by looking at every minute of it.
fn hours(when: Recurrence, zone: &TimeZone, from: Timestamp, to: Timestamp) -> BTreeSet<Timestamp> {
    let (length, minute) = match when {
        Recurrence::Hourly { minute } => (60, minute),
        Recurrence::Minutes { every, first } => (every, first),
        _ => return BTreeSet::new(),
    };
    let seconds = i64::from(length) * 60;
    let part = |n: i64| {
        let start = Timestamp::from_second(n * seconds).unwrap();
        let offset = zone.to_offset(start);
        (0..length.into())
            .map(|n| start + minutes(n))
            .find(|&at| offset.to_datetime(at).minute() % length == minute)
            .unwrap()
    };
    let range = from.as_second() / seconds - 3..to.as_second() / seconds + 3;
    range.map(part).collect()
}

fn of(tier: Tier, history: &[PastRun]) -> Vec<Timestamp> {
    let serving = history.iter().filter(|run| run.ended == RunEnd::Good);
    let served = serving.flat_map(|run| &run.serves);
    served.filter(|s| s.tier == tier).map(|s| s.due).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_period_that_a_tick_sees_has_one_good_run(
        text in any_schedule(),
        name in select(&ZONES[..]),
        start in any_moment(),
        ticks in any_ticks(),
    ) {
        let zone = zone(name);
        let schedule = Schedule::parse(&text, &zone).unwrap();
        let total: i64 = ticks.iter().map(|(pause, _)| pause).sum();
        let end = start + minutes(total);
        // hours are looked at singly elsewhere; here they would be most of the time
        let dated = schedule.clauses().iter().filter(|c| c.tier() > Tier::Hourly || total < 60 * 24 * 30);
        let model: BTreeMap<Tier, BTreeSet<Timestamp>> =
            dated.map(|c| (c.tier(), moments(c.when, &zone, start, end))).collect();
        let mut seen: BTreeMap<Tier, BTreeSet<Timestamp>> = BTreeMap::new();
        let mut history: Vec<PastRun> = Vec::new();
        let mut now = start;
        for (pause, ends_well) in ticks {
            now += minutes(pause);
            let due = schedule.due(&history, now);
            let next = schedule.next_due(&history, now);
            let late = schedule.late(&history, now);
            prop_assert!(late.iter().all(|late| due.iter().any(|due| due.tier == late.tier)));
            prop_assert_eq!(next.is_some_and(|(_, at)| at == now), !due.is_empty());
            if due.is_empty() && model.len() == schedule.clauses().len() {
                let coming = model.values().filter_map(|all| all.range(now..).find(|&&at| at > now));
                prop_assert_eq!(next.map(|(_, at)| at), coming.min().copied());
            }
            let mut other_order = history.clone();
            other_order.reverse();
            prop_assert_eq!(&schedule.due(&other_order, now), &due);
            prop_assert_eq!(schedule.late(&other_order, now), late);
            for (tier, all) in &model {
                let latest = *all.range(..=now).next_back().unwrap();
                let done = seen.get(tier).is_some_and(|seen| seen.contains(&latest));
                let told = due.iter().find(|due| due.tier == *tier).map(|due| due.due);
                prop_assert_eq!(told, (!done).then_some(latest), "{} at {}", tier, now);
                if ends_well {
                    seen.entry(*tier).or_default().insert(latest);
                }
            }
            if !due.is_empty() {
                let ended = if ends_well { RunEnd::Good } else { RunEnd::Failed };
                history.push(run(now, ended, due));
            }
        }
        for clause in schedule.clauses() {
            let dues = of(clause.tier(), &history);
            prop_assert!(dues.windows(2).all(|two| two[0] < two[1]), "{dues:?}");
        }
    }

    #[test]
    fn a_clock_that_leapt_and_was_put_back_changes_nothing(
        text in any_schedule(),
        name in select(&ZONES[..]),
        start in any_moment(),
        ticks in any_ticks(),
        leap_minutes in 30..60 * 24 * 3000_i64,
    ) {
        let schedule = Schedule::parse(&text, &zone(name)).unwrap();
        let ahead = start + minutes(leap_minutes);
        let wrong = run(ahead, RunEnd::Good, schedule.due(&[], ahead));
        let failed = run(ahead, RunEnd::Failed, Vec::new());
        let mut history: Vec<PastRun> = Vec::new();
        let mut now = start;
        for (pause, _) in ticks {
            let mut disturbed = history.clone();
            disturbed.extend([wrong.clone(), failed.clone()]);
            prop_assert_eq!(schedule.due(&disturbed, now), schedule.due(&history, now));
            prop_assert_eq!(schedule.next_due(&disturbed, now), schedule.next_due(&history, now));
            prop_assert_eq!(schedule.late(&disturbed, now), schedule.late(&history, now));
            prop_assert_eq!(schedule.not_before(&disturbed, now), None);
            let due = schedule.due(&disturbed, now);
            if !due.is_empty() {
                history.push(run(now, RunEnd::Good, due));
            }
            now += minutes(pause);
            if now + minutes(15) >= ahead {
                break;
            }
        }
    }

    #[test]
    fn each_hour_has_one_moment(
        minute in 0..60,
        name in select(&ZONES[..]),
        start in any_moment(),
    ) {
        let zone = zone(name);
        let schedule = Schedule::parse(&format!("hourly at :{minute:02} keep 24h"), &zone).unwrap();
        let when = schedule.clauses()[0].when;
        let end = start + SignedDuration::from_hours(20 * 24);
        let mut expected = hours(when, &zone, start, end);
        expected.retain(|&at| at > start);
        let mut now = start;
        for moment in expected {
            prop_assert_eq!(when.next(&zone, now), Some(moment));
            prop_assert_eq!(when.latest(&zone, moment), Some(moment));
            let wall = zone.to_datetime(moment);
            let steady = zone.to_offset(moment) == zone.to_offset(moment - minutes(59));
            prop_assert!(i32::from(wall.minute()) == minute || !steady, "{}", wall);
            now = moment;
        }
    }

    #[test]
    fn the_canonical_text_is_the_same_schedule(text in any_schedule(), name in select(&ZONES[..])) {
        let zone = zone(name);
        let schedule = Schedule::parse(&text, &zone).unwrap();
        let written = schedule.to_string();
        prop_assert_eq!(Schedule::parse(&written, &zone), Ok(schedule.clone()));
        prop_assert_eq!(Schedule::parse(&written.to_uppercase(), &zone), Ok(schedule));
    }

    #[test]
    fn any_text_is_a_schedule_or_has_faults_and_a_cure(
        words in prop::collection::vec(
            prop_oneof![
                select(&["daily", "weekly", "monthly", "yearly", "hourly", "manual", ",", "at", "on", "keep"][..])
                    .prop_map(str::to_owned),
                select(&["7d", "02:30", ":15", "31", "last", "march", "02-30", "sun", "forever"][..]).prop_map(str::to_owned),
                "\\PC{0,4}",
            ],
            0..16,
        ),
    ) {
        match Schedule::parse(&words.join(" "), &TimeZone::UTC) {
            Ok(schedule) => prop_assert!(!schedule.clauses().is_empty()),
            Err(error) => {
                prop_assert!(!error.faults.is_empty() && !error.to_string().is_empty());
                prop_assert!(error.faults.iter().all(|fault| fault.hint().is_some()));
            }
        }
    }
}
