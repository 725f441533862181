//! A backup is good because it was looked at: what was overwritten, deleted or slipped in is seen.

use crate::{
    stage::{BULKY, SMALL, Stage},
    testbed::{Fault, Rule},
};

/// Two backups, the older one first.
fn two() -> (Stage, [String; 2]) {
    let stage = Stage::of(SMALL);
    let ids = [(); 2].map(|()| stage.back_up()["id"].as_str().unwrap().to_owned());
    (stage, ids)
}

fn archive(stage: &Stage, id: &str) -> String {
    let mut keys = stage.keys("/archives/").into_iter();
    keys.find(|key| key.contains(id)).unwrap()
}

/// Nobody takes the newer one for a backup, and everybody says so.
#[track_caller]
fn only_the_older_counts(stage: &Stage, [old, new]: &[String; 2]) {
    let listed = stage.run(["list", "--json"]).success().json();
    let good: Vec<(String, bool)> = listed["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one["good"] == true))
        .collect();
    assert_eq!(good, [(new.clone(), false), (old.clone(), true)]);
    let status = stage.run(["status"]).ended_with(8);
    assert!(status.text().contains(new.as_str()), "{}", status.text());
    let latest = stage.run(["verify", "latest", "--json"]).success();
    assert_eq!(latest.json()["id"], old.as_str());
    assert!(latest.stderr.contains(new.as_str()), "{}", latest.stderr);
}

#[test]
fn noise_of_the_same_length_is_no_backup() {
    let (stage, ids) = two();
    let key = archive(&stage, &ids[1]);
    let length = stage.bucket.read(&key).unwrap().len();
    stage.bucket.write(&key, vec![0xa5; length]);
    only_the_older_counts(&stage, &ids);
}

#[test]
fn another_backups_archive_of_the_same_length_is_no_backup() {
    let (stage, ids) = two();
    let other = stage.bucket.read(&archive(&stage, &ids[0])).unwrap();
    stage.bucket.write(&archive(&stage, &ids[1]), other);
    only_the_older_counts(&stage, &ids);
}

#[test]
fn a_spoiled_end_is_seen_where_the_beginning_is_right() {
    let (stage, ids) = two();
    let key = archive(&stage, &ids[1]);
    let mut bytes = stage.bucket.read(&key).unwrap();
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    stage.bucket.write(&key, bytes);
    only_the_older_counts(&stage, &ids);
}

#[test]
fn an_archive_that_is_gone_is_no_latest() {
    let (stage, ids) = two();
    assert!(stage.bucket.delete(&archive(&stage, &ids[1])));
    only_the_older_counts(&stage, &ids);
}

#[test]
fn a_deleted_record_leaves_an_archive_that_status_tells_of() {
    let (stage, ids) = two();
    let record = format!("backups/main/records/{}.pgc", ids[1]);
    assert!(stage.bucket.delete(&record));
    // a run may be between its archive and its record just now
    stage.run(["status"]).success();
    let key = archive(&stage, &ids[1]);
    stage.bucket.age(&key, std::time::Duration::from_secs(2 * 3600));
    let status = stage.run(["status"]).ended_with(8);
    assert!(status.text().contains("without their record"), "{}", status.text());
    assert!(status.text().contains(&ids[1]), "{}", status.text());
}

#[test]
fn copies_of_archives_are_sure_once_they_were_read() {
    let (stage, ids) = two();
    // as a copy by another tool is: the same bytes, and an entity tag of its own
    for id in &ids {
        let key = archive(&stage, id);
        let bytes = stage.bucket.read(&key).unwrap();
        stage.bucket.write(&key, bytes);
    }
    for doubt in doubts(&stage) {
        assert!(doubt.is_some_and(|doubt| doubt.contains("another object")));
    }
    let listed = stage.run(["list"]).success();
    assert!(listed.text().contains("newest good backup is"), "{}", listed.text());
    // where none is sure, the newest is what there is
    let latest = stage.run(["show", "latest", "--json"]).success();
    assert_eq!(latest.json()["id"], ids[1].as_str());
    assert!(latest.stderr.contains("another object"), "{}", latest.stderr);
    let status = stage.run(["status"]).ended_with(8);
    assert!(
        status.text().contains(&format!("pgcoffer verify {}", ids[1])),
        "{}",
        status.text()
    );
    for id in &ids {
        stage.run(["verify", id]).success();
    }
    assert_eq!(doubts(&stage), [None, None]);
    stage.run(["status"]).success();
    // which costs no look at the archives any more
    let before = stage.bucket.calls().len();
    stage.run(["list"]).success();
    let calls = stage.bucket.calls();
    let looks = calls[before..].iter().filter(|call| call.key.contains("/archives/"));
    assert_eq!(looks.filter(|call| call.operation == "GetObject").count(), 0);
}

/// Why each backup can't be counted on, newest first.
fn doubts(stage: &Stage) -> Vec<Option<String>> {
    let doubt = |one: serde_json::Value| one["doubt"].as_str().map(str::to_owned);
    stage.records().into_iter().map(doubt).collect()
}

/// Of many frames, so that neither the first nor the last is that of the middle.
#[test]
fn a_spoiled_middle_is_not_sure_and_then_known_to_be_bad() {
    let stage = Stage::of(BULKY);
    let agent = stage.agent().env("PGCOFFER_COMPRESSION", "none");
    let ids = [(); 2].map(|()| {
        let record = agent.run(["backup", "--json"]).success().json();
        record["id"].as_str().unwrap().to_owned()
    });
    let key = archive(&stage, &ids[1]);
    let whole = stage.bucket.read(&key).unwrap();
    let mut bytes = whole.clone();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    stage.bucket.write(&key, bytes);
    only_the_older_counts(&stage, &ids);
    let listed = stage.run(["list"]).success();
    assert!(listed.text().contains("another object"), "{}", listed.text());
    stage.run(["verify", &ids[1]]).ended_with(5);
    only_the_older_counts(&stage, &ids);
    let listed = stage.run(["list"]).success();
    assert!(listed.text().contains("damaged"), "{}", listed.text());
    let status = stage.run(["status"]).ended_with(8);
    assert!(
        status.text().contains(&format!("do not count on {}", ids[1])),
        "{}",
        status.text()
    );
    // its retention goes on as if nothing had been said, and deletes no other for it
    let pruned = stage.run(["prune", "--json"]).success().json();
    assert_eq!(pruned["databases"][0]["deleted"], 0);
    // the right bytes, as another object: what was said of the bad one says nothing of it
    stage.bucket.write(&key, whole);
    assert!(doubts(&stage)[0].as_deref().unwrap().contains("another object"));
    stage.run(["verify", &ids[1]]).success();
    assert_eq!(doubts(&stage), [None, None]);
    let latest = stage.run(["show", "latest", "--json"]).success();
    assert_eq!(latest.json()["id"], ids[1].as_str());
    stage.run(["status"]).success();
}

/// The same object by its tag, whose bytes went bad where they lie.
#[test]
fn what_verify_finds_is_known_to_those_who_only_list() {
    let (stage, ids) = two();
    let key = archive(&stage, &ids[1]);
    let rotten = Rule::on("GetObject").key(&key).always();
    stage.bucket.inject(rotten, Fault::FlipBit { at_byte: 100 });
    stage.run(["verify", &ids[1]]).ended_with(5);
    let doubt = doubts(&stage).remove(0);
    assert!(
        doubt.as_deref().is_some_and(|doubt| doubt.contains("damaged")),
        "{doubt:?}"
    );
    let latest = stage.run(["show", "latest", "--json"]).success();
    assert_eq!(latest.json()["id"], ids[0].as_str());
}

#[test]
fn whoever_may_not_write_verifies_all_the_same() {
    let (stage, ids) = two();
    let key = archive(&stage, &ids[0]);
    let bytes = stage.bucket.read(&key).unwrap();
    stage.bucket.write(&key, bytes);
    stage
        .bucket
        .inject(Rule::on("PutObject").always(), Fault::access_denied());
    let verified = stage.run(["verify", &ids[0]]).success();
    assert!(verified.stderr.contains("can't be noted"), "{}", verified.stderr);
    // nothing is to be noted of what is as it was uploaded
    let verified = stage.run(["verify", &ids[1]]).success();
    assert!(!verified.stderr.contains("can't be noted"), "{}", verified.stderr);
}
