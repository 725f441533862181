//! Signals that come early: from the program's first statement on none ends it unheard.

use std::{
    fs::File,
    io::Write as _,
    net::TcpListener,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    notify::events::Scene,
    stage::{Stage, wait_until},
    testbed::{Agent, Outcome, Running},
};

/// The signals that ask to end, and what the process ends with.
const ASKING: [(&str, i32, u32); 3] = [("HUP", 129, 1), ("INT", 130, 2), ("TERM", 143, 15)];

/// Whether a process has a handler for this signal, as `/proc` tells.
pub(crate) fn hears(pid: u32, name: &str) -> bool {
    let number = ASKING.iter().find(|(asking, ..)| *asking == name).unwrap().2;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(caught.unwrap_or("0").trim(), 16).unwrap();
    mask & (1 << (number - 1)) != 0
}

/// A pipe with a name, for a file of settings that says nothing until it is written to.
fn pipe(folder: &Path) -> PathBuf {
    let path = folder.join("settings");
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(&path).status();
    assert!(made.unwrap().success());
    path
}

/// Begins a command that waits for its settings, and signals it.
fn signalled_early(agent: &Agent, settings: &Path, args: &[&str], signal: &str) -> Running {
    let config = ["--config", settings.to_str().unwrap()];
    let running = agent.spawn(args.iter().chain(&config));
    wait_until("it listens for signals", || hears(running.pid(), signal));
    running.signal(signal);
    running
}

/// Fails where a signal ended it, rather than it itself.
#[track_caller]
fn assert_ended_itself(outcome: &Outcome, status: i32) {
    let (signal, said) = (outcome.status.signal(), &outcome.stderr);
    assert_eq!((signal, outcome.status.code()), (None, Some(status)), "{said}");
}

#[test]
fn before_the_settings_are_there_it_ends_soon_and_leaves_nothing() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let settings = pipe(folder.path());
    for (signal, status, _) in ASKING {
        for command in ["backup", "tick", "serve", "list"] {
            let running = signalled_early(&stage.agent(), &settings, &[command], signal);
            let outcome = running.wait();
            assert_ended_itself(&outcome, status);
            assert!(outcome.elapsed < Duration::from_secs(20));
        }
    }
    assert_eq!(stage.bucket.keys(), [""; 0]);
}

#[test]
fn kept_until_a_record_can_be_left() {
    let folder = tempfile::tempdir().unwrap();
    let settings = pipe(folder.path());
    for (signal, status, _) in ASKING {
        let scene = Scene::small();
        let running = signalled_early(&scene.agent(), &settings, &["backup"], signal);
        // a reader is there already: this does not wait
        File::create(&settings).unwrap().write_all(b"keep_last = 4\n").unwrap();
        let outcome = running.wait();
        assert_ended_itself(&outcome, status);
        let failed = scene.stage.failure();
        assert_eq!(failed["exit_status"], status, "{failed:#?}");
        assert_eq!(scene.types(), ["backup.failed"]);
        scene.stage.assert_no_backup();
    }
}

#[test]
fn at_any_moment_of_its_beginning_it_is_heard() {
    let stage = Stage::small();
    for millis in (0..500).step_by(20) {
        let running = stage.agent().spawn(["backup"]);
        wait_until("it listens for signals", || hears(running.pid(), "TERM"));
        std::thread::sleep(Duration::from_millis(millis));
        // it may have ended by itself by now
        let _ = Command::new("kill").arg(running.pid().to_string()).output();
        let outcome = running.wait();
        let status = outcome.status.code().unwrap_or(-1);
        assert!([0, 143].contains(&status), "after {millis} ms: {}", outcome.stderr);
        let newest = stage.records().into_iter().next();
        let left = newest.map(|record| record["status"].as_str().unwrap().to_owned());
        let wanted = if status == 0 { "succeeded" } else { "failed" };
        assert_eq!(left.as_deref(), Some(wanted), "after {millis} ms: {}", outcome.stderr);
    }
    assert_eq!(stage.bucket.uploads_under_way(), []);
}

#[test]
fn wrong_settings_are_told_in_spite_of_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let settings = pipe(folder.path());
    let scene = Scene::small();
    let running = signalled_early(&scene.agent(), &settings, &["tick"], "TERM");
    File::create(&settings).unwrap().write_all(b"keep_last = 0\n").unwrap();
    assert_ended_itself(&running.wait(), 2);
    assert_eq!(scene.types(), ["backup.failed"]);
}

#[test]
fn what_only_prints_ends_at_once() {
    for (signal, status, _) in ASKING {
        let agent = Agent::new();
        let running = agent.spawn_reading(["keygen", "--passphrase"]);
        wait_until("it listens for signals", || hears(running.pid(), signal));
        running.signal(signal);
        let outcome = running.wait();
        assert_ended_itself(&outcome, status);
    }
}

#[test]
fn while_credentials_are_looked_for_it_is_heard() {
    let without = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
    for command in ["backup", "tick"] {
        let scene = Scene::small();
        // an instance's metadata that says nothing
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        let agent = without
            .iter()
            .fold(scene.agent(), |agent, name| agent.without(name))
            .without("AWS_EC2_METADATA_DISABLED")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
        let running = agent.spawn([command]);
        let asking = silent.accept().unwrap();
        running.signal("TERM");
        let outcome = running.wait();
        drop(asking);
        assert_ended_itself(&outcome, 143);
        assert!(outcome.elapsed < Duration::from_secs(30));
        // a tick that has not begun a run has nothing to tell of one
        if command == "backup" {
            assert_eq!(scene.types(), ["backup.failed"], "{}", outcome.stderr);
        }
    }
}
