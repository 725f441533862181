use jiff::Timestamp;

use super::{at, due_tiers, failed, good, minutes, run, schedule};
use crate::{
    backup::{Record, Retention, Served, Tier},
    schedule::{PastRun, RunEnd},
};

const ALL: &str = "hourly keep 24h, daily at 02:30 keep 7d, weekly keep 5w, monthly keep 12mo, yearly keep 7y";

#[test]
fn everything_is_due_before_the_first_run_and_one_backup_serves_it() {
    let schedule = schedule(ALL);
    let now = "2027-05-05T10:20:00Z";
    let due = schedule.due(&[], at(now));
    let told: Vec<String> = due
        .iter()
        .map(|served| format!("{} {} {}", served.tier, served.due, served.retention))
        .collect();
    assert_eq!(
        told,
        [
            "hourly 2027-05-05T10:00:00Z 24h",
            "daily 2027-05-05T02:30:00Z 7d",
            "weekly 2027-05-02T02:30:00Z 5w",
            "monthly 2027-05-01T02:30:00Z 12mo",
            "yearly 2027-01-01T02:30:00Z 7y",
        ]
    );
    assert_eq!(schedule.next_due(&[], at(now)), Some((Tier::Yearly, at(now))));
    let history = [run(at(now), RunEnd::Good, due)];
    assert!(schedule.due(&history, at("2027-05-05T10:59:59Z")).is_empty());
    assert_eq!(
        schedule.next_due(&history, at("2027-05-05T10:59:59Z")),
        Some((Tier::Hourly, at("2027-05-05T11:00:00Z")))
    );
}

#[test]
fn of_what_falls_due_together_the_highest_is_told() {
    let schedule = schedule("daily at 02:30 keep 7d, weekly keep 5w");
    let history = [good("2027-05-08T02:30:00Z", &[Tier::Daily, Tier::Weekly])];
    assert_eq!(
        schedule.next_due(&history, at("2027-05-08T03:00:00Z")),
        Some((Tier::Weekly, at("2027-05-09T02:30:00Z")))
    );
}

#[test]
fn an_outage_of_weeks_is_caught_up_once() {
    let schedule = schedule("daily at 02:30 keep 7d, weekly keep 5w");
    let mut history = vec![good("2027-04-01T02:30:00Z", &[Tier::Daily, Tier::Weekly])];
    let now = at("2027-05-05T10:20:00Z");
    let due = schedule.due(&history, now);
    assert_eq!(due.len(), 2);
    assert_eq!(due[0].due, at("2027-05-05T02:30:00Z"));
    history.push(run(now, RunEnd::Good, due));
    assert!(due_tiers(&schedule, &history, "2027-05-05T10:30:00Z").is_empty());
}

#[test]
fn only_a_good_run_for_the_tier_serves_it() {
    let schedule = schedule("daily at 02:30 keep 7d");
    let now = "2027-05-05T10:00:00Z";
    let daily = good("2027-05-05T02:30:00Z", &[Tier::Daily]);
    assert!(due_tiers(&schedule, std::slice::from_ref(&daily), now).is_empty());
    for ended in [RunEnd::Failed, RunEnd::Interrupted] {
        let run = PastRun { ended, ..daily.clone() };
        assert_eq!(due_tiers(&schedule, &[run], now), [Tier::Daily], "{ended:?}");
    }
    for tiers in [&[][..], &[Tier::Manual], &[Tier::Hourly], &[Tier::Weekly]] {
        let run = good("2027-05-05T02:30:00Z", tiers);
        assert_eq!(due_tiers(&schedule, &[run], now), [Tier::Daily], "{tiers:?}");
    }
}

#[test]
fn a_run_that_began_after_the_next_period_serves_that_too() {
    let schedule = schedule("hourly keep 24h");
    let served = Served {
        tier: Tier::Hourly,
        due: at("2027-05-05T10:00:00Z"),
        retention: Retention::Hours(24),
    };
    let history = [run(at("2027-05-05T11:00:05Z"), RunEnd::Good, vec![served])];
    assert!(schedule.due(&history, at("2027-05-05T11:30:00Z")).is_empty());
    // by a clock a few seconds behind it began before its due moment, and is not repeated for that
    let history = [run(at("2027-05-05T09:59:55Z"), RunEnd::Good, vec![served])];
    assert!(schedule.due(&history, at("2027-05-05T10:00:10Z")).is_empty());
}

#[test]
fn an_edited_schedule_neither_repeats_nor_forgets() {
    let history = [good("2027-05-05T02:30:00Z", &[Tier::Daily])];
    let earlier = schedule("daily at 01:00 keep 7d");
    assert!(due_tiers(&earlier, &history, "2027-05-05T10:00:00Z").is_empty());
    assert_eq!(due_tiers(&earlier, &history, "2027-05-06T01:00:00Z"), [Tier::Daily]);
    let later = schedule("daily at 09:00 keep 7d");
    assert!(due_tiers(&later, &history, "2027-05-05T08:59:00Z").is_empty());
    assert_eq!(due_tiers(&later, &history, "2027-05-05T09:00:00Z"), [Tier::Daily]);
    let added = schedule("daily at 02:30 keep 7d, yearly keep 7y");
    assert_eq!(due_tiers(&added, &history, "2027-05-05T10:00:00Z"), [Tier::Yearly]);
    let removed = schedule("weekly keep 5w");
    assert_eq!(due_tiers(&removed, &history, "2027-05-05T10:00:00Z"), [Tier::Weekly]);
}

#[test]
fn a_clock_that_was_ahead_does_not_silence_the_schedule() {
    let schedule = schedule("daily at 02:30 keep 7d");
    let today = good("2027-05-05T02:30:00Z", &[Tier::Daily]);
    let ahead = good("2099-01-01T02:30:00Z", &[Tier::Daily]);
    let history = [ahead, today];
    assert!(due_tiers(&schedule, &history, "2027-05-05T10:00:00Z").is_empty());
    assert_eq!(due_tiers(&schedule, &history, "2027-05-06T02:30:00Z"), [Tier::Daily]);
    // put back while the run was under way: the due moment alone is of the wrong clock
    let mut odd = good("2027-05-05T02:30:00Z", &[Tier::Daily]);
    odd.serves[0].due = at("2099-01-01T02:30:00Z");
    assert!(due_tiers(&schedule, &[odd.clone()], "2027-05-05T10:00:00Z").is_empty());
    assert_eq!(due_tiers(&schedule, &[odd], "2027-05-06T02:30:00Z"), [Tier::Daily]);
    // a few minutes are the difference between two machines
    let soon = good("2027-05-06T02:31:00Z", &[Tier::Daily]);
    let next = schedule.next_due(std::slice::from_ref(&soon), at("2027-05-06T02:29:00Z"));
    assert_eq!(next, Some((Tier::Daily, at("2027-05-07T02:30:00Z"))));
    assert!(due_tiers(&schedule, &[soon], "2027-05-06T02:30:00Z").is_empty());
}

fn pause_end(history: &[PastRun], now: &str) -> Option<Timestamp> {
    schedule(ALL).not_before(history, at(now))
}

#[test]
fn the_pause_grows_with_each_failure_up_to_six_hours() {
    let mut history = vec![good("2027-05-04T00:00:00Z", &[Tier::Daily])];
    assert_eq!(pause_end(&history, "2027-05-04T00:10:00Z"), None);
    let mut now = at("2027-05-05T00:00:00Z");
    for expected_minutes in [5, 10, 20, 40, 80, 160, 320, 360, 360] {
        history.insert(0, run(now, RunEnd::Failed, Vec::new()));
        let finished = now + minutes(10);
        let end = finished + minutes(expected_minutes);
        assert_eq!(schedule(ALL).not_before(&history, finished), Some(end));
        assert_eq!(schedule(ALL).not_before(&history, end), None);
        now = end;
    }
    history.extend((0..200).map(|n| run(now + minutes(n), RunEnd::Failed, Vec::new())));
    now += minutes(210);
    assert!(schedule(ALL).not_before(&history, now).unwrap() <= now + minutes(360));
}

/// Somebody who tries settings in the evening must not keep the night's backup from being made.
#[test]
fn what_fails_by_hand_makes_no_schedule_wait() {
    let now = at("2027-05-05T00:00:00Z");
    let by_hand = |n: i64| {
        let started = now + minutes(n);
        let served = Served {
            tier: Tier::Manual,
            due: started,
            retention: Retention::Days(90),
        };
        run(started, RunEnd::Failed, vec![served])
    };
    let mut history: Vec<PastRun> = (0..6).map(by_hand).collect();
    assert_eq!(schedule(ALL).not_before(&history, now + minutes(16)), None);
    history.push(run(now, RunEnd::Failed, Vec::new()));
    assert_eq!(
        schedule(ALL).not_before(&history, now + minutes(11)),
        Some(now + minutes(15))
    );
}

#[test]
fn a_pause_counts_where_something_waits_for_it() {
    let schedule = schedule("hourly keep 1d");
    let served = good("2027-05-05T10:01:00Z", &[Tier::Hourly]);
    let history = |failures: i64| {
        let mut history = vec![served.clone()];
        let failed = |n| run(at("2027-05-05T10:20:00Z") + minutes(n), RunEnd::Failed, Vec::new());
        history.extend((0..failures).map(failed));
        history
    };
    let waits = |failures, now| schedule.waits_until(&history(failures), at(now));
    // it would end before the next one falls due
    assert!(schedule.not_before(&history(2), at("2027-05-05T10:32:00Z")).is_some());
    assert_eq!(waits(2, "2027-05-05T10:32:00Z"), None);
    // that one falls due in it
    let end = schedule.not_before(&history(5), at("2027-05-05T10:40:00Z"));
    assert!(end > Some(at("2027-05-05T11:00:00Z")));
    for now in ["2027-05-05T10:40:00Z", "2027-05-05T11:10:00Z"] {
        assert_eq!(waits(5, now), end);
    }
    // something was due all the time
    let due = [
        good("2027-05-05T08:01:00Z", &[Tier::Hourly]),
        failed("2027-05-05T10:20:00Z"),
    ];
    let now = at("2027-05-05T10:31:00Z");
    assert_eq!(schedule.waits_until(&due, now), schedule.not_before(&due, now));
}

#[test]
fn a_good_run_ends_the_count_of_failures() {
    let history = [
        failed("2027-05-05T00:00:00Z"),
        failed("2027-05-05T00:20:00Z"),
        good("2027-05-05T01:00:00Z", &[Tier::Manual]),
    ];
    assert_eq!(pause_end(&history, "2027-05-05T00:55:00Z"), None);
    assert_eq!(
        pause_end(&history[..2], "2027-05-05T00:31:00Z"),
        Some(at("2027-05-05T00:40:00Z"))
    );
    let mut more = history.to_vec();
    more.push(failed("2027-05-05T02:00:00Z"));
    assert_eq!(
        pause_end(&more, "2027-05-05T02:11:00Z"),
        Some(at("2027-05-05T02:15:00Z"))
    );
}

#[test]
fn what_a_signal_ended_and_what_is_dated_ahead_is_no_failure() {
    let interrupted = run(at("2027-05-05T00:00:00Z"), RunEnd::Interrupted, Vec::new());
    assert_eq!(pause_end(&[interrupted], "2027-05-05T00:11:00Z"), None);
    let ahead = failed("2099-05-05T00:00:00Z");
    assert_eq!(pause_end(&[ahead], "2027-05-05T00:11:00Z"), None);
    // its end alone is dated ahead: the pause begins with its beginning
    let mut odd = failed("2027-05-05T00:00:00Z");
    odd.finished = at("2099-05-05T00:00:00Z");
    assert_eq!(
        pause_end(&[odd], "2027-05-05T00:04:00Z"),
        Some(at("2027-05-05T00:05:00Z"))
    );
}

#[test]
fn the_calendars_ends_are_no_danger() {
    let schedule = schedule(ALL);
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    let ended = run(last - minutes(10), RunEnd::Failed, Vec::new());
    for history in [&[][..], &[ended]] {
        assert_eq!(schedule.due(history, first), []);
        assert_eq!(schedule.late(history, first), []);
        assert_eq!(schedule.due(history, last).len(), 5);
        assert_eq!(schedule.next_due(history, last), Some((Tier::Yearly, last)));
        assert_eq!(schedule.not_before(history, first), None);
        assert_eq!(schedule.not_before(history, last), None);
    }
    let all_served = schedule.due(&[], last);
    let history = [run(last - minutes(10), RunEnd::Good, all_served)];
    assert_eq!(schedule.next_due(&history, last), None);
    assert_eq!(schedule.late(&history, last), []);
}

fn record(status: &str) -> PastRun {
    let record = format!(
        r#"{{"version": 1, "repository": "c0ffee00112233445566778899aabbcc", "id": "20270505T023000Z-aaaaaaaaaaaa", "database": "main", "tier": "daily", "retention": "7d",
        "expires": null, "started": "2027-05-05T02:30:00Z", "finished": "2027-05-05T02:40:00Z", "agent": "0.1.0", "source": null, {status}}}"#
    );
    PastRun::from(&Record::from_json(record.as_bytes()).unwrap())
}

#[test]
fn a_record_tells_how_its_run_ended_and_what_it_serves() {
    let sealed = r#""sealed": {"objects": [{"key": "k", "bytes": 1, "sha256": "", "crc64nvme": "", "etag": null}], "dump_bytes": 1, "part_bytes": 1,
        "compression": {"algorithm": "none", "level": 0, "chunk_bytes": 1}}"#;
    let good_one = record(&format!(r#""status": "succeeded", {sealed}"#));
    // a record from before tiers were told one by one serves the tier it stands under
    assert_eq!(good_one, good("2027-05-05T02:30:00Z", &[Tier::Daily]));
    assert_eq!(record(r#""status": "succeeded", "sealed": null"#).ended, RunEnd::Failed);
    for (exit_status, ended) in [
        (1, RunEnd::Failed),
        (4, RunEnd::Failed),
        (130, RunEnd::Interrupted),
        (143, RunEnd::Interrupted),
    ] {
        let failure = format!(r#""status": "failed", "exit_status": {exit_status}, "sealed": null"#);
        assert_eq!(record(&failure).ended, ended, "{exit_status}");
    }
}
