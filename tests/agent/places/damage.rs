//! Bytes that are not what was sealed: at the source they are never copied, and in a copy they are found.

use serde_json::json;

use super::Places;
use crate::stage::SMALL;

#[test]
fn what_is_damaged_at_the_source_is_not_copied_and_is_said() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    let key = places.stage.key("/archives/");
    let whole = places.stage.bucket.read(&key).unwrap();
    let step = whole.len() / 7;
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        places.stage.bucket.write(&key, bytes);
        let refused = places.agent().run(["copy", "--to", "offsite"]).ended_with(5);
        assert!(refused.text().contains("not copied"), "byte {at}: {}", refused.text());
        assert!(
            !places.other.keys().iter().any(|key| key.contains("/archives/")),
            "byte {at}"
        );
    }
    assert_eq!(places.other.uploads_under_way(), []);
    // it is known as damaged from then on
    let listed = places.agent().run(["list", "--json"]).success().json();
    assert_eq!(listed["backups"][0]["good"], false, "{listed:#}");
    places.stage.bucket.write(&key, whole);
    places.copy([]);
    let verified = places.agent().run(["verify", "--from", "nas"]).success();
    assert!(
        verified.text().contains("read from the place nas"),
        "{}",
        verified.text()
    );
}

#[test]
fn what_is_damaged_in_a_copy_is_found_and_made_good() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    places.copy([]);
    let name = places
        .files()
        .into_keys()
        .find(|name| name.contains("/archives/"))
        .unwrap();
    let path = places.folder.path().join(&name);
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let listed = places.agent().run(["list", "--from", "nas", "--json"]).success().json();
    assert_eq!(
        listed["backups"][0]["good"], false,
        "another object than was read back: {listed:#}"
    );
    places.agent().run(["verify", "--from", "nas"]).ended_with(5);
    // the other place and the bucket are not touched by that
    places.agent().run(["verify", "--from", "offsite"]).success();
    let healed = places.copy(["--to", "nas"]);
    assert_eq!(healed[0]["copied"].as_array().unwrap().len(), 1, "{healed:#?}");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    places.agent().run(["verify", "--from", "nas"]).success();
}

#[test]
fn what_others_keep_in_a_place_stays_as_it_is() {
    let places = Places::of(SMALL);
    places.other.write("copies/main/archives/daily/readme.txt", "not ours");
    places
        .other
        .write("copies/main/records/20200101T000000Z-aaaaaaaaaaaa.pgc", "nor this");
    places.other.write("photos/cat.jpg", "cat");
    let root = places.folder.path();
    std::fs::create_dir_all(root.join("main/archives/daily")).unwrap();
    std::fs::write(root.join("main/archives/daily/notes.txt"), "not ours").unwrap();
    std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
    let before = places.other.snapshot();
    let files = places.files();
    places.stage.back_up();
    places.copy([]);
    places.agent().run(["prune"]).success();
    let changes = before.changes(&places.other.snapshot());
    assert!(
        !changes.is_empty() && changes.iter().all(|change| change.starts_with("added copies/")),
        "{changes:?}"
    );
    let after = places.files();
    assert!(files.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    assert!(std::fs::symlink_metadata(root.join("link")).unwrap().is_symlink());
    let listed = places.agent().run(["list", "--json"]).success().json();
    assert_eq!(listed["backups"][0]["places"], json!(["nas", "offsite"]));
}
