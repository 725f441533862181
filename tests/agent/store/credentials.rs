//! Credentials that others give and renew: hiccups of what gives them are outlived, and what was renewed is found.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    backup::faults::SMALL_PARTS,
    serve::clock::serve,
    stage::{Stage, wait_until},
    testbed::{Agent, Answer, Hearer, Relay, Wire},
};

/// An agent without credentials of its own.
pub(crate) fn bare(stage: &Stage) -> Agent {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .fold(stage.agent(), |agent, name| agent.without(name))
}

/// What an instance's metadata service answers, once it answers.
pub(crate) fn of_instance(id: &str, secret: &str, away: Duration) -> Hearer {
    let began = Instant::now();
    let key = format!(
        r#"{{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"{}","AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"","Expiration":"{}"}}"#,
        Timestamp::now(),
        in_an_hour()
    );
    Hearer::with(move |request| {
        if began.elapsed() < away {
            return Answer::status(503);
        }
        match request.path.as_str() {
            "/latest/api/token" => Answer::Status(
                200,
                vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())],
                "token".to_owned(),
            ),
            path if path.ends_with("/role") => Answer::words(200, &key),
            _ => Answer::words(200, "role"),
        }
    })
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

/// STS's answer.
pub(crate) fn assumed(id: &str, secret: &str) -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse \
         xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken></SessionToken>\
         <Expiration>{}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        in_an_hour()
    )
}

/// What a container's metadata service answers.
pub(crate) fn of_container(id: &str, secret: &str) -> String {
    format!(
        r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"","Expiration":"{}"}}"#,
        in_an_hour()
    )
}

/// A service that is busy for so long, and then answers this.
pub(crate) fn busy_for(time: Duration, then: String) -> Hearer {
    let began = Instant::now();
    Hearer::with(move |_| match began.elapsed() < time {
        true => Answer::words(
            503,
            "<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>",
        ),
        false => Answer::words(200, &then),
    })
}

pub(crate) fn by_web_identity(stage: &Stage, sts: &Hearer) -> Agent {
    let token = stage.file("token");
    fs::write(&token, "a.b.c").unwrap();
    bare(stage)
        .env("AWS_ENDPOINT_URL_STS", sts.url(""))
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token)
}

/// A refusal is not waited out.
#[test]
fn a_role_that_may_not_be_taken_is_told_at_once() {
    let stage = Stage::small();
    let sts = Hearer::with(|_| {
        Answer::words(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not \
             authorized</Message></Error></ErrorResponse>",
        )
    });
    let agent = by_web_identity(&stage, &sts).timeout(Duration::from_secs(15));
    let outcome = agent.run(["list"]).ended_with(4);
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
}

/// A hiccup while a token is renewed: what is held still holds.
#[test]
fn what_is_held_is_used_while_it_can_not_be_renewed() {
    let stage = Stage::small();
    let (id, secret) = stage.bucket.credentials();
    // so near to its end that it is renewed at every look
    let soon = Timestamp::now() + SignedDuration::from_mins(4);
    let first = format!(r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"","Expiration":"{soon}"}}"#);
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let metadata = Hearer::with(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::words(200, &first),
        _ => Answer::status(503),
    });
    let agent = bare(&stage).env("AWS_CONTAINER_CREDENTIALS_FULL_URI", metadata.url("/c"));
    agent.run(["backup"]).success();
    assert!(asked.load(Ordering::Relaxed) >= 1);
}

fn written(file: &Path, (id, secret): &(String, String)) {
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    fs::write(file, text).unwrap();
}

/// The bucket's key, and another that may do everything as well.
fn two_keys(stage: &Stage) -> [(String, String); 2] {
    let (id, secret) = stage.bucket.credentials();
    let all = json!({ "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    [(id.to_owned(), secret.to_owned()), stage.bucket.credentials_with(&all)]
}

fn withdraw(stage: &Stage, key: &(String, String)) {
    let id = key.0.clone();
    stage.bucket.behave(|behaviour| behaviour.withdrawn = vec![id]);
}

#[test]
fn serve_finds_credentials_that_were_renewed() {
    let stage = Stage::small();
    let [old, new] = two_keys(&stage);
    withdraw(&stage, &old);
    let file = stage.file("credentials");
    written(&file, &old);
    let agent = bare(&stage)
        .env("AWS_SHARED_CREDENTIALS_FILE", &file)
        .env("PGCOFFER_SCHEDULE", "daily keep 7d");
    let serving = serve(&agent);
    wait_until("a refusal", || stage.bucket.was_refused(&old.0));
    written(&file, &new);
    wait_until("a backup by the new key", || !stage.keys("/records/").is_empty());
    serving.running.signal("TERM");
    serving.running.wait().success();
}

/// In the middle of an upload the old key is withdrawn: what goes next is signed by the new one.
#[test]
fn an_upload_goes_on_with_the_key_that_was_renewed() {
    let stage = Stage::bulky();
    let [old, new] = two_keys(&stage);
    let file = stage.file("credentials");
    written(&file, &old);
    let wire = Wire::SlowUplink {
        bytes_per_second: 1 << 20,
    };
    let relay = Relay::start(&stage.bucket.endpoint(), wire);
    let agent = bare(&stage)
        .env("AWS_SHARED_CREDENTIALS_FILE", &file)
        .env("AWS_ENDPOINT_URL_S3", relay.endpoint());
    let running = agent.spawn(["backup"].into_iter().chain(SMALL_PARTS));
    wait_until("the third part begins", || stage.bucket.count("UploadPart") >= 3);
    written(&file, &new);
    withdraw(&stage, &old);
    running.wait().success();
    stage.bucket.behave(|behaviour| behaviour.withdrawn.clear());
    stage.run(["verify"]).success();
}
