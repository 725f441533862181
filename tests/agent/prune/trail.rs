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
    let secret = secret(key);
    let time = Timestamp::now() - SignedDuration::from_hours(24 * dated);
    let name = AuditName::new(&identity(&secret, ""), time, [1, 2, 3, 4, 5]);
    let json = serde_json::json!({
        "version": 1, "repository": crate::testbed::repository(), "name": name, "action": "delete", "outcome": "done",
        "who": "ada", "role": "operator", "from": "203.0.113.9", "count": 1,
    });
    let json = json.to_string();
    let (none, audit) = (PayloadCompression::None, Content::Audit);
    let object = sealed(name.as_str(), audit, none, "", &secret, json.as_bytes());
    let object_key = format!("backups/audit-trail/{}/{}.pgc", name.month(), name.as_str());
    scene.write(&object_key, &object, &[], 24 * days);
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
