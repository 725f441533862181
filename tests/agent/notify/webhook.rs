//! Signed webhooks, verified by two other implementations of Standard Webhooks.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    notify::channels::misconfigured,
    output::goldens::assert_said,
    testbed::{Agent, Answer, Heard, Hearer, python},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn to(hearer: &Hearer) -> Agent {
    misconfigured()
        .env("PGCOFFER_WEBHOOK_URL", hearer.url("/hook?token=t0kenS3cret"))
        .env("PGCOFFER_WEBHOOK_SECRET", SECRET)
}

fn headers(heard: &Heard) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in &heard.headers {
        let name: HeaderName = name.parse().unwrap();
        map.insert(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn verified(secret: &str, heard: &Heard, body: &[u8]) -> bool {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    webhook.verify(body, &headers(heard)).is_ok()
}

#[test]
fn two_other_implementations_verify_it_and_nothing_else() {
    let hearer = Hearer::start();
    to(&hearer).run(["tick"]).ended_with(2);
    let heard = hearer.only();
    assert!(verified(SECRET, &heard, &heard.body));
    assert!(!verified("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", &heard, &heard.body));
    let changed = heard.text().replace("main", "mine").replace("failed", "worked");
    assert!(!verified(SECRET, &heard, changed.as_bytes()));
    assert!(python_verifies(SECRET, &heard));
    assert!(!python_verifies("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", &heard));
}

/// The package `standardwebhooks` of PyPI: prints the event's type where it verifies.
fn python_verifies(secret: &str, heard: &Heard) -> bool {
    let script = "import json, sys\nfrom standardwebhooks import Webhook\nheard = json.load(sys.stdin)\n\
        print(Webhook(heard['secret']).verify(heard['body'], heard['headers'])['type'])";
    let mut child = Command::new(python())
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::json!({ "secret": secret, "body": heard.text(), "headers": heard.headers });
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() || said.contains("WebhookVerificationError"),
        "{said}"
    );
    output.status.success() && output.stdout == b"backup.failed\n"
}

#[test]
fn the_id_stays_over_all_attempts_and_each_is_signed_anew() {
    let hearer = Hearer::start();
    hearer.order([Answer::status(500), Answer::Cut, Answer::status(503)]);
    to(&hearer).run(["tick"]).ended_with(2);
    let heard = hearer.take();
    assert_eq!(heard.len(), 4);
    for one in &heard {
        assert_eq!(one.headers["webhook-id"], heard[0].headers["webhook-id"]);
        assert!(verified(SECRET, one, &one.body));
    }
    to(&hearer).run(["tick"]).ended_with(2);
    assert_ne!(hearer.only().headers["webhook-id"], heard[0].headers["webhook-id"]);
}

#[test]
fn the_body_has_its_published_shape() {
    let hearer = Hearer::start();
    let outcome = to(&hearer).run(["tick"]).ended_with(2);
    let heard = hearer.only();
    assert_eq!(
        (heard.method.as_str(), heard.query.as_str()),
        ("POST", "token=t0kenS3cret")
    );
    assert_eq!(heard.headers["content-type"], "application/json");
    let body = heard.json();
    assert_eq!(body["type"], "backup.failed");
    assert!(body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let data = &body["data"];
    assert_eq!(
        (&data["database"], &data["exit_status"]),
        (&serde_json::Value::Null, &2.into())
    );
    assert_eq!(data["agent"]["host"], "scheduler.1");
    assert_eq!(data["error"], "a setting is wrong: PGCOFFER_BUCKET");
    assert_eq!(data["cause"], "settings");
    assert!(heard.body.len() < 20_000);
    for secret in ["t0kenS3cret", "MfKQ9r8G", "dbS3cret"] {
        assert!(
            !heard.text().contains(secret) && !outcome.stderr.contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn a_signature_that_is_refused_is_told_as_such() {
    let hearer = Hearer::with(|_| Answer::status(401));
    let outcome = to(&hearer).run(["tick"]).ended_with(2);
    assert_said(
        &outcome,
        &["answered 401", "both sides need the same PGCOFFER_WEBHOOK_SECRET"],
    );
}
