//! Old entries of the audit trail: ours go after 400 days, and nothing else.

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::AuditName,
    seal::{Content, PayloadCompression},
};

use crate::{
    prune::{past::secret, scene::Scene},
    stage::{KEY, OTHER_KEY},
    testbed::{identity, sealed},
};

/// An entry that a key wrote so many days ago, as the bucket dates it, and as its own name does.
fn entry(scene: &Scene, key: &str, days: i64, dated: i64) -> String {
    entry_after(scene, key, &name(key, 24 * dated), 24 * days, &[])
}

/// The name of an entry of so many hours ago.
fn name(key: &str, hours: i64) -> AuditName {
    let time = Timestamp::now() - SignedDuration::from_hours(hours);
    AuditName::new(&identity(&secret(key), ""), time, [1, 2, 3, 4, 5])
}

/// One of this name, as old as the bucket says, that names others.
fn entry_after(scene: &Scene, key: &str, name: &AuditName, hours: i64, after: &[AuditName]) -> String {
    let secret = secret(key);
    let json = serde_json::json!({
        "version": 1, "repository": crate::testbed::repository(), "name": name, "after": after, "action": "delete",
        "outcome": "done", "who": "ada", "role": "operator", "from": "203.0.113.9", "count": 1,
    });
    let json = json.to_string();
    let (none, audit) = (PayloadCompression::None, Content::Audit);
    let object = sealed(name.as_str(), audit, none, "", &secret, json.as_bytes());
    let object_key = format!("backups/audit-trail/{}/{}.pgc", name.month(), name.as_str());
    scene.write(&object_key, &object, &[], hours);
    object_key
}

#[test]
fn what_is_older_than_400_days_goes_and_nothing_that_is_not_ours() {
    let (scene, backup) = Scene::with_one_expired();
    let old = [entry(&scene, KEY, 401, 401), entry(&scene, KEY, 800, 800)];
    let young = entry(&scene, KEY, 399, 399);
    // by a clock that was wrong, or by somebody who has put an old one there again
    let dated = [entry(&scene, KEY, 1, 500), entry(&scene, KEY, 500, 1)];
    let theirs = entry(&scene, OTHER_KEY, 800, 800);
    let foreign = [
        "backups/audit-trail/2001-01/report.pdf".to_owned(),
        "backups/audit-trail/report.pdf".to_owned(),
        format!("{}.bak", old[0]),
        old[0].replace("audit-trail", "audit"),
    ];
    for key in &foreign {
        scene.write(key, b"of somebody else", &[], 24 * 900);
    }
    let before = scene.bucket.snapshot();
    let planned = scene.run(["prune", "--dry-run"]).success();
    assert!(
        planned.stderr.contains("2 entries of the audit trail"),
        "{}",
        planned.stderr
    );
    assert_eq!(before, scene.bucket.snapshot());
    // one database alone is not the trail
    scene.run(["prune", "--database", "other"]);
    assert_eq!(before, scene.bucket.snapshot());

    let mut gone: Vec<String> = old.iter().map(|key| format!("removed {key}")).collect();
    gone.extend(backup.removed());
    gone.sort();
    let mut pruned = scene.pruned();
    pruned.sort();
    assert_eq!(pruned, gone);
    let keys = scene.bucket.keys();
    for kept in foreign.iter().chain(&dated).chain([&young, &theirs]) {
        assert!(keys.contains(kept), "{kept}");
    }
    let shown = scene.run(["audit", "--json"]).success().json();
    assert_eq!(shown["entries"].as_array().unwrap().len(), 3, "{shown:#}");
    assert_eq!(shown["entries"][0]["who"], "ada");
}

/// What retention has removed is not missed, by no entry that is left; what somebody else has removed is.
#[test]
fn what_was_kept_for_its_time_is_not_missed_and_what_was_not_is() {
    let (scene, _) = Scene::with_one_expired();
    let of_hours = [
        24 * 402,
        24 * 400 + 1,
        24 * 400 - 1,
        24 * 399 + 1,
        24 * 398,
        24 * 200,
        24,
    ];
    let names: Vec<AuditName> = of_hours.iter().map(|hours| name(KEY, *hours)).collect();
    let mut keys = Vec::new();
    for (n, hours) in of_hours.iter().enumerate() {
        keys.push(entry_after(&scene, KEY, &names[n], *hours, &names[..n]));
    }
    let is_there = |key: &String| scene.bucket.keys().contains(key);
    scene.pruned();
    assert_eq!(
        keys.iter().map(is_there).collect::<Vec<_>>(),
        [false, false, true, true, true, true, true]
    );
    scene.run(["audit"]).success();
    // a day before its time it could have been a clock that is ahead, and earlier it was somebody
    for (n, is_missed) in [(2, false), (3, false), (4, true), (5, true), (6, false)] {
        let taken = scene.bucket.read(&keys[n]).unwrap();
        scene.bucket.delete(&keys[n]);
        let status = if is_missed { 5 } else { 0 };
        let read = scene.run(["audit", "--json"]).ended_with(status).json();
        let missing = read["missing"].as_array().unwrap();
        assert_eq!(missing.len(), usize::from(is_missed), "{n}: {read:#}");
        if is_missed {
            assert_eq!(missing[0]["name"], names[n].as_str());
            assert_eq!(missing[0]["named_by"], names[6].as_str());
        }
        scene.bucket.write(&keys[n], taken);
    }
    // an old one that somebody has put back names what is gone for good
    entry_after(&scene, KEY, &names[1], 1, &names[..1]);
    let shown = scene.run(["audit", "--json"]).success().json();
    assert_eq!(shown["entries"].as_array().unwrap().len(), 6, "{shown:#}");
}
