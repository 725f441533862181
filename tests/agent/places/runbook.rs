//! The bucket is gone, and a place on a server is all that is left: the steps of docs/recovery.md and
//! docs/restore-by-hand.md, as they stand there.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use super::server::OnServer;
use crate::{
    stage::{KEY, SMALL},
    testbed::{Agent, project},
};

/// The blocks of a page that have this fence, in order.
fn blocks(page: &str, fence: &str) -> Vec<String> {
    let text = fs::read_to_string(project().join("docs").join(page)).unwrap();
    let fence = format!("```{fence}\n");
    let behind = text.split(&fence).skip(1);
    behind
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// Agent and server after the bucket was deleted, with two backups that are only there.
fn with_lost_bucket() -> (OnServer, Agent) {
    let scene = OnServer::of(SMALL);
    scene.agent().run(["backup"]).success();
    for key in scene.stage.bucket.keys() {
        assert!(scene.stage.bucket.delete(&key));
    }
    let lost = [
        "PGCOFFER_BUCKET",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL",
    ];
    let agent = lost.iter().fold(scene.agent(), |agent, name| match agent.sets(name) {
        true => agent.without(name),
        false => agent,
    });
    (scene, agent)
}

#[test]
fn the_place_and_the_key_are_enough() {
    let (scene, agent) = with_lost_bucket();
    let listed = agent.run(["list", "--from", "vps", "--json"]).success().json();
    assert_eq!(listed["backups"][0]["good"], true, "{listed:#}");
    let target = scene.stage.target();
    let restore = [
        "restore",
        "latest",
        "--from",
        "vps",
        "--to",
        &target.url,
        "--confirm",
        &target.name,
    ];
    agent.run(restore).success();
    assert_eq!(
        scene.stage.content(&target.name),
        scene.stage.content(&scene.stage.database)
    );
}

#[test]
fn sftp_python_and_pg_restore_are_enough() {
    let (scene, _) = with_lost_bucket();
    let folder = tempfile::tempdir().unwrap();
    let fetch = blocks("recovery.md", "sh needs=account")
        .into_iter()
        .find(|block| block.starts_with("sftp "))
        .unwrap();
    let archives = scene.sshd.folder().join("main/archives");
    let tier = only_entry(&archives);
    let archive = only_entry(&archives.join(&tier));
    let fetch = fetch
        .replace("backup@server.example.com", "the-server")
        .replace("pgcoffer/main", &format!("{}/main", scene.sshd.folder().display()))
        .replace("daily/ID.pgc", &format!("{tier}/{archive}"));
    // the client takes the server's address and keys from here
    let host = format!("[127.0.0.1]:{} {}", scene.sshd.port(), scene.sshd.host_key("ed25519"));
    fs::write(folder.path().join("known_hosts"), host).unwrap();
    let config = format!(
        "Host the-server\nHostName 127.0.0.1\nPort {}\nUser {}\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n\
         StrictHostKeyChecking yes\nBatchMode yes\n",
        scene.sshd.port(),
        scene.sshd.user(),
        scene.sshd.path("client").display(),
        folder.path().join("known_hosts").display()
    );
    fs::write(folder.path().join("config"), config).unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let client = format!(
        "#!/bin/sh\nexec /usr/bin/sftp -F '{}' \"$@\"\n",
        folder.path().join("config").display()
    );
    fs::write(bin.join("sftp"), client).unwrap();
    fs::set_permissions(bin.join("sftp"), fs::Permissions::from_mode(0o755)).unwrap();
    let [script] = blocks("restore-by-hand.md", "python file=open_sealed.py")
        .try_into()
        .unwrap();
    fs::write(folder.path().join("open_sealed.py"), script).unwrap();
    let steps = blocks("restore-by-hand.md", "sh").concat();
    let target = scene.stage.target();
    let path = [bin.as_path(), scene.stage.cluster.bin()].map(|path| path.display().to_string());
    let output = Command::new("bash")
        .args(["-eu", "-c", &format!("{fetch}\n{steps}")])
        .current_dir(&folder)
        .env("PATH", format!("{}:{}", path.join(":"), std::env::var("PATH").unwrap()))
        .env("SEALED", "newest.pgc")
        .env("TARGET", &target.url)
        .env("PGCOFFER_KEY", KEY)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        scene.stage.content(&target.name),
        scene.stage.content(&scene.stage.database)
    );
}

fn only_entry(folder: &Path) -> String {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    entry.file_name().into_string().unwrap()
}
