//! Object Lock and versions: on LocalStack, and on a service whose clock the tests set.

use aws_sdk_s3::{
    primitives::DateTime,
    types::{
        BucketVersioningStatus, ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
        ObjectLockRetentionMode, VersioningConfiguration,
    },
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    prune::past::{Bytes, Past},
    prune::scene::Scene,
    stage::{KEY, Stage},
    testbed::{Agent, LocalBucket, LocalStack},
};

/// A bucket on LocalStack and what the SDK needs to look into it.
struct Locked {
    stage: Stage,
    bucket: LocalBucket,
    runtime: tokio::runtime::Runtime,
}

impl Locked {
    /// One with Object Lock, which only a new bucket can have.
    fn new() -> Self {
        let local = LocalStack::shared().bucket();
        let locked = Self {
            stage: Stage::small(),
            bucket: local,
            runtime: tokio::runtime::Runtime::new().unwrap(),
        };
        let (name, client) = (locked.bucket.name(), locked.bucket.client());
        locked.runtime.block_on(async {
            client.delete_bucket().bucket(name).send().await.unwrap();
            let made = client.create_bucket().bucket(name);
            made.object_lock_enabled_for_bucket(true).send().await.unwrap();
        });
        locked
    }

    fn agent(&self) -> Agent {
        Agent::new()
            .localstack(&self.bucket)
            .database(self.stage.cluster, &self.stage.database)
            .key(KEY)
            .env("PGCOFFER_LOCK", "governance")
            .env("PGCOFFER_KEEP_LAST", "1")
    }

    fn back_up(&self, retain: &str) -> (Value, [String; 3]) {
        let args = ["backup", "--retain", retain, "--json"];
        let record = self.agent().run(args).success().json();
        let id = record["id"].as_str().unwrap();
        let keys = [
            archive_key(&record),
            format!("backups/main/details/{id}.pgc"),
            format!("backups/main/records/{id}.pgc"),
        ];
        (record, keys)
    }

    /// Puts a backup of the past there, locked for another hour or not.
    fn put(&self, bytes: &Bytes, lock: bool) {
        let tags = bytes.tags.iter();
        let tags: Vec<String> = tags.map(|(n, v)| format!("{n}={v}")).collect();
        let in_an_hour = DateTime::from_secs(Timestamp::now().as_second() + 3600);
        let client = self.bucket.client();
        for (key, body) in bytes
            .made
            .keys()
            .iter()
            .zip([&bytes.archive, &bytes.details, &bytes.record])
        {
            let put = client.put_object().bucket(self.bucket.name()).key(*key);
            let put = put
                .tagging(tags.join("&"))
                .body(body.clone().into())
                .set_object_lock_mode(lock.then_some(ObjectLockMode::Governance))
                .set_object_lock_retain_until_date(lock.then_some(in_an_hour));
            self.runtime.block_on(put.send()).unwrap();
        }
    }

    /// The mode, the end and the legal hold of an object.
    fn lock(&self, key: &str) -> (Option<ObjectLockMode>, Option<i64>, bool) {
        let request = self.bucket.client().head_object();
        let request = request.bucket(self.bucket.name()).key(key).send();
        let head = self.runtime.block_on(request).unwrap();
        let until = head.object_lock_retain_until_date.map(|date| date.secs());
        let hold = head.object_lock_legal_hold_status == Some(ObjectLockLegalHoldStatus::On);
        (head.object_lock_mode, until, hold)
    }

    fn keys(&self) -> Vec<String> {
        let request = self.bucket.client().list_objects_v2();
        let page = self
            .runtime
            .block_on(request.bucket(self.bucket.name()).send())
            .unwrap();
        let keys = page.contents().iter();
        keys.map(|object| object.key().unwrap().to_owned()).collect()
    }
}

/// Where the archive of a backup stands.
fn archive_key(record: &Value) -> String {
    let key = &record["sealed"]["objects"][0]["key"];
    format!("backups/{}", key.as_str().unwrap())
}

#[test]
fn archive_details_and_record_are_locked_until_they_expire() {
    let locked = Locked::new();
    let (record, keys) = locked.back_up("7d");
    let expires: Timestamp = record["expires"].as_str().unwrap().parse().unwrap();
    for key in &keys {
        let (mode, until, hold) = locked.lock(key);
        assert_eq!(mode, Some(ObjectLockMode::Governance), "{key}");
        assert_eq!(until, Some(expires.as_second()), "{key}");
        assert!(!hold);
    }
    locked.agent().run(["verify"]).success();
    // what is kept forever has no end to be locked until
    let (_, forever) = locked.back_up("forever");
    for key in &forever {
        assert_eq!(locked.lock(key).0, None);
    }
}

#[test]
fn a_hold_is_a_legal_hold_too() {
    let locked = Locked::new();
    let (record, keys) = locked.back_up("7d");
    let id = record["id"].as_str().unwrap();
    let args = ["hold", id, "--reason", "the court"];
    let said = locked.agent().run(args).success();
    assert!(said.text().contains("under legal hold"), "{}", said.text());
    assert!(keys.iter().all(|key| locked.lock(key).2));
    locked.agent().run(["release", id]).success();
    assert!(!keys.iter().any(|key| locked.lock(key).2));
}

/// Backups of the past on LocalStack, the older one with a lock that still holds.
#[test]
fn what_is_locked_is_no_error_and_stays() {
    let locked = Locked::new();
    let bytes = Past::good(48, "1h").bytes();
    locked.put(&bytes, true);
    locked.back_up("7d");
    let before = locked.keys();
    let outcome = locked.agent().run(["prune"]).success();
    assert!(outcome.text().contains("locked until"), "{}", outcome.text());
    assert_eq!(locked.keys(), before);
}

/// LocalStack knows no condition on deleting, and its buckets with locks keep versions.
#[test]
fn on_localstack_what_has_expired_goes_and_its_versions_stay() {
    let locked = Locked::new();
    let bytes = Past::good(48, "1h").bytes();
    locked.put(&bytes, false);
    locked.back_up("7d");
    let outcome = locked.agent().run(["prune"]).success();
    let words = "space is freed only when noncurrent versions expire";
    assert!(outcome.text().contains(words), "{}", outcome.text());
    let left = locked.keys();
    // archive, details, record, and what names the repository
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(!left.iter().any(|key| key.contains(&bytes.made.id)));
    let versions = locked.bucket.client().list_object_versions();
    let versions = versions.bucket(locked.bucket.name()).send();
    let versions = locked.runtime.block_on(versions).unwrap();
    let kept = versions.versions().iter().filter_map(|version| version.key());
    assert_eq!(kept.filter(|key| key.contains(&bytes.made.id)).count(), 3);
    let again = locked.agent().run(["prune"]).success();
    assert!(!again.text().contains(words), "nothing was deleted");
}

/// LocalStack takes such a backup and says that it is locked; Amazon refuses, as this server does.
#[test]
fn a_bucket_without_locks_takes_no_backup_that_is_to_be_locked() {
    for mode in ["governance", "compliance"] {
        let stage = Stage::small();
        let agent = stage.agent().env("PGCOFFER_LOCK", mode);
        let outcome = agent.run(["backup", "--retain", "7d"]).ended_with(4);
        let words = "Bucket is missing Object Lock Configuration";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        stage.assert_no_backup();
    }
}

/// Locks an object as its owner may by hand.
fn lock(scene: &Scene, key: &str, legal_hold: bool) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let s3 = scene.bucket.client();
    runtime.block_on(async {
        if legal_hold {
            let hold = ObjectLockLegalHold::builder()
                .status(ObjectLockLegalHoldStatus::On)
                .build();
            let put = s3.put_object_legal_hold().bucket("testbed").key(key);
            put.legal_hold(hold).send().await.unwrap();
        } else {
            let until = scene.bucket.now().as_second() + 3600;
            let retention = ObjectLockRetention::builder()
                .mode(ObjectLockRetentionMode::Governance)
                .retain_until_date(DateTime::from_secs(until))
                .build();
            let put = s3.put_object_retention().bucket("testbed").key(key);
            put.retention(retention).send().await.unwrap();
        }
    });
}

#[test]
fn a_lock_or_legal_hold_on_any_object_keeps_all() {
    for part in 0..3 {
        for (legal_hold, reason) in [(true, "legal_hold"), (false, "locked")] {
            let scene = Scene::new();
            scene.bucket.behave(|b| b.object_lock = true);
            let old = scene.put(Past::good(48, "1h"));
            scene.put(Past::good(1, "7d"));
            lock(&scene, old.keys()[part], legal_hold);
            assert_eq!(scene.verdict(&old), ("keep".into(), reason.into()));
            scene.deletes_nothing(0);
        }
    }
}

#[test]
fn a_lock_that_has_run_out_keeps_nothing() {
    let scene = Scene::new();
    scene.bucket.behave(|b| b.object_lock = true);
    let old = scene.put(Past::good(48, "1h"));
    scene.put(Past::good(1, "7d"));
    scene.bucket.set_clock(jiff::SignedDuration::from_hours(-3));
    for key in old.keys() {
        lock(&scene, key, false);
    }
    scene.bucket.set_clock(jiff::SignedDuration::ZERO);
    assert_eq!(scene.pruned(), old.removed());
    assert_eq!(scene.bucket.noncurrent().len(), 3);
}

#[test]
fn an_archive_without_a_record_stays_while_it_is_locked() {
    for legal_hold in [true, false] {
        let scene = Scene::new();
        scene.bucket.behave(|b| b.object_lock = true);
        scene.put(Past::good(1, "7d"));
        let bytes = Past::good(48, "1h").bytes();
        let key = &bytes.made.archive;
        scene.write(key, &bytes.archive, &bytes.tags, 48);
        lock(&scene, key, legal_hold);
        let kept = scene.kept(key).unwrap();
        assert!(["legal hold", "locked"].contains(&kept.as_str()), "{kept}");
        scene.deletes_nothing(0);
    }
}

#[test]
fn on_localstack_a_bucket_that_keeps_versions_is_told_of() {
    let stage = Stage::small();
    let local = LocalStack::shared().bucket();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let versions = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let request = local.client().put_bucket_versioning().bucket(local.name());
    runtime
        .block_on(request.versioning_configuration(versions).send())
        .unwrap();
    let agent = Agent::new()
        .localstack(&local)
        .database(stage.cluster, &stage.database)
        .key(KEY)
        .env("PGCOFFER_KEEP_LAST", "1");
    agent.run(["backup"]).success();
    let report = agent.run(["prune", "--json"]).success().json();
    assert_eq!(report["databases"][0]["versioned"], true);
}

#[test]
fn on_localstack_a_hold_is_marked_tagged_and_released() {
    let stage = Stage::small();
    let bucket = LocalStack::shared().bucket();
    let agent = Agent::new()
        .localstack(&bucket)
        .database(stage.cluster, &stage.database)
        .key(KEY);
    let record = agent.run(["backup", "--json"]).success().json();
    let id = record["id"].as_str().unwrap();
    let key = archive_key(&record);
    let args = ["hold", id, "--reason", "„audit“\t(§)", "--json"];
    let decided = agent.run(args).success().json();
    assert_eq!(decided["tagged"], true);
    let tags = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let request = bucket.client().get_object_tagging();
        let request = request.bucket(bucket.name()).key(&key).send();
        let tags = runtime.block_on(request).unwrap();
        let names = tags.tag_set().iter().map(|tag| tag.key().to_owned());
        names.collect::<Vec<_>>()
    };
    assert!(tags().contains(&"pgcoffer:hold".to_owned()));
    agent.run(["release", id]).success();
    let mut left = tags();
    left.sort();
    let ours = ["database", "expires", "owner", "retain", "tier"].map(|n| format!("pgcoffer:{n}"));
    assert_eq!(left, ours);
}
