//! Restores by several jobs at once: what comes back, what it costs, and what faults leave.

mod bytes;
mod faults;
mod limits;
mod resume;
mod whole;

use crate::stage::{Stage, Target};

/// Everything whose place in a restore matters: tables of all sizes, a circle of foreign keys, partitions by range and by
/// hash, identity and generated columns, large objects, materialized views of one another, views that need a key, rows
/// that a policy hides, privileges that are taken away, names that have to be quoted.
pub(super) const EVERYTHING: &str = "
    do $$ begin create role parallel_reader; exception when duplicate_object then null; end $$;
    create schema app; create schema \"odd (schema\";
    create type app.mood as enum ('sad', 'ok');
    create domain app.mail as text check (value like '%@%');
    create function app.norm(t text) returns text language sql immutable as $$ select lower(t) $$;
    create function app.stamp() returns trigger language plpgsql as $$ begin new.note := 'stamped'; return new; end $$;
    create table app.customers (id int generated always as identity primary key, name text not null, mail app.mail unique,
        m app.mood default 'ok', long int generated always as (length(name) * 2) stored, note text);
    insert into app.customers (name, mail, m, note) select 'name ' || n, n || '@x', case n % 3 when 0 then 'sad' else 'ok'
        end::app.mood, repeat(md5(n::text), 8) from generate_series(1, 20000) n;
    create table app.orders (id bigserial primary key, customer int not null references app.customers, placed date not null,
        body text);
    alter table app.orders alter body set storage external;
    insert into app.orders (customer, placed, body) select n % 20000 + 1, date '2024-01-01' + n % 700,
        (select string_agg(md5(random()::text || n || m), '') from generate_series(1, 64) m) from generate_series(1, 6000) n;
    alter table app.customers add last_order bigint references app.orders deferrable initially deferred;
    update app.customers set last_order = 1 + id % 6000;
    create table app.events (at date not null, kind int not null, who int references app.customers, body text, primary key
        (at, kind)) partition by range (at);
    create table app.events_2024 partition of app.events for values from ('2024-01-01') to ('2025-01-01');
    create table app.events_2025 partition of app.events for values from ('2025-01-01') to ('2026-01-01');
    create table app.events_rest partition of app.events default;
    create index on app.events (who); create index on app.events (app.norm(body));
    insert into app.events select date '2024-01-01' + n % 900, n, 1 + n % 20000, repeat(md5(n::text), 20) from
        generate_series(1, 9000) n;
    create table app.hashed (m app.mood, v text) partition by hash (m);
    create table app.hashed_0 partition of app.hashed for values with (modulus 2, remainder 0);
    create table app.hashed_1 partition of app.hashed for values with (modulus 2, remainder 1);
    insert into app.hashed select case n % 2 when 0 then 'sad' else 'ok' end::app.mood, md5(n::text) from
        generate_series(1, 4000) n;
    create materialized view app.by_day as select at, count(*) as n, sum(kind) as k from app.events group by at;
    create unique index on app.by_day (at);
    create materialized view app.a_first as select max(n) as most, (select last_value from app.orders_id_seq) as last from
        app.by_day;
    create view app.named as select c.id, c.name, count(o.id) as n from app.customers c left join app.orders o on o.customer =
        c.id group by c.id;
    create table app.files (id int primary key, content oid);
    insert into app.files select n, lo_from_bytea(0, decode(repeat(md5(n::text), 200), 'hex')) from generate_series(1, 60) n;
    do $$ declare o oid; begin select content into o from app.files where id = 7;
        execute 'comment on large object ' || o || ' is ''seven'''; execute 'grant select on large object ' || o ||
        ' to parallel_reader'; end $$;
    create table app.nothing (); create table app.empty (a int, b text); create unlogged table app.fast (a int);
    insert into app.fast select generate_series(1, 100);
    create table \"odd (schema\".\"My \"\"table (x)\" (\"a (b\" int, \"c\"\"d\" text, exclude using btree (\"a (b\" with =));
    insert into \"odd (schema\".\"My \"\"table (x)\" select n, E'\\\\N\\t\\n' from generate_series(1, 50) n;
    create table app.parents (id int primary key); create table app.children (extra text) inherits (app.parents);
    insert into app.parents values (1); insert into app.children values (2, 'x');
    create trigger stamping before insert or update on app.files for each row execute function app.stamp();
    alter table app.files add note text; update app.files set id = id;
    create rule keep as on delete to app.empty do instead nothing;
    alter table app.orders enable row level security; alter table app.orders force row level security;
    create policy own on app.orders for select to parallel_reader using (customer = 7);
    create statistics app.both on name, m from app.customers;
    create sequence app.lone start 5; select setval('app.lone', 77);
    comment on table app.orders is 'orders'; comment on column app.orders.body is 'noise'; comment on index app.by_day_at_idx
        is 'days';
    revoke insert, select on app.customers from postgres; grant select (id, name) on app.customers to parallel_reader;
    revoke execute on function app.norm(text) from public; alter default privileges in schema app grant select on tables to
        parallel_reader;
    create publication parallel_pub for table app.files;";

/// Four tables of some 8 MB that hardly compress, and small ones.
pub(super) const FOUR: &str = "
    create table t1 (id int primary key, noise text); alter table t1 alter noise set storage external;
    insert into t1 select n, (select string_agg(md5(random()::text || n || m), '') from generate_series(1, 256) m) from
        generate_series(1, 1000) n;
    create table t2 (like t1 including all); insert into t2 select id + 1000, reverse(noise) from t1;
    create table t3 (like t1 including all); insert into t3 select id + 2000, md5(noise) || noise from t1;
    create table t4 (like t1 including all); insert into t4 select id + 3000, noise || md5(noise) from t1;
    create table s1 (a int); insert into s1 select generate_series(1, 100); create table s2 (a int unique);
    insert into s2 select generate_series(1, 100); alter table t4 add foreign key (id) references t4;";

const JOBS: [&str; 2] = ["--jobs", "4"];

/// A database in SQL, as pg_dump writes it, but for what differs each time: in which partition a value of an enumeration
/// is, as that goes by its number.
fn dumped(stage: &Stage, database: &str) -> String {
    let mut command = stage.cluster.client("pg_dump");
    let output = command
        .args(["--dbname", &stage.cluster.url(database)])
        .args(["--exclude-table-data", "app.hashed_*"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let is_same = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    let text = text.lines().filter(is_same).collect::<Vec<_>>().join("\n");
    let hashed = stage
        .cluster
        .try_psql(database, "select string_agg(h::text, ' ' order by h) from app.hashed h");
    format!("{text}\n{}", hashed.unwrap_or_default())
}

/// The first lines that differ.
#[track_caller]
fn assert_same(is: &str, was: &str, what: &str) {
    let mut pairs = is.lines().zip(was.lines()).enumerate();
    let first = pairs.find(|(_, (is, was))| is != was);
    assert!(first.is_none(), "{what}: {first:?}");
    assert_eq!(is.len(), was.len(), "{what}");
}

/// Of these tables, each has all of its rows or none, and how many have all.
fn whole_tables(stage: &Stage, target: &Target, tables: &[&str], rows: &str) -> usize {
    let count = |table: &&&str| {
        let found = stage
            .cluster
            .try_psql(&target.name, &format!("select count(*) from {table}"));
        let found = found.unwrap_or_else(|_| "0".to_owned());
        assert!([rows, "0"].contains(&found.as_str()), "{table}: {found}");
        found == rows
    };
    tables.iter().filter(count).count()
}
