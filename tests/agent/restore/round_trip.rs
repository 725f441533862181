//! There and back: what was backed up comes out again, equal by other means than our own.

use std::process::Command;

use serde_json::Value;

use crate::{
    stage::{HUGE, KEY, SMALL, Stage, Target, restore_args},
    testbed::{Agent, LocalStack},
};

/// Restores the newest backup, and compares the two databases by SQL.
#[track_caller]
pub(crate) fn assert_restores(stage: &Stage) -> Target {
    let target = stage.target();
    stage.restore(&target).success();
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));
    target
}

/// Names, rows, bytes and fingerprints of a record's tables.
fn fingerprints(record: &Value) -> Vec<Value> {
    let mut tables = record["tables"].as_array().unwrap().clone();
    for table in &mut tables {
        table.as_object_mut().unwrap().remove("span");
    }
    tables
}

fn fingerprint_of_copy(stage: &Stage, target: &Target) -> Value {
    stage
        .agent()
        .env("PGCOFFER_DB_COPY_URL", &target.url)
        .run(["backup", "copy", "--json"])
        .success()
        .json()
}

#[track_caller]
pub(crate) fn whole_road(stage: &Stage) {
    let record = stage.back_up();
    let id = record["id"].as_str().unwrap();
    assert!(stage.run(["list"]).success().text().contains(id));
    assert!(stage.run(["show", id]).success().text().contains(id));
    assert!(stage.run(["verify", &id[..18]]).success().text().contains("is good"));
    let target = assert_restores(stage);
    let copy = fingerprint_of_copy(stage, &target);
    assert_eq!(fingerprints(&copy), fingerprints(&record));
    assert_eq!(copy["large_objects"], record["large_objects"]);
}

#[test]
fn a_shop_with_unusual_objects_is_restored() {
    whole_road(&Stage::shop(None));
}

#[test]
fn a_shop_on_postgresql_18_is_restored() {
    whole_road(&Stage::shop(Some(18)));
}

#[test]
fn a_shop_on_postgresql_16_is_restored() {
    whole_road(&Stage::shop(Some(16)));
}

#[test]
fn pg_restore_reads_what_get_wrote() {
    let stage = Stage::shop(None);
    stage.back_up();
    let file = stage.fetch("shop.dump");
    let target = stage.target();
    let mut restore = stage.cluster.client("pg_restore");
    restore
        .args(["--exit-on-error", "--no-owner", "-d", &target.url])
        .arg(file);
    assert!(restore.status().unwrap().success());
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));
}

#[test]
fn open_writes_the_same_as_get_without_a_network() {
    let stage = Stage::shop(None);
    stage.back_up();
    let plain = std::fs::read(stage.fetch("plain.dump")).unwrap();
    let sealed = stage.file("sealed.pgc");
    let outcome = stage
        .run(["get", "latest", "--sealed", "-o", sealed.to_str().unwrap()])
        .success();
    assert!(outcome.text().contains("sealed.pgc"));
    assert_eq!(
        std::fs::read(&sealed).unwrap(),
        stage.bucket.read(&stage.key("/archives/")).unwrap()
    );
    let offline = Agent::new().key(KEY);
    offline.run(["open", sealed.to_str().unwrap()]).success();
    assert_eq!(std::fs::read(stage.file("sealed.dump")).unwrap(), plain);
    let piped = offline.run(["open", sealed.to_str().unwrap(), "-o", "-"]).success();
    assert_eq!(piped.stdout, plain);
}

#[test]
fn get_chooses_the_name_of_a_file_that_only_its_owner_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::small();
    let record = stage.back_up();
    stage.run(["get", "latest"]).success();
    let file = stage.file(&format!("main-{}.dump", record["id"].as_str().unwrap()));
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_compression_is_restored() {
    for how in ["none", "zstd", "zstd:6", "zstd:19"] {
        let stage = Stage::small();
        let record = stage.back_up_with(["--compression", how]);
        let algorithm = record["sealed"]["compression"]["algorithm"].as_str().unwrap();
        assert!(how.starts_with(algorithm));
        stage.run(["verify"]).success();
        assert_restores(&stage);
    }
}

#[test]
fn many_small_parts_are_restored() {
    let stage = Stage::of(HUGE);
    stage.back_up_with(["--compression", "none", "--part-size", "5"]);
    assert_eq!(stage.bucket.count("UploadPart"), 13);
    stage.run(["verify"]).success();
    assert_restores(&stage);
}

#[test]
fn clean_replaces_the_contents_of_a_target() {
    let stage = Stage::backed_up(SMALL);
    let target = assert_restores(&stage);
    stage
        .cluster
        .psql(&target.name, "update people set name = 'changed'; drop table visits;");
    stage.restore(&target).ended_with(3);
    stage
        .restore_with(&target, ["--clean", "--single-transaction"])
        .success();
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));
}

#[test]
fn a_variable_can_name_the_target() {
    let stage = Stage::backed_up(SMALL);
    let target = stage.target();
    let agent = stage.agent().env("TARGET_URL", &target.url);
    agent
        .run(["restore", "latest", "--to", "env:TARGET_URL", "--confirm", &target.name])
        .success();
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));
}

#[test]
fn localstack_stores_a_backup_with_its_tags() {
    let stage = Stage::shop(None);
    let bucket = LocalStack::shared().bucket();
    let agent = stage.agent().localstack(&bucket);
    let record = agent
        .run(["backup", "--json", "--tier", "weekly", "--retain", "5w"])
        .success()
        .json();
    assert_eq!(
        record["warnings"].as_array().unwrap().len(),
        0,
        "{}",
        record["warnings"]
    );
    agent.run(["verify"]).success();
    let target = stage.target();
    agent.run(restore_args(&target)).success();
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));

    let key = format!(
        "backups/{}",
        record["sealed"]["objects"][0]["key"]
            .as_str()
            .unwrap()
            .trim_start_matches("backups/")
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let request = bucket.client().get_object_tagging().bucket(bucket.name()).key(key);
    let answer = runtime.block_on(request.send()).unwrap();
    let tags: Vec<String> = answer
        .tag_set()
        .iter()
        .map(|tag| format!("{}={}", tag.key(), tag.value()))
        .collect();
    for tag in ["pgcoffer:database=main", "pgcoffer:tier=weekly", "pgcoffer:retain=5w"] {
        assert!(tags.contains(&tag.to_owned()), "{tag} is not in {tags:?}");
    }
    assert_eq!(tags.len(), 5, "{tags:?}");
}

#[test]
fn many_parts_are_restored_from_localstack() {
    let stage = Stage::bulky();
    let bucket = LocalStack::shared().bucket();
    let agent = stage.agent().localstack(&bucket);
    agent
        .run(["backup", "--compression", "none", "--part-size", "5"])
        .success();
    agent.run(["verify"]).success();
}

#[test]
fn what_get_wrote_is_what_pg_dump_lists() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.fetch("small.dump");
    let output = Command::new(stage.cluster.bin().join("pg_restore"))
        .arg("--list")
        .arg(file)
        .output()
        .unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    for entry in [
        "TABLE DATA public people",
        "TABLE DATA public visits",
        "VIEW public guests",
    ] {
        assert!(listing.contains(entry), "{listing}");
    }
}
