//! A service that fails in the middle of a backup: either it is whole in the end, or there is none and the history says
//! why.

use crate::{
    stage::{Stage, wait_until},
    testbed::{Fault, Rule},
};

/// Makes some parts of 16 MB.
pub(crate) const SMALL_PARTS: [&str; 4] = ["--compression", "none", "--part-size", "5"];

pub(crate) fn refusal(status: u16, code: &'static str) -> Fault {
    Fault::Refuse { status, code }
}

/// A backup of some parts with this fault succeeds, is whole, and is the only one.
#[track_caller]
fn survives(rule: Rule, fault: Fault) {
    let stage = Stage::bulky();
    stage.bucket.inject(rule, fault);
    stage.back_up_with(SMALL_PARTS);
    stage.bucket.heal();
    stage.run(["verify"]).success();
    assert_eq!((stage.keys("/archives/").len(), stage.keys("/records/").len()), (1, 1));
    assert_eq!(stage.bucket.uploads_under_way(), []);
}

/// The same of a single small part.
#[track_caller]
fn survives_small(rule: Rule, fault: Fault) {
    let stage = Stage::small();
    stage.bucket.inject(rule, fault);
    stage.back_up();
    stage.bucket.heal();
    stage.run(["verify"]).success();
    assert_eq!((stage.keys("/archives/").len(), stage.keys("/records/").len()), (1, 1));
}

/// A backup with this fault fails with 4, leaves nothing but a record that gives the reason.
#[track_caller]
fn fails(rule: Rule, fault: Fault, reason: &str) {
    let stage = Stage::bulky();
    stage.bucket.inject(rule, fault);
    let outcome = stage.run(["backup"].into_iter().chain(SMALL_PARTS)).ended_with(4);
    assert!(outcome.stderr.contains(reason), "{}", outcome.stderr);
    stage.bucket.heal();
    stage.assert_no_backup();
    let failure = stage.failure();
    assert!(failure["error"].as_str().unwrap().contains(reason), "{failure}");
    assert_eq!(failure["exit_status"], 4);
}

#[test]
fn a_part_that_is_refused_some_times_is_sent_again() {
    survives(Rule::on("UploadPart").times(4), Fault::slow_down());
}

#[test]
fn a_part_whose_connection_is_cut_is_sent_again() {
    survives(Rule::on("UploadPart").nth(2), Fault::Cut { after_bytes: 1 << 20 });
}

#[test]
fn a_part_whose_answer_is_lost_is_sent_again() {
    survives(Rule::on("UploadPart").nth(2), Fault::LoseAnswer { status: None });
}

#[test]
fn a_part_that_is_refused_for_good_ends_the_run() {
    fails(
        Rule::on("UploadPart").nth(2).always(),
        Fault::access_denied(),
        "AccessDenied",
    );
}

#[test]
fn an_upload_that_may_not_begin_ends_the_run() {
    fails(
        Rule::on("CreateMultipartUpload").always(),
        Fault::access_denied(),
        "AccessDenied",
    );
}

#[test]
fn an_upload_that_vanished_ends_the_run() {
    fails(
        Rule::on("UploadPart").nth(3).always(),
        refusal(404, "NoSuchUpload"),
        "NoSuchUpload",
    );
}

#[test]
fn an_error_behind_a_good_status_is_an_error_and_tried_again() {
    survives(
        Rule::on("CompleteMultipartUpload"),
        Fault::ErrorInBody { code: "InternalError" },
    );
}

#[test]
fn an_error_behind_a_good_status_that_stays_ends_the_run() {
    fails(
        Rule::on("CompleteMultipartUpload").always(),
        Fault::ErrorInBody { code: "AccessDenied" },
        "AccessDenied",
    );
}

#[test]
fn an_upload_that_was_completed_without_an_answer_counts() {
    survives(Rule::on("CompleteMultipartUpload"), Fault::LoseAnswer { status: None });
}

#[test]
fn an_upload_that_was_completed_and_answered_by_an_error_counts() {
    survives(
        Rule::on("CompleteMultipartUpload").always(),
        Fault::LoseAnswer { status: Some(500) },
    );
}

#[test]
fn an_outage_at_the_very_end_does_not_lose_the_upload() {
    survives_small(Rule::on("CompleteMultipartUpload").times(6), Fault::slow_down());
}

#[test]
fn an_outage_before_the_record_does_not_lose_the_backup() {
    survives_small(Rule::on("PutObject").times(6), Fault::slow_down());
}

#[test]
fn an_outage_at_the_beginning_is_waited_for() {
    survives_small(Rule::on("CreateMultipartUpload").times(6), Fault::slow_down());
}

#[test]
fn without_its_record_an_archive_is_no_backup() {
    let stage = Stage::small();
    stage
        .bucket
        .inject(Rule::on("PutObject").key("/records/").always(), Fault::access_denied());
    let outcome = stage.run(["backup"]).ended_with(4);
    assert!(
        outcome.stderr.contains("/records/") && outcome.stderr.contains("hint: "),
        "{}",
        outcome.stderr
    );
    stage.bucket.heal();
    assert_eq!(stage.records(), [0; 0].map(serde_json::Value::from));
    stage.run(["verify"]).ended_with(7);
    stage.run(["list"]).success();
}

#[test]
fn a_record_that_was_written_without_an_answer_counts() {
    survives_small(
        Rule::on("PutObject").key("/records/"),
        Fault::LoseAnswer { status: None },
    );
}

#[test]
fn a_record_that_was_written_and_answered_by_an_error_counts() {
    survives_small(
        Rule::on("PutObject").key("/records/"),
        Fault::LoseAnswer { status: Some(500) },
    );
}

#[test]
fn a_service_that_refuses_conditions_will_do() {
    survives_small(Rule::on("CompleteMultipartUpload"), refusal(501, "NotImplemented"));
    survives_small(Rule::on("PutObject").times(2), refusal(501, "NotImplemented"));
}

#[test]
fn another_object_under_the_archives_name_is_not_overwritten() {
    let stage = Stage::bulky();
    stage
        .bucket
        .inject(Rule::on("CreateMultipartUpload"), Fault::Delay { millis: 300 });
    let running = stage.agent().spawn(["backup", "--compression", "none"]);
    wait_until("an upload begins", || !stage.bucket.uploads_under_way().is_empty());
    let key = stage.bucket.uploads_under_way()[0].key.clone();
    stage.bucket.write(&key, "somebody else's");
    running.wait().ended_with(4);
    assert_eq!(stage.bucket.read(&key).unwrap(), b"somebody else's");
    assert_eq!(stage.failure()["status"], "failed");
}
