//! A fault in one of several jobs stops all of them; no table holds a part of its rows, and nothing looks complete.

use std::time::{Duration, Instant};

use super::{FOUR, JOBS, whole_tables};
use crate::{
    stage::{Stage, Target, children, lives, restore_args, signal, wait_until},
    testbed::{Fault, Rule, Running},
};

const LARGE: [&str; 4] = ["t1", "t2", "t3", "t4"];

fn reading() -> Rule {
    Rule::on("GetObject").key("/archives/")
}

/// A restore whose loads all wait for more of the archive, for less time than an answer may take.
fn loading(stage: &Stage, target: &Target) -> Running {
    stage
        .bucket
        .inject(reading().nth(9).always(), Fault::Delay { millis: 40_000 });
    let args = restore_args(target).into_iter().chain(JOBS);
    // a pg_restore that waits for rows sees only with the next ones that its connection is gone
    let running = stage.agent().timeout(Duration::from_secs(120)).spawn(args);
    wait_until("several loads run", || loads(stage, target).len() > 1);
    running
}

/// The server processes that load rows.
fn loads(stage: &Stage, target: &Target) -> Vec<String> {
    let sql = format!(
        "select pid from pg_stat_activity where datname = '{}' and query like 'COPY %' and state <> 'idle'",
        target.name
    );
    stage
        .cluster
        .psql("postgres", &sql)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn assert_incomplete(said: &str) {
    for words in ["incomplete", "the rows of public.", "could not be loaded", "hint: "] {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
}

#[test]
fn a_range_that_can_t_be_had_stops_all_loads() {
    let stage = Stage::backed_up(FOUR);
    for nth in [5, 7, 9] {
        stage.bucket.inject(reading().nth(nth).always(), Fault::access_denied());
        let target = stage.target();
        let outcome = stage.restore_with(&target, JOBS).ended_with(4);
        assert_incomplete(&outcome.stderr);
        assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
        assert!(whole_tables(&stage, &target, &LARGE, "1000") < 4);
        assert_eq!(loads(&stage, &target).len(), 0);
        stage.bucket.heal();
    }
}

#[test]
fn ranges_that_come_late_cut_or_not_at_once_are_outlived() {
    let stage = Stage::backed_up(FOUR);
    for fault in [
        Fault::slow_down(),
        Fault::Cut { after_bytes: 1000 },
        Fault::Shorten { to_bytes: 100 },
    ] {
        for nth in [5, 8] {
            stage.bucket.inject(reading().nth(nth), fault.clone());
        }
        let target = stage.target();
        stage.restore_with(&target, JOBS).success();
        assert_eq!(whole_tables(&stage, &target, &LARGE, "1000"), 4);
        stage.bucket.heal();
    }
}

#[test]
fn a_flipped_bit_is_found_and_its_table_not_loaded() {
    let stage = Stage::backed_up(FOUR);
    let bytes = stage.bucket.read(&stage.key("/archives/")).unwrap().len() as u64;
    let flip = Fault::FlipBit { at_byte: bytes / 2 };
    stage.bucket.inject(reading().always(), flip);
    let target = stage.target();
    let outcome = stage.restore_with(&target, JOBS).ended_with(5);
    assert_incomplete(&outcome.stderr);
    assert!(whole_tables(&stage, &target, &LARGE, "1000") < 4);
    let keys =
        "select count(*) from pg_constraint where contype in ('p', 'f') and connamespace = 'public'::regnamespace";
    assert_eq!(stage.cluster.psql(&target.name, keys), "0");
}

#[test]
fn a_connection_that_is_cut_stops_all_loads() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    let running = loading(&stage, &target);
    let programs = children(running.pid());
    let one = loads(&stage, &target).remove(0);
    stage
        .cluster
        .psql("postgres", &format!("select pg_terminate_backend({one})"));
    // what they read next comes at once
    stage.bucket.heal();
    let outcome = running.wait().ended_with(3);
    assert_incomplete(&outcome.stderr);
    assert!(programs.iter().all(|(pid, _)| !lives(*pid)), "{programs:?}");
    wait_until("the server's processes end", || loads(&stage, &target).is_empty());
    assert!(whole_tables(&stage, &target, &LARGE, "1000") < LARGE.len());
}

#[test]
fn an_interrupted_restore_ends_all_of_its_programs() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    let running = loading(&stage, &target);
    let programs = children(running.pid());
    assert!(programs.len() > 1, "{programs:?}");
    let asked = Instant::now();
    running.signal("TERM");
    let outcome = running.wait().ended_with(143);
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(outcome.stderr.contains("incomplete"), "{}", outcome.stderr);
    assert!(programs.iter().all(|(pid, _)| !lives(*pid)), "{programs:?}");
    assert_eq!(whole_tables(&stage, &target, &LARGE, "1000"), 0);
}

#[test]
fn a_killed_restore_leaves_no_table_half_loaded() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    let running = loading(&stage, &target);
    let programs = children(running.pid());
    drop(running);
    wait_until("its programs end", || programs.iter().all(|(pid, _)| !lives(*pid)));
    wait_until("the server's processes end", || loads(&stage, &target).is_empty());
    assert_eq!(whole_tables(&stage, &target, &LARGE, "1000"), 0);
}

#[test]
fn a_killed_pg_restore_is_a_failed_restore() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    let running = loading(&stage, &target);
    let one = children(running.pid()).remove(0).0;
    signal(&[one], "KILL");
    let outcome = running.wait().ended_with(3);
    assert_incomplete(&outcome.stderr);
    assert!(outcome.stderr.contains("signal: 9"), "{}", outcome.stderr);
    assert_eq!(whole_tables(&stage, &target, &LARGE, "1000"), 0);
}
