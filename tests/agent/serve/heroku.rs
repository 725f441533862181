//! `serve` that has one-off dynos take the backups: started when something is due, and judged by what stands in the
//! bucket.

use std::time::Duration;

use pgcoffer::heroku::{ApiKey, Error, ErrorKind, Heroku, OneOff};
use serde_json::json;

use crate::{
    output::goldens::{assert_golden, assert_said},
    serve::clock::{Serving, serve},
    serve::heroku_api::{API_KEY, APP, FakeHeroku},
    stage::{Stage, wait_until},
    testbed::{Agent, Fault, Hearer, Rule},
    tick::past::calm,
};

const COMMAND: &str = "pgcoffer tick --database main";

fn daily(stage: &Stage) -> Agent {
    stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

fn launching(stage: &Stage, heroku: &FakeHeroku) -> Agent {
    daily(stage)
        .env("PGCOFFER_LAUNCH", "heroku")
        .env("PGCOFFER_HEROKU_APP", APP)
        .env("PGCOFFER_HEROKU_API_KEY", API_KEY)
        .env("HEROKU_API_URL", heroku.url())
}

/// The same, and a webhook hears of it.
fn told_to(hook: &Hearer, agent: &Agent) -> Agent {
    agent
        .clone()
        .env("PGCOFFER_WEBHOOK_URL", hook.url("/hook"))
        .env("PGCOFFER_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
}

/// A `serve` that has asked for a dyno.
fn launched(agent: &Agent, heroku: &FakeHeroku) -> Serving {
    let serving = serve(agent);
    wait_until("a dyno is asked for", || heroku.started().len() == 1);
    serving
}

#[test]
fn a_dyno_takes_the_backup_and_the_bucket_tells() {
    let (stage, heroku) = (Stage::small(), FakeHeroku::start());
    let agent = launching(&stage, &heroku)
        .env("PGCOFFER_HEROKU_DYNO_SIZE", "Standard-2X")
        .env("PGCOFFER_HEROKU_TIME_TO_LIVE", "2h");
    let serving = launched(&agent, &heroku);
    let asked = json!({
        "command": COMMAND, "size": "standard-2x", "time_to_live": 7200, "attach": false, "type": "run",
    });
    assert_eq!(heroku.started(), [asked]);
    heroku.set_all("up");
    // what the dyno does
    daily(&stage).run(["tick", "--database", "main"]).success();
    heroku.forget_all();
    wait_until("its record is seen", || {
        serving.metric("pgcoffer_good_backups{database=\"main\"}") == Some(1.0)
    });
    let ticks = serving.metric("pgcoffer_ticks_total").unwrap();
    serving.wait_for_ticks(ticks as u64);
    assert_eq!(heroku.started().len(), 1);
    let outcome = serving.end().success();
    assert_said(
        &outcome,
        &["due: a dyno was started", "the dyno's run has left its record"],
    );
    stage.assert_no_secret(&outcome, &[API_KEY]);
    // no database was reached from here, and no secret is in what was sent
    let url = stage.cluster.url(&stage.database);
    for asked in heroku.asked() {
        assert!(
            !asked.body.contains(&url) && !asked.target.contains(API_KEY),
            "{asked:?}"
        );
    }
}

#[test]
fn a_failed_run_of_a_dyno_is_its_records_to_tell() {
    let (stage, heroku) = (Stage::small(), FakeHeroku::start());
    let serving = launched(&launching(&stage, &heroku), &heroku);
    let away = daily(&stage).database_url("main", "postgres://nobody@127.0.0.1:1/none");
    away.run(["tick", "--database", "main"]).ended_with(3);
    heroku.set_all("crashed");
    wait_until("its record is seen", || {
        serving.metric("pgcoffer_failures_since_success{database=\"main\"}") == Some(1.0)
    });
    let outcome = serving.end().success();
    assert!(!outcome.stderr.contains("was not taken"), "{}", outcome.stderr);
    // the schedule's own pause keeps the next one
    assert_eq!(heroku.started().len(), 1);
}

#[test]
fn a_dyno_that_leaves_no_record_is_told_and_not_replaced_at_once() {
    for (state, words) in [
        (Some("crashed"), "the dyno run.1000 has crashed and left no record"),
        (None, "the dyno run.1000 has ended and left no record"),
    ] {
        let (stage, heroku, hook) = (Stage::small(), FakeHeroku::start(), Hearer::start());
        let serving = launched(&told_to(&hook, &launching(&stage, &heroku)), &heroku);
        match state {
            Some(state) => heroku.set_all(state),
            None => heroku.forget_all(),
        }
        wait_until("a tick that failed", || {
            serving.metric("pgcoffer_ticks_failed_total") >= Some(1.0)
        });
        assert_eq!(heroku.started().len(), 1);
        let outcome = serving.end().success();
        assert_said(&outcome, &[words, "heroku logs --dyno run.1000", "retry_at"]);
        let event = hook.only().json();
        assert_eq!(event["type"], "backup.missed");
        let data = &event["data"];
        assert_eq!(data["newest_good_known"], true, "{data:#}");
        assert!(data["retry_at"].is_string(), "{data:#}");
        assert_eq!(data["error"], words.replace("run.1000", "for the backup"));
    }
}

#[test]
fn one_that_runs_already_is_waited_for() {
    let (stage, heroku) = (Stage::small(), FakeHeroku::start());
    heroku.add("pgcoffer tick --database other");
    heroku.add(COMMAND);
    let serving = serve(&launching(&stage, &heroku));
    serving.wait_for_ticks(3);
    assert_eq!(heroku.started().len(), 0);
    daily(&stage).run(["tick"]).success();
    heroku.forget_all();
    wait_until("its record is seen", || {
        serving.metric("pgcoffer_good_backups{database=\"main\"}") == Some(1.0)
    });
    assert_said(&serving.end().success(), &["a dyno is at it already"]);
}

/// Somebody stores a schedule in the bucket, and takes it away again: nobody starts anything anew.
#[test]
fn a_schedule_that_is_stored_while_it_runs_counts_from_the_next_round_on() {
    let (stage, heroku) = (Stage::small(), FakeHeroku::start());
    let agent = launching(&stage, &heroku)
        .without("PGCOFFER_SCHEDULE")
        .env("PGCOFFER_DASHBOARD_URL", "http://localhost:9187");
    let serving = serve(&agent);
    serving.wait_for_ticks(2);
    assert_eq!(heroku.started().len(), 0);
    stage
        .run(["schedule", "set", &calm("daily at HH:MM keep 7d")])
        .success();
    wait_until("a dyno is asked for", || heroku.started().len() == 1);
    assert_eq!(heroku.started()[0]["command"], COMMAND);
    heroku.set_all("up");
    // the dyno takes what the schedule in the bucket says
    stage.run(["tick", "--database", "main"]).success();
    assert_eq!(stage.records()[0]["tier"], "daily");
    heroku.forget_all();
    wait_until("its record is seen", || {
        serving.metric("pgcoffer_good_backups{database=\"main\"}") == Some(1.0)
    });
    let outcome = serving.end().success();
    assert_said(
        &outcome,
        &["the schedule in the bucket was changed", "due: a dyno was started"],
    );
    assert_eq!(heroku.started().len(), 1);
}

/// Of a database that is no longer scheduled nobody misses the run that was begun for it.
#[test]
fn a_schedule_that_is_switched_off_while_a_dyno_runs_is_followed() {
    let (stage, heroku) = (Stage::small(), FakeHeroku::start());
    stage
        .run(["schedule", "set", &calm("daily at HH:MM keep 7d")])
        .success();
    let agent = launching(&stage, &heroku).without("PGCOFFER_SCHEDULE");
    let serving = launched(&agent, &heroku);
    heroku.set_all("up");
    stage.run(["schedule", "set", "off"]).success();
    let ticks = serving.metric("pgcoffer_ticks_total").unwrap() as u64;
    serving.wait_for_ticks(ticks + 2);
    heroku.forget_all();
    serving.wait_for_ticks(ticks + 4);
    let outcome = serving.end().success();
    assert_said(&outcome, &["the schedule in the bucket was changed: off"]);
    assert!(!outcome.stderr.contains("was not taken"), "{}", outcome.stderr);
    assert_eq!(heroku.started().len(), 1);
}

#[test]
fn without_a_look_at_the_bucket_nothing_is_started_and_that_is_told_once() {
    let (stage, heroku, hook) = (Stage::small(), FakeHeroku::start(), Hearer::start());
    stage
        .bucket
        .inject(Rule::on("ListObjectsV2").times(1000), Fault::access_denied());
    let serving = serve(&told_to(&hook, &launching(&stage, &heroku)));
    serving.wait_for_ticks(2);
    let event = hook.only().json();
    assert_eq!(event["type"], "backup.failed");
    assert_eq!(event["data"]["newest_good_known"], false);
    assert_eq!(
        serving.metric("pgcoffer_catalog_look_success{database=\"main\"}"),
        Some(0.0)
    );
    assert_eq!(heroku.asked().len(), 0);
    let outcome = serving.end().success();
    assert!(!outcome.stderr.contains("was not taken"), "{}", outcome.stderr);
}

#[test]
fn what_the_api_refuses_is_told_with_its_cure() {
    let (stage, heroku) = (Stage::small(), FakeHeroku::start());
    let body = json!({"id": "rate_limit", "message": "Your account reached the API rate limit\nPlease wait a few \
        minutes before making new requests"});
    heroku.trouble(429, &[("Retry-After", "1200")], body);
    let serving = serve(&launching(&stage, &heroku));
    wait_until("a tick that failed", || {
        serving.metric("pgcoffer_ticks_failed_total") >= Some(1.0)
    });
    // longer than the first pause of five minutes
    let paused = serving
        .metric("pgcoffer_paused_until_timestamp_seconds{database=\"main\"}")
        .unwrap();
    let waits = paused - jiff::Timestamp::now().as_second() as f64;
    assert!((1100.0..=1200.0).contains(&waits), "{waits}");
    let outcome = serving.end().success();
    assert_said(
        &outcome,
        &["no dyno could be started", "limit of API calls", "4,500 calls"],
    );
    stage.assert_no_secret(&outcome, &[API_KEY]);
}

/// Asks for a dyno, and is refused.
fn error(heroku: &FakeHeroku, app: &str, key: &str) -> Error {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let one_off = OneOff {
        command: COMMAND.to_owned(),
        size: None,
        time_to_live: 3600,
    };
    let url = heroku.url().parse().unwrap();
    let heroku = Heroku::new(&url, app, ApiKey::parse(key).unwrap()).unwrap();
    runtime.block_on(heroku.start(&one_off)).unwrap_err()
}

#[test]
fn every_refusal_has_words_of_its_own() {
    let heroku = FakeHeroku::start();
    let mut text = String::new();
    let mut add = |error: &Error| {
        let hint = error.hint().unwrap_or_default();
        text.push_str(&format!("{error}\n  hint: {hint}\n"));
    };
    add(&error(&heroku, APP, "another-key"));
    add(&error(&heroku, "no-such-app", API_KEY));
    for (status, id, message) in [
        (
            402,
            "payment_required",
            "Please verify your account to start dynos (please enter a credit card)",
        ),
        (403, "forbidden", "You do not have access to the app shop-backups."),
        (422, "invalid_params", "No such dyno size: huge."),
        (422, "run_limit_exceeded", "Cannot run more than 50 one-off dynos."),
        (429, "rate_limit", "Your account reached the API rate limit"),
        (
            503,
            "service_unavailable",
            "Heroku API is temporarily unavailable.\nFor more information, visit: https://status.heroku.com",
        ),
    ] {
        heroku.trouble(status, &[], json!({"id": id, "message": message}));
        add(&error(&heroku, APP, API_KEY));
    }
    heroku.trouble(500, &[], json!("<html>"));
    add(&error(&heroku, APP, API_KEY));
    heroku.trouble(201, &[], json!({"id": "x"}));
    add(&error(&heroku, APP, API_KEY));
    // the key goes nowhere else
    heroku.trouble(307, &[("Location", "http://127.0.0.1:1/")], json!({}));
    add(&error(&heroku, APP, API_KEY));
    heroku.trouble(201, &[], json!("x".repeat(5 << 20)));
    add(&error(&heroku, APP, API_KEY));
    assert_golden("heroku-errors", &text);
    assert!(!text.contains(API_KEY));
}

#[test]
fn nobody_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let heroku = Heroku::new(
        &"http://127.0.0.1:1".parse().unwrap(),
        APP,
        ApiKey::parse(API_KEY).unwrap(),
    );
    let error = runtime.block_on(heroku.unwrap().dynos()).unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Unreachable, None));
    let text = error.to_string();
    assert!(text.contains("can't be reached") && text.contains("refused"), "{text}");
    assert!(error.hint().unwrap().contains("status.heroku.com"));
}

#[test]
fn a_wait_that_heroku_asks_for_is_heeded_and_has_an_end() {
    let heroku = FakeHeroku::start();
    for (asked, heeded) in [("60", Some(60)), ("999999999", Some(6 * 3600)), ("soon", None)] {
        heroku.trouble(
            429,
            &[("Retry-After", asked)],
            json!({"id": "rate_limit", "message": "wait"}),
        );
        let error = error(&heroku, APP, API_KEY);
        assert_eq!(error.retry_after, heeded.map(Duration::from_secs), "{asked}");
    }
}
