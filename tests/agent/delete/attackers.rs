//! Whatever stands beside it in the bucket, whoever put it there: it is no backup to fall back on, and stays.

use super::confirmed::{changed_by, is_refused, with_three};
use crate::{
    prune::{past::Past, scene::Scene},
    stage::{KEY, OTHER_KEY},
};

#[test]
fn forged_backups_are_nothing_to_fall_back_on() {
    let scene = Scene::new();
    let real = scene.put(Past::good(24, "7d"));
    for hours in 1..4 {
        let forged = scene.put(Past::good(hours, "7d"));
        let length = scene.bucket.read(&forged.archive).unwrap().len();
        scene.bucket.write(&forged.archive, vec![7; length]);
    }
    let refused = is_refused(&scene, &[&real.id], 2);
    assert!(refused.stderr.contains("no other good backup"), "{}", refused.stderr);
}

/// Records that no agent writes, of backups that were begun in the future, and under a key that was retired.
#[test]
fn what_counts_for_nothing_is_nothing_to_fall_back_on() {
    let scene = Scene::new();
    let real = scene.put(Past::good(24, "7d"));
    scene.put(Past::good(-48, "7d"));
    scene.put(Past::good(2, "7d").by(OTHER_KEY));
    let refused = is_refused(&scene, &[&real.id], 2);
    assert!(refused.stderr.contains("no other good backup"), "{}", refused.stderr);
    // those of the other key are not ours to delete
    let theirs = scene.agent().key(OTHER_KEY);
    assert!([2, 5, 7].contains(&theirs.run(["delete", "--yes", &real.id]).code()));
    assert!(scene.bucket.read(&real.record).is_some());
    let both = scene
        .agent()
        .key(KEY)
        .env("PGCOFFER_OLD_KEYS", format!("{OTHER_KEY}@2099-01-01"));
    both.run(["delete", "--yes", &real.id]).success();
}

#[test]
fn foreign_objects_beside_it_stay() {
    let (scene, [old, ..]) = with_three();
    let (time, mac) = old.id.split_once('-').unwrap();
    let record = scene.bucket.read(&old.record).unwrap();
    for name in [
        format!("main/records/{time}-{}.pgc", "a".repeat(mac.len())),
        format!("main/records/{}.pgc.bak", old.id),
        format!("main/archives/weekly/{}.pgc", old.id),
        format!("main/archives/{}.pgc", old.id),
        format!("main/other/{}.pgc", old.id),
        format!("main2/records/{}.pgc", old.id),
    ] {
        scene.bucket.write(&format!("backups/{name}"), record.clone());
    }
    assert_eq!(changed_by(&scene, &[&old.id], 0).0, old.removed());
}

#[test]
fn what_was_replaced_in_between_stays() {
    let (scene, [old, ..]) = with_three();
    let delay = crate::testbed::Fault::Delay { millis: 1500 };
    let rule = crate::testbed::Rule::on("DeleteObject").key("/records/");
    scene.bucket.inject(rule, delay);
    let running = scene.agent().spawn(["delete", "--yes", &old.id]);
    crate::stage::wait_until("the DELETE comes", || scene.bucket.count("DeleteObject") > 0);
    scene.bucket.write(&old.record, b"another".to_vec());
    running.wait().ended_with(4);
    for key in old.keys() {
        assert!(scene.bucket.read(key).is_some(), "{key} was deleted");
    }
}
