//! A database that is reserved for drills, on a server where the role can create none, as on Heroku.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{drilled, findings, grounds::RICH, open_folder, programs, report};
use crate::{
    restore::platforms::{HEROKU, Home},
    stage::{SMALL, Stage, Target, unique, wait_until},
    testbed::{Agent, Cluster, Outcome, Pooler},
};

/// What a customer on Heroku has: extensions in `heroku_ext` and elsewhere, functions in indexes, large objects.
const APP: &str = "
    create extension citext with schema heroku_ext; create extension pgcrypto; create extension hstore with schema \
        heroku_ext;
    create table users (id uuid default gen_random_uuid() primary key, email heroku_ext.citext unique, more \
        heroku_ext.hstore);
    insert into users (email, more) select 'u' || n, 'a=>1' from generate_series(1, 20) n;
    create view recent as select email from users; comment on table users is 'who';
    create function shout(text) returns text language sql immutable as 'select upper($1)'; create index on users \
        (shout(email::text)); create function heroku_ext.own() returns int language sql as 'select 1';
    create aggregate total(*) (sfunc = int8inc, stype = int8, initcond = '0');
    create operator === (leftarg = int, rightarg = int, function = int4eq);
    alter default privileges grant select on tables to public; alter default privileges in schema public grant usage on \
        sequences to public; select lo_from_bytea(0, 'x') from generate_series(1, 1100);
    create table parted (a int) partition by list (a); select format('create table part_%s partition of parted for \
        values in (%s)', n, n) from generate_series(1, 150) n \\gexec
    create schema more; create type more.mood as enum ('sad'); create table more.t (m more.mood);";

/// The objects of the role in a database but the mark, the extensions, and what is set for role and database.
fn owned(cluster: &Cluster, database: &str, role: &str) -> String {
    cluster.psql(
        database,
        &format!(
            "select string_agg(i.type || ' ' || i.identity, ', ' order by i.type, i.identity)
               from pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) i
              where s.dbid = (select oid from pg_database where datname = current_database()) and s.deptype = 'o' and i.identity <> 'pgcoffer_drill'
                and s.refobjid = '{role}'::regrole;
             select string_agg(extname, ',' order by extname) from pg_extension;
             select string_agg(unnest, ',') from pg_db_role_setting, unnest(setconfig)
              where setrole = '{role}'::regrole or setdatabase = (select oid from pg_database where datname = \
              current_database());"
        ),
    )
}

fn mark(cluster: &Cluster, database: &str) -> String {
    cluster.psql(
        database,
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'pgcoffer_drill'",
    )
}

/// Fails unless a drill has left this database empty.
#[track_caller]
pub(super) fn assert_emptied(cluster: &Cluster, database: &str) {
    let mark = mark(cluster, database);
    assert!(mark.contains(r#""state":"empty""#), "{mark}");
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')";
    assert_eq!(cluster.psql(database, tables), "0");
    assert_eq!(
        cluster.psql(database, "select count(*) from pg_largeobject_metadata"),
        "0"
    );
}

pub(super) fn in_reserved(stage: &Stage, target: &Target) -> Agent {
    stage.agent().env("PGCOFFER_SCRATCH_URL", &target.url)
}

#[track_caller]
pub(super) fn refused(agent: &Agent, words: &str) -> Outcome {
    let outcome = agent.run(["drill", "latest"]).ended_with(3);
    assert!(outcome.stderr.contains(words), "{words}:\n{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    outcome
}

/// A target on the platform, whose role owns no other database, as on a server of its own.
fn same_platform_elsewhere(home: &Home) -> Target {
    let give = format!("alter database {} owner to postgres", home.stage.database);
    home.stage.cluster.psql("postgres", &give);
    home.same_platform()
}

#[test]
fn a_heroku_database_is_proven_in_a_reserved_one_which_is_empty_again() {
    let home = Home::of(HEROKU, APP);
    home.back_up();
    let target = same_platform_elsewhere(&home);
    let cluster = home.stage.cluster;
    let role = home.owner.as_str();
    cluster.psql(
        "postgres",
        &format!(
            "alter role {role} in database {} set search_path = public, \"A b\"",
            target.name
        ),
    );
    let before = owned(cluster, &target.name, role);
    let agent = in_reserved(&home.stage, &target);
    // twice, as the first drill finds a database without a mark
    for _ in 0..2 {
        let outcome = agent.run(["drill", "latest", "--json"]);
        let report = report(&outcome);
        assert_eq!(report["verdict"], "proven", "{report:#}\n{}", outcome.stderr);
        assert_eq!(report["counts"]["large_objects"], 1100);
        assert_emptied(cluster, &target.name);
        let after = owned(cluster, &target.name, role);
        assert_eq!(after, before);
    }
}

#[test]
fn a_rich_database_is_restored_into_a_reserved_one_and_leaves_nothing() {
    let stage = Stage::backed_up(RICH);
    let (role, target) = stage.customers_target("");
    let before = owned(stage.cluster, &target.name, &role);
    for _ in 0..2 {
        let report = drilled(&in_reserved(&stage, &target), 0);
        assert_eq!(report["verdict"], "proven", "{report:#}");
        assert_emptied(stage.cluster, &target.name);
        let after = owned(stage.cluster, &target.name, &role);
        assert_eq!(after, before);
    }
}

/// What is certified of a reserved database is true of it.
#[test]
fn a_certificate_says_what_became_of_a_reserved_database() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let agent = in_reserved(&stage, &target);
    drilled(&agent, 0);
    let page = || {
        agent
            .run(["certificate", "get", "--format", "html", "-o", "-"])
            .success()
    };
    let first = page();
    let words = "that is reserved for drills, and was emptied afterwards";
    assert!(first.text().contains(words), "{}", first.text());
    assert!(!first.text().contains("made for it"), "{}", first.text());
    let args = ["certificate", "show", "--json"];
    drilled(&agent, 0);
    let statement = agent.run(args).success().json()["statement"].clone();
    let compared = &statement["predicate"]["comparison"];
    assert_eq!(compared["expected"], compared["found"]);
    assert_eq!(statement["predicate"]["scratch"]["database"], "reserved");
    assert_eq!(statement["predicate"]["scratch"]["removed"], true);
}

/// A platform's own table takes no rows, as its rows could not be removed again.
#[test]
fn rows_of_a_platform_s_tables_are_not_restored_and_named() {
    const OTHER: &str = "create schema accounts; create table accounts.people (id int primary key, mail text);
        grant usage on schema accounts to OWNER; grant all on all tables in schema accounts to OWNER;
        grant all on schema public to OWNER;";
    let home = Home::of(
        OTHER,
        "insert into accounts.people values (1, 'a'); create table notes (a int); insert into notes values (1)",
    );
    home.back_up();
    let target = same_platform_elsewhere(&home);
    let report = drilled(&in_reserved(&home.stage, &target), 9);
    let named = findings(&report, "not_compared");
    assert!(named.starts_with("TABLE DATA accounts.people: "), "{named}");
    assert_eq!(named.lines().count(), 1, "{named}");
    let people = "select count(*) from accounts.people";
    assert_eq!(home.stage.cluster.psql(&target.name, people), "0");
}

#[test]
fn a_database_that_is_not_empty_and_has_no_mark_stays_as_it_is() {
    let stage = Stage::backed_up(SMALL);
    let (role, target) = stage.customers_target("");
    let cluster = stage.cluster;
    for (make, named) in [
        ("create table mine (a int)", "table public.mine"),
        ("drop table mine; create schema pgcoffer_drill", "schema pgcoffer_drill"),
        (
            "comment on schema pgcoffer_drill is 'reserved by pgcoffer for drills'; create table mine (a int)",
            "table public.mine",
        ),
        (
            "drop schema pgcoffer_drill; drop table mine; select lo_from_bytea(7, 'x')",
            "large object 7",
        ),
    ] {
        cluster.psql(&target.name, &format!("set session authorization {role}; {make}"));
        let before = owned(cluster, &target.name, &role);
        let outcome = refused(&in_reserved(&stage, &target), "this one isn't empty: it has");
        assert!(outcome.stderr.contains(named), "{}", outcome.stderr);
        assert_eq!(owned(cluster, &target.name, &role), before);
    }
}

#[test]
fn a_database_that_is_backed_up_is_never_used_by_whatever_address() {
    let stage = Stage::backed_up(SMALL);
    let (role, target) = stage.customers_target("");
    // it is empty, and has our mark
    drilled(&in_reserved(&stage, &target), 0);
    let cluster = stage.cluster;
    let by_name = target.url.replace("127.0.0.1", "localhost");
    let pooler = |mode: &str| Pooler::start(cluster, mode, "");
    let (by_session, by_transaction) = (pooler("session"), pooler("transaction"));
    let other_login = cluster.url(&target.name);
    for url in [
        &target.url,
        &by_name,
        &other_login,
        &by_session.url(&target.name),
        &by_transaction.url(&target.name),
    ] {
        let agent = in_reserved(&stage, &target).env("PGCOFFER_DB_OTHER_URL", url);
        refused(&agent, "it is the database other, which is backed up");
    }
    // a server that doesn't tell which one it is
    cluster.psql(&target.name, "revoke execute on function pg_control_system from public");
    let agent = in_reserved(&stage, &target).env(
        "PGCOFFER_DB_OTHER_URL",
        cluster
            .url_as(&role, None, &target.name)
            .replace("127.0.0.1", "localhost"),
    );
    refused(&agent, "it is the database other, which is backed up");
    assert_emptied(cluster, &target.name);
}

#[test]
fn a_database_that_can_t_be_asked_is_named() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let agent = in_reserved(&stage, &target).env("PGCOFFER_DB_OTHER_URL", "postgres://u@127.0.0.1:1/gone");
    let report = drilled(&agent, 0);
    let remarks = report["remarks"].to_string();
    assert!(remarks.contains("other could not be asked"), "{remarks}");
}

/// Without its URL it is known by the record.
#[test]
fn the_database_that_the_backup_was_made_of_is_never_used() {
    let stage = Stage::backed_up(SMALL);
    let role = unique("customer");
    let grant = format!("create role {role} login; grant all on schema public to {role}");
    stage.cluster.psql(&stage.database, &grant);
    let agent = Agent::new()
        .s3(&stage.bucket)
        .key(crate::stage::KEY)
        .env("PGCOFFER_PG_BIN", stage.cluster.bin())
        .env(
            "PGCOFFER_SCRATCH_URL",
            stage.cluster.url_as(&role, None, &stage.database),
        );
    refused(&agent, "it is the database that this backup was made of");
}

#[test]
fn a_backup_of_a_reserved_database_is_not_drilled_in_one() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let (_, other) = stage.customers_target("");
    drilled(&in_reserved(&stage, &target), 0);
    let agent = in_reserved(&stage, &other)
        .without("PGCOFFER_DB_MAIN_URL")
        .env("PGCOFFER_DB_SCRATCH_URL", &target.url);
    agent.run(["backup"]).success();
    let outcome = agent.run(["drill", "latest", "--database", "scratch"]).ended_with(3);
    assert!(
        outcome.stderr.contains("reserved for drills, as its schema"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn each_repository_needs_its_own() {
    let (stage, other) = (Stage::backed_up(SMALL), Stage::small());
    let of_other = |agent: Agent| agent.env("PGCOFFER_REPOSITORY", "0123456789abcdef0123456789abcdef");
    of_other(other.agent()).run(["backup"]).success();
    let (_, target) = stage.customers_target("");
    drilled(&in_reserved(&stage, &target), 0);
    let before = mark(stage.cluster, &target.name);
    refused(
        &of_other(in_reserved(&other, &target)),
        "for drills of another repository",
    );
    assert_eq!(mark(stage.cluster, &target.name), before);
}

#[test]
fn what_others_have_put_into_it_since_stays() {
    let stage = Stage::backed_up(SMALL);
    let (role, target) = stage.customers_target("");
    let agent = in_reserved(&stage, &target);
    drilled(&agent, 0);
    let make = format!("set session authorization {role}; create table precious as select 1 as one");
    stage.cluster.psql(&target.name, &make);
    let outcome = refused(&agent, "the last drill has left it empty");
    assert!(outcome.stderr.contains("table public.precious"), "{}", outcome.stderr);
    assert_eq!(stage.cluster.psql(&target.name, "select one from precious"), "1");
}

/// A pg_dump that waits before it dumps what was restored, and says so.
pub(super) fn waiting(cluster: &Cluster, folder: &Path, database: &str) -> (PathBuf, PathBuf) {
    let (reached, once) = (folder.join("reached"), folder.join("once"));
    let script = format!(
        "if [ \"$PGDATABASE\" = '{database}' ] && [ \"$1\" != --version ]; then\n\
         if [ -e '{once}' ]; then : > '{reached}'; while kill -0 \"$PPID\" 2>/dev/null; do sleep 0.1; done; exit 1; fi\n\
         : > '{once}'\nfi\nexec \"$REAL\" \"$@\"",
        once = once.display(),
        reached = reached.display()
    );
    (programs(cluster, folder, &[("pg_dump", &script)]), reached)
}

#[test]
fn two_drills_at_once_are_kept_apart_and_the_next_one_empties_what_a_kill_has_left() {
    let stage = Stage::backed_up(SMALL);
    let (role, target) = stage.customers_target("");
    let folder = open_folder();
    let (bin, reached) = waiting(stage.cluster, folder.path(), &target.name);
    let agent = in_reserved(&stage, &target);
    let running = agent
        .clone()
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", bin)
        .spawn(["drill"]);
    wait_until("the drill compares", || reached.exists());
    let people = "select count(*) from people";
    assert_eq!(stage.cluster.psql(&target.name, people), "500");
    let second = agent.run(["drill", "latest"]).ended_with(6);
    assert!(second.stderr.contains("reserved for drills"), "{}", second.stderr);
    // one that never began leaves nothing: what is there is that the first one began
    assert_eq!(stage.keys("/main/drills/").len(), 1);
    assert_eq!(stage.cluster.psql(&target.name, people), "500");
    running.signal("KILL");
    running.wait();
    wait_until("nobody is connected", || {
        let count = format!(
            "select count(*) from pg_stat_activity where datname = '{}'",
            target.name
        );
        stage.cluster.psql("postgres", &count) == "0"
    });
    // a copy of what is left is not ours to empty
    let copy = unique("copy");
    stage
        .cluster
        .psql("postgres", &format!("create database {copy} template {}", target.name));
    let at_copy = Target {
        url: target.url.replace(&target.name, &copy),
        name: copy,
    };
    // as on another server, where the role owns nothing else
    let owned_by = |owner: &str| {
        let give = format!("alter database {} owner to {owner}", target.name);
        stage.cluster.psql("postgres", &give);
    };
    owned_by("postgres");
    refused(&in_reserved(&stage, &at_copy), "its mark was made in another database");
    assert_eq!(stage.cluster.psql(&at_copy.name, people), "500");
    owned_by(&role);
    drilled(&agent, 0);
    assert_emptied(stage.cluster, &target.name);
}

#[test]
fn a_signal_leaves_it_empty() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let folder = open_folder();
    let (bin, reached) = waiting(stage.cluster, folder.path(), &target.name);
    let agent = in_reserved(&stage, &target)
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", bin);
    let running = agent.spawn(["drill"]);
    wait_until("the drill compares", || reached.exists());
    running.signal("TERM");
    running.wait().ended_with(143);
    assert_emptied(stage.cluster, &target.name);
}

#[test]
fn what_can_t_be_removed_is_named_by_the_next_drill() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    stage.cluster.psql(
        &target.name,
        "create schema guard; create function guard.keep() returns event_trigger language plpgsql as $$ begin
           if exists (select from pg_event_trigger_dropped_objects() where object_name = 'visits') then
             raise exception 'visits stays'; end if; end $$;
         create event trigger keep on sql_drop execute function guard.keep();",
    );
    let agent = in_reserved(&stage, &target);
    let first = agent.run(["drill", "latest"]).success();
    assert!(
        first.stderr.contains("what a drill has restored is left"),
        "{}",
        first.stderr
    );
    let second = refused(&agent, "what its role can't remove: table public.visits");
    assert!(
        second.stderr.contains("have the owner of these objects drop them"),
        "{}",
        second.stderr
    );
    let there = "select count(*) from pg_class where relname in ('people', 'visits')";
    assert_eq!(stage.cluster.psql(&target.name, there), "1");
    stage.cluster.psql(&target.name, "drop event trigger keep");
    drilled(&agent, 0);
    assert_emptied(stage.cluster, &target.name);
}

/// What is restored runs as the role itself.
#[test]
fn what_the_restored_code_has_set_is_set_back() {
    let stage = Stage::of(
        "create table victims (id int); insert into victims values (1);
         create function attack() returns void language plpgsql as 'begin end';
         create function evil(int) returns int language plpgsql immutable as 'begin perform public.attack(); return $1; \
         end'; create index at_restore on victims (evil(id));",
    );
    stage.cluster.psql(
        &stage.database,
        "create or replace function attack() returns void language plpgsql as $f$ begin
           begin alter role current_user set search_path = evil; exception when others then null; end;
           begin alter role current_user in database postgres set search_path = evil;
           exception when others then null; end;
           begin alter role current_user set statement_timeout = 1; exception when others then null; end;
           begin execute format('alter database %I set work_mem = 64', current_database());
           exception when others then null; end;
           begin alter default privileges grant all on tables to public; exception when others then null; end;
           begin execute 'comment on schema pgcoffer_drill is ''mine'''; exception when others then null; end;
         end $f$",
    );
    stage.back_up();
    let (role, target) = stage.customers_target("");
    stage
        .cluster
        .psql("postgres", &format!("alter role {role} set work_mem = '5MB'"));
    let before = owned(stage.cluster, &target.name, &role);
    let report: Value = report(&in_reserved(&stage, &target).run(["drill", "latest", "--json"]));
    // what it has changed in the database is no part of the backup
    let found = findings(&report, "differences");
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.starts_with("DEFAULT ACL"), "{found}");
    assert_emptied(stage.cluster, &target.name);
    let after = owned(stage.cluster, &target.name, &role);
    assert_eq!(after, before);
    // nothing is set for it in other databases either
    let elsewhere =
        format!("select count(*) from pg_db_role_setting where setrole = '{role}'::regrole and setdatabase <> 0");
    assert_eq!(stage.cluster.psql("postgres", &elsewhere), "0");
}

#[test]
fn a_pooler_in_transaction_mode_is_refused() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let pooler = Pooler::start(stage.cluster, "transaction", "");
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", pooler.url(&target.name));
    let outcome = agent.run(["drill", "latest"]).ended_with(3);
    assert!(
        outcome.stderr.contains("pooler in transaction mode"),
        "{}",
        outcome.stderr
    );
    assert_eq!(mark(stage.cluster, &target.name), "");
}
