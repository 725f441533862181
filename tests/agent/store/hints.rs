//! What a bucket's failure is told with: the variable that is missing, the right, the key, the address; and how soon,
//! where somebody waits.

use std::{fs, net::TcpListener, time::Duration};

use crate::{
    config::refusals::refused,
    stage::{SMALL, Stage},
    store::credentials::bare,
    testbed::{Agent, Answer, Fault, Hearer, Rule, TlsFront},
};

/// Without the instance's metadata, which nobody here has.
fn without_instance(agent: Agent) -> Agent {
    agent.env("AWS_EC2_METADATA_DISABLED", "true")
}

#[test]
fn the_missing_half_of_credentials_is_named() {
    let stage = Stage::small();
    let agent = without_instance(stage.agent());
    for (missing, set) in [
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ] {
        let words = format!("{set} is set, and {missing} is not");
        for command in ["list", "backup"] {
            let outcome = agent.clone().without(missing).run([command]);
            let half = "there are no credentials for the bucket, only";
            refused(&stage, outcome, 4, &[&words, half]);
        }
    }
    let misnamed = without_instance(bare(&stage))
        .env("AWS_ACCESS_KEY", "AKIA")
        .env("AWS_SECRET_KEY", "x");
    refused(
        &stage,
        misnamed.run(["list"]),
        4,
        &["AWS_ACCESS_KEY is set, and is not read", "AWS_ACCESS_KEY_ID"],
    );
    let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let swapped = stage
        .agent()
        .env("AWS_ACCESS_KEY_ID", secret)
        .env("AWS_SECRET_ACCESS_KEY", id);
    refused(
        &stage,
        swapped.run(["list"]),
        4,
        &["in the place of its secret", "change the two"],
    );
}

/// The SDK's own list of where it has looked is no help to somebody who has set nothing yet.
#[test]
fn where_there_are_no_credentials_at_all_that_is_said_first() {
    let stage = Stage::small();
    let nowhere = stage.file("nowhere");
    let agent = without_instance(bare(&stage))
        .without("AWS_PROFILE")
        .env("AWS_SHARED_CREDENTIALS_FILE", &nowhere)
        .env("AWS_CONFIG_FILE", &nowhere);
    for command in ["list", "backup"] {
        let stderr = agent.run([command]).ended_with(4).stderr;
        let said = stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
        let (_, why) = said.rsplit_once(": ").unwrap();
        assert!(
            why.starts_with("no credentials were found, neither in AWS_ACCESS_KEY_ID and"),
            "{stderr}"
        );
        assert!(
            stderr.contains("hint: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
            "{stderr}"
        );
        assert!(
            !["IMDS", "chain", "provider"].iter().any(|word| stderr.contains(word)),
            "{stderr}"
        );
    }
    // what was meant, and isn't there, is the cause
    fs::write(&nowhere, "[other]\nregion = eu-west-1\n").unwrap();
    let profile = agent.env("AWS_PROFILE", "prod");
    let stderr = profile.run(["list"]).ended_with(4).stderr;
    assert!(
        stderr.contains("no credentials were found: profile `prod` was not defined"),
        "{stderr}"
    );
}

#[test]
fn a_profile_that_gives_nothing_is_named() {
    let stage = Stage::small();
    let file = stage.file("credentials");
    fs::write(&file, "[empty]\nregion = eu-west-1\n[half]\naws_access_key_id = AKIA\n").unwrap();
    let agent = without_instance(bare(&stage)).env("AWS_SHARED_CREDENTIALS_FILE", &file);
    let with = |name: &str| agent.clone().env("AWS_PROFILE", name).run(["list"]);
    refused(
        &stage,
        with("prod"),
        4,
        &["\"prod\"", "no such profile", "list-profiles"],
    );
    refused(&stage, with("empty"), 4, &["\"empty\"", "gives no credentials"]);
    refused(&stage, with("half"), 4, &["half", "profile"]);
    fs::write(&file, "[broken\naws_access_key_id").unwrap();
    refused(&stage, with("broken"), 4, &["profile"]);
}

#[test]
fn refused_credentials_are_told_why() {
    let stage = Stage::small();
    for (code, words) in [
        ("InvalidAccessKeyId", "no key of that id is known there"),
        ("SignatureDoesNotMatch", "the secret is not the one of that key's id"),
        ("ExpiredToken", "have run out"),
        ("InvalidToken", "unset AWS_SESSION_TOKEN"),
    ] {
        stage
            .bucket
            .inject(Rule::on("ListObjectsV2").always(), Fault::Refuse { status: 403, code });
        stage
            .bucket
            .inject(Rule::on("GetObject").always(), Fault::Refuse { status: 403, code });
        refused(&stage, stage.run(["list"]), 4, &[code, words, "AWS_ACCESS_KEY_ID"]);
        stage.bucket.heal();
    }
}

#[test]
fn a_denial_names_the_right_and_the_place() {
    let stage = Stage::backed_up(SMALL);
    for (operation, command, words) in [
        (
            "ListObjectsV2",
            &["list"][..],
            "allow s3:ListBucket on the bucket testbed itself",
        ),
        ("GetObject", &["verify"], "allow s3:GetObject on s3://testbed/backups/"),
        (
            "CreateMultipartUpload",
            &["backup"],
            "allow s3:PutObject on s3://testbed/backups/",
        ),
    ] {
        stage
            .bucket
            .inject(Rule::on(operation).always(), Fault::access_denied());
        refused(
            &stage,
            stage.run(command.iter().copied()),
            4,
            &[words, "pgcoffer policy"],
        );
        stage.bucket.heal();
    }
    stage.bucket.inject(
        Rule::on("CreateMultipartUpload").always(),
        Fault::RefuseSaying {
            status: 403,
            code: "AccessDenied",
            message: "User: arn:aws:iam::1:user/x is not authorized to perform: kms:GenerateDataKey on resource: \
                      arn:aws:kms:eu-west-1:1:key/12 because no identity-based policy allows the kms:GenerateDataKey \
                      action",
        },
    );
    refused(
        &stage,
        stage.run(["backup"]),
        4,
        &[
            "allow kms:GenerateDataKey on arn:aws:kms:eu-west-1:1:key/12",
            "--kms-key",
        ],
    );
}

#[test]
fn the_region_that_the_service_names_is_the_hint() {
    let stage = Stage::small();
    let front = Hearer::with(|_| {
        let headers = vec![("x-amz-bucket-region", "eu-north-1".to_owned())];
        Answer::Status(301, headers, "<Error><Code>PermanentRedirect</Code></Error>".to_owned())
    });
    let agent = stage.agent().env("AWS_ENDPOINT_URL_S3", front.url(""));
    refused(
        &stage,
        agent.run(["list"]),
        4,
        &["it is in eu-north-1", "set AWS_REGION=eu-north-1"],
    );
}

/// An address at which nobody listens: the port was somebody's a moment ago.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn who_waits_is_told_within_seconds() {
    let stage = Stage::small();
    let plain = Hearer::with(|_| Answer::status(200));
    let tls = TlsFront::start(&stage.bucket.endpoint());
    for (endpoint, words) in [
        (
            format!("http://127.0.0.1:{}", closed_port()),
            "nothing listens at that host and port",
        ),
        ("http://127.0.0.1:1".to_owned(), "(127.0.0.1:1)"),
        (
            "https://no-such-host.invalid".to_owned(),
            "there is no host of that name here",
        ),
        (plain.url("").replace("http://", "https://"), "speaks no TLS"),
        (tls.endpoint().replace("https://", "http://"), "https://"),
    ] {
        // a hundred times what it takes, and less than one more attempt would
        let agent = stage
            .agent()
            .env("AWS_ENDPOINT_URL_S3", &endpoint)
            .timeout(Duration::from_secs(9));
        for command in [&["list"][..], &["show", "latest"], &["check"]] {
            let outcome = agent.run(command);
            let said = format!("{}{}", outcome.text(), outcome.stderr);
            assert!(said.contains(words), "{endpoint} {command:?}: {said}");
        }
    }
}

/// Where a proxy leads out, its address and its variable are told, and not the service's.
#[test]
fn a_proxy_that_fails_is_named_with_its_variable() {
    let stage = Stage::small();
    let address = format!("127.0.0.1:{}", closed_port());
    for (variable, proxy, words) in [
        (
            "HTTP_PROXY",
            format!("http://u:hunter2@{address}"),
            "hint: correct HTTP_PROXY",
        ),
        ("http_proxy", address.clone(), "hint: correct http_proxy"),
        ("ALL_PROXY", format!("http://{address}"), "hint: correct ALL_PROXY"),
    ] {
        let outcome = stage.agent().env(variable, &proxy).run(["list"]).ended_with(4);
        let said = format!("through the proxy {address} of {variable}");
        for word in [&*said, words] {
            assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
        }
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
        // a host that is left out needs none
        let past = stage
            .agent()
            .env(variable, &proxy)
            .env("NO_PROXY", "127.0.0.1,localhost");
        past.run(["list"]).success();
    }
}
