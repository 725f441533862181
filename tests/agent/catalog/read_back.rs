//! When a backup was last read back, as `verify` and drills note it: a fact beside what is good, on which nothing
//! depends.

use jiff::{SignedDuration, Timestamp};
use pgcoffer::seal::{Content, MasterKey, PayloadCompression, Secret};
use serde_json::{Value, json};

use crate::{
    stage::{BULKY, KEY, OTHER_KEY, SMALL, Stage},
    store::rights::{policy, under},
    testbed::sealed,
    tick::past::{Run, hours},
};

/// When `list`, `show` and `status` say that the newest backup was read back, and whether it counts as good.
#[track_caller]
fn known(stage: &Stage) -> (Value, bool) {
    let listed = stage.records().remove(0);
    let id = listed["id"].as_str().unwrap();
    let at = listed["last_read_back"].clone();
    let shown = stage.run(["show", id, "--json"]).success().json();
    assert_eq!(shown["last_read_back"], at, "{shown:#}");
    let status = stage.run(["status", "--json"]).json();
    let of_status = &status["databases"][0]["last_read_back"];
    match at.is_null() {
        true => assert!(of_status.is_null(), "{of_status}"),
        false => assert_eq!(*of_status, json!({ "id": id, "at": at })),
    }
    (at, listed["good"] == true)
}

#[test]
fn a_whole_reading_is_noted_and_a_part_of_one_is_not() {
    let stage = Stage::backed_up(SMALL);
    assert_eq!(known(&stage), (Value::Null, true));
    stage.run(["verify", "--sample", "100%"]).success();
    stage
        .run(["get", "latest", "--table", "people", "-q", "-o", "-"])
        .success();
    assert_eq!(known(&stage), (Value::Null, true));
    let before = Timestamp::now() - SignedDuration::from_secs(1);
    stage.run(["verify"]).success();
    let (at, good) = known(&stage);
    let at: Timestamp = at.as_str().unwrap().parse().unwrap();
    assert!(
        good && at >= before && at <= Timestamp::now() + SignedDuration::from_secs(1),
        "{at}"
    );
    for command in ["list", "status", "show"] {
        let text = stage.run([command]).success();
        assert!(
            text.text().contains("read back") && text.text().contains("all of it is good"),
            "{command}: {}",
            text.text()
        );
    }
    // once more, later
    crate::stage::next_second();
    stage.run(["verify", "--deep"]).success();
    let again: Timestamp = known(&stage).0.as_str().unwrap().parse().unwrap();
    assert!(again > at, "{again} {at}");
}

#[test]
fn it_says_nothing_of_another_object_nor_of_one_that_was_found_damaged() {
    let stage = Stage::of(BULKY);
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    stage.run(["verify"]).success();
    assert!(!known(&stage).0.is_null());
    let key = stage.key("/archives/");
    let whole = stage.bucket.read(&key).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    stage.bucket.write(&key, bytes);
    assert_eq!(known(&stage).0, Value::Null);
    stage.run(["verify", "latest"]).ended_with(5);
    assert_eq!(known(&stage), (Value::Null, false));
    stage.bucket.write(&key, whole);
    stage.run(["verify", "latest"]).success();
    let (at, good) = known(&stage);
    assert!(good && !at.is_null());
}

/// The mark of the one backup there is, sealed with this key.
fn mark(stage: &Stage, key: &str, id: &str, checked: &Value) -> Vec<u8> {
    let secret = Secret::Key(MasterKey::parse(key).unwrap());
    let mark = json!({ "version": 1, "id": id, "database": "main", "checked": checked });
    let plain = mark.to_string();
    let _ = stage;
    sealed(
        id,
        Content::Mark,
        PayloadCompression::None,
        "main",
        &secret,
        plain.as_bytes(),
    )
}

/// Whoever holds the catalog key can seal one; whoever only writes to the bucket can't.
#[test]
fn forged_marks_are_not_believed_and_make_nothing_good() {
    let stage = Stage::small();
    let id = stage.put(Run::ago(hours(1)));
    let etag = stage.run(["show", &id, "--json"]).success();
    drop(etag);
    let tag = etag_of(&stage);
    let at = |ago: i64| json!({ "etag": tag, "at": Timestamp::now() - hours(ago), "good": true });
    let key = format!("backups/main/marks/{id}.pgc");
    for (name, bytes, is_believed) in [
        ("of its own key", mark(&stage, KEY, &id, &at(0)), true),
        ("of another key", mark(&stage, OTHER_KEY, &id, &at(0)), false),
        ("of a time to come", mark(&stage, KEY, &id, &at(-24)), false),
        ("of before the backup", mark(&stage, KEY, &id, &at(2)), false),
        ("no mark at all", vec![7; 400], false),
        (
            "of another object",
            mark(
                &stage,
                KEY,
                &id,
                &json!({ "etag": "\"0\"", "at": Timestamp::now(), "good": true }),
            ),
            false,
        ),
    ] {
        stage.bucket.write(&key, bytes);
        let listed = stage.run(["list", "--json"]).success().json();
        let one = &listed["backups"][0];
        assert_eq!(!one["last_read_back"].is_null(), is_believed, "{name}: {one:#}");
        assert_eq!(one["good"], true, "{name}: {one:#}");
    }
    // an archive that is none isn't made one by a mark
    let archive = stage.key("/archives/");
    let length = stage.bucket.read(&archive).unwrap().len();
    stage.bucket.write(&archive, vec![0xa5; length]);
    let tag = etag_of(&stage);
    let forged = json!({ "etag": tag, "at": Timestamp::now(), "good": true });
    stage.bucket.write(&key, mark(&stage, KEY, &id, &forged));
    stage.run(["status"]).ended_with(8);
    let status = stage.run(["status", "--json"]).json();
    assert!(status["databases"][0]["last_read_back"].is_null(), "{status:#}");
}

/// The entity tag of the one archive.
fn etag_of(stage: &Stage) -> String {
    let key = stage.key("/archives/");
    let client = stage.bucket.client();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let head = client.head_object().bucket(stage.bucket.bucket()).key(key).send();
    runtime.block_on(head).unwrap().e_tag().unwrap().to_owned()
}

#[test]
fn what_others_write_into_the_mark_at_the_same_time_stays() {
    let stage = Stage::backed_up(SMALL);
    let readers: Vec<_> = (0..3).map(|_| stage.agent().spawn(["verify"])).collect();
    let hold = stage
        .agent()
        .spawn(["hold", "latest", "--reason", "audit", "--by", "joe"]);
    for reader in readers {
        let said = reader.wait().success().stderr;
        assert!(!said.contains("can't be noted"), "{said}");
    }
    hold.wait().success();
    let one = stage.records().remove(0);
    assert_eq!(one["hold"]["reason"], "audit");
    assert!(!one["last_read_back"].is_null());
    // and the other way round
    stage.run(["release", "latest"]).success();
    assert!(!stage.records().remove(0)["last_read_back"].is_null());
}

#[test]
fn whoever_may_only_read_reads_back_without_a_word_of_it() {
    let stage = Stage::backed_up(SMALL);
    let reader = under(stage.agent(), &stage.bucket, &policy("restore", &[]));
    let said = reader.run(["verify"]).success().stderr;
    assert!(!said.contains("noted"), "{said}");
    assert_eq!(known(&stage), (Value::Null, true));
    assert!(stage.keys("/marks/").is_empty());
}

#[test]
fn what_is_deleted_leaves_no_mark_of_it() {
    let stage = Stage::backed_up(SMALL);
    stage.run(["verify"]).success();
    stage.back_up();
    let id = stage.records().remove(1)["id"].as_str().unwrap().to_owned();
    stage.run(["delete", &id, "--yes", "--force"]).success();
    assert_eq!(stage.keys("/marks/"), [""; 0]);
}
