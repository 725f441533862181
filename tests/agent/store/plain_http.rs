//! Where nothing secret goes: to a host by `http://`, and to whom somebody else names.

use std::sync::Arc;

use pgcoffer::heroku::{ApiKey, Heroku};

use crate::{
    stage::{SMALL, Stage},
    testbed::{Agent, Answer, Hearer},
};

const SIGNING_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that sends everybody to another address, and that one, which hears who comes.
fn redirecting(status: u16) -> (Hearer, Arc<Hearer>) {
    let elsewhere = Arc::new(Hearer::start());
    let target = elsewhere.url("/stolen");
    let front = Hearer::with(move |_| Answer::Status(status, vec![("Location", target.clone())], String::new()));
    (front, elsewhere)
}

#[track_caller]
fn nobody_came(elsewhere: &Hearer, front: &Hearer, what: &str) {
    assert!(!front.take().is_empty(), "{what}: nothing was sent at all");
    assert!(elsewhere.take().is_empty(), "{what} followed a redirect");
}

#[test]
fn no_redirect_is_followed_with_what_is_secret() {
    let stage = Stage::backed_up(SMALL);
    for status in [301, 302, 303, 307, 308] {
        let channels: [(&str, &[(&str, &str)]); 4] = [
            ("PGCOFFER_SLACK_WEBHOOK_URL", &[]),
            ("PGCOFFER_WEBHOOK_URL", &[("PGCOFFER_WEBHOOK_SECRET", SIGNING_KEY)]),
            ("PGCOFFER_PING_URL", &[]),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &[("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=s3cret")],
            ),
        ];
        for (variable, others) in channels {
            let (front, elsewhere) = redirecting(status);
            let mut agent = stage.agent().env(variable, front.url("/in"));
            for (name, value) in others {
                agent = agent.env(name, value);
            }
            // a failure is told over every channel, pinged and traced
            let outcome = agent
                .database_url("main", "postgres://nobody@127.0.0.1:1/none")
                .run(["backup"])
                .ended_with(3);
            nobody_came(&elsewhere, &front, &format!("{variable} ({status})"));
            assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
        }
        let (front, elsewhere) = redirecting(status);
        let agent = stage.agent().env("AWS_ENDPOINT_URL_S3", front.url(""));
        assert_ne!(agent.run(["list"]).code(), 0);
        nobody_came(&elsewhere, &front, &format!("S3 ({status})"));

        let (front, elsewhere) = redirecting(status);
        let key = ApiKey::parse("HRKU-s3cret").unwrap();
        let heroku = Heroku::new(&front.url("").parse().unwrap(), "shop", key).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(heroku.dynos()).unwrap_err();
        nobody_came(&elsewhere, &front, &format!("Heroku ({status})"));
    }
}

/// Ends with status 2 and the cure, before anything was sent.
#[track_caller]
fn refused(agent: &Agent, host: &str) {
    for command in ["list", "status", "check", "backup", "verify"] {
        let outcome = agent.clone().run([command]).ended_with(2);
        for words in [host, "it is http", "PGCOFFER_ALLOW_HTTP"] {
            assert!(outcome.stderr.contains(words), "{command}: {}", outcome.stderr);
        }
    }
}

#[test]
fn no_bucket_is_spoken_to_in_the_clear() {
    let stage = Stage::backed_up(SMALL);
    let with = |name: &str, value: &str| stage.agent().env(name, value);
    refused(
        &with("AWS_ENDPOINT_URL_S3", "http://s3.example.test:9000"),
        "s3.example.test",
    );
    // what only looks like this machine, and what only a client of the credentials uses
    let disguised = "http://127.0.0.1:9000@s3.example.test";
    refused(&with("AWS_ENDPOINT_URL_S3", disguised), "s3.example.test");
    let of_tokens = with("AWS_ENDPOINT_URL_STS", "http://sts.example.test");
    refused(&of_tokens, "sts.example.test");
    // a profile says it as well
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(
        &file,
        "[default]\nservices = here\n[services here]\ns3 =\n  endpoint_url = http://profile.example.test\n",
    )
    .unwrap();
    let profile = stage
        .agent()
        .without("AWS_ENDPOINT_URL_S3")
        .env("AWS_CONFIG_FILE", file.display().to_string());
    refused(&profile, "profile.example.test");

    // where somebody answers for the network it works, for that host alone
    let allowed = of_tokens.clone();
    allowed
        .env("PGCOFFER_ALLOW_HTTP", "minio.internal, sts.example.test")
        .run(["list"])
        .success();
    let other = of_tokens.clone().env("PGCOFFER_ALLOW_HTTP", "example.test");
    refused(&other, "sts.example.test");
    let wrong = of_tokens.env("PGCOFFER_ALLOW_HTTP", "http://sts.example.test");
    let outcome = wrong.run(["list"]).ended_with(2);
    assert!(outcome.stderr.contains("not the name of a host"), "{}", outcome.stderr);
}

#[test]
fn nobody_is_told_in_the_clear() {
    let stage = Stage::small();
    for (variable, url) in [
        ("PGCOFFER_SLACK_WEBHOOK_URL", "http://hooks.example.test/s3cret"),
        ("PGCOFFER_WEBHOOK_URL", "http://10.0.0.7/s3cret"),
        ("PGCOFFER_PING_URL", "http://checks.example.test/s3cret"),
        ("PGCOFFER_DB_MAIN_PING_URL", "http://checks.example.test/s3cret"),
    ] {
        let agent = stage
            .agent()
            .env(variable, url)
            .env("PGCOFFER_WEBHOOK_SECRET", SIGNING_KEY)
            .env("PGCOFFER_ALLOW_HTTP", "checks.example.test");
        let outcome = agent.run(["list"]).ended_with(2);
        assert!(
            outcome.stderr.contains(variable) && outcome.stderr.contains("it is http"),
            "{}",
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    }
    // a trace is less than a backup: none is sent, and that is said
    let outcome = stage
        .agent()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.example.test:4318")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=s3cret")
        .run(["backup"])
        .success();
    for words in ["nothing is traced", "otel.example.test", "PGCOFFER_ALLOW_HTTP"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
}
