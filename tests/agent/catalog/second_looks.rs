//! What looks right at first and isn't: checksums that differ, archives that are gone, ids that are taken, secrets in
//! wrong places.

use pgcoffer::seal::{Content, MasterKey, PayloadCompression, Secret};
use serde_json::Value;

use crate::{
    backup::kills::BACKUP,
    stage::{KEY, SMALL, Stage, wait_until},
    testbed::{Fault, REPOSITORY, Rule, sealed},
};

#[test]
fn bytes_that_the_service_says_are_others_are_no_backup() {
    let stage = Stage::small();
    stage
        .bucket
        .behave(|b| b.false_checksum = Some("AAAAAAAAAAA=".to_owned()));
    let outcome = stage
        .agent()
        .env("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
        .run(["backup"])
        .ended_with(4);
    assert!(outcome.stderr.contains("AAAAAAAAAAA="), "{}", outcome.stderr);
    assert_eq!(stage.failure()["exit_status"], 4);
}

#[test]
fn a_backup_whose_archive_is_gone_is_not_called_good() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.delete(&stage.key("/archives/"));
    let listed = stage.run(["list"]).success();
    assert!(
        listed.text().contains("main: THERE IS NO GOOD BACKUP"),
        "{}",
        listed.text()
    );
    assert!(listed.text().contains("archive missing"), "{}", listed.text());
    let outcome = stage.run(["verify"]).ended_with(5);
    assert!(outcome.stderr.contains("its archive is gone"), "{}", outcome.stderr);
}

#[test]
fn a_backup_whose_archive_has_another_length_is_not_called_good() {
    let stage = Stage::backed_up(SMALL);
    let key = stage.key("/archives/");
    let mut bytes = stage.bucket.read(&key).unwrap();
    bytes.pop();
    stage.bucket.write(&key, bytes);
    let listed = stage.run(["list", "--json"]).success().json();
    assert_eq!(listed["databases"][0]["newest_good"], Value::Null);
    assert_eq!(listed["backups"][0]["good"], false);
}

#[test]
fn every_database_shows_its_newest_run_whatever_the_limit() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .database_url("other", "postgres://nobody:x@127.0.0.1:1/none");
    agent.run(["backup", "main"]).success();
    agent.run(["backup", "other"]).ended_with(3);
    for _ in 0..2 {
        agent.run(["backup", "main"]).success();
    }
    let listed = agent.run(["list", "-n", "1"]).success();
    assert!(
        listed.text().contains("other: the last run FAILED"),
        "{}",
        listed.text()
    );
    assert!(
        listed.text().contains("other: THERE IS NO GOOD BACKUP"),
        "{}",
        listed.text()
    );
}

/// Two machines whose clocks strike at once: one fails before it comes to the lock, the other works for hours.
#[test]
fn the_record_of_a_run_that_failed_in_the_same_second_gives_way() {
    let stage = Stage::bulky();
    stage
        .bucket
        .inject(Rule::on("UploadPart").nth(2), Fault::Delay { millis: 3000 });
    let running = stage.agent().spawn(BACKUP);
    wait_until("an upload", || !stage.bucket.uploads_under_way().is_empty());
    let key = stage.bucket.uploads_under_way()[0].key.clone();
    let id = key.rsplit('/').next().unwrap().trim_end_matches(".pgc").to_owned();
    let failed = serde_json::json!({
        "version": 1, "repository": REPOSITORY, "id": id, "database": "main", "tier": "manual", "retention": "forever", "expires": null,
        "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:00Z", "agent": "0", "status": "failed",
        "exit_status": 3, "source": null, "sealed": null,
    });
    let secret = Secret::Key(MasterKey::parse(KEY).unwrap());
    let plain = failed.to_string();
    let record = sealed(
        &id,
        Content::Record,
        PayloadCompression::None,
        "main",
        &secret,
        plain.as_bytes(),
    );
    stage.bucket.write(&format!("backups/main/records/{id}.pgc"), record);
    running.wait().success();
    assert_eq!(stage.records().len(), 1);
    stage.run(["verify", &id]).success();
}

#[test]
fn two_runs_that_fail_in_the_same_second_both_leave_a_record() {
    let stage = Stage::small();
    let agent = || {
        let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
        stage.agent().database_url("main", nowhere)
    };
    let (one, other) = (agent().spawn(BACKUP), agent().spawn(BACKUP));
    for run in [one, other] {
        let outcome = run.wait();
        assert_eq!(outcome.status.code(), Some(3), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("could not be written"), "{}", outcome.stderr);
    }
    assert_eq!(stage.records().len(), 2);
}

#[test]
fn a_password_typed_in_a_wrong_place_is_not_repeated() {
    let stage = Stage::backed_up(SMALL);
    let url = "postgres://joe:hunter2@db.example/x";
    for command in [
        vec!["backup", url],
        vec!["list", "--database", url],
        vec!["restore", url, "--to", "env:X"],
        vec!["show", url],
        vec!["list", url],
        vec!["restore", "latest", "--to", "mysql://joe:hunter2@db.example/x"],
    ] {
        let outcome = stage.run(command).ended_with(2);
        assert!(!outcome.stderr.to_lowercase().contains("hunter2"), "{}", outcome.stderr);
    }
}

#[test]
fn errors_are_part_of_a_json_log() {
    let stage = Stage::small();
    let outcome = stage.run(["show", "latest", "--log-format", "json"]).ended_with(7);
    for line in outcome.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["exit_status"], 7);
    }
}
