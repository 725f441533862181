//! A part brings what is its own, and changes nothing else of a database in use.

use crate::stage::Stage;

#[test]
fn policies_and_rules_of_other_tables_that_mention_it_stay_away() {
    let stage = Stage::backed_up(
        "create table t1 (id int primary key, v text); insert into t1 values (1, 'a');
         create table secret (id int); alter table secret enable row level security;
         create policy open_by_t1 on secret using (id in (select id from t1)); insert into secret values (1);
         create table audit (id int, v text);
         create rule r_audit as on insert to audit do also insert into t1 values (new.id + 100, new.v);
         create policy own on t1 using (v <> 'hidden'); alter table t1 enable row level security",
    );
    let target = stage.target();
    let live = "create table secret (id int); alter table secret enable row level security;
                create table audit (id int, v text)";
    stage.cluster.psql(&target.name, live);
    let rules = "select (select count(*) from pg_policies where tablename = 'secret'),
                 (select count(*) from pg_rules where tablename = 'audit'), (select count(*) from pg_policies)";
    stage.restore_with(&target, ["--table", "public.t1"]).success();
    // the table has its own policy, and no other has got one
    assert_eq!(stage.cluster.psql(&target.name, rules), "0|0|1");
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from t1"), "1");
    let empty = stage.target();
    stage.restore_with(&empty, ["--table", "public.t1"]).success();
    let tables =
        "select string_agg(relname, ',') from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace";
    assert_eq!(stage.cluster.psql(&empty.name, tables), "t1");

    let contents = stage
        .run(["restore", "latest", "--contents", "--json"])
        .success()
        .json();
    let parts = |name: &str| {
        let tables = contents["tables"].as_array().unwrap();
        tables.iter().find(|table| table["name"] == name).unwrap()["parts"].clone()
    };
    assert_eq!(parts("secret")["POLICY"], 1, "{contents:#}");
    assert_eq!(parts("t1")["POLICY"], 1, "{contents:#}");
    assert_eq!(parts("audit")["RULE"], 1, "{contents:#}");
    assert_eq!(parts("t1")["RULE"], serde_json::Value::Null, "{contents:#}");
}

/// pg_dump's entry of a policy `p` on the table `t b` is called `t b p`, as would be that of a policy `b p` on `t`.
#[test]
fn a_table_whose_name_begins_like_another_one_keeps_its_own() {
    let stage = Stage::backed_up(
        "create table t (id int primary key); create table \"t b\" (id int references t);
         alter table \"t b\" enable row level security; create policy p on \"t b\" using (id in (select id from t));
         create policy \"b p\" on t using (true); alter table t enable row level security",
    );
    let policies = "select string_agg(tablename || '/' || policyname, ',' order by tablename) from pg_policies";
    let target = stage.target();
    let live = "create table \"t b\" (id int); alter table \"t b\" enable row level security";
    stage.cluster.psql(&target.name, live);
    stage.restore_with(&target, ["--table", "public.t"]).success();
    assert_eq!(stage.cluster.psql(&target.name, policies), "t/b p");
    let contents = stage
        .run(["restore", "latest", "--contents", "--json"])
        .success()
        .json();
    for table in contents["tables"].as_array().unwrap() {
        assert_eq!(table["parts"]["POLICY"], 1, "{contents:#}");
    }
}

#[test]
fn nothing_that_the_target_has_is_closed_to_public() {
    let stage = Stage::backed_up(
        "revoke all on schema public from public; revoke usage on language plpgsql from public;
         revoke execute on function pg_catalog.pg_sleep(double precision) from public; create table t (i int);
         create schema s; create table s.u (i int); create function s.f() returns int language sql as 'select 1';
         revoke execute on function s.f() from public;
         create table s.v (i int default s.f())",
    );
    stage.cluster.psql(
        "postgres",
        "do $$ begin create role of_nobody; exception when others then null; end $$",
    );
    let rights = "select has_schema_privilege('of_nobody', 'public', 'usage'),
                  has_language_privilege('of_nobody', 'plpgsql', 'usage'),
                  has_function_privilege('of_nobody', 'pg_catalog.pg_sleep(double precision)', 'execute')";
    for args in [
        &["--table", "public.t"][..],
        &["--table", "public.t", "--keep-acl"],
        &["--only", "table:public.t"],
        &["--schema", "s"],
    ] {
        let target = stage.target();
        stage.cluster.psql(
            &target.name,
            "create table app (i int); grant usage on schema public to public",
        );
        stage.restore_with(&target, args.iter().copied()).success();
        assert_eq!(stage.cluster.psql(&target.name, rights), "t|t|t", "{args:?}");
    }
    // what the part itself brings is as closed as it was
    let target = stage.target();
    stage.cluster.psql(&target.name, "create table app (i int)");
    stage.restore_with(&target, ["--table", "s.v"]).success();
    let open = "select has_function_privilege('of_nobody', 's.f()', 'execute')";
    assert_eq!(stage.cluster.psql(&target.name, open), "f");
}

#[test]
fn a_partition_whose_rows_go_by_its_root_is_refused_without_it() {
    let stage = Stage::backed_up(
        "create type e as enum ('z', 'y'); create table ep (m e, v int) partition by hash (m);
         create table ep0 partition of ep for values with (modulus 3, remainder 0);
         create table ep1 partition of ep for values with (modulus 3, remainder 1);
         create table ep2 partition of ep for values with (modulus 3, remainder 2);
         insert into ep select case when i % 2 = 0 then 'z'::e else 'y' end, i from generate_series(1, 100) i",
    );
    let live = "create type e as enum ('z', 'y'); create table ep (m e, v int) partition by hash (m);
                create table ep0 partition of ep for values with (modulus 1, remainder 0); insert into ep values ('z', 0)";
    let target = stage.target();
    stage.cluster.psql(&target.name, live);
    stage.cluster.psql(&target.name, "truncate ep");
    for args in [
        &["--table", "public.ep1"][..],
        &["--table", "public.ep0", "--data-only"],
        &["--only", "table:public.ep1"],
    ] {
        let refused = stage.restore_with(&target, args.iter().copied()).ended_with(3);
        let said = &refused.stderr;
        assert!(said.contains("can't be restored without public.ep"), "{args:?}: {said}");
        assert!(said.contains("--as NAME"), "{args:?}: {said}");
        assert_eq!(
            stage.cluster.psql(&target.name, "select count(*) from ep"),
            "0",
            "{args:?}"
        );
    }
    let empty = stage.target();
    stage.restore_with(&empty, ["--table", "public.ep"]).success();
    assert_eq!(stage.cluster.psql(&empty.name, "select count(*) from ep"), "100");
    let beside = stage.target();
    let partitions = "select tableoid::regclass || ' ' || count(*) from ep group by tableoid order by 1 limit 1";
    let first = stage.cluster.psql(&stage.database, partitions);
    let (name, rows) = first.split_once(' ').unwrap();
    stage.cluster.psql(&beside.name, "create type e as enum ('z', 'y')");
    stage
        .restore_with(&beside, ["--table", name, "--as", "public.beside"])
        .success();
    assert_eq!(stage.cluster.psql(&beside.name, "select count(*) from beside"), rows);
}
