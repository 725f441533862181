//! One table is restored, with all that belongs to it: into an empty database and into one that is in use, of which
//! nothing is overwritten.

use crate::stage::Stage;

/// A table with everything that can belong to one, between two others; one of its name in another schema.
const PEOPLE: &str = "
    create schema app; create schema other;
    create type app.mood as enum ('sad', 'ok');
    create function app.stamp() returns trigger language plpgsql as $$ begin new.at := now(); return new; end $$;
    create table app.aaa (n int); insert into app.aaa select n from generate_series(1, 1000) n;
    create table app.people (id serial primary key, ident bigint generated always as identity, m app.mood default 'ok',
        \"Odd name\" text, mail text unique, at timestamptz, twice int generated always as (id * 2) stored,
        constraint has_at check (mail like '%@%'));
    insert into app.people (m, mail) select case when n % 2 = 0 then 'ok' else 'sad' end::app.mood, n || '@x' from
        generate_series(1, 500) n;
    create index people_m on app.people (m) where m = 'ok'; create statistics app.people_s on id, m from app.people;
    create trigger stamping before update on app.people for each row execute function app.stamp();
    create rule no_delete as on delete to app.people where old.id = 1 do instead nothing;
    alter table app.people enable row level security; create policy own on app.people using (m = 'ok');
    comment on table app.people is 'who'; comment on column app.people.mail is 'where';
    create table app.orders (id int primary key, who int references app.people); insert into app.orders values (1, 1);
    create table other.people (id int); insert into other.people values (7);
    create view app.moods as select m, count(*) as n from app.people group by m;
    create publication pub for table app.people;";

const WHOLE: &str = "
    select (select count(*) || ',' || sum(ident) || ',' || sum(twice) from app.people),
      (select string_agg(indexrelid::regclass::text, ',' order by indexrelid::regclass::text) from pg_index where indrelid = 'app.people'::regclass),
      (select string_agg(conname, ',' order by conname) from pg_constraint where conrelid = 'app.people'::regclass
        and contype <> 'n'),
      (select string_agg(tgname, ',' order by tgname) from pg_trigger where tgrelid = 'app.people'::regclass and not
        tgisinternal),
      (select string_agg(polname, ',') from pg_policy where polrelid = 'app.people'::regclass),
      (select relrowsecurity from pg_class where oid = 'app.people'::regclass),
      (select string_agg(rulename, ',') from pg_rewrite where ev_class = 'app.people'::regclass),
      (select count(*) from pg_statistic_ext where stxrelid = 'app.people'::regclass),
      (select count(*) from pg_description where objoid = 'app.people'::regclass),
      (select last_value from app.people_id_seq), (select last_value from app.people_ident_seq),
      pg_get_serial_sequence('app.people', 'id')";

const TABLE: [&str; 2] = ["--table", "app.people"];

#[test]
fn a_table_comes_with_all_that_belongs_to_it_on_each_server() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, PEOPLE);
        stage.back_up();
        let target = stage.target();
        let outcome = stage.restore_with(&target, TABLE).success();
        assert!(outcome.text().contains("1 table, 500 rows"), "{}", outcome.text());
        assert_eq!(
            stage.cluster.psql(&target.name, WHOLE),
            stage.cluster.psql(&stage.database, WHOLE)
        );
        let others = "select string_agg(relname, ',') from pg_class where relkind in ('r', 'v') and relnamespace in \
            (select oid from pg_namespace where nspname in ('app', 'other', 'public')) and relname <> 'people'";
        assert_eq!(stage.cluster.psql(&target.name, others), "");
        // what isn't a part of it is named
        for name in ["view app.moods", "publication table", "app.orders"] {
            assert!(outcome.text().contains(name), "{name}: {}", outcome.text());
        }
    }
}

#[test]
fn into_a_database_in_use_a_table_that_is_gone_comes_back_and_nothing_else_changes() {
    let stage = Stage::backed_up(PEOPLE);
    let live = stage.live();
    let before = stage.cluster.psql(&live.name, WHOLE);
    stage.cluster.psql(
        &live.name,
        "drop table app.people cascade; insert into app.orders values (2, 2); delete from app.aaa",
    );
    let outcome = stage.restore_with(&live, TABLE).success();
    assert!(outcome.text().contains("fk constraint"), "{}", outcome.text());
    assert_eq!(stage.cluster.psql(&live.name, WHOLE), before);
    let others = "select (select count(*) from app.orders), (select count(*) from app.aaa), (select count(*) from \
        other.people), (select count(*) from pg_views where schemaname = 'app')";
    assert_eq!(stage.cluster.psql(&live.name, others), "2|0|1|0");
    // once more: it is there, and nothing is overwritten
    stage
        .cluster
        .psql(&live.name, "update app.people set mail = 'new@x' where id = 1");
    for more in [&[][..], &["--keep-going"], &["--no-single-transaction"], &["--preview"]] {
        let said = stage
            .restore_with(&live, TABLE.iter().chain(more).copied())
            .ended_with(3)
            .stderr;
        for word in ["table app.people", "nothing is overwritten", "--as", "--data-only"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    let new = "select count(*) from app.people where mail = 'new@x'";
    assert_eq!(stage.cluster.psql(&live.name, new), "1");
}

#[test]
fn names_that_a_renamed_table_has_left_behind_are_seen_before() {
    let stage = Stage::backed_up(PEOPLE);
    let live = stage.live();
    stage
        .cluster
        .psql(&live.name, "alter table app.people rename to people_broken");
    let said = stage.restore_with(&live, TABLE).ended_with(3).stderr;
    for word in ["index app.people_", "sequence app.people_id_seq", "keep their names"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let rows = "select count(*) from app.people_broken";
    assert_eq!(stage.cluster.psql(&live.name, rows), "500");
}

#[test]
fn what_a_table_needs_and_the_target_has_stays_the_target_s_own() {
    let stage = Stage::backed_up(PEOPLE);
    let target = stage.target();
    stage.cluster.psql(
        &target.name,
        "create schema app; create type app.mood as enum ('sad', 'ok', 'fine'); create table unrelated (a int);
         create function app.stamp() returns trigger language plpgsql as $$ begin return null; end $$;",
    );
    stage.restore_with(&target, TABLE).success();
    let there = "select (select count(*) from app.people), (select prosrc like '%return null%' from pg_proc where proname \
        = 'stamp'), (select count(*) from pg_enum where enumtypid = 'app.mood'::regtype)";
    assert_eq!(stage.cluster.psql(&target.name, there), "500|t|3");
}

#[test]
fn an_owner_who_is_no_superuser_restores_one_into_what_is_in_use() {
    let stage = Stage::backed_up(PEOPLE);
    let (_, target) = stage.customers_target("create table unrelated (a int); alter table unrelated owner to OWNER");
    stage.restore_with(&target, TABLE).success();
    stage.restore_with(&target, TABLE).ended_with(3);
    stage
        .restore_with(&target, ["--table", "app.people", "--as", "people_2"])
        .success();
    let rows = "select (select count(*) from app.people), (select count(*) from app.people_2)";
    assert_eq!(stage.cluster.psql(&target.name, rows), "500|500");
}

#[test]
fn names_say_which_table_is_meant() {
    let stage = Stage::backed_up(
        "create schema \"odd.schema\"; create table \"odd.schema\".\"My \"\"table\" (a int); insert into \
         \"odd.schema\".\"My \"\"table\" values (1), (2); create table public.same (a int); insert into public.same \
         values (3); create table \"odd.schema\".same (a int); create table \"Upper\" (a int); create function two(int) returns \
         int language sql as 'select 2'",
    );
    let target = stage.target();
    stage
        .restore_with(&target, ["--table", "\"odd.schema\".\"My \"\"table\""])
        .success();
    let rows = "select count(*) from \"odd.schema\".\"My \"\"table\"";
    assert_eq!(stage.cluster.psql(&target.name, rows), "2");
    for (name, status, word) in [
        ("same", 2, "public.same"),
        ("upper", 2, "public.Upper"),
        ("nothing", 2, "--contents"),
        ("public.uper", 2, "did you mean public.Upper?"),
        ("a.b.c", 2, "double quotes"),
        ("public.same", 0, ""),
        ("Upper", 0, ""),
    ] {
        let outcome = stage.restore_with(&target, ["--table", name]).ended_with(status);
        assert!(outcome.stderr.contains(word), "{name}: {}", outcome.stderr);
    }
    for (args, word) in [
        (["--schema", "odd.shema"], "did you mean \"odd.schema\"?"),
        (["--schema", "pubic"], "did you mean public?"),
        (["--only", "function:public.twoo"], "did you mean function:public.two?"),
        (["--only", "table:smae"], "did you mean table:same?"),
        (["--leave-out", "table:public.sam"], "did you mean table:public.same?"),
    ] {
        let outcome = stage.restore_with(&stage.target(), args).ended_with(2);
        assert!(outcome.stderr.contains(word), "{args:?}: {}", outcome.stderr);
    }
}

#[test]
fn several_tables_and_schemas_come_together_with_the_keys_between_them() {
    let stage = Stage::backed_up(PEOPLE);
    let target = stage.target();
    stage
        .restore_with(&target, ["--table", "app.people", "--table", "app.orders"])
        .success();
    let keys = "select count(*) from pg_constraint where contype = 'f'";
    assert_eq!(stage.cluster.psql(&target.name, keys), "1");
    let target = stage.target();
    stage.restore_with(&target, ["--schema", "app"]).success();
    let tables = "select string_agg(schemaname || '.' || tablename, ',' order by 1) from pg_tables where schemaname in \
        ('app', 'other')";
    assert_eq!(
        stage.cluster.psql(&target.name, tables),
        "app.aaa,app.orders,app.people"
    );
}

/// Partitions at two levels, one with its columns in another order; a table that inherits.
const PARTITIONS: &str = "
    create table events (at date, n int, note text, primary key (at, n)) partition by range (at);
    create index on events (note);
    create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01') partition by list (n);
    create table events_2025_1 partition of events_2025 for values in (1);
    create table events_2025_rest partition of events_2025 default;
    create table events_2026 (note text, n int not null, at date not null);
    alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01');
    insert into events select date '2025-01-01' + n, n % 3, E'a\\tb' || n from generate_series(1, 700) n;
    create table parent (a int); create table child (b int) inherits (parent); insert into parent values (1); insert \
        into child values (2, 3);
    create table unrelated (a int); insert into unrelated values (1);";

#[test]
fn a_partitioned_table_comes_with_its_partitions_and_a_partition_alone() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, PARTITIONS);
        stage.back_up();
        let target = stage.target();
        stage.restore_with(&target, ["--table", "public.events"]).success();
        // four partitions and twice as many indexes are attached
        let there = "select (select count(*) from events), (select count(*) from pg_inherits), (select count(*) from pg_class \
            where relname in ('parent', 'unrelated'))";
        assert_eq!(stage.cluster.psql(&target.name, there), "700|12|0");
        // one alone is a table by itself, and what it was attached to is told
        let target = stage.target();
        let outcome = stage.restore_with(&target, ["--table", "public.events_2026"]).success();
        assert!(
            outcome.text().contains("table attach public.events_2026"),
            "{}",
            outcome.text()
        );
        let there = "select (select count(*) from events_2026), to_regclass('events') is null";
        assert_eq!(stage.cluster.psql(&target.name, there).split('|').nth(1), Some("t"));
    }
}

#[test]
fn a_child_comes_with_what_it_inherits_from() {
    let stage = Stage::backed_up(PARTITIONS);
    let target = stage.target();
    stage.restore_with(&target, ["--table", "public.child"]).success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from parent"), "2");
    // into a database that has the parent, whose queries then show its rows
    let live = stage.live();
    stage
        .cluster
        .psql(&live.name, "drop table child; insert into parent values (9)");
    let outcome = stage.restore_with(&live, ["--table", "public.child"]).success();
    assert!(outcome.text().contains("inherit"), "{}", outcome.text());
    let rows = "select (select count(*) from only parent), (select count(*) from parent)";
    assert_eq!(stage.cluster.psql(&live.name, rows), "2|3");
}

#[test]
fn large_objects_are_said_to_belong_to_no_table() {
    let stage = Stage::backed_up(
        "create table images (id int, content oid); insert into images values (1, lo_from_bytea(0, 'abc')); create table \
         other (a int)",
    );
    let target = stage.target();
    let outcome = stage.restore_with(&target, ["--table", "public.images"]).success();
    assert!(outcome.text().contains("public.images.content"), "{}", outcome.text());
    assert!(outcome.text().contains("--only large-objects"), "{}", outcome.text());
    // which brings all of them, for which the whole archive is read
    let outcome = stage.restore_with(&target, ["--only", "large-objects"]).success();
    assert!(
        outcome.text().contains("the whole archive is read"),
        "{}",
        outcome.text()
    );
    let content = "select lo_get(content) from images";
    assert_eq!(stage.cluster.psql(&target.name, content), "\\x616263");
}

#[test]
fn a_part_replaces_nothing() {
    let stage = Stage::backed_up(PEOPLE);
    let live = stage.live();
    let said = stage
        .restore_with(&live, ["--clean", "--table", "app.people"])
        .ended_with(2)
        .stderr;
    assert!(said.contains("--as NAME"), "{said}");
    let rows = "select count(*) from app.people";
    assert_eq!(stage.cluster.psql(&live.name, rows), "500");
    let said = stage.restore_with(&live, ["--data-only"]).ended_with(2).stderr;
    assert!(said.contains("--table"), "{said}");
}
