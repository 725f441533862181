//! A restore that was interrupted goes on: what is there is compared, what is missing is added, anything else is refused.

use std::process::Command;

use super::{EVERYTHING, FOUR, assert_same, dumped};
use crate::{
    restore::part_bytes::cost,
    stage::{Stage, Target},
    testbed::{Fault, Rule},
};

const KEEP: [&str; 2] = ["--keep-owner", "--keep-acl"];
const RESUME: [&str; 3] = ["--jobs", "2", "--resume"];

fn reading() -> Rule {
    Rule::on("GetObject").key("/archives/")
}

/// Restores the first entries of the archive, as a pg_restore that was killed would leave them.
fn restored_up_to(stage: &Stage, dump: &str, entries: usize) -> (Target, usize) {
    let target = stage.target();
    let program = stage.cluster.bin().join("pg_restore");
    let listed = Command::new(&program).args(["--list", dump]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let lines: Vec<&str> = listed.lines().filter(|line| !line.starts_with(';')).collect();
    let list = stage.file("list");
    std::fs::write(&list, lines[..entries.min(lines.len())].join("\n")).unwrap();
    let output = Command::new(&program)
        .args([
            "--exit-on-error",
            "--use-list",
            list.to_str().unwrap(),
            "--dbname",
            &target.url,
            dump,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (target, lines.len())
}

#[test]
fn wherever_a_restore_ended_it_goes_on() {
    for (major, first) in [(None, 0), (Some(18), 12)] {
        let stage = Stage::on(major, EVERYTHING);
        stage.back_up();
        let was = dumped(&stage, &stage.database);
        let dump = stage.fetch("dump");
        let dump = dump.to_str().unwrap();
        let (mut entries, mut all) = (first, 1);
        while entries < all + 24 {
            let (target, count) = restored_up_to(&stage, dump, entries);
            all = count;
            let outcome = stage.restore_with(&target, RESUME.into_iter().chain(KEEP)).success();
            let what = format!("{major:?} {entries}: {}", outcome.text());
            assert_same(&dumped(&stage, &target.name), &was, &what);
            entries += 24;
        }
    }
}

#[test]
fn rows_that_are_there_are_not_read_again() {
    let stage = Stage::backed_up(FOUR);
    let was = dumped(&stage, &stage.database);
    let whole = stage.bucket.read(&stage.key("/archives/")).unwrap().len() as u64;
    for nth in [4, 6, 8, 10, 12] {
        let target = stage.target();
        stage.bucket.inject(reading().nth(nth).always(), Fault::access_denied());
        let outcome = stage.restore_with(&target, ["--jobs", "2"]);
        stage.bucket.heal();
        if outcome.code() != 0 {
            assert!(outcome.stderr.contains("--resume"), "{}", outcome.stderr);
        }
        let there: u64 = ["t1", "t2", "t3", "t4"]
            .iter()
            .filter(|table| {
                let rows = stage
                    .cluster
                    .try_psql(&target.name, &format!("select count(*) from {table}"));
                rows.as_deref() == Ok("1000")
            })
            .count() as u64;
        let (read, _) = cost(&stage, || {
            let outcome = stage.restore_with(&target, RESUME).success();
            assert!(outcome.text().contains(" were there already"), "{}", outcome.text());
        });
        assert!(
            read < whole * (4 - there) / 4 + (4 << 20),
            "{nth}: {read} of {whole}, {there}"
        );
        assert_same(&dumped(&stage, &target.name), &was, &nth.to_string());
    }
}

#[test]
fn what_failed_behind_the_rows_is_made_once_the_cause_is_gone() {
    let stage = Stage::backed_up(
        "create table texts (id int, t text); insert into texts select n, md5(n::text) from generate_series(1, 60000) n;
         create index texts_t on texts (t); create table others (id int primary key); insert into others values (1)",
    );
    let (owner, target) = stage.customers_target("");
    let limits = format!(
        "alter role {owner} set temp_file_limit = 64; alter role {owner} set maintenance_work_mem = '1MB';
         alter role {owner} set max_parallel_maintenance_workers = 0"
    );
    stage.cluster.psql("postgres", &limits);
    stage.restore_with(&target, ["--jobs", "2"]).ended_with(3);
    stage.cluster.psql("postgres", &format!("alter role {owner} reset all"));
    let outcome = stage.restore_with(&target, RESUME).success();
    assert!(outcome.text().contains("2 of 2 tables"), "{}", outcome.text());
    let there = "select (select count(*) from texts), (select count(*) from pg_indexes where schemaname = 'public')";
    assert_eq!(stage.cluster.psql(&target.name, there), "60000|2");
}

#[test]
fn what_is_anything_else_is_refused_and_not_touched() {
    let stage = Stage::backed_up(EVERYTHING);
    for (change, word) in [
        ("update app.orders set body = 'x' where id = 1", "table app.orders"),
        ("delete from app.events_2024 where kind = 7", "app.events_2024"),
        ("insert into app.empty values (1, 'new')", "app.empty"),
        ("create table app.stranger (a int)", "table app.stranger"),
        (
            "create or replace view app.named as select 1 as id, ''::text as name, 1::bigint as n",
            "view app.named",
        ),
        (
            "alter policy own on app.orders using (true)",
            "policy own on app.orders",
        ),
        ("alter table app.files alter note set default 'x'", "table app.files"),
        (
            "create or replace function app.norm(t text) returns text language sql immutable as $$ select upper(t) $$",
            "app.norm",
        ),
        (
            "select lo_put((select content from app.files where id = 3), 0, 'changed')",
            "large object",
        ),
    ] {
        let target = stage.target();
        stage.restore_with(&target, ["--jobs", "2"]).success();
        stage.cluster.psql(&target.name, change);
        let before = dumped(&stage, &target.name);
        let said = stage.restore_with(&target, RESUME).ended_with(3).stderr;
        let word = word.trim_start_matches("table ");
        assert!(
            said.contains(word) && said.contains("not what an interrupted restore"),
            "{change}: {said}"
        );
        assert_same(&dumped(&stage, &target.name), &before, change);
    }
    for args in [
        ["--resume", "--clean", "--no-single-transaction"],
        ["--resume", "--single-transaction", "--no-comments"],
        ["--resume", "--table", "app.orders"],
    ] {
        stage.restore_with(&stage.target(), args).ended_with(2);
    }
}

#[test]
fn the_target_of_another_backup_is_refused() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    stage.restore_with(&target, ["--jobs", "2"]).success();
    crate::stage::next_second();
    stage.cluster.psql(
        &stage.database,
        "update t2 set noise = 'other' where id = 1500; drop table s1",
    );
    stage.back_up();
    let said = stage.restore_with(&target, RESUME).ended_with(3).stderr;
    for word in ["public.t2", "table public.s1"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    stage.bucket.delete(&stage.keys("/details/").pop().unwrap());
    let said = stage.restore_with(&target, RESUME).ended_with(3).stderr;
    assert!(said.contains("details"), "{said}");
}

/// A circle of keys, triggers that would write rows, partitions with both.
const GUARDED: &str = "
    create table customers (id int primary key, best int); insert into customers select n, n from generate_series(1, 300) n;
    create table orders (id int primary key, customer int not null references customers, note text);
    insert into orders select n, n, 'x' from generate_series(1, 300) n;
    alter table customers add foreign key (best) references orders; create table log (what text);
    create table events (at date, customer int references customers) partition by range (at);
    create table events_1 partition of events for values from ('2025-01-01') to ('2026-01-01');
    create table events_2 partition of events default; insert into events select date '2025-12-01' + n, n from \
        generate_series(1, 300) n;
    create table empty (a int); create table rest (a int); insert into rest values (1);
    create function watch() returns trigger language plpgsql as $$ begin insert into public.log values (tg_table_name); return \
        new; end $$;
    create function change() returns trigger language plpgsql as $$ begin new.note := 'changed'; return new; end $$;
    create trigger watching after insert on events for each row execute function watch();
    create trigger changing before insert on orders for each row execute function change();
    create constraint trigger watched after insert on customers deferrable initially deferred for each row execute function \
        watch(); comment on trigger changing on orders is 'it changes';
    insert into log values ('first'); select lo_from_bytea(0, 'abc');";

#[test]
fn tables_that_somebody_has_emptied_since_come_back_as_they_were() {
    for major in [None, Some(18)] {
        let stage = Stage::on(major, GUARDED);
        stage.back_up();
        let was = dumped(&stage, &stage.database);
        let (_, target) = stage.customers_target("");
        stage.restore_with(&target, ["--jobs", "2"]).success();
        let made = dumped(&stage, &target.name);
        // orders, customers and both partitions
        stage.cluster.psql(&target.name, "truncate customers cascade");
        let outcome = stage.restore_with(&target, RESUME).success();
        for words in [
            "the rows of 3 of 7 tables were there already",
            "made again behind the rows: ",
            "trigger changing on public.orders",
        ] {
            assert!(outcome.text().contains(words), "{words}: {}", outcome.text());
        }
        assert_same(&dumped(&stage, &target.name), &made, &format!("{major:?}"));
        let rows = "select (select count(*) from customers), (select count(*) from orders where note = 'x'), (select count(*) \
            from events), (select count(*) from log)";
        assert_eq!(stage.cluster.psql(&target.name, rows), "300|300|300|1");
        assert_eq!(stage.cluster.psql(&stage.database, rows), "300|300|300|1");
        assert_eq!(dumped(&stage, &stage.database), was);
        // of what isn't made yet nothing is there
        let target = stage.target();
        let outcome = stage.restore_with(&target, RESUME).success();
        assert!(
            outcome.text().contains("the rows of 0 of 7 tables"),
            "{}",
            outcome.text()
        );
    }
}

#[test]
fn a_restore_by_one_job_that_failed_can_go_on_too_and_says_so() {
    let stage = Stage::backed_up(FOUR);
    let target = stage.target();
    stage.bucket.inject(reading().nth(6).always(), Fault::access_denied());
    let said = stage.restore(&target).ended_with(4).stderr;
    stage.bucket.heal();
    assert!(said.contains("the same command with --resume"), "{said}");
    // who tries again without it is told as well, and nobody whose database holds something else
    let begun = stage.target();
    stage.cluster.psql(&begun.name, "create table t1 (id int)");
    let again = stage.restore(&begun).ended_with(3).stderr;
    assert!(again.contains("has left that, --resume goes on with it"), "{again}");
    let other = stage.target();
    stage.cluster.psql(&other.name, "create table something_else (id int)");
    let refused = stage.restore(&other).ended_with(3).stderr;
    assert!(
        refused.contains("is not empty") && !refused.contains("--resume"),
        "{refused}"
    );
    stage.restore_with(&target, ["--resume"]).success();
    assert_same(
        &dumped(&stage, &target.name),
        &dumped(&stage, &stage.database),
        "resumed",
    );
}
