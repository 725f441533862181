//! What a restore must not be led to: by what stands in the target, by what the backup's owner wrote, by what was asked
//! for.

use crate::stage::{Stage, Target, unique};

fn superusers(stage: &Stage, target: &Target) -> Target {
    Target {
        url: stage.cluster.url(&target.name),
        name: target.name.clone(),
    }
}

/// The database itself that is backed up.
fn live(stage: &Stage) -> Target {
    Target {
        name: stage.database.clone(),
        url: stage.cluster.url(&stage.database),
    }
}

#[test]
fn a_target_whose_owner_hid_a_function_in_an_extension_is_not_empty() {
    let stage = Stage::backed_up("create table t (a int)");
    let (_, target) = stage.customers_target(
        "set role OWNER; create extension hstore; create function public.norm(varchar) returns text language sql as \
         'select 1::text'; reset role",
    );
    stage
        .cluster
        .psql(&target.name, "alter extension hstore add function public.norm(varchar)");
    let said = stage.restore(&superusers(&stage, &target)).ended_with(3).stderr;
    assert!(said.contains("function public.norm"), "{said}");
}

#[test]
fn the_file_of_statements_runs_only_sql() {
    let stage = Stage::of("");
    let ran = stage.file("ran");
    let long = "x".repeat(1_200_000);
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create schema s; create extension bloom schema s; create table marks (a int);
             create function a_first(marks) returns text language plpgsql as $f$ begin return '{long}'; end $f$;
             create function b_second(marks) returns text language plpgsql as $f$ begin /* $$ \n\\! touch {ran}\n */ \
                 return ''; end $f$;
             create function \"c\n\\! touch {ran}\n\"(marks) returns text language sql as 'select 1::text';
             create index i on marks using bloom (a)",
            ran = ran.display()
        ),
    );
    stage.back_up();
    let (_, target) = stage.customers_target("");
    let file = stage.file("missing.sql");
    let args = [
        "--keep-going",
        "--leave-out",
        "policy:none",
        "--statements",
        file.to_str().unwrap(),
    ];
    stage.restore_with(&target, args).ended_with(2);
    let args = ["--keep-going", "--statements", file.to_str().unwrap()];
    stage.restore_with(&target, args).ended_with(9);
    let run = |file: &std::path::Path| {
        let mut psql = stage.cluster.client("psql");
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--dbname",
            &stage.cluster.url(&target.name),
            "--file",
        ])
        .arg(file);
        psql.env("PGCLIENTENCODING", "GBK").output().unwrap()
    };
    run(&file);
    assert!(!ran.exists());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("\\restrict ") && text.contains("CREATE INDEX i "),
        "{}",
        &text[..500.min(text.len())]
    );
    // each reason is a comment of one line
    assert!(text.lines().all(|line| !line.starts_with("\\!")), "{text}");
}

const DOCUMENTS: &str = "
    create table ok_users (name text); create function ok() returns bool language sql stable as 'select exists (select \
        from public.ok_users)';
    create table doc (id int primary key, body text); insert into doc values (1, 'x');
    alter table doc enable row level security; create policy all_ on doc using (true);
    create policy narrow on doc as restrictive using (ok()); create policy other on doc as restrictive using (exists \
        (select from ok_users));
    create function greet() returns trigger language plpgsql as $$ begin return new; end $$; create trigger greeting \
        before insert on doc for each row execute function greet();
    create function low(text) returns text language sql immutable as 'select lower($1)'; create index on doc \
        (low(body));";

#[test]
fn only_a_table_restores_all_its_policies() {
    let stage = Stage::backed_up(DOCUMENTS);
    let target = stage.target();
    stage.restore_with(&target, ["--only", "table:doc"]).success();
    let there = "select (select count(*) from pg_policy), (select count(*) from pg_trigger where tgname = 'greeting'), \
        (select count(*) from pg_indexes where tablename = 'doc')";
    assert_eq!(stage.cluster.psql(&target.name, there), "3|1|2");
    // and one that loses a policy is not whole
    let target = stage.target();
    let outcome = stage
        .restore_with(&target, ["--leave-out", "function:ok"])
        .ended_with(9);
    assert!(
        outcome.text().contains("missing: policy narrow on public.doc"),
        "{}",
        outcome.text()
    );
}

#[test]
fn rows_are_not_restored_into_tables_that_would_open_or_change_them() {
    let stage = Stage::of("");
    let platform = "create schema store; create role PLAT; alter schema store owner to PLAT; set role PLAT;
        create table store.closed (a int); create table store.swallowed (a int); create table store.full_ (a int);
        reset role; grant usage on schema store to public; grant all on all tables in schema store to public;";
    let more = "create function store.swallow() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger swallow before insert on store.swallowed for each row execute function store.swallow(); insert \
            into store.full_ values (7);";
    let (first, second) = (unique("plat"), unique("plat"));
    stage.cluster.psql(&stage.database, &platform.replace("PLAT", &first));
    stage.cluster.psql(
        &stage.database,
        "alter table store.closed enable row level security; insert into store.closed values (1); insert into \
         store.swallowed values (1), (2); insert into store.full_ values (1), (2), (3)",
    );
    stage.back_up();
    let (_, target) = stage.customers_target(&format!("{}{more}", platform.replace("PLAT", &second)));
    let report = stage.restore_with(&target, ["--json"]).ended_with(9).json();
    let missing: Vec<_> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["missing"] == true)
        .collect();
    let names: Vec<_> = missing
        .iter()
        .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    for name in ["ROW SECURITY closed", "TABLE DATA swallowed", "TABLE DATA full_"] {
        assert!(names.iter().any(|it| it == name), "{name}: {names:#?}");
    }
}

#[test]
fn objects_of_a_user_in_a_platform_s_schema_are_restored() {
    let stage = Stage::backed_up(
        "create schema _heroku; create type _heroku.status as enum ('a'); create table public.orders (id int primary \
         key, s _heroku.status);
         insert into orders values (1, 'a'); create table _heroku.payroll (a int); insert into _heroku.payroll values \
             (1)",
    );
    let target = stage.target();
    let outcome = stage.restore(&target).ended_with(9);
    for name in [
        "table public.orders",
        "table _heroku.payroll",
        "table data public.orders",
    ] {
        assert!(
            outcome.text().contains(&format!("missing: {name}")),
            "{name}: {}",
            outcome.text()
        );
    }
}

#[test]
fn a_user_mapping_is_not_restored_for_an_existing_server() {
    let stage = Stage::backed_up(
        "create extension postgres_fdw; create server s foreign data wrapper postgres_fdw options (host \
         'right.example');
         create user mapping for public server s options (password 'secret'); create foreign table f (a int) server s",
    );
    let target = stage.target();
    stage.cluster.psql(
        &target.name,
        "create extension postgres_fdw; create server s foreign data wrapper postgres_fdw \
        options (host 'wrong.example')",
    );
    let outcome = stage.restore(&target).ended_with(9);
    assert!(outcome.text().contains("missing: user mapping"), "{}", outcome.text());
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_user_mappings"),
        "0"
    );
}

#[test]
fn a_publication_of_another_role_is_not_extended() {
    let stage = Stage::backed_up(
        "create table t (a int); create publication \"my pub\" for table t; create publication my for table t",
    );
    let (_, target) = stage.customers_target("create publication my");
    let outcome = stage.restore(&target).ended_with(9);
    assert!(
        outcome.text().contains("missing: publication my:"),
        "{}",
        outcome.text()
    );
    let there = "select string_agg(pubname, ',') from pg_publication_tables";
    assert_eq!(stage.cluster.psql(&target.name, there), "my pub");
}

#[test]
fn functions_in_untrusted_languages_are_named_before() {
    let stage = Stage::backed_up(
        "create function c_like(internal) returns void language internal as 'pg_stat_reset'; create table t (a int)",
    );
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore(&target).ended_with(9);
    assert!(
        outcome.text().contains("missing: function public.c_like(internal)"),
        "{}",
        outcome.text()
    );
}

#[test]
fn an_extension_in_another_schema_is_named_before() {
    let stage =
        Stage::backed_up("create schema ext; create extension citext schema ext; create table t (a ext.citext)");
    let target = stage.target();
    stage.cluster.psql(&target.name, "create extension citext");
    let said = stage.restore(&target).ended_with(3).stderr;
    assert!(
        said.contains("citext is in the schema public") && said.contains("SET SCHEMA"),
        "{said}"
    );
}

#[test]
fn clean_keeps_objects_of_every_kind_that_are_not_in_the_backup() {
    let made = "create type status as enum ('a', 'b'); create type span as range (subtype = float8); create table a \
        (id int primary key, s status); insert into a values (1, 'a');
        create aggregate ag(*) (sfunc = int8inc, stype = int8, initcond = '0'); create extension postgres_fdw; create \
            server s foreign data wrapper postgres_fdw;
        create function watch() returns event_trigger language plpgsql as $$ begin end $$; create text search \
            dictionary d (template = simple); create publication old for table a;
        create function fine(int) returns bool language sql immutable as 'select true'; create function low(span) \
            returns int language sql immutable as 'select 1'";
    let stage = Stage::backed_up(made);
    // ranges and aggregates without arguments stand in nobody's way
    let target = live(&stage);
    stage.restore_with(&target, ["--clean"]).success();
    for (since, named) in [
        (
            "create type addr as (x int, s status)",
            "attribute s of type public.addr",
        ),
        (
            "create text search configuration later (parser = default); alter text search configuration later add \
             mapping for word with d",
            "text search configuration public.later",
        ),
        (
            "create user mapping for public server s options (user 'x')",
            "USER MAPPING public SERVER s",
        ),
        (
            "create event trigger later on ddl_command_end execute function watch()",
            "event trigger later",
        ),
        (
            "create publication later for table a",
            "table public.a in publication later",
        ),
        (
            "create table yy (a int); alter publication old add table yy",
            "table public.yy in publication old",
        ),
        (
            "create domain later as int constraint ck check (fine(value))",
            "constraint ck of domain public.later",
        ),
        (
            "create table x (a int, b int); create statistics st on fine(a), b from x",
            "statistics st of table public.x",
        ),
        (
            "create cast (span as int4) with function low(span)",
            "CAST (public.span AS integer)",
        ),
    ] {
        let stage = Stage::backed_up(made);
        let target = live(&stage);
        stage.cluster.psql(&stage.database, since);
        for more in [&["--clean"][..], &["--clean", "--preview"]] {
            let said = stage.restore_with(&target, more.iter().copied()).ended_with(3).stderr;
            assert!(said.contains(named), "{named}: {said}");
        }
    }
    let said = stage
        .restore_with(&target, ["--clean", "--leave-out", "data:a"])
        .ended_with(3)
        .stderr;
    assert!(said.contains("empty table"), "{said}");
    assert_eq!(stage.cluster.psql(&stage.database, "select count(*) from a"), "1");
}

#[test]
fn a_superuser_is_told_whose_rights_functions_get() {
    let stage = Stage::backed_up(
        "create function f() returns text language sql security definer as 'select current_user::text'; create table t \
         (a int)",
    );
    let target = stage.target();
    let shown = stage.restore_with(&target, ["--preview"]).success();
    assert!(
        shown.text().contains("public.f() with SECURITY DEFINER"),
        "{}",
        shown.text()
    );
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore(&target).success();
    assert!(!outcome.text().contains("SECURITY DEFINER"), "{}", outcome.text());
}

#[test]
fn clean_does_not_replace_a_table_without_its_keys_and_triggers() {
    let stage = Stage::backed_up(
        "create table t (id int primary key); create table u (a int references t); insert into t values (1); insert \
         into u values (1);
         create function guard() returns trigger language plpgsql as $$ begin return new; end $$; create trigger g \
             before insert on u for each row execute function guard()",
    );
    let target = live(&stage);
    stage.cluster.psql(&stage.database, "insert into t values (2)");
    stage
        .restore_with(&target, ["--clean", "--only", "table:u"])
        .ended_with(2);
    for (without, named) in [
        ("table:t", "fk constraint u_a_fkey on public.u"),
        ("function:guard", "trigger g on public.u"),
    ] {
        let said = stage
            .restore_with(&target, ["--clean", "--leave-out", without])
            .ended_with(3)
            .stderr;
        assert!(said.contains(named), "{named}: {said}");
    }
    let there = "select (select count(*) from t), (select count(*) from pg_constraint where contype = 'f'), (select \
        count(*) from pg_trigger where tgname = 'g')";
    assert_eq!(stage.cluster.psql(&stage.database, there), "2|1|1");
    // into a new database the key is named as missing
    let target = stage.target();
    let outcome = stage.restore_with(&target, ["--only", "table:u"]).ended_with(9);
    assert!(
        outcome.text().contains("missing: fk constraint u_a_fkey on public.u"),
        "{}",
        outcome.text()
    );
    let target = stage.target();
    let outcome = stage.restore_with(&target, ["--leave-out", "data:t"]).ended_with(9);
    assert!(
        outcome.text().contains("rows that it refers to are not restored"),
        "{}",
        outcome.text()
    );
}

#[test]
fn roles_with_default_rights_in_the_target_are_named() {
    let stage = Stage::backed_up("create table t (a int)");
    let target = stage.target();
    let quiet = stage.restore_with(&target, ["--preview"]).success();
    assert!(!quiet.text().contains("default privileges"), "{}", quiet.text());
    stage.cluster.psql(
        &target.name,
        "alter default privileges grant select on tables to public, pg_monitor",
    );
    let said = stage.restore_with(&target, ["--preview"]).success();
    let words = "on what was closed in the database (psql lists them by \\ddp); they grant to: PUBLIC, pg_monitor";
    assert!(said.text().contains(words), "{}", said.text());
}
