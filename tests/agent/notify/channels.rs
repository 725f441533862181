//! Each channel against a server of its protocol, over real sockets. What is told is the cheapest failure there is: a
//! setting that is wrong, which needs neither database nor bucket.

use std::time::{Duration, Instant};

use crate::{
    notify::normalized::told,
    output::goldens::{assert_golden, assert_said},
    testbed::{Agent, Answer, Hearer, slack},
};

/// An agent whose bucket is no bucket.
pub(crate) fn misconfigured() -> Agent {
    Agent::new()
        .env("HOSTNAME", "scheduler.1")
        .database_url("main", "postgres://u:dbS3cret@127.0.0.1:1/none")
        .env("PGCOFFER_BUCKET", "acme-backups")
}

fn to_slack(slack: &Hearer) -> Agent {
    misconfigured().env("PGCOFFER_SLACK_WEBHOOK_URL", slack.url(slack::PATH))
}

#[test]
fn slack_is_told_by_its_rules_and_shown_what_to_do() {
    let slack = slack::start();
    let outcome = to_slack(&slack).run(["tick"]).ended_with(2);
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    let heard = slack.only();
    assert!(!heard.text().contains("dbS3cret"));
    assert_golden("notice-settings-slack", &told(&slack::shown(&heard)));
}

/// What is tried again, how often, and what is said where it is given up.
#[test]
fn answers_of_slack_are_told_apart() {
    for (status, words, attempts, said) in [
        (400, "invalid_payload", 1, "answered 400 (invalid_payload)"),
        (
            403,
            "action_prohibited",
            1,
            "make a new one and set it (PGCOFFER_SLACK_WEBHOOK_URL)",
        ),
        (404, "no_service", 1, "answered 404 (no_service)"),
        (410, "channel_is_archived", 1, "answered 410 (channel_is_archived)"),
        (302, "", 1, "no redirect is followed"),
        // one that repeats what it was asked for
        (404, "no hook at /services/T0/B0/S1ACKS3cretPath", 1, "answered 404\n"),
        (500, "rollup_error", 4, "the service has a problem of its own"),
    ] {
        let slack = Hearer::with(move |_| Answer::words(status, words));
        let outcome = to_slack(&slack).run(["tick"]).ended_with(2);
        assert_eq!(slack.take().len(), attempts, "{status}");
        assert_said(
            &outcome,
            &["warning: the failure could not be told by slack (127.0.0.1:", said],
        );
        assert!(!outcome.stderr.contains("s1ackS3cretPath"), "{}", outcome.stderr);
        // the run's own error comes last, and its exit status stands
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert!(
            lines.iter().any(|line| line.starts_with("error: PGCOFFER_BUCKET")),
            "{lines:#?}"
        );
    }
}

#[test]
fn what_passes_is_told_in_the_end() {
    let slack = slack::start();
    let soon = vec![("Retry-After", "1".to_owned())];
    slack.order([
        Answer::Status(429, soon, "rate_limited".to_owned()),
        Answer::Cut,
        Answer::status(503),
    ]);
    let outcome = to_slack(&slack).run(["tick"]).ended_with(2);
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    let heard = slack.take();
    assert_eq!(heard.len(), 4);
    assert!(heard[1].at.duration_since(heard[0].at) >= Duration::from_secs(1));
    // each attempt says the same
    assert!(heard.iter().all(|one| one.body == heard[0].body));
}

#[test]
fn who_asks_for_an_hour_is_not_waited_for() {
    let slack = slack::start();
    let later = vec![("Retry-After", "3600".to_owned())];
    slack.order([Answer::Status(429, later, String::new())]);
    let outcome = to_slack(&slack).run(["tick"]).ended_with(2);
    assert_said(&outcome, &["did not take it in time; at last", "answered 429"]);
    assert_eq!(slack.take().len(), 1);
}

#[test]
fn one_channel_that_hangs_keeps_no_other() {
    let (hanging, heard) = (Hearer::with(|_| Answer::Hang), slack::start());
    let began = Instant::now();
    let agent = to_slack(&heard)
        .env("PGCOFFER_WEBHOOK_URL", hanging.url("/hook"))
        .env("PGCOFFER_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let outcome = agent.run(["tick"]).ended_with(2);
    let told = heard.only().at.duration_since(began);
    assert!(told < Duration::from_secs(8), "{told:?}");
    assert_said(&outcome, &["by webhook (127.0.0.1:", "did not "]);
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn nobody_listens_and_that_is_said() {
    let agent = misconfigured().env(
        "PGCOFFER_SLACK_WEBHOOK_URL",
        "http://127.0.0.1:1/services/s1ackS3cretPath",
    );
    let outcome = agent.run(["tick"]).ended_with(2);
    assert_said(
        &outcome,
        &["slack (127.0.0.1:1)", "can't be reached: connection refused"],
    );
    assert!(!outcome.stderr.contains("s1ackS3cretPath"), "{}", outcome.stderr);
    let json = agent.run(["tick", "--log-format", "json"]).ended_with(2);
    assert_said(
        &json,
        &["\"level\":\"WARN\"", "could not be told by slack", "\"hint\":"],
    );
}
