//! The rows of a table that the target has: beside it as a table of another name, or into it where it is empty.

use crate::stage::Stage;

const NOTES: &str = "
    create schema app; create schema old;
    create table app.notes (id serial primary key, body text default 'x', \"A b\" int check (\"A b\" > 0), big bytea,
        twice int generated always as (\"A b\" * 2) stored);
    alter table app.notes alter big set storage external;
    insert into app.notes (body, \"A b\") select case when n % 5 = 0 then null else E'a\\tb\\\\' || n end, n from \
        generate_series(1, 300) n;
    alter table app.notes enable row level security; create policy own on app.notes using (id < 10);
    create function app.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
    create table app.parents (id int primary key); insert into app.parents values (1), (2);
    create table app.zzz (a int); insert into app.zzz select n from generate_series(1, 10000) n;";

const DIFFERENT: &str = "select count(*) from (table app.notes except table app.notes_before) d";

#[test]
fn rows_come_beside_a_table_in_use_and_it_stays_as_it_is() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, NOTES);
        stage.back_up();
        let live = stage.live();
        stage.cluster.psql(&live.name, "delete from app.notes where id > 100");
        let outcome = stage
            .restore_with(&live, ["--table", "app.notes", "--as", "notes_before"])
            .success();
        for word in ["1 table, 300 rows", "nothing else", "row level security is on"] {
            assert!(outcome.text().contains(word), "{word}: {}", outcome.text());
        }
        let counts = "select (select count(*) from app.notes), (select count(*) from app.notes_before), (select \
            last_value from app.notes_id_seq), (select count(*) from pg_policy), (select relrowsecurity from pg_class \
            where relname = 'notes_before'), (select count(*) from pg_index where indrelid = \
            'app.notes_before'::regclass)";
        assert_eq!(stage.cluster.psql(&live.name, counts), "100|300|300|1|t|0");
        assert_eq!(stage.cluster.psql(&live.name, DIFFERENT), "0");
        // the missing rows are put back
        stage.cluster.psql(
            &live.name,
            "insert into app.notes (id, body, \"A b\", big) select id, body, \"A b\", big from app.notes_before on conflict \
             do nothing",
        );
        let back = "select count(*) from app.notes";
        assert_eq!(stage.cluster.psql(&live.name, back), "300");
        // a name that is taken is refused; one in another schema isn't
        let again = ["--table", "app.notes", "--as", "notes_before"];
        let said = stage.restore_with(&live, again).ended_with(3).stderr;
        assert!(
            said.contains("app.notes_before") && said.contains("another name"),
            "{said}"
        );
        stage
            .restore_with(&live, ["--table", "app.notes", "--as", "old.\"Odd. \"\"name\""])
            .success();
        let odd = "select count(*) from old.\"Odd. \"\"name\"";
        assert_eq!(stage.cluster.psql(&live.name, odd), "300");
    }
}

#[test]
fn rows_of_all_partitions_come_into_one_table() {
    let stage = Stage::backed_up(
        "create table events (at date not null, n int) partition by range (at);
         create table e1 partition of events for values from ('2025-01-01') to ('2026-01-01'); create table e2 (n int, at \
             date not null); alter table events attach partition e2 for values from ('2026-01-01') to ('2027-01-01');
         insert into events select date '2025-06-01' + n, n from generate_series(1, 400) n; create table parent (a int); \
             create table child () inherits (parent)",
    );
    let live = stage.live();
    stage
        .restore_with(&live, ["--table", "events", "--as", "events_before"])
        .success();
    let same = "select count(*) from (table events except table events_before) d";
    assert_eq!(stage.cluster.psql(&live.name, same), "0");
    let kind = "select relkind, (select count(*) from events_before) from pg_class where relname = 'events_before'";
    assert_eq!(stage.cluster.psql(&live.name, kind), "r|400");
    stage
        .restore_with(&live, ["--table", "e2", "--as", "e2_before"])
        .success();
    for (table, word) in [("child", "inherits"), ("nothing", "no table nothing")] {
        let said = stage
            .restore_with(&live, ["--table", table, "--as", "x"])
            .ended_with(2)
            .stderr;
        assert!(said.contains(word), "{said}");
    }
    stage
        .restore_with(&live, ["--table", "e1", "--table", "e2", "--as", "x"])
        .ended_with(2);
}

#[test]
fn rows_come_beside_by_the_whole_archive_where_its_details_are_lost() {
    let stage = Stage::backed_up(NOTES);
    stage.bucket.delete(&stage.key("/details/"));
    let live = stage.live();
    let outcome = stage
        .restore_with(&live, ["--table", "app.notes", "--as", "notes_before"])
        .success();
    assert!(
        outcome.text().contains("the whole archive is read"),
        "{}",
        outcome.text()
    );
    assert!(outcome.text().contains("1 table, 300 rows"), "{}", outcome.text());
    assert_eq!(stage.cluster.psql(&live.name, DIFFERENT), "0");
}

#[test]
fn rows_alone_come_into_a_table_that_is_empty_and_into_no_other() {
    for major in [None, Some(18)] {
        let stage = Stage::on(major, NOTES);
        stage.back_up();
        let live = stage.live();
        let only = ["--table", "app.notes", "--data-only"];
        let said = stage.restore_with(&live, only).ended_with(3).stderr;
        assert!(said.contains("has rows") && said.contains("TRUNCATE"), "{said}");
        stage.cluster.psql(
            &live.name,
            "truncate app.notes; alter sequence app.notes_id_seq restart; drop policy own on app.notes",
        );
        stage.restore_with(&live, only).success();
        let there = "select (select count(*) from app.notes), (select last_value from app.notes_id_seq), (select count(*) from \
            pg_policy)";
        assert_eq!(stage.cluster.psql(&live.name, there), "300|300|0");
        for (change, word) in [
            (
                "truncate app.notes; create trigger t before insert on app.notes for each row execute function app.refuse()",
                "trigger",
            ),
            (
                "truncate app.notes; drop trigger t on app.notes; alter table app.notes drop body",
                "other columns",
            ),
            ("drop table app.notes", "no such object"),
        ] {
            stage.cluster.psql(&live.name, change);
            let said = stage.restore_with(&live, only).ended_with(3).stderr;
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn a_table_counts_as_empty_when_its_last_row_is_deleted_and_a_partitioned_one_takes_rows() {
    let stage = Stage::backed_up(
        "create schema app; create table app.notes (id int, body text); insert into app.notes select n, 'x' from \
         generate_series(1, 300) n; create table app.events (id int, body text); insert into app.events values (1, 'x'), \
         (2, 'y');",
    );
    let live = stage.live();
    let notes = ["--table", "app.notes", "--data-only"];
    stage.cluster.psql(&live.name, "delete from app.notes where id > 1");
    let said = stage.restore_with(&live, notes).ended_with(3).stderr;
    assert!(said.contains("already has rows"), "{said}");
    stage.cluster.psql(&live.name, "delete from app.notes");
    assert_ne!(
        stage.cluster.psql(&live.name, "select pg_relation_size('app.notes')"),
        "0"
    );
    stage.restore_with(&live, notes).success();
    assert_eq!(stage.cluster.psql(&live.name, "select count(*) from app.notes"), "300");
    // who may insert and not read is told just that
    let role = crate::stage::unique("writer");
    stage.cluster.psql(
        &live.name,
        &format!(
            "delete from app.notes; create role {role} login; grant usage on schema app to {role}; grant insert on app.notes \
             to {role}"
        ),
    );
    let writer = crate::stage::Target {
        name: live.name.clone(),
        url: stage.cluster.url_as(&role, None, &live.name),
    };
    let said = stage.restore_with(&writer, notes).ended_with(3).stderr;
    assert!(said.contains("can't be seen whether"), "{said}");
    // the table has been partitioned since
    stage.cluster.psql(
        &live.name,
        "drop table app.events; create table app.events (id int, body text) partition by list (id); create table app.e1 \
         partition of app.events for values in (1); create table app.e2 partition of app.events default; insert into \
         app.events values (7, 'z')",
    );
    let events = ["--table", "app.events", "--data-only"];
    let said = stage.restore_with(&live, events).ended_with(3).stderr;
    assert!(said.contains("already has rows"), "{said}");
    stage.cluster.psql(&live.name, "delete from app.events");
    stage.restore_with(&live, events).success();
    let rows = "select (select count(*) from app.e1), (select count(*) from app.e2)";
    assert_eq!(stage.cluster.psql(&live.name, rows), "1|1");
}

#[test]
fn rows_that_a_key_of_the_target_refuses_leave_nothing() {
    let stage = Stage::backed_up(NOTES);
    let live = stage.live();
    stage.cluster.psql(
        &live.name,
        "truncate app.notes; alter table app.notes add constraint small check (id < 200)",
    );
    let said = stage
        .restore_with(&live, ["--table", "app.notes", "--data-only"])
        .ended_with(3)
        .stderr;
    assert!(said.contains("small") && said.contains("nothing was changed"), "{said}");
    // without one transaction the hint drops nothing of what was there
    let said = stage
        .restore_with(
            &live,
            ["--table", "app.notes", "--data-only", "--no-single-transaction"],
        )
        .ended_with(3)
        .stderr;
    assert!(said.contains("what the target held is as it was"), "{said}");
    assert!(!said.contains("pg:reset"), "{said}");
    let rows = "select (select count(*) from app.notes), (select count(*) from app.zzz)";
    assert_eq!(stage.cluster.psql(&live.name, rows), "0|10000");
}
