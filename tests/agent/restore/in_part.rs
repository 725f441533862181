//! What can't be restored is named, and the rest is there.

use crate::{
    stage::{Stage, Target, restore_args, unique},
    testbed::Cluster,
};

/// Views and indexes over functions whose bodies leave names to the `search_path`, which is empty in a restore.
const BY_PATH: &str = "
    create schema app; set search_path = app, public;
    create table docs (id int primary key, body text); insert into docs select n, 'w' || n % 7 from generate_series(1, \
        100) n;
    create function hits() returns bigint language sql stable as 'select count(*) from docs';
    create materialized view stats as select hits() as n;
    create function norm(t text) returns text language sql immutable as 'select lower(t)';
    create function slug(t text) returns text language plpgsql immutable as $$ begin return norm(t); end $$;
    create table items (id int primary key, name text); insert into items select n, 'N' || n from generate_series(1, \
        50) n;
    create index items_slug on items (slug(name)); create index items_name on items (name);";

const THERE: &str = "
    select (select count(*) from app.docs), (select count(*) from app.items), (select count(*) from pg_indexes where \
        schemaname = 'app'),
           (select count(*) from pg_matviews)";

#[test]
fn keep_going_names_each_failure_and_restores_the_rest() {
    let stage = Stage::backed_up(BY_PATH);
    let target = stage.target();
    let failed = stage.restore(&target).ended_with(3).stderr;
    assert!(failed.contains("--keep-going"), "{failed}");
    assert!(!failed.contains("rows were restored"), "{failed}");
    let target = stage.target();
    let file = stage.file("missing.sql");
    let more = ["--keep-going", "--statements", file.to_str().unwrap()];
    let outcome = stage.restore_with(&target, more).ended_with(9);
    for word in [
        "Restored in part",
        "materialized view data app.stats",
        "index app.items_slug",
        "missing.sql",
        "2 tables, 150 rows",
    ] {
        assert!(outcome.text().contains(word), "{word}: {}", outcome.text());
    }
    assert_eq!(stage.cluster.psql(&target.name, THERE), "100|50|3|1");
    // the file makes what is missing, where the names are found
    let statements = std::fs::read_to_string(&file).unwrap();
    assert!(statements.contains("CREATE INDEX items_slug"), "{statements}");
    assert!(
        statements.contains("REFRESH MATERIALIZED VIEW app.stats"),
        "{statements}"
    );
    let by_hand = statements.replace("SET search_path = '';", "SET search_path = app;");
    stage.cluster.psql(&target.name, &by_hand);
    assert_eq!(stage.cluster.psql(&target.name, "select n from app.stats"), "100");
    assert_eq!(stage.cluster.psql(&target.name, THERE), "100|50|4|1");
}

#[test]
fn rows_that_a_check_constraint_refuses_are_reported_as_missing() {
    let stage = Stage::backed_up(
        "create table z_ref (i int); insert into z_ref values (1);
         create function has_ref(int) returns bool language sql as 'select exists (select from public.z_ref where i = \
             $1)';
         create table a_main (i int check (has_ref(i))); insert into a_main values (1), (1); create table other (a \
             int); insert into other values (7);",
    );
    let target = stage.target();
    let outcome = stage.restore_with(&target, ["--keep-going", "--json"]).ended_with(9);
    let report = outcome.json();
    assert_eq!(
        (&report["tables"], &report["rows"]),
        (&2.into(), &2.into()),
        "{report:#}"
    );
    let failed = &report["failed"][0];
    assert_eq!(
        (&failed["kind"], &failed["name"]),
        (&"TABLE DATA".into(), &"a_main".into())
    );
    let there = "select (select count(*) from a_main), (select count(*) from z_ref), (select count(*) from other)";
    assert_eq!(stage.cluster.psql(&target.name, there), "0|1|1");
}

#[test]
fn a_setting_of_a_newer_client_is_not_a_failure() {
    let stage = Stage::on(Some(18), "create table t (a int); insert into t values (1)");
    stage.back_up();
    let older = Cluster::shared(None);
    let name = unique("older");
    let target = Target {
        url: older.create_database(&name),
        name,
    };
    let outcome = stage.restore_with(&target, ["--keep-going", "--json"]).success();
    assert_eq!(outcome.json()["failures"], 0, "{}", outcome.text());
    assert_eq!(older.psql(&target.name, "select a from t"), "1");
}

#[test]
fn a_cut_archive_is_not_a_partial_restore() {
    let stage = Stage::backed_up(BY_PATH);
    let target = stage.target();
    let key = stage.key("/archives/");
    let whole = stage.bucket.read(&key).unwrap();
    stage.bucket.write(&key, whole[..whole.len() / 2].to_vec());
    stage.restore_with(&target, ["--keep-going"]).ended_with(5);
    let tables = "select count(*) from pg_tables where schemaname = 'app'";
    assert_eq!(stage.cluster.psql(&target.name, tables), "0");
}

/// Policies and a mapping for roles that are dropped once the backup is there.
fn with_roles() -> (Stage, [String; 2]) {
    let stage = Stage::of("");
    let roles = [unique("reader"), format!("{} to", unique("Writer,"))];
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {0}; create role \"{1}\"; create table notes (id int, owner text); insert into notes values \
             (1, 'x');
             alter table notes enable row level security; create policy own on notes for select to {0}, \"{1}\" using \
                 (owner = 'to y');
             create policy everybody on notes using (true);
             create extension postgres_fdw; create server s foreign data wrapper postgres_fdw options (host 'x');
             create user mapping for \"{1}\" server s options (user 'u', password 'p')",
            roles[0], roles[1]
        ),
    );
    stage.back_up();
    let drop = format!(
        "drop user mapping for \"{1}\" server s; drop owned by {0}, \"{1}\"; drop role {0}; drop role \"{1}\"",
        roles[0], roles[1]
    );
    stage.cluster.psql(&stage.database, &drop);
    (stage, roles)
}

const POLICIES: &str = "select (select count(*) from notes), (select string_agg(polname, ',' order by polname) from \
    pg_policy), (select count(*) from pg_user_mappings)";

#[test]
fn missing_roles_are_a_question_before_anything_changes() {
    let (stage, roles) = with_roles();
    let target = stage.target();
    let said = stage.restore(&target).ended_with(3).stderr;
    for word in [roles[0].as_str(), roles[1].as_str(), "--roles create", "--roles skip"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(stage.cluster.psql(&target.name, tables), "0");
    let outcome = stage.restore_with(&target, ["--roles", "skip"]).ended_with(9);
    assert!(
        outcome.text().contains("policy own on public.notes"),
        "{}",
        outcome.text()
    );
    assert_eq!(stage.cluster.psql(&target.name, POLICIES), "1|everybody|0");
}

#[test]
fn missing_roles_are_created_without_a_login() {
    let (stage, roles) = with_roles();
    let target = stage.target();
    stage.restore_with(&target, ["--roles", "create"]).success();
    assert_eq!(stage.cluster.psql(&target.name, POLICIES), "1|everybody,own|1");
    let login = format!(
        "select count(*) from pg_roles where rolname in ('{}', '{}') and not rolcanlogin",
        roles[0], roles[1]
    );
    assert_eq!(stage.cluster.psql(&target.name, &login), "2");
}

#[test]
fn roles_created_for_a_failed_restore_are_named_with_the_statement_that_drops_them() {
    let (stage, _) = with_roles();
    stage.cluster.psql(
        &stage.database,
        "create role breaker; create policy p on notes to breaker using (true); create function n() returns bigint \
         language sql as 'select count(*) from notes';
         create materialized view broken as select n() as n",
    );
    stage.back_up();
    stage
        .cluster
        .psql(&stage.database, "drop policy p on notes; drop role breaker");
    for more in [&[][..], &["--single-transaction"]] {
        let target = stage.target();
        let args = [&["--roles", "create"], more].concat();
        let said = stage.restore_with(&target, args).ended_with(3).stderr;
        assert!(said.contains("roles that were made for it stay (breaker)"), "{said}");
        assert!(said.contains("DROP ROLE IF EXISTS \"breaker\";"), "{said}");
        stage
            .cluster
            .psql("postgres", &format!("drop database {}", target.name));
        stage.cluster.psql("postgres", "drop role breaker");
    }
    // a role that may make none leaves none
    let (_, target) = stage.customers_target("");
    let said = stage.restore_with(&target, ["--roles", "create"]).ended_with(3).stderr;
    assert!(!said.contains("made for it"), "{said}");
}

#[test]
fn a_missing_extension_is_a_question_before_anything_changes() {
    let stage = Stage::of("");
    // what a server of another make has: here a name that no other server knows
    stage.cluster.psql(
        &stage.database,
        "create extension pg_trgm; create extension bloom; create table words (w text); insert into words values ('a');
         create index on words using gin (w gin_trgm_ops); create table marks (a int, b int); create index marked on \
             marks using bloom (a, b);
         insert into marks values (1, 2)",
    );
    stage.back_up();
    let (_, target) = stage.customers_target("");
    let said = stage.restore(&target).ended_with(3).stderr;
    for word in [
        "bloom",
        "index public.marked",
        "--leave-out 'extension:bloom'",
        "not touched",
        "only a superuser can create it",
        "CREATE EXTENSION \"bloom\";",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("installed"), "{said}");
    // what is said there is what it takes
    stage.cluster.psql(&target.name, "CREATE EXTENSION \"bloom\";");
    stage.restore(&target).success();
    let (_, target) = stage.customers_target("");
    let outcome = stage
        .restore_with(&target, ["--leave-out", "extension:bloom"])
        .success();
    assert!(
        outcome.text().contains("index public.marked: it needs extension bloom"),
        "{}",
        outcome.text()
    );
    let there = "select (select count(*) from marks), (select count(*) from pg_indexes where schemaname = 'public')";
    assert_eq!(stage.cluster.psql(&target.name, there), "1|1");
}

#[test]
fn a_missing_tablespace_is_replaced_by_the_target_s_default() {
    let stage = Stage::of("");
    let folder = stage.cluster.socket_dir().join(unique("space"));
    let name = unique("fast");
    stage.cluster.psql(
        "postgres",
        &format!("copy (select 1) to program 'mkdir {}'", folder.display()),
    );
    stage.cluster.psql(
        "postgres",
        &format!("create tablespace {name} location '{}'", folder.display()),
    );
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create table hot (a int) tablespace {name}; insert into hot values (1), (2); create table cold (a \
            int primary key); create index on cold (a) tablespace {name}"
        ),
    );
    stage.back_up();
    let elsewhere = Cluster::shared(Some(16));
    let target = unique("elsewhere");
    let target = Target {
        url: elsewhere.create_database(&target),
        name: target,
    };
    let outcome = stage
        .agent()
        .env("PGCOFFER_PG_BIN", elsewhere.bin())
        .run(restore_args(&target))
        .success();
    assert!(outcome.text().contains(&name), "{}", outcome.text());
    assert_eq!(elsewhere.psql(&target.name, "select count(*) from hot"), "2");
}

#[test]
fn only_restores_the_chosen_objects_and_what_they_need() {
    let stage = Stage::backed_up(
        "create schema app; create type app.mood as enum ('sad', 'ok');
         create table app.people (id serial primary key, m app.mood); insert into app.people (m) values ('ok'), ('sad');
         create table app.orders (id int primary key, who int references app.people); insert into app.orders values \
             (1, 1);
         create index on app.people (m); alter table app.people enable row level security; create policy own on \
             app.people using (id > 1);
         create table unrelated (a int); create view app.moods as select m from app.people; create sequence app.alone;",
    );
    let target = stage.target();
    stage.restore_with(&target, ["--only", "table:app.people"]).success();
    let there =
        "select (select count(*) from app.people), (select count(*) from pg_indexes where schemaname = 'app'), \
        (select count(*) from pg_policy),
        (select string_agg(relname, ',' order by relname) from pg_class where relkind in ('r', 'v', 'S') and \
            relnamespace::regnamespace::text in ('app', 'public')),
        (select last_value from app.people_id_seq)";
    assert_eq!(stage.cluster.psql(&target.name, there), "2|2|1|people,people_id_seq|2");
    // with both ends wanted the key between them comes too
    let target = stage.target();
    let both = ["--only", "table:app.people", "--only", "table:app.orders"];
    stage.restore_with(&target, both).success();
    let keys = "select count(*) from pg_constraint where contype = 'f'";
    assert_eq!(stage.cluster.psql(&target.name, keys), "1");
    let said = stage
        .restore_with(&stage.target(), ["--only", "table:nothing"])
        .ended_with(2)
        .stderr;
    assert!(said.contains("table:nothing matches nothing in this backup"), "{said}");
    stage
        .restore_with(&stage.target(), ["--leave-out", "tabel:x"])
        .ended_with(2);
}
