//! What an operator has done from there.

use serde_json::Value;

use crate::{
    served::{PASSWORD, Served, serve, with_dashboard},
    stage::{SMALL, Stage},
    tick::past::calm,
};

/// A `serve` that has made its backup of the schedule already.
fn quiet(stage: &Stage) -> Served {
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&with_dashboard(agent));
    served.wait_for_tick();
    served
}

fn of(stage: &Stage, id: &str) -> Value {
    stage.run(["show", id, "--json"]).success().json()
}

#[test]
fn a_backup_is_made_held_released_kept_and_deleted() {
    let stage = Stage::of(SMALL);
    stage.back_up();
    stage.back_up_with(["--retain", "7d"]);
    stage.back_up_with(["--retain", "7d"]);
    let served = quiet(&stage);
    let mut operator = served.signed_in(PASSWORD);
    let begun = operator.act("what=back-up&database=main", &[]);
    let page = operator.ended(&begun);
    assert!(page.text().contains("2 tables, 500 rows and"), "{}", page.text());
    let records = stage.records();
    assert!(records.len() >= 4, "{records:#?}");
    let id = records[0]["id"].as_str().unwrap().to_owned();
    // the next page knows it
    assert!(operator.get("/databases/main").body.contains(&id));

    let query = |what: &str| format!("what={what}&database=main&id={id}");
    let refused = operator.act(&query("hold"), &[("reason", " ")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("a hold needs a reason"), "{}", refused.text());
    let held = operator.act(&query("hold"), &[("reason", "before the migration")]);
    assert!(
        operator
            .ended(&held)
            .text()
            .contains("It is kept whatever its retention says.")
    );
    assert_eq!(of(&stage, &id)["hold"]["reason"], "before the migration");
    assert_eq!(of(&stage, &id)["hold"]["who"], "operator");
    // no date stands where a hold keeps it
    for path in [
        "/databases/main?status=held".to_owned(),
        format!("/databases/main/backups/{id}"),
    ] {
        let text = operator.get(&path).text();
        assert!(text.contains("it is released"), "{path}: {text}");
    }
    // what would be refused is said before anything is typed, with what leads on
    let asked = operator.get(&format!("/act?{}", query("delete")));
    assert!(asked.text().contains("release it first"), "{}", asked.text());
    assert!(
        asked.body.contains("what=release") && !asked.body.contains("name=\"typed\""),
        "{}",
        asked.body
    );
    let released = operator.act(&query("release"), &[]);
    operator.ended(&released);
    assert!(of(&stage, &id)["hold"].is_null());

    let asked = operator.get(&format!("/act?{}", query("retain")));
    assert!(asked.text().contains("Now it is kept until "), "{}", asked.text());
    let retained = operator.act(&query("retain"), &[("retention", "12mo")]);
    assert!(operator.ended(&retained).text().contains("Done"));
    assert_eq!(operator.act(&query("retain"), &[("retention", "a while")]).status, 422);

    let verified = operator.act(&query("verify"), &[]);
    assert!(operator.ended(&verified).text().contains("every MAC is right"));

    let mistyped = operator.act(&query("delete"), &[("typed", "mian")]);
    assert_eq!(mistyped.status, 422);
    assert!(stage.records().iter().any(|record| record["id"] == id.as_str()));
    let deleted = operator.act(&query("delete"), &[("typed", "main")]);
    let page = operator.ended(&deleted);
    assert!(page.text().contains("It is deleted."), "{}", page.text());
    assert!(stage.records().iter().all(|record| record["id"] != id.as_str()));
    let outcome = served.end().success();
    assert!(
        outcome.stderr.contains("from the dashboard: Delete main"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_last_good_backup_is_not_deleted_from_here() {
    let stage = Stage::backed_up(SMALL);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let served = quiet(&stage);
    let mut operator = served.signed_in(PASSWORD);
    // whatever serve has made meanwhile, fewer stay than have to
    let deleted = operator.act(&format!("what=delete&database=main&id={id}"), &[("typed", "main")]);
    let page = operator.ended(&deleted);
    assert!(page.text().contains("It failed."), "{}", page.text());
    // with the way to the backup that it is about
    assert!(
        page.body.contains(&format!("/databases/main/backups/{id}")),
        "{}",
        page.body
    );
    assert!(stage.records().iter().any(|record| record["id"] == id.as_str()));
    served.end().success();
}

#[test]
fn a_test_of_a_restore_is_begun_from_there_and_proves_it() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y")
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    let served = serve(&with_dashboard(agent));
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    let begun = operator.act("what=drill&database=main", &[]);
    let page = operator.ended(&begun);
    assert!(page.text().contains("proven: "), "{}", page.text());
    let text = operator.get("/").text();
    assert!(
        text.contains("roven just now") || text.contains("seconds ago") || text.contains("second ago"),
        "{text}"
    );
    assert!(text.contains("restored in"), "{text}");
    served.end().success();
}

#[test]
fn what_fails_says_why_and_what_to_do() {
    let stage = Stage::backed_up(SMALL);
    let served = quiet(&stage);
    let mut operator = served.signed_in(PASSWORD);
    let begun = operator.act("what=test-notice", &[]);
    let page = operator.ended(&begun);
    assert!(page.text().contains("It failed."), "{}", page.text());
    let unknown = operator.get("/work/1");
    assert!(
        unknown.status == 404 && unknown.text().contains("not known any more"),
        "{}",
        unknown.text()
    );
    assert!(page.text().contains("PGCOFFER_SLACK_WEBHOOK_URL"), "{}", page.text());
    assert_eq!(operator.get("/act?what=anything&database=main").status, 404);
    served.end().success();
}

#[test]
fn who_taps_twice_gets_one_backup() {
    let stage = Stage::of(crate::stage::HUGE);
    let served = quiet(&stage);
    let mut operator = served.signed_in(PASSWORD);
    let begun = operator.act("what=back-up&database=main", &[]);
    let again = operator.act("what=back-up&database=main", &[]);
    assert_eq!(begun.header("location"), again.header("location"));
    let page = operator.ended(&begun);
    assert!(page.text().contains("Done"), "{}", page.text());
    let manual = stage.records().into_iter().filter(|record| record["tier"] == "manual");
    assert_eq!(manual.count(), 1);
    served.end().success();
}

#[test]
fn a_signal_in_the_middle_of_a_backup_leaves_nothing_that_looks_like_one() {
    let stage = Stage::of(crate::stage::HUGE);
    let served = quiet(&stage);
    let mut operator = served.signed_in(PASSWORD);
    let begun = operator.act("what=back-up&database=main", &[]);
    assert_eq!(begun.status, 303);
    served.end().success();
    let good = stage
        .records()
        .into_iter()
        .filter(|record| record["status"] == "succeeded" && record["tier"] == "manual");
    assert!(good.count() <= 1);
    assert_eq!(stage.bucket.uploads_under_way(), []);
}
