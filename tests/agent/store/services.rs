//! Services as they differ: in tags, conditions, parts, rights and addresses.

use std::time::Duration;

use crate::{
    backup::faults::{SMALL_PARTS, refusal},
    check::everything::assert_found,
    stage::{SMALL, Stage},
    testbed::{Agent, ConditionalWrites, Fault, Rule, S3Server, Tagging, Writing},
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
        Tagging::DroppedAndUnknown,
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
    assert!(!stage.bucket.tags(&stage.key("/archives/")).unwrap().is_empty());
}

#[test]
fn a_key_that_may_not_tag_is_told_which_right_it_lacks() {
    let stage = Stage::small();
    stage.bucket.behave(|behaviour| behaviour.tagging = Tagging::Denied);
    let outcome = stage.run(["backup"]).ended_with(4);
    assert!(outcome.stderr.contains("s3:PutObjectTagging"), "{}", outcome.stderr);
}

#[test]
fn a_service_that_ignores_conditions_will_do() {
    for habit in [ConditionalWrites::PutOnly, ConditionalWrites::Nowhere] {
        let stage = Stage::small();
        stage.bucket.behave(|behaviour| behaviour.conditional_writes = habit);
        stage.back_up();
        stage.run(["verify"]).success();
    }
}

#[test]
fn a_service_that_wants_equal_parts_will_do() {
    let stage = Stage::bulky();
    stage.bucket.behave(|behaviour| behaviour.equal_parts_only = true);
    stage.back_up_with(SMALL_PARTS);
    stage.run(["verify"]).success();
    assert_eq!(stage.bucket.count("UploadPart"), 4);
}

#[test]
fn a_key_that_may_only_write_can_back_up() {
    let stage = Stage::small();
    for operation in ["HeadObject", "GetObject", "ListObjectsV2", "GetObjectTagging"] {
        stage
            .bucket
            .inject(Rule::on(operation).always(), Fault::access_denied());
    }
    let record = stage.back_up();
    assert!(
        record["warnings"][0].as_str().unwrap().contains("unconfirmed"),
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
    let agent = stage.agent().env("PGCOFFER_BUCKET", "s3://nowhere-at-all/backups");
    for command in ["backup", "list", "verify"] {
        let outcome = agent.run([command]).ended_with(4);
        assert!(outcome.stderr.contains("hint: create the bucket"), "{}", outcome.stderr);
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
        assert!(outcome.stderr.contains("hint: nothing listens"), "{}", outcome.stderr);
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
    let agent = stage.agent().env("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported");
    agent.run(["backup"].into_iter().chain(SMALL_PARTS)).success();
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
        let hint = outcome.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains(cure)) && outcome.stderr.contains(code),
            "{code}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_service_that_drops_tags_and_knows_no_tagging_has_none() {
    let (stage, warnings) = warnings_with(Tagging::DroppedAndUnknown);
    assert_eq!(
        warnings,
        ["this service refuses tags: the backup has none, its record holds the same facts"]
    );
    let report = stage.run(["check", "--json"]).success().json();
    for what in ["write tags", "read tags"] {
        assert_found(&report, ("bucket", what), "ok", &["has no tags"]);
    }
}

#[test]
fn an_answer_to_another_question_is_no_answer() {
    const LIST: &str =
        "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let stage = Stage::backed_up(SMALL);
    let report_with = |operation: &str, body: &'static str| {
        let fault = Fault::Say { status: 200, body };
        stage.bucket.inject(Rule::on(operation).times(9), fault);
        let report = stage.run(["check", "--json"]).success().json();
        stage.bucket.heal();
        report
    };
    // a service that knows no such part of a bucket lists it
    for (operation, what) in [
        ("GetBucketVersioning", "versioning"),
        ("GetBucketEncryption", "encryption"),
        ("GetObjectLockConfiguration", "object lock"),
    ] {
        let report = report_with(operation, LIST);
        assert_found(&report, ("bucket", what), "skipped", &["no such setting"]);
    }
    let report = report_with("GetBucketVersioning", "<html><body>Please log in<br></body></html>");
    let words = ["a page for people"];
    assert_found(&report, ("bucket", "versioning"), "warning", &words);
    let report = report_with("GetBucketVersioning", "<CORSConfiguration/>");
    let words = ["<CORSConfiguration>", "<VersioningConfiguration> was asked for"];
    assert_found(&report, ("bucket", "versioning"), "warning", &words);
    // made of the request's own name, and without content
    let report = report_with("GetBucketVersioning", "<GetBucketVersioningResponse/>");
    assert_found(&report, ("bucket", "versioning"), "ok", &["off"]);
}

#[test]
fn tags_that_a_proxy_calls_weak_are_those_of_the_service() {
    let stage = Stage::bulky();
    stage.bucket.behave(|behaviour| behaviour.weak_tags = true);
    stage.back_up_with(SMALL_PARTS);
    stage.run(["verify"]).success();
    assert_eq!(stage.records()[0]["doubt"], serde_json::Value::Null);
    stage.bucket.behave(|behaviour| behaviour.weak_tags = false);
    // what was written down is the service's own tag
    stage.run(["verify"]).success();
    let target = stage.target();
    let restore = ["restore", "latest", "--to", &target.url, "--confirm", &target.name];
    stage.run(restore).success();
}

#[test]
fn an_answer_behind_blanks_is_an_answer() {
    const LIST: &str = "\r\n  \n<?xml \
        version=\"1.0\"?><ListBucketResult><Name>testbed</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let stage = Stage::backed_up(SMALL);
    let body = LIST;
    let fault = Fault::Say { status: 200, body };
    stage.bucket.inject(Rule::on("ListObjectsV2").always(), fault);
    let listed = stage.run(["list"]).success();
    assert!(listed.text().contains("THERE IS NO GOOD BACKUP"));
}

#[test]
fn keys_that_are_written_in_other_ways_are_those_keys() {
    let stage = Stage::backed_up(SMALL);
    for writing in [Writing::Sections, Writing::Comments] {
        stage.bucket.behave(|behaviour| behaviour.writing = writing);
        assert_eq!(stage.records().len(), 1, "{writing:?}");
        stage.run(["verify"]).success();
        stage.run(["prune"]).success();
    }
}
