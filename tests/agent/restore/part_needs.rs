//! What a table needs and no dependency in its dump says.

use std::os::unix::fs::PermissionsExt as _;

use crate::{
    stage::{Stage, Target, unique},
    testbed::{Cluster, ClusterOptions},
};

/// Exclusion constraints by an extension's operator class and by one of the database's own, an index by an extension's, one
/// table that needs none of them; extensions that nothing needs.
const BOOKED: &str = "
    create schema ext; create schema app; create extension btree_gist with schema ext; create extension pg_trgm with schema ext;
    create extension hstore; create extension intarray;
    create table app.bookings (room int, name text, during tsrange, constraint one_at_a_time exclude using gist (room with =, \
        during with &&));
    create index on app.bookings using gin (name ext.gin_trgm_ops); create index on app.bookings using gist (name);
    insert into app.bookings values (1, 'a', '[2025-01-01,2025-01-02)'), (2, 'b', '[2025-01-01,2025-01-02)');
    create table app.marks (tags int[], constraint apart exclude using gist (tags with &&)); insert into app.marks values \
        ('{1,2}');
    create table app.ranges (during tsrange, exclude using gist (during with &&)); insert into app.ranges values \
        ('[2025-01-01,2025-01-02)');
    create function app.reversed(int, int) returns int language sql immutable as 'select $2 - $1';
    create operator class app.backwards for type oidvector using hash as operator 1 =, function 1 hashoidvector(oidvector);
    create type app.pair as (a int, b int);
    create function app.less(app.pair, app.pair) returns bool language sql immutable as 'select ($1).a < ($2).a';
    create operator app.<< (leftarg = app.pair, rightarg = app.pair, function = app.less);
    create table app.keys (k oidvector, exclude using hash (k app.backwards with =)); insert into app.keys values ('1 2');
    create function app.span(int, int) returns int4range language sql immutable as 'select int4range($1, $2)'; create function \
        app.is_on(int) returns bool language sql immutable as 'select $1 > 0';
    create table app.spans (a int, b int, exclude using gist (app.span(a, b) with &&) where (app.is_on(a))); insert into \
        app.spans values (1, 5), (7, 9);";

const EXTENSIONS: &str =
    "select string_agg(extname, ',' order by extname) from pg_extension where extname <> 'plpgsql'";

#[test]
fn a_table_comes_with_the_extensions_of_its_constraints_and_no_others() {
    let stage = Stage::backed_up(BOOKED);
    for (table, extensions) in [
        ("app.bookings", "btree_gist,pg_trgm"),
        ("app.marks", "intarray"),
        ("app.ranges", ""),
        ("app.keys", ""),
        ("app.spans", ""),
    ] {
        let target = stage.target();
        stage.restore_with(&target, ["--table", table]).success();
        assert_eq!(stage.cluster.psql(&target.name, EXTENSIONS), extensions, "{table}");
        let keys = format!("select count(*) from pg_constraint where conrelid = '{table}'::regclass and contype = 'x'");
        assert_eq!(stage.cluster.psql(&target.name, &keys), "1", "{table}");
        let rows = format!("select count(*) > 0 from {table}");
        assert_eq!(stage.cluster.psql(&target.name, &rows), "t");
    }
    // an owner who is no superuser may create it too, as it is trusted
    let (_, target) = stage.customers_target("");
    stage.restore_with(&target, ["--table", "app.bookings"]).success();
    assert_eq!(stage.cluster.psql(&target.name, EXTENSIONS), "btree_gist,pg_trgm");
    // where the target has it already, that is used
    let target = stage.target();
    stage.cluster.psql(
        &target.name,
        "create schema ext; create extension btree_gist with schema ext; create extension pg_trgm with schema ext",
    );
    stage.restore_with(&target, ["--table", "app.bookings"]).success();
    // without the extension there is no constraint
    let target = stage.target();
    let outcome = stage
        .restore_with(&target, ["--leave-out", "extension:btree_gist"])
        .ended_with(9);
    let word = "missing: constraint one_at_a_time on app.bookings: it needs extension btree_gist";
    assert!(outcome.text().contains(word), "{}", outcome.text());
    assert_eq!(
        stage.cluster.psql(&target.name, "select count(*) from app.bookings"),
        "2"
    );
}

/// An extension that has a class for one of PostgreSQL's own types, in SQL alone.
const FILES: &[(&str, &str)] = &[
    (
        "bit_hash.control",
        "default_version = '1.0'\nsuperuser = true\ntrusted = true\nrelocatable = true\n",
    ),
    (
        "bit_hash--1.0.sql",
        "create function bit_hash(bit) returns int language sql immutable strict as 'select pg_catalog.hashtext($1::text)';
         create operator class bit_hash_ops default for type bit using hash as operator 1 =, function 1 bit_hash(bit);",
    ),
];

#[test]
fn what_the_target_s_server_lacks_is_a_question_before_anything_changes() {
    let folder = tempfile::tempdir().unwrap();
    let extensions = folder.path().join("extension");
    std::fs::create_dir(&extensions).unwrap();
    for (name, text) in FILES {
        std::fs::write(extensions.join(name), text).unwrap();
    }
    for path in [folder.path(), &extensions] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let cluster = Box::leak(Box::new(Cluster::start_with(ClusterOptions {
        major: Some(18),
        settings: vec![(
            "extension_control_path".to_owned(),
            format!("$system:{}", folder.path().display()),
        )],
        ..ClusterOptions::default()
    })));
    let stage = Stage::at(
        cluster,
        "create extension bit_hash; create table flags (b bit(3), constraint once exclude using hash (b with =)); insert into \
         flags values (b'101'); create table others (a int);",
    );
    stage.back_up();
    let target = stage.target();
    stage.restore_with(&target, ["--table", "flags"]).success();
    assert_eq!(stage.cluster.psql(&target.name, EXTENSIONS), "bit_hash");
    // a server without its files
    let elsewhere = Cluster::shared(Some(18));
    let name = unique("elsewhere");
    let target = Target {
        url: elsewhere.create_database(&name),
        name,
    };
    for part in [&["--table", "flags"][..], &[]] {
        let said = stage.restore_with(&target, part.iter().copied()).ended_with(3).stderr;
        for word in [
            "constraint once on public.flags",
            "no default operator class",
            "bit_hash (the server doesn't have its files)",
            "install the package",
            "--leave-out 'constraint:public.flags once'",
            "not touched",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(elsewhere.psql(&target.name, tables), "0");
    let without = ["--table", "flags", "--leave-out", "constraint:public.flags once"];
    stage.restore_with(&target, without).success();
    assert_eq!(elsewhere.psql(&target.name, "select count(*) from flags"), "1");
}

#[test]
fn rows_of_keys_without_overlaps_come_alone() {
    let stage = Stage::on(
        Some(18),
        "create table stays (guest int4range, during daterange, primary key (guest, during without overlaps)); create table meals \
         (guest int4range, during daterange, foreign key (guest, period during) references stays); insert into stays values \
         ('[1,2)', '[2025-01-01,2025-01-05)'); insert into meals values ('[1,2)', '[2025-01-02,2025-01-03)');
         create table unchecked (guest int4range, during daterange, foreign key (guest, period during) references stays not \
         enforced); insert into unchecked values ('[7,8)', '[2025-01-02,2025-01-03)')",
    );
    stage.back_up();
    stage.cluster.psql(
        &stage.database,
        "delete from meals; delete from unchecked; delete from stays",
    );
    let rows = [
        "--table",
        "stays",
        "--table",
        "meals",
        "--table",
        "unchecked",
        "--data-only",
    ];
    stage.restore_with(&stage.live(), rows).success();
    let counts = "select (select count(*) from stays), (select count(*) from meals), (select count(*) from unchecked)";
    assert_eq!(stage.cluster.psql(&stage.database, counts), "1|1|1");
}
