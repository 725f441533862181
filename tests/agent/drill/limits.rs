//! A drill on a server of its own, on a machine as small and as closed as a dyno or a container: 512 MB, 256 processes, a
//! user without rights, nothing that can be written but one folder.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    process::{Command, Output, Stdio},
    time::Duration,
};

use super::{assert_proven, folders_in, open_folder};
use crate::{
    stage::{BULKY, SMALL, Stage},
    testbed::{Agent, binary},
};

const MEMORY_BYTES: u64 = 512 << 20;
const PROCESSES: usize = 256;

/// A user of the distribution's that nothing runs as, by number and group.
const GAMES: [&str; 2] = ["5", "60"];

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The agent on such a machine: `mounts` are made in a namespace of its own, where `$TMP` is an empty folder for
/// temporary files. Where the tests run as root, it runs as this user; otherwise as the user of the tests.
fn closed_machine(agent: &Agent, user: [&str; 2], mounts: &str, args: &str) -> Command {
    let (uid, gid) = (user[0], user[1]);
    let become_user = match is_root() {
        true => format!("setpriv --reuid {uid} --regid {gid} --clear-groups --no-new-privs"),
        false => "env".to_owned(),
    };
    let script = format!(
        "set -e; {mounts}\nmount -o remount,ro,bind /\numask 077\nulimit -u {PROCESSES}\nunset HOME LANG\n\
         exec {become_user} '{}' {args}",
        binary().display()
    );
    let mut unshare = vec!["--mount"];
    if !is_root() {
        unshare.extend(["--user", "--map-root-user"]);
    }
    unshare.extend(["bash", "-c", &script]);
    let mut command = agent.command("unshare", unshare);
    command.current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for its end, and looks meanwhile what it and all below it need: bytes of memory that are their own share, and
/// threads.
fn watched(mut command: Command) -> (Output, u64, usize) {
    let mut child = command.spawn().unwrap();
    let (mut bytes, mut threads) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let mut all = BTreeSet::from([child.id()]);
        let parents = parents();
        loop {
            let more: Vec<u32> = parents
                .iter()
                .filter(|(pid, parent)| all.contains(parent) && !all.contains(pid))
                .map(|(pid, _)| *pid)
                .collect();
            if more.is_empty() {
                break;
            }
            all.extend(more);
        }
        let sum = |of: fn(u32) -> u64| all.iter().map(|pid| of(*pid)).sum::<u64>();
        bytes = bytes.max(sum(share_of_memory));
        threads = threads.max(usize::try_from(sum(threads_of)).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    (child.wait_with_output().unwrap(), bytes, threads)
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let rest = stat.rsplit_once(") ")?.1;
        Some((pid, rest.split(' ').nth(1)?.parse().ok()?))
    })
    .collect()
}

fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn share_of_memory(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:").unwrap_or(0) * 1024
}

fn threads_of(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/status"), "Threads:").unwrap_or(0)
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

#[test]
fn a_drill_fits_a_small_dyno() {
    let stage = Stage::backed_up(BULKY);
    // not in /dev/shm, which is closed here
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let agent = stage.agent().env("TMPDIR", folder.path()).without("LANG");
    // no shared memory of the system's, as where nothing is mounted there
    let mounts = format!(
        "mount -t tmpfs -o ro tmpfs /dev/shm; mount -t tmpfs -o size=400m,mode=1777 tmpfs '{}'",
        folder.path().display()
    );
    let (output, bytes, threads) = watched(closed_machine(&agent, GAMES, &mounts, "drill"));
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Proven: "), "{said}");
    assert!(bytes > 0 && bytes < MEMORY_BYTES, "{bytes} bytes");
    assert!(threads > 3 && threads < PROCESSES, "{threads} threads");
}

#[test]
fn a_folder_that_is_too_small_or_can_t_be_written_is_told() {
    let stage = Stage::backed_up(SMALL);
    let folder = open_folder();
    let agent = stage.agent().env("TMPDIR", folder.path());
    let small = format!(
        "mount -t tmpfs -o size=60m,mode=1777 tmpfs '{}'",
        folder.path().display()
    );
    for (mounts, what) in [(small.as_str(), "are free"), ("", "can't make a folder for a server")] {
        let output = closed_machine(&agent, GAMES, mounts, "drill").output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(what), "{said}");
        assert!(said.contains("hint: set TMPDIR to a folder"), "{said}");
    }
    assert_eq!(folders_in(folder.path()).len(), 0);
    let nowhere = stage.agent().env("TMPDIR", "/nonexistent");
    let outcome = nowhere.run(["drill"]).ended_with(1);
    assert!(outcome.stderr.contains("in /nonexistent: "), "{}", outcome.stderr);
}

/// As containers are started whose platform gives them a number.
#[test]
fn a_user_without_a_name_is_told() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent();
    let mut command = match is_root() {
        true => agent.command(
            "setpriv",
            ["--reuid", "54321", "--regid", "54321", "--clear-groups", "--"],
        ),
        false => agent.command("unshare", ["--user", "--map-user=54321"]),
    };
    let output = command.arg(binary()).arg("drill").current_dir("/").output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("has none for the number 54321"), "{said}");
    assert!(said.contains("runAsUser: 10001"), "{said}");
}

/// Root's server runs as another user, who has to come to its files.
#[test]
fn a_closed_folder_of_root_s_is_told() {
    let stage = Stage::backed_up(SMALL);
    let folder = open_folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let agent = stage.agent().env("TMPDIR", &closed);
    if !is_root() {
        assert_proven(&agent);
        return;
    }
    let outcome = agent.run(["drill"]).ended_with(1);
    assert!(outcome.stderr.contains("can't enter"), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("that every user can enter"),
        "{}",
        outcome.stderr
    );
    assert_eq!(folders_in(&closed).len(), 0);
}

/// As Heroku's apt buildpack unpacks packages, below the app's folder.
#[test]
fn programs_that_were_unpacked_elsewhere_serve() {
    let stage = Stage::backed_up(SMALL);
    let bin = stage.cluster.bin();
    let version = bin.parent().unwrap();
    let major = version.file_name().unwrap();
    let root = version.ancestors().nth(3).unwrap();
    let app = open_folder();
    for part in ["lib/postgresql", "share/postgresql"] {
        let to = app.path().join(".apt/usr").join(part);
        fs::create_dir_all(&to).unwrap();
        let mut copy = Command::new("cp");
        let copied = copy.arg("-a").arg(root.join(part).join(major)).arg(&to).status();
        assert!(copied.unwrap().success());
    }
    let moved = app.path().join(".apt/usr/lib/postgresql").join(major).join("bin");
    let shown = Command::new(moved.join("initdb"))
        .args(["--show", "-D", "/nonexistent"])
        .output()
        .unwrap();
    let shown = said(&shown);
    // it takes its own files, and not those of the system
    assert!(
        is_root() || shown.contains(&app.path().join(".apt/usr/share").display().to_string()),
        "{shown}"
    );
    let agent = stage.agent().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", &moved);
    let report = assert_proven(&agent);
    assert_eq!(report["scratch"]["place"], "local");
}
