//! What a role that is no superuser may not make is named before anything is touched, with what depends on it; and what
//! was closed to everybody stays closed.

use serde_json::Value;

use crate::{
    stage::{Stage, Target, restore_args, unique},
    testbed::Cluster,
};

/// Made by a superuser, as a database that comes from elsewhere may be.
const SUPERUSERS: &str = "
    create table kept (id int primary key, a int); insert into kept select n, n from generate_series(1, 20) n;
    create function plain(int) returns int language sql immutable as 'select $1';
    create index kept_plain on kept (plain(a));
    create function leaky(int) returns bool language sql immutable leakproof as 'select true';
    create view over_leaky as select * from kept where leaky(a); create index on kept (leaky(a));
    create function supported(int) returns int language internal immutable support \
        pg_catalog.generate_series_int4_support as 'int4abs';
    create function quiet() returns int language sql set session_replication_role = replica as 'select 1';
    create function loud() returns trigger language plpgsql set log_statement = 'all' as $$ begin return new; end $$;
    create trigger louder before insert on kept for each row execute function loud();
    create function english() returns int language sql set lc_messages = 'C' as 'select 1';
    create function own_setting() returns int language sql set app.tenant = '7' as 'select 1';
    create function to_point(int) returns point language sql immutable as 'select point($1, 0)'; create cast (int as \
        point) with function to_point(int);
    create view over_cast as select 1::point as p;
    create view over_that as select p[0] from over_cast;
    create domain positive as int check (value > 0);
    create operator class backwards for type int4 using btree as operator 1 >, operator 2 >=, operator 3 =, operator 4 \
        <=, operator 5 <, function 1 btint4cmp(int4, int4);
    create index on kept (a backwards); create table apart (a int, constraint apart_a exclude using btree (a backwards \
        with =));
    insert into apart values (1), (2); create table parts (a int) partition by range (a backwards);
    create table part_1 partition of parts for values from (1) to (9); insert into parts values (2);
    create type raw; create function raw_in(cstring) returns raw language internal immutable strict as 'int4in';
    create function raw_out(raw) returns cstring language internal immutable strict as 'int4out';
    create type raw (input = raw_in, output = raw_out, internallength = 4, passedbyvalue); create table raws (r raw); \
        insert into raws values ('7');
    create aggregate averaged(int8) (sfunc = int8_avg_accum, stype = internal, finalfunc = numeric_poly_avg); create \
        access method heap_too type table handler heap_tableam_handler;
    create table in_heap_too (a int) using heap_too; insert into in_heap_too values (1);
    create text search parser simple_parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = \
        prsd_lextype);
    create text search configuration simple_config (parser = simple_parser); create index on kept using gin \
        (to_tsvector('simple_config', a::text));
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
fn objects_that_need_a_superuser_are_named_before_with_their_dependants() {
    let stage = Stage::backed_up(SUPERUSERS);
    let (_, target) =
        stage.customers_target("create extension file_fdw; grant usage on foreign data wrapper file_fdw to OWNER");
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
        assert!(foreseen.iter().any(|it| it == name), "{name}: {foreseen:#?}");
    }
    for name in ["TABLE kept", "FUNCTION watch()", "INDEX kept_plain", "PUBLICATION one"] {
        assert!(foreseen.iter().all(|it| it != name), "{name}: {foreseen:#?}");
    }
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(stage.cluster.psql(&target.name, tables), "0");
    let text = stage.restore_with(&target, ["--preview"]).ended_with(9);
    assert!(text.text().contains("must be owner of type"), "{}", text.text());
    // what has rows is named first, however long the list
    assert!(
        text.text().contains("missing: table data public.raws"),
        "{}",
        text.text()
    );
    let report = stage.restore_with(&target, ["--json"]).ended_with(9).json();
    assert_eq!(named(&report, "left_out"), foreseen);
    assert_eq!(report["failures"], 0, "{report:#}");
    let there = "select (select count(*) from kept), (select count(*) from apart), (select count(*) from pg_indexes \
        where tablename = 'kept')";
    assert_eq!(stage.cluster.psql(&target.name, there), "20|2|2");
}

#[test]
fn definitions_that_fail_are_a_question_before_anything_changes() {
    let stage = Stage::backed_up(
        "create schema app; set search_path = app, public; create table docs (id int primary key); insert into docs \
         values (1);
         create function hits() returns bigint language sql stable as 'select count(*) from docs';
         create function thrice(int) returns bigint language sql immutable as 'select 3::bigint';
         create function twice(int) returns bigint language sql immutable as 'select thrice($1)';
         create index on docs (twice(id)); create view hit as select 1;",
    );
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore(&target).ended_with(3).stderr;
    for word in ["index app.docs_twice_idx", "thrice", "not touched", "--keep-going"] {
        assert!(outcome.contains(word), "{word}: {outcome}");
    }
    stage.restore_with(&target, ["--preview"]).ended_with(3);
    let schemas = "select count(*) from pg_namespace where nspname = 'app'";
    assert_eq!(stage.cluster.psql(&target.name, schemas), "0");
    let shown = stage.restore_with(&target, ["--preview", "--keep-going"]).ended_with(9);
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
fn owners_that_the_role_cannot_set_are_named_before() {
    let stage = Stage::of("create table t (a int)");
    let (first, second) = (unique("owner"), unique("owner"));
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {first}; create role {second}; create table u (a int); alter table t owner to {first}; \
            alter table u owner to {second}"
        ),
    );
    stage.back_up();
    let (role, target) = stage.customers_target(&format!(
        "grant {first} to OWNER; grant create on schema public to {first}, {second}"
    ));
    let said = stage.restore_with(&target, ["--keep-owner"]).ended_with(3).stderr;
    for word in [second.as_str(), "not touched", "omit --keep-owner", "GRANT"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    stage.cluster.psql(&target.name, &format!("grant {second} to {role}"));
    stage.restore_with(&target, ["--keep-owner"]).success();
    let owners =
        "select string_agg(relowner::regrole::text, ',' order by relname) from pg_class where relname in ('t', 'u')";
    assert_eq!(stage.cluster.psql(&target.name, owners), format!("{first},{second}"));
}

#[test]
fn roles_of_policies_are_found_after_any_number_of_functions() {
    let stage = Stage::of("");
    let role = unique("reader");
    // more than the definitions that are kept whole
    stage.cluster.psql(
        &stage.database,
        &format!(
            "do $$ begin for n in 1..70 loop execute format('create function f%s() returns text language sql security \
             definer as %L', n, 'select ''' || repeat('x', 1000000) || ''''); end loop; end $$;
             create role {role}; create table zz (a int); alter table zz enable row level security; create policy own \
                 on zz to {role} using (true)"
        ),
    );
    stage.back_up();
    stage
        .cluster
        .psql(&stage.database, &format!("drop owned by {role}; drop role {role}"));
    let (_, target) = stage.customers_target("");
    let said = stage.restore(&target).ended_with(3).stderr;
    assert!(said.contains(&role) && said.contains("--roles"), "{said}");
    let report = stage
        .restore_with(&target, ["--roles", "skip", "--json"])
        .ended_with(9)
        .json();
    assert_eq!(named(&report, "left_out"), ["POLICY zz own"]);
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_proc where proname ~ '^f[0-9]+$'"),
        "70"
    );
}

#[test]
fn objects_that_need_a_superuser_are_found_among_very_many_tables() {
    let stage = Stage::backed_up(
        "do $$ begin for n in 1..2200 loop execute 'create table t' || n || ' (a int)'; end loop; end $$;
         create function leaky(int) returns bool language sql immutable leakproof as 'select true'; create view seen \
             as select from t1 where leaky(a)",
    );
    let (_, target) = stage.customers_target("");
    let shown = stage
        .restore_with(&target, ["--preview", "--json"])
        .ended_with(9)
        .json();
    assert_eq!(named(&shown, "left_out"), ["FUNCTION leaky(integer)", "VIEW seen"]);
    assert!(shown["remarks"][0].as_str().unwrap().contains("locks"), "{shown:#}");
}

#[test]
fn without_refusals_there_is_no_remark() {
    let stage = Stage::small();
    stage.back_up();
    let (_, target) = stage.customers_target("");
    let report = stage.restore_with(&target, ["--json"]).success().json();
    assert_eq!(report["complete"], true);
    assert_eq!(report["remarks"], serde_json::json!([]));
}

#[test]
fn rows_of_materialized_views_under_a_policy_are_named_before() {
    let stage = Stage::backed_up(
        "create table t (a int); insert into t values (1), (2); create materialized view seen as select count(*) as n \
         from t; create unique index on seen (n);
         create materialized view ratio as select 10 / (select count(*) from t) as n where (select count(*) from t) = \
             2 or 1 / (select count(*) from t) > 0;
         alter table t enable row level security; alter table t force row level security; create policy p on t using \
             (a = 1);
         create table plain (a int); insert into plain values (5); create materialized view inverse as select 10 / \
             (select count(*) from plain) as n",
    );
    let (_, target) = stage.customers_target("");
    for more in [&["--preview", "--json"][..], &["--json"]] {
        let report = stage.restore_with(&target, more.iter().copied()).ended_with(9).json();
        let missing = named(&report, "left_out");
        assert_eq!(
            missing,
            ["MATERIALIZED VIEW DATA ratio", "MATERIALIZED VIEW DATA seen"],
            "{report:#}"
        );
    }
    let there = "select (select count(*) from t), (select n from inverse), (select count(*) from pg_indexes where \
        tablename = 'seen')";
    assert_eq!(stage.cluster.psql(&target.name, there), "2|10|1");
}

#[test]
fn features_that_the_server_lacks_are_named_before() {
    let stage = Stage::backed_up(
        "create collation de (provider = icu, locale = 'de'); create table t (a text collate de); insert into t values \
         ('x'); create table rest (a int)",
    );
    let elsewhere = Cluster::shared(Some(16));
    let (name, owner) = (unique("elsewhere"), unique("customer"));
    elsewhere.create_database(&name);
    elsewhere.psql(
        &name,
        &format!("create role {owner} login; alter database {name} owner to {owner}"),
    );
    let url = elsewhere.url_as(&owner, None, &name);
    let target = Target { name, url };
    let agent = stage.agent().env("PGCOFFER_PG_BIN", elsewhere.bin());
    let said = agent.run(restore_args(&target)).ended_with(3).stderr;
    assert!(
        said.contains("collation public.de") && said.contains("not touched"),
        "{said}"
    );
    let agent = stage.agent().env("PGCOFFER_PG_BIN", elsewhere.bin());
    let report = agent.run(restore_args(&target).into_iter().chain(["--keep-going", "--json"]));
    let report = report.ended_with(9).json();
    let missing = named(&report, "left_out");
    assert_eq!(missing, ["COLLATION de", "TABLE t", "TABLE DATA t"]);
    assert_eq!(report["failures"], 0, "{report:#}");
}
