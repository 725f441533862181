//! Endpoints as they are written, and what answers there: each fault has its own cause, and a cure that cures it.

use std::time::Duration;

use crate::{
    stage::{SMALL, Stage},
    testbed::{Agent, Answer, Fault, Hearer, Outcome, Rule, TlsFront},
};

/// Both what reads and what checks say these words, and none of those; nobody waits for it.
#[track_caller]
fn told(agent: &Agent, words: &[&str], never: &[&str]) {
    let agent = agent.clone().timeout(Duration::from_secs(40));
    for command in ["list", "check"] {
        let outcome = agent.run([command]);
        assert_ne!(outcome.code(), 0);
        assert_said(&outcome, words, never);
    }
}

#[track_caller]
fn assert_said(outcome: &Outcome, words: &[&str], never: &[&str]) {
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    for word in never {
        assert!(!said.contains(word), "{word:?} is in:\n{said}");
    }
}

fn at(stage: &Stage, endpoint: &str) -> Agent {
    stage.agent().env("AWS_ENDPOINT_URL_S3", endpoint)
}

/// As Supabase has it: `https://PROJECT.supabase.co/storage/v1/s3`. The bucket follows in the path.
#[test]
fn an_endpoint_with_a_path_needs_no_slash_at_its_end() {
    for path in ["/storage/v1/s3", "/storage/v1/s3/", "/s3"] {
        let stage = Stage::small();
        let front = Hearer::with(|_| Answer::words(403, "<Error><Code>AccessDenied</Code></Error>"));
        at(&stage, &front.url(path)).run(["list"]).ended_with(4);
        let wanted = format!("{}/testbed", path.trim_end_matches('/'));
        let heard = front.heard();
        assert!(!heard.is_empty());
        for request in heard {
            assert!(
                request.path.trim_end_matches('/').starts_with(&wanted),
                "{}",
                request.path
            );
        }
    }
}

#[test]
fn what_is_no_endpoint_is_told_at_once_and_without_its_secrets() {
    let stage = Stage::small();
    for bad in [
        "s3.example.com",
        "https//s3.example.com",
        "https://",
        "ftp://s3.example.com",
        "https://user:s3cret@s3.example.com",
        "https://s3.example.com?token=s3cret",
    ] {
        let agent = at(&stage, bad).timeout(Duration::from_secs(3));
        for command in ["list", "backup", "check"] {
            let outcome = agent.run([command]).ended_with(2);
            assert_said(
                &outcome,
                &["the endpoint that is configured for S3", "AWS_ENDPOINT_URL_S3"],
                &["s3cret", "Error {", "panicked"],
            );
        }
    }
    // a profile says it as well
    let file = stage.file("config");
    std::fs::write(&file, "[default]\nendpoint_url =\n").unwrap();
    let agent = stage
        .agent()
        .without("AWS_ENDPOINT_URL_S3")
        .env("AWS_CONFIG_FILE", &file);
    let outcome = agent.run(["list"]).ended_with(2);
    assert_said(&outcome, &["it is no URL"], &[]);
}

#[test]
fn the_name_of_the_bucket_in_the_endpoint_is_seen() {
    let stage = Stage::small();
    let front = Hearer::with(|_| Answer::words(404, "<Error><Code>NoSuchKey</Code></Error>"));
    // not its name, and a list that answers as for an object
    told(
        &at(&stage, &front.url("")),
        &["without the bucket's name"],
        &["s3:ListBucket"],
    );
    let holds = "seems to hold the bucket's name, testbed";
    told(&at(&stage, &front.url("/testbed")), &[holds], &[]);
}

#[test]
fn a_page_for_people_is_no_refusal_of_s3() {
    const PAGE: &str = "<!DOCTYPE html><html><head><title>x</title><body><br>blocked</html>";
    for status in [200, 301, 302, 401, 403, 404] {
        let stage = Stage::small();
        let front = Hearer::with(move |_| Answer::words(status, PAGE));
        told(
            &at(&stage, &front.url("")),
            &["AWS_ENDPOINT_URL_S3"],
            &[
                "AWS_REGION",
                "lack a right",
                "check AWS_ACCESS_KEY_ID",
                "accepts these credentials",
            ],
        );
    }
}

#[test]
fn a_redirection_names_where_to() {
    let stage = Stage::small();
    let front = Hearer::with(|_| {
        let location = ("Location", "https://u:s3cret@s3.example.com/x?y=s3cret".to_owned());
        Answer::Status(301, vec![location], "<html>moved</html>".to_owned())
    });
    told(
        &at(&stage, &front.url("")),
        &["https://s3.example.com", "AWS_ENDPOINT_URL_S3"],
        &["AWS_REGION", "s3cret"],
    );
}

#[test]
fn the_region_that_s3_names_is_passed_on_by_every_command() {
    const REGION: &str = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is \
        wrong</Message><Region>eu-west-3</Region></Error>";
    const R2: &str = "<Error><Code>InvalidRegionName</Code><Message>The region name 'us-east-1' is not valid. Must be \
        one of: wnam, auto</Message></Error>";
    let stage = Stage::small();
    let front = Hearer::with(|_| Answer::words(400, REGION));
    told(&at(&stage, &front.url("")), &["set AWS_REGION=eu-west-3"], &[]);
    let front = Hearer::with(|_| {
        let region = ("x-amz-bucket-region", "eu-west-3".to_owned());
        let body = "<Error><Code>PermanentRedirect</Code></Error>";
        Answer::Status(301, vec![region], body.to_owned())
    });
    told(&at(&stage, &front.url("")), &["set AWS_REGION=eu-west-3"], &[]);
    let front = Hearer::with(|_| Answer::words(400, R2));
    told(&at(&stage, &front.url("")), &["set AWS_REGION=auto"], &[]);
}

/// As R2 refuses a key that it doesn't know.
#[test]
fn who_is_not_known_is_not_said_to_be_known() {
    for body in [
        "<Error><Code>Unauthorized</Code><Message>Unauthorized</Message></Error>",
        "",
    ] {
        let stage = Stage::small();
        let front = Hearer::with(move |_| Answer::words(401, body));
        told(
            &at(&stage, &front.url("")),
            &["check AWS_ACCESS_KEY_ID"],
            &["accepts these credentials", "lack a right"],
        );
    }
}

#[test]
fn a_service_behind_a_private_authority_is_reached_by_its_certificate() {
    let stage = Stage::backed_up(SMALL);
    let front = TlsFront::start(&stage.bucket.endpoint());
    let agent = at(&stage, &front.endpoint())
        .env("PGCOFFER_S3_PATH_STYLE", "true")
        .without("SSL_CERT_FILE");
    told(
        &agent,
        &["AWS_CA_BUNDLE", "SSL_CERT_FILE", "UnknownIssuer"],
        &["check the network"],
    );
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        agent.clone().env(name, front.authority()).run(["verify"]).success();
    }
    let config = stage.file("config");
    let bundle = front.authority();
    std::fs::write(&config, format!("[default]\nca_bundle = {}\n", bundle.display())).unwrap();
    let by_profile = agent.clone().env("AWS_CONFIG_FILE", &config);
    by_profile.run(["list"]).success();
    for (file, words) in [
        (stage.file("nothing.pem"), "there is no such file"),
        (config, "there is no certificate in it"),
    ] {
        let outcome = agent.clone().env("AWS_CA_BUNDLE", file).run(["list"]);
        assert_eq!(outcome.code(), 2, "{}", outcome.stderr);
        assert_said(&outcome, &[words, "AWS_CA_BUNDLE"], &["panicked"]);
    }
}

#[test]
fn tls_to_what_has_none_is_told_as_such() {
    let stage = Stage::small();
    let endpoint = stage.bucket.endpoint().replace("http://", "https://");
    told(&at(&stage, &endpoint), &["speaks no TLS"], &[]);
}

#[test]
fn a_login_by_sso_that_nobody_made_is_asked_for() {
    let stage = Stage::small();
    let config = stage.file("config");
    let text = "[profile prod]\nsso_session = here\nsso_account_id = 123456789012\nsso_role_name = backup\n\
        [sso-session here]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\n";
    std::fs::write(&config, text).unwrap();
    let agent = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .fold(stage.agent(), |agent, name| agent.without(name))
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_PROFILE", "prod")
        .env("HOME", stage.file("home"));
    told(&agent, &["aws sso login"], &["run where a role is attached"]);
}

/// `rclone serve s3` and others call one answer's root otherwise.
#[test]
fn an_answer_with_another_root_is_read_all_the_same() {
    for root in ["InitiateMultipartUpload", "CreateMultipartUploadOutput"] {
        let stage = Stage::small();
        stage.bucket.behave(|behaviour| behaviour.upload_root = Some(root));
        stage.back_up();
        stage.run(["verify"]).success();
        stage.run(["check"]);
    }
}

#[test]
fn answers_without_a_date_are_not_cured_by_a_clock() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.behave(|behaviour| behaviour.dates = false);
    let outcome = stage.run(["prune"]);
    assert_ne!(outcome.code(), 0);
    assert_said(&outcome, &["bear no date", "takes it away"], &["by NTP"]);
}

#[test]
fn a_prefix_with_an_at_in_it_is_shown() {
    let stage = Stage::small();
    let place = "s3://testbed/team@prod:x".replace(":x", "");
    let agent = stage.agent().env("PGCOFFER_BUCKET", &place);
    agent.run(["backup"]).success();
    for command in ["list", "status", "check"] {
        let outcome = agent.run([command]);
        assert!(!outcome.text().contains("***"), "{}", outcome.text());
    }
    let refuse = Fault::access_denied();
    stage.bucket.inject(Rule::on("ListObjectsV2").always(), refuse);
    let outcome = agent.run(["list"]).ended_with(4);
    assert_said(&outcome, &["s3://testbed/team@prod"], &["***"]);
}
