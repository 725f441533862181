//! Rows of tables that an extension makes and declares its configuration: a dump holds those that somebody added.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::OnceLock};

use crate::{
    stage::Stage,
    testbed::{Cluster, ClusterOptions},
};

/// Two tables that refer to each other, a sequence, rows of the script's own; one extension that anybody may make, and
/// one for superusers that gives everybody its table.
const FILES: &[(&str, &str)] = &[
    (
        "places.control",
        "default_version = '1.0'\nsuperuser = false\nrelocatable = false\nschema = 'public'\n",
    ),
    (
        "places--1.0.sql",
        "create table kinds (kind text primary key, builtin bool not null default false);
         insert into kinds values ('town', true);
         create sequence places_seq;
         create table spots (id int primary key default nextval('places_seq'), kind text references kinds, name text);
         select pg_catalog.pg_extension_config_dump('spots', ''); select pg_catalog.pg_extension_config_dump('kinds', \
             'WHERE NOT builtin');
         select pg_catalog.pg_extension_config_dump('places_seq', '');",
    ),
    (
        "guarded.control",
        "default_version = '1.0'\nsuperuser = true\ntrusted = true\nrelocatable = false\nschema = 'public'\n",
    ),
    (
        "guarded--1.0.sql",
        "create table open_rows (a int); grant select, insert, delete on open_rows to public; create table closed_rows \
         (a int);
         select pg_catalog.pg_extension_config_dump('open_rows', ''); select \
             pg_catalog.pg_extension_config_dump('closed_rows', '');",
    ),
    ("idle.control", "default_version = '1.0'\nsuperuser = true\n"),
    ("idle--1.0.sql", "create function idle(int) returns int language sql immutable as 'select 1';"),
];

/// A server that knows these extensions.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<&'static Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        let extensions = folder.join("extension");
        std::fs::create_dir(&extensions).unwrap();
        let open = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        open(&folder);
        open(&extensions);
        for (name, text) in FILES {
            std::fs::write(extensions.join(name), text).unwrap();
            open(&extensions.join(name));
        }
        Box::leak(Box::new(Cluster::start_with(ClusterOptions {
            major: Some(18),
            settings: vec![(
                "extension_control_path".to_owned(),
                format!("$system:{}", folder.display()),
            )],
            ..ClusterOptions::default()
        })))
    })
}

const PLACES: &str = "create extension places; insert into kinds values ('village'); insert into spots (kind, name) \
    values ('town', 'a'), ('village', 'b');
    create table visits (spot int references spots, n int); insert into visits values (1, 7)";

const ALL: &str = "select (select string_agg(k::text, ';' order by kind) from kinds k), (select string_agg(s::text, \
    ';' order by id) from spots s),
    (select last_value from places_seq), (select string_agg(v::text, ';') from visits v)";

const ALL_ROWS: &str = "(town,t);(village,f)|(1,town,a);(2,village,b)|2|(1,7)";

#[test]
fn rows_of_extension_tables_are_restored_whoever_creates_the_extension() {
    let stage = Stage::at(cluster(), PLACES);
    // one that only a superuser may make, and that nothing needs
    stage.cluster.psql(&stage.database, "create extension idle");
    stage.back_up();
    let target = stage.target();
    stage.restore(&target).success();
    assert_eq!(stage.cluster.psql(&target.name, ALL), ALL_ROWS);
    // its owner's tables are his, whatever else he may not make
    let (_, target) = stage.customers_target("");
    stage.restore(&target).ended_with(9);
    assert_eq!(stage.cluster.psql(&target.name, ALL), ALL_ROWS);
}

#[test]
fn rows_of_a_superuser_s_extension_are_restored_where_the_role_may_insert() {
    let stage = Stage::at(
        cluster(),
        "create extension guarded; insert into open_rows values (1); insert into closed_rows values (2)",
    );
    stage.back_up();
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore(&target).ended_with(9);
    assert!(
        outcome.text().contains("missing: table data public.closed_rows")
            && outcome.text().contains("has no right to write"),
        "{}",
        outcome.text()
    );
    let rows = "select (select count(*) from open_rows), (select count(*) from closed_rows)";
    assert_eq!(stage.cluster.psql(&target.name, rows), "1|0");
}

#[test]
fn clean_replaces_rows_of_extension_tables() {
    let stage = Stage::at(cluster(), PLACES);
    stage.back_up();
    let target = stage.live();
    for more in [&["--clean"][..], &["--clean", "--no-single-transaction"]] {
        stage.cluster.psql(
            &stage.database,
            "insert into kinds values ('hamlet'); insert into spots (kind, name) values ('hamlet', 'c'); update spots \
             set name = 'x' where id = 1",
        );
        let outcome = stage.restore_with(&target, more.iter().copied()).success();
        assert_eq!(stage.cluster.psql(&stage.database, ALL), ALL_ROWS);
        assert!(outcome.text().contains("are replaced"), "{}", outcome.text());
    }
    // a later table that refers to them keeps them from being deleted, whether or not its rows would go along
    stage.cluster.psql(
        &stage.database,
        "create table later (spot int references spots on delete cascade); insert into later values (1); insert into \
         spots (kind, name) values ('town', 'd')",
    );
    let outcome = stage.restore_with(&target, ["--clean"]).ended_with(9);
    assert!(
        outcome
            .text()
            .contains("table data public.spots: the target's own already has rows"),
        "{}",
        outcome.text()
    );
    assert_eq!(stage.cluster.psql(&stage.database, "select count(*) from later"), "1");
}

#[test]
fn rows_of_an_existing_extension_with_rows_are_left_out_and_named() {
    let stage = Stage::at(cluster(), PLACES);
    stage.back_up();
    let platform = |rows: &str| {
        let target = stage.target();
        let made = format!("create extension places; {rows}");
        stage.cluster.psql(&target.name, &made);
        target
    };
    // rows of the script's own stand in nobody's way
    let target = platform("");
    stage.restore(&target).success();
    assert_eq!(stage.cluster.psql(&target.name, ALL), ALL_ROWS);
    let target = platform("insert into spots (kind, name) values ('town', 'own')");
    let outcome = stage.restore(&target).ended_with(9);
    for words in [
        "table data public.spots: the target's own already has rows",
        "sequence set public.places_seq: the target's own already has rows",
    ] {
        assert!(outcome.text().contains(words), "{}", outcome.text());
    }
    let spots = "select string_agg(name, ',') from spots";
    assert_eq!(stage.cluster.psql(&target.name, spots), "own");
}

#[test]
fn only_an_extension_restores_its_rows_and_nothing_that_uses_it() {
    let stage = Stage::at(cluster(), PLACES);
    stage.cluster.psql(
        &stage.database,
        "create extension idle; create table words (w int); create index on words (idle(w))",
    );
    stage.back_up();
    let target = stage.target();
    let only = ["--only", "extension:places", "--only", "extension:idle"];
    stage.restore_with(&target, only).success();
    let there =
        "select (select count(*) from spots), (select count(*) from kinds), (select last_value from places_seq),
        to_regclass('words') is null and to_regclass('visits') is null";
    assert_eq!(stage.cluster.psql(&target.name, there), "2|2|2|t");
    // and a table with the extension that it needs
    let target = stage.target();
    stage.restore_with(&target, ["--only", "table:visits"]).success();
    assert_eq!(stage.cluster.psql(&target.name, ALL), ALL_ROWS);
}
