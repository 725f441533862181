use super::{at, failed, good, minutes, schedule};
use crate::{
    backup::{LateTier, Tier},
    schedule::{PastRun, late_by_habit},
};

fn late(text: &str, history: &[PastRun], now: &str) -> Vec<LateTier> {
    schedule(text).late(history, at(now))
}

#[test]
fn a_tier_is_late_when_its_grace_is_over() {
    let last = "2027-05-05T02:30:00Z";
    let history = [good(last, &[Tier::Hourly, Tier::Daily, Tier::Weekly])];
    for (text, due, over) in [
        ("hourly keep 24h", "2027-05-05T03:00:00Z", "2027-05-05T04:00:00Z"),
        ("daily at 02:30 keep 7d", "2027-05-06T02:30:00Z", "2027-05-06T05:30:00Z"),
        (
            "weekly on fri at 02:30 keep 7d",
            "2027-05-07T02:30:00Z",
            "2027-05-07T08:30:00Z",
        ),
    ] {
        let one = schedule(text);
        assert_eq!(one.late(&history, at(over)), [], "{text}");
        let expected = LateTier {
            tier: one.clauses()[0].tier(),
            due: at(due),
            newest: Some(at(last)),
        };
        assert_eq!(one.late(&history, at(over) + minutes(1)), [expected]);
        // it stays the same alarm for as long as nothing is done
        assert_eq!(one.late(&history, at(over) + minutes(60 * 24 * 40)), [expected]);
    }
}

#[test]
fn a_backup_that_takes_long_has_twice_that_time() {
    let mut slow = good("2027-05-05T02:30:00Z", &[Tier::Hourly]);
    slow.finished = at("2027-05-05T04:30:00Z");
    // the newest one tells, not those before it
    let quick = good("2027-05-05T01:30:00Z", &[Tier::Hourly]);
    let history = [quick, slow];
    assert_eq!(late("hourly keep 24h", &history, "2027-05-05T07:00:00Z"), []);
    assert_eq!(late("hourly keep 24h", &history, "2027-05-05T07:01:00Z").len(), 1);
}

#[test]
fn a_database_without_a_good_backup_is_late_from_its_oldest_run_on() {
    let none = LateTier {
        tier: Tier::Hourly,
        due: at("2027-05-05T10:00:00Z"),
        newest: None,
    };
    assert_eq!(late("hourly keep 24h", &[], "2027-05-05T10:20:00Z"), [none]);
    let history = [failed("2027-05-05T11:30:00Z"), failed("2027-05-05T10:20:00Z")];
    assert_eq!(late("hourly keep 24h", &history, "2027-05-05T11:20:00Z"), []);
    assert_eq!(late("hourly keep 24h", &history, "2027-05-05T11:21:00Z"), [none]);
    // the same alarm an hour later
    assert_eq!(late("hourly keep 24h", &history, "2027-05-05T12:21:00Z"), [none]);
    // what is dated ahead is no history
    let ahead = failed("2099-05-05T11:30:00Z");
    assert_eq!(late("hourly keep 24h", &[ahead], "2027-05-05T10:20:00Z"), [none]);
}

#[test]
fn a_tier_that_was_added_has_its_grace() {
    let text = "daily at 02:30 keep 7d, yearly keep 7y";
    let history = [good("2027-05-05T02:30:00Z", &[Tier::Daily])];
    assert_eq!(late(text, &history, "2027-05-05T08:30:00Z"), []);
    let expected = LateTier {
        tier: Tier::Yearly,
        due: at("2027-01-01T02:30:00Z"),
        newest: None,
    };
    assert_eq!(late(text, &history, "2027-05-05T08:31:00Z"), [expected]);
    // a run that a person asked for would not have served it, and says nothing
    let mut more = history.to_vec();
    more.push(good("2027-05-05T08:00:00Z", &[Tier::Manual]));
    assert_eq!(late(text, &more, "2027-05-05T08:31:00Z"), [expected]);
}

#[test]
fn without_a_schedule_habit_tells_what_is_late() {
    let habit = |history: &[PastRun], now: &str| late_by_habit(history, at(now));
    let day = good("2027-05-05T02:30:00Z", &[Tier::Daily, Tier::Weekly]);
    let (one, due) = (std::slice::from_ref(&day), at("2027-05-06T03:30:00Z"));
    assert_eq!(habit(one, "2027-05-06T06:30:00Z"), None);
    let expected = LateTier {
        tier: Tier::Daily,
        due,
        newest: Some(day.started),
    };
    assert_eq!(habit(one, "2027-05-06T06:31:00Z"), Some(expected));
    // the newest one is the habit: hourly ones since, or none any more
    let hour = good("2027-05-05T12:00:00Z", &[Tier::Hourly]);
    let both = [day.clone(), hour.clone()];
    assert_eq!(habit(&both, "2027-05-05T14:00:00Z"), None);
    assert_eq!(
        habit(&both, "2027-05-05T14:01:00Z").map(|late| late.tier),
        Some(Tier::Hourly)
    );
    // what a person asked for is no habit
    let manual = good("2027-05-05T12:00:00Z", &[Tier::Manual]);
    assert_eq!(habit(&[manual], "2030-01-01T00:00:00Z"), None);
}

#[test]
fn a_habit_of_parts_of_a_day_is_told_by_the_newest_runs() {
    let every = |hours: i64, count: i64| -> Vec<PastRun> {
        let last = at("2027-05-05T18:00:00Z");
        let started = (0..count).map(|n| (last - minutes(n * hours * 60)).to_string());
        started.map(|started| good(&started, &[Tier::Hourly])).collect()
    };
    let is_late = |history: &[PastRun], now: &str| late_by_habit(history, at(now)).is_some();
    assert!(!is_late(&every(6, 4), "2027-05-06T01:00:00Z"));
    assert!(is_late(&every(6, 4), "2027-05-06T01:01:00Z"));
    assert!(is_late(&every(1, 4), "2027-05-05T20:01:00Z"));
    // an outage is no habit, and neither is one that is longer than half a day
    let mut outage = every(1, 4);
    outage.extend(every(100, 2));
    assert!(is_late(&outage, "2027-05-05T20:01:00Z"));
    assert!(is_late(&every(100, 2), "2027-05-06T08:01:00Z"));
}
