//! Two restores into one target: the second one is refused before it has looked or changed anything.

use std::time::Duration;

use crate::{
    backup::kills::BACKUP,
    stage::{HUGE, Stage, Target, children, restore_args, wait_until},
    testbed::{Fault, Outcome, Rule, Running},
};

/// How many sessions hold the lock of a target.
const HOLDERS: &str =
    "select count(*) from pg_locks where locktype = 'advisory' and classid = 1885823846 and database =
    (select oid from pg_database where datname = current_database())";

/// A table without a key: what is loaded twice is in it twice.
fn backed_up() -> Stage {
    let stage = Stage::of(HUGE);
    stage.run(BACKUP).success();
    stage
}

/// A restore that waits for more of its archive for some seconds.
fn slow_restore(stage: &Stage, target: &Target, more: &[&str]) -> Running {
    stage.bucket.inject(
        Rule::on("GetObject").key("/archives/").nth(7),
        Fault::Delay { millis: 12_000 },
    );
    let args = restore_args(target).into_iter().chain(more.iter().copied());
    let running = stage.agent().timeout(Duration::from_secs(90)).spawn(args);
    wait_until("pg_restore or psql runs", || {
        let children = children(running.pid());
        children.iter().any(|(_, name)| name == "pg_restore" || name == "psql")
    });
    running
}

#[track_caller]
fn assert_refused(outcome: &Outcome, target: &Target) {
    assert_eq!(outcome.code(), 6, "{}", outcome.stderr);
    let text = &outcome.stderr;
    assert!(
        text.contains("another restore into")
            && text.contains(&target.name)
            && text.contains("is under way: server process"),
        "{text}"
    );
    assert!(text.contains("Wait until the other one has ended"), "{text}");
    assert!(!text.contains("--resume"), "{text}");
}

#[test]
fn a_second_restore_waits_for_the_first_and_doubles_nothing() {
    let stage = backed_up();
    let target = stage.target();
    let first = slow_restore(&stage, &target, &[]);
    assert_eq!(stage.cluster.psql(&target.name, HOLDERS), "1");
    for more in [
        &[][..],
        &["--resume"],
        &["--jobs", "2"],
        &["--clean"],
        &["--single-transaction"],
    ] {
        let args = restore_args(&target).into_iter().chain(more.iter().copied());
        assert_refused(&stage.agent().run(args), &target);
    }
    // who only looks is not kept out
    let preview = restore_args(&target).into_iter().chain(["--preview", "--resume"]);
    stage.agent().run(preview).success();
    first.wait().success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from bulk"), "1600");
    assert_eq!(stage.cluster.psql(&target.name, HOLDERS), "0");
    // and then it is the target's content that counts
    let again = stage.agent().run(restore_args(&target));
    assert_eq!(again.code(), 3, "{}", again.stderr);
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
}

#[test]
fn rows_alone_are_restored_by_one_at_a_time() {
    let stage = backed_up();
    let target = stage.target();
    stage
        .cluster
        .psql(&target.name, "create table bulk (id int, body text)");
    let part = ["--table", "public.bulk", "--data-only"];
    let first = slow_restore(&stage, &target, &part);
    let args = restore_args(&target).into_iter().chain(part);
    assert_refused(&stage.agent().run(args), &target);
    first.wait().success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from bulk"), "1600");
}

#[test]
fn a_restore_that_was_killed_leaves_no_lock() {
    let stage = backed_up();
    let target = stage.target();
    let first = slow_restore(&stage, &target, &[]);
    first.signal("KILL");
    drop(first.wait());
    wait_until("the lock is released", || {
        stage.cluster.psql(&target.name, HOLDERS) == "0"
    });
    let args = restore_args(&target).into_iter().chain(["--clean"]);
    stage.agent().timeout(Duration::from_secs(90)).run(args).success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from bulk"), "1600");
}
