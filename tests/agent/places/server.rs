//! A place on a server, by SFTP: what it takes, and what a server that fails costs.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::json;

use super::files;
use crate::{
    stage::{BULKY, SMALL, Stage, next_second, wait_until},
    testbed::{Agent, Sshd, SshdOptions},
    tick::past::{Run, hours},
};

/// A database, a bucket, and a server with OpenSSH.
pub(super) struct OnServer {
    pub(super) stage: Stage,
    pub(super) sshd: Sshd,
}

impl OnServer {
    pub(super) fn of(sql: &'static str) -> Self {
        Self::with(sql, SshdOptions::default())
    }

    pub(super) fn with(sql: &'static str, options: SshdOptions) -> Self {
        Self {
            stage: Stage::of(sql),
            sshd: Sshd::with(options),
        }
    }

    /// An agent that knows the place `vps` on the server, with the host key pinned that it has now.
    pub(super) fn agent(&self) -> Agent {
        self.unpinned()
            .env("PGCOFFER_COPY_VPS_HOST_KEY", self.sshd.fingerprint("ed25519"))
    }

    fn unpinned(&self) -> Agent {
        let location = self.sshd.location(self.sshd.folder());
        self.stage
            .agent()
            .env("PGCOFFER_COPY_VPS_URL", location.to_string())
            .env("PGCOFFER_COPY_VPS_SSH_KEY", self.sshd.path("client"))
    }

    /// What is there: each file with its bytes.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.sshd.folder())
    }

    fn has_no_backup(&self) -> bool {
        let is_one = |name: &String| name.contains("/records/") || (name.contains("/archives/") && !is_temporary(name));
        !self.files().keys().any(is_one)
    }
}

/// Whether a file is one that an upload has not named yet.
fn is_temporary(name: &str) -> bool {
    !name.ends_with(".pgc")
}

#[test]
fn a_backup_is_copied_to_a_server_and_comes_back_from_it() {
    let scene = OnServer::of(SMALL);
    let agent = scene.agent();
    let made = agent.run(["backup", "--json"]).success().json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["copies"][0]["copied"][0]["id"], id, "{made:#}");
    let archive = scene.stage.bucket.read(&scene.stage.key("/archives/")).unwrap();
    let files = scene.files();
    let copy = files.iter().find(|(name, _)| name.contains("/archives/")).unwrap();
    assert_eq!(*copy.1, archive);
    assert!(!files.keys().any(|name| is_temporary(name)), "{:?}", files.keys());
    agent.run(["status"]).success();
    let shown = agent.run(["show", id]).success();
    assert!(
        shown.text().contains("1 of 1 places beside the bucket hold it: vps"),
        "{}",
        shown.text()
    );
    agent.run(["verify", id, "--from", "vps"]).success();
    let target = scene.stage.target();
    let args = ["restore", id, "--from", "vps", "--to", &target.url, "--confirm"];
    agent.run(args.into_iter().chain([target.name.as_str()])).success();
    assert_eq!(
        scene.stage.content(&target.name),
        scene.stage.content(&scene.stage.database)
    );
    // nothing is sent twice
    let before = scene.files();
    let again = agent.run(["copy", "--json"]).success().json();
    assert_eq!(again["copies"][0]["copied"], json!([]));
    assert_eq!(before, scene.files());
}

#[test]
fn check_shows_the_host_key_to_pin_and_nothing_learns_it() {
    let scene = OnServer::of(SMALL);
    let fingerprint = scene.sshd.fingerprint("ed25519");
    let unpinned = scene.unpinned();
    let refused = unpinned.run(["check"]).ended_with(8);
    assert!(
        refused.text().contains(&fingerprint) && refused.text().contains("PGCOFFER_COPY_VPS_HOST_KEY"),
        "{}",
        refused.text()
    );
    // neither that nor a copy has logged in
    let made = unpinned.run(["backup", "--json"]).success().json();
    let said = &made["copies"][0]["failure"];
    assert!(said["error"].as_str().unwrap().contains(&fingerprint), "{said:#}");
    assert!(
        said["hint"].as_str().unwrap().contains("PGCOFFER_COPY_VPS_HOST_KEY"),
        "{said:#}"
    );
    assert_eq!(scene.sshd.logins(), 0);
    assert!(scene.files().is_empty());
    scene.agent().run(["copy"]).success();
    let passed = scene.agent().run(["check"]);
    assert!(passed.text().contains("OpenSSH"), "{}", passed.text());
    assert!(passed.text().contains("Place vps, sftp://"), "{}", passed.text());
    assert!(
        passed.text().contains("it holds copies of repository"),
        "{}",
        passed.text()
    );
}

#[test]
fn a_server_with_another_host_key_is_told_nothing_and_the_backup_is_made() {
    let mut scene = OnServer::of(SMALL);
    let agent = scene.agent();
    agent.run(["backup"]).success();
    let before = scene.files();
    fs::remove_file(scene.sshd.path("host_ed25519")).unwrap();
    scene.sshd.make_key("host_ed25519", &["-t", "ed25519"]);
    scene.sshd.restart();
    next_second();
    let made = agent.run(["backup", "--json"]).success().json();
    let said = made["copies"][0]["failure"]["error"].as_str().unwrap();
    assert!(said.contains("another one is pinned"), "{said}");
    let status = agent.run(["status"]).ended_with(8);
    assert!(
        status.text().contains("the place vps can't be looked at"),
        "{}",
        status.text()
    );
    assert_eq!((before, scene.sshd.logins()), (scene.files(), 0));
}

#[test]
fn a_server_that_is_down_fails_no_backup_and_is_caught_up() {
    let mut scene = OnServer::of(SMALL);
    let agent = scene.agent();
    agent.run(["backup"]).success();
    scene.sshd.stop();
    next_second();
    let made = agent.run(["backup", "--json"]).success().json();
    assert!(made["copies"][0]["failure"].is_object(), "{made:#}");
    let listed = agent.run(["list"]).success();
    assert_eq!(listed.text().matches("manual").count(), 2, "{}", listed.text());
    assert!(
        listed.stderr.contains("the place vps can't be looked at"),
        "{}",
        listed.stderr
    );
    let status = agent.run(["status"]).ended_with(8);
    assert!(
        status
            .text()
            .contains("the place vps can't be looked at (0 of 1 place complete)"),
        "{}",
        status.text()
    );
    let checked = agent.run(["check"]).ended_with(8);
    let port = scene.sshd.port().to_string();
    assert!(checked.text().contains(&port), "{}", checked.text());
    scene.sshd.restart();
    let copied = agent.run(["copy", "--json"]).success().json();
    assert_eq!(copied["copies"][0]["held"], 2, "{copied:#}");
    agent.run(["status"]).success();
}

#[test]
fn a_copy_goes_on_after_its_connection_was_killed() {
    let scene = OnServer::of(BULKY);
    let agent = scene.agent().env("PGCOFFER_COMPRESSION", "none");
    scene
        .stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    let running = agent.env("PGCOFFER_COPY_VPS_RATE", "4MB").spawn(["copy"]);
    wait_until("bytes arrive", || {
        scene
            .files()
            .iter()
            .any(|(name, bytes)| is_temporary(name) && bytes.len() > 1 << 20)
    });
    assert!(scene.has_no_backup());
    assert!(scene.sshd.kill_sessions() > 0);
    running.wait().success();
    assert!(scene.sshd.logins() > 1);
    scene.agent().run(["verify", "--from", "vps"]).success();
    assert!(!scene.files().keys().any(|name| is_temporary(name)));
}

/// Stopped in order or killed, what has arrived is not sent again; it is read back with all the rest.
#[test]
fn a_copy_that_was_stopped_sends_what_the_server_lacks() {
    for (signal, status) in [("TERM", 143), ("KILL", 137)] {
        let scene = OnServer::of(BULKY);
        let stored = scene.stage.agent().env("PGCOFFER_COMPRESSION", "none");
        stored.run(["backup"]).success();
        let unfinished = || {
            let files = scene.files().into_iter();
            let mut temporary = files.filter(|(name, _)| is_temporary(name) && name.contains("/archives/"));
            temporary.next().map(|(name, bytes)| (name, bytes.len() as u64))
        };
        let running = scene.agent().env("PGCOFFER_COPY_VPS_RATE", "6MB").spawn(["copy"]);
        wait_until("bytes arrive", || {
            unfinished().is_some_and(|(_, bytes)| bytes > 10 << 20)
        });
        running.signal(signal);
        assert_eq!(running.wait().code(), status);
        assert!(scene.has_no_backup());
        let (name, there) = unfinished().unwrap();
        if signal == "KILL" {
            // nobody said that it was given up: it has to stand still for ten minutes
            let file = fs::File::options()
                .write(true)
                .open(scene.sshd.folder().join(&name))
                .unwrap();
            let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(660);
            file.set_modified(earlier).unwrap();
        }
        scene.sshd.kill_sessions();
        let before = scene.sshd.received();
        scene.agent().run(["copy"]).success();
        let archive = scene.stage.bucket.read(&scene.stage.key("/archives/")).unwrap().len() as u64;
        wait_until("the session's end is in the log", || scene.sshd.received() > before);
        let sent = scene.sshd.received() - before;
        assert!(
            sent < archive - there + (5 << 20),
            "{signal}: {sent} of {archive} bytes, {there} were there"
        );
        assert!(unfinished().is_none());
        scene.agent().run(["verify", "--from", "vps"]).success();
    }
}

#[test]
fn a_full_disk_leaves_nothing_that_looks_like_a_backup() {
    let options = SshdOptions {
        file_kib_max: Some(4 << 10),
        ..SshdOptions::default()
    };
    let mut scene = OnServer::with(BULKY, options);
    let agent = scene.agent().env("PGCOFFER_COMPRESSION", "none");
    let made = agent.run(["backup", "--json"]).success().json();
    let report = &made["copies"][0];
    assert_eq!(report["copied"], json!([]), "{report:#}");
    assert_eq!(report["failed"].as_array().unwrap().len(), 1, "{report:#}");
    assert!(scene.has_no_backup(), "{:?}", scene.files().keys());
    agent.run(["status"]).ended_with(8);
    scene.sshd.lift_file_limit();
    agent.run(["copy"]).success();
    agent.run(["verify", "--from", "vps"]).success();
}

#[test]
fn what_has_run_out_there_is_deleted_and_nothing_of_others() {
    let scene = OnServer::of(SMALL);
    for days in [300, 200, 3, 2, 1] {
        scene.stage.put(Run::ago(hours(24 * days)));
    }
    let root = scene.sshd.folder();
    foreign(&scene, &root);
    let before = scene.files();
    scene
        .agent()
        .env("PGCOFFER_COPY_VPS_RETAIN", "2y")
        .run(["copy"])
        .success();
    let there = || {
        let listed = scene.agent().run(["list", "--from", "vps", "--json"]).success().json();
        listed["backups"].as_array().unwrap().len()
    };
    assert_eq!(there(), 5);
    let agent = scene.agent().env("PGCOFFER_COPY_VPS_RETAIN", "30d");
    agent.run(["prune"]).success();
    assert_eq!(there(), 3);
    let after = scene.files();
    let lost: Vec<&String> = before
        .iter()
        .filter(|(name, bytes)| after.get(*name) != Some(*bytes))
        .map(|(name, _)| name)
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    for link in ["link", "main/archives/daily/20200101T000000Z-aaaaaaaaaaaa.pgc"] {
        assert!(fs::symlink_metadata(root.join(link)).unwrap().is_symlink(), "{link}");
    }
}

/// What others may keep there: files in our folders, links out of them, a pipe, and odd names.
fn foreign(scene: &OnServer, root: &Path) {
    let daily = root.join("main/archives/daily");
    fs::create_dir_all(&daily).unwrap();
    for name in ["notes.txt", "a\nb.pgc", "-rf", "20200101T000000Z-bbbbbbbbbbbb.pgc.bak"] {
        fs::write(daily.join(name), "not ours").unwrap();
    }
    std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", daily.join("20200101T000000Z-aaaaaaaaaaaa.pgc")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(daily.join("pipe")).status();
    assert!(made.unwrap().success());
    for folder in [&root.join("main"), &root.join("main/archives"), &daily] {
        scene.sshd.give(folder);
    }
}
