//! A key that stands in a setting for something else: whatever is said of it, the key is not repeated.

use crate::{
    stage::{KEY, SMALL, Stage},
    testbed::{Agent, S3Server},
};

const KEYS: [&str; 5] = [
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
    "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
    "q83vEjRWeJCrze8SNFZ4kKvN7xI0Vni_-83vEjRWeJA",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
];

#[test]
fn a_key_in_a_setting_for_something_else_is_not_repeated() {
    let bucket = S3Server::start();
    let good = Agent::new()
        .s3(&bucket)
        .key(KEY)
        .database_url("main", "postgres://a@127.0.0.1:1/x");
    for key in KEYS {
        let untold = |agent: &Agent, args: &[&str]| {
            let outcome = agent.run(args);
            let said = format!("{}{}", outcome.stderr, String::from_utf8_lossy(&outcome.stdout));
            assert!(!said.contains(&key[1..key.len() - 1]), "{args:?}: {said}");
            said
        };
        for variable in [
            "PGCOFFER_BUCKET",
            "PGCOFFER_SCHEDULE",
            "PGCOFFER_MODE",
            "PGCOFFER_LOCK",
            "PGCOFFER_KEEP_LAST",
            "PGCOFFER_TIMEZONE",
            "PGCOFFER_RETENTION",
            "PGCOFFER_COMPRESSION",
            "PGCOFFER_REPOSITORY",
            "PGCOFFER_DB_MAIN_URL",
            "PGCOFFER_DB_MAIN_SCHEDULE",
        ] {
            let agent = good.clone().env(variable, key);
            for args in [&["list"][..], &["list", "--json"], &["check"], &["-vv", "status"]] {
                untold(&agent, args);
            }
        }
        for args in [
            &["list", "--bucket", key][..],
            &["list", "--bucket", &format!("s3:{key}")],
            &["list", &format!("--mode={key}")],
            &["backup", "--tier", key],
            &[key],
        ] {
            untold(&good, args);
        }
        let profile = good
            .clone()
            .without("AWS_ACCESS_KEY_ID")
            .without("AWS_SECRET_ACCESS_KEY")
            .env("AWS_PROFILE", key);
        for args in [&["list"][..], &["check"]] {
            assert!(untold(&profile, args).contains("AWS_PROFILE"));
        }
    }
}

/// What is printed on purpose looks alike.
#[test]
fn sums_and_ids_are_not_taken_for_keys() {
    let stage = Stage::backed_up(SMALL);
    let record = stage.run(["show", "latest", "--json"]).success().json();
    let sum = record.to_string();
    let is_sum = |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let found = sum.split('"').filter(is_sum).count();
    assert!(found > 0, "{sum}");
    assert!(!sum.contains("***"), "{sum}");
}
