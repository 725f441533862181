//! Several jobs bring back what one brings back, and what was there.

use serde_json::Value;

use super::{EVERYTHING, FOUR, JOBS, assert_same, dumped};
use crate::{stage::Stage, testbed::Outcome};

/// What a report says of what was restored.
fn restored(outcome: &Outcome) -> Value {
    let mut report = outcome.json();
    let fields = report.as_object_mut().unwrap();
    // hints of the server come in another number
    for of_the_run in ["started", "finished", "target", "read_bytes", "warnings"] {
        fields.remove(of_the_run);
    }
    report
}

#[test]
fn several_jobs_bring_back_everything_on_each_server() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, EVERYTHING);
        stage.back_up();
        let (one, several) = (stage.target(), stage.target());
        let keep = ["--keep-owner", "--keep-acl", "--json"];
        let by_one = stage.restore_with(&one, keep).success();
        let by_several = stage.restore_with(&several, keep.into_iter().chain(JOBS)).success();
        assert_eq!(restored(&by_several), restored(&by_one), "{major:?}");
        assert_eq!(by_several.json()["complete"], true);
        let was = dumped(&stage, &stage.database);
        assert_same(&dumped(&stage, &several.name), &was, &format!("{major:?}"));
        assert_same(&dumped(&stage, &one.name), &was, &format!("{major:?}"));
        let views = "select (select count(*) from app.by_day), (select most || ' ' || last from app.a_first),
            (select count(*) from app.named), (select bool_and(indisvalid) from pg_index),
            (select bool_and(convalidated) from pg_constraint)";
        assert_eq!(
            stage.cluster.psql(&several.name, views),
            stage.cluster.psql(&stage.database, views),
            "{major:?}"
        );
    }
}

#[test]
fn a_role_that_owns_the_target_alone_restores_by_several_jobs() {
    let stage = Stage::backed_up(EVERYTHING);
    let (_, target) = stage.customers_target("");
    let outcome = stage
        .restore_with(&target, ["--jobs", "2", "--leave-out", "publication"])
        .success();
    let rows = "select (select count(*) from app.orders), (select count(*) from app.events), (select count(*) from \
        pg_largeobject_metadata), (select count(*) from app.by_day)";
    assert_eq!(
        stage.cluster.psql(&target.name, rows),
        stage.cluster.psql(&stage.database, rows),
        "{}",
        outcome.text()
    );
}

#[test]
fn what_the_user_leaves_out_is_neither_read_nor_restored() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    let args = [
        "--jobs",
        "3",
        "--leave-out",
        "table:t1",
        "--leave-out",
        "data:t2",
        "--json",
    ];
    let report = stage.restore_with(&target, args).success().json();
    let there = "select (select count(*) from pg_class where relname = 't1'), (select count(*) from t2), (select count(*) \
        from t3), (select count(*) from s1)";
    assert_eq!(stage.cluster.psql(&target.name, there), "0|0|1000|100");
    assert_eq!((&report["tables"], &report["rows"]), (&4.into(), &2200.into()));
    let (read, stored) = (&report["read_bytes"], &report["stored_bytes"]);
    assert!(
        read.as_u64().unwrap() < stored.as_u64().unwrap() * 7 / 10,
        "{read} {stored}"
    );
}

#[test]
fn a_part_into_what_is_in_use_by_several_jobs() {
    let stage = Stage::backed_up(EVERYTHING);
    let live = stage.live();
    stage
        .cluster
        .psql(&live.name, "drop table app.events cascade; truncate app.hashed");
    let part = ["--table", "app.events", "--jobs", "3"];
    let said = stage.restore_with(&live, part).ended_with(2).stderr;
    assert!(said.contains("--no-single-transaction"), "{said}");
    // a foreign key to what is not restored is missing
    stage
        .restore_with(&live, part.into_iter().chain(["--no-single-transaction"]))
        .ended_with(9);
    // rows into tables of the target's own, whose keys exist already
    let rows = [
        "--table",
        "app.hashed",
        "--data-only",
        "--jobs",
        "3",
        "--no-single-transaction",
    ];
    stage.restore_with(&live, rows).success();
    let there = "select (select count(*) from app.events), (select count(*) from app.hashed), (select count(*) from \
        pg_index where indrelid = 'app.events'::regclass and indisvalid)";
    assert_eq!(stage.cluster.psql(&live.name, there), "9000|4000|3");
}

#[test]
fn rows_that_the_target_s_own_keys_bind_are_loaded_in_their_order() {
    let stage = Stage::backed_up(
        "create table z_first (id int primary key); insert into z_first select generate_series(1, 5000);
         create table a_second (id int primary key references z_first); insert into a_second select id from z_first;
         create table b_third (id int references a_second); insert into b_third select id from a_second",
    );
    let live = stage.live();
    stage.cluster.psql(&live.name, "truncate z_first, a_second, b_third");
    let args = [
        "--schema",
        "public",
        "--data-only",
        "--no-single-transaction",
        "--jobs",
        "4",
    ];
    stage.restore_with(&live, args).success();
    let there =
        "select (select count(*) from z_first), (select count(*) from a_second), (select count(*) from b_third)";
    assert_eq!(stage.cluster.psql(&live.name, there), "5000|5000|5000");
}

#[test]
fn into_a_database_that_is_not_empty() {
    let stage = Stage::backed_up(FOUR);
    let live = stage.live();
    stage
        .cluster
        .psql(&live.name, "delete from t4; drop table t2; insert into s1 values (7)");
    stage.restore_with(&live, JOBS).ended_with(3);
    let clean = ["--clean", "--jobs", "4"];
    let said = stage.restore_with(&live, clean).ended_with(2).stderr;
    assert!(said.contains("one transaction"), "{said}");
    stage
        .restore_with(&live, clean.into_iter().chain(["--no-single-transaction"]))
        .success();
    let rows = "select (select count(*) from t2), (select count(*) from t4), (select count(*) from s1)";
    assert_eq!(stage.cluster.psql(&live.name, rows), "1000|1000|100");
}

#[test]
fn what_can_t_be_restored_is_named_and_the_rest_is_there() {
    let stage = Stage::backed_up(
        "create function norm(t text) returns text language sql immutable as $$ select lower(t) $$;
         create function outer_norm(t text) returns text language sql immutable as $$ select norm(t) $$;
         create table texts (id int primary key, t text); insert into texts select n, md5(n::text) from
             generate_series(1, 1000) n;
         create index texts_norm on texts (outer_norm(t)); create table others (id int primary key);
         insert into others select generate_series(1, 1000)",
    );
    let target = stage.target();
    let failed = stage.restore_with(&target, JOBS).ended_with(3).stderr;
    assert!(
        failed.contains("norm(text) does not exist") && failed.contains("incomplete"),
        "{failed}"
    );
    let target = stage.target();
    let outcome = stage
        .restore_with(&target, JOBS.into_iter().chain(["--keep-going"]))
        .ended_with(9);
    let said = outcome.text();
    assert!(
        said.contains("index public.texts_norm") && said.contains("one after the other"),
        "{said}"
    );
    let there = "select (select count(*) from texts), (select count(*) from others), (select count(*) from pg_indexes where \
        schemaname = 'public')";
    assert_eq!(stage.cluster.psql(&target.name, there), "1000|1000|2");
}

#[test]
fn what_can_t_be_divided_is_restored_by_one_job_or_refused() {
    let stage = Stage::backed_up(FOUR);
    for (args, word) in [
        (["--jobs", "2", "--single-transaction"], "one transaction"),
        (["--jobs", "0", "--no-comments"], "1..=64"),
        (["--jobs", "65", "--no-comments"], "1..=64"),
    ] {
        let said = stage.restore_with(&stage.target(), args).ended_with(2).stderr;
        assert!(said.contains(word), "{said}");
    }
    let said = stage
        .restore_with(&stage.target(), ["--table", "t1", "--as", "t9", "--jobs", "2"])
        .ended_with(2)
        .stderr;
    assert!(said.contains("--jobs"), "{said}");
    stage.bucket.delete(&stage.key("/details/"));
    let target = stage.target();
    let outcome = stage.restore_with(&target, JOBS).success();
    assert!(
        outcome.text().contains("one job restores everything"),
        "{}",
        outcome.text()
    );
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from t3"), "1000");
}

#[test]
fn a_preview_tells_what_the_jobs_read() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    let args = ["--jobs", "2", "--preview", "--json"];
    let preview = stage.restore_with(&target, args).success().json();
    let report = stage.restore_with(&target, ["--jobs", "2", "--json"]).success().json();
    for field in ["tables", "rows", "read_bytes", "stored_bytes"] {
        assert_eq!(preview[field], report[field], "{field}");
    }
}
