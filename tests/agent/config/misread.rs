//! What people write in the place of something else, each answered with what they should write: one line that says what
//! is wrong, and a hint that is true in that very case.

use std::{fs, os::unix::fs::PermissionsExt as _};

use pgcoffer::seal::MasterKey;

use super::refusals::refused;
use crate::{
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::Agent,
};

#[test]
fn a_database_under_another_name_is_seen_and_not_read() {
    let stage = Stage::small();
    let url = stage.cluster.url(&stage.database);
    let agent = stage.agent().without("PGCOFFER_DB_MAIN_URL");
    for name in [
        "DATABASE_URL",
        "POSTGRES_URL",
        "HEROKU_POSTGRESQL_PINK_URL",
        "APP_DATABASE_URI",
    ] {
        let agent = agent.clone().env(name, &url);
        let line = format!("export PGCOFFER_DB_MAIN_URL=${name}");
        let seen = format!("{name} is set, and is not read");
        for command in [&["backup"][..], &["tick"]] {
            refused(&stage, agent.run(command), 2, &[&seen, &line]);
        }
        let checked = agent.run(["check"]);
        assert!(checked.text().contains(&line), "{}", checked.text());
    }
    let on_heroku = agent.clone().env("DATABASE_URL", &url).env("DYNO", "run.1");
    refused(
        &stage,
        on_heroku.run(["backup"]),
        2,
        &["heroku addons:attach ADD-ON --as PGCOFFER_DB_MAIN"],
    );
    let of_libpq = agent.env("PGHOST", "db.example.com").env("PGUSER", "app");
    refused(
        &stage,
        of_libpq.run(["backup"]),
        2,
        &["PGHOST is set", "$PGUSER, $PGHOST"],
    );
}

#[test]
fn every_spelling_of_a_bucket_is_answered_with_the_right_one() {
    let stage = Stage::small();
    for (text, words) in [
        ("s3:/acme/pg", "write s3://acme/pg"),
        ("acme", "write s3://acme"),
        ("S3://acme", "write s3://acme"),
        ("arn:aws:s3:::acme/pg/*", "write s3://acme/pg"),
        (
            "https://acme.s3.eu-central-1.amazonaws.com/pg",
            "write s3://acme/pg, with AWS_REGION=eu-central-1",
        ),
        (
            "https://eu-west-1.console.aws.amazon.com/s3/buckets/acme?region=eu-west-1",
            "write s3://acme, with AWS_REGION=eu-west-1",
        ),
        (
            "http://minio.internal:9000/acme",
            "AWS_ENDPOINT_URL_S3=http://minio.internal:9000",
        ),
        ("/mnt/nas", "file:///mnt/nas"),
        ("s3://<bucket>/x", "the bucket's own name"),
        ("s3://acme/../x", "write s3://bucket/prefix"),
    ] {
        let agent = stage.agent().env("PGCOFFER_BUCKET", text);
        refused(&stage, agent.run(["list"]), 2, &["PGCOFFER_BUCKET", words]);
        refused(
            &stage,
            stage.agent().run(["list", "--bucket", text]),
            2,
            &["--bucket", words],
        );
    }
    // what stands around it unseen is no fault
    stage
        .agent()
        .env("PGCOFFER_BUCKET", " s3://testbed/backups/ \r\n")
        .run(["list"])
        .success();
    let quoted = stage.agent().env("PGCOFFER_BUCKET", "\"s3://testbed/backups\"");
    refused(&stage, quoted.run(["list"]), 2, &["quotes stand around it"]);
}

#[test]
fn a_zone_that_is_none_is_answered_with_one() {
    let stage = Stage::small();
    for (text, words) in [
        ("Berlin", "did you mean Europe/Berlin?"),
        ("utc+2", "Etc/GMT-2"),
        ("CET+1", "Europe/Berlin"),
        ("PST", "America/Los_Angeles"),
    ] {
        let agent = stage.agent().env("PGCOFFER_TIMEZONE", text);
        refused(&stage, agent.run(["status"]), 2, &["PGCOFFER_TIMEZONE", words]);
    }
    stage
        .agent()
        .env("PGCOFFER_TIMEZONE", "europe/berlin")
        .run(["list"])
        .success();
}

#[test]
fn a_key_that_was_pasted_wrongly_is_told_how() {
    let stage = Stage::backed_up(SMALL);
    let key = MasterKey::parse(KEY).unwrap().encode().to_string();
    let zero = key.rfind('0').unwrap();
    let mut with_o = key.clone();
    with_o.replace_range(zero..=zero, "O");
    for (typed, words) in [
        (format!("{key}{key}"), "more than one key"),
        (key[..60].to_owned(), "60 characters, and a key of this kind has 72"),
        (format!("PGCOFFER_KEY={key}"), "something stands before the key"),
        (format!("Key    {key}"), "something stands before the key"),
        (format!("\"{key}\""), "quotes stand around it"),
        (format!("{key} # main"), "5 more characters behind it"),
        ("PGCOFFER-KEY-1\u{2026}".to_owned(), "a part of it is left out"),
        ("fc7f010c9ecc9505".to_owned(), "the id of a key"),
        (with_o, "which no key contains; with '0' there the key is right"),
        (key.replacen('P', "p", 1), "upper and lower case are mixed"),
    ] {
        let outcome = refused(
            &stage,
            stage.agent().key(&typed).run(["list"]),
            2,
            &["PGCOFFER_KEY", words],
        );
        assert!(!outcome.stderr.contains(&key[20..50]), "{}", outcome.stderr);
    }
    // as it stands on paper
    let groups: Vec<String> = key
        .as_bytes()
        .chunks(4)
        .map(|four| String::from_utf8_lossy(four).into_owned())
        .collect();
    for typed in [groups.join(" "), groups.join(" ").to_lowercase()] {
        stage.agent().key(&typed).run(["show", "latest"]).success();
    }
}

#[test]
fn a_folder_of_clients_that_is_none_is_told_what_it_is() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("pg_dump");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let parent = format!("PGCOFFER_PG_BIN={}", folder.path().display());
    for (path, why, cure) in [
        (
            folder.path().join("none"),
            "there is no such folder",
            "unset PGCOFFER_PG_BIN",
        ),
        (program.clone(), "that is a file", parent.as_str()),
        (folder.path().to_owned(), "has no pg_restore", "the whole package"),
    ] {
        let agent = stage.agent().env("PGCOFFER_PG_BIN", &path);
        refused(&stage, agent.run(["backup"]), 3, &["PGCOFFER_PG_BIN", why, cure]);
        let checked = agent.run(["check"]);
        assert!(checked.text().contains(why), "{}", checked.text());
    }
}

#[test]
fn a_target_that_is_none_is_told_what_it_is() {
    let stage = Stage::backed_up(SMALL);
    let target = stage.target();
    let agent = stage
        .agent()
        .env("TARGET_URL", &target.url)
        .env("EMPTY_URL", "")
        .env("BLANK_URL", " \t");
    let restore = |to: &str| agent.run(["restore", "latest", "--to", to, "--confirm", &target.name]);
    for (to, words) in [
        ("TARGET_URL", ["without env: before it", "give --to env:TARGET_URL"]),
        ("$TARGET_URL", ["without env: before it", "give --to env:TARGET_URL"]),
        ("$OTHER_URL", ["itself", "--to env:OTHER_URL"]),
        ("env:OTHER_URL", ["OTHER_URL, which is not set", "read -rs OTHER_URL"]),
        (
            "env:TARGET_ULR",
            ["TARGET_ULR, which is not set", "did you mean env:TARGET_URL?"],
        ),
        ("file:///tmp/x", ["is restored into PostgreSQL alone", "pgcoffer get"]),
        ("env:EMPTY_URL", ["which is empty", "read -rs EMPTY_URL"]),
        ("env:BLANK_URL", ["which is empty or blank", "read -rs BLANK_URL"]),
        ("latest", ["that is a backup", "the backup comes first"]),
        ("shop", ["that is only a name", "--to env:TARGET_URL"]),
    ] {
        refused(&stage, restore(to), 2, &words);
    }
    // which backup is meant is settled before anything is to be confirmed
    for (args, words) in [
        (["restore", "shop.dump", "--to", "env:TARGET_URL"], "a backup id"),
        (
            ["restore", "20010101", "--to", "env:TARGET_URL"],
            "there is no backup 20010101",
        ),
    ] {
        let outcome = agent.run(args);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("confirmation"), "{}", outcome.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.dump"), "PGDMP\x01").unwrap();
    let there = agent.clone().current_dir(folder.path());
    let words = [
        "a dump in pg_dump's custom format, and no id of a backup",
        "pg_restore --no-owner",
    ];
    refused(
        &stage,
        there.run(["restore", "shop.dump", "--to", "env:TARGET_URL"]),
        2,
        &words,
    );
    let words = [
        "is not sealed: it is a dump in pg_dump's custom format already",
        "pg_restore --no-owner",
    ];
    refused(&stage, there.run(["open", "shop.dump"]), 2, &words);
    // swapped, and the password is not repeated
    let outcome = agent.run(["restore", "postgres://u:hunter2@h/db", "--to", "latest"]);
    let outcome = refused(&stage, outcome, 2, &["a URL stands in the place of the backup's id"]);
    assert!(!outcome.stderr.contains("hunter2"));
    restore("env:$TARGET_URL").success();
}

#[test]
fn a_file_that_can_not_be_made_is_told_before_anything_is_fetched() {
    let stage = Stage::backed_up(SMALL);
    let folder = tempfile::tempdir().unwrap();
    let path = |below: &str| folder.path().join(below).display().to_string();
    fs::write(path("file"), "x").unwrap();
    fs::create_dir(path("closed")).unwrap();
    let agent = stage.agent().current_dir(folder.path());
    for (file, words) in [
        (path("none/x.dump"), ["there is no folder", "mkdir -p"]),
        (path("none/"), ["that is a folder", "name a file in it"]),
        (path(""), ["that is a folder", "name a file in it"]),
        (
            path("file"),
            ["something of that name is there already", "choose another name"],
        ),
        (
            path("file/x.dump"),
            ["is a file, and no folder", "name a file in a folder"],
        ),
    ] {
        let before = stage.bucket.count("GetObject");
        let outcome = agent.run(["get", "latest", "-o", &file]);
        refused(&stage, outcome, 1, &words);
        // the record, and neither details nor archive
        assert!(stage.bucket.count("GetObject") - before <= 2, "{file}");
    }
    let device = agent.run(["get", "latest", "-o", "/dev/null"]);
    refused(&stage, device, 2, &["it is a device", "-o - writes", "pgcoffer verify"]);
    let sealed = path("sealed.pgc");
    agent.run(["get", "latest", "--sealed", "-o", &sealed]).success();
    let into = path("none/x.dump");
    refused(
        &stage,
        agent.run(["open", &sealed, "-o", &into]),
        1,
        &["there is no folder"],
    );
}

#[test]
fn who_lacks_grants_is_led_to_the_sql_for_all_of_them() {
    let stage = Stage::of(SMALL);
    let (_, reader) = crate::check::everything::roles(&stage);
    let agent: Agent = crate::check::everything::as_role(&stage, &reader);
    refused(
        &stage,
        agent.run(["backup"]),
        3,
        &["GRANT", "hint: run `pgcoffer check --fix-sql`"],
    );
}

#[test]
fn a_wrong_key_is_one_line_and_one_hint_however_many_backups_there_are() {
    let stage = Stage::backed_up(SMALL);
    for _ in 0..3 {
        stage.back_up();
    }
    let agent = stage.agent().key(OTHER_KEY);
    for agent in [agent.clone(), agent.without("PGCOFFER_REPOSITORY")] {
        let outcome = refused(&stage, agent.run(["list"]), 5, &["wrong key", "PGCOFFER_OLD_KEYS"]);
        assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    }
    // who reads is not told how to back up here under another key; who backs up is
    let unpinned = stage.agent().key(OTHER_KEY).without("PGCOFFER_REPOSITORY");
    for (command, is_told) in [("list", false), ("verify", false), ("backup", true)] {
        let outcome = unpinned.run([command]).ended_with(5);
        let told = outcome.stderr.contains("set PGCOFFER_REPOSITORY=");
        assert_eq!(told, is_told, "{command}: {}", outcome.stderr);
    }
}

#[test]
fn what_is_no_id_is_told_for_what_it_is() {
    let stage = Stage::backed_up(SMALL);
    let key = stage.key("/records/");
    // as a listing of the bucket shows it
    for path in [
        key.clone(),
        format!("s3://testbed/{key}"),
        key.replace("backups/main/records/", ""),
    ] {
        stage.run(["show", &path]).success();
    }
    let label = stage.run(["show", "main"]);
    refused(
        &stage,
        label,
        2,
        &["main is the name of a database", "give latest --database main"],
    );
    let unknown = stage.run(["show", "latest", "--database", "shpo"]);
    refused(&stage, unknown, 7, &["of shpo", "there are backups of main"]);
    let hyphen = stage.agent().env("PGCOFFER_DB_MY-APP_URL", "postgres://u@h/d");
    refused(&stage, hyphen.run(["list"]), 2, &["call it PGCOFFER_DB_MY_APP_URL"]);
}
