//! Memory with keys in it: never dumped, and closed to other processes of the same user.

use std::{
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
};

use crate::{
    backup::kills::BACKUP,
    stage::{Stage, children, wait_until},
    testbed::{Fault, Rule, binary},
};

/// A user that is nobody on this machine.
const NOBODY: &str = "54321";

/// A program as a user without rights; as the user that runs the tests, where that is one.
fn unprivileged(stage: &Stage, args: &[&str]) -> Command {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root {
        let drop = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"];
        let mut command = stage.agent().command("setpriv", drop);
        command.arg(binary());
        command
    } else {
        stage.agent().command(binary(), [""; 0])
    };
    command
        .args(args)
        .current_dir("/")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

#[test]
fn a_user_without_rights_can_back_up_verify_and_restore() {
    let stage = Stage::small();
    let target = stage.target();
    let to = ["restore", "latest", "--to", &target.url, "--confirm", &target.name];
    for args in [&["backup"][..], &["verify"], &["check"], &to] {
        let output = unprivileged(&stage, args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
    }
}

#[test]
fn no_core_is_dumped_and_nobody_else_looks_into_it() {
    let stage = Stage::bulky();
    let slow = Fault::Delay { millis: 60_000 };
    stage.bucket.inject(Rule::on("UploadPart").always(), slow);
    let mut running = unprivileged(&stage, &BACKUP).spawn().unwrap();
    // the one that dumps, and not the one that was asked for its version
    let dumps = |(pid, _): &(u32, String)| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("--format"))
    };
    let mut dump = Vec::new();
    wait_until("pg_dump is at work", || {
        dump = children(running.id());
        dump.retain(dumps);
        !dump.is_empty()
    });
    let pids = dump.iter().map(|(pid, _)| *pid).chain([running.id()]);
    for pid in pids {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size"));
        let fields: Vec<&str> = core.unwrap().split_whitespace().collect();
        assert_eq!(fields[4..6], ["0", "0"], "{limits}");
    }
    // what belongs to root there is closed to the user whose process it is
    let closed = std::fs::metadata(format!("/proc/{}/environ", running.id())).unwrap();
    assert_eq!(closed.uid(), 0);
    let kill = Command::new("kill").arg(running.id().to_string()).status();
    assert!(kill.unwrap().success());
    let ended = running.wait().unwrap();
    assert_eq!(ended.code(), Some(143));
}
