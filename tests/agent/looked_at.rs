//! A backup is good because it was looked at: what was overwritten, deleted or slipped in is seen.

use crate::stage::{SMALL, Stage};

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
    stage
        .bucket
        .age(&key, std::time::Duration::from_secs(2 * 3600));
    let status = stage.run(["status"]).ended_with(8);
    assert!(
        status.text().contains("without their record"),
        "{}",
        status.text()
    );
    assert!(status.text().contains(&ids[1]), "{}", status.text());
}

#[test]
fn copies_of_archives_are_looked_at_and_good() {
    let (stage, ids) = two();
    // as a copy by another tool is: the same bytes, and an entity tag of its own
    for id in &ids {
        let key = archive(&stage, id);
        let bytes = stage.bucket.read(&key).unwrap();
        stage.bucket.write(&key, bytes);
    }
    let listed = stage.run(["list", "--json"]).success().json();
    assert!(
        listed["backups"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["good"] == true)
    );
    stage.run(["status"]).success();
}
