//! A whole backup is read back: by our own reader, which names all that differs, and by pg_restore as well.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::part_bytes::{details, write_details};
use crate::{
    stage::{BULKY, HUGE, Stage, shop},
    testbed::{Agent, Fault, Rule},
};

const KINDS: &str = "
    create table one (n int); insert into one select n from generate_series(1, 100) n;
    create table two (n int); insert into two select n from generate_series(1, 200) n;
    create table three (n serial); insert into three select from generate_series(1, 300);
    create view seen as select * from one; create index on two (n);
    select lo_from_bytea(4711, 'a large object');";

#[test]
fn everything_that_differs_is_named_at_once() {
    let stage = Stage::backed_up(KINDS);
    let good = stage.run(["verify", "--json"]).success().json();
    assert_eq!(
        (&good["compared_with"], &good["large_objects"]),
        (&json!("details"), &json!(1))
    );
    assert!(good["definitions"].as_u64().unwrap() > 10, "{good}");
    let honest = details(&stage);
    let mut other = honest.clone();
    for table in other["tables"].as_array_mut().unwrap() {
        match table["name"].as_str().unwrap() {
            "one" => table["rows"] = 99.into(),
            "two" => table["fingerprint"] = "0".repeat(32).into(),
            _ => {}
        }
    }
    other["large_objects"]["count"] = 2.into();
    for kind in other["definitions"].as_array_mut().unwrap() {
        // where a sequence stands is a definition of its own
        if kind["kind"] == "SEQUENCE SET" {
            kind["fingerprint"] = "0".repeat(32).into();
        }
        if kind["kind"] == "INDEX" {
            kind["count"] = 3.into();
        }
    }
    write_details(&stage, &other);
    let id = good["id"].as_str().unwrap();
    for command in [
        &["verify", id][..],
        &["verify", id, "--deep"],
        &["get", id, "-q", "-o", "x.dump"],
    ] {
        let said = stage.run(command.iter().copied()).ended_with(5).stderr;
        for words in [
            "table public.one has 100 rows, and 99 were dumped",
            "table public.two has as many rows as were dumped, and not the same ones",
            "it has 1 large object, and 2 were dumped",
            "a definition of kind \"SEQUENCE SET\" differs",
            "definitions of kind \"INDEX\": 1, and 3 were dumped",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!said.contains("public.three"), "{said}");
    }
    assert_eq!(stage.records()[0]["good"], false);
    write_details(&stage, &honest);
    stage.run(["verify", id]).success();
    assert_eq!(stage.records()[0]["good"], true);
}

#[test]
fn where_the_details_are_lost_it_says_what_was_compared() {
    let stage = Stage::backed_up(KINDS);
    stage.bucket.delete(&stage.key("/details/"));
    let outcome = stage.run(["verify"]).success();
    assert!(outcome.text().contains("its details are lost"), "{}", outcome.text());
    let json = stage.run(["verify", "--json"]).success().json();
    assert_eq!(json["compared_with"], "record");
}

#[test]
fn pg_restore_reads_it_as_well_on_each_version_and_connects_to_nothing() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, shop());
        stage.back_up();
        // no database is known here
        let agent = stage.agent().without("PGCOFFER_DB_MAIN_URL");
        let outcome = agent.run(["verify", "--deep"]).success();
        assert!(outcome.text().contains("reads all of it"), "{}", outcome.text());
        let json = agent.run(["verify", "--deep", "--json"]).success().json();
        let version = json["pg_restore"].as_str().unwrap();
        assert!(
            major.is_none_or(|major| version.starts_with(&major.to_string())),
            "{version}"
        );
        assert!(agent.run(["verify", "--json"]).success().json()["pg_restore"].is_null());
    }
}

/// An agent whose pg_restore runs this script.
fn with_pg_restore(stage: &Stage, script: &str) -> Agent {
    let folder = stage.file("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["pg_dump", "pg_restore"] {
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{name} (PostgreSQL) 99.1'; exit 0; fi\n{script}\n"
        );
        std::fs::write(folder.join(name), text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), mode).unwrap();
    }
    stage.agent().env("PGCOFFER_PG_BIN", folder)
}

#[test]
fn a_pg_restore_that_can_t_read_it_fails_it_and_damages_nothing() {
    let stage = Stage::of(BULKY);
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    for script in [
        "echo 'pg_restore: error: unsupported version (1.16) in file header' >&2; exit 1",
        "cat >/dev/null; echo 'pg_restore: error: could not read' >&2; exit 1",
        "head -c 100000 >/dev/null; echo 'pg_restore: error: stopped' >&2; exit 3",
    ] {
        let outcome = with_pg_restore(&stage, script).run(["verify", "--deep"]).ended_with(3);
        assert!(outcome.stderr.contains("pg_restore"), "{}", outcome.stderr);
        let one = stage.records().remove(0);
        assert_eq!((&one["good"], &one["last_read_back"]), (&json!(true), &json!(null)));
    }
    let none = stage.agent().env("PGCOFFER_PG_BIN", stage.file("nowhere"));
    none.run(["verify", "--deep"]).ended_with(3);
    none.run(["verify"]).success();
}

#[test]
fn damage_is_damage_whoever_reads() {
    let stage = Stage::of(BULKY);
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    let rule = Rule::on("GetObject").key("/archives/").always();
    stage.bucket.inject(rule, Fault::FlipBit { at_byte: 8_000_000 });
    stage.run(["verify", "--deep"]).ended_with(5);
    stage.bucket.heal();
    assert_eq!(stage.records()[0]["good"], false);
}

#[test]
fn it_takes_no_more_memory_for_a_large_backup() {
    let stage = Stage::of(HUGE);
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    for args in [&["verify"][..], &["verify", "--deep"]] {
        let outcome = stage.run(args.iter().copied()).success();
        assert!(outcome.peak_memory_bytes < 128 << 20, "{}", outcome.peak_memory_bytes);
    }
}

#[test]
fn a_part_and_more_than_the_whole_exclude_each_other() {
    let stage = Stage::backed_up(KINDS);
    stage.run(["verify", "--deep", "--sample", "5%"]).ended_with(2);
}
