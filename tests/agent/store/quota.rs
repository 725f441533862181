//! A bucket that has no room: what has run out is deleted all the same, and makes some.

use crate::{
    backup::faults::refusal,
    stage::{SMALL, Stage},
    testbed::{Agent, Fault, Rule},
    tick::past::{Run, calm, hours},
};

const FULL: Fault = Fault::Refuse {
    status: 403,
    code: "QuotaExceeded",
};

/// One backup of three days ago that was kept for a day, a newer good one, and a schedule by which another is due.
fn with_one_expired() -> (Stage, Agent, String) {
    let stage = Stage::small();
    let old = stage.put(Run::ago(hours(24 * 40)).serving("daily", "1d"));
    for days in [30, 20, 10] {
        stage.put(Run::ago(hours(24 * days)).serving("daily", "90d"));
    }
    let agent = stage
        .agent()
        .env("PGCOFFER_KEEP_LAST", "1")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    (stage, agent, old)
}

#[test]
fn a_full_bucket_heals() {
    let (stage, agent, old) = with_one_expired();
    stage.bucket.inject(Rule::on("UploadPart").always(), FULL);
    let outcome = agent.run(["tick"]).ended_with(4);
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    assert!(said.contains("has no room left"), "{said}");
    assert!(!said.contains("lack a right"), "{said}");
    assert!(said.contains("pruned 1 run"), "{said}");
    assert_eq!(stage.keys(&old), [""; 0]);
    // and a person who prunes finds nothing in the way either
    let plan = agent.run(["prune", "--dry-run"]).success();
    assert!(!plan.text().contains("the newest run failed"), "{}", plan.text());
    stage.bucket.heal();
    agent.run(["backup"]).success();
}

#[test]
fn by_hand_it_heals_as_well() {
    let (stage, agent, old) = with_one_expired();
    for fault in [
        FULL,
        refusal(400, "XMinioAdminBucketQuotaExceeded"),
        Fault::RefuseSaying {
            status: 403,
            code: "AccessDenied",
            message: "Forbidden: Object size quota is reached, maximum total size of objects for this bucket: 5",
        },
    ] {
        stage.bucket.inject(Rule::on("UploadPart").always(), fault);
        let outcome = agent.run(["backup"]).ended_with(4);
        assert!(outcome.stderr.contains("no room left"), "{}", outcome.stderr);
        stage.bucket.heal();
    }
    agent.run(["prune"]).success();
    assert_eq!(stage.keys(&old), [""; 0]);
}

/// Other failures say something of the database, and keep what there is.
#[test]
fn a_failure_of_another_kind_blocks_and_the_tick_says_so() {
    let (stage, agent, old) = with_one_expired();
    let denied = Fault::access_denied();
    stage.bucket.inject(Rule::on("UploadPart").always(), denied);
    let outcome = agent.run(["tick"]).ended_with(4);
    let said = outcome.text();
    assert!(
        said.contains("nothing was pruned") && said.contains("the newest run failed"),
        "{said}"
    );
    assert_eq!(stage.keys(&old).len(), 3);
}

#[test]
fn a_tick_without_room_says_why_nothing_goes() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    stage.bucket.inject(Rule::on("UploadPart").always(), FULL);
    let outcome = agent.run(["tick"]).ended_with(4);
    let said = outcome.text();
    assert!(said.contains("nothing was pruned: nothing has run out"), "{said}");
}
