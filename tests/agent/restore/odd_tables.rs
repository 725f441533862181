//! One table as odd as databases have them: names, columns, types, what it needs and what stands in its way.

use crate::stage::{Stage, Target};

/// Names that a shell, a statement or a list of pg_restore could misread, each as SQL quotes it.
const NAMES: [&str; 7] = [
    "\"line\nbreak\"",
    "\"a.b\"",
    "\"say \"\"hi\"\"\"",
    "\"-- x; drop table keep\"",
    "\"größe_名前\"",
    "\"$1 \\.\"",
    "\"a234567890123456789012345678901234567890123456789012345678901 3\"",
];

const ODD_NAMES: &str = "
    create schema \"Odd. schema\"; create table keep (a int); insert into keep values (1);
    do $$ declare name text; begin
      foreach name in array array[E'line\\nbreak', 'a.b', 'say \"hi\"', '-- x; drop table keep', 'größe_名前', '$1 \\.',
          'a234567890123456789012345678901234567890123456789012345678901 3'] loop
        execute format('create table \"Odd. schema\".%I (%I int primary key, %I text)', name, name, '2' || left(name, 40));
        execute format('insert into \"Odd. schema\".%I select n, %L || n from generate_series(1, 20) n', name, name);
        execute format('create index on \"Odd. schema\".%I (%I)', name, '2' || left(name, 40));
        execute format('comment on table \"Odd. schema\".%I is %L', name, name);
      end loop; end $$;";

/// Every row of a table as text, in order.
fn rows(stage: &Stage, database: &str, table: &str) -> String {
    let sql = format!("select string_agg(t::text, '|' order by t::text) from {table} t");
    stage.cluster.psql(database, &sql)
}

fn restored(stage: &Stage, target: &Target, args: &[&str]) {
    stage.restore_with(target, args.iter().copied()).success();
}

#[test]
fn odd_names_are_names() {
    let stage = Stage::backed_up(ODD_NAMES);
    let live = stage.live();
    for name in NAMES {
        let table = format!("\"Odd. schema\".{name}");
        let target = stage.target();
        restored(&stage, &target, &["--table", &table]);
        let source = rows(&stage, &stage.database, &table);
        assert_eq!(rows(&stage, &target.name, &table), source, "{name}");
        let others = "select count(*) from pg_class where relkind = 'r' and relnamespace in (select oid from \
            pg_namespace where nspname in ('public', 'Odd. schema'))";
        assert_eq!(stage.cluster.psql(&target.name, others), "1", "{name}");
        // beside it, under a name that is as odd
        let beside = format!("{}2\"", name.strip_suffix('"').unwrap());
        if name.len() < 60 {
            restored(&stage, &live, &["--table", &table, "--as", &beside]);
            let beside = format!("\"Odd. schema\".{beside}");
            assert_eq!(rows(&stage, &live.name, &beside), source, "{name}");
        }
        // what the server itself writes of it
        let csv = stage.run(["get", "latest", "--table", &table, "--format", "csv", "-q", "-o", "-"]);
        let copy = format!("copy {table} to stdout (format csv, header)");
        let copied = stage.cluster.psql(&stage.database, &copy);
        assert_eq!(csv.success().text().trim_end(), copied.trim_end(), "{name}");
    }
    assert_eq!(rows(&stage, &live.name, "keep"), "(1)");
    let contents = stage
        .run(["restore", "latest", "--contents", "--json"])
        .success()
        .json();
    assert_eq!(contents["tables"].as_array().unwrap().len(), 8);
}

const ODD_TABLES: &str = "
    create table nothing (); insert into nothing default values; insert into nothing default values;
    create table empty (a int);
    create type pair as (a int, b text); create table typed of pair; insert into typed values (1, 'x');
    create domain positive as int check (value > 0); create type mood as enum ('sad', 'ok');
    create table rich (p positive, m mood, c pair, r int4range, l mood[], at timestamptz, x xml, j jsonb,
        exclude using gist (r with &&), check ((c).a > 0), unique nulls not distinct (p));
    insert into rich select n, 'ok', (n, E'\\t,\"\\\\')::pair, int4range(n, n + 1), '{sad,ok}', '2026-03-29 01:30+01', null,
        '{\"a\": \"\\u00e9\"}' from generate_series(1, 50) n;
    create unlogged table unlogged (a int); insert into unlogged values (7);
    create table owner (id serial primary key); insert into owner select from generate_series(1, 9);
    create table guest (id int primary key default nextval('owner_id_seq'), note text); insert into guest (note) values ('g');
    create table dropped (a int, gone text, b int); alter table dropped drop gone; insert into dropped values (1, 2);
    create table own_key (id int primary key, parent int references own_key); insert into own_key values (1, null), (2, 1);
    create table forced (a int); insert into forced values (1); alter table forced enable row level security;
    alter table forced force row level security; create policy p on forced using (false);
    create table \"partition\" (\"partition\" int, by int) with (fillfactor = 70); insert into \"partition\" values (1, 2);";

#[test]
fn odd_tables_come_back_alone_and_beside() {
    let stage = Stage::backed_up(ODD_TABLES);
    let live = stage.live();
    for table in [
        "nothing",
        "empty",
        "typed",
        "rich",
        "unlogged",
        "owner",
        "guest",
        "dropped",
        "own_key",
        "forced",
        "partition",
    ] {
        let sql = format!("\"{table}\"");
        let source = rows(&stage, &stage.database, &sql);
        let target = stage.target();
        restored(&stage, &target, &["--table", table]);
        assert_eq!(rows(&stage, &target.name, &sql), source, "{table}");
        let beside = format!("{table}_before");
        restored(&stage, &live, &["--table", table, "--as", &beside]);
        assert_eq!(rows(&stage, &live.name, &beside), source, "{table}");
        let got = stage
            .run(["get", "latest", "--table", table, "-q", "-o", "-"])
            .success();
        let copied = stage.cluster.psql(&stage.database, &format!("copy {sql} to stdout"));
        assert_eq!(
            got.text().trim_end_matches('\n'),
            copied.trim_end_matches('\n'),
            "{table}"
        );
        // and into the table itself, once it is empty
        stage.cluster.psql(&live.name, &format!("truncate {sql}"));
        restored(&stage, &live, &["--table", table, "--data-only"]);
        assert_eq!(rows(&stage, &live.name, &sql), source, "{table}");
    }
    // the sequence of another table goes on where it stood
    let target = stage.target();
    restored(&stage, &target, &["--table", "guest"]);
    stage
        .cluster
        .psql(&target.name, "insert into guest (note) values ('next')");
    assert_eq!(stage.cluster.psql(&target.name, "select max(id) from guest"), "11");
}

#[test]
fn a_new_name_that_can_t_be_had_is_refused_before_anything_is_read() {
    let stage = Stage::backed_up(ODD_TABLES);
    let live = stage.live();
    stage.cluster.psql(
        &live.name,
        "create view seen as select 1 as one; create index an_index on dropped (a)",
    );
    let long = "x".repeat(64);
    for (name, status, word) in [
        ("owner", 3, "public.owner"),
        ("seen", 3, "view public.seen"),
        ("an_index", 3, "index public.an_index"),
        ("owner_id_seq", 3, "sequence public.owner_id_seq"),
        ("mood", 3, "type public.mood"),
        ("positive", 3, "domain public.positive"),
        ("pair", 3, "type public.pair"),
        (long.as_str(), 2, "64 bytes"),
        ("nowhere.t", 3, "nowhere"),
    ] {
        let outcome = stage
            .restore_with(&live, ["--table", "dropped", "--as", name])
            .ended_with(status);
        assert!(outcome.stderr.contains(word), "{name}: {}", outcome.stderr);
    }
    // the type of another table's array gives way
    restored(&stage, &live, &["--table", "dropped", "--as", "_owner"]);
    let longest = "x".repeat(63);
    restored(&stage, &live, &["--table", "dropped", "--as", &longest]);
}

#[test]
fn rows_alone_come_by_the_names_of_columns() {
    let stage = Stage::backed_up(
        "create table t (a int, gone int, b text, c int); alter table t drop gone; \
        insert into t select n, 'b' || n, -n from generate_series(1, 30) n",
    );
    for (made, read) in [
        ("create table t (c int, b text, a int)", "select a, b, c from t"),
        (
            "create table t (x int, a int, b text, c int, more text default 'm')",
            "select a, b, c from t where more = 'm'",
        ),
        (
            "create table t (a int, x int, b text, c int); alter table t drop x",
            "select * from t",
        ),
        ("create table t (a bigint, b varchar(9), c numeric)", "select * from t"),
    ] {
        let target = stage.target();
        stage.cluster.psql(&target.name, made);
        restored(&stage, &target, &["--table", "t", "--data-only"]);
        let sql = format!("select string_agg(t::text, '|' order by t::text) from ({read}) t");
        let is = stage.cluster.psql(&target.name, &sql);
        assert_eq!(is, rows(&stage, &stage.database, "t"), "{made}");
    }
    for (made, word) in [
        ("create table t (a int, b text)", "columns"),
        (
            "create table t (a int, b text, c int generated always as (a) stored)",
            "columns",
        ),
        ("create view t as select 1 as a", "no such object"),
        (
            "create table t (a int, b text, c int); insert into t values (1, 'x', 2)",
            "rows",
        ),
        ("create table t (a int, b text, c int check (c > 0))", "check"),
        ("create table t (a int, b text, c int, d int not null)", "null"),
    ] {
        let target = stage.target();
        stage.cluster.psql(&target.name, made);
        let outcome = stage
            .restore_with(&target, ["--table", "t", "--data-only"])
            .ended_with(3);
        assert!(outcome.stderr.contains(word), "{made}: {}", outcome.stderr);
        let count = stage.cluster.psql(&target.name, "select count(*) from t");
        assert!(["0", "1"].contains(&count.as_str()), "{made}: {count}");
    }
}

const GUARDED: &str = "
    do $$ begin create role one_table_reader; exception when duplicate_object then null; end $$;
    create schema app; create function app.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
    create function app.own(int) returns boolean language sql as 'select true';
    create table app.t (a int primary key check (app.own(a)), b int); insert into app.t values (1, 2);
    create trigger stamp before insert on app.t for each row execute function app.stamp();
    alter table app.t enable row level security; create policy own on app.t to one_table_reader using (app.own(a));
    create table app.refers (a int references app.t); insert into app.refers values (1);
    create table app.heir (c int) inherits (app.t); insert into app.heir values (5, 6, 7);";

#[test]
fn what_a_table_needs_comes_with_it_and_a_role_that_is_missing_is_said() {
    let stage = Stage::backed_up(GUARDED);
    let target = stage.target();
    restored(&stage, &target, &["--table", "app.t"]);
    let there = "select (select count(*) from app.t), (select count(*) from pg_policy), (select count(*) from pg_trigger \
        where not tgisinternal), (select count(*) from pg_proc where pronamespace = 'app'::regnamespace)";
    assert_eq!(stage.cluster.psql(&target.name, there), "1|1|1|2");
    // a foreign key to a table that isn't there is left out and named, and the rows come
    let target = stage.target();
    let outcome = stage.restore_with(&target, ["--table", "app.refers"]);
    assert!([0, 9].contains(&outcome.code()), "{}", outcome.stderr);
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    assert!(said.contains("refers_a_fkey"), "{said}");
    assert_eq!(rows(&stage, &target.name, "app.refers"), "(1)");
    // an heir comes with its parent's columns
    let target = stage.target();
    restored(&stage, &target, &["--table", "app.heir"]);
    assert_eq!(rows(&stage, &target.name, "app.heir"), "(5,6,7)");
    stage
        .restore_with(&stage.live(), ["--table", "app.heir", "--as", "x"])
        .ended_with(2);
}

#[test]
fn a_type_that_differs_in_the_target_leaves_it_as_it_was() {
    let stage = Stage::backed_up(ODD_TABLES);
    for made in [
        "create type mood as enum ('sad')",
        "create domain positive as int check (value > 40)",
        "create type pair as (a int)",
    ] {
        let target = stage.target();
        stage.cluster.psql(&target.name, made);
        let outcome = stage.restore_with(&target, ["--table", "rich"]).ended_with(3);
        let tables = "select count(*) from pg_tables where schemaname = 'public'";
        assert_eq!(
            stage.cluster.psql(&target.name, tables),
            "0",
            "{made}: {}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("nothing was changed"), "{}", outcome.stderr);
    }
}

#[test]
fn dates_and_numbers_come_as_they_are_written_by_any_setting_of_the_database() {
    let stage = Stage::of(
        "create table t (d date, at timestamptz, i interval, f float8, b bytea, m money); insert into t values ('2026-12-31', \
         '2026-12-31 23:59:59.5+02', '1 year 2 days 03:04:05', 0.1, '\\x00ff5c0a', 12.5), ('infinity', '-infinity', null, 'NaN', '', null)",
    );
    let set = [
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'sql_standard'",
        "extra_float_digits = -5",
        "timezone = 'Asia/Tokyo'",
    ];
    for setting in set {
        let sql = format!("alter database {} set {setting}", stage.database);
        stage.cluster.psql("postgres", &sql);
    }
    stage.back_up();
    let got = stage
        .run(["get", "latest", "--table", "t", "--format", "csv", "-q", "-o", "-"])
        .success();
    for value in [
        "2026-12-31",
        "2026-12-31 21:59:59.5+00",
        "0.1",
        "\\x00ff5c0a",
        "infinity",
        "-infinity",
        "NaN",
    ] {
        assert!(got.text().contains(value), "{value}: {}", got.text());
    }
    let target = stage.target();
    restored(&stage, &target, &["--table", "t"]);
    let same = "select md5(string_agg(row(d, extract(epoch from at), i::text, f, b)::text, '|' order by d)) from t";
    let set = "set datestyle = iso; set intervalstyle = postgres; set extra_float_digits = 1; ";
    let digest = |database: &str| stage.cluster.psql(database, &format!("{set}{same}"));
    assert_eq!(digest(&target.name), digest(&stage.database));
}

#[test]
fn rows_that_are_larger_than_a_chunk_come_whole() {
    let stage = Stage::backed_up(
        "create table huge (n int, body text); alter table huge alter body set storage external;
         insert into huge select n, repeat(E'tab\\t\"quote\" line\\n', 200000) from generate_series(1, 3) n;
         create table wide (a text, b text); insert into wide values (repeat('x', 3000000), null), (null, repeat('\\', 1500000))",
    );
    for table in ["huge", "wide"] {
        let digest = |table: &str| format!("select md5(string_agg(t::text, '|' order by t::text)) from {table} t");
        let source = stage.cluster.psql(&stage.database, &digest(table));
        for (format, how) in [("copy", ""), ("csv", "with (format csv, header)")] {
            let file = stage.file(format);
            let args = [
                "get",
                "latest",
                "--table",
                table,
                "--format",
                format,
                "-q",
                "-o",
                file.to_str().unwrap(),
            ];
            stage.run(args).success();
            let load = format!(
                "create temp table read (like {table});\n\\copy read from '{}' {how}\n",
                file.display()
            );
            let read = stage
                .cluster
                .psql(&stage.database, &format!("{load}{};", digest("read")));
            assert_eq!(read, source, "{table} {format}");
            std::fs::remove_file(file).unwrap();
        }
        let target = stage.target();
        restored(&stage, &target, &["--table", table]);
        assert_eq!(stage.cluster.psql(&target.name, &digest(table)), source, "{table}");
    }
}

#[test]
fn a_row_of_any_length_takes_no_more_memory() {
    let stage = Stage::backed_up(
        "create table longest (n int, body text); alter table longest alter body set storage external;
         insert into longest select 1, repeat(md5('x') || E'\\t\"', 3000000);",
    );
    for format in ["copy", "csv"] {
        let file = stage.file(format);
        let args = [
            "get",
            "latest",
            "--table",
            "longest",
            "--format",
            format,
            "-q",
            "-o",
            file.to_str().unwrap(),
        ];
        let outcome = stage.run(args).success();
        assert!(file.metadata().unwrap().len() > 100 << 20);
        assert!(
            outcome.peak_memory_bytes < 128 << 20,
            "{format}: {}",
            outcome.peak_memory_bytes
        );
    }
}

#[test]
fn of_a_table_without_partitions_and_of_one_of_an_extension_it_is_said_what_it_has() {
    let stage = Stage::backed_up("create table bare (a int) partition by list (a); create view v as select 1 as a");
    let target = stage.target();
    restored(&stage, &target, &["--table", "bare"]);
    let kind = "select relkind from pg_class where relname = 'bare'";
    assert_eq!(stage.cluster.psql(&target.name, kind), "p");
    for table in ["bare", "v"] {
        stage
            .run(["get", "latest", "--table", table, "-q", "-o", "-"])
            .ended_with(2);
    }
}
