//! In drop-box mode a server gets the backup by SFTP while the database is dumped: whole, cut off, full, or lying.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    drop_box::{in_s3, sealed, writing_only},
    files, of_place,
    server::OnServer,
    with_folder,
};
use crate::{
    stage::{BULKY, Stage, wait_until},
    testbed::{Agent, PASSWORD, SftpBehaviour, SftpServer, SshdOptions},
};

/// An agent that may only write to the bucket, and knows the place on the server.
fn dyno(scene: &OnServer) -> Agent {
    writing_only(scene.agent(), &scene.stage.bucket)
        .env("PGCOFFER_COMPRESSION", "none")
        .env("PGCOFFER_SCHEDULE", "daily keep 7d")
}

fn there(folder: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    sealed(files(folder).into_iter())
}

fn copies(made: &Value) -> &[Value] {
    made["copies"].as_array().unwrap()
}

#[track_caller]
fn assert_failed(report: &Value) {
    assert_eq!(report["held"], 0, "{report:#}");
    assert_eq!(report["failed"].as_array().unwrap().len(), 1, "{report:#}");
}

#[test]
fn a_server_gets_the_bytes_of_the_bucket_while_they_are_made() {
    let scene = OnServer::of(BULKY);
    let running = dyno(&scene).spawn(["backup", "--json"]);
    let made = running.wait().success().json();
    assert_eq!(of_place(copies(&made), "vps")["held"], 1, "{made:#}");
    let was = in_s3(&scene.stage.bucket, "backups/");
    assert_eq!(was.len(), 3, "{:?}", was.keys());
    assert!(was == there(&scene.sshd.folder()));
    scene.agent().run(["verify", "--from", "vps"]).success();
    let target = scene.stage.target();
    let args = crate::stage::restore_args(&target);
    scene.agent().run(args.into_iter().chain(["--from", "vps"])).success();
    assert_eq!(
        scene.stage.cluster.psql(&target.name, "select count(*) from bulk"),
        "1600"
    );
}

/// Its connection is killed in the middle: the upload goes on over another one, and the dump ends as it would.
#[test]
fn a_connection_that_is_cut_in_the_middle_costs_no_copy() {
    let scene = OnServer::of(BULKY);
    let running = dyno(&scene)
        .env("PGCOFFER_COPY_VPS_RATE", "4MB")
        .spawn(["backup", "--json"]);
    wait_until("bytes arrive", || {
        files(&scene.sshd.folder()).values().any(|bytes| bytes.len() > 1 << 20)
    });
    assert!(scene.sshd.kill_sessions() > 0);
    let made = running.wait().success().json();
    assert_eq!(of_place(copies(&made), "vps")["held"], 1, "{made:#}");
    assert!(in_s3(&scene.stage.bucket, "backups/") == there(&scene.sshd.folder()));
}

/// The disk of the server is full: the backup is one in the bucket and in the other place, and nothing there looks like
/// a backup.
#[test]
fn a_full_disk_keeps_nothing_else_from_the_backup() {
    let options = SshdOptions {
        file_kib_max: Some(4 << 10),
        ..SshdOptions::default()
    };
    let mut scene = OnServer::with(BULKY, options);
    let nas = tempfile::tempdir().unwrap();
    let both = |agent: Agent| with_folder(agent, nas.path());
    let made = both(dyno(&scene)).run(["backup", "--json"]).success().json();
    assert_eq!(made["status"], "succeeded");
    assert_failed(of_place(copies(&made), "vps"));
    assert_eq!(of_place(copies(&made), "nas")["held"], 1, "{made:#}");
    assert!(
        there(&scene.sshd.folder()).is_empty(),
        "{:?}",
        files(&scene.sshd.folder()).keys()
    );
    let left: Vec<String> = files(&scene.sshd.folder()).into_keys().collect();
    assert_eq!(left, ["repository.pgc"]);
    assert!(in_s3(&scene.stage.bucket, "backups/") == there(nas.path()));
    crate::stage::next_second();
    both(dyno(&scene)).run(["tick"]).ended_with(8);
    scene.sshd.lift_file_limit();
    both(scene.agent()).run(["copy"]).success();
    scene.agent().run(["verify", "--from", "vps"]).success();
}

/// A server that takes every byte, says so, and keeps others.
#[test]
fn a_server_that_keeps_other_bytes_holds_no_backup() {
    let stage = Stage::of(BULKY);
    let server = SftpServer::start(SftpBehaviour {
        damages: true,
        ..SftpBehaviour::default()
    });
    let location = server.sftp_options().location.to_string();
    let agent = stage
        .agent()
        .env("PGCOFFER_COPY_VPS_URL", location)
        .env("PGCOFFER_COPY_VPS_PASSWORD", PASSWORD)
        .env("PGCOFFER_COPY_VPS_HOST_KEY", server.fingerprint());
    let made = writing_only(agent, &stage.bucket)
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup", "--json"])
        .success()
        .json();
    assert_failed(of_place(copies(&made), "vps"));
    let said = serde_json::to_string(&made["copies"]).unwrap();
    assert!(said.contains("what was read back is not what was written"), "{said}");
    assert!(there(server.folder()).is_empty(), "{:?}", files(server.folder()).keys());
}
