//! The same backup on each ground, and on each version of PostgreSQL.

use super::{assert_proven, drilled, findings, folders_in, left_on, on_server, open_folder};
use crate::{
    stage::{SMALL, Stage},
    testbed::{Agent, Cluster},
};

/// What frameworks, people and tools put into databases.
pub(super) const RICH: &str = r#"
    do $$ begin create role drill_shop; exception when duplicate_object then null; end $$;
    do $$ begin create role drill_reader; exception when duplicate_object then null; end $$;
    create schema shop authorization drill_shop;
    grant usage on schema shop to drill_reader;
    set role drill_shop;
    create type shop.mood as enum ('sad', 'glad');
    create domain shop.amount as numeric(12, 2) check (value >= 0);
    create table shop.customers (
        id bigint generated always as identity primary key,
        email text not null unique,
        status varchar(20) not null default 'new' check (status in ('new', 'paid', 'gone')),
        mood shop.mood default 'glad',
        at timestamptz not null default now(),
        photo bytea,
        full_name text generated always as (upper(status)) stored
    );
    create table shop.orders (
        id serial primary key,
        customer bigint references shop.customers (id),
        total shop.amount not null,
        placed date not null
    );
    create table shop.events (id bigint, at date not null) partition by range (at);
    create table shop.events_2026 partition of shop.events for values from ('2026-01-01') to ('2027-01-01');
    create index events_at on shop.events (at);
    create index orders_of on shop.orders (customer, placed desc) where total > 10;
    create function shop.total_of(bigint) returns numeric language sql stable
        as 'select sum(total) from shop.orders where customer = $1';
    create function shop.touch() returns trigger language plpgsql as $f$ begin new.status := new.status; return new; end $f$;
    create trigger touch before update on shop.customers for each row execute function shop.touch();
    create view shop.big as select * from shop.orders where total between 10 and 1000;
    create materialized view shop.daily as select placed, count(*) as n from shop.orders group by placed with no data;
    create materialized view shop.filled as select 1 as one;
    alter table shop.orders enable row level security;
    create policy own on shop.orders for select to drill_reader using (customer = 1);
    alter table shop.orders add constraint later check (placed > '2000-01-01') not valid;
    comment on table shop.orders is 'what was bought';
    comment on column shop.orders.total is 'in euros';
    grant select on shop.orders to drill_reader;
    grant update (total) on shop.orders to drill_reader;
    revoke execute on function shop.total_of(bigint) from public;
    alter default privileges in schema shop grant select on tables to drill_reader;
    insert into shop.customers (email, status, at, photo)
        select 'c' || n || '@example.com', 'paid', '2026-03-29 01:30:00+01'::timestamptz + n * interval '1 hour', '\xdead'
          from generate_series(1, 300) n;
    insert into shop.orders (customer, total, placed)
        select n, n * 1.5, '2026-01-01'::date + n from generate_series(1, 300) n;
    insert into shop.events select n, '2026-01-01'::date + n from generate_series(1, 100) n;
    select lo_from_bytea(4711, 'a large object');
    reset role;
"#;

/// Another server hashes a value of an enum in another way, so the rows are in other partitions after a restore.
#[test]
fn partitions_by_the_hash_of_an_enum_are_compared_as_one_table() {
    let stage = Stage::backed_up(
        "create type e as enum ('z', 'y'); create table ep (m e, v int) partition by hash (m);
         create table ep0 partition of ep for values with (modulus 3, remainder 0);
         create table ep1 partition of ep for values with (modulus 3, remainder 1);
         create table ep2 partition of ep for values with (modulus 3, remainder 2);
         create table other (i int); insert into other values (1);
         insert into ep select case when i % 2 = 0 then 'z'::e else 'y' end, i from generate_series(1, 100) i",
    );
    let folder = open_folder();
    let report = assert_proven(&stage.agent().env("TMPDIR", folder.path()));
    assert_eq!(report["counts"]["rows"], 101);
    assert_eq!(report["differences"].as_array().unwrap().len(), 0, "{report:#}");
}

fn rich_is_proven_on(major: Option<u32>) {
    let stage = Stage::on(major, RICH);
    stage.back_up();
    let folder = open_folder();
    let agent = stage.agent().env("TMPDIR", folder.path());
    let report = assert_proven(&agent);
    assert_eq!(report["scratch"]["place"], "local");
    assert_eq!(report["counts"]["rows"], 700);
    assert_eq!(report["counts"]["large_objects"], 1);
    assert_eq!(report["differences"].as_array().unwrap().len(), 0);
    assert!(report["times"]["restore_ms"].as_i64().unwrap() > 0);
    assert_eq!(folders_in(folder.path()).len(), 0);
}

#[test]
fn a_rich_database_is_proven_on_a_server_of_its_own() {
    rich_is_proven_on(None);
}

#[test]
fn the_same_on_postgresql_16() {
    rich_is_proven_on(Some(16));
}

#[test]
fn the_same_on_postgresql_18() {
    rich_is_proven_on(Some(18));
}

#[test]
fn the_shop_with_all_that_is_odd_is_proven() {
    let stage = Stage::shop(None);
    stage.back_up();
    let report = drilled(&stage.agent(), 0);
    assert_eq!(report["verdict"], "proven", "{report:#}");
}

/// The text of a moment depends on the session's time zone, which is not part of a backup.
#[test]
fn rows_of_a_database_in_another_time_zone_are_the_same() {
    let stage =
        Stage::of("create table moments (at timestamptz, raw bytea); insert into moments values (now(), '\\xdead')");
    stage.cluster.psql(
        "postgres",
        &format!(
            "alter database {0} set timezone = 'Asia/Kolkata'; alter database {0} set bytea_output = 'escape'",
            stage.database
        ),
    );
    stage.back_up();
    assert_proven(&stage.agent());
    assert_proven(&on_server(&stage));
}

/// A restore puts the columns of a parent first, wherever they were.
#[test]
fn columns_that_a_restore_puts_elsewhere_are_no_difference() {
    let stage = Stage::of(
        "create table parent (a int); create table child (own int) inherits (parent);
         alter table parent add column late text; insert into child values (1, 2, 'x'), (3, 4, 'y');
         insert into parent values (5, 'z');",
    );
    stage.back_up();
    let report = drilled(&on_server(&stage), 9);
    let named = findings(&report, "not_compared");
    assert_eq!(named.lines().count(), 1, "{named}");
    assert!(
        named.starts_with("TABLE DATA public.child: its columns have another order"),
        "{named}"
    );
}

/// Trusted ones are made by the restore; of the others those that reach nothing outside.
#[test]
fn extensions_are_made_for_a_drill() {
    let stage = Stage::of(
        "create schema ext; create extension citext; create extension pg_stat_statements schema ext;
         create extension moddatetime schema ext; create table people (name citext unique, at timestamptz);
         create trigger moved before update on people for each row execute function ext.moddatetime('at');
         create view slow as select query from ext.pg_stat_statements; insert into people values ('A');",
    );
    stage.back_up();
    assert_proven(&stage.agent());
}

#[test]
fn a_server_where_databases_may_be_created_is_a_ground_too() {
    let stage = Stage::backed_up(SMALL);
    let report = assert_proven(&on_server(&stage));
    assert_eq!(report["scratch"]["major"], 15);
    assert!(
        report["scratch"]["place"]
            .as_str()
            .unwrap()
            .contains("/pgcoffer_drill_")
    );
}

#[test]
fn a_role_that_may_create_databases_is_enough() {
    let stage = Stage::backed_up(SMALL);
    stage.cluster.psql("postgres", "create role drill_maker login createdb");
    let url = stage.cluster.url_as("drill_maker", None, "postgres");
    let report = assert_proven(&stage.agent().env("PGCOFFER_SCRATCH_URL", url));
    assert!(report["scratch"]["place"].as_str().unwrap().starts_with("drill_maker@"));
}

/// Policies that apply to a table's owner too would hide its rows from the role that has restored them.
#[test]
fn tables_that_hide_rows_from_their_owner_are_compared() {
    let stage = Stage::backed_up(
        "create table hidden (id int, who text); insert into hidden select n, 'w' || n from generate_series(1, 50) n;
         alter table hidden enable row level security; alter table hidden force row level security;
         create policy few on hidden using (id < 3); create table seen as select 1 as one;",
    );
    stage.cluster.psql("postgres", "create role drill_hider login createdb");
    let url = stage.cluster.url_as("drill_hider", None, "postgres");
    let report = assert_proven(&stage.agent().env("PGCOFFER_SCRATCH_URL", url));
    assert_eq!(report["counts"]["rows"], 51);
    assert_proven(&stage.agent());
}

#[test]
fn what_names_roles_that_a_server_lacks_is_named() {
    let stage = Stage::backed_up(RICH);
    let other = Cluster::start(Some(16));
    // the clients of 15 can't dump a server of 16: both are there
    let bin = both_versions();
    let agent = stage
        .agent()
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", bin.path())
        .env("PGCOFFER_SCRATCH_URL", other.url("postgres"));
    let report = drilled(&agent, 9);
    assert_eq!(report["verdict"], "partly_proven", "{report:#}");
    let named = findings(&report, "not_compared");
    assert!(named.contains("POLICY shop.orders own: it names roles"), "{named}");
    assert!(
        report["remarks"].to_string().contains("PostgreSQL 15 and 16"),
        "{report:#}"
    );
    assert_eq!(left_on(&other), "");
}

/// A folder with the programs of 15 and of 16, as a setting may name one.
fn both_versions() -> tempfile::TempDir {
    let folder = open_folder();
    for major in [None, Some(16)] {
        let bin = Cluster::shared(major).bin().to_owned();
        let name = if major.is_none() { "15" } else { "16" };
        std::os::unix::fs::symlink(bin, folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn each_database_has_its_drill() {
    let stage = Stage::small();
    let other = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_OTHER_URL", stage.cluster.url(&other.database))
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    agent.run(["backup", "main"]).success();
    agent.run(["backup", "other"]).success();
    let drills = agent.run(["drill", "--json"]).success().json();
    let labels: Vec<&str> = drills["drills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["database"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["main", "other"]);
    // whose drill fails is said
    let nowhere = agent.env("PGCOFFER_SCRATCH_URL", "postgres://nobody@127.0.0.1:1/postgres");
    let said = nowhere.run(["drill"]).ended_with(3).stderr;
    for words in [
        "error: main: ",
        "error: other: ",
        "error: 2 of 2 could not be drilled: main, other",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn in_a_log_each_fact_of_a_verdict_is_one_line() {
    let stage = Stage::backed_up(SMALL);
    let outcome = on_server(&stage).run(["drill"]).success();
    let text = outcome.text();
    assert!(text.starts_with("Proven: "), "{text}");
    assert!(text.contains("compared 2 tables, 500 rows"), "{text}");
    let restored = text.lines().find(|line| line.starts_with("  restored in")).unwrap();
    assert!(restored.ends_with(" in all"), "{text}");
}

#[test]
fn a_machine_without_the_database_drills_what_is_in_the_bucket() {
    let stage = Stage::backed_up(SMALL);
    let agent = Agent::new()
        .s3(&stage.bucket)
        .key(crate::stage::KEY)
        .env("PGCOFFER_PG_BIN", stage.cluster.bin());
    assert_proven(&agent);
}
