//! The user's own statements.

use super::{drilled, on_server};
use crate::stage::{SMALL, Stage};

#[test]
fn statements_of_the_user_pass_and_fail() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.file("checks.sql");
    let agent = on_server(&stage).env("PGCOFFER_DRILL_SQL", &file);
    std::fs::write(
        &file,
        "-- expect: 500\nselect count(*) from people;\n-- expect: >= 500\nselect max(id) from public.people\n\
         -- expect: within 1 day\nselect now();\n-- expect: nothing\nselect from visits;\n",
    )
    .unwrap();
    let report = drilled(&agent, 0);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 4);
    assert!(checks.iter().all(|check| check["passed"] == true), "{checks:#?}");

    std::fs::write(
        &file,
        "-- expect: 501\nselect count(*) from people;\n-- expect: 1\nselect 1 from nowhere",
    )
    .unwrap();
    let report = drilled(&agent, 5);
    assert_eq!(report["verdict"], "not_proven");
    let checks = report["checks"].as_array().unwrap();
    assert_eq!((&checks[0]["found"], &checks[0]["line"]), (&"500".into(), &1.into()));
    assert!(checks[1]["found"].as_str().unwrap().contains("nowhere"), "{checks:#?}");
    let text = agent.run(["drill"]).ended_with(5);
    assert!(
        text.text()
            .contains("line 1 of PGCOFFER_DRILL_SQL expects 501, and it is 500"),
        "{}",
        text.text()
    );
}

/// Whose rows would be compared is not to be guessed.
#[test]
fn two_statements_below_one_expectation_do_not_pass() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.file("checks.sql");
    std::fs::write(
        &file,
        "-- expect: 500\nselect count(*) from people;\nselect count(*) from nothing_else_than_people;\n\n\
         -- expect: 500\nselect count(*) from people; select 7;\n\n-- expect: a;b\nselect 'a;b';",
    )
    .unwrap();
    let report = drilled(&on_server(&stage).env("PGCOFFER_DRILL_SQL", &file), 5);
    let checks = report["checks"].as_array().unwrap();
    let passed: Vec<_> = checks.iter().map(|check| check["passed"].as_bool().unwrap()).collect();
    assert_eq!(passed, [false, false, true], "{checks:#?}");
    let found = checks[1]["found"].as_str().unwrap();
    assert!(found.starts_with("2 statements, where one is expected"), "{found}");
}

#[test]
fn a_file_that_is_wrong_is_refused_before_anything_is_done() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.file("checks.sql");
    let agent = on_server(&stage).env("PGCOFFER_DRILL_SQL", &file);
    let outcome = agent.run(["drill"]).ended_with(1);
    assert!(outcome.stderr.contains("PGCOFFER_DRILL_SQL"), "{}", outcome.stderr);
    std::fs::write(&file, "select 1;").unwrap();
    let outcome = agent.run(["drill"]).ended_with(2);
    assert!(
        outcome.stderr.contains("line 1: a statement without a comment"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}

#[test]
fn a_statement_changes_nothing() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.file("checks.sql");
    std::fs::write(&file, "-- expect: 1\ndelete from people returning 1").unwrap();
    let report = drilled(&on_server(&stage).env("PGCOFFER_DRILL_SQL", &file), 5);
    let found = report["checks"][0]["found"].as_str().unwrap();
    assert!(found.contains("read-only transaction"), "{found}");
}
