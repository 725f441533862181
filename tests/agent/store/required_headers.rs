//! Buckets that want something with each request: encryption, an ACL, a payer, a checksum. Without it they refuse.

use crate::{
    stage::{BULKY, SMALL, Stage},
    testbed::{Fault, Rule, Want},
};

const WRITES: &[&str] = &["PutObject", "CreateMultipartUpload"];

fn denied() -> Fault {
    Fault::access_denied()
}

/// A bucket with this policy: without the setting a backup is refused, with it everything works.
#[track_caller]
fn works_with(want: Want, settings: &[(&str, &str)]) {
    let stage = Stage::small();
    stage.bucket.behave(|behaviour| behaviour.wants = vec![want]);
    stage.run(["backup"]).ended_with(4);
    let agent = settings
        .iter()
        .fold(stage.agent(), |agent, (name, value)| agent.env(name, value));
    agent.run(["backup"]).success();
    for command in ["list", "status", "verify", "prune"] {
        agent.run([command]).success();
    }
    let id = agent.run(["list", "--json"]).success().json()["backups"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    agent.run(["hold", &id, "--reason", "r", "--by", "b"]).success();
    let target = stage.target();
    let restore = ["restore", "latest", "--to", &target.url, "--confirm", &target.name];
    agent.run(restore).success();
}

#[test]
fn a_policy_that_wants_encryption_named_is_met() {
    let named = |value| Want {
        operations: WRITES,
        headers: &["x-amz-server-side-encryption"],
        value: Some(value),
        refusal: denied(),
    };
    works_with(named("AES256"), &[("PGCOFFER_SSE", "aes256")]);
    works_with(named("aws:kms"), &[("PGCOFFER_SSE", "aws:kms")]);
    let by_key = Want {
        operations: WRITES,
        headers: &["x-amz-server-side-encryption-aws-kms-key-id"],
        value: Some("key-1"),
        refusal: denied(),
    };
    let settings = [("PGCOFFER_SSE", "aws:kms:dsse"), ("PGCOFFER_SSE_KMS_KEY_ID", "key-1")];
    works_with(by_key, &settings);
}

#[test]
fn a_bucket_of_another_account_gets_its_acl() {
    let want = Want {
        operations: WRITES,
        headers: &["x-amz-acl"],
        value: Some("bucket-owner-full-control"),
        refusal: denied(),
    };
    works_with(want, &[("PGCOFFER_ACL", "bucket-owner-full-control")]);
}

#[test]
fn who_asks_pays_with_every_request() {
    let want = Want {
        operations: &[
            "PutObject",
            "CreateMultipartUpload",
            "UploadPart",
            "CompleteMultipartUpload",
            "GetObject",
            "HeadObject",
            "ListObjectsV2",
            "GetObjectTagging",
            "PutObjectTagging",
            "DeleteObject",
            "ListMultipartUploads",
        ],
        headers: &["x-amz-request-payer"],
        value: Some("requester"),
        refusal: denied(),
    };
    works_with(want, &[("PGCOFFER_REQUESTER_PAYS", "true")]);
}

#[test]
fn what_can_not_be_meant_is_refused() {
    let stage = Stage::small();
    for (settings, words) in [
        (&[("PGCOFFER_SSE", "aes512")][..], "none of AES256, aws:kms"),
        (&[("PGCOFFER_ACL", "public-read")], "lets everybody read"),
        (&[("PGCOFFER_ACL", "everybody")], "none of private"),
        (&[("PGCOFFER_REQUESTER_PAYS", "x")], "neither true nor false"),
        (
            &[("PGCOFFER_SSE", "AES256"), ("PGCOFFER_SSE_KMS_KEY_ID", "key-1")],
            "knows no key of the KMS",
        ),
    ] {
        let agent = settings
            .iter()
            .fold(stage.agent(), |agent, (name, value)| agent.env(name, value));
        let outcome = agent.run(["backup"]).ended_with(2);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn what_a_service_does_not_know_is_named_by_its_setting() {
    for (setting, value, status, code) in [
        ("PGCOFFER_ACL", "private", 400, "AccessControlListNotSupported"),
        ("PGCOFFER_SSE", "aws:kms", 501, "NotImplemented"),
        ("PGCOFFER_STORAGE_CLASS", "GLACIER", 400, "InvalidStorageClass"),
    ] {
        let stage = Stage::small();
        let begun = Rule::on("CreateMultipartUpload").always();
        stage.bucket.inject(begun, Fault::Refuse { status, code });
        let outcome = stage.agent().env(setting, value).run(["backup"]).ended_with(4);
        let words = format!("what {setting} asks for");
        assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
    }
}

/// A bucket whose objects are locked by its own default takes nothing without a checksum, in the words of Amazon and
/// others.
fn with_default_retention(stage: &Stage) {
    let want = |operation: &'static [&'static str], message| Want {
        operations: operation,
        headers: &["content-md5", "x-amz-checksum-"],
        value: None,
        refusal: Fault::RefuseSaying {
            status: 400,
            code: "InvalidRequest",
            message,
        },
    };
    stage.bucket.behave(|behaviour| {
        behaviour.wants = vec![
            want(
                &["PutObject"],
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock \
                 parameters",
            ),
            want(
                &["UploadPart"],
                "Content-MD5 HTTP header is required for Put Part requests with Object Lock parameters",
            ),
        ];
    });
}

#[test]
fn a_checksum_that_a_default_retention_wants_is_sent_by_itself() {
    for sql in [SMALL, BULKY] {
        let stage = Stage::of(sql);
        with_default_retention(&stage);
        let parts = ["--compression", "none", "--part-size", "5"];
        let parts = if sql == BULKY { &parts[..] } else { &[] };
        stage.back_up_with(parts.iter().copied());
        stage.run(["verify"]).success();
        let said = stage.run(["check"]).text().to_owned();
        assert!(said.contains("Content-MD5 is sent with each write"), "{said}");
    }
    let stage = Stage::small();
    with_default_retention(&stage);
    let drop_box = stage
        .agent()
        .env("PGCOFFER_MODE", "drop-box")
        .env("PGCOFFER_REPOSITORY", repository_of(&stage))
        .env("PGCOFFER_SCHEDULE", "daily keep 7d");
    drop_box.run(["tick"]).success();
}

fn repository_of(stage: &Stage) -> String {
    let outcome = stage.run(["keygen", "--repository"]).success();
    outcome.text().trim().to_owned()
}

/// Nobody else is sent what some services refuse.
#[test]
fn no_checksum_goes_where_none_is_wanted() {
    let stage = Stage::backed_up(SMALL);
    let calls = stage.bucket.calls();
    assert!(calls.iter().all(|call| call.header("content-md5").is_none()));
    let said = stage.run(["check"]).text().to_owned();
    assert!(!said.contains("Content-MD5"), "{said}");
}

#[test]
fn locks_on_a_bucket_without_them_are_told_as_such() {
    for (code, message) in [
        ("InvalidRequest", "Bucket is missing Object Lock Configuration"),
        ("InvalidRequest", "Bucket is missing ObjectLockConfiguration"),
        ("InvalidRequest", "le seau ne connait pas de verrou"),
        (
            "NotImplemented",
            "Header 'x-amz-object-lock-mode' with value 'GOVERNANCE' not implemented",
        ),
    ] {
        let stage = Stage::small();
        let refuse = Fault::RefuseSaying {
            status: 400,
            code,
            message,
        };
        let begun = Rule::on("CreateMultipartUpload").always();
        stage.bucket.inject(begun, refuse);
        let agent = stage.agent().env("PGCOFFER_LOCK", "governance");
        let backup = ["backup", "--tier", "daily", "--retain", "7d"];
        let outcome = agent.run(backup).ended_with(4);
        for words in ["has no Object Lock", "unset PGCOFFER_LOCK"] {
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        }
    }
}
