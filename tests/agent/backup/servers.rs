//! The database's side: logins, rights, versions of servers and clients, locks, and targets that are in use.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, process::Stdio, time::Duration};

use crate::{
    config::refusals::refused,
    stage::{SMALL, Stage, unique, wait_until},
    testbed::{Cluster, ClusterOptions, Fault, Rule},
};

/// A server that asks for a password.
fn guarded(password: &str, sql: &str) -> Cluster {
    let cluster = Cluster::start_with(ClusterOptions {
        password: Some(password.to_owned()),
        ..ClusterOptions::default()
    });
    cluster.create_database("guarded");
    cluster.psql("guarded", sql);
    cluster
}

#[test]
fn passwords_may_hold_anything_and_wrong_ones_are_told() {
    let password = r#"@:/%+ '"\pässwörd#?&=€"#;
    let (cluster, stage) = (guarded(password, SMALL), Stage::small());
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", cluster.url("guarded"));
    agent.run(["backup"]).success();
    stage.run(["verify"]).success();
    let target = cluster.create_database("restored");
    stage
        .run(["restore", "latest", "--to", &target, "--confirm", "restored"])
        .success();
    assert_eq!(cluster.psql("restored", "select count(*) from people"), "500");

    let wrong = cluster.url_as("postgres", Some("wr0ng-pa55word"), "guarded");
    let outcome = refused(
        &stage,
        stage.agent().env("PGCOFFER_DB_MAIN_URL", &wrong).run(["backup", "-vv"]),
        3,
        &["check the user and the password"],
    );
    stage.assert_no_secret(&outcome, &["wr0ng-pa55word", password]);
    let outcome = refused(
        &stage,
        stage.run(["restore", "latest", "--to", &wrong, "--confirm", "guarded"]),
        3,
        &["password"],
    );
    stage.assert_no_secret(&outcome, &["wr0ng-pa55word"]);
}

#[test]
fn a_role_without_rights_is_told_what_to_grant_before_a_byte_is_sent() {
    let stage =
        Stage::of("create table public.open (id int); create schema shut; create table shut.secret (id serial);");
    let role = unique("reader");
    stage.cluster.psql("postgres", &format!("create role {role} login"));
    let url = stage.cluster.url_as(&role, None, &stage.database);
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", &url);
    let outcome = refused(
        &stage,
        agent.run(["backup"]),
        3,
        &["GRANT USAGE ON SCHEMA", "GRANT SELECT ON", "shut"],
    );
    assert_eq!(stage.bucket.count("CreateMultipartUpload"), 0);
    stage.assert_no_backup();

    // what it says is what is needed
    let hint = outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .unwrap();
    let (_, grants) = hint.split_at(hint.find("GRANT").unwrap());
    let (grants, _) = grants.rsplit_once(';').unwrap();
    stage.cluster.psql(&stage.database, grants);
    agent.run(["backup"]).success();
}

/// A folder with the programs of a client that says it is of this version.
fn client_of(stage: &Stage, version: &str) -> PathBuf {
    let folder = stage.file("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["pg_dump", "pg_restore"] {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn a_server_newer_than_every_client_is_refused_with_the_package_to_install() {
    let stage = Stage::on(Some(18), SMALL);
    let older = Cluster::shared(None).bin();
    let outcome = stage.agent().env("PGCOFFER_PG_BIN", older).run(["backup"]);
    refused(
        &stage,
        outcome,
        3,
        &[
            "PostgreSQL 18",
            "postgresql-client-18",
            "PGCOFFER_PG_BIN names",
            "no other folder",
        ],
    );
    stage.assert_no_backup();
    assert_eq!(stage.failure()["exit_status"], 3);
}

#[test]
fn a_folder_without_pg_dump_is_refused_and_in_the_history() {
    let stage = Stage::small();
    let folder = stage.file("empty");
    std::fs::create_dir(&folder).unwrap();
    let outcome = stage.agent().env("PGCOFFER_PG_BIN", &folder).run(["backup"]);
    refused(&stage, outcome, 3, &["pg_dump", "PGCOFFER_PG_BIN"]);
    assert_eq!(stage.failure()["exit_status"], 3);
}

#[test]
fn the_clients_own_version_is_preferred() {
    let stage = Stage::small();
    let folder = client_of(&stage, "99.1");
    // of the server's major and 99, the server's own is the nearest
    std::os::unix::fs::symlink(stage.cluster.bin(), folder.join("own")).unwrap();
    stage.agent().env("PGCOFFER_PG_BIN", folder).run(["backup"]).success();
}

#[test]
fn the_folder_that_is_named_is_the_only_one() {
    let stage = Stage::small();
    let folder = client_of(&stage, "99.1");
    // the server's own version is on the path, and would be preferred
    let agent = stage.agent().env("PGCOFFER_PG_BIN", folder);
    let outcome = agent.run(["check"]).ended_with(0);
    assert!(outcome.text().contains("pg_dump 99.1\n"), "{}", outcome.text());
    assert!(agent.run(["backup"]).code() != 0);
    stage.assert_no_backup();
}

#[test]
fn of_two_runs_at_once_one_is_refused() {
    let stage = Stage::small();
    stage
        .bucket
        .inject(Rule::on("UploadPart"), Fault::Delay { millis: 2000 });
    let first = stage.agent().spawn(["backup"]);
    wait_until("the first holds the lock", || {
        stage.bucket.count("CreateMultipartUpload") == 1
    });
    refused(
        &stage,
        stage.run(["backup"]),
        6,
        &["another run holds the lock of main", "wait"],
    );
    first.wait().success();
    let records = stage.records();
    assert_eq!(records.len(), 1, "a run that was none leaves no record");
    stage.back_up();
}

#[test]
fn a_target_that_is_not_empty_is_left_alone() {
    let stage = Stage::backed_up(SMALL);
    for occupant in [
        "create table mine (id int)",
        "create schema mine",
        "create view mine as select 1",
        "create sequence mine",
    ] {
        let target = stage.target();
        stage.cluster.psql(&target.name, occupant);
        refused(&stage, stage.restore(&target), 3, &["not empty", "mine", "--clean"]);
    }
    // whose own data it would be
    let own = stage.cluster.url(&stage.database);
    refused(
        &stage,
        stage.run(["restore", "latest", "--to", &own, "--confirm", &stage.database]),
        3,
        &["backed up as main", "not empty"],
    );
    let target = stage.target();
    let nowhere = target.url.replace(&target.name, "nowhere");
    refused(
        &stage,
        stage.run(["restore", "latest", "--to", &nowhere, "--confirm", "nowhere"]),
        3,
        &["nowhere"],
    );
}

#[test]
fn a_lock_on_a_table_is_no_matter_for_a_signal() {
    let stage = Stage::small();
    let holder = stage.agent().timeout(Duration::from_secs(30));
    let mut psql = stage.cluster.client("psql");
    psql.args([
        "-c",
        "begin; lock table people; select pg_sleep(20)",
        &stage.cluster.url(&stage.database),
    ]);
    let mut psql = psql.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the table is locked", || {
        let locks =
            "select count(*) from pg_locks where relation = 'people'::regclass and mode = 'AccessExclusiveLock'";
        stage.cluster.psql(&stage.database, locks) == "1"
    });
    let running = holder.spawn(["backup"]);
    wait_until("pg_dump waits", || !stage.bucket.uploads_under_way().is_empty());
    running.signal("TERM");
    let outcome = running.wait().ended_with(143);
    assert!(outcome.elapsed < Duration::from_secs(15));
    psql.kill().unwrap();
    psql.wait().unwrap();
    stage.assert_no_backup();
}
