//! Ticks that fail, that meet each other, and that are cut off: the next one makes up for them, and not too soon.

use std::{process::Command, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    output::goldens::assert_golden,
    stage::{BULKY, Stage, next_second, wait_until},
    testbed::{Agent, Fault, Rule, healthchecks::Healthchecks},
    tick::past::{Run, calm, hours, minutes, settled},
    tick::turns::turn,
};

const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/none";

fn daily(stage: &Stage) -> Agent {
    stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

/// The stage's tick, and what it did.
fn tick(agent: &Agent, status: i32) -> Value {
    let report = agent.run(["tick", "--json"]).ended_with(status).json();
    turn(&report, "main")["backup"].clone()
}

/// How long after the newest of so many failures the next attempt is made, by the brief that users are given.
fn pause_minutes(failures: u32) -> i64 {
    (5 << failures.saturating_sub(1).min(16)).min(360)
}

#[test]
fn the_pause_after_failures_grows_and_has_an_end() {
    for failures in [1, 2, 3, 5, 7, 12] {
        for (before_the_end, outcome) in [(2, "paused"), (-2, "done")] {
            let stage = Stage::small();
            stage.put(Run::ago(hours(24 * 3)).serving("daily", "7d"));
            let pause = pause_minutes(failures);
            for n in 0..i64::from(failures) {
                // runs take a minute, and the pause counts from the end of the newest
                let ago = minutes(pause - before_the_end + 1 + 10 * n);
                stage.put(Run::ago(ago).failed(3).serving("daily", "7d"));
            }
            let agent = daily(&stage);
            let backup = tick(&agent, if outcome == "done" { 0 } else { 8 });
            assert_eq!(backup["outcome"], outcome, "after {failures}: {backup:#}");
            let Some(until) = backup["until"].as_str() else {
                continue;
            };
            let until: Timestamp = until.parse().unwrap();
            let waits = until.duration_since(Timestamp::now());
            let wanted = minutes(before_the_end);
            assert!(
                (wanted - waits).abs() < SignedDuration::from_secs(60),
                "{failures}: {waits:#}"
            );
            assert_eq!(stage.bucket.count("CreateMultipartUpload"), 0);
        }
    }
}

#[test]
fn what_a_tick_in_a_pause_prints() {
    let stage = Stage::small();
    stage.put(Run::ago(hours(24 * 3)).serving("daily", "7d"));
    stage.put(Run::ago(minutes(3)).failed(3).serving("daily", "7d"));
    let outcome = daily(&stage).run(["tick"]).ended_with(8);
    assert_golden("tick-paused", &settled(outcome.text()));
}

/// What `status` says of the next backup, a tick does, and the ping tells.
#[test]
fn a_pause_that_ends_before_anything_is_due_is_none() {
    for (failures, waits) in [(1, false), (12, true)] {
        let (stage, checks) = (Stage::small(), Healthchecks::start());
        // the next one falls due in half an hour or more, and in six at most
        let schedule = (1..=24).map(|hour| (Timestamp::now() + hours(hour)).strftime("%H:00").to_string());
        let next = schedule.skip(1).step_by(3).next().unwrap();
        stage.put(Run::ago(hours(2)).serving("daily", "7d"));
        for n in 0..failures {
            stage.put(Run::ago(minutes(3 + n)).failed(3).serving("daily", "7d"));
        }
        let agent = stage
            .agent()
            .env("PGCOFFER_SCHEDULE", format!("daily at {next} keep 7d"))
            .env("PGCOFFER_PING_URL", checks.url());
        let status = if waits { 8 } else { 0 };
        let health = agent.run(["status", "--json"]).ended_with(status).json()["databases"][0].clone();
        assert_eq!(health["paused_until"].is_string(), waits, "{health:#}");
        let table = agent.run(["status"]).ended_with(status);
        assert_eq!(table.text().contains("waits until"), waits, "{}", table.text());
        let backup = tick(&agent, status);
        assert_eq!(backup["outcome"], if waits { "paused" } else { "not_due" });
        assert_eq!(backup["until"], health["paused_until"]);
        assert_eq!(checks.kinds(), [if waits { "fail" } else { "success" }]);
    }
}

#[test]
fn a_person_heeds_no_pause_and_ends_it() {
    let stage = Stage::small();
    stage.put(Run::ago(minutes(3)).failed(3).serving("daily", "7d"));
    let agent = daily(&stage);
    assert_eq!(tick(&agent, 8)["outcome"], "paused");
    agent.run(["backup"]).success();
    assert_eq!(tick(&agent, 0)["outcome"], "done");
}

#[test]
fn a_run_that_a_signal_ended_is_made_again_at_once() {
    for exit_status in [130, 143] {
        let stage = Stage::small();
        stage.put(Run::ago(minutes(3)).failed(exit_status).serving("daily", "7d"));
        assert_eq!(tick(&daily(&stage), 0)["outcome"], "done");
    }
}

#[test]
fn a_database_that_is_down_is_tried_again_after_a_pause_and_then_served() {
    let stage = Stage::small();
    let agent = daily(&stage);
    let down = agent.clone().env("PGCOFFER_DB_MAIN_URL", NOWHERE);
    assert_eq!(tick(&down, 3)["outcome"], "failed");
    assert_eq!(tick(&agent, 8)["outcome"], "paused");
    stage.failure();
}

/// Two that begin in the same moment: the one is told so, or comes late enough to see that nothing is due.
#[test]
fn two_ticks_at_once_make_one_backup() {
    for _ in 0..12 {
        let stage = Stage::small();
        let agent = daily(&stage);
        let ticks = [0, 1].map(|_| agent.spawn(["tick", "--json"]));
        let outcomes = ticks.map(|tick| {
            let outcome = tick.wait();
            let report = outcome.json();
            let backup = turn(&report, "main")["backup"].clone();
            (outcome.code(), backup["outcome"].as_str().unwrap().to_owned(), backup)
        });
        let done = outcomes.iter().filter(|(_, outcome, _)| outcome == "done");
        assert_eq!(done.count(), 1, "{outcomes:#?}");
        for (code, outcome, backup) in &outcomes {
            match outcome.as_str() {
                "done" | "not_due" => assert_eq!(*code, 0),
                // the other is under way still, or has just ended: whether there is a good backup already is its affair
                "busy" => assert!([0, 8].contains(code), "{backup:#}"),
                _ => panic!("{outcomes:#?}"),
            }
        }
        assert_eq!(stage.keys("/archives/").len(), 1);
        assert_eq!(stage.records().len(), 1);
        assert_eq!(stage.bucket.uploads_under_way(), []);
    }
}

/// A backup that takes some seconds.
fn slow() -> (Stage, Agent) {
    let stage = Stage::of(BULKY);
    let delayed = Rule::on("UploadPart").times(3);
    stage.bucket.inject(delayed, Fault::Delay { millis: 60_000 });
    let agent = daily(&stage).env("PGCOFFER_COMPRESSION", "none");
    (stage, agent)
}

#[test]
fn a_tick_that_meets_another_says_so_and_is_not_counted_as_a_failure() {
    let (stage, agent) = slow();
    // due for half an hour, which is not late yet
    let agent = agent.env("PGCOFFER_SCHEDULE", calm("hourly at :MM keep 24h"));
    stage.put(Run::ago(minutes(45)).serving("hourly", "24h"));
    let running = agent.spawn(["tick"]);
    wait_until("an upload", || stage.bucket.count("UploadPart") > 0);
    let outcome = agent.run(["tick"]).success();
    let text = settled(outcome.text());
    assert!(text.starts_with("main: "), "{text}");
    assert!(text.contains("another"), "{text}");
    drop(running);
    stage.bucket.heal();
    assert_eq!(stage.records().len(), 1);
}

#[test]
fn a_tick_that_was_killed_is_made_up_for_by_the_next() {
    let (stage, agent) = slow();
    let running = agent.spawn(["tick"]);
    wait_until("an upload", || stage.bucket.count("UploadPart") > 0);
    drop(running);
    stage.bucket.heal();
    assert_eq!(stage.records(), [] as [Value; 0]);
    // ids are of whole seconds; and its lock goes when the server sees that it is gone
    next_second();
    wait_until("the next tick backs up", || agent.run(["tick"]).code() == 0);
    assert_eq!(stage.keys("/archives/").len(), 1);
    let left = stage.bucket.uploads_under_way();
    assert_eq!(left.len(), 1, "what may be under way elsewhere is left alone for a day");
    let report = agent.run(["tick", "--json"]).success().json();
    let health = &turn(&report, "main")["health"];
    assert_eq!(health["under_way"].as_array().unwrap().len(), 1);
    let day = Duration::from_secs(25 * 3600);
    stage.bucket.age(&left[0].key, day);
    agent.run(["tick"]).success();
    assert_eq!(stage.bucket.uploads_under_way(), []);
    agent.run(["verify"]).success();
}

#[test]
fn a_tick_that_is_asked_to_end_is_made_up_for_by_the_next() {
    let (stage, agent) = slow();
    let running = agent.spawn(["tick"]);
    wait_until("an upload", || stage.bucket.count("UploadPart") > 0);
    running.signal("TERM");
    running.wait().ended_with(143);
    stage.bucket.heal();
    assert_eq!(stage.bucket.uploads_under_way(), []);
    assert_eq!(stage.failure()["exit_status"], 143);
    assert_eq!(tick(&agent, 0)["outcome"], "done");
}

#[test]
fn ticks_killed_at_any_moment_leave_whole_backups_or_none() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", calm("hourly at :MM keep 1h"))
        .env("PGCOFFER_KEEP_LAST", "2");
    for operation in ["UploadPart", "CompleteMultipartUpload", "PutObject", "DeleteObject"] {
        let delay = Fault::Delay { millis: 40 };
        stage.bucket.inject(Rule::on(operation).always(), delay);
    }
    for n in 0..6 {
        stage.put(Run::ago(hours(30 + n)).serving("hourly", "1h"));
    }
    let whole = Duration::from_millis(900);
    for n in 0..9_u32 {
        let running = agent.spawn(["tick"]);
        std::thread::sleep(whole * n / 9);
        // it may have ended by now
        let pid = running.pid().to_string();
        let _ = Command::new("kill").args(["-s", "KILL", &pid]).output();
        running.wait();
        let good = agent.run(["status", "--json"]).json()["databases"][0]["good"].clone();
        assert!(good.as_u64().unwrap() >= 2, "{good} after {n} ninths");
    }
    stage.bucket.heal();
    // of those that were put there, which have no tags, a prune that was killed half way leaves an archive for a person
    // to delete
    let name = |key: &String| key.rsplit('/').next().unwrap().to_owned();
    let records: Vec<String> = stage.keys("/records/").iter().map(name).collect();
    for key in stage.keys("/archives/") {
        if stage.bucket.tags(&key) == Some(Vec::new()) && !records.contains(&name(&key)) {
            stage.bucket.delete(&key);
        }
    }
    wait_until("a tick without a fault", || agent.run(["tick"]).code() == 0);
    let records = stage.records();
    assert_eq!(records.len(), 2, "{records:#?}");
    for record in records.iter().filter(|record| record["agent"] == record["agent"]) {
        assert_eq!(record["good"], true, "{record:#}");
    }
    agent.run(["verify"]).success();
}
