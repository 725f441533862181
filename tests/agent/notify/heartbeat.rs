//! The dead man's switch, by the protocol of healthchecks.io: green only while all is well.

use std::time::Duration;

use crate::{
    notify::events::NOWHERE,
    output::goldens::assert_said,
    stage::{BULKY, Stage, wait_until},
    testbed::{Agent, Answer, Fault, Hearer, Rule, healthchecks::Healthchecks},
    tick::past::{Run, calm, hours, minutes},
};

fn daily(stage: &Stage) -> Agent {
    stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

#[test]
fn a_run_starts_and_ends_and_an_idle_tick_is_a_sign_of_life() {
    let (stage, checks) = (Stage::small(), Healthchecks::start());
    let agent = daily(&stage).env("PGCOFFER_PING_URL", checks.url());
    agent.run(["tick"]).success();
    let pings = checks.take();
    let kinds: Vec<&str> = pings.iter().map(|ping| ping.what).collect();
    assert_eq!(kinds, ["start", "success"]);
    assert!(pings[0].rid.is_some() && pings[0].rid == pings[1].rid);
    assert!(pings[1].body.starts_with("main: backed up as "), "{}", pings[1].body);
    agent.run(["tick"]).success();
    assert_eq!(checks.kinds(), ["success"]);
    agent.run(["backup"]).success();
    assert_eq!(checks.kinds(), ["start", "success"]);
}

#[test]
fn it_goes_red_while_ticks_run_and_backups_do_not_succeed() {
    let (stage, checks) = (Stage::small(), Healthchecks::start());
    let agent = daily(&stage).env("PGCOFFER_PING_URL", checks.url());
    let down = agent.clone().env("PGCOFFER_DB_MAIN_URL", NOWHERE);
    down.run(["tick"]).ended_with(3);
    let pings = checks.take();
    assert_eq!((pings[0].what, pings[1].what), ("start", "fail"));
    assert_eq!(pings[1].exit_status, Some(3));
    assert!(
        pings[1]
            .body
            .contains("main: FAILED, exit status 3: no connection to the database: nothing listens"),
        "{}",
        pings[1].body
    );
    // it waits, and is no less red
    down.run(["tick"]).ended_with(8);
    assert_eq!(checks.kinds(), ["fail"]);
    agent.env("PGCOFFER_BUCKET", "nonsense").run(["tick"]).ended_with(2);
    assert_eq!(checks.kinds(), ["fail"]);
}

#[test]
fn an_interrupted_run_ends_its_start() {
    let (stage, checks) = (Stage::of(BULKY), Healthchecks::start());
    let delayed = Rule::on("UploadPart").times(3);
    stage.bucket.inject(delayed, Fault::Delay { millis: 60_000 });
    let agent = daily(&stage)
        .env("PGCOFFER_COMPRESSION", "none")
        .env("PGCOFFER_PING_URL", checks.url());
    let running = agent.spawn(["tick"]);
    wait_until("an upload", || stage.bucket.count("UploadPart") > 0);
    running.signal("TERM");
    running.wait().ended_with(143);
    let pings = checks.take();
    assert_eq!((pings[0].what, pings[1].exit_status), ("start", Some(143)));
    assert_eq!(pings[0].rid, pings[1].rid);
}

#[test]
fn a_check_that_hangs_keeps_no_signal_waiting() {
    let (bulky, small) = (Stage::of(BULKY), Stage::small());
    let delayed = Rule::on("UploadPart").times(3);
    bulky.bucket.inject(delayed, Fault::Delay { millis: 60_000 });
    // nothing is due there, and a sign of life is all that is left to do
    small.put(Run::ago(minutes(30)).serving("daily", "7d"));
    for stage in [bulky, small] {
        let hung = Hearer::with(|_| Answer::Hang);
        let agent = daily(&stage)
            .env("PGCOFFER_COMPRESSION", "none")
            .env("PGCOFFER_PING_URL", hung.url("/ping/s3cret-check"));
        let running = agent.spawn(["tick"]);
        wait_until("a ping", || !hung.heard().is_empty());
        running.signal("TERM");
        let elapsed = std::time::Instant::now();
        let outcome = running.wait();
        assert!(
            elapsed.elapsed() < Duration::from_secs(28),
            "{:?}: {}",
            elapsed.elapsed(),
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    }
}

#[test]
fn a_backup_by_hand_turns_green_what_is_its_own() {
    let (stage, all, main) = (Stage::small(), Healthchecks::start(), Healthchecks::start());
    for n in 0..6 {
        stage.put(Run::ago(hours(40 + n)).serving("daily", "7d"));
    }
    let agent = daily(&stage)
        .env("PGCOFFER_PING_URL", all.url())
        .env("PGCOFFER_DB_MAIN_PING_URL", main.url());
    let two = agent.clone().database_url("other", NOWHERE);
    two.run(["backup", "main"]).success();
    assert_eq!((all.kinds(), main.kinds()), (vec!["log"], vec!["start", "success"]));
    two.run(["backup", "other"]).ended_with(3);
    assert_eq!(all.kinds(), ["fail"]);
    stage.cluster.psql(&stage.database, "delete from people where id > 3");
    agent.run(["backup"]).success();
    let (all, main) = (all.take(), main.take());
    for pings in [&all, &main] {
        assert_eq!((pings[0].what, pings[1].exit_status), ("start", Some(8)));
        assert!(pings[1].body.contains("public.people"), "{}", pings[1].body);
    }
}

#[test]
fn each_database_may_have_a_check_of_its_own() {
    let (stage, all, main) = (Stage::small(), Healthchecks::start(), Healthchecks::start());
    stage.put(Run::ago(minutes(30)).serving("daily", "7d"));
    let agent = daily(&stage)
        .database_url("other", NOWHERE)
        .env("PGCOFFER_PING_URL", all.url())
        .env("PGCOFFER_DB_MAIN_PING_URL", main.url());
    agent.run(["tick"]).ended_with(3);
    assert_eq!(all.kinds(), ["start", "fail"]);
    assert_eq!(main.kinds(), ["success"]);
}

#[test]
fn a_ping_that_does_not_arrive_fails_nothing_and_is_said() {
    let (stage, checks) = (Stage::small(), Healthchecks::start());
    stage.put(Run::ago(hours(1)).serving("daily", "7d"));
    let agent = daily(&stage);
    // healthchecks.io answers 200 where it knows no such check
    let unknown = agent.clone().env("PGCOFFER_PING_URL", checks.hearer.url("/ping/0"));
    let outcome = unknown.run(["tick"]).success();
    assert_said(
        &outcome,
        &[
            "warning: the ping did not arrive",
            "OK (not found)",
            "PGCOFFER_PING_URL",
        ],
    );
    let gone = agent.clone().env("PGCOFFER_PING_URL", "http://127.0.0.1:1/ping/s3cret");
    let outcome = gone.run(["tick"]).success();
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    let limited = agent.env("PGCOFFER_PING_URL", checks.url());
    checks.hearer.order([Answer::words(200, "OK (rate limited)")]);
    assert_said(
        &limited.run(["tick"]).success(),
        &["warning: the ping did not arrive", "rate limited"],
    );
}

#[test]
fn who_can_only_write_signals_and_tells_all_the_same() {
    let (stage, checks, hook) = (Stage::small(), Healthchecks::start(), Hearer::start());
    let agent = daily(&stage)
        .env("PGCOFFER_MODE", "drop-box")
        .env("PGCOFFER_PING_URL", checks.url())
        .env("PGCOFFER_WEBHOOK_URL", hook.url("/hook"))
        .env("PGCOFFER_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let down = agent.clone().env("PGCOFFER_DB_MAIN_URL", NOWHERE);
    agent.run(["tick"]).success();
    assert_eq!(checks.kinds(), ["success"]);
    // whether that one was good can't be known any more: no sign of life that would hide a failure
    agent.run(["tick"]).success();
    assert_eq!(checks.kinds(), ["log"]);
    assert_eq!(stage.keys("/archives/").len(), 1);

    let down = down.env("PGCOFFER_SCHEDULE", calm("hourly at :MM keep 24h"));
    down.run(["tick"]).ended_with(3);
    assert_eq!(checks.kinds(), ["fail"]);
    let data = hook.only().json()["data"].clone();
    assert_eq!(
        (&data["newest_good_known"], &data["database"]),
        (&false.into(), &"main".into())
    );
    down.run(["tick"]).success();
    assert_eq!(checks.kinds(), ["log"]);
}
