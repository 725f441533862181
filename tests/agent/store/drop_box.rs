//! Drop-box mode under the policy that is printed for it, enforced: it neither reads, lists nor deletes, and neither
//! doubles nor loses a backup.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    stage::{SMALL, Stage},
    store::rights::{actions, policy, under},
    testbed::{Agent, ConditionalWrites, Fault, Rule},
};

const SCHEDULE: &str = "hourly keep 24h, daily keep 7d, yearly keep 7y";

fn dyno(stage: &Stage) -> Agent {
    under(stage.agent(), &stage.bucket, &policy("drop-box", &[]))
        .env("PGCOFFER_MODE", "drop-box")
        .env("PGCOFFER_SCHEDULE", SCHEDULE)
}

fn outcome(report: &Value) -> &str {
    report["databases"][0]["backup"]["outcome"].as_str().unwrap()
}

#[track_caller]
fn nothing_was_refused(stage: &Stage) {
    let refused = stage.bucket.refused();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_tick_backs_up_once_and_never_looks() {
    let stage = Stage::of(SMALL);
    let dyno = dyno(&stage);
    let report = dyno.run(["tick", "--json"]).success().json();
    assert_eq!(outcome(&report), "done");
    let tiers = report["databases"][0]["backup"]["tiers"].clone();
    assert_eq!(tiers, serde_json::json!(["hourly", "daily", "yearly"]));
    for _ in 0..3 {
        let report = dyno.run(["tick", "--json"]).success().json();
        assert_eq!(outcome(&report), "not_due");
    }
    nothing_was_refused(&stage);
    let allowed = stage.bucket.allowed();
    let used: BTreeSet<String> = allowed.iter().map(|needed| needed.action.to_owned()).collect();
    assert_eq!(used, BTreeSet::from(["s3:PutObject".to_owned()]));
    // no warning of what is meant to be so, and no tags, which would take a right that reaches old backups
    let record = stage.run(["show", "latest", "--json"]).success().json();
    assert_eq!(record["warnings"], serde_json::json!([]));
    assert_eq!(record["sealed"]["objects"][0]["tagged"], false);
    stage.run(["verify"]).success();
}

#[test]
fn what_fails_is_recorded_and_tried_again_in_a_later_turn() {
    let stage = Stage::of(SMALL);
    let dyno = dyno(&stage);
    stage
        .bucket
        .inject(Rule::on("UploadPart").always(), Fault::access_denied());
    dyno.run(["tick"]).ended_with(4);
    // the upload was given up, with the one right that it has besides
    assert!(stage.bucket.uploads_under_way().is_empty());
    nothing_was_refused(&stage);
    assert_eq!(stage.failure()["status"], "failed");
    stage.bucket.heal();
    // in the same turn nobody tries again: a tick a minute would else be a failure a minute
    let report = dyno.run(["tick", "--json"]).json();
    let later = outcome(&report) == "done" || outcome(&report) == "not_due";
    assert!(later, "{report:#}");
    let turns = stage.keys("/turns/");
    assert!(!turns.is_empty());
    // a later turn has another name, which nobody has taken
    for key in turns {
        stage.bucket.delete(&key);
    }
    let report = dyno.run(["tick", "--json"]).success().json();
    assert_eq!(outcome(&report), "done");
}

#[test]
fn a_database_that_is_down_uses_up_a_turn_and_one_that_is_locked_does_not() {
    let stage = Stage::of(SMALL);
    let down = dyno(&stage).env("PGCOFFER_DB_MAIN_URL", "postgres://postgres@127.0.0.1:1/x");
    let said = down.run(["tick"]).ended_with(3);
    assert!(said.text().contains("connection refused"), "{}", said.text());
    assert_eq!(stage.failure()["status"], "failed");
    let taken = stage.keys("/turns/").len();
    assert_eq!(taken, 3);
    for key in stage.keys("/turns/") {
        stage.bucket.delete(&key);
    }
    // somebody else's run holds the lock: main
    let lock = "select pg_advisory_lock(1885823846, ('x' || substr(encode(sha256('main'), 'hex'), 1, \
        8))::bit(32)::int); select pg_sleep(600)";
    let url = stage.cluster.url(&stage.database);
    let mut holder = std::process::Command::new("psql");
    holder
        .env("PGAPPNAME", "pgcoffer")
        .args([url.as_str(), "-c", lock])
        .stdout(std::process::Stdio::null());
    let mut holder = holder.spawn().unwrap();
    crate::stage::wait_until("the lock is held", || {
        let held = "select count(*) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())";
        stage.cluster.psql(&stage.database, held) != "0"
    });
    let report = dyno(&stage).run(["tick", "--json"]).success().json();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(outcome(&report), "busy");
    assert!(stage.keys("/turns/").is_empty(), "its turn is left to it");
}

#[test]
fn answers_that_are_lost_are_no_failures_for_who_may_not_look() {
    let stage = Stage::of(SMALL);
    let lose = |rule: Rule| stage.bucket.inject(rule, Fault::LoseAnswer { status: None });
    lose(Rule::on("PutObject").key("/turns/"));
    lose(Rule::on("CompleteMultipartUpload"));
    lose(Rule::on("PutObject").key("/records/"));
    let report = dyno(&stage).run(["tick", "--json"]).success().json();
    assert_eq!(outcome(&report), "done");
    assert_eq!(stage.records().len(), 1);
    stage.run(["verify"]).success();
}

/// The second ask for a name that is ours shows that the service knows the condition. Its answer may be lost like any
/// other.
#[test]
fn a_lost_answer_to_the_trial_is_no_service_without_conditions() {
    let stage = Stage::of(SMALL);
    stage.bucket.inject(
        Rule::on("PutObject").key("/turns/").nth(2),
        Fault::LoseAnswer { status: None },
    );
    let report = dyno(&stage).run(["tick", "--json"]).success().json();
    assert_eq!(outcome(&report), "done");
}

#[test]
fn a_service_without_conditions_is_refused() {
    let stage = Stage::of(SMALL);
    stage
        .bucket
        .behave(|b| b.conditional_writes = ConditionalWrites::Nowhere);
    // the policy's conditions are not this service's either
    let agent = stage
        .agent()
        .env("PGCOFFER_MODE", "drop-box")
        .env("PGCOFFER_SCHEDULE", SCHEDULE);
    let said = agent.run(["tick"]).ended_with(4);
    assert!(said.text().contains("ignores If-None-Match"), "{}", said.text());
    assert!(said.text().contains("drop-box mode rests on"), "{}", said.text());
    assert!(stage.keys("/archives/").is_empty());
}

#[test]
fn whoever_reads_in_drop_box_mode_is_told_where_to() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().env("PGCOFFER_MODE", "drop-box");
    let before = stage.bucket.calls().len();
    for args in [vec!["list"], vec!["verify"], vec!["status"], vec!["prune"]] {
        let said = agent.run(args).ended_with(4);
        assert!(
            said.stderr.contains("in drop-box mode nothing is read"),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains("policy --mode restore"), "{}", said.stderr);
    }
    assert_eq!(stage.bucket.calls().len(), before, "nobody asked the bucket");
    let wrong = stage
        .agent()
        .env("PGCOFFER_MODE", "restore")
        .run(["list"])
        .ended_with(2);
    assert!(
        wrong.stderr.contains("none of full, drop-box, drill"),
        "{}",
        wrong.stderr
    );
}

/// Another machine prunes, with credentials that may not write; its turns go when nobody will ask for them again.
#[test]
fn a_prune_elsewhere_deletes_what_has_run_out_and_turns_that_are_over() {
    let stage = Stage::of(SMALL);
    dyno(&stage).run(["tick"]).success();
    let turns = stage.keys("/turns/");
    // one of each tier at least; how many more is the hour's affair
    assert!(turns.len() >= 3, "{turns:?}");
    let pruner = under(stage.agent(), &stage.bucket, &policy("prune", &[]));
    pruner.run(["prune"]).success();
    assert_eq!(stage.keys("/turns/"), turns, "they are of periods that go on");
    // turns of last year, and one of somebody else's
    let old = crate::prune::past::turn("hourly", 9000);
    stage.bucket.write(&old, "taken");
    let foreign = "backups/main/turns/hourly/20250101T000000Z-aaaaaaaaaaaa.turn";
    stage.bucket.write(foreign, "taken");
    let dry = pruner.run(["prune", "--dry-run"]).success();
    assert!(
        dry.text().contains("turns of periods that are over: 1: delete"),
        "{}",
        dry.text()
    );
    let said = pruner.run(["prune"]).success();
    assert!(
        said.text().contains("turns of periods that are over: 1: deleted"),
        "{}",
        said.text()
    );
    assert_eq!(stage.bucket.read(&old), None);
    assert!(stage.bucket.read(foreign).is_some());
    assert!(actions(&policy("prune", &[])).contains("s3:DeleteObject"));
}

#[test]
fn check_says_what_is_as_it_should_be() {
    let stage = Stage::of(SMALL);
    let report = dyno(&stage).run(["check", "--json"]).success().json();
    let findings = report["findings"].as_array().unwrap();
    let of = |what: &str| {
        let mut found = findings.iter().filter(|one| one["area"] == "bucket");
        let found = found.find(|one| one["what"] == what);
        let found = found.unwrap_or_else(|| panic!("{what} is not in {report:#}"));
        (found["verdict"].as_str().unwrap(), found["detail"].as_str().unwrap())
    };
    for what in [
        "write",
        "conditional write",
        "overwrite",
        "upload in parts",
        "abort an upload",
    ] {
        assert_eq!(of(what).0, "ok", "{what}: {report:#}");
    }
    for what in ["list", "read", "delete", "read tags", "write tags", "list uploads"] {
        let (verdict, detail) = of(what);
        assert_eq!(verdict, "ok", "{what}: {report:#}");
        assert!(detail.contains("as it should be in drop-box mode"), "{what}: {detail}");
    }
    // checked again and again it leaves one line of text, and what explains the place
    dyno(&stage).run(["check"]).success();
    let left = [".pgcoffer-check/drop-box", "README.txt", "restore-by-hand.md"].map(|name| format!("backups/{name}"));
    assert_eq!(stage.bucket.keys(), left);
    // told nothing, it finds out
    let report = under(stage.agent(), &stage.bucket, &policy("drop-box", &[]))
        .run(["check", "--json"])
        .success()
        .json();
    assert!(report.to_string().contains("set PGCOFFER_MODE=drop-box"), "{report:#}");
}
