//! Restores and downloads that end in the middle: nothing that is left looks complete.

use std::time::{Duration, Instant};

use crate::{
    backup::kills::BACKUP,
    stage::{BULKY, HUGE, Stage, Target, children, lives, restore_args, signal, wait_until},
    testbed::{Fault, Rule, Running},
};

/// A restore that waits for more of its archive.
fn restoring(stage: &Stage, target: &Target, more: &[&str]) -> Running {
    stage.bucket.inject(
        Rule::on("GetObject").key("/archives/").nth(7).always(),
        Fault::Delay { millis: 60_000 },
    );
    let args = restore_args(target).into_iter().chain(more.iter().copied());
    let running = stage.agent().timeout(Duration::from_secs(30)).spawn(args);
    wait_until_it_loads(&running);
    running
}

/// pg_restore runs, and has been given some of the archive.
fn wait_until_it_loads(running: &Running) {
    wait_until("pg_restore runs", || {
        children(running.pid()).iter().any(|(_, name)| name == "pg_restore")
    });
    std::thread::sleep(Duration::from_millis(300));
}

/// A backup of 64 MB, whose archive is read by many requests.
fn long_backup() -> Stage {
    let stage = Stage::of(HUGE);
    stage.run(BACKUP).success();
    stage
}

#[track_caller]
fn assert_nothing_restored(stage: &Stage, target: &Target) {
    let rows = || {
        stage
            .cluster
            .try_psql(&target.name, "select count(*) from bulk")
            .unwrap_or_else(|_| "0".to_owned())
    };
    assert_eq!(rows(), "0", "a COPY that was cut must not be kept");
}

#[test]
fn an_interrupted_restore_says_so_and_ends_its_children() {
    let stage = long_backup();
    let target = stage.target();
    let running = restoring(&stage, &target, &[]);
    let loaders = children(running.pid());
    let asked = Instant::now();
    running.signal("TERM");
    let outcome = running.wait().ended_with(143);
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(loaders.iter().all(|(pid, _)| !lives(*pid)), "{loaders:?}");
    assert!(
        outcome.stderr.contains("incomplete"),
        "what state is the target in? {}",
        outcome.stderr
    );
    assert_nothing_restored(&stage, &target);
}

#[test]
fn a_killed_restore_never_looks_complete() {
    for more in [&[][..], &["--single-transaction"]] {
        let stage = long_backup();
        let target = stage.target();
        let running = restoring(&stage, &target, more);
        let loaders = children(running.pid());
        drop(running);
        wait_until("pg_restore ends", || loaders.iter().all(|(pid, _)| !lives(*pid)));
        assert_nothing_restored(&stage, &target);
    }
}

/// What pg_restore reads beside the archive, such as the list of what is restored, is a file without a name.
#[test]
fn a_killed_restore_leaves_no_file_behind() {
    let stage = long_backup();
    let target = stage.target();
    let folder = stage.file("temporary");
    std::fs::create_dir(&folder).unwrap();
    let slow = Fault::Delay { millis: 1000 };
    stage
        .bucket
        .inject(Rule::on("GetObject").key("/archives/").always(), slow);
    let args = restore_args(&target).into_iter().chain(["--table", "bulk"]);
    let agent = stage.agent().env("TMPDIR", folder.to_str().unwrap());
    let running = agent.timeout(Duration::from_secs(30)).spawn(args);
    wait_until_it_loads(&running);
    drop(running);
    let left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_killed_pg_restore_is_a_failed_restore() {
    let stage = long_backup();
    stage.bucket.inject(
        Rule::on("GetObject").key("/archives/").nth(7).times(8),
        Fault::Delay { millis: 1500 },
    );
    let target = stage.target();
    let running = stage.agent().spawn(restore_args(&target));
    wait_until_it_loads(&running);
    let loaders: Vec<u32> = children(running.pid()).into_iter().map(|(pid, _)| pid).collect();
    signal(&loaders, "KILL");
    let outcome = running.wait().ended_with(3);
    assert!(
        outcome.stderr.contains("incomplete") && outcome.stderr.contains("signal: 9"),
        "{}",
        outcome.stderr
    );
    assert_nothing_restored(&stage, &target);
}

#[test]
fn an_interrupted_get_leaves_no_file() {
    let stage = Stage::of(BULKY);
    stage.run(BACKUP).success();
    stage.bucket.inject(
        Rule::on("GetObject").key("/archives/").nth(4).always(),
        Fault::Delay { millis: 60_000 },
    );
    let running = stage.agent().timeout(Duration::from_secs(30)).spawn(["get", "latest"]);
    let folder = stage.file("");
    wait_until("a file is begun", || std::fs::read_dir(&folder).unwrap().count() == 1);
    running.signal("INT");
    running.wait().ended_with(130);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}
