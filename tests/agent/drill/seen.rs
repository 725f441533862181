//! The third question, does it come back: answered by `list`, `show`, `status`, their JSON and the metrics.

use super::{past::PastDrill, report};
use crate::{
    stage::{SMALL, Stage},
    tick::past::{Run, calm, hours},
};

fn days(n: i64) -> jiff::SignedDuration {
    hours(24 * n)
}

/// Daily backups of earlier days, the newest first.
fn with_backups(count: i64) -> (Stage, Vec<String>) {
    let stage = Stage::small();
    let ids = (0..count).map(|n| stage.put(Run::ago(hours(1 + 24 * n)).serving("daily", "90d")));
    let ids = ids.collect();
    (stage, ids)
}

fn status(stage: &Stage) -> crate::testbed::Outcome {
    let schedule = calm("daily at HH:MM keep 90d");
    stage.agent().env("PGCOFFER_SCHEDULE", schedule).run(["status"])
}

#[test]
fn a_database_that_nobody_has_drilled_is_never_proven() {
    let (stage, _) = with_backups(1);
    let said = status(&stage).success();
    assert!(said.text().contains("main: never proven"), "{}", said.text());
    let json = stage.run(["status", "--json"]).json();
    assert!(json["databases"][0]["drills"]["last"].is_null());
    // a column of dashes says nothing
    assert!(!stage.run(["list"]).success().text().contains("PROVEN"));
}

#[test]
fn what_a_drill_has_proven_is_said_with_its_age_and_how_long_it_took() {
    let (stage, ids) = with_backups(5);
    PastDrill::ago(&ids[3], days(3)).put(&stage.bucket);
    let said = status(&stage).success();
    assert!(
        said.text().contains("main: proven 3 days ago, restored in 6 min 2 s"),
        "{}",
        said.text()
    );
    let list = stage.run(["list"]).success();
    assert!(list.text().contains("main: proven 3 days ago"), "{}", list.text());
    let mut table = list.text().lines().filter(|line| !line.starts_with("main:"));
    assert!(table.all(|line| line.chars().count() <= 80), "{}", list.text());
    assert!(list.text().contains("PROVEN"), "{}", list.text());
    let rows = list.text().lines().filter(|line| line.contains("daily"));
    let proven = rows.filter(|line| line.trim_end().ends_with("good    3 d ago"));
    assert_eq!(proven.count(), 1, "{}", list.text());
    let json = stage.run(["list", "--json"]).success().json();
    assert_eq!(json["backups"][3]["drill"]["verdict"], "proven");
    assert!(json["backups"][0]["drill"].is_null());
    assert_eq!(json["databases"][0]["last_proven"]["restore_ms"], 362_000);
    let json = stage.run(["status", "--json"]).json();
    let drills = &json["databases"][0]["drills"];
    assert_eq!(drills["last"]["verdict"], "proven");
    assert_eq!(drills["last_proven"]["restore_ms"], 362_000);
    assert_eq!(drills["measured"].as_array().unwrap().len(), 1);
}

#[test]
fn a_difference_is_a_problem_until_a_drill_proves_more() {
    let (stage, ids) = with_backups(4);
    PastDrill::ago(&ids[2], days(9)).put(&stage.bucket);
    PastDrill::ago(&ids[1], days(2)).not_proven(2).put(&stage.bucket);
    let said = status(&stage).ended_with(8);
    assert!(
        said.text().contains("NOT proven: 2 parts came back otherwise"),
        "{}",
        said.text()
    );
    assert!(said.text().contains("proven 9 days ago"), "{}", said.text());
    let list = stage.run(["list"]).success();
    assert!(list.text().contains("FOUND DIFFERENCES"), "{}", list.text());
    // what could not be carried out proves nothing
    PastDrill::ago(&ids[0], days(1))
        .not_carried_out()
        .with(
            "/earlier",
            serde_json::json!([
                {"began": jiff::Timestamp::now() - days(2), "id": ids[1], "verdict": "not_proven", "restore_ms": 1,
                 "dump_bytes": 1, "place": "local"},
                {"began": jiff::Timestamp::now() - days(9), "id": ids[2], "verdict": "proven", "restore_ms": 2000,
                 "dump_bytes": 1, "place": "local"},
            ]),
        )
        .put(&stage.bucket);
    let said = status(&stage).ended_with(8);
    assert!(said.text().contains("NOT proven"), "{}", said.text());
    assert!(
        said.text().contains("could not be carried out 24 hours ago: a disk"),
        "{}",
        said.text()
    );
    PastDrill::ago(&ids[0], hours(2)).put(&stage.bucket);
    let said = status(&stage).success();
    assert!(said.text().contains("main: proven 2 hours ago"), "{}", said.text());
}

#[test]
fn show_names_every_drill_of_a_backup_and_what_the_last_one_found() {
    let stage = Stage::backed_up(SMALL);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    PastDrill::ago(&id, days(2)).not_carried_out().put(&stage.bucket);
    let scripts = super::open_folder();
    let planted = super::planting(stage.cluster, "delete from public.people where id = 7");
    let bin = super::programs(stage.cluster, scripts.path(), &[("pg_dump", &planted)]);
    let agent = super::on_server(&stage)
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", bin);
    let drilled = report(&agent.run(["drill", "latest", "--json"]).ended_with(5));
    let shown = stage.run(["show", &id]).success();
    let text = shown.text();
    assert!(text.contains("not proven at "), "{text}");
    assert!(text.contains("not carried out at "), "{text}");
    assert!(text.contains("differs: rows of public.people: "), "{text}");
    let json = stage.run(["show", &id, "--json"]).success().json();
    let drills = json["drills"].as_array().unwrap();
    assert_eq!(drills.len(), 2);
    assert_eq!(drills[0]["report"], drilled["report"]);
    assert_eq!(drills[0]["differences"], 1);
    assert_eq!(json["drill_findings"]["differences"][0]["name"], "people");
    assert_eq!(json["measured"][0]["verdict"], "not_proven");
    // a monitor sees that it happened, and not what
    let monitor = super::reports::with_catalog_key(&stage);
    let shown = monitor.run(["show", &id, "--json"]).success().json();
    assert_eq!(shown["drills"][0]["verdict"], "not_proven");
    assert!(shown["drill_findings"].is_null());
    let said = monitor.run(["status"]).ended_with(8);
    assert!(said.text().contains("NOT proven"), "{}", said.text());
}

#[test]
fn a_drill_that_was_killed_is_said() {
    let (stage, ids) = with_backups(2);
    PastDrill::ago(&ids[1], days(1)).put(&stage.bucket);
    PastDrill::ago(&ids[0], hours(3)).begun(&stage.bucket);
    let said = status(&stage).success();
    assert!(
        said.text()
            .contains("a drill that began 3 hours ago has left no report"),
        "{}",
        said.text()
    );
}

/// A drill by a clock that is ahead would otherwise be the last one until that day.
#[test]
fn a_drill_of_a_clock_that_was_ahead_hides_no_later_failure() {
    let (stage, ids) = with_backups(3);
    PastDrill::ago(&ids[2], days(9)).put(&stage.bucket);
    PastDrill::ago(&ids[1], days(-10)).put(&stage.bucket);
    PastDrill::ago(&ids[0], hours(1)).not_proven(2).put(&stage.bucket);
    let said = status(&stage).ended_with(8);
    assert!(
        said.text().contains("NOT proven: 2 parts came back otherwise"),
        "{}",
        said.text()
    );
    assert!(said.text().contains("clock that was ahead"), "{}", said.text());
    let list = stage.run(["list"]).success();
    assert!(list.text().contains("FOUND DIFFERENCES"), "{}", list.text());
    assert!(list.text().contains("passed over"), "{}", list.text());
    let json = stage.run(["status", "--json"]).json();
    let drills = &json["databases"][0]["drills"];
    assert_eq!(drills["last"]["verdict"], "not_proven");
    assert_eq!(drills["ahead"].as_array().unwrap().len(), 1);
    let shown = stage.run(["show", &ids[1]]).success();
    assert!(shown.text().contains("passed over"), "{}", shown.text());
    assert!(!shown.text().contains("proven at"), "{}", shown.text());
}

#[test]
fn statements_of_one_s_own_that_failed_are_no_differences() {
    let (stage, ids) = with_backups(2);
    PastDrill::ago(&ids[1], days(2)).put(&stage.bucket);
    PastDrill::ago(&ids[0], hours(1))
        .not_proven(0)
        .with("/checks_failed", 1)
        .put(&stage.bucket);
    let list = stage.run(["list"]).success();
    let words = "main: all data came back; 1 of 1 own statement failed; ";
    assert!(list.text().contains(words), "{}", list.text());
    let said = status(&stage).ended_with(8);
    let text = said.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(&format!("{words}before that proven 2 days ago")),
        "{text}"
    );
    assert!(
        text.contains("all data came back, and 1 of 1 own statement failed in the drill of"),
        "{text}"
    );
    assert!(!text.contains("NOT proven") && !text.contains("DIFFERENCES"), "{text}");
}
