//! Policies against a server that enforces them: each mode's commands run under its own, what it must not do is
//! refused, and no action is allowed that nothing needs.

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;

use crate::{
    prune::past::Past,
    prune::scene::Scene,
    stage::{SMALL, Stage},
    testbed::{Agent, Needed, S3Server},
};

/// What `policy` prints for the bucket of a test.
pub(crate) fn policy(mode: &str, more: &[&str]) -> Value {
    let agent = Agent::new().env("PGCOFFER_BUCKET", "s3://testbed/backups");
    let args = ["policy", "--mode", mode].into_iter().chain(more.iter().copied());
    agent.run(args).success().json()
}

/// An agent with credentials that may do what this policy says.
pub(crate) fn under(agent: Agent, bucket: &S3Server, policy: &Value) -> Agent {
    let (access_key, secret_key) = bucket.credentials_with(policy);
    agent
        .env("AWS_ACCESS_KEY_ID", access_key)
        .env("AWS_SECRET_ACCESS_KEY", secret_key)
}

/// The S3 actions that a policy allows.
pub(crate) fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap();
    let allowed = statements.iter().filter(|one| one["Effect"] == "Allow");
    let actions = allowed.flat_map(|one| one["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

fn used(needed: &[Needed]) -> BTreeSet<String> {
    needed.iter().map(|needed| needed.action.to_owned()).collect()
}

#[track_caller]
fn nothing_was_refused(bucket: &S3Server) {
    let refused: Vec<Needed> = refused(bucket).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// But for the answer that there is no such object, which S3 keeps from whoever may list below a prefix alone.
fn refused(bucket: &S3Server) -> impl Iterator<Item = Needed> {
    let hidden = |needed: &Needed| {
        let reads = matches!(needed.operation.as_str(), "HeadObject" | "GetObject");
        reads && needed.action == "s3:ListBucket"
    };
    let all = bucket.refused().into_iter();
    all.filter(move |needed| !hidden(needed))
}

/// One upload of ours that a run left behind two days ago.
fn left_behind(scene: &Scene) {
    let key = scene.put(Past::good(50, "7d")).archive;
    scene.bucket.delete(&key);
    scene.bucket.advance(-jiff::SignedDuration::from_hours(48));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = scene.bucket.client();
        let begun = client.create_multipart_upload().bucket("testbed").key(&key);
        let id = begun.send().await.unwrap().upload_id.unwrap();
        let part = client.upload_part().bucket("testbed").key(&key).upload_id(&id);
        let part = part.part_number(1).body(ByteStream::from_static(b"a part"));
        part.send().await.unwrap();
    });
    scene.bucket.advance(jiff::SignedDuration::from_hours(48));
}

#[test]
fn full_mode_does_everything_and_may_nothing_more() {
    let stage = Stage::of(SMALL);
    let policy = policy("full", &[]);
    let agent = under(stage.agent(), &stage.bucket, &policy).env("PGCOFFER_SCHEDULE", "hourly keep 24h, daily keep 7d");
    agent.run(["backup"]).success();
    agent.run(["tick"]).success();
    let target = stage.target();
    for args in [
        vec!["list"],
        vec!["show", "latest"],
        vec!["status"],
        vec!["verify"],
        vec!["get", "latest", "-o", "x.dump"],
        vec!["hold", "latest", "--reason", "audit"],
        vec!["release", "latest"],
        vec!["prune"],
        vec!["check"],
        crate::stage::restore_args(&target).to_vec(),
    ] {
        agent.run(args).success();
    }
    // check looks at settings as well, which is a right of its own
    let settings = actions(&self::policy("full", &["--check"]));
    let beyond: Vec<Needed> = refused(&stage.bucket).collect();
    assert!(
        beyond
            .iter()
            .all(|needed| settings.contains(needed.action) && !actions(&policy).contains(needed.action)),
        "{beyond:#?}"
    );
    let mut used = used(&stage.bucket.allowed());
    // the next test's: one upload that a run left behind
    used.insert("s3:ListMultipartUploadParts".to_owned());
    assert_eq!(used, actions(&policy));
}

#[test]
fn who_prunes_needs_no_right_to_write() {
    let (scene, expired) = Scene::with_one_expired();
    left_behind(&scene);
    let policy = policy("prune", &[]);
    let agent = under(scene.agent(), &scene.bucket, &policy);
    agent.run(["prune"]).success();
    nothing_was_refused(&scene.bucket);
    assert_eq!(scene.bucket.read(&expired.record), None);
    assert!(scene.bucket.uploads_under_way().is_empty());
    assert_eq!(used(&scene.bucket.allowed()), actions(&policy));
    let before = scene.bucket.snapshot();
    agent.run(["hold", "latest", "--reason", "x"]).ended_with(4);
    assert!(before.changes(&scene.bucket.snapshot()).is_empty());
}

#[test]
fn who_restores_can_only_read() {
    let stage = Stage::backed_up(SMALL);
    let policy = policy("restore", &[]);
    let agent = under(stage.agent(), &stage.bucket, &policy);
    let target = stage.target();
    for args in [
        vec!["list"],
        vec!["show", "latest"],
        vec!["get", "latest", "-o", "x.dump"],
        crate::stage::restore_args(&target).to_vec(),
    ] {
        agent.run(args).success();
    }
    nothing_was_refused(&stage.bucket);
    assert_eq!(used(&stage.bucket.allowed()), actions(&policy));
    // it would note that it was read back, and says nothing of not being able to
    agent.run(["verify"]).success();
    // uploads under way are not shown to him, and nothing else is missing
    agent.run(["status"]).success();
    let before = stage.bucket.snapshot();
    for args in [vec!["backup"], vec!["hold", "latest", "--reason", "x"]] {
        agent.run(args).ended_with(4);
    }
    assert!(before.changes(&stage.bucket.snapshot()).is_empty());
}

#[test]
fn who_drills_reads_and_adds_reports_and_nothing_else() {
    let stage = Stage::backed_up(SMALL);
    let policy = policy("drill", &[]);
    let agent = under(stage.agent(), &stage.bucket, &policy)
        .env("PGCOFFER_MODE", "drill")
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    agent.run(["drill"]).success();
    let scheduled = agent
        .clone()
        .without("PGCOFFER_DB_MAIN_URL")
        .env("PGCOFFER_DRILL", "every 15 minutes");
    scheduled.run(["tick"]).success();
    agent.run(["list"]).success();
    // that it was read back is noted where marks may be written
    let beyond = refused(&stage.bucket).find(|needed| !needed.resource.contains("/marks/"));
    assert!(beyond.is_none(), "{beyond:#?}");
    assert_eq!(used(&stage.bucket.allowed()), actions(&policy));
    let before = stage.bucket.snapshot();
    for args in [vec!["backup"], vec!["hold", "latest", "--reason", "x"]] {
        agent.run(args).ended_with(4);
    }
    assert!(before.changes(&stage.bucket.snapshot()).is_empty());
    // nor can a thief write over a report
    let report = stage.keys("/drills/").remove(0);
    let (access_key, secret_key) = stage.bucket.credentials_with(&policy);
    let overwritten = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = crate::testbed::client(&stage.bucket.endpoint(), &access_key, &secret_key);
        let put = client.put_object().bucket("testbed").key(&report);
        put.body(ByteStream::from_static(b"proven")).send().await
    });
    overwritten.unwrap_err();
    let checked = agent.run(["check"]);
    assert!(!checked.text().contains("FAIL"), "{}", checked.text());
}

#[test]
fn a_persons_rights_are_apart() {
    let stage = Stage::backed_up(SMALL);
    let plan = ["lifecycle", "apply", "--keep", "monthly 12mo"];
    let agent = under(stage.agent(), &stage.bucket, &policy("full", &[]));
    agent.run(plan).ended_with(4);
    let person = under(stage.agent(), &stage.bucket, &policy("full", &["--lifecycle"]));
    person.run(plan).success();
}

/// Thawing costs money: who may read may not do that unasked.
#[test]
fn who_thaws_has_that_right_by_name() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.cool(&stage.key("/archives/"), "GLACIER");
    let thaw = ["get", "latest", "-o", "y.dump", "--thaw", "standard"];
    let reader = under(stage.agent(), &stage.bucket, &policy("restore", &[]));
    let outcome = reader.run(thaw).ended_with(4);
    assert!(outcome.stderr.contains("s3:RestoreObject"), "{}", outcome.stderr);
    let policy = policy("restore", &["--thaw"]);
    let agent = under(stage.agent(), &stage.bucket, &policy);
    agent.run(thaw).success();
    assert!(used(&stage.bucket.allowed()).contains("s3:RestoreObject"));
}

/// By each policy, every action is one that a command needed, on objects below the prefix, and nothing goes without
/// TLS.
#[test]
fn no_policy_reaches_beyond_its_place() {
    for mode in ["full", "drop-box", "prune", "restore", "drill"] {
        let policy = policy(mode, &["--thaw", "--legal-hold", "--lifecycle", "--check"]);
        let statements = policy["Statement"].as_array().unwrap();
        for one in statements.iter().filter(|one| one["Effect"] == "Allow") {
            let text = one.to_string();
            assert!(!one["Action"].to_string().contains('*'), "{text}");
            let resources = one["Resource"].as_array().unwrap();
            let ours = [
                "arn:aws:s3:::testbed",
                "arn:aws:s3:::testbed/backups/*",
                "arn:aws:s3:::testbed/backups/*/drills/*",
                "arn:aws:s3:::testbed/backups/audit-trail/*",
            ];
            assert!(
                resources.iter().all(|one| ours.contains(&one.as_str().unwrap())),
                "{text}"
            );
            if one["Action"].to_string().contains("s3:ListBucket\"") {
                assert_eq!(one["Condition"]["StringLike"]["s3:prefix"], "backups/*");
            }
        }
        let denied = statements.iter().find(|one| one["Effect"] == "Deny").unwrap();
        assert_eq!(denied["Condition"]["Bool"]["aws:SecureTransport"], "false");
    }
}

/// A thief of the credentials must not lock for a hundred years, nor in a mode that nobody lifts.
#[test]
fn a_lock_is_capped_by_the_longest_retention() {
    let stage = Stage::of(SMALL);
    stage.bucket.behave(|behaviour| behaviour.object_lock = true);
    let locking = |agent: Agent| {
        let agent = agent.env("PGCOFFER_LOCK", "governance");
        agent.env("PGCOFFER_SCHEDULE", "daily keep 7d, weekly keep 5w")
    };
    let agent = Agent::new().env("PGCOFFER_BUCKET", "s3://testbed/backups");
    let url = "postgres://app@db.example/app";
    let printed = locking(agent).env("PGCOFFER_DB_MAIN_URL", url).run(["policy"]);
    let agent = locking(under(stage.agent(), &stage.bucket, &printed.success().json()));
    // what somebody asks for is kept 90 days
    agent.run(["backup"]).success();
    for more in [vec!["--retain", "120d"], vec!["--retain", "99y"]] {
        let outcome = agent.run(["backup"].into_iter().chain(more)).ended_with(4);
        assert!(outcome.stderr.contains("s3:PutObjectRetention"), "{}", outcome.stderr);
    }
    let compliance = agent.env("PGCOFFER_LOCK", "compliance");
    compliance.run(["backup", "--retain", "7d"]).ended_with(4);
}

#[test]
fn a_service_gets_the_policy_that_it_takes() {
    let at = |endpoint: &str, args: &[&str]| {
        let agent = Agent::new().env("PGCOFFER_BUCKET", "s3://testbed/backups");
        let agent = agent.env("AWS_ENDPOINT_URL_S3", endpoint);
        agent.run(["policy"].into_iter().chain(args.iter().copied()))
    };
    let other = at("https://s3.example.org", &["--check"]);
    assert!(other.stderr.contains("--service"), "{}", other.stderr);
    let other = other.success().json();
    assert!(!actions(&other).contains("s3:GetEncryptionConfiguration"));
    let ceph = at("https://s3.example.org", &["--check", "--service", "ceph"])
        .success()
        .json();
    assert!(actions(&ceph).contains("s3:GetBucketEncryption"));
    for (endpoint, words) in [
        ("https://1.r2.cloudflarestorage.com", "API token"),
        ("https://s3.us-west-004.backblazeb2.com", "application key"),
    ] {
        let outcome = at(endpoint, &[]).ended_with(2);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    at("https://s3.eu-central-1.wasabisys.com", &["--check"]).success();
}

#[test]
fn locks_take_rights_of_their_own() {
    let stage = Stage::of(SMALL);
    stage.bucket.behave(|behaviour| behaviour.object_lock = true);
    let locking = |agent: Agent| agent.env("PGCOFFER_LOCK", "governance");
    let agent = Agent::new().env("PGCOFFER_BUCKET", "s3://testbed/backups");
    let policy = locking(agent.clone()).run(["policy"]).success().json();
    let person = locking(agent).run(["policy", "--legal-hold"]).success().json();
    let agent = locking(under(stage.agent(), &stage.bucket, &policy)).env("PGCOFFER_SCHEDULE", "daily keep 7d");
    agent.run(["tick"]).success();
    // a legal hold has no end: the agent's own credentials put none on, and take none off
    let hold = ["hold", "latest", "--reason", "audit"];
    let outcome = agent.run(hold).ended_with(4);
    assert!(outcome.stderr.contains("s3:PutObjectLegalHold"), "{}", outcome.stderr);
    let person = locking(under(stage.agent(), &stage.bucket, &person));
    person.run(hold).success();
    agent.run(["prune"]).success();
    let used = used(&stage.bucket.allowed());
    for action in [
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
        "s3:PutObjectRetention",
    ] {
        assert!(used.contains(action), "{action}");
    }
    let without = locking(under(stage.agent(), &stage.bucket, &self::policy("full", &[])));
    let outcome = without.run(["backup", "--retain", "7d"]).ended_with(4);
    assert!(outcome.stderr.contains("s3:PutObjectRetention"), "{}", outcome.stderr);
}
