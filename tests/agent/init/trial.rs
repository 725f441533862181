//! The trial in the midst of `init`: the settings that come out are tried as they are, and what fails can be answered
//! anew.

use std::{fs, net::TcpListener};

use crate::{
    stage::{Stage, children, lives, signal, wait_until},
    testbed::Terminal,
};

const OUTPUT: [&str; 5] = ["init", "--output", "env", "--write", "x.env"];

#[test]
fn settings_are_tried_before_they_are_written() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    let bad = agent.run(OUTPUT.into_iter().chain(["--bucket", "s3://not-there/x"]));
    let bad = bad.ended_with(8);
    for words in ["NoSuchBucket", "the trial failed: see above; nothing was written"] {
        assert!(bad.stderr.contains(words), "{}", bad.stderr);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let good = agent.run(OUTPUT).success();
    assert!(
        good.stdout.is_empty() && good.stderr.contains(" 0 failed"),
        "{}",
        good.stderr
    );
    // what is in a file or set beside counts as little as it will where the settings go
    fs::write(folder.path().join("pgcoffer.toml"), "bucket = 's3://not-there/x'").unwrap();
    let args = ["init", "--output", "env", "--write", "y.env"];
    agent.run(args).success();
}

/// Each answer is tried when it is typed, says what is wrong with it, and is given anew.
#[test]
fn a_wrong_answer_is_found_when_it_is_typed_and_given_anew() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage
        .agent()
        .without("PGCOFFER_BUCKET")
        .without("PGCOFFER_DB_MAIN_URL")
        .env("AWS_PROFILE", "default")
        .current_dir(folder.path());
    let schedule = ["--schedule", "daily keep 7d", "--timezone", "UTC", "--sheet", "s.html"];
    let mut terminal = Terminal::start(&agent, OUTPUT.into_iter().chain(schedule));
    // a database that isn't there
    terminal.expect_hidden("URL of the database");
    terminal.answer(&stage.cluster.url("no_such_database"));
    terminal.expect("FAILED");
    terminal.expect("no_such_database");
    terminal.expect("This database doesn't work yet");
    terminal.answer("");
    terminal.expect_hidden("URL of the database");
    terminal.answer(&stage.cluster.url(&stage.database));
    terminal.expect("It works.");
    terminal.expect("Its name in the bucket");
    terminal.answer("");
    // the same one would be backed up twice
    terminal.expect_hidden("URL of another database");
    terminal.answer(&stage.cluster.url(&stage.database));
    terminal.expect_hidden("this is main already");
    terminal.answer("");
    // a bucket that isn't there
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://not-there/x");
    terminal.expect("NoSuchBucket");
    terminal.expect("below");
    terminal.expect("This bucket doesn't work yet");
    // the cursor is on the one that helps
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://testbed/backups");
    terminal.expect("It works.");
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect(" 0 failed");
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let settings = fs::read_to_string(folder.path().join("x.env")).unwrap();
    assert!(
        settings.contains("PGCOFFER_BUCKET=s3://testbed/backups\n"),
        "{settings}"
    );
}

/// What the environment says of the bucket counts no longer once other credentials are asked for, and what failed stands
/// last on the screen.
#[test]
fn the_whole_trial_repeats_its_failures_last_and_takes_other_credentials() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage
        .agent()
        .env("PGCOFFER_BUCKET", "s3://not-there/x")
        .env("AWS_PROFILE", "default")
        .current_dir(folder.path());
    let schedule = ["--schedule", "daily keep 7d", "--timezone", "UTC", "--sheet", "s.html"];
    let mut terminal = Terminal::start(&agent, OUTPUT.into_iter().chain(schedule));
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect("What failed, once more:");
    terminal.expect("NoSuchBucket");
    terminal.expect("Not all is well");
    terminal.answer("\x1b[B");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://testbed/backups");
    let env: std::collections::BTreeMap<_, _> = stage.bucket.env().into_iter().collect();
    for (question, name) in [("Its region", "AWS_REGION"), ("Its service", "AWS_ENDPOINT_URL_S3")] {
        terminal.expect(question);
        terminal.answer(&env[name]);
    }
    terminal.expect("Does it want the bucket's name in the path?");
    terminal.answer("y");
    terminal.expect("Access key id");
    terminal.answer(&env["AWS_ACCESS_KEY_ID"]);
    terminal.expect_hidden("Secret access key");
    terminal.answer(&env["AWS_SECRET_ACCESS_KEY"]);
    terminal.expect("It works.");
    terminal.expect(" 0 failed");
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let settings = fs::read_to_string(folder.path().join("x.env")).unwrap();
    assert!(
        settings.contains("PGCOFFER_BUCKET=s3://testbed/backups\n"),
        "{settings}"
    );
}

#[test]
fn a_trial_under_way_ends_with_its_set_up() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    // takes connections, and never says a word
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u@{}/x", silent.local_addr().unwrap());
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", url)
        .current_dir(folder.path());

    let mut terminal = Terminal::start(&agent, OUTPUT.into_iter().chain(["--yes", "--sheet", "s.txt"]));
    terminal.expect("7. Trial");
    terminal.expect("Trying everything");
    terminal.press("\x03");
    assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
    assert!(terminal.is_sane());

    let running = agent.spawn(OUTPUT);
    let mut trial = Vec::new();
    wait_until("a trial", || {
        trial = children(running.pid());
        trial.iter().any(|(_, name)| name == "pgcoffer")
    });
    signal(&[running.pid()], "TERM");
    running.wait().ended_with(143);
    wait_until("the trial's end", || !trial.iter().any(|(pid, _)| lives(*pid)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
