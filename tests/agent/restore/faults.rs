//! Faults while an archive is read back: asked for again, or told; and never a target that looks as if it were good.

use crate::{
    backup::faults::{SMALL_PARTS, refusal},
    stage::{Stage, wait_until},
    testbed::{Fault, Rule},
};

/// A backup of four parts whose archive is read back with this fault.
fn read_back(rule: Rule, fault: Fault) -> Stage {
    let stage = Stage::bulky();
    stage.back_up_with(SMALL_PARTS);
    stage.bucket.inject(rule, fault);
    stage
}

fn reading() -> Rule {
    Rule::on("GetObject").key("/archives/")
}

#[test]
fn an_answer_that_breaks_off_is_requested_again() {
    read_back(reading().nth(3), Fault::Cut { after_bytes: 1 << 20 })
        .run(["verify"])
        .success();
}

#[test]
fn an_answer_that_stalls_is_requested_again() {
    read_back(reading().nth(3), Fault::Stall { after_bytes: 1 << 20 })
        .run(["verify"])
        .success();
}

#[test]
fn reading_goes_on_after_a_busy_service() {
    read_back(reading().nth(3).times(5), Fault::slow_down())
        .run(["verify"])
        .success();
}

#[test]
fn answers_that_stay_short_fail_the_verification() {
    let stage = read_back(reading().always(), Fault::Shorten { to_bytes: 1 << 20 });
    let outcome = stage.run(["verify"]);
    assert!(
        [4, 5].contains(&outcome.code()),
        "{} {}",
        outcome.code(),
        outcome.stderr
    );
}

#[test]
fn a_flipped_bit_is_found_by_verify_get_and_restore() {
    let stage = read_back(reading().always(), Fault::FlipBit { at_byte: 9_000_000 });
    let outcome = stage.run(["verify"]).ended_with(5);
    assert!(outcome.stderr.contains(&stage.key("/archives/")), "{}", outcome.stderr);
    // `latest` knows that from now on; where nobody had verified it, the others would find out themselves
    stage.run(["get", "latest"]).ended_with(5);
    for mark in stage.keys("/marks/") {
        stage.bucket.delete(&mark);
    }
    let file = stage.file("flipped");
    stage.run(["get", "latest", "-o", file.to_str().unwrap()]).ended_with(5);
    let left: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let outcome = stage
        .run(["get", "latest", "--sealed", "-o", file.to_str().unwrap()])
        .ended_with(5);
    assert!(
        !file.exists() && outcome.stderr.contains("frame 34 changed"),
        "{}",
        outcome.stderr
    );

    let target = stage.target();
    let outcome = stage.restore(&target).ended_with(5);
    assert!(
        outcome.stderr.contains("it is incomplete") && outcome.stderr.contains("hint: "),
        "{}",
        outcome.stderr
    );
    let rows = stage
        .cluster
        .try_psql(&target.name, "select count(*) from bulk")
        .unwrap_or_else(|_| "0".to_owned());
    assert_eq!(rows, "0", "a COPY that was cut must not be kept");
}

#[test]
fn a_flipped_bit_in_one_transaction_changes_nothing() {
    let stage = read_back(reading().always(), Fault::FlipBit { at_byte: 9_000_000 });
    let target = stage.target();
    let outcome = stage.restore_with(&target, ["--single-transaction"]).ended_with(5);
    assert!(outcome.stderr.contains("nothing was changed"), "{}", outcome.stderr);
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_class where relname = 'bulk'"),
        "0"
    );
}

#[test]
fn a_fault_in_the_last_frame_is_found_before_the_target_is_touched() {
    let stage = read_back(Rule::on("nothing"), Fault::slow_down());
    let bytes = stage
        .bucket
        .objects()
        .iter()
        .find(|object| object.key.contains("/archives/"))
        .unwrap()
        .size_bytes;
    stage
        .bucket
        .inject(reading().always(), Fault::FlipBit { at_byte: bytes - 1 });
    let target = stage.target();
    stage.restore(&target).ended_with(5);
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_class where relname = 'bulk'"),
        "0"
    );
}

#[test]
fn a_restore_that_loses_its_archive_reports_the_state_of_the_target() {
    // header, last frame and table of contents have been read
    let stage = read_back(reading().nth(6).always(), Fault::access_denied());
    let outcome = stage.restore(&stage.target()).ended_with(4);
    for words in [
        "AccessDenied",
        "it is incomplete",
        "the same command with --resume goes on with it",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "{words:?} is not in: {}",
            outcome.stderr
        );
    }
}

#[test]
fn an_archive_that_is_replaced_during_the_read_is_reported() {
    let stage = read_back(reading().nth(4).times(3), Fault::Delay { millis: 1500 });
    let running = stage.agent().spawn(["verify"]);
    let key = stage.key("/archives/");
    let length = stage.bucket.read(&key).unwrap().len();
    wait_until("it is being read", || {
        stage
            .bucket
            .calls()
            .iter()
            .filter(|call| call.operation == "GetObject" && call.key == key)
            .count()
            > 3
    });
    stage.bucket.write(&key, vec![7; length]);
    let outcome = running.wait();
    assert!(
        [4, 5].contains(&outcome.code()),
        "{} {}",
        outcome.code(),
        outcome.stderr
    );
}

#[test]
fn an_archive_in_cold_storage_is_reported_as_cold() {
    let stage = read_back(reading().always(), refusal(403, "InvalidObjectState"));
    let outcome = stage.run(["verify"]).ended_with(4);
    assert!(
        outcome
            .stderr
            .contains("hint: run the same command again with --thaw standard"),
        "{}",
        outcome.stderr
    );
}
