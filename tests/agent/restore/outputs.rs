//! Where results go: files that exist, disks that are full, readers that leave.

use std::process::{Command, Stdio};

use crate::{
    config::refusals::refused,
    stage::{KEY, SMALL, Stage},
    testbed::{binary, other_date},
};

#[test]
fn an_existing_file_is_not_overwritten() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.file("mine");
    std::fs::write(&file, "mine").unwrap();
    for more in [&[][..], &["--sealed"]] {
        let args = ["get", "latest", "-o", file.to_str().unwrap()]
            .into_iter()
            .chain(more.iter().copied());
        refused(&stage, stage.run(args), 1, &["mine", "nothing is overwritten"]);
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    refused(
        &stage,
        stage.run(["get", "latest", "-o", "/dev/full"]),
        2,
        &["/dev/full"],
    );
    let outcome = stage
        .run(["get", "latest", "-o", "/nonexistent/folder/file"])
        .ended_with(1);
    assert!(
        outcome.stderr.contains("/nonexistent/folder/file"),
        "{}",
        outcome.stderr
    );
}

/// The shell's view: the agent, with nothing of this process's environment, and its standard output going elsewhere.
fn in_shell(stage: &Stage, script: &str) -> std::process::Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{script}; echo \"status $?\" >&2")]);
    command
        .env_clear()
        .envs(other_date())
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("AGENT", binary());
    command
        .envs(stage.bucket.env())
        .env("PGCOFFER_KEY", KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
        .stdin(Stdio::null())
        .current_dir(stage.file(""))
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_is_reported_with_the_file_s_name_and_leaves_no_file() {
    let stage = Stage::bulky();
    stage.back_up();
    // a limit of file size does what a full disk does, without a mount
    let output = in_shell(
        &stage,
        "ulimit -f 2000; trap '' XFSZ; \"$AGENT\" get latest -o out.dump",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("status 1") && said.contains("error: ") && said.contains("out.dump"),
        "{said}"
    );
    assert!(
        std::fs::read_dir(stage.file("")).unwrap().next().is_none(),
        "something was left"
    );
    let output = in_shell(&stage, "\"$AGENT\" get latest -o - > /dev/full");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("status 1") && said.contains("the disk is full") && said.contains("standard output"),
        "{said}"
    );
    let output = in_shell(&stage, "\"$AGENT\" list > /dev/full");
    assert!(String::from_utf8_lossy(&output.stderr).contains("status 1"));
}

#[test]
fn a_reader_that_closes_the_pipe_fails_no_listing_and_no_help() {
    let stage = Stage::backed_up(SMALL);
    for command in [
        "list",
        "show latest",
        "list --json",
        "man",
        "completions bash",
        "--help",
        "backup --help",
    ] {
        // the reader is gone before the first byte
        let output = in_shell(
            &stage,
            &format!("{{ \"$AGENT\" {command}; echo \"agent $?\" >&2; }} | true"),
        );
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("agent 0") && !said.contains("panicked"),
            "{command}: {said}"
        );
    }
}

#[test]
fn a_reader_that_closes_the_pipe_ends_get_quietly() {
    let stage = Stage::bulky();
    stage.back_up();
    let output = in_shell(
        &stage,
        "{ \"$AGENT\" get latest -o -; echo \"agent $?\" >&2; } | head -c 100 | wc -c",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "100");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("agent 141\n"), "{said}");
    // what can't be written is another matter
    let full = in_shell(&stage, "\"$AGENT\" get latest -o - > /dev/full; echo \"agent $?\" >&2");
    let said = String::from_utf8_lossy(&full.stderr);
    assert!(
        said.contains("error: can't write to standard output: the disk is full") && said.contains("agent 1\n"),
        "{said}"
    );
}

#[test]
fn open_needs_a_regular_file() {
    let stage = Stage::small();
    let outcome = stage.run(["open", "nothing.pgc"]).ended_with(1);
    assert!(outcome.stderr.contains("nothing.pgc"), "{}", outcome.stderr);
    std::fs::write(stage.file("text.pgc"), "this is no archive of ours").unwrap();
    let outcome = stage.run(["open", "text.pgc"]).ended_with(5);
    assert!(outcome.stderr.contains("text.pgc"), "{}", outcome.stderr);
    stage.run(["open", "."]).ended_with(2);
}
