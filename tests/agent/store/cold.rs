//! Archives in cold storage: asked for, waited for, and never half read.

use std::time::Duration;

use crate::{
    output::goldens::assert_said,
    stage::{BULKY, SMALL, Stage, restore_args, unique, wait_until},
    testbed::{Cluster, Fault, LocalStack, Rule},
};

const HOUR: Duration = Duration::from_secs(3600);

/// A good backup whose archive lies in this class, on a service that thaws within two hours by its clock.
fn frozen(class: &str) -> (Stage, String) {
    let stage = Stage::backed_up(SMALL);
    let key = stage.key("/archives/");
    stage.bucket.cool(&key, class);
    stage.bucket.behave(|behaviour| behaviour.restore_takes = 2 * HOUR);
    (stage, key)
}

fn asked(stage: &Stage) -> usize {
    stage.bucket.count("RestoreObject")
}

/// How often bytes of the archive were asked for.
fn reads(stage: &Stage, key: &str) -> usize {
    let calls = stage.bucket.calls();
    calls
        .iter()
        .filter(|call| call.operation == "GetObject" && call.key == key)
        .count()
}

#[test]
fn who_did_not_ask_is_told_how_long_it_takes_and_how_to_ask() {
    let (stage, key) = frozen("GLACIER");
    let target = stage.target();
    for args in [
        vec!["verify"],
        vec!["get", "latest"],
        vec!["get", "latest", "--sealed"],
        restore_args(&target).to_vec(),
    ] {
        let outcome = stage.run(args).ended_with(4);
        let times = "expedited 1 to 5 minutes (below 250 MB), standard 3 to 5 hours, bulk 5 to 12 hours";
        assert_said(&outcome, &[&key, "lies in GLACIER", times, "--thaw standard", "--wait"]);
    }
    assert_eq!(asked(&stage), 0);
    // records are never cold
    stage.run(["list"]).success();
    stage.run(["show", "latest"]).success();
}

#[test]
fn the_same_command_goes_on_once_the_archive_is_thawed() {
    let (stage, _) = frozen("GLACIER");
    let target = stage.target();
    let restore = |args: &[&'static str]| stage.restore_with(&target, args.iter().copied());
    let thaw = ["--thaw", "bulk", "--thaw-days", "5"];
    let outcome = restore(&thaw).ended_with(75);
    assert_said(
        &outcome,
        &[
            "asked for",
            "(bulk), to be kept for 5 days",
            "is being thawed: bulk 5 to 12 hours",
            "run the same command again after 20",
        ],
    );
    // whoever asks again, or did not ask, learns that it is on its way
    assert_said(&restore(&thaw).ended_with(75), &["run the same command again later"]);
    assert_said(&stage.run(["verify"]).ended_with(75), &["is being thawed"]);
    assert_eq!(asked(&stage), 1);

    stage.bucket.advance(3 * HOUR);
    restore(&thaw).success();
    stage.run(["verify"]).success();
    assert_eq!(asked(&stage), 1);
    // the copy is gone after its days
    stage.bucket.advance(6 * 24 * HOUR);
    stage.run(["verify"]).ended_with(4);
}

#[test]
fn who_wants_to_wait_is_kept_until_it_is_thawed() {
    let (stage, _) = frozen("DEEP_ARCHIVE");
    stage
        .bucket
        .behave(|behaviour| behaviour.restore_takes = Duration::from_secs(1));
    let outcome = stage.run(["verify", "--thaw", "standard", "--wait"]).success();
    assert_said(&outcome, &["is thawed"]);
}

#[test]
fn waiting_can_be_interrupted_and_taken_up_again() {
    let (stage, _) = frozen("GLACIER");
    let running = stage.agent().spawn(["verify", "--thaw", "standard", "--wait"]);
    wait_until("it was asked for", || asked(&stage) == 1);
    running.signal("TERM");
    let outcome = running.wait().ended_with(143);
    assert!(outcome.elapsed < Duration::from_secs(20));
    stage.bucket.advance(3 * HOUR);
    stage.run(["verify", "--wait"]).success();
    assert_eq!(asked(&stage), 1);
}

#[test]
fn a_speed_that_a_class_does_not_know_is_refused_before_asking() {
    let (stage, _) = frozen("DEEP_ARCHIVE");
    let outcome = stage.run(["verify", "--thaw", "expedited"]).ended_with(2);
    assert_said(
        &outcome,
        &["DEEP_ARCHIVE, which knows no expedited retrieval", "--thaw standard"],
    );
    assert_eq!(asked(&stage), 0);
}

#[test]
fn a_service_without_capacity_and_a_key_without_the_right_are_told_apart() {
    let (stage, _) = frozen("GLACIER");
    stage.bucket.behave(|behaviour| behaviour.expedited_restores = false);
    let outcome = stage.run(["verify", "--thaw", "expedited"]).ended_with(4);
    assert_said(&outcome, &["no capacity for expedited retrievals", "--thaw standard"]);
    stage
        .bucket
        .inject(Rule::on("RestoreObject").always(), Fault::access_denied());
    let outcome = stage.run(["verify", "--thaw", "standard"]).ended_with(4);
    assert_said(&outcome, &["s3:RestoreObject"]);
}

#[test]
fn a_lost_answer_and_a_busy_service_cost_nothing() {
    for fault in [Fault::LoseAnswer { status: None }, Fault::slow_down()] {
        let (stage, _) = frozen("GLACIER");
        stage.bucket.inject(Rule::on("RestoreObject"), fault);
        stage.run(["verify", "--thaw", "standard"]).ended_with(75);
        stage.bucket.advance(3 * HOUR);
        stage.run(["verify"]).success();
    }
}

#[test]
fn a_copy_that_is_soon_gone_is_warned_of_and_kept_for_longer() {
    let (stage, _) = frozen("GLACIER");
    stage
        .run(["verify", "--thaw", "standard", "--thaw-days", "1"])
        .ended_with(75);
    // copies end at a midnight: go to six hours before the one that ends this
    stage.bucket.advance(3 * HOUR);
    stage.run(["verify"]).success();
    let end = ends(&stage);
    stage
        .bucket
        .advance(end.duration_since(stage.bucket.now()) - jiff::SignedDuration::from_hours(6));
    let outcome = stage.run(["verify"]).success();
    assert_said(&outcome, &["is gone after", "--thaw standard --thaw-days N"]);
    assert_eq!(asked(&stage), 1);
    let outcome = stage
        .run(["verify", "--thaw", "standard", "--thaw-days", "9"])
        .success();
    assert_said(&outcome, &["stays thawed for 9 days more"]);
    assert_eq!(asked(&stage), 2);
    assert!(ends(&stage).duration_since(end) > jiff::SignedDuration::from_hours(24 * 8));
}

/// When the thawed copy of the one archive ends.
#[tokio::main]
async fn ends(stage: &Stage) -> jiff::Timestamp {
    let key = stage.key("/archives/");
    let head = stage
        .bucket
        .client()
        .head_object()
        .bucket(stage.bucket.bucket())
        .key(key);
    let head = head.send().await.unwrap();
    let date = head.restore().unwrap().rsplit('"').nth(1).unwrap();
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).unwrap()
}

#[test]
fn classes_that_are_read_at_once_need_nothing() {
    for class in ["GLACIER_IR", "STANDARD_IA", "ONEZONE_IA"] {
        let (stage, _) = frozen(class);
        stage.run(["verify", "--thaw", "standard", "--wait"]).success();
        assert_eq!(asked(&stage), 0);
    }
}

#[test]
fn a_target_that_can_not_take_the_backup_is_found_before_anything_is_thawed() {
    let (stage, _) = frozen("GLACIER");
    let target = stage.target();
    stage.cluster.psql(&target.name, "create table occupied ()");
    let outcome = stage
        .restore_with(&target, ["--thaw", "standard", "--wait"])
        .ended_with(3);
    assert_said(&outcome, &["occupied"]);
    assert_eq!(asked(&stage), 0);
}

#[test]
fn an_archive_that_cools_down_while_it_is_read_is_told_as_such() {
    let stage = Stage::of(BULKY);
    stage.back_up_with(["--compression", "none"]);
    let key = stage.key("/archives/");
    let before = reads(&stage, &key);
    // header and last frame, and the first ranges, and then it is gone
    let rule = Rule::on("GetObject").key(&key).nth(3).always();
    stage.bucket.inject(rule, Fault::Delay { millis: 1500 });
    let running = stage.agent().spawn(["verify"]);
    wait_until("its bytes are asked for", || reads(&stage, &key) > before + 2);
    stage.bucket.cool(&key, "GLACIER");
    let outcome = running.wait().ended_with(4);
    assert_said(&outcome, &["its thawed copy is gone again", "--thaw-days"]);
}

#[test]
fn localstack_thaws_as_well() {
    let cluster = Cluster::shared(None);
    let bucket = LocalStack::shared().bucket();
    let database = unique("cold");
    cluster.create_database(&database);
    cluster.psql(&database, SMALL);
    let agent = crate::testbed::Agent::new()
        .localstack(&bucket)
        .database(cluster, &database)
        .key(crate::stage::KEY);
    agent
        .clone()
        .env("PGCOFFER_STORAGE_CLASS", "GLACIER")
        .run(["backup"])
        .success();
    let outcome = agent.run(["verify"]).ended_with(4);
    assert_said(&outcome, &["lies in GLACIER"]);
    agent.run(["verify", "--thaw", "standard", "--wait"]).success();
}

/// As on Ceph: the class is a name, what lies there is read, and nobody can ask for thawing.
#[test]
fn a_class_that_is_only_a_name_is_read() {
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        let (stage, _) = frozen(class);
        stage.bucket.behave(|behaviour| behaviour.cold_is_a_name = true);
        for args in [&["verify"][..], &["verify", "--thaw", "standard"]] {
            stage.run(args.iter().copied()).success();
        }
        let target = stage.target();
        stage.restore(&target).success();
        stage.run(["status"]).success();
        assert_eq!(asked(&stage), 0, "nothing was asked for");
    }
}

/// Cold in truth, and the service knows no thawing: no option that was just given is proposed.
#[test]
fn a_service_that_thaws_nothing_is_told_as_such() {
    for (status, code) in [
        (501, "NotImplemented"),
        (405, "MethodNotAllowed"),
        (400, "InvalidRequest"),
        (403, "InvalidObjectState"),
    ] {
        let (stage, _) = frozen("GLACIER");
        stage
            .bucket
            .inject(Rule::on("RestoreObject").always(), Fault::Refuse { status, code });
        let outcome = stage.run(["verify", "--thaw", "standard"]);
        assert_eq!(outcome.code(), 4, "{code}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("by the service's own means") && !outcome.stderr.contains("--thaw"),
            "{code}: {}",
            outcome.stderr
        );
    }
}

/// Cold under a class that nobody here knows: HEAD says nothing of it.
#[test]
fn what_can_not_be_read_is_thawed_whatever_its_class_is_called() {
    let stage = Stage::backed_up(SMALL);
    let cold = Fault::Refuse {
        status: 403,
        code: "InvalidObjectState",
    };
    stage
        .bucket
        .inject(Rule::on("GetObject").key("/archives/").always(), cold);
    let first = stage.run(["verify"]).ended_with(4);
    assert!(first.stderr.contains("--thaw standard"), "{}", first.stderr);
    stage.run(["verify", "--thaw", "standard"]);
    assert_eq!(asked(&stage), 1);
}
