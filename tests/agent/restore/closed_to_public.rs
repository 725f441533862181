//! What was closed to everybody in the backup is closed after a restore, or named.

use crate::stage::{Stage, unique};

/// What is closed to everybody, and what isn't.
const CLOSED: &str = "
    create table salaries (who text, what int); insert into salaries values ('a', 1);
    create schema app; grant usage on schema app to public;
    create function app.raise() returns void language sql security definer as 'update public.salaries set what = what \
        * 2'; revoke execute on function app.raise() from public;
    create function app.\"a;\nb\"(\"from\" text default ';') returns int language sql as 'select 1'; revoke all on \
        function app.\"a;\nb\"(text) from public;
    create procedure app.stop() language sql as 'select 1'; revoke all on procedure app.stop() from public;
    create aggregate app.summed(int) (sfunc = int4pl, stype = int); revoke all on function app.summed(int) from public;
    create type app.mood as enum ('a'); revoke all on type app.mood from public; create domain app.d as int; revoke \
        all on domain app.d from public;
    create function app.open() returns int language sql as 'select 1';
    revoke all on schema public from public; grant usage on schema public to public;";

const OPEN: &str = "
    select (select string_agg(quote_ident(p.proname), ',' order by p.proname) from pg_proc p where p.pronamespace = \
        'app'::regnamespace and has_function_privilege('nobody_at_all', p.oid, 'EXECUTE')),
           (select count(*) from pg_type t where t.typnamespace = 'app'::regnamespace and t.typtype in ('e', 'd') and \
               has_type_privilege('nobody_at_all', t.oid, 'USAGE')),
           has_schema_privilege('nobody_at_all', 'public', 'USAGE'), has_schema_privilege('nobody_at_all', 'public', \
               'CREATE'),
           has_schema_privilege('nobody_at_all', 'app', 'USAGE')";

fn with_closures() -> (Stage, String) {
    let stage = Stage::of(CLOSED);
    let nobody =
        "do $$ begin create role nobody_at_all; exception when duplicate_object or unique_violation then null; end $$;";
    stage.cluster.psql(&stage.database, nobody);
    let app = unique("app");
    stage.cluster.psql(
        &stage.database,
        &format!("create role {app}; grant execute on function app.raise() to {app}"),
    );
    stage.back_up();
    stage
        .cluster
        .psql(&stage.database, &format!("drop owned by {app}; drop role {app}"));
    (stage, app)
}

#[test]
fn objects_that_were_closed_to_public_stay_closed() {
    let (stage, _) = with_closures();
    let (_, customers) = stage.customers_target("");
    let superusers = stage.target();
    let single = stage.target();
    let with_acl = stage.target();
    for (target, more, open) in [
        (customers, &[][..], "open|0|t|f|f"),
        (superusers, &["--keep-going"], "open|0|t|f|f"),
        (single, &["--single-transaction"], "open|0|t|f|f"),
        (with_acl, &["--keep-acl", "--roles", "skip"], "open|0|t|f|t"),
    ] {
        let shown = stage.restore_with(&target, [&["--preview"], more].concat());
        let text = shown.text();
        assert!(
            text.contains("closed to PUBLIC") && text.contains("function app.raise() (SECURITY DEFINER)"),
            "{text}"
        );
        let outcome = stage.restore_with(&target, more.iter().copied()).success();
        assert_eq!(stage.cluster.psql(&target.name, OPEN), open, "{more:?}");
        assert!(!outcome.text().contains("will run as superuser"), "{}", outcome.text());
    }
}

#[test]
fn objects_that_cannot_be_closed_are_named_with_the_statement() {
    let stage = Stage::of(
        "create table t (a int); create extension pgcrypto; revoke all on function digest(text, text) from public;
         revoke execute on function pg_catalog.pg_sleep(float8) from public; alter default privileges revoke execute \
             on functions from public;",
    );
    let closed = format!("revoke connect on database {} from public", stage.database);
    stage.cluster.psql(&stage.database, &closed);
    stage.back_up();
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore_with(&target, ["--preview"]).success();
    for word in [
        "REVOKE ALL ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC",
        "REVOKE ALL ON FUNCTION public.digest(text, text) FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS",
        "REVOKE CONNECT ON DATABASE",
    ] {
        assert!(outcome.text().contains(word), "{word}: {}", outcome.text());
    }
    stage.restore(&target).success();
    // a superuser can close these as well
    let target = stage.target();
    stage.restore(&target).success();
    let open = "select has_function_privilege('pg_monitor', 'digest(text, text)', 'EXECUTE'), \
        has_function_privilege('pg_monitor', 'pg_sleep(float8)', 'EXECUTE')";
    assert_eq!(stage.cluster.psql(&target.name, open), "f|f");
}

#[test]
fn default_grants_of_the_target_are_reported() {
    let stage = Stage::backed_up("create table secrets (a int); create view v as select a from secrets");
    let visitor = unique("visitor");
    let (_, target) = stage.customers_target(&format!(
        "create role {visitor}; set role OWNER; alter default privileges in schema public grant all on tables to \
         {visitor}; reset role"
    ));
    let shown = stage.restore_with(&target, ["--preview"]).success();
    let wanted = format!("2 tables and views to {visitor}");
    assert!(shown.text().contains(&wanted), "{}", shown.text());
}

/// Neither a dump nor pg_restore says what PostgreSQL itself grants, so what is open in the backup would be closed.
#[test]
fn what_the_default_privileges_of_the_target_close_is_said() {
    let stage = Stage::backed_up(
        "create function open() returns int language sql as 'select 1'; create function shut() returns int language \
         sql as 'select 2'; revoke execute on function shut() from public; create type mood as enum ('a')",
    );
    let (_, target) = stage.customers_target(
        "set role OWNER; alter default privileges revoke execute on functions from public; reset role",
    );
    for flags in [&["--preview"][..], &["--preview", "--keep-acl"]] {
        let shown = stage.restore_with(&target, flags.iter().copied()).success();
        let said = shown.text();
        assert!(
            said.contains("close to PUBLIC what is open in the backup: functions (1);"),
            "{said}"
        );
    }
    let (_, other) = stage.customers_target("select 1");
    let shown = stage.restore_with(&other, ["--preview"]).success();
    assert!(!shown.text().contains("own default privileges"), "{}", shown.text());
}
