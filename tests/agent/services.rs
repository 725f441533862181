//! Services as they differ: in tags, conditions, parts, rights and addresses.

use std::time::Duration;

use crate::{
    faults::{SMALL_PARTS, refusal},
    stage::{SMALL, Stage},
    testbed::{Agent, ConditionalWrites, Fault, Rule, S3Server, Tagging},
};

/// The warnings of a backup to a service with this habit.
fn warnings_with(tagging: Tagging) -> (Stage, Vec<String>) {
    let stage = Stage::small();
    stage.bucket.behave(|behaviour| behaviour.tagging = tagging);
    let record = stage.back_up();
    stage.run(["verify"]).success();
    let warnings = record["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w.as_str().unwrap().to_owned());
    (stage, warnings.collect())
}

#[test]
fn a_service_without_tags_gets_the_backup_and_a_warning() {
    for tagging in [
        Tagging::NotImplemented,
        Tagging::InvalidArgument,
        Tagging::Dropped,
    ] {
        let (stage, warnings) = warnings_with(tagging);
        assert!(
            warnings.len() == 1 && warnings[0].contains("tags"),
            "{tagging:?}: {warnings:?}"
        );
        assert_eq!(
            stage.bucket.tags(&stage.key("/archives/")),
            Some(Vec::new()),
            "{tagging:?}"
        );
    }
}

#[test]
fn tags_that_are_lost_with_the_upload_are_set_afterwards() {
    let (stage, warnings) = warnings_with(Tagging::LostOnWrite);
    assert_eq!(warnings, [""; 0]);
    assert!(
        !stage
            .bucket
            .tags(&stage.key("/archives/"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_key_that_may_not_tag_is_told_which_right_it_lacks() {
    let stage = Stage::small();
    stage
        .bucket
        .behave(|behaviour| behaviour.tagging = Tagging::Denied);
    let outcome = stage.run(["backup"]).ended_with(4);
    assert!(
        outcome.stderr.contains("s3:PutObjectTagging"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_service_that_ignores_conditions_will_do() {
    for habit in [ConditionalWrites::PutOnly, ConditionalWrites::Nowhere] {
        let stage = Stage::small();
        stage
            .bucket
            .behave(|behaviour| behaviour.conditional_writes = habit);
        stage.back_up();
        stage.run(["verify"]).success();
    }
}

#[test]
fn a_service_that_wants_equal_parts_will_do() {
    let stage = Stage::bulky();
    stage
        .bucket
        .behave(|behaviour| behaviour.equal_parts_only = true);
    stage.back_up_with(SMALL_PARTS);
    stage.run(["verify"]).success();
    assert_eq!(stage.bucket.count("UploadPart"), 4);
}

#[test]
fn a_key_that_may_only_write_can_back_up() {
    let stage = Stage::small();
    for operation in [
        "HeadObject",
        "GetObject",
        "ListObjectsV2",
        "GetObjectTagging",
    ] {
        stage
            .bucket
            .inject(Rule::on(operation).always(), Fault::access_denied());
    }
    let record = stage.back_up();
    assert!(
        record["warnings"][0]
            .as_str()
            .unwrap()
            .contains("unconfirmed"),
        "{}",
        record["warnings"]
    );
    stage.bucket.heal();
    stage.run(["verify"]).success();
}

#[test]
fn a_wrong_secret_key_is_told_as_such() {
    let stage = Stage::small();
    let agent = stage.agent().env("AWS_SECRET_ACCESS_KEY", "not/the+one");
    let outcome = agent.run(["backup"]).ended_with(4);
    assert!(
        outcome.stderr.contains("hint: check AWS_ACCESS_KEY_ID"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("not/the+one"));
    agent.run(["list"]).ended_with(4);
    assert!(stage.bucket.objects().is_empty());
}

#[test]
fn a_bucket_that_is_not_there_is_told_as_such() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_BUCKET", "s3://nowhere-at-all/backups");
    for command in ["backup", "list", "verify"] {
        let outcome = agent.run([command]).ended_with(4);
        assert!(
            outcome.stderr.contains("hint: create the bucket"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn a_server_that_is_down_is_told_within_half_a_minute() {
    let endpoint = S3Server::start().endpoint();
    let stage = Stage::small();
    let agent: Agent = stage
        .agent()
        .env("AWS_ENDPOINT_URL_S3", endpoint)
        .timeout(Duration::from_secs(30));
    for command in ["backup", "list"] {
        let outcome = agent.run([command]).ended_with(4);
        assert!(
            outcome.stderr.contains("hint: check the network"),
            "{}",
            outcome.stderr
        );
    }
}

/// Over TLS they go unsigned: the wire guards them. This server has none.
#[test]
fn bodies_over_plain_http_are_guarded_by_their_signatures() {
    let stage = Stage::backed_up(SMALL);
    for call in stage.bucket.calls() {
        if ["UploadPart", "PutObject"].contains(&call.operation.as_str()) {
            let hash = call.header("x-amz-content-sha256").unwrap();
            assert!(hash.len() == 64, "{}: {hash}", call.operation);
            let checksums: Vec<_> = call
                .headers
                .keys()
                .filter(|name| name.starts_with("x-amz-checksum"))
                .collect();
            assert!(
                checksums.is_empty(),
                "sent to a service that is not Amazon's: {checksums:?}"
            );
        }
    }
}

#[test]
fn checksums_go_along_where_they_are_asked_for() {
    let stage = Stage::bulky();
    let agent = stage
        .agent()
        .env("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported");
    agent
        .run(["backup"].into_iter().chain(SMALL_PARTS))
        .success();
    let complete = stage
        .bucket
        .calls()
        .into_iter()
        .find(|call| call.operation == "CompleteMultipartUpload")
        .unwrap();
    assert!(
        complete.header("x-amz-checksum-crc64nvme").is_some(),
        "{:?}",
        complete.headers
    );
    stage.run(["verify"]).success();
}

#[test]
fn each_refusal_has_its_cure() {
    let cures = [
        (403, "RequestTimeTooSkewed", "clock"),
        (403, "ExpiredToken", "AWS_SESSION_TOKEN"),
        (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (301, "PermanentRedirect", "AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "AWS_REGION"),
        (403, "AccessDenied", "s3:ListBucket"),
        (503, "SlowDown", "later"),
    ];
    for (status, code, cure) in cures {
        let stage = Stage::small();
        stage
            .bucket
            .inject(Rule::on("ListObjectsV2").always(), refusal(status, code));
        let outcome = stage.run(["list"]).ended_with(4);
        let hint = outcome
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains(cure)) && outcome.stderr.contains(code),
            "{code}: {}",
            outcome.stderr
        );
    }
}
