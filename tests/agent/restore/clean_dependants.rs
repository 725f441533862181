//! What `--clean` would take along: every kind of object that PostgreSQL drops with another is seen before.

use crate::stage::{Stage, Target};

const MADE: &str = "
    create schema app; create schema more; create type span as range (subtype = float8); create table a (id int \
        primary key, s text); insert into a values (1, 'a');
    create function eq(span, span) returns bool language sql immutable as 'select true'; create function lt(span, \
        span) returns bool language sql immutable as 'select true';
    create function cmp(span, span) returns int language sql immutable as 'select 0'; create function cmp8(int, \
        bigint) returns int language sql immutable as 'select 0';
    create function mark(internal) returns internal language internal immutable as 'jsonb_in'; create function \
        conv(int, int, cstring, internal, int, bool) returns int language c strict as '$libdir/utf8_and_iso8859_1', \
        'iso8859_1_to_utf8';
    create operator === (leftarg = span, rightarg = span, function = eq); create function eq8(int, bigint) returns \
        bool language sql immutable as 'select true';
    create operator === (leftarg = int, rightarg = bigint, function = eq8);
    create publication old for table a; create table part_of_nothing (id int, at date not null); create sequence free; \
        create operator family mine using btree;
    create table plain (id int); create function tos(internal) returns internal language internal as 'jsonb_in'";

#[test]
fn dependants_of_every_kind_are_named() {
    for (since, named) in [
        (
            "alter publication old add tables in schema app",
            "schema app in publication old",
        ),
        (
            "create operator family later using btree; alter operator family later using btree add function 1 (span, \
             span) cmp(span, span)",
            "of operator family public.later USING btree",
        ),
        (
            "create operator family later using btree; alter operator family later using btree add operator 1 === \
             (span, span)",
            "of operator family public.later USING btree",
        ),
        (
            "create operator class later for type span using btree as operator 1 ===, function 1 cmp(span, span)",
            "operator class public.later USING btree",
        ),
        (
            "create function neg(span) returns bool language sql immutable as 'select true'; create operator === \
             (rightarg = span, function = neg)",
            "operator public.=== (NONE, public.span)",
        ),
        (
            "create conversion later for 'LATIN1' to 'UTF8' from conv",
            "conversion public.later",
        ),
        (
            "create transform for span language sql (from sql with function mark(internal))",
            "TRANSFORM FOR public.span LANGUAGE sql",
        ),
        (
            "create table parent (id int, at date not null) partition by range (at); alter table parent attach \
             partition part_of_nothing for values from ('2025-01-01') to ('2026-01-01')",
            "table public.part_of_nothing among the children of table public.parent",
        ),
        (
            "create table parent (id int); alter table plain inherit parent",
            "table public.plain among the children of table public.parent",
        ),
        ("create sequence later owned by a.id", "sequence public.later"),
        ("create type later as (s span)", "attribute s of type public.later"),
    ] {
        let stage = Stage::backed_up(MADE);
        let target = stage.live();
        stage.cluster.psql(&stage.database, since);
        stage.cluster.psql(&stage.database, "insert into a values (2)");
        let said = stage.restore_with(&target, ["--clean"]).ended_with(3).stderr;
        assert!(said.contains(named), "{named}: {said}");
        let rows = stage.cluster.psql(&stage.database, "select count(*) from a");
        assert_eq!(rows, "2", "{named}");
    }
}

#[test]
fn parts_of_replaced_objects_do_not_prevent_clean() {
    let stage = Stage::backed_up(MADE);
    stage.cluster.psql(
        &stage.database,
        "alter table a add more serial; create index on a (s); alter operator family mine using btree add operator 1 \
         === (span, span); insert into a values (2)",
    );
    stage.restore_with(&stage.live(), ["--clean"]).success();
    let there = "select (select count(*) from a), (select count(*) from pg_operator where oprname = '==='), (select \
        count(*) from pg_opfamily where opfname = 'mine')";
    assert_eq!(stage.cluster.psql(&stage.database, there), "1|2|1");
}

#[test]
fn objects_of_another_kind_are_named_before_anything_changes() {
    for (since, said) in [
        (
            "drop table plain; create view plain as select 1 as id",
            "of another kind",
        ),
        (
            "create extension hstore; alter extension hstore add table plain",
            "it is a member of an extension",
        ),
    ] {
        let stage = Stage::backed_up(MADE);
        stage.cluster.psql(&stage.database, since);
        let outcome = stage.restore_with(&stage.live(), ["--clean"]).ended_with(3).stderr;
        assert!(
            outcome.contains(said) && outcome.contains("was not touched"),
            "{outcome}"
        );
    }
}

/// A database of a customer's, with an event trigger that calls a function of his and that a superuser made for him.
fn watched() -> (Stage, Target) {
    let stage = Stage::backed_up(
        "create function watch() returns event_trigger language plpgsql as $$ begin end $$; create table t (id int \
         primary key); insert into t values (1);
         create event trigger watching on ddl_command_end execute function watch(); create publication everything for \
             all tables",
    );
    let (owner, target) = stage.customers_target("");
    let superuser = Target {
        url: stage.cluster.url(&target.name),
        name: target.name.clone(),
    };
    stage.restore(&superuser).success();
    stage.cluster.psql(
        &target.name,
        &format!("alter table t owner to {owner}; alter function watch owner to {owner}; insert into t values (2)"),
    );
    (stage, target)
}

#[test]
fn an_event_trigger_that_the_role_cannot_create_again_is_refused_with_a_cure() {
    let (stage, target) = watched();
    let said = stage.restore_with(&target, ["--clean"]).ended_with(3).stderr;
    for words in [
        "event trigger watching (the target already has it, and the restoring role has no right to replace it)",
        "--leave-out 'function:public.watch()'",
        "superuser",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("not in the backup"), "{said}");
    // the cures are cures
    let outcome = stage
        .restore_with(&target, ["--clean", "--leave-out", "function:public.watch()"])
        .success();
    let there = "select (select count(*) from t), (select string_agg(evtname, ',') from pg_event_trigger), (select \
        string_agg(pubname, ',') from pg_publication)";
    assert_eq!(
        stage.cluster.psql(&target.name, there),
        "1|watching|everything",
        "{}",
        outcome.text()
    );
    stage.cluster.psql(&target.name, "insert into t values (2)");
    let superuser = Target {
        url: stage.cluster.url(&target.name),
        name: target.name.clone(),
    };
    stage.restore_with(&superuser, ["--clean"]).success();
    assert_eq!(stage.cluster.psql(&target.name, there), "1|watching|everything");
}

#[test]
fn an_own_event_trigger_that_the_role_cannot_create_again_is_kept() {
    let (stage, target) = watched();
    let owner = stage
        .cluster
        .psql(&target.name, "select tableowner from pg_tables where tablename = 't'");
    stage.cluster.psql(
        &target.name,
        &format!(
            "alter role {owner} superuser; alter event trigger watching owner to {owner}; alter publication \
            everything owner to {owner}; alter role {owner} nosuperuser"
        ),
    );
    let outcome = stage
        .restore_with(&target, ["--clean", "--leave-out", "function:watch"])
        .success();
    let there = "select (select count(*) from t), (select count(*) from pg_event_trigger), (select count(*) from \
        pg_publication)";
    assert_eq!(stage.cluster.psql(&target.name, there), "1|1|1", "{}", outcome.text());
}
