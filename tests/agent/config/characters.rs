//! Settings with characters that nobody sees, and settings that the AWS SDK can't read: left out, or refused by name;
//! never a panic, and never in silence.

use std::{fs, time::Duration};

use crate::{
    notify::events::Scene,
    stage::{KEY, Stage},
    testbed::{Agent, Outcome},
};

/// Neither a crash nor a secret, and the variable's name with the character shown.
#[track_caller]
fn assert_refused(stage: &Stage, outcome: &Outcome, name: &str, shown: &str) {
    let said = &outcome.stderr;
    assert!(said.contains(&format!("{name}: it ")), "{said}");
    assert!(said.contains(shown) && said.contains("hint: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    stage.assert_no_secret(outcome, &[]);
}

#[test]
fn our_own_settings_are_read_without_what_surrounds_them() {
    let stage = Stage::small();
    let plain = stage.agent();
    let own = plain.variables().filter(|(name, _)| name.starts_with("PGCOFFER_"));
    let crlf = own.fold(plain.clone(), |agent, (name, value)| {
        agent.without(&name).env(&name, format!("\u{feff} {value} \r\n"))
    });
    crlf.run(["backup"]).success();
    let settings = "keep_last = \"3\\r\"\r\nkey_file = 'key'\r\ntimezone = ' UTC '\r\n";
    fs::write(stage.file("pgcoffer.toml"), settings).unwrap();
    fs::write(stage.file("key"), format!("\u{feff}{KEY}\r\n\r\n")).unwrap();
    plain.without("PGCOFFER_KEY").run(["verify"]).success();
}

#[test]
fn a_character_inside_a_setting_is_named() {
    let stage = Stage::small();
    for (name, value, shown) in [
        ("PGCOFFER_BUCKET", "s3://buc\rket", "\\r"),
        ("PGCOFFER_DB_MAIN_URL", "postgres://u:p\n@h/d", "\\n"),
        ("PGCOFFER_TIMEZONE", "Europe/\u{200b}Berlin", "\\u{200b}"),
        ("PGCOFFER_STORAGE_CLASS", "STANDARD\u{1b}[m", "\\u{1b}"),
    ] {
        let agent = stage.agent().without(name).env(name, value);
        assert_refused(&stage, &agent.run(["tick"]).ended_with(2), name, shown);
    }
}

#[test]
fn what_the_aws_sdk_would_panic_at_is_refused_and_told() {
    let scene = Scene::small();
    let secret = scene.stage.bucket.credentials().1.to_owned();
    for (name, value, shown) in [
        ("AWS_ACCESS_KEY_ID", "AKIA\r".to_owned(), "\\r"),
        ("AWS_SECRET_ACCESS_KEY", format!("{secret}\n"), "\\n"),
        ("AWS_SESSION_TOKEN", "tok\u{a0}en".to_owned(), "\\u{a0}"),
        ("AWS_ACCESS_KEY_ID", "\u{2026}".to_owned(), "what you have to type"),
        ("AWS_SECRET_ACCESS_KEY", "\u{2026}".to_owned(), "what you have to type"),
        ("AWS_REGION", "us-east-1\r".to_owned(), "\\r"),
        ("AWS_DEFAULT_REGION", " us-east-1".to_owned(), "a blank"),
        ("AWS_PROFILE", "prod\t".to_owned(), "\\t"),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x\r".to_owned(), "\\r"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1\r".to_owned(), "\\r"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1\n".to_owned(), "\\n"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/x\r".to_owned(), "\\r"),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "169.254.170.2".to_owned(),
            "no URL",
        ),
        ("AWS_MAX_ATTEMPTS", "3\r".to_owned(), "\\r"),
        ("HTTPS_PROXY", "http://proxy:3128\r".to_owned(), "\\r"),
        ("NO_PROXY", "localhost\r".to_owned(), "\\r"),
    ] {
        let agent = scene.agent().without(name).env(name, &value);
        for command in ["backup", "tick"] {
            let outcome = agent.run([command]).ended_with(2);
            assert_refused(&scene.stage, &outcome, name, shown);
            assert_eq!(scene.types(), ["backup.failed"], "{name}");
        }
        assert_refused(&scene.stage, &agent.run(["list"]).ended_with(2), name, shown);
    }
}

#[test]
fn what_telling_needs_itself_is_refused_and_said_on_stderr() {
    let scene = Scene::small();
    let agent = scene.agent().env("SSL_CERT_FILE", "/etc/ssl/cert.pem\r");
    let outcome = agent.run(["tick"]).ended_with(2);
    assert_refused(&scene.stage, &outcome, "SSL_CERT_FILE", "\\r");
}

#[test]
fn a_collector_of_traces_is_left_alone_where_its_settings_are_refused() {
    let stage = Stage::small();
    let agent = stage.agent().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1\r");
    let said = agent.run(["backup"]).success().stderr;
    let wanted = "nothing is traced: OTEL_EXPORTER_OTLP_ENDPOINT: it ends with a carriage return, \\r";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn retries_of_the_environment_and_of_profiles_are_not_read() {
    let stage = Stage::small();
    for (name, value) in [
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_RETRY_MODE", "nonsense"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_MAX_ATTEMPTS", "-1"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_NEW_RETRIES_2026", "perhaps"),
    ] {
        stage.agent().env(name, value).run(["list"]).success();
    }
    let config = stage.file("config");
    for line in ["retry_mode = legacy", "max_attempts = -1", "max_attempts = 0"] {
        fs::write(&config, format!("[default]\n{line}\n")).unwrap();
        let agent = stage.agent().env("AWS_CONFIG_FILE", &config);
        agent.run(["list"]).success();
    }
}

/// Whatever stands there, the SDK either makes something of it or is told as wrong: nothing of it is a bug of ours.
#[test]
fn odd_values_of_the_sdks_own_settings_end_no_run_as_a_bug() {
    let stage = Stage::small();
    let long = "x".repeat(300);
    let odd = ["", "a/b", "..", "%zz", "-1", "maybe", "http://", "[::1", "::", &long];
    for (n, name) in [
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CA_BUNDLE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ROLE_ARN",
        "AWS_ACCOUNT_ID",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "AWS_AUTH_SCHEME_PREFERENCE",
        "AWS_SIGV4A_SIGNING_REGION_SET",
        "AWS_SDK_UA_APP_ID",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
        "AWS_DEFAULTS_MODE",
        "HTTPS_PROXY",
        "NO_PROXY",
    ]
    .into_iter()
    .enumerate()
    {
        // each of them with half of the values, in turn
        for value in odd.into_iter().skip(n % 2).step_by(2) {
            let agent = stage.agent().env(name, value);
            let outcome = agent.timeout(Duration::from_secs(30)).run(["list"]);
            assert!(
                [0, 2, 4].contains(&outcome.code()) && !outcome.stderr.contains("panicked"),
                "{name}={value}: {} {}",
                outcome.code(),
                outcome.stderr
            );
        }
    }
}

/// An agent whose credentials stand in a file, as these lines say.
fn by_profile(scene: &Scene, lines: &str) -> Agent {
    let file = scene.stage.file("credentials");
    fs::write(&file, format!("[default]\r\n{lines}")).unwrap();
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
        .iter()
        .fold(scene.agent(), |agent, name| agent.without(name))
        .env("AWS_SHARED_CREDENTIALS_FILE", file)
}

#[test]
fn what_a_profile_or_a_program_gives_is_looked_at_as_well() {
    let scene = Scene::small();
    let (id, secret) = scene.stage.bucket.credentials();
    let (id, secret) = (id.to_owned(), secret.to_owned());
    let key = format!("aws_secret_access_key = {secret}\r\nregion = us-east-1\r\n");
    // line ends of Windows do no harm there
    by_profile(&scene, &format!("{key}aws_access_key_id = {id}\r\n"))
        .run(["list"])
        .success();
    let script = scene.stage.file("program");
    let said = format!(r#"{{"Version":1,"AccessKeyId":"{id}\n","SecretAccessKey":"{secret}"}}"#);
    fs::write(&script, format!("#!/bin/sh\ncat <<'END'\n{said}\nEND\n")).unwrap();
    let program = format!(
        "region = us-east-1\ncredential_process = /bin/sh {}\n",
        script.display()
    );
    for (lines, shown) in [
        (format!("{key}aws_access_key_id = {id}\u{a0}\r\n"), "\\u{a0}"),
        (format!("{key}aws_access_key_id = {id}\r\n  # indented\r\n"), "\\n"),
        (
            format!("{key}aws_access_key_id = {id}\r\naws_session_token = a\u{7}\r\n"),
            "\\u{7}",
        ),
        (program, "\\n"),
    ] {
        let outcome = by_profile(&scene, &lines).run(["backup"]).ended_with(4);
        let said = &outcome.stderr;
        assert!(
            said.contains(shown) && said.contains("can't stand in a request"),
            "{said}"
        );
        assert!(said.contains("hint: write it without"), "{said}");
        assert!(!said.contains("panicked") && !said.contains(&secret), "{said}");
        assert_eq!(scene.types(), ["backup.failed"]);
    }
}
