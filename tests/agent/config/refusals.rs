//! What can't be done is refused early, by the right exit status, in words that help, without a secret among them.

use pgcoffer::seal::MasterKey;

use crate::{
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Fault, Outcome, Rule},
};

/// The run was refused with this status, an error and a hint that hold these words, and no secret.
#[track_caller]
pub(crate) fn refused(stage: &Stage, outcome: Outcome, code: i32, words: &[&str]) -> Outcome {
    let outcome = outcome.ended_with(code);
    let said = &outcome.stderr;
    assert!(said.lines().any(|line| line.starts_with("error: ")), "no error: {said}");
    assert!(
        said.lines().any(|line| line.trim_start().starts_with("hint: ")),
        "no hint: {said}"
    );
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(outcome.stdout.is_empty(), "a refusal is no result: {}", outcome.text());
    stage.assert_no_secret(&outcome, &[]);
    outcome
}

#[test]
fn a_wrong_key_is_told_from_a_damaged_object() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().key(OTHER_KEY);
    for command in [&["verify"][..], &["show", "latest"], &["get", "latest"]] {
        let outcome = refused(&stage, agent.run(command), 5, &["key", "PGCOFFER_OLD_KEYS"]);
        assert!(!outcome.stderr.contains(OTHER_KEY));
    }
}

#[test]
fn a_mistyped_key_is_caught_by_its_checksum() {
    let stage = Stage::small();
    let mut key = MasterKey::parse(KEY).unwrap().encode().to_string();
    let last = if key.pop() == Some('Q') { 'P' } else { 'Q' };
    key.push(last);
    let outcome = refused(
        &stage,
        stage.agent().key(&key).run(["backup"]),
        2,
        &["PGCOFFER_KEY", "checksum"],
    );
    assert!(!outcome.stderr.contains(&key[20..]));
}

#[test]
fn the_first_backup_under_another_key_says_so_and_the_second_does_not() {
    let stage = Stage::backed_up(SMALL);
    let warned = || {
        let outcome = stage.agent().key(OTHER_KEY).run(["backup", "--json"]);
        outcome.success().json()["warnings"].to_string()
    };
    assert!(warned().contains("PGCOFFER_OLD_KEYS"));
    assert_eq!(warned(), "[]");
}

#[test]
fn who_may_only_read_is_sent_to_the_key_that_there_is() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().without("PGCOFFER_KEY");
    refused(&stage, agent.run(["list"]), 2, &["recovery sheet"]);
}

#[test]
fn what_is_not_configured_is_named() {
    let stage = Stage::small();
    let without = |name: &str| stage.agent().without(name).run(["backup"]);
    refused(
        &stage,
        without("PGCOFFER_KEY"),
        2,
        &["no key", "pgcoffer init", "recovery sheet"],
    );
    refused(
        &stage,
        without("PGCOFFER_BUCKET"),
        2,
        &["no bucket", "PGCOFFER_BUCKET=s3://"],
    );
    refused(
        &stage,
        without("PGCOFFER_DB_MAIN_URL"),
        2,
        &["no database", "PGCOFFER_DB_MAIN_URL"],
    );
    refused(
        &stage,
        stage.run(["backup", "other"]),
        2,
        &["\"other\"", "main", "PGCOFFER_DB_OTHER_URL"],
    );
    refused(
        &stage,
        without("AWS_SECRET_ACCESS_KEY").ended_with(4),
        4,
        &["AWS_ACCESS_KEY_ID"],
    );
}

/// A form that was left blank: the SDK would look for a host without a name.
#[test]
fn an_empty_endpoint_is_a_wrong_setting() {
    let stage = Stage::small();
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        let outcome = stage.agent().env(name, "").run(["list"]);
        refused(&stage, outcome, 2, &[name, "it is set, and empty", "unset it"]);
    }
}

#[test]
fn settings_that_nobody_knows_are_named_all_at_once() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_BUKET", "x")
        .env("PGCOFFER_COMPRESSION", "gzip");
    let outcome = agent.run(["backup"]).ended_with(2);
    for word in ["PGCOFFER_BUKET", "PGCOFFER_COMPRESSION", "zstd:1"] {
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
}

#[test]
fn a_url_that_is_none_is_refused_without_its_password() {
    let stage = Stage::small();
    for url in [
        "postgres://u:hunter2@h:port/db",
        "postgres:/u:hunter2@h/db",
        "mysql://u:hunter2@h/db",
        "hunter2",
    ] {
        let outcome = stage
            .agent()
            .env("PGCOFFER_DB_MAIN_URL", url)
            .run(["backup"])
            .ended_with(2);
        assert!(
            outcome.stderr.contains("PGCOFFER_DB_MAIN_URL") && !outcome.stderr.contains("hunter2"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn what_is_not_there_is_told() {
    let stage = Stage::small();
    refused(&stage, stage.run(["verify"]), 7, &["there is no good backup in"]);
    stage.back_up();
    refused(
        &stage,
        stage.run(["show", "20010101"]),
        7,
        &["20010101", "pgcoffer list"],
    );
    refused(
        &stage,
        stage.run(["verify", "latest:yearly"]),
        7,
        &["no good yearly backup", "there are manual ones", "latest:manual"],
    );
    refused(
        &stage,
        stage.run(["verify", "no-such"]),
        7,
        &["no-such", "pgcoffer list"],
    );
    refused(
        &stage,
        stage.run(["verify", "latest", "--database", "other"]),
        7,
        &["of other", "backups of main"],
    );
}

#[test]
fn a_failed_run_is_no_backup_to_restore() {
    let stage = Stage::small();
    stage
        .bucket
        .inject(Rule::on("UploadPart").always(), Fault::access_denied());
    stage.run(["backup"]).ended_with(4);
    stage.bucket.heal();
    let id = stage.failure()["id"].as_str().unwrap().to_owned();
    refused(
        &stage,
        stage.run(["verify", &id]),
        7,
        &["its run failed", "AccessDenied"],
    );
    stage.run(["show", &id]).success();
}

#[test]
fn restore_asks_twice_before_it_touches_anything() {
    let stage = Stage::backed_up(SMALL);
    let target = stage.target();
    let to = ["restore", "latest", "--to", &target.url];
    refused(&stage, stage.run(to), 2, &["--confirm", &target.name]);
    refused(
        &stage,
        stage.run(to.into_iter().chain(["--confirm", "another"])),
        2,
        &["nothing was done"],
    );
    refused(
        &stage,
        stage.run(["restore", "latest", "--to", "env:NOT_SET", "--confirm", "x"]),
        2,
        &["NOT_SET"],
    );
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_class where relname = 'people'"),
        "0"
    );
}

#[test]
fn weak_passphrases_are_refused() {
    let outcome = Agent::new().run_with_input(["keygen", "--passphrase"], b"password123\n");
    assert!(
        [2, 5].contains(&outcome.code()) && outcome.stderr.contains("hint: "),
        "{} {}",
        outcome.code(),
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("password123"));
    Agent::new()
        .run_with_input(
            ["keygen", "--passphrase"],
            b"unwound-cosigner-plank-dizzy-refurbish-atop-halogen\n",
        )
        .success();
    let made = Agent::new().run(["keygen", "--words"]).success();
    let graded = Agent::new().run_with_input(["keygen", "--passphrase"], &made.stdout);
    graded.success();
    let stage = Stage::small();
    let outcome = stage
        .agent()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_PASSPHRASE", "hunter2")
        .run(["backup"])
        .ended_with(2);
    assert!(
        outcome.stderr.contains("PGCOFFER_PASSPHRASE") && !outcome.stderr.contains("hunter2"),
        "{}",
        outcome.stderr
    );
}
