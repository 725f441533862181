//! `restore --clean`: what the backup holds is replaced, all of it or nothing, and whatever is not in the backup stays.

use crate::{
    stage::{Stage, Target},
    testbed::Terminal,
};

const SHOP: &str = "
    create schema app; create type app.mood as enum ('sad', 'ok');
    create table app.m (id int, at date, primary key (id, at)) partition by range (at);
    create table app.m_2025 partition of app.m for values from ('2025-01-01') to ('2026-01-01'); insert into app.m \
        values (1, '2025-05-05');
    create table other (id int primary key, mood app.mood default 'ok'); insert into other values (1), (2);
    create table child (o int references other); insert into child values (1);
    create function twice(int) returns int language sql immutable as 'select $1 * 2';
    create table counted (a int, b int generated always as (twice(a)) stored, check (twice(a) > 0)); insert into \
        counted values (3);
    create view seen as select o.id from other o join app.m using (id); create materialized view kept as select * from \
        seen;
    create publication news for table other; select lo_from_bytea(4711, 'old');";

const THERE: &str = "
    select (select string_agg(m::text, ';' order by id) from app.m), (select string_agg(o::text, ';' order by id) from \
        other o),
           (select count(*) from child), (select b from counted), (select count(*) from kept), (select count(*) from \
               pg_publication_tables),
           (select count(*) from pg_constraint where contype in ('f', 'p', 'c') and connamespace::regnamespace::text \
               in ('public', 'app')),
           convert_from(lo_get(4711), 'UTF8')";

/// A database that has gone on since its backup.
fn live(since: &str) -> (Stage, Target, String) {
    let stage = Stage::backed_up(SHOP);
    let before = stage.cluster.psql(&stage.database, THERE);
    stage.cluster.psql(
        &stage.database,
        &format!(
            "update other set mood = 'sad'; delete from child; delete from app.m; select lo_unlink(4711); select \
            lo_from_bytea(4711, 'new'); {since}"
        ),
    );
    let target = Target {
        name: stage.database.clone(),
        url: stage.cluster.url(&stage.database),
    };
    (stage, target, before)
}

#[test]
fn clean_replaces_the_backup_s_objects_and_keeps_newer_ones() {
    let (stage, target, before) = live(
        "create table since (id int); insert into since values (1); create schema app2; create table app.newer (id \
         int)",
    );
    let outcome = stage.restore_with(&target, ["--clean"]).success();
    assert_eq!(stage.cluster.psql(&target.name, THERE), before);
    let since = "select (select count(*) from since), (select count(*) from app.newer)";
    assert_eq!(stage.cluster.psql(&target.name, since), "1|0");
    // it is the very database that is backed up, by whatever address
    assert!(outcome.stderr.contains("backed up as main"), "{}", outcome.stderr);
    let socket = Target {
        name: target.name.clone(),
        url: stage.cluster.socket_url(&target.name),
    };
    let outcome = stage.restore_with(&socket, ["--clean"]).success();
    assert!(outcome.stderr.contains("pgcoffer backup main"), "{}", outcome.stderr);
    let elsewhere = stage.target();
    let outcome = stage.restore_with(&elsewhere, ["--clean"]).success();
    assert!(!outcome.stderr.contains("backed up as"), "{}", outcome.stderr);
}

#[test]
fn objects_that_clean_would_also_drop_are_named_and_nothing_changes() {
    for (since, named) in [
        (
            "create table later (o int references other)",
            "constraint later_o_fkey of table public.later",
        ),
        ("create view later as select * from counted", "view public.later"),
        (
            "create table app.m_2026 partition of app.m for values from ('2026-01-01') to ('2027-01-01'); insert into \
             app.m values (9, '2026-05-05')",
            "table app.m_2026",
        ),
        (
            "create table later (m app.mood, a int)",
            "columns of table public.later",
        ),
        (
            "create table later (a int); create index on later (twice(a))",
            "index later_twice_idx of table public.later",
        ),
        (
            "create table later (a int default twice(1))",
            "default of a column of table public.later",
        ),
        ("create table later () inherits (counted)", "table public.later"),
        (
            "create function later(other) returns int language sql as 'select 1'",
            "function public.later(public.other)",
        ),
        ("create domain later as app.mood", "type public.later"),
        (
            "create table later (a int); create policy p on later using (exists (select from other))",
            "policy p of table public.later",
        ),
    ] {
        let (stage, target, _) = live(since);
        let dump = || {
            stage.cluster.psql(
                &target.name,
                "select (select string_agg(o::text, ';' order by id) from other o), \
                (select count(*) from pg_class), (select count(*) from pg_constraint)",
            )
        };
        let before = dump();
        for more in [&["--clean"][..], &["--clean", "--no-single-transaction"]] {
            let said = stage.restore_with(&target, more.iter().copied()).ended_with(3).stderr;
            assert!(said.contains(named), "{named}: {said}");
            assert!(said.contains("was not touched"), "{said}");
            assert!(!said.contains("drop the database"), "{said}");
        }
        assert_eq!(dump(), before, "{since}");
    }
}

#[test]
fn a_failed_replacement_changes_nothing_and_no_hint_says_to_drop_anything() {
    let stage = Stage::backed_up(
        "create table t (id int primary key); insert into t values (1); create table u (id int);
         create function f(int) returns int language sql immutable as 'select $1 + (select count(*)::int from u)'; \
             create index on u (f(id))",
    );
    let database = stage.database.clone();
    stage.cluster.psql(&database, "insert into t values (2)");
    let target = Target {
        url: stage.cluster.url(&database),
        name: database,
    };
    let said = stage.restore_with(&target, ["--clean"]).ended_with(3).stderr;
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(!said.to_lowercase().contains("drop the"), "{said}");
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from t"), "2");
    stage.restore_with(&target, ["--clean", "--keep-going"]).ended_with(2);
    // and where it was asked for otherwise, what is lost is said
    let said = stage
        .restore_with(&target, ["--clean", "--no-single-transaction"])
        .ended_with(3)
        .stderr;
    assert!(
        said.contains("some of what the target held is gone") && said.contains("drop nothing"),
        "{said}"
    );
}

#[test]
fn the_question_says_that_it_is_the_live_database_and_no_cancels() {
    let (stage, target, _) = live("create table since (id int)");
    let args = ["restore", "latest", "--clean", "--to", target.url.as_str()];
    let mut terminal = Terminal::start(&stage.agent(), args);
    terminal.expect("dropped first; what is not in the backup stays");
    terminal.expect("backed up as main");
    terminal.expect("pgcoffer backup main");
    terminal.expect("Type the name of the target database");
    terminal.answer("no");
    terminal.expect("nothing was done");
    assert_eq!(terminal.ended(), 2);
    let children = "select count(*) from child";
    assert_eq!(stage.cluster.psql(&target.name, children), "0");
    let mut terminal = Terminal::start(&stage.agent(), args);
    terminal.expect("Type the name of the target database");
    terminal.answer(&target.name);
    terminal.expect("Restored");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(stage.cluster.psql(&target.name, children), "1");
}

#[test]
fn other_users_of_replaced_objects_are_named() {
    let stage = Stage::of("");
    let role = crate::stage::unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {role}; create table t (id int primary key); grant select on t to public; alter table t \
            owner to {role}; create publication news for table t"
        ),
    );
    stage.back_up();
    let args = ["--clean", "--preview"];
    let said = stage.restore_with(&stage.live(), args).success();
    for words in [
        "--keep-acl restores the privileges",
        "will belong to postgres",
        "publications: news",
    ] {
        assert!(said.text().contains(words), "{words}: {}", said.text());
    }
    let kept = ["--clean", "--keep-acl", "--keep-owner"];
    let outcome = stage.restore_with(&stage.live(), kept).success();
    assert!(!outcome.text().contains("--keep-acl"), "{}", outcome.text());
    let there =
        "select has_table_privilege('pg_monitor', 't', 'select'), tableowner from pg_tables where tablename = 't'";
    assert_eq!(stage.cluster.psql(&stage.database, there), format!("t|{role}"));
}

#[test]
fn names_that_look_like_commands_are_only_dropped() {
    let stage = Stage::of("");
    let file = stage.file("ran");
    let name = format!("x\n\\! touch {}\n", file.display());
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create table \"{name}\" (a int); insert into \"{name}\" values (1); create function \"{name}\"() \
            returns int language sql as 'select 1'"
        ),
    );
    stage.back_up();
    let target = stage.target();
    stage.restore(&target).success();
    stage.restore_with(&target, ["--clean"]).success();
    assert!(!file.exists());
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_class where relname like 'x%'"),
        "1"
    );
}

#[test]
fn an_owner_without_superuser_rights_replaces_his_objects() {
    let stage = Stage::backed_up(
        "create table t (id int primary key); insert into t values (1); create schema s; create table s.u (a serial)",
    );
    let (_, target) = stage.customers_target("");
    stage.restore(&target).success();
    stage.cluster.psql(&target.name, "insert into t values (2)");
    stage.restore_with(&target, ["--clean"]).success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from t"), "1");
    // a table in his schema that he doesn't own may be dropped by him, as may his schema: one elsewhere may not
    stage.cluster.psql(
        &target.name,
        "alter schema s owner to postgres; alter table s.u owner to postgres; insert into t values (2)",
    );
    let said = stage.restore_with(&target, ["--clean"]).stderr;
    assert_eq!(
        stage.cluster.psql(&target.name, "select count(*) from s.u"),
        "0",
        "{said}"
    );
}
