//! Scripts in pg_dump's place, that fail in every way that a pg_dump can: none of them may become a good backup.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    stage::{SMALL, Stage, children, lives, signal, wait_until},
    testbed::{Agent, Outcome},
};

/// A folder with a pg_dump that does this, where `$DUMP` is a whole archive and `$SIZE` its length.
fn pretend(stage: &Stage, script: &str) -> Agent {
    let whole = whole_archive(stage);
    let size = std::fs::metadata(&whole).unwrap().len();
    let folder = stage.file("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) 15.99'; exit 0; fi\nDUMP='{}' \
         SIZE={size}\n{script}\n",
        whole.display()
    );
    for name in ["pg_dump", "pg_restore"] {
        let path = folder.join(name);
        std::fs::write(&path, &text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    stage
        .agent()
        .env("PGCOFFER_PG_BIN", folder)
        .timeout(Duration::from_secs(30))
}

/// What the real pg_dump makes of the database.
fn whole_archive(stage: &Stage) -> PathBuf {
    let file = stage.file("whole.dump");
    let mut dump = stage.cluster.client("pg_dump");
    dump.args(["-Fc", "-Z0", "-d", &stage.cluster.url(&stage.database), "-f"])
        .arg(&file);
    assert!(dump.status().unwrap().success());
    file
}

/// The run fails with 3 and leaves nothing but its record.
#[track_caller]
fn refused(script: &str, words: &str) -> Outcome {
    let stage = Stage::small();
    let outcome = pretend(&stage, script).run(["backup"]).ended_with(3);
    assert!(
        outcome.stderr.contains(words),
        "{words:?} is not in: {}",
        outcome.stderr
    );
    stage.assert_no_backup();
    assert_eq!(stage.failure()["exit_status"], 3);
    outcome
}

#[test]
fn a_whole_archive_and_a_good_end_are_a_backup() {
    let stage = Stage::small();
    pretend(&stage, "cat \"$DUMP\"").run(["backup"]).success();
    stage.run(["verify"]).success();
    let whole = std::fs::read(stage.file("whole.dump")).unwrap();
    assert_eq!(std::fs::read(stage.fetch("fetched.dump")).unwrap(), whole);
}

#[test]
fn an_empty_archive_and_a_good_end_are_none() {
    refused("exit 0", "empty");
}

#[test]
fn a_cut_archive_and_a_good_end_are_none() {
    for cut in ["$((SIZE / 2))", "$((SIZE - 1))", "4", "100"] {
        refused(&format!("head -c {cut} \"$DUMP\""), "pg_dump");
    }
}

#[test]
fn an_archive_with_more_behind_it_is_none() {
    refused("cat \"$DUMP\" \"$DUMP\"", "pg_dump");
}

#[test]
fn a_whole_archive_and_a_bad_end_are_none() {
    let outcome = refused(
        "cat \"$DUMP\"; echo 'the server went away' >&2; exit 1",
        "exit status: 1",
    );
    assert!(outcome.stderr.contains("the server went away"));
}

#[test]
fn a_whole_archive_and_a_crash_are_none() {
    refused("cat \"$DUMP\"; kill -SEGV $$", "signal: 11");
}

#[test]
fn garbage_and_a_good_end_are_none() {
    refused("head -c 300000 /dev/urandom", "pg_dump");
    refused("echo 'Cannot connect to the docker daemon'", "pg_dump");
    refused("gzip -c \"$DUMP\"", "pg_dump");
}

#[test]
fn a_damaged_archive_and_a_good_end_are_none() {
    refused(
        "head -c $((SIZE - 2000)) \"$DUMP\"; head -c 2000 /dev/urandom",
        "pg_dump",
    );
}

#[test]
fn garbage_from_a_program_that_hangs_is_no_reason_to_hang() {
    let began = Instant::now();
    // more than a chunk, since what comes is looked at chunk by chunk
    refused("head -c 3000000 /dev/urandom; exec sleep 600", "pg_dump");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn one_that_hangs_is_ended_by_a_signal() {
    let stage = Stage::small();
    let running = pretend(&stage, "head -c 500 \"$DUMP\"; exec sleep 600").spawn(["backup"]);
    wait_until("an upload begins", || !stage.bucket.uploads_under_way().is_empty());
    wait_until("it hangs", || {
        children(running.pid()).iter().any(|(_, name)| name == "sleep")
    });
    let hanging = children(running.pid());
    running.signal("TERM");
    let outcome = running.wait().ended_with(143);
    assert!(outcome.elapsed < Duration::from_secs(15));
    assert!(hanging.iter().all(|(pid, _)| !lives(*pid)));
    stage.assert_no_backup();
}

#[test]
fn a_signal_to_all_processes_is_an_interruption_whoever_ends_first() {
    for _ in 0..5 {
        let stage = Stage::small();
        let running = pretend(&stage, "head -c 500 \"$DUMP\"; exec sleep 600").spawn(["backup"]);
        let mut hanging = Vec::new();
        wait_until("it hangs", || {
            hanging = children(running.pid());
            hanging.iter().any(|(_, name)| name == "sleep")
        });
        signal(&[hanging[0].0, running.pid()], "TERM");
        running.wait().ended_with(143);
        stage.assert_no_backup();
    }
}

#[test]
fn a_flood_of_messages_fills_neither_memory_nor_record() {
    let stage = Stage::small();
    let agent = pretend(
        &stage,
        "yes 'pg_dump: warning: the same again' | head -c 200000000 >&2; cat \"$DUMP\"",
    );
    let outcome = agent.run(["backup", "--json"]).success();
    assert!(
        outcome.peak_memory_bytes < 150 << 20,
        "{} bytes",
        outcome.peak_memory_bytes
    );
    let warnings = outcome.json()["warnings"].as_array().unwrap().len();
    assert!((1..=200).contains(&warnings), "{warnings}");
    stage.run(["verify"]).success();
}

#[test]
fn messages_of_an_endless_line_are_no_matter() {
    let outcome = refused("head -c 50000000 /dev/zero | tr '\\0' x >&2; exit 1", "exit status: 1");
    assert!(outcome.stderr.len() < 100_000);
    assert!(
        outcome.peak_memory_bytes < 150 << 20,
        "{} bytes",
        outcome.peak_memory_bytes
    );
}

#[test]
fn pg_dump_gets_no_secret_but_the_password_and_that_not_as_an_argument() {
    let stage = Stage::of(SMALL);
    let agent = pretend(
        &stage,
        "tr '\\0' '\\n' < /proc/$$/cmdline > \"$0.args\"; env > \"$0.env\"; cat \"$DUMP\"",
    );
    let url = stage.cluster.url_as("postgres", Some("p@ss/word"), &stage.database);
    agent.env("PGCOFFER_DB_MAIN_URL", url).run(["backup"]).success();
    let read = |name: &str| std::fs::read_to_string(stage.file("bin").join(Path::new(name))).unwrap();
    let (arguments, environment) = (read("pg_dump.args"), read("pg_dump.env"));
    assert!(
        !arguments.contains("p@ss/word") && !arguments.contains("p%40ss"),
        "{arguments}"
    );
    assert!(environment.contains("PGPASSWORD=p@ss/word"), "{environment}");
    for secret in ["PGCOFFER_", "AWS_", crate::stage::KEY] {
        assert!(!environment.contains(secret), "{secret} is in {environment}");
    }
}

#[test]
fn one_that_repeats_the_password_is_not_repeated() {
    let stage = Stage::small();
    let agent = pretend(&stage, "echo \"FATAL: no way in with $PGPASSWORD\" >&2; exit 1");
    let url = stage
        .cluster
        .url_as("postgres", Some("hunter2-the-second"), &stage.database);
    let outcome = agent
        .env("PGCOFFER_DB_MAIN_URL", url)
        .run(["backup", "-vv"])
        .ended_with(3);
    stage.assert_no_secret(&outcome, &["hunter2-the-second"]);
    assert!(!stage.failure()["error"].as_str().unwrap().contains("hunter2"));
}
