//! Tables that the target has and that belong to somebody else: what takes their owner is named before, and rows go
//! into them in the order that their keys want.

use crate::stage::{Stage, unique};

/// What a platform puts into every database. `PLAT` owns it.
const PLATFORM: &str = "create role PLAT; create schema auth; alter schema auth owner to PLAT; set role PLAT;
    create table auth.events (at date not null, what text) partition by range (at); create index on auth.events (what);
    create table auth.accounts (id int primary key); create table auth.base (b int); create table auth.shown (a int);
    reset role; grant usage on schema auth to public; grant all on auth.shown, auth.events, auth.base to public; grant \
        select, insert on auth.accounts to public;";

#[test]
fn objects_that_need_the_owner_of_a_foreign_table_are_named_before() {
    let stage = Stage::of("");
    let (first, second) = (unique("plat"), unique("plat"));
    stage.cluster.psql(&stage.database, &PLATFORM.replace("PLAT", &first));
    stage.cluster.psql(
        &stage.database,
        "create table events_2025 partition of auth.events for values from ('2025-01-01') to ('2026-01-01'); insert \
         into events_2025 values ('2025-02-03', 'x');
         create table child (c int) inherits (auth.base); insert into child values (1, 2); create table own (id int \
             primary key, account int references auth.accounts);
         insert into auth.accounts values (1); insert into own values (1, 1); create publication p for table own, \
             auth.shown; create view seen as select * from child",
    );
    stage.back_up();
    let (_, target) = stage.customers_target(&PLATFORM.replace("PLAT", &second));
    let outcome = stage.restore(&target).ended_with(9);
    for missing in [
        "table attach public.events_2025: only the owner of table auth.events",
        "table public.child: only the owner of table auth.base",
        "fk constraint own_account_fkey on public.own: the restoring role has no right to create foreign keys to table \
         auth.accounts",
        "view public.seen: it needs table public.child",
        "publication table auth.p shown",
    ] {
        assert!(
            outcome.text().contains(&format!("missing: {missing}")),
            "{missing}: {}",
            outcome.text()
        );
    }
    let there = "select (select string_agg(e::text, ';') from events_2025 e), (select count(*) from own), (select \
        string_agg(tablename, ',') from pg_publication_tables),
        (select count(*) from auth.accounts), (select count(*) from pg_indexes where tablename = 'events_2025')";
    assert_eq!(stage.cluster.psql(&target.name, there), "(2025-02-03,x)|1|own|1|1");
    // a superuser makes all of it
    let target = stage.target();
    stage
        .cluster
        .psql(&target.name, &PLATFORM.replace("PLAT", &unique("plat")));
    stage.cluster.psql(
        &target.name,
        "alter schema auth owner to postgres; drop schema auth cascade",
    );
    stage.restore(&target).success();
}

/// Rows that want others first, which stand behind them in the archive; a circle; a trigger.
const KEYED: &str = "create role PLAT; create schema auth; alter schema auth owner to PLAT; set role PLAT;
    create table auth.z_users (id int primary key, parent int references auth.z_users); create table auth.m_sessions \
        (id int primary key, who int references auth.z_users);
    create table auth.a_tokens (id int primary key, session int references auth.m_sessions, who int references \
        auth.z_users);
    create table auth.ring_a (id int primary key, b int); create table auth.ring_b (id int primary key, a int \
        references auth.ring_a);
    alter table auth.ring_a add foreign key (b) references auth.ring_b; create table auth.watched (a int);
    reset role; grant usage on schema auth to public; grant all on all tables in schema auth to public;";

const WATCHED: &str = "create function auth.watch() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger watch before insert on auth.watched for each row execute function auth.watch();";

const ROWS: &str = "insert into auth.z_users values (1, 2), (2, null); insert into auth.m_sessions values (1, 1), (2, \
    2); insert into auth.a_tokens values (1, 2, 1);
    insert into auth.ring_a values (1, null); insert into auth.ring_b values (1, 1); update auth.ring_a set b = 1; \
        insert into auth.watched values (1);
    create table profiles (id int primary key references auth.m_sessions); insert into profiles values (1); create \
        materialized view counted as select count(*) as n from auth.a_tokens;";

const LOADED: &str = "select (select count(*) from auth.z_users), (select count(*) from auth.m_sessions), (select \
    count(*) from auth.a_tokens), (select count(*) from profiles),
    (select n from counted), (select count(*) from auth.ring_a), (select count(*) from auth.watched),
    (select count(*) from pg_constraint where conrelid = 'profiles'::regclass and contype = 'f')";

#[test]
fn rows_are_loaded_into_existing_tables_in_the_order_of_their_keys() {
    let stage = Stage::of("");
    let platform = || format!("{}{WATCHED}", KEYED.replace("PLAT", &unique("plat")));
    stage.cluster.psql(&stage.database, &platform());
    stage.cluster.psql(&stage.database, ROWS);
    stage.back_up();
    let (_, target) = stage.customers_target(&platform());
    let outcome = stage.restore(&target).ended_with(9);
    assert_eq!(
        stage.cluster.psql(&target.name, LOADED),
        "2|2|1|1|1|0|0|1",
        "{}",
        outcome.text()
    );
    for words in [
        "table data auth.ring_a: foreign keys of the target's own tables refer to each other in a circle",
        "table data auth.watched: the target's own table has triggers",
        "the backup is read 3 times",
    ] {
        assert!(outcome.text().contains(words), "{words}: {}", outcome.text());
    }
    // which says how they come in by hand, where they can
    let file = std::fs::read_dir(stage.file(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with(".not-restored.sql"));
    let text = std::fs::read_to_string(file.unwrap()).unwrap();
    assert!(text.contains("--data-only"), "{text}");
    // one transaction can't be read twice
    let (_, target) = stage.customers_target(&platform());
    let outcome = stage.restore_with(&target, ["--single-transaction"]).ended_with(9);
    assert!(
        outcome
            .text()
            .contains("table data auth.m_sessions: a foreign key of the target's own table needs rows"),
        "{}",
        outcome.text()
    );
}
