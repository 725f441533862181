//! What programs have done by the API.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    programs::{Program, made},
    served::{Served, serve, with_dashboard},
    stage::{SMALL, Stage},
    testbed::Agent,
    tick::past::{Run, calm, hours},
};

/// A `serve` that makes no backup by itself, as there is one of two hours ago, and a token that may act there.
fn quiet(stage: &Stage, agent: Agent) -> (Served, String) {
    Run::ago(hours(2)).serving("daily", "7d").put(&stage.bucket);
    let (token, entry) = made("deploy", "act");
    let agent = with_dashboard(agent)
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("PGCOFFER_DASHBOARD_TOKENS", entry);
    let served = serve(&agent);
    served.wait_for_tick();
    (served, token)
}

fn of(stage: &Stage, id: &str) -> Value {
    stage.run(["show", id, "--json"]).success().json()
}

#[test]
fn many_events_at_once_make_one_backup_and_each_is_told_which() {
    let stage = Stage::of(SMALL);
    let (served, token) = quiet(&stage, stage.agent());
    let program = Program::new(&served, &token);
    let manual = || {
        let records = stage.records().into_iter();
        records.filter(|record| record["tier"] == "manual").count()
    };
    assert_eq!(manual(), 0);
    let twenty = || -> BTreeSet<String> {
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..20)
                .map(|_| {
                    scope.spawn(|| {
                        let body = json!({ "at_most_every": "1h" });
                        let job = program.ended(&program.post("/databases/main/backups", &body));
                        assert_eq!(job["state"], "done", "{job}");
                        job["backup"].as_str().unwrap().to_owned()
                    })
                })
                .collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        })
    };
    let first = twenty();
    assert_eq!((first.len(), manual()), (1, 1), "{first:?}");
    // and those who come later are told of the same
    assert_eq!((twenty(), manual()), (first.clone(), 1));
    // who asks for one in any case gets one
    let begun = program.send("POST", "/databases/main/backups?wait=8", None);
    let job = program.ended(&begun);
    assert_eq!(
        (&job["what"], &job["who"], &job["state"]),
        (&json!("back_up"), &json!("deploy"), &json!("done"))
    );
    assert!(!first.contains(job["backup"].as_str().unwrap()), "{job}");
    assert_eq!(manual(), 2);
    let outcome = served.end().success();
    assert!(outcome.stderr.contains("\"who\":\"deploy\""), "{}", outcome.stderr);
    // who joined what went on is named, and the many are few entries
    let trail = stage.run(["audit", "--json", "--limit", "0"]).success().json();
    let entries = trail["entries"].as_array().unwrap().iter();
    let asked: Vec<&Value> = entries.filter(|entry| entry["action"] == "back-up").collect();
    let count = |outcome: &str| -> u64 {
        let of = asked.iter().filter(|entry| entry["outcome"] == outcome);
        of.map(|entry| entry["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(count("done") + count("joined"), 41, "{asked:#?}");
    assert!(count("joined") >= 1 && asked.len() < 41, "{asked:#?}");
    let joined = asked.iter().find(|entry| entry["outcome"] == "joined").unwrap();
    assert_eq!(
        (&joined["who"], &joined["database"]),
        (&json!("deploy"), &json!("main"))
    );
}

#[test]
fn a_backup_is_held_released_kept_verified_and_deleted() {
    let stage = Stage::of(SMALL);
    stage.back_up();
    stage.back_up();
    let id = stage.back_up()["id"].as_str().unwrap().to_owned();
    let (served, token) = quiet(&stage, stage.agent());
    let program = Program::new(&served, &token);
    let act = |what: &str, body: &Value| {
        let begun = program.post(&format!("/databases/main/backups/{id}/{what}"), body);
        let job = program.ended(&begun);
        assert_eq!(
            (&job["state"], &job["backup"], &job["database"]),
            (&json!("done"), &json!(id), &json!("main")),
            "{job}"
        );
        job
    };
    act("hold", &json!({ "reason": " before the migration " }));
    let hold = of(&stage, &id)["hold"].clone();
    assert_eq!(
        (&hold["reason"], &hold["who"]),
        (&json!("before the migration"), &json!("deploy"))
    );
    act("release", &json!({}));
    assert!(of(&stage, &id)["hold"].is_null());
    act("retain", &json!({ "retention": "12mo" }));
    assert_eq!(of(&stage, &id)["retained"]["retention"], "12mo");
    let verified = act("verify", &json!({}));
    assert!(
        verified["sentences"][0]
            .as_str()
            .unwrap()
            .contains("every MAC is right"),
        "{verified}"
    );
    // there is nothing to accept: what fails is a job that says so
    let begun = program.post(&format!("/databases/main/backups/{id}/accept"), &json!({}));
    let job = program.ended(&begun);
    assert_eq!(job["state"], "failed", "{job}");
    assert!(
        job["failure"]["error"]
            .as_str()
            .unwrap()
            .contains("not marked as suspicious"),
        "{job}"
    );

    let path = format!("/databases/main/backups/{id}/delete");
    let other = stage.records()[1]["id"].clone();
    let mistyped = program.post(&path, &json!({ "id": other })).problem(422);
    assert!(
        mistyped["detail"].as_str().unwrap().contains("nothing was deleted"),
        "{mistyped}"
    );
    program.post(&path, &json!({})).problem(422);
    assert!(stage.records().iter().any(|record| record["id"] == id.as_str()));
    act("delete", &json!({ "id": id }));
    assert!(stage.records().iter().all(|record| record["id"] != id.as_str()));
    // it is gone for everybody who asks next
    program.get(&format!("/databases/main/backups/{id}")).problem(404);
    program
        .post(&format!("/databases/main/backups/{id}/hold"), &json!({ "reason": "x" }))
        .problem(404);
    served.end().success();
}

#[test]
fn what_fails_says_why_and_what_to_do() {
    let stage = Stage::of(SMALL);
    let (served, token) = quiet(&stage, stage.agent());
    let program = Program::new(&served, &token);
    let job = program.ended(&program.post("/notices/test", &json!({})));
    assert_eq!(
        (&job["state"], &job["backup"]),
        (&json!("failed"), &Value::Null),
        "{job}"
    );
    assert!(
        job["failure"]["hint"]
            .as_str()
            .unwrap()
            .contains("PGCOFFER_SLACK_WEBHOOK_URL"),
        "{job}"
    );
    program.post("/databases/none/backups", &json!({})).problem(404);
    program.post("/databases/none/drills", &json!({})).problem(404);
    served.end().success();
}

#[test]
fn a_test_of_a_restore_is_begun_from_there_and_proves_it() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    let (served, token) = quiet(&stage, agent);
    let program = Program::new(&served, &token);
    let begun = program.post("/databases/main/drills", &json!({}));
    assert_eq!(begun.status, 202, "{begun:?}");
    let job = program.ended(&begun);
    assert!(job["sentences"][0].as_str().unwrap().contains("proven"), "{job}");
    let path = format!("/databases/main/backups/{}", job["backup"].as_str().unwrap());
    let backup = program.get(&path).json();
    let who = backup["drills"][0]["who"].as_str().unwrap();
    assert!(who.starts_with("deploy@"), "{who}");
    served.end().success();
}

#[test]
fn a_bucket_that_is_away_is_a_problem_and_no_empty_list() {
    let stage = Stage::of(SMALL);
    let (token, entry) = made("ci", "read");
    let agent = with_dashboard(stage.agent())
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("AWS_SECRET_ACCESS_KEY", "notTheOneThatItWas0123456789notTheOneTha")
        .env("PGCOFFER_DASHBOARD_TOKENS", entry);
    let served = serve(&agent);
    let program = Program::new(&served, &token);
    for path in ["/databases/main", "/databases/main/backups"] {
        let problem = program.get(path).problem(502);
        assert!(problem["hint"].as_str().is_some(), "{problem}");
    }
    served.end();
}
