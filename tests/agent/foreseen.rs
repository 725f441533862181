//! What a role that is no superuser may not make is named before anything is touched, with what depends on it; and what was closed
//! to everybody stays closed.

use serde_json::Value;

use crate::stage::{Stage, Target, unique};

/// Made by a superuser, as a database that comes from elsewhere may be.
const SUPERUSERS: &str = "
    create table kept (id int primary key, a int); insert into kept select n, n from generate_series(1, 20) n;
    create function plain(int) returns int language sql immutable as 'select $1';
    create index kept_plain on kept (plain(a));
    create function leaky(int) returns bool language sql immutable leakproof as 'select true';
    create view over_leaky as select * from kept where leaky(a); create index on kept (leaky(a));
    create function supported(int) returns int language internal immutable support pg_catalog.generate_series_int4_support as 'int4abs';
    create function quiet() returns int language sql set session_replication_role = replica as 'select 1';
    create function loud() returns trigger language plpgsql set log_statement = 'all' as $$ begin return new; end $$;
    create trigger louder before insert on kept for each row execute function loud();
    create function english() returns int language sql set lc_messages = 'C' as 'select 1';
    create function own_setting() returns int language sql set app.tenant = '7' as 'select 1';
    create function to_point(int) returns point language sql immutable as 'select point($1, 0)'; create cast (int as point) with function to_point(int);
    create view over_cast as select 1::point as p;
    create view over_that as select p[0] from over_cast;
    create domain positive as int check (value > 0);
    create operator class backwards for type int4 using btree as operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 btint4cmp(int4, int4);
    create index on kept (a backwards); create table apart (a int, constraint apart_a exclude using btree (a backwards with =));
    insert into apart values (1), (2); create table parts (a int) partition by range (a backwards);
    create table part_1 partition of parts for values from (1) to (9); insert into parts values (2);
    create type raw; create function raw_in(cstring) returns raw language internal immutable strict as 'int4in';
    create function raw_out(raw) returns cstring language internal immutable strict as 'int4out';
    create type raw (input = raw_in, output = raw_out, internallength = 4, passedbyvalue); create table raws (r raw); insert into raws values ('7');
    create aggregate averaged(int8) (sfunc = int8_avg_accum, stype = internal, finalfunc = numeric_poly_avg); create access method heap_too type table handler heap_tableam_handler;
    create table in_heap_too (a int) using heap_too; insert into in_heap_too values (1);
    create text search parser simple_parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
    create text search configuration simple_config (parser = simple_parser); create index on kept using gin (to_tsvector('simple_config', a::text));
    create text search template simple_too (lexize = dsimple_lexize, init = dsimple_init);
    create text search dictionary by_template (template = simple_too);
    create extension file_fdw; create server files foreign data wrapper file_fdw;
    create foreign table passwd (line text) server files options (filename '/etc/passwd');
    create publication everything for all tables; create publication one for table kept;
    create function watch() returns event_trigger language plpgsql as $$ begin end $$;
    create event trigger watching on ddl_command_end execute function watch();
    create conversion latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;";

fn named(report: &Value, list: &str) -> Vec<String> {
    let list = report[list].as_array().unwrap().iter();
    list.filter(|one| one["missing"] == true)
        .map(|one| {
            let text = |field: &str| one[field].as_str().unwrap();
            format!("{} {}", text("kind"), text("name"))
        })
        .collect()
}

#[test]
fn what_takes_a_superuser_is_named_before_with_all_that_needs_it() {
    let stage = Stage::backed_up(SUPERUSERS);
    let (_, target) = stage.customers_target(
        "create extension file_fdw; grant usage on foreign data wrapper file_fdw to OWNER",
    );
    let shown = stage
        .restore_with(&target, ["--preview", "--json"])
        .ended_with(9)
        .json();
    assert_eq!(shown["complete"], false);
    let foreseen = named(&shown, "left_out");
    for name in [
        "FUNCTION leaky(integer)",
        "VIEW over_leaky",
        "INDEX kept_leaky_idx",
        "FUNCTION supported(integer)",
        "FUNCTION quiet()",
        "FUNCTION own_setting()",
        "FUNCTION loud()",
        "TRIGGER kept louder",
        "CAST CAST (integer AS point)",
        "VIEW over_cast",
        "VIEW over_that",
        "OPERATOR CLASS backwards",
        "INDEX kept_a_idx",
        "CONSTRAINT apart apart_a",
        "TABLE parts",
        "TABLE part_1",
        "TABLE DATA part_1",
        "TYPE raw",
        "TABLE raws",
        "TABLE DATA raws",
        "AGGREGATE averaged(bigint)",
        "ACCESS METHOD heap_too",
        "TABLE in_heap_too",
        "TEXT SEARCH PARSER simple_parser",
        "TEXT SEARCH CONFIGURATION simple_config",
        "TEXT SEARCH TEMPLATE simple_too",
        "TEXT SEARCH DICTIONARY by_template",
        "FOREIGN TABLE passwd",
        "PUBLICATION everything",
        "EVENT TRIGGER watching",
    ] {
        assert!(
            foreseen.iter().any(|it| it == name),
            "{name}: {foreseen:#?}"
        );
    }
    for name in [
        "TABLE kept",
        "FUNCTION watch()",
        "INDEX kept_plain",
        "PUBLICATION one",
    ] {
        assert!(
            foreseen.iter().all(|it| it != name),
            "{name}: {foreseen:#?}"
        );
    }
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(stage.cluster.psql(&target.name, tables), "0");
    let text = stage.restore_with(&target, ["--preview"]).ended_with(9);
    assert!(text.text().contains("superuser"), "{}", text.text());
    let report = stage.restore_with(&target, ["--json"]).ended_with(9).json();
    assert_eq!(named(&report, "left_out"), foreseen);
    assert_eq!(report["failures"], 0, "{report:#}");
    let there = "select (select count(*) from kept), (select count(*) from apart), (select count(*) from pg_indexes where tablename = 'kept')";
    assert_eq!(stage.cluster.psql(&target.name, there), "20|2|2");
}

#[test]
fn what_fails_by_itself_is_decided_about_before_anything_is_touched() {
    let stage = Stage::backed_up(
        "create schema app; set search_path = app, public; create table docs (id int primary key); insert into docs values (1);
         create function hits() returns bigint language sql stable as 'select count(*) from docs';
         create function thrice(int) returns bigint language sql immutable as 'select 3::bigint';
         create function twice(int) returns bigint language sql immutable as 'select thrice($1)';
         create index on docs (twice(id)); create view hit as select 1;",
    );
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore(&target).ended_with(3).stderr;
    for word in [
        "index app.docs_twice_idx",
        "thrice",
        "not touched",
        "--keep-going",
    ] {
        assert!(outcome.contains(word), "{word}: {outcome}");
    }
    stage.restore_with(&target, ["--preview"]).ended_with(3);
    let schemas = "select count(*) from pg_namespace where nspname = 'app'";
    assert_eq!(stage.cluster.psql(&target.name, schemas), "0");
    let shown = stage
        .restore_with(&target, ["--preview", "--keep-going"])
        .ended_with(9);
    assert!(
        shown.text().contains("missing: index app.docs_twice_idx"),
        "{}",
        shown.text()
    );
    stage.restore_with(&target, ["--keep-going"]).ended_with(9);
    let there = "select (select count(*) from app.docs), (select count(*) from app.hit)";
    assert_eq!(stage.cluster.psql(&target.name, there), "1|1");
}

#[test]
fn owners_that_a_role_can_t_make_are_told_before() {
    let stage = Stage::of("create table t (a int)");
    let (first, second) = (unique("owner"), unique("owner"));
    stage.cluster.psql(
        &stage.database,
        &format!("create role {first}; create role {second}; create table u (a int); alter table t owner to {first}; alter table u owner to {second}"),
    );
    stage.back_up();
    let (role, target) = stage.customers_target(&format!(
        "grant {first} to OWNER; grant create on schema public to {first}, {second}"
    ));
    let said = stage
        .restore_with(&target, ["--keep-owner"])
        .ended_with(3)
        .stderr;
    for word in [second.as_str(), "not touched", "--keep-owner out", "GRANT"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    stage
        .cluster
        .psql(&target.name, &format!("grant {second} to {role}"));
    stage.restore_with(&target, ["--keep-owner"]).success();
    let owners = "select string_agg(relowner::regrole::text, ',' order by relname) from pg_class where relname in ('t', 'u')";
    assert_eq!(
        stage.cluster.psql(&target.name, owners),
        format!("{first},{second}")
    );
}

/// What is closed to everybody, and what isn't.
const CLOSED: &str = "
    create table salaries (who text, what int); insert into salaries values ('a', 1);
    create schema app; grant usage on schema app to public;
    create function app.raise() returns void language sql security definer as 'update public.salaries set what = what * 2'; revoke execute on function app.raise() from public;
    create function app.\"a;\nb\"(\"from\" text default ';') returns int language sql as 'select 1'; revoke all on function app.\"a;\nb\"(text) from public;
    create procedure app.stop() language sql as 'select 1'; revoke all on procedure app.stop() from public;
    create aggregate app.summed(int) (sfunc = int4pl, stype = int); revoke all on function app.summed(int) from public;
    create type app.mood as enum ('a'); revoke all on type app.mood from public; create domain app.d as int; revoke all on domain app.d from public;
    create function app.open() returns int language sql as 'select 1';
    revoke all on schema public from public; grant usage on schema public to public;";

const OPEN: &str = "
    select (select string_agg(quote_ident(p.proname), ',' order by p.proname) from pg_proc p where p.pronamespace = 'app'::regnamespace and has_function_privilege('nobody_at_all', p.oid, 'EXECUTE')),
           (select count(*) from pg_type t where t.typnamespace = 'app'::regnamespace and t.typtype in ('e', 'd') and has_type_privilege('nobody_at_all', t.oid, 'USAGE')),
           has_schema_privilege('nobody_at_all', 'public', 'USAGE'), has_schema_privilege('nobody_at_all', 'public', 'CREATE'),
           has_schema_privilege('nobody_at_all', 'app', 'USAGE')";

fn with_closures() -> (Stage, String) {
    let stage = Stage::of(CLOSED);
    let nobody = "do $$ begin create role nobody_at_all; exception when duplicate_object or unique_violation then null; end $$;";
    stage.cluster.psql(&stage.database, nobody);
    let app = unique("app");
    stage.cluster.psql(
        &stage.database,
        &format!("create role {app}; grant execute on function app.raise() to {app}"),
    );
    stage.back_up();
    stage.cluster.psql(
        &stage.database,
        &format!("drop owned by {app}; drop role {app}"),
    );
    (stage, app)
}

#[test]
fn what_was_closed_to_everybody_stays_closed() {
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
            text.contains("closed to PUBLIC")
                && text.contains("function app.raise() (SECURITY DEFINER)"),
            "{text}"
        );
        let outcome = stage.restore_with(&target, more.iter().copied()).success();
        assert_eq!(stage.cluster.psql(&target.name, OPEN), open, "{more:?}");
        assert!(
            !outcome.text().contains("then runs as superuser"),
            "{}",
            outcome.text()
        );
    }
}

#[test]
fn what_can_t_be_closed_is_named_with_its_statement() {
    let stage = Stage::of(
        "create table t (a int); create extension pgcrypto; revoke all on function digest(text, text) from public;
         revoke execute on function pg_catalog.pg_sleep(float8) from public; alter default privileges revoke execute on functions from public;",
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
    let open = "select has_function_privilege('pg_monitor', 'digest(text, text)', 'EXECUTE'), has_function_privilege('pg_monitor', 'pg_sleep(float8)', 'EXECUTE')";
    assert_eq!(stage.cluster.psql(&target.name, open), "f|f");
}

#[test]
fn a_target_that_opens_what_is_made_in_it_is_told() {
    let stage =
        Stage::backed_up("create table secrets (a int); create view v as select a from secrets");
    let visitor = unique("visitor");
    let (_, target) = stage.customers_target(&format!(
        "create role {visitor}; set role OWNER; alter default privileges in schema public grant all on tables to {visitor}; reset role"
    ));
    let shown = stage.restore_with(&target, ["--preview"]).success();
    let wanted = format!("2 tables and views to {visitor}");
    assert!(shown.text().contains(&wanted), "{}", shown.text());
}

#[test]
fn what_the_backup_lacks_is_said_again_when_it_is_restored() {
    let stage = Stage::of("");
    let (_, source) = stage.customers_target(
        "set role OWNER; create extension hstore; create table public.payroll (a int); create table public.rest (a int); reset role",
    );
    stage.cluster.psql(
        &source.name,
        "alter extension hstore add table public.payroll",
    );
    stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", &source.url)
        .run(["backup"])
        .success();
    let target = stage.target();
    for outcome in [
        stage.restore_with(&target, ["--preview"]),
        stage.run(["show", "latest"]),
        stage.restore(&target),
    ] {
        assert!(
            outcome.text().contains("public.payroll"),
            "{}",
            outcome.text()
        );
    }
}

#[test]
fn a_preview_of_a_choice_lists_what_is_chosen() {
    let stage = Stage::backed_up(
        "create schema app; create table app.a (id int primary key); create table app.b (id int); alter table app.a enable row level security; create policy p on app.a using (true);
         create extension postgres_fdw; create server s foreign data wrapper postgres_fdw; create user mapping for public server s",
    );
    let target = stage.target();
    let shown = stage
        .restore_with(&target, ["--preview", "--only", "table:app.a"])
        .success();
    for line in [
        "  table app.a\n",
        "  policy p on app.a\n",
        "  table data app.a\n",
    ] {
        assert!(shown.text().contains(line), "{line}: {}", shown.text());
    }
    assert!(
        !shown.text().contains("  table app.b\n"),
        "{}",
        shown.text()
    );
    let without = ["--leave-out", "server:s", "--preview"];
    let shown = stage.restore_with(&target, without).success();
    assert!(
        shown.text().contains("user mapping of public at server s"),
        "{}",
        shown.text()
    );
}

#[test]
fn functions_that_name_the_schema_of_a_missing_extension_are_named() {
    let stage = Stage::backed_up(
        "create schema ext; create extension bloom schema ext; create schema app; create table app.t (a int);
         create function app.uses() returns bool language plpgsql as $$ begin return ext.blhandler(null) is null; end $$;
         create function app.other() returns int language sql as 'select 1'; create function app.context() returns int language sql as 'select 1 /* next.x */';",
    );
    let (_, target) = stage.customers_target("");
    let shown = stage.restore_with(&target, ["--preview"]).ended_with(9);
    assert!(
        shown.text().contains("bloom is not there in the schema ext, which these functions name, and may fail for: app.uses()\n"),
        "{}",
        shown.text()
    );
    // nor does --only know that the function needs it
    let target = stage.target();
    let shown = stage
        .restore_with(&target, ["--preview", "--only", "function:app.uses"])
        .success();
    assert!(shown.text().contains("app.uses()\n"), "{}", shown.text());
    assert!(shown.text().contains("may fail for"), "{}", shown.text());
}

#[test]
fn roles_of_policies_are_seen_behind_any_number_of_bodies() {
    let stage = Stage::of("");
    let role = unique("reader");
    // more than the definitions that are kept whole
    stage.cluster.psql(
        &stage.database,
        &format!(
            "do $$ begin for n in 1..70 loop execute format('create function f%s() returns text language sql security definer as %L', n, 'select ''' || repeat('x', 1000000) || ''''); end loop; end $$;
             create role {role}; create table zz (a int); alter table zz enable row level security; create policy own on zz to {role} using (true)"
        ),
    );
    stage.back_up();
    stage.cluster.psql(
        &stage.database,
        &format!("drop owned by {role}; drop role {role}"),
    );
    let (_, target) = stage.customers_target("");
    let said = stage.restore(&target).ended_with(3).stderr;
    assert!(said.contains(&role) && said.contains("--roles"), "{said}");
    let report = stage
        .restore_with(&target, ["--roles", "skip", "--json"])
        .ended_with(9)
        .json();
    assert_eq!(named(&report, "left_out"), ["POLICY zz own"]);
    assert_eq!(
        stage.cluster.psql(
            &target.name,
            "select count(*) from pg_proc where proname ~ '^f[0-9]+$'"
        ),
        "70"
    );
}

#[test]
fn what_takes_a_superuser_is_seen_among_more_tables_than_can_be_tried() {
    let stage = Stage::backed_up(
        "do $$ begin for n in 1..2200 loop execute 'create table t' || n || ' (a int)'; end loop; end $$;
         create function leaky(int) returns bool language sql immutable leakproof as 'select true'; create view seen as select from t1 where leaky(a)",
    );
    let (_, target) = stage.customers_target("");
    let shown = stage
        .restore_with(&target, ["--preview", "--json"])
        .ended_with(9)
        .json();
    assert_eq!(
        named(&shown, "left_out"),
        ["FUNCTION leaky(integer)", "VIEW seen"]
    );
    assert!(
        shown["remarks"][0].as_str().unwrap().contains("locks"),
        "{shown:#}"
    );
}

#[test]
fn a_preview_that_goes_on_ends_as_the_restore_does() {
    let stage = Stage::of("");
    let role = unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!("create role {role}; create table t (a int); create policy own on t to {role} using (true); create policy all_ on t using (true)"),
    );
    stage.back_up();
    stage.cluster.psql(
        &stage.database,
        &format!("drop owned by {role}; drop role {role}"),
    );
    for target in [stage.target(), stage.customers_target("").1] {
        for more in [&["--keep-going", "--preview"][..], &["--keep-going"]] {
            let outcome = stage
                .restore_with(&target, more.iter().copied())
                .ended_with(9);
            assert!(
                outcome.text().contains("missing: policy own on public.t"),
                "{}",
                outcome.text()
            );
        }
    }
}

#[test]
fn what_belongs_to_the_database_itself_is_said() {
    let stage = Stage::of("create table t (a int)");
    let settings = format!(
        "alter database {0} set search_path = app, public; alter database {0} set work_mem = '7MB'",
        stage.database
    );
    stage.cluster.psql(&stage.database, &settings);
    stage.back_up();
    let (_, target) = stage.customers_target("grant create on schema public to public");
    let shown = stage.restore_with(&target, ["--preview"]).success();
    for word in [
        "SET search_path TO",
        "SET work_mem TO",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ] {
        assert!(shown.text().contains(word), "{word}: {}", shown.text());
    }
}

/// A role without any right, that restores into a database of its own.
#[test]
fn a_target_of_a_role_without_rights_is_tried_once() {
    let stage = Stage::small();
    stage.back_up();
    let (_, target) = stage.customers_target("");
    let _: &Target = &target;
    let report = stage.restore_with(&target, ["--json"]).success().json();
    assert_eq!(report["complete"], true);
    assert_eq!(report["remarks"], serde_json::json!([]));
}
