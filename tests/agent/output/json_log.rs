//! The log in JSON: whatever happens, every line of it is one object with the documented fields.

use serde_json::Value;

use crate::{
    stage::Stage,
    testbed::{Agent, Outcome},
    tick::past::calm,
};

/// Every line of the log.
#[track_caller]
fn lines(outcome: &Outcome) -> Vec<Value> {
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        // libraries that tell their debugging have lines without one
        let is_ours = value["target"].as_str().unwrap().starts_with("pgcoffer");
        assert!(value["message"].is_string() || !is_ours, "{line}");
        let time = value["timestamp"].as_str().unwrap();
        time.parse::<jiff::Timestamp>().unwrap();
        let level = value["level"].as_str().unwrap();
        assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level), "{level}");
        value
    };
    outcome.stderr.lines().map(line).collect()
}

#[track_caller]
fn last(outcome: &Outcome, status: i32) -> Value {
    assert_eq!(outcome.code(), status, "{}", outcome.stderr);
    let line = lines(outcome).pop().expect("nothing was logged");
    assert_eq!(
        (&line["level"], &line["exit_status"]),
        (&"ERROR".into(), &status.into())
    );
    line
}

#[test]
fn a_good_run_and_a_failed_one() {
    let stage = Stage::small();
    let agent = stage.agent().env("PGCOFFER_LOG_FORMAT", "json");
    let good = agent.run(["backup"]).success();
    let dumping = &lines(&good)[0];
    for field in ["database", "id", "server", "pg_dump", "tables", "part_bytes"] {
        assert!(!dumping[field].is_null(), "{field}: {dumping}");
    }
    // spans are for traces
    assert!(dumping["span"].is_null() && dumping["spans"].is_null());
    let away = agent.clone().database_url("main", "postgres://nobody@127.0.0.1:1/none");
    let line = last(&away.run(["backup"]), 3);
    assert!(line["hint"].is_string(), "{line}");
    // nothing was tried before: no pause keeps it
    let ticked = Stage::small()
        .agent()
        .env("PGCOFFER_LOG_FORMAT", "json")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .run(["tick", "-vv"]);
    last(&ticked, 3);
}

#[test]
fn what_is_wrong_before_anything_begins() {
    let agent = Agent::new().env("PGCOFFER_LOG_FORMAT", "json");
    let line = last(&agent.run(["backup", "--no-such"]), 2);
    assert!(line["message"].as_str().unwrap().contains("--no-such"));
    last(&Agent::new().run(["backup", "--no-such", "--log-format", "json"]), 2);
    last(&Agent::new().run(["--log-format=json", "backup", "one", "two"]), 2);
    last(&agent.clone().env("PGCOFFER_NONSENSE", "1").run(["backup"]), 2);
    last(&agent.run(["backup"]), 2);
    // the flag is over the variable
    let text = agent.run(["backup", "--log-format", "text"]).ended_with(2);
    assert!(text.stderr.starts_with("error: "), "{}", text.stderr);
    let wrong = Agent::new()
        .env("PGCOFFER_LOG_FORMAT", "yaml")
        .run(["backup"])
        .ended_with(2);
    assert!(
        wrong
            .stderr
            .contains("PGCOFFER_LOG_FORMAT: \"yaml\" is neither text nor json"),
        "{}",
        wrong.stderr
    );
}
