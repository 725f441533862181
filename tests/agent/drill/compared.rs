//! What is compared, and in which words a difference is told.

use std::path::Path;

use super::{assert_proven, findings, on_server, open_folder, planting, programs, report};
use crate::{
    stage::Stage,
    testbed::{Agent, Cluster, Outcome},
};

/// Queries that PostgreSQL writes in one way, and in another one after it has read its own text.
const REWRITTEN: &str = "
    create table t (a int, b int); create table u (a int); create table log (a int);
    create view v as select a, b from (select a, b from t union all select a, null from u) q;
    create materialized view m as select a, b from (select a, b from t union all select a, null from u) q;
    create rule r as on insert to u do also
        insert into log select q.b from (select a, b from t union all select a, null from u) q;
    create policy p on t using (a = any (select q.b from (select a, b from t union all select a, null from u) q));
    create function f() returns setof int language sql
        begin atomic select q.b from (select a, b from t union all select a, null from u) q; end;
    insert into t values (1, 2); insert into u values (3);";

/// An agent whose drill runs this SQL in the restored database before it is compared.
fn planted(agent: Agent, cluster: &Cluster, folder: &Path, sql: &str) -> Agent {
    let bin = programs(cluster, folder, &[("pg_dump", &planting(cluster, sql))]);
    agent.without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin)
}

fn drill(agent: &Agent) -> Outcome {
    agent.run(["drill", "latest", "--json"])
}

/// Fails unless the drill has found this difference.
#[track_caller]
fn assert_found(agent: &Agent, expected: &str) {
    let outcome = drill(agent);
    let report = report(&outcome);
    let found = findings(&report, "differences");
    let is_found = found.lines().any(|line| line.starts_with(expected));
    assert!(is_found, "{expected}\nfound:\n{found}\n{report:#}");
    assert_eq!(outcome.code(), 5, "{report:#}");
}

#[test]
fn a_definition_that_the_server_writes_otherwise_is_read_by_it_once_more() {
    let stage = Stage::backed_up(REWRITTEN);
    assert_proven(&stage.agent());
    let folder = open_folder();
    for (sql, expected) in [
        (
            "create or replace view v as select a, b from (select a, b from t union all select a, null from u) q where \
             a > 1",
            "VIEW public.v: its definition ",
        ),
        ("alter view v set (security_barrier)", "VIEW public.v: its definition "),
        (
            "alter policy p on t using (a = any (select q.b from (select a, b from t union all select a, 1 from u) q))",
            "POLICY public.t p: its definition ",
        ),
        (
            "create or replace rule r as on insert to u do also insert into log select q.a from (select a, b from t \
             union all select a, null from u) q",
            "RULE public.u r: its definition ",
        ),
        (
            "create or replace function f() returns setof int language sql begin atomic select q.a from (select a, b \
             from t union all select a, null from u) q; end",
            "FUNCTION public.f(): its definition ",
        ),
    ] {
        assert_found(&planted(stage.agent(), stage.cluster, folder.path(), sql), expected);
    }
}

/// A backup of postgres's objects, which belong to a role of the drill on a server.
fn granted() -> Stage {
    Stage::backed_up(
        "do $$ begin create role drill_reader; exception when duplicate_object then null; end $$;
         create schema shop; create table shop.customer (id int primary key, email text);
         create table shop.orders (id int, of int references shop.customer (id));
         grant usage on schema shop to drill_reader; grant select on shop.customer to drill_reader;
         grant update (email) on shop.customer to drill_reader;
         alter default privileges in schema shop grant select on tables to drill_reader;
         insert into shop.customer select n, 'c' || n from generate_series(1, 9) n;",
    )
}

#[test]
fn privileges_are_compared_where_the_owner_is_another_one() {
    let stage = granted();
    assert_proven(&on_server(&stage));
    let folder = open_folder();
    for (sql, expected) in [
        (
            "revoke select on shop.customer from drill_reader",
            "ACL shop.TABLE customer: `GRANT SELECT ON TABLE shop.customer TO drill_reader` did not come back",
        ),
        (
            "revoke update (email) on shop.customer from drill_reader",
            "ACL shop.COLUMN customer.email: ",
        ),
        ("grant create on schema shop to drill_reader", "ACL .SCHEMA shop: "),
        (
            "alter default privileges in schema shop revoke select on tables from drill_reader",
            "DEFAULT ACL shop.DEFAULT PRIVILEGES FOR TABLES: ",
        ),
        (
            "alter default privileges in schema shop grant insert on tables to drill_reader",
            "DEFAULT ACL shop.DEFAULT PRIVILEGES FOR TABLES: ",
        ),
    ] {
        assert_found(&planted(on_server(&stage), stage.cluster, folder.path(), sql), expected);
    }
}

/// Runs this SQL in the restored database as the server's superuser, before it is dumped.
fn by_superuser(stage: &Stage, folder: &Path, sql: &str) -> Agent {
    let url = stage.cluster.url("NAME").replace("NAME", "$PGDATABASE");
    let script = format!(
        "if [ \"${{PGDATABASE#pgcoffer_drill_}}\" != \"$PGDATABASE\" ]; then\n\
         env -i PATH=\"$PATH\" '{}' --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=\"{url}\" >/dev/null <<'SQL' || exit 1\n\
         {sql}\nSQL\nfi\nexec \"$REAL\" \"$@\"",
        stage.cluster.bin().join("psql").display()
    );
    let bin = programs(stage.cluster, folder, &[("pg_dump", &script)]);
    on_server(stage).without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin)
}

#[test]
fn foreign_keys_that_are_switched_off_are_found() {
    let stage = granted();
    let folder = open_folder();
    let agent = by_superuser(&stage, folder.path(), "alter table shop.orders disable trigger all");
    assert_found(&agent, "TABLE shop.orders: its foreign keys are not enforced");
}

#[test]
fn what_the_role_may_not_read_is_a_difference() {
    let stage = granted();
    let folder = open_folder();
    for (sql, expected) in [
        ("create table shop.more (id int)", "TABLE shop.more: it belongs to "),
        (
            "select lo_from_bytea(4711, 'a large object')",
            "BLOB .4711: it belongs to ",
        ),
        (
            "alter table shop.customer owner to drill_reader; revoke all on shop.customer from public",
            "TABLE shop.customer: it belongs to drill_reader",
        ),
    ] {
        assert_found(&by_superuser(&stage, folder.path(), sql), expected);
    }
}

#[test]
fn a_restore_of_many_objects_says_nothing_of_lines_that_nobody_sees() {
    let stage = Stage::backed_up(
        "do $$ begin for n in 1..150 loop execute format('create table t%s (a int)', n); end loop; end $$",
    );
    let report = assert_proven(&stage.agent());
    assert_eq!(report["remarks"].as_array().unwrap().len(), 0, "{report:#}");
}

#[test]
fn the_settings_of_a_database_are_asked_for_in_a_restore_and_by_the_target_s_name() {
    let stage = Stage::of("create table t (a int)");
    stage.cluster.psql(
        "postgres",
        &format!("alter database {} set work_mem = '5MB'", stage.database),
    );
    stage.back_up();
    let report = assert_proven(&on_server(&stage));
    let remarks = report["remarks"].to_string();
    assert!(!remarks.contains("work_mem"), "{remarks}");
    let target = stage.target();
    let outcome = stage.restore(&target).success();
    let told = format!("ALTER DATABASE \"{}\" SET work_mem", target.name);
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    assert!(said.contains(&told), "{said}");
}
