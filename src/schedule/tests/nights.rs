use jiff::Timestamp;

use super::{at, good, minutes, moments, run, zone};
use crate::{
    backup::Tier,
    schedule::{PastRun, RunEnd, Schedule},
};

/// How many good runs there are, and what the first period of each is, when every minute between the two is a tick.
fn runs(schedule: &Schedule, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let mut history: Vec<PastRun> = Vec::new();
    let mut dues = Vec::new();
    let mut now = from;
    while now <= to {
        let due = schedule.due(&history, now);
        if let Some(first) = due.first() {
            dues.push(first.due);
            history.push(run(now, RunEnd::Good, due));
        }
        now += minutes(1);
    }
    dues
}

#[test]
fn a_time_leapt_over_comes_after_the_leap_and_one_that_comes_twice_counts_once() {
    assert_eq!(
        moments(
            "daily at 02:30 keep 7d",
            "Europe/Berlin",
            "2027-03-27T00:00Z",
            "2027-03-29T12:00Z"
        ),
        ["03-27 02:30 +01:00", "03-28 03:30 +02:00", "03-29 02:30 +02:00"]
    );
    assert_eq!(
        moments(
            "daily at 02:30 keep 7d",
            "Europe/Berlin",
            "2027-10-30T00:00Z",
            "2027-11-01T12:00Z"
        ),
        ["10-30 02:30 +02:00", "10-31 02:30 +02:00", "11-01 02:30 +01:00"]
    );
    assert_eq!(
        moments(
            "weekly on sun at 02:15 keep 7d",
            "America/New_York",
            "2027-03-08T00:00Z",
            "2027-03-22T00:00Z"
        ),
        ["03-14 03:15 -04:00", "03-21 02:15 -04:00"]
    );
    assert_eq!(
        moments(
            "monthly on 7 at 01:30 keep 7d",
            "America/New_York",
            "2027-10-08T00:00Z",
            "2027-12-08T00:00Z"
        ),
        ["11-07 01:30 -04:00", "12-07 01:30 -05:00"]
    );
}

#[test]
fn every_hour_that_passes_has_its_backup() {
    assert_eq!(
        moments(
            "hourly at :15 keep 24h",
            "Europe/Berlin",
            "2027-03-27T23:20Z",
            "2027-03-28T02:20Z"
        ),
        ["03-28 01:15 +01:00", "03-28 03:15 +02:00", "03-28 04:15 +02:00"]
    );
    assert_eq!(
        moments(
            "hourly at :15 keep 24h",
            "Europe/Berlin",
            "2027-10-30T23:20Z",
            "2027-10-31T02:20Z"
        ),
        ["10-31 02:15 +02:00", "10-31 02:15 +01:00", "10-31 03:15 +01:00"]
    );
}

#[test]
fn the_minute_is_the_wall_clocks() {
    assert_eq!(
        moments(
            "hourly at :10 keep 24h",
            "Asia/Kathmandu",
            "2027-01-01T00:00Z",
            "2027-01-01T02:00Z"
        ),
        ["01-01 06:10 +05:45", "01-01 07:10 +05:45"]
    );
    assert_eq!(
        moments(
            "hourly keep 24h",
            "Asia/Kolkata",
            "2027-01-01T00:00Z",
            "2027-01-01T02:00Z"
        ),
        ["01-01 06:00 +05:30", "01-01 07:00 +05:30"]
    );
    // before its standard time Amsterdam was 19 minutes and 32 seconds ahead
    assert_eq!(
        moments(
            "hourly keep 24h",
            "Europe/Amsterdam",
            "1900-01-01T00:00Z",
            "1900-01-01T01:00Z"
        )
        .len(),
        1
    );
}

#[test]
fn a_leap_of_half_an_hour_moves_the_minute_with_the_next_hour() {
    let of = |text, from, to| moments(text, "Australia/Lord_Howe", from, to);
    // 02:00 becomes 02:30 at 15:30Z
    assert_eq!(
        of("hourly at :15 keep 24h", "2027-10-02T14:00Z", "2027-10-02T17:00Z"),
        ["10-03 01:15 +10:30", "10-03 02:45 +11:00", "10-03 03:15 +11:00"]
    );
    assert_eq!(
        of("daily at 02:10 keep 7d", "2027-10-02T00:00Z", "2027-10-04T00:00Z"),
        ["10-03 02:40 +11:00", "10-04 02:10 +11:00"]
    );
    // 02:00 becomes 01:30 at 15:00Z
    assert_eq!(
        of("hourly at :45 keep 24h", "2027-04-03T14:00Z", "2027-04-03T17:00Z"),
        ["04-04 01:45 +11:00", "04-04 01:45 +10:30", "04-04 02:45 +10:30"]
    );
    assert_eq!(
        of("daily at 01:45 keep 7d", "2027-04-02T18:00Z", "2027-04-05T00:00Z"),
        ["04-04 01:45 +11:00", "04-05 01:45 +10:30"]
    );
}

#[test]
fn midnight_may_be_missing_or_come_twice() {
    assert_eq!(
        moments(
            "daily keep 7d",
            "America/Sao_Paulo",
            "2018-11-03T12:00Z",
            "2018-11-05T12:00Z"
        ),
        ["11-04 01:00 -02:00", "11-05 00:00 -02:00"]
    );
    assert_eq!(
        moments(
            "weekly on sunday keep 7d",
            "America/Sao_Paulo",
            "2018-11-03T12:00Z",
            "2018-11-11T12:00Z"
        ),
        ["11-04 01:00 -02:00", "11-11 00:00 -02:00"]
    );
    assert_eq!(
        moments(
            "daily at 23:30 keep 7d",
            "America/Sao_Paulo",
            "2019-02-16T12:00Z",
            "2019-02-18T12:00Z"
        ),
        ["02-16 23:30 -02:00", "02-17 23:30 -03:00"]
    );
    // 00:01 became 23:01 of the day before: the 29th has begun, and is not begun again
    assert_eq!(
        moments(
            "daily keep 7d",
            "America/St_Johns",
            "2006-10-28T12:00Z",
            "2006-10-30T12:00Z"
        ),
        ["10-29 00:00 -02:30", "10-30 00:00 -03:30"]
    );
}

#[test]
fn a_moment_may_lie_outside_its_date() {
    // 00:01 became 23:01 of the day before: there the next date's moment is over already
    let newfoundland = zone("America/St_Johns");
    let daily = Schedule::parse("daily keep 7d", &newfoundland).unwrap();
    let when = daily.clauses()[0].when;
    let again = at("2006-10-29T03:00Z");
    assert_eq!(newfoundland.to_datetime(again).date().day(), 28);
    let latest = Some(at("2006-10-29T02:30Z"));
    assert_eq!(when.latest(&newfoundland, again), latest);
    // 23:30 became 00:30 of the next day, into which the moment of the date before is pushed
    let moments = moments(
        "daily at 23:50 keep 7d",
        "America/Toronto",
        "1919-03-31T04:35Z",
        "1919-04-01T12:00Z",
    );
    assert_eq!(moments, ["03-31 00:50 -04:00", "03-31 23:50 -04:00"]);
}

#[test]
fn two_dates_with_one_moment_share_one_run() {
    let schedule = Schedule::parse("daily at 02:30 keep 7d", &zone("Pacific/Apia")).unwrap();
    let dues = runs(&schedule, at("2011-12-29T11:00Z"), at("2012-01-01T11:00Z"));
    assert_eq!(dues.len(), 4, "{dues:?}");
}

#[test]
fn a_tick_every_minute_of_such_a_night_makes_each_backup_once() {
    for (name, from) in [
        ("Europe/Berlin", "2027-03-27T12:00Z"),
        ("Europe/Berlin", "2027-10-30T12:00Z"),
        ("America/New_York", "2027-03-13T18:00Z"),
        ("America/New_York", "2027-11-06T18:00Z"),
        ("America/St_Johns", "2006-10-28T12:00Z"),
        ("Australia/Lord_Howe", "2027-04-03T06:00Z"),
        ("Australia/Lord_Howe", "2027-10-02T06:00Z"),
    ] {
        let (from, to) = (at(from), at(from) + minutes(24 * 60 - 1));
        let hourly = Schedule::parse("hourly at :20 keep 24h", &zone(name)).unwrap();
        // the first tick serves the hour that was under way
        let hours = runs(&hourly, from, to).len();
        assert!((24..=25).contains(&hours), "{name}: {hours} hours");
        for time in ["00:00", "00:30", "01:15", "01:45", "02:00", "02:30", "03:00"] {
            let text = format!("daily at {time} keep 7d");
            let daily = Schedule::parse(&text, &zone(name)).unwrap();
            assert_eq!(runs(&daily, from, to).len(), 2, "{name} {time}");
        }
    }
}

#[test]
fn another_zone_repeats_a_backup_once_at_most() {
    let history = [good("2027-05-05T00:30:00Z", &[Tier::Daily])];
    let text = "daily at 02:30 keep 7d";
    let west = Schedule::parse(text, &zone("America/New_York")).unwrap();
    assert!(west.due(&history, at("2027-05-05T05:00Z")).is_empty());
    assert_eq!(west.due(&history, at("2027-05-05T06:30Z")).len(), 1);
    let east = Schedule::parse(text, &zone("Asia/Tokyo")).unwrap();
    assert!(east.due(&history, at("2027-05-05T05:00Z")).is_empty());
}
