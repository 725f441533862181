//! What a preview says: what is chosen, what the backup lacks, what belongs to the database itself, and the status of
//! the restore.

use serde_json::Value;

use crate::{
    stage::{Stage, Target, unique},
    testbed::{Cluster, ClusterOptions},
};

#[test]
fn warnings_of_the_backup_are_repeated_at_the_restore() {
    let stage = Stage::of("");
    let (_, source) = stage.customers_target(
        "set role OWNER; create extension hstore; create table public.payroll (a int); create table public.rest (a \
         int); reset role",
    );
    stage
        .cluster
        .psql(&source.name, "alter extension hstore add table public.payroll");
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
        assert!(outcome.text().contains("public.payroll"), "{}", outcome.text());
    }
}

#[test]
fn a_preview_with_only_lists_the_chosen_objects() {
    let stage = Stage::backed_up(
        "create schema app; create table app.a (id int primary key); create table app.b (id int); alter table app.a \
         enable row level security; create policy p on app.a using (true);
         create extension postgres_fdw; create server s foreign data wrapper postgres_fdw; create user mapping for \
             public server s",
    );
    let target = stage.target();
    let shown = stage
        .restore_with(&target, ["--preview", "--only", "table:app.a"])
        .success();
    for line in ["  table app.a\n", "  policy p on app.a\n", "  table data app.a\n"] {
        assert!(shown.text().contains(line), "{line}: {}", shown.text());
    }
    assert!(!shown.text().contains("  table app.b\n"), "{}", shown.text());
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
         create function app.uses() returns bool language plpgsql as $$ begin return ext.blhandler(null) is null; end \
             $$;
         create function app.other() returns int language sql as 'select 1'; create function app.context() returns int \
             language sql as 'select 1 /* next.x */';",
    );
    let (_, target) = stage.customers_target("");
    let shown = stage.restore_with(&target, ["--preview"]).ended_with(9);
    assert!(
        shown.text().contains(
            "bloom is missing in the schema ext of the target; these functions name that schema and may fail: app.uses()\n"
        ),
        "{}",
        shown.text()
    );
    // nor does --only know that the function needs it
    let target = stage.target();
    let shown = stage
        .restore_with(&target, ["--preview", "--only", "function:app.uses"])
        .success();
    assert!(shown.text().contains("app.uses()\n"), "{}", shown.text());
    assert!(shown.text().contains("may fail"), "{}", shown.text());
}

#[test]
fn a_preview_with_keep_going_has_the_exit_status_of_the_restore() {
    let stage = Stage::of("");
    let role = unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {role}; create table t (a int); create policy own on t to {role} using (true); create \
            policy all_ on t using (true)"
        ),
    );
    stage.back_up();
    stage
        .cluster
        .psql(&stage.database, &format!("drop owned by {role}; drop role {role}"));
    for target in [stage.target(), stage.customers_target("").1] {
        for more in [&["--keep-going", "--preview"][..], &["--keep-going"]] {
            let outcome = stage.restore_with(&target, more.iter().copied()).ended_with(9);
            assert!(
                outcome.text().contains("missing: policy own on public.t"),
                "{}",
                outcome.text()
            );
        }
    }
}

#[test]
fn settings_of_the_database_itself_are_reported() {
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

#[test]
fn a_full_target_names_some_objects_and_the_command_that_lists_all() {
    let stage = Stage::backed_up("create table t (a int)");
    let target = stage.target();
    let fill = "do $$ begin for n in 1..12 loop execute 'create table t' || n || ' (a int)'; end loop; end $$";
    stage.cluster.psql(&target.name, fill);
    let said = stage.restore(&target).ended_with(3).stderr;
    assert!(said.contains("table public.t1, "), "{said}");
    assert!(said.contains("psql lists all: \\dn, \\d *.*"), "{said}");
}

#[test]
fn what_the_target_lacks_is_said_before_anything_is_touched() {
    let stage = Stage::on(
        Some(16),
        "do $$ begin create role preview_reader; exception when duplicate_object then null; end $$;
         create table t (a int primary key, note text); insert into t select n, 'x' from generate_series(1, 40) n;
         alter table t enable row level security; create policy p on t to preview_reader using (true);
         create table refers (a int references t); insert into refers values (1);",
    );
    stage.back_up();
    // on an older server, where the role doesn't exist
    let older = Cluster::start_with(ClusterOptions::default());
    older.create_database("target");
    let target = Target {
        url: older.url("target"),
        name: "target".to_owned(),
    };
    let before = stage.bucket.calls().len();
    let preview = stage.restore_with(&target, ["--preview", "--json"]).ended_with(3);
    let json = preview.json();
    assert_eq!(json["lacks"]["major"], true, "{json:#}");
    assert_eq!(json["lacks"]["roles"], serde_json::json!(["preview_reader"]));
    assert_eq!(
        (&json["tables"], &json["rows"], &json["estimate"]),
        (&2.into(), &41.into(), &Value::Null)
    );
    assert!(
        json["problems"][0]["cure"].as_str().unwrap().contains("--roles"),
        "{json:#}"
    );
    assert_eq!(json["complete"], false);
    let text = stage.restore_with(&target, ["--preview"]).ended_with(3);
    for word in [
        "which is older",
        "the target lacks: role preview_reader",
        "no drill has measured",
        "Nothing was touched",
    ] {
        assert!(text.text().contains(word), "{word}: {}", text.text());
    }
    // of a part alone what the part needs
    let json = stage.restore_with(&target, ["--table", "refers", "--preview", "--json"]);
    assert_eq!(json.json()["lacks"]["roles"], serde_json::json!([]));
    let writes = stage.bucket.calls().split_off(before);
    assert!(writes.iter().all(|call| !call.operation.starts_with("Put")));
    let there = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(older.psql("target", there), "0");
}

#[test]
fn a_preview_counts_the_tables_that_the_contents_list_and_the_restore_restores() {
    let stage = Stage::backed_up(
        "create table events (at date) partition by range (at); create table events_1 partition of events default; insert into \
         events values ('2025-01-01'); create table images (content oid); insert into images values (lo_from_bytea(0, 'abc')); \
         create table empty (a int); select lo_from_bytea(0, 'other')",
    );
    let target = stage.target();
    let contents = stage
        .run(["restore", "latest", "--contents", "--json"])
        .success()
        .json();
    let tables = contents["tables"].as_array().unwrap();
    assert_eq!(
        tables.iter().filter(|table| !table["rows"].is_null()).count(),
        3,
        "{contents:#}"
    );
    for more in [&[][..], &["--jobs", "2"]] {
        let args = ["--preview", "--json"].iter().chain(more).copied();
        let preview = stage.restore_with(&target, args).success().json();
        assert_eq!(
            (&preview["tables"], &preview["rows"]),
            (&3.into(), &2.into()),
            "{preview:#}"
        );
    }
    let report = stage.restore_with(&target, ["--json"]).success().json();
    assert_eq!(
        (&report["tables"], &report["rows"]),
        (&3.into(), &2.into()),
        "{report:#}"
    );
}
