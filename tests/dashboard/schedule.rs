//! The schedule on a page: chosen, looked at before anything is changed, stored in the bucket, and kept to by `serve`.

use serde_json::Value;

use crate::{
    served::{PASSWORD, VIEWER_PASSWORD, serve, with_dashboard},
    signing_in,
    stage::{SMALL, Stage, wait_until},
    testbed::{Agent, Fault, Rule, S3Server},
    tick::past::{Run, calm, hours},
};

const PAGE: &str = "/databases/main/schedule";
const CHOSEN: &str = "?at=02%3A30&day=friday&daily=7d&weekly=5w&timezone=Europe%2FBerlin";
const TEXT: &str = "daily at 02:30 keep 7d, weekly on friday at 02:30 keep 5w";

fn stored(bucket: &S3Server) -> Vec<String> {
    let keys = bucket.keys().into_iter();
    keys.filter(|key| key.contains("/settings/")).collect()
}

/// The form that stores a schedule.
fn form<'a>(token: &'a str, database: &'a str, schedule: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("token", token),
        ("what", "schedule"),
        ("database", database),
        ("schedule", schedule),
    ]
}

fn shown(agent: &Agent) -> Value {
    agent.run(["schedule", "show", "--json"]).success().json()["databases"][0].clone()
}

#[test]
fn one_is_chosen_looked_at_and_saved_and_serve_keeps_to_it() {
    let stage = Stage::of(SMALL);
    let agent = with_dashboard(stage.agent());
    // nothing says when: it serves the pages on which somebody can say it
    let served = serve(&agent);
    let mut operator = served.signed_in(PASSWORD);
    let page = operator.get(PAGE);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("No schedule"), "{}", page.text());
    assert!(page.body.contains("Show what it keeps"));

    let page = operator.get(&format!("{PAGE}{CHOSEN}"));
    for said in [
        "nothing is changed yet",
        TEXT,
        "in Europe/Berlin",
        "What would be kept over a year",
        "weekly",
    ] {
        assert!(page.text().contains(said), "{said}: {}", page.text());
    }
    assert_eq!(stored(&stage.bucket), [""; 0]);
    let form = [
        ("token", page.token()),
        ("what", page.value_of("what")),
        ("database", page.value_of("database")),
        ("schedule", page.value_of("schedule")),
        ("timezone", page.value_of("timezone")),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let saved = operator.post("/act", &form);
    let said = operator.ended(&saved).text();
    assert!(
        said.contains("It is stored in the bucket") && said.contains(TEXT),
        "{said}"
    );
    assert_eq!(stored(&stage.bucket).len(), 1);
    let seen = shown(&agent);
    assert_eq!((&seen["schedule"], &seen["origin"]), (&TEXT.into(), &"bucket".into()));
    assert!(seen["stored"]["by"].as_str().unwrap().starts_with("operator@"));

    // the first one is due at once, and nobody restarts anything
    wait_until("serve backs up", || !stage.records().is_empty());
    assert_eq!(stage.records()[0]["tier"], "weekly");
    let page = operator.get(PAGE);
    assert!(
        page.text().contains(TEXT) && page.text().contains("Stored in the bucket by"),
        "{}",
        page.text()
    );
    // what is chosen is what stands in the form
    assert!(
        page.body.contains("<option value=\"friday\" selected>"),
        "{}",
        page.body
    );
    served.end().success();
    let trail = agent.run(["audit", "--json"]).success().json();
    let changed = trail["entries"].as_array().unwrap().iter();
    let changed: Vec<&Value> = changed.filter(|entry| entry["action"] == "schedule").collect();
    assert_eq!(changed.len(), 1, "{trail:#}");
    assert_eq!(changed[0]["outcome"], "done");
    assert_eq!(changed[0]["detail"], format!("{TEXT}, Europe/Berlin"));
}

#[test]
fn what_another_machine_stores_counts_from_the_next_round_on() {
    let stage = Stage::of(SMALL);
    let served = serve(&with_dashboard(stage.agent()));
    served.wait_for_tick();
    stage.run(["schedule", "set", "daily at 02:30 keep 7d"]).success();
    wait_until("serve backs up", || !stage.records().is_empty());
    assert_eq!(stage.records()[0]["tier"], "daily");
    // one that is changed while it runs, and one that can't be read
    let mut reader = served.signed_in(VIEWER_PASSWORD);
    assert!(reader.get(PAGE).text().contains("daily at 02:30 keep 7d"));
    let outcome = served.end().success();
    assert!(
        outcome.stderr.contains("the schedule in the bucket was changed"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn who_may_only_look_changes_none_and_no_other_page_does() {
    let stage = Stage::of(SMALL);
    let agent = with_dashboard(stage.agent());
    let served = serve(&agent);
    let mut viewer = served.signed_in(VIEWER_PASSWORD);
    let page = viewer.get(&format!("{PAGE}{CHOSEN}"));
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("action=\"/act\"") && !page.body.contains("name=\"words\""));
    let of_viewer = viewer.get("/").token();
    let mut operator = served.signed_in(PASSWORD);
    let of_operator = operator.get("/").token();
    let (of_viewer, of_operator) = (of_viewer.as_str(), of_operator.as_str());
    for token in ["", of_viewer, of_operator] {
        assert_eq!(viewer.post("/act", &form(token, "main", TEXT)).status, 403);
    }
    for token in ["", "x", of_viewer] {
        assert_eq!(operator.post("/act", &form(token, "main", TEXT)).status, 403);
    }
    operator.lines = vec!["Origin: https://evil.example".to_owned()];
    assert_eq!(operator.post("/act", &form(of_operator, "main", TEXT)).status, 403);
    operator.lines.clear();
    assert_eq!(stored(&stage.bucket), [""; 0]);
    // what is no schedule is said, and obeyed by no browser
    let page = operator.get(&format!(
        "{PAGE}?words=%3Cscript%3Ealert(1)%3C%2Fscript%3E&timezone=%22%3E%3Cscript%3E"
    ));
    assert!(page.text().contains("This can't be a schedule"), "{}", page.text());
    assert!(
        !page.body.contains("<script>alert") && !page.body.contains("\"><script>"),
        "{}",
        page.body
    );
    for bad in ["dayly keep 7d", "<script>", &"daily keep 7d, ".repeat(200)] {
        let failed = operator.post("/act", &form(of_operator, "main", bad));
        assert!(operator.ended(&failed).text().contains("It failed."), "{bad}");
    }
    // nor is one stored for what is no database here
    let failed = operator.post("/act", &form(of_operator, "other", TEXT));
    assert!(operator.ended(&failed).text().contains("not configured here"));
    // and none whose entry in the trail can't be written
    stage.bucket.inject(
        Rule::on("PutObject").key("/audit-trail/").always(),
        Fault::access_denied(),
    );
    let failed = operator.post("/act", &form(of_operator, "main", TEXT));
    assert!(operator.ended(&failed).text().contains("nothing was done"));
    assert_eq!(stored(&stage.bucket), [""; 0]);
    served.end().success();
}

#[test]
fn what_the_settings_say_is_shown_as_fixed() {
    let stage = Stage::backed_up(SMALL);
    let agent = with_dashboard(stage.agent()).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&agent);
    let mut operator = served.signed_in(PASSWORD);
    let page = operator.get(PAGE);
    assert!(page.text().contains("can only be changed there"), "{}", page.text());
    assert!(!page.body.contains("name=\"words\""));
    let page = operator.get(&format!("{PAGE}{CHOSEN}"));
    assert!(!page.body.contains("Save this schedule"), "{}", page.text());
    let token = operator.get("/").token();
    let failed = operator.post("/act", &form(&token, "main", TEXT));
    let said = operator.ended(&failed).text();
    assert!(said.contains("set in the settings of this machine"), "{said}");
    assert_eq!(stored(&stage.bucket), [""; 0]);
    served.end().success();
}

#[test]
fn a_day_without_the_backup_that_was_due_is_missed() {
    let bucket = S3Server::start();
    Run::ago(hours(5 * 24)).serving("daily", "30d").put(&bucket);
    let agent = with_dashboard(signing_in::agent(&bucket).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 30d")));
    let served = serve(&agent);
    let page = served.signed_in(VIEWER_PASSWORD).get("/databases/main");
    // two hours ago there was one of another retention; of the days before, all but the first are missing
    let missed = page.body.matches("one was due that is not there").count();
    assert!((2..=5).contains(&missed), "{missed}: {}", page.text());
    assert!(page.text().contains("missed: one was due, none is there"));
    served.end().success();
}
