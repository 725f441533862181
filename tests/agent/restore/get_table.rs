//! The rows of one table, without restoring anything; and what is inside a backup.

use crate::{
    stage::{Stage, unique},
    testbed::Terminal,
};

const ODD: &str = "
    create schema app;
    create table app.odd (id int, \"a, \"\"b\"\"\" text, c text, d bytea, e int[]);
    insert into app.odd values (1, null, '', '\\x00ff', '{1,NULL}'), (2, E'\\\\.', E'a\\tb\\nc\\r\\\\d', null, '{}'),
        (3, '\"q\", x', E'\\x08\\x0b\\x0c', '\\x', null), (4, 'é – 日本', '\\N', null, null), (5, ' ', '\\', null, null);
    create table app.narrow (t text); insert into app.narrow values (''), (null), ('x');
    create table app.none (); create table app.empty (a int);
    create table app.large (n int, noise text); insert into app.large select n, md5(n::text) from generate_series(1, \
        50000) n;";

/// What the server itself writes.
fn copied(stage: &Stage, table: &str, how: &str) -> String {
    stage
        .cluster
        .psql(&stage.database, &format!("copy {table} to stdout {how}"))
}

#[test]
fn rows_come_as_the_server_itself_writes_them() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, ODD);
        stage.back_up();
        for table in ["app.odd", "app.narrow", "app.empty", "app.large"] {
            let get = |more: &[&'static str]| {
                let outcome = stage.run(
                    ["get", "latest", "--table", table, "-o", "-"]
                        .into_iter()
                        .chain(more.iter().copied()),
                );
                let outcome = outcome.success();
                assert!(outcome.stderr.contains("as dumped"), "{}", outcome.stderr);
                String::from_utf8(outcome.stdout).unwrap()
            };
            let ends = |text: String| text.trim_end_matches('\n').to_owned();
            assert_eq!(ends(get(&[])), ends(copied(&stage, table, "")), "{table}");
            let csv = ends(copied(&stage, table, "with (format csv, header)"));
            assert_eq!(ends(get(&["--format", "csv"])), csv, "{table}");
        }
    }
}

#[test]
fn rows_go_into_a_file_that_appears_when_they_are_whole() {
    let stage = Stage::backed_up(ODD);
    let outcome = stage
        .run(["get", "latest", "--table", "app.large", "--json"])
        .success()
        .json();
    let file = outcome["file"].as_str().unwrap();
    assert!(file.starts_with("app.large-") && file.ends_with(".copy"), "{file}");
    assert_eq!((&outcome["rows"], &outcome["partitions"]), (&50_000.into(), &0.into()));
    let text = std::fs::read_to_string(stage.file(file)).unwrap();
    assert_eq!(text.lines().count(), 50_000);
    // they are loaded again
    let target = stage.target();
    stage.cluster.psql(&target.name, "create table t (n int, noise text)");
    let load = format!("\\copy t from '{}'", stage.file(file).display());
    stage.cluster.psql(&target.name, &load);
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from t"), "50000");
    stage.run(["get", "latest", "--table", "app.large"]).ended_with(1);
    for (args, word) in [
        (&["--table", "nothing"][..], "--contents"),
        (&["--table", "app.large", "--sealed"], "--sealed"),
        (&["--format", "csv"], "--table"),
    ] {
        let said = stage
            .run(["get", "latest"].into_iter().chain(args.iter().copied()))
            .ended_with(2)
            .stderr;
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn of_a_partitioned_table_the_rows_of_all_partitions_come() {
    let stage = Stage::backed_up(
        "create table events (at int, n text) partition by range (at); create table e1 partition of events for values from \
         (0) to (10); create table e2 (n text, x int, at int); alter table e2 drop x; alter table events attach partition e2 \
         for values from (10) to (100); insert into events select n, E'a\\t' || n from generate_series(0, 99) n;
         create table other (a int)",
    );
    for (format, how) in [("copy", ""), ("csv", "with (format csv, header)")] {
        let args = ["get", "latest", "--table", "events", "--format", format, "-o", "-"];
        let outcome = stage.run(args).success();
        assert!(
            outcome.stderr.contains("100 rows") && outcome.stderr.contains("2 partitions"),
            "{}",
            outcome.stderr
        );
        let expected = copied(&stage, "(select * from events)", how);
        assert_eq!(outcome.text().trim_end(), expected);
    }
}

#[test]
fn where_the_details_are_lost_the_whole_archive_is_read_and_that_is_said() {
    let stage = Stage::backed_up(ODD);
    let expected = copied(&stage, "app.odd", "");
    stage.bucket.delete(&stage.key("/details/"));
    let outcome = stage.run(["get", "latest", "--table", "app.odd", "-o", "-"]).success();
    assert_eq!(outcome.text().trim_end(), expected);
    assert!(
        outcome.stderr.contains("the whole archive was read"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_is_not_compressed_is_read_by_ranges_too() {
    let stage = Stage::of(ODD);
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    let outcome = stage.run(["get", "latest", "--table", "app.odd", "-o", "-"]).success();
    assert_eq!(outcome.text().trim_end(), copied(&stage, "app.odd", ""));
    assert!(!outcome.stderr.contains("whole archive"), "{}", outcome.stderr);
}

#[test]
fn rows_in_another_encoding_come_as_they_are() {
    let stage = Stage::of("select 1");
    let name = unique("latin");
    stage.cluster.psql(
        "postgres",
        &format!("create database {name} encoding 'LATIN1' template template0 locale 'C'"),
    );
    stage
        .cluster
        .psql(&name, "set client_encoding = 'UTF8'; create table t (\"gr\u{f6}\u{df}e\" text); insert into t values ('\u{e9}t\u{e9}')");
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", stage.cluster.url(&name));
    agent.run(["backup"]).success();
    let outcome = agent
        .run(["get", "latest", "--table", "t", "--format", "csv", "-o", "-"])
        .success();
    assert_eq!(outcome.stdout, b"gr\xf6\xdfe\n\xe9t\xe9\n");
}

#[test]
fn what_is_inside_is_listed_without_reading_rows() {
    let stage = Stage::backed_up(
        "create schema app; create table app.people (id serial primary key, mail text unique); insert into app.people \
         (mail) select n::text from generate_series(1, 500) n; create index on app.people (lower(mail)); alter table \
         app.people enable row level security; create policy p on app.people using (true); create policy q on app.people \
         using (id > 0); create table app.orders (who int references app.people);
         create table events (at int) partition by range (at); create table e1 partition of events for values from (0) to \
         (9); select lo_from_bytea(0, 'abc'); create table noise (t text); alter table noise alter t set storage external;
         insert into noise select string_agg(md5(random()::text), '') from generate_series(1, 200000)",
    );
    let list = ["restore", "latest", "--contents"];
    let read = |calls: usize| {
        let calls = stage.bucket.calls().into_iter().skip(calls);
        calls
            .filter_map(|call| crate::restore::part_bytes::range_bytes(&call))
            .sum::<u64>()
    };
    let before = stage.bucket.calls().len();
    let shown = stage.run(list).success();
    assert!(read(before) < 1 << 20, "{}", read(before));
    for word in [
        "app.people",
        "500",
        "2 policies",
        "row security",
        "1 foreign key",
        "partition of public.events",
        "1 large object",
    ] {
        assert!(shown.text().contains(word), "{word}: {}", shown.text());
    }
    let json = stage.run(list.into_iter().chain(["--json"])).success().json();
    let tables = json["tables"].as_array().unwrap();
    let people = tables.iter().find(|table| table["name"] == "people").unwrap();
    assert_eq!(people["rows"], 500);
    for (kind, count) in [
        ("POLICY", 2),
        ("INDEX", 1),
        ("CONSTRAINT", 2),
        ("ROW SECURITY", 1),
        ("SEQUENCE", 1),
    ] {
        assert_eq!(people["parts"][kind], count, "{kind}: {people:#}");
    }
    assert!(
        tables
            .iter()
            .any(|table| table["name"] == "events" && table["rows"].is_null())
    );
    // where the archive can't be read its details still say which tables there are
    let key = stage.key("/archives/");
    stage.bucket.cool(&key, "DEEP_ARCHIVE");
    let cold = stage.run(list).success();
    assert!(
        cold.text().contains("app.people") && cold.text().contains("DEEP_ARCHIVE"),
        "{}",
        cold.text()
    );
    assert!(!cold.text().contains("2 policies"), "{}", cold.text());
    let restores = stage.bucket.count("RestoreObject");
    assert_eq!(restores, 0, "nothing is thawed by accident");
}

#[test]
fn rows_on_a_terminal_move_nothing_there() {
    let stage = Stage::backed_up("create table t (t text); insert into t values (E'a\\x1b[2J\\u202eb'), ('é\tx');");
    let mut terminal = Terminal::start(&stage.agent(), ["get", "latest", "--table", "t", "-o", "-"]);
    terminal.expect("as dumped");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(
        screen.contains("a\\u{1b}[2J\\u{202e}b") && screen.contains("é\\tx"),
        "{screen}"
    );
    assert!(!screen.contains("\x1b[2J") && !screen.contains('\u{202e}'), "{screen}");
    // where it goes elsewhere, every byte is as it was
    let outcome = stage.run(["get", "latest", "--table", "t", "-o", "-"]).success();
    assert!(
        String::from_utf8(outcome.stdout)
            .unwrap()
            .starts_with("a\x1b[2J\u{202e}b\n")
    );
}
