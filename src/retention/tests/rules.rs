//! Each rule by itself. Unless a test says otherwise the floor is 1, so that only the newest run stands on it.

use super::{
    world::{due, id, left, schedule},
    *,
};

pub(super) const NOW: &str = "2027-03-10T12:00:00Z";

/// A good daily backup of so many days ago, at 03:00.
pub(super) fn daily(days: i64, retention: &str) -> RetentionRun {
    let started = at("2027-03-10T03:00:00Z") - SignedDuration::from_hours(24 * days);
    RetentionRun {
        id: id(started, 1),
        started,
        arrived: None,
        outcome: RetentionOutcome::Good,
        counts: true,
        serves: vec![Served {
            tier: Tier::Daily,
            due: due(Tier::Daily, started),
            retention: retention.parse().unwrap(),
        }],
        retained: None,
        guards: Protection::NONE,
    }
}

pub(super) fn with(outcome: RetentionOutcome, run: RetentionRun) -> RetentionRun {
    RetentionRun { outcome, ..run }
}

pub(super) fn guarded(run: RetentionRun, guard: impl FnOnce(&mut Protection)) -> RetentionRun {
    let mut run = run;
    guard(&mut run.guards);
    run
}

pub(super) fn tagged(run: RetentionRun, retain: &str, expires: Option<&str>, hold: Option<&str>) -> RetentionRun {
    guarded(run, |guards| {
        guards.tags = TagState::Read {
            retain: retain.parse().unwrap(),
            expires: expires.map(at),
            hold: hold.map(str::to_owned),
        }
    })
}

/// Reasons of all runs, in the order given; a deletion's begins with `-`.
pub(super) fn reasons(runs: &[RetentionRun], keep_last: u32) -> Vec<String> {
    let plan = plan(runs, &floor(keep_last), at(NOW));
    let reason = |run: &RetentionRun| {
        let line = plan.lines.iter().find(|line| line.id == run.id).unwrap();
        let sign = if line.is_deletion() { "- " } else { "" };
        format!("{sign}{}", line.verdict)
    };
    runs.iter().map(reason).collect()
}

/// The reason of one run beside a good one of today.
pub(super) fn beside_a_good_one(run: RetentionRun) -> String {
    reasons(&[daily(0, "7d"), run], 1).swap_remove(1)
}

#[test]
fn age_counts_from_the_start_to_the_second() {
    assert_eq!(beside_a_good_one(daily(6, "7d")), "daily until 2027-03-11 03:00 UTC");
    assert_eq!(
        beside_a_good_one(daily(8, "7d")),
        "- daily expired 2027-03-09 03:00 UTC"
    );
    assert_eq!(beside_a_good_one(daily(9999, "forever")), "daily, forever");
    let runs = [daily(1, "7d"), daily(8, "7d")];
    let verdict = |now: &str| plan(&runs, &floor(1), at(now)).deleted();
    assert_eq!(verdict("2027-03-09T02:59:59.999999999Z"), 0);
    assert_eq!(verdict("2027-03-09T03:00:00Z"), 1);
}

#[test]
fn any_tier_that_it_serves_keeps_it_and_the_longest_is_told() {
    let serving = |text: &str| {
        let mut run = daily(10, "7d");
        let started = run.started;
        let served = |(tier, retention)| Served {
            tier,
            due: due(tier, started),
            retention,
        };
        run.serves = schedule(text).into_iter().map(served).collect();
        beside_a_good_one(run)
    };
    assert_eq!(serving("daily 7d, weekly 5w"), "weekly until 2027-04-04 03:00 UTC");
    assert_eq!(serving("daily 60d, weekly 5w"), "daily until 2027-04-29 03:00 UTC");
    assert_eq!(serving("yearly forever, weekly 5w, daily 7"), "yearly, forever");
    assert_eq!(serving("hourly 24h, daily 7d"), "- daily expired 2027-03-07 03:00 UTC");
    assert_eq!(serving("hourly 24h, weekly 5"), "weekly 1 of 5");
    assert_eq!(serving("weekly 5w, monthly 2"), "weekly until 2027-04-04 03:00 UTC");
    assert_eq!(serving("daily 5, weekly 5"), "weekly 1 of 5");
    assert_eq!(serving("daily 1, weekly 7d"), "- weekly expired 2027-03-07 03:00 UTC");
}

#[test]
fn a_count_counts_periods_with_a_good_backup_and_the_newest_of_a_period_stands_for_it() {
    let mut retried = daily(1, "2");
    retried.started += SignedDuration::from_hours(2);
    retried.id = id(retried.started, 1);
    let runs = [
        daily(0, "2"),
        with(RetentionOutcome::Failed, daily(2, "2")),
        daily(1, "2"),
        retried,
        with(RetentionOutcome::Lost, daily(3, "2")),
        with(RetentionOutcome::Suspicious, daily(4, "2")),
        daily(5, "3"),
        daily(6, "3"),
    ];
    assert_eq!(
        reasons(&runs, 1),
        [
            "daily 1 of 2",
            "failed less than 30 days ago",
            "- there is a newer daily of the same period",
            "daily 2 of 2",
            "- not among the newest 2 daily",
            "- not among the newest 2 daily",
            "daily 3 of 3",
            "- not among the newest 3 daily",
        ]
    );
}

#[test]
fn a_suspicious_or_lost_one_takes_no_place_and_stays_among_the_good_ones_of_its_time() {
    let runs = [
        daily(0, "2"),
        with(RetentionOutcome::Suspicious, daily(1, "2")),
        with(RetentionOutcome::Lost, daily(2, "2")),
        daily(3, "2"),
    ];
    assert_eq!(
        reasons(&runs, 1),
        ["daily 1 of 2", "daily 2 of 2", "daily 2 of 2", "daily 2 of 2"]
    );
}

#[test]
fn what_was_asked_for_by_hand_pushes_out_nothing_that_is_counted() {
    let asked = |hour: &str, retention: &str| {
        let started = at(&format!("2027-03-10T{hour}:00:00Z"));
        RetentionRun {
            id: id(started, 1),
            started,
            serves: vec![Served {
                tier: Tier::Daily,
                due: started,
                retention: retention.parse().unwrap(),
            }],
            ..daily(0, "7d")
        }
    };
    let mut runs: Vec<RetentionRun> = (0..3).map(|days| daily(days, "3")).collect();
    runs.extend([asked("09", "1h"), asked("10", "1h"), asked("11", "forever")]);
    let kept = &reasons(&runs, 1)[..3];
    assert_eq!(kept, ["daily 1 of 3", "daily 2 of 3", "daily 3 of 3"]);
    // unless it is to be counted, too
    runs.push(asked("12", "3"));
    assert_eq!(reasons(&runs, 1)[2], "- not among the newest 3 daily");
}

#[test]
fn who_is_promised_a_smaller_count_replaces_nobody() {
    let again = |retention: &str| {
        let mut run = daily(3, retention);
        run.started += SignedDuration::from_hours(2);
        run.id = id(run.started, 1);
        reasons(&[daily(0, "5"), daily(3, "5"), run], 1)
    };
    let stays = "daily 2 of 5";
    let replaced = "- there is a newer daily of the same period";
    assert_eq!(again("1"), ["daily 1 of 5", stays, "- not among the newest 1 daily"]);
    assert_eq!(again("1h")[1], stays);
    assert_eq!(again("5"), ["daily 1 of 5", replaced, stays]);
    assert_eq!(again("forever")[1], replaced);
}

#[test]
fn the_floor_holds_the_newest_good_ones_and_nothing_else_counts_toward_it() {
    let runs = [
        daily(20, "1d"),
        with(RetentionOutcome::Suspicious, daily(30, "1d")),
        with(RetentionOutcome::Lost, daily(31, "1d")),
        with(RetentionOutcome::Failed, daily(32, "1d")),
        daily(40, "1d"),
        daily(50, "1d"),
    ];
    assert_eq!(
        reasons(&runs, 2),
        [
            "among the last 2 good ones",
            "- daily expired 2027-02-09 03:00 UTC",
            "- daily expired 2027-02-08 03:00 UTC",
            "- failed more than 30 days ago",
            "among the last 2 good ones",
            "- daily expired 2027-01-20 03:00 UTC",
        ]
    );
    assert_eq!(RetentionPolicy::default().keep_last.get(), 3);
}

#[test]
fn nothing_goes_while_the_newest_run_is_no_good_backup() {
    for (outcome, told) in [
        (RetentionOutcome::Failed, "the newest run failed"),
        (RetentionOutcome::Suspicious, "the newest run is suspicious"),
        (RetentionOutcome::Lost, "the newest run's archive is lost"),
    ] {
        let newest = with(outcome, daily(33, "1d"));
        let others = [
            daily(40, "1d"),
            daily(41, "1d"),
            with(RetentionOutcome::Failed, daily(50, "1d")),
        ];
        let runs = [&[newest], &others[..]].concat();
        let kept = ["the newest run", "among the last 1 good ones", told, told];
        assert_eq!(reasons(&runs, 1), kept);
    }
}

/// What has run out is what makes room again.
#[test]
fn a_full_bucket_keeps_nothing_that_has_run_out() {
    let full = |days| with(RetentionOutcome::NoRoom, daily(days, "1d"));
    let old = [daily(40, "1d"), daily(41, "1d")];
    let lately = "failed less than 30 days ago";
    let gone = "- daily expired 2027-01-29 03:00 UTC";
    let one_left = "among the last 1 good ones";
    let runs = [&[full(1), full(2)], &old[..]].concat();
    assert_eq!(reasons(&runs, 1), [lately, lately, one_left, gone]);
    // the record of the newest run stays, however old
    let runs = [&[full(33)], &old[..]].concat();
    assert_eq!(reasons(&runs, 1), ["the newest run", one_left, gone]);
    // and what the run before it says still holds
    for (outcome, told) in [
        (RetentionOutcome::Failed, "the newest run failed"),
        (RetentionOutcome::Suspicious, "the newest run is suspicious"),
    ] {
        let runs = [&[full(33), with(outcome, daily(34, "1d"))], &old[..]].concat();
        let newest = "the newest run";
        assert_eq!(reasons(&runs, 1), [newest, newest, one_left, told]);
    }
    let runs = [full(33), full(34)];
    let none = "the bucket was full in every run";
    assert_eq!(reasons(&runs, 1), ["the newest run", none]);
}

#[test]
fn a_run_ahead_of_the_clock_is_kept_and_counts_for_nothing() {
    let mut ahead = with(RetentionOutcome::Failed, daily(-2, "1"));
    let runs = |ahead: &RetentionRun| [ahead.clone(), daily(10, "1"), daily(11, "1")];
    let told = "started in the future";
    let gone = "- not among the newest 1 daily";
    assert_eq!(reasons(&runs(&ahead), 1), [told, "daily 1 of 1", gone]);
    ahead.outcome = RetentionOutcome::Good;
    assert_eq!(reasons(&runs(&ahead), 1), [told, "daily 1 of 1", gone]);
    // fifteen minutes are no error
    ahead.started = at("2027-03-10T12:15:00Z");
    assert_eq!(reasons(&runs(&ahead), 1), ["daily 1 of 1", gone, gone]);
    ahead.started = at("2027-03-10T12:15:01Z");
    assert_eq!(reasons(&runs(&ahead), 1)[0], told);
}

#[test]
fn a_failed_run_is_told_for_thirty_days_whatever_it_would_have_served() {
    let failed = |days, retention| with(RetentionOutcome::Failed, daily(days, retention));
    assert_eq!(beside_a_good_one(failed(29, "1h")), "failed less than 30 days ago");
    let gone = "- failed more than 30 days ago";
    assert_eq!(beside_a_good_one(failed(30, "forever")), gone);
    let mut to_the_second = failed(30, "1h");
    to_the_second.started = at(NOW) - FAILED_KEPT;
    assert_eq!(beside_a_good_one(to_the_second), gone);
    // it has the tags of the backup that it would have been
    assert_eq!(
        beside_a_good_one(tagged(failed(30, "forever"), "forever", None, None)),
        gone
    );
    let until = Some("2027-04-09T03:00:00Z");
    assert_eq!(beside_a_good_one(tagged(failed(30, "60d"), "60d", until, None)), gone);
    let told = "its tags say forever";
    assert_eq!(
        beside_a_good_one(tagged(failed(30, "60d"), "forever", None, None)),
        told
    );
}

#[test]
fn what_states_no_retention_is_kept() {
    let mut run = daily(4000, "1d");
    run.serves.clear();
    assert_eq!(beside_a_good_one(run), "no retention is known");
    assert_eq!(plan(&[], &floor(1), at(NOW)).lines, []);
}

#[test]
fn deletions_come_oldest_first_and_a_plan_as_json_is_flat() {
    let runs = [daily(40, "1d"), daily(0, "7d"), daily(50, "3")];
    let plan = plan(&runs, &floor(1), at(NOW));
    assert_eq!((plan.lines.len(), plan.deleted()), (3, 1));
    let two = [daily(40, "1d"), daily(0, "7d"), daily(50, "1d")];
    let two = super::plan(&two, &floor(1), at(NOW));
    let oldest_first: Vec<_> = two.deletions().map(|line| line.id.time()).collect();
    assert_eq!(oldest_first, [daily(50, "1d").started, daily(40, "1d").started]);
    assert_eq!(
        serde_json::to_value(&plan).unwrap(),
        serde_json::json!({"lines": [
            {
                "id": "20270310T030000Z-aaaaaaaaaaab", "verdict": "keep",
                "reason": "until", "tier": "daily", "until": "2027-03-17T03:00:00Z"
            },
            {
                "id": "20270129T030000Z-aaaaaaaaaaab", "verdict": "delete",
                "reason": "expired", "tier": "daily", "at": "2027-01-30T03:00:00Z"
            },
            {
                "id": "20270119T030000Z-aaaaaaaaaaab", "verdict": "keep",
                "reason": "counted", "tier": "daily", "place": 3, "of": 3
            },
        ]})
    );
    assert_eq!(left(&runs, &plan).len(), 2);
}
