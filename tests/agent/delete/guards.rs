//! What may not be deleted, or only by who insists; and what helps then.

use aws_sdk_s3::{
    primitives::DateTime,
    types::{ObjectLockRetention, ObjectLockRetentionMode},
};

use super::confirmed::{changed_by, is_refused, with_three};
use crate::{
    prune::{past::Past, scene::Scene},
    testbed::{Outcome, Tagging},
};

#[track_caller]
fn says(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in:\n{}", outcome.stderr);
    }
}

#[test]
fn the_last_good_one_goes_by_force_alone() {
    let scene = Scene::new();
    let only = scene.put(Past::good(2, "7d"));
    scene.put(Past::failed(1));
    let refused = is_refused(&scene, &[&only.id], 2);
    says(
        &refused,
        &[
            "no other good backup of its database is left",
            "pgcoffer backup",
            "--force",
        ],
    );
    let (changes, outcome) = changed_by(&scene, &[&only.id, "--force"], 0);
    assert_eq!(changes, only.removed());
    says(&outcome, &["warning: no other good backup of its database is left"]);
}

/// A prune that runs meanwhile would still count the one that goes.
#[test]
fn what_has_run_out_is_nothing_to_fall_back_on() {
    let (scene, old) = Scene::with_one_expired();
    let newest = scene.run(["list", "--json"]).success().json()["databases"][0]["newest_good"].clone();
    let newest = newest.as_str().unwrap();
    let refused = is_refused(&scene, &[newest], 2);
    says(&refused, &["have run out (1)", "pgcoffer hold ID"]);
    scene
        .run(["hold", &old.id, "--reason", "it is all there will be"])
        .success();
    scene.run(["delete", "--yes", newest]).success();
    scene.run(["verify", "latest"]).success();
}

#[test]
fn as_many_as_are_set_stay_without_force() {
    let (scene, [old, ..]) = with_three();
    let agent = scene.agent().env("PGCOFFER_KEEP_LAST", "3");
    let refused = agent.run(["delete", "--yes", &old.id]).ended_with(2);
    says(
        &refused,
        &[
            "2 good backups would be left, and PGCOFFER_KEEP_LAST keeps 3",
            "--force",
        ],
    );
    assert_eq!(scene.bucket.count("DeleteObject"), 0);
    let before = scene.bucket.snapshot();
    agent.run(["delete", "--yes", "--force", &old.id]).success();
    assert_eq!(before.changes(&scene.bucket.snapshot()), old.removed());
    // of four the newest may go
    let fourth = scene.put(Past::good(3, "7d"));
    scene.put(Past::good(2, "7d"));
    agent.run(["delete", "--yes", &fourth.id]).success();
}

#[test]
fn a_suspicious_one_counts_for_nothing_and_may_go() {
    let scene = Scene::new();
    let good = scene.put(Past::good(48, "7d"));
    let odd = scene.put(Past::good(1, "7d").suspicious());
    says(&is_refused(&scene, &[&good.id], 2), &["no other good backup"]);
    assert_eq!(changed_by(&scene, &[&odd.id], 0).0, odd.removed());
}

#[test]
fn a_hold_is_released_first_whether_a_mark_or_a_tag_says_so() {
    for by_tag in [false, true] {
        let (scene, [old, ..]) = with_three();
        if by_tag {
            let mut tags = scene.bucket.tags(&old.archive).unwrap();
            tags.push(("pgcoffer:hold".into(), "by hand".into()));
            let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            scene.bucket.set_tags(&old.archive, &tags);
        } else {
            scene.run(["hold", &old.id, "--reason", "audit"]).success();
        }
        for args in [&[old.id.as_str()][..], &[&old.id, "--force"]] {
            let refused = is_refused(&scene, args, 2);
            says(
                &refused,
                &["a hold keeps it (", &format!("pgcoffer release {}", old.id)],
            );
        }
        scene.run(["release", &old.id]).success();
        let (changes, _) = changed_by(&scene, &[&old.id], 0);
        assert_eq!(changes.len(), if by_tag { 3 } else { 4 });
    }
}

#[test]
fn a_mark_that_can_not_be_read_may_be_a_hold() {
    let (scene, [old, ..]) = with_three();
    scene.bucket.write(&old.mark, b"junk".to_vec());
    let refused = is_refused(&scene, &[&old.id, "--force"], 2);
    says(&refused, &["its mark can't be read"]);
}

#[test]
fn a_lock_is_waited_for() {
    let (scene, [old, ..]) = with_three();
    scene.bucket.behave(|b| b.object_lock = true);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let until = scene.bucket.now().as_second() + 3600;
    let retention = ObjectLockRetention::builder()
        .mode(ObjectLockRetentionMode::Governance)
        .retain_until_date(DateTime::from_secs(until))
        .build();
    let put = scene.bucket.client().put_object_retention();
    let put = put.bucket("testbed").key(&old.details).retention(retention);
    runtime.block_on(put.send()).unwrap();
    let refused = is_refused(&scene, &[&old.id, "--force"], 2);
    says(
        &refused,
        &["Object Lock keeps it until", "nobody deletes it before that"],
    );
}

#[test]
fn only_what_is_proven_ours_goes() {
    for (tags, words) in [
        (
            vec![("pgcoffer:owner", "0123456789abcdef")],
            "pgcoffer:owner is not ours",
        ),
        (vec![], "pgcoffer:owner is missing"),
    ] {
        let (scene, [old, ..]) = with_three();
        scene.bucket.set_tags(&old.archive, &tags);
        says(&is_refused(&scene, &[&old.id, "--force"], 2), &[words]);
    }
    // on a service without tags the seals prove it
    let (scene, [old, ..]) = with_three();
    scene.bucket.behave(|b| b.tagging = Tagging::NotImplemented);
    assert_eq!(changed_by(&scene, &[&old.id], 0).0, old.removed());
}

#[test]
fn a_record_that_can_not_be_read_stops_it() {
    let (scene, [old, other, _]) = with_three();
    scene.bucket.write(&other.record, b"junk".to_vec());
    is_refused(&scene, &[&old.id], 5);
}

#[test]
fn a_clock_that_is_wrong_stops_it() {
    let (scene, [old, ..]) = with_three();
    scene.bucket.set_clock(jiff::SignedDuration::from_hours(-1));
    scene.bucket.behave(|b| b.strict_time = false);
    is_refused(&scene, &[&old.id], 1);
}

#[test]
fn what_is_not_there_is_told_so() {
    let (scene, _) = with_three();
    for (args, code) in [
        (&["20200101T000000Z-abcdefghijkl"][..], 7),
        (&["abcd", "--database", "none"], 7),
        (&["abc"], 2),
        (&["2026-11-29 02:30"], 2),
        (&["main/records"], 2),
    ] {
        is_refused(&scene, args, code);
    }
}
