//! What `check` says of the key, of the database behind it, and of there being none.

use serde_json::Value;

use crate::{
    check::everything::assert_found,
    prune::past::Past,
    prune::scene::Scene,
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::{Agent, S3Server},
};

#[test]
fn the_key_is_that_of_the_newest_backup_or_is_said_not_to_be() {
    let stage = Stage::backed_up(SMALL);
    let report = stage.run(["check", "--json"]).success().json();
    assert_found(&report, ("key", "newest backup"), "ok", &["opens with this key"]);
    let agent = stage.agent().key(OTHER_KEY);
    let report = agent.run(["check", "--json"]).ended_with(8).json();
    assert_found(
        &report,
        ("key", "newest backup"),
        "failed",
        &["another key", "PGCOFFER_OLD_KEYS"],
    );
    let report = agent
        .env("PGCOFFER_OLD_KEYS", format!("{KEY}@2099-01-01"))
        .run(["check", "--json"])
        .success()
        .json();
    assert_found(&report, ("key", "newest backup"), "ok", &[]);
    let none = stage.agent().without("PGCOFFER_KEY");
    let report = none.run(["check", "--json"]).ended_with(8).json();
    // there are backups, so not just any key will do
    assert_found(
        &report,
        ("key", "key"),
        "failed",
        &["sealed for key", "set PGCOFFER_KEY"],
    );
    let weak = none.env("PGCOFFER_PASSPHRASE", "password123");
    let report = weak.run(["check", "--json"]).ended_with(8).json();
    assert_found(&report, ("key", "key"), "failed", &[]);
}

#[test]
fn a_database_that_an_upgrade_left_behind_is_wondered_at() {
    let stage = Stage::of(SMALL);
    stage.back_up();
    let new = "postgres://app:Pa55word@ec2-new.example:5432/d9new";
    let report = stage
        .agent()
        .env("DATABASE_URL", new)
        .run(["check", "--json"])
        .success()
        .json();
    let words = ["DATABASE_URL", "d9new", "ec2-new.example", "PGCOFFER_DB_MAIN"];
    assert_found(&report, ("database", "the app's database"), "warning", &words);
    assert!(!report.to_string().contains("Pa55word"));
    let same = stage.cluster.url(&stage.database);
    let report = stage
        .agent()
        .env("DATABASE_URL", same)
        .run(["check", "--json"])
        .success()
        .json();
    assert_found(&report, ("database", "the app's database"), "ok", &[]);
}

/// Whether anything is said of it.
fn is_told(report: &Value, what: &str) -> bool {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().any(|one| one["what"] == what)
}

#[test]
fn backups_that_are_the_same_for_days_are_wondered_at_and_those_of_an_hour_are_not() {
    for (hours_ago, verdict) in [([49, 25, 1], true), ([3, 2, 1], false)] {
        let scene = Scene::new();
        for hours in hours_ago {
            scene.put(Past::good(hours, "30d"));
        }
        let report = scene.run(["check", "--json"]).ended_with(8).json();
        assert_eq!(is_told(&report, "still in use"), verdict, "{report:#}");
    }
}

#[test]
fn records_under_a_key_that_is_not_set_are_told_beside_good_ones() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().key(OTHER_KEY);
    agent.run(["backup"]).success();
    let report = agent.run(["check", "--json"]).success().json();
    let words = ["1 record under a key that is not set here", "PGCOFFER_OLD_KEYS"];
    assert_found(&report, ("key", "earlier keys"), "warning", &words);
    let status = agent.run(["status"]);
    assert!(
        status.text().contains("records of another key, which are passed over"),
        "{}",
        status.text()
    );
    let both = agent.env("PGCOFFER_OLD_KEYS", format!("{KEY}@2099-01-01"));
    let report = both.run(["check", "--json"]).success().json();
    assert!(!is_told(&report, "earlier keys"), "{report:#}");
}

#[test]
fn without_a_database_nothing_is_backed_up_and_check_says_so() {
    let server = S3Server::start();
    let agent = || Agent::new().s3(&server).key(KEY);
    let report = agent().run(["check", "--json"]).ended_with(8).json();
    let place = ("database", "configured");
    assert_found(&report, place, "failed", &["none is", "PGCOFFER_DB_MAIN_URL"]);
    assert_found(&report, ("key", "key"), "ok", &[]);
    let app = agent().env("DATABASE_URL", "postgres://app:Pa55word@db.example:5432/app");
    let report = app.run(["check", "--json"]).ended_with(8).json();
    assert_found(&report, place, "failed", &["PGCOFFER_DB_MAIN_URL=$DATABASE_URL"]);
    assert!(!report.to_string().contains("Pa55word"));
    for mode in ["prune", "restore"] {
        let report = agent().run(["check", "--json", "--mode", mode]).json();
        assert_found(&report, place, "ok", &[mode]);
        let keyless = agent().without("PGCOFFER_KEY");
        let report = keyless.run(["check", "--json", "--mode", mode]).json();
        assert_found(&report, ("key", "key"), "failed", &["pgcoffer keygen"]);
    }
}
