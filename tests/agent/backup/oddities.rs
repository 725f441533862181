//! Databases that are large, empty, oddly named or oddly encoded, or that go back to another server.

use crate::{
    restore::round_trip::{assert_restores, whole_road},
    stage::{SMALL, Stage, Target, restore_args, unique},
    testbed::{Cluster, S3Server},
};

#[test]
fn a_dump_of_18_comes_back_on_an_older_server() {
    let stage = Stage::on(Some(18), SMALL);
    stage.back_up();
    let (older, name) = (Cluster::shared(None), unique("older"));
    let target = Target {
        url: older.create_database(&name),
        name,
    };
    stage.restore(&target).success();
    assert_eq!(older.psql(&target.name, "select count(*) from people"), "500");
}

#[test]
fn an_empty_database_comes_back() {
    let stage = Stage::of("select 1");
    whole_road(&stage);
}

#[test]
fn a_row_of_50_mb_comes_back() {
    let stage = Stage::of("create table wide (t text); insert into wide values (repeat('0123456789', 5 << 20));");
    let record = stage.back_up();
    assert!(record["tables"][0]["bytes"].as_u64().unwrap() > 50 << 20);
    stage.run(["verify"]).success();
    assert_restores(&stage);
}

#[test]
fn three_thousand_tables_come_back() {
    let stage = Stage::of(
        "do $$ begin for n in 1..3000 loop execute format('create table t%s as select %s as n', n, n); end loop; end \
         $$;",
    );
    let record = stage.back_up();
    assert_eq!(record["tables"].as_array().unwrap().len(), 3000);
    stage.run(["verify"]).success();
    assert_restores(&stage);
}

#[test]
fn a_database_with_an_odd_name_comes_back_by_way_of_the_socket() {
    let stage = Stage::small();
    let name = unique(r#"We"ird na%me/ä'\?&#"#);
    stage.cluster.create_database(&name);
    stage.cluster.psql(&name, SMALL);
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", stage.cluster.socket_url(&name));
    agent.run(["backup"]).success();
    let target = Target {
        name: unique(&format!("{name} too")),
        url: String::new(),
    };
    stage.cluster.create_database(&target.name);
    let url = stage.cluster.socket_url(&target.name);
    stage
        .run(["restore", "latest", "--to", &url, "--confirm", &target.name])
        .success();
    assert_eq!(stage.content(&target.name), stage.content(&name));
}

/// A database in another encoding than UTF-8, set up by SQL that is written in it.
fn encoded(stage: &Stage, encoding: &str) -> Target {
    let name = unique("encoded");
    let options = format!("template template0 encoding '{encoding}' locale 'C'");
    stage
        .cluster
        .psql("postgres", &format!("create database {name} {options}"));
    Target {
        url: stage.cluster.url(&name),
        name,
    }
}

#[test]
fn names_and_rows_that_are_not_utf8_come_back() {
    let stage = Stage::small();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let (source, target) = (encoded(&stage, encoding), encoded(&stage, encoding));
        let setting = if encoding == "LATIN1" {
            "set client_encoding = utf8; "
        } else {
            ""
        };
        let bytes = if encoding == "LATIN1" {
            "'Grüße'"
        } else {
            r"E'\xff\xfe'"
        };
        let sql = format!(
            "{setting}create table \"Größe\" (\"naïve\" text); insert into \"Größe\" values ({bytes}), (E'\\xe9');"
        );
        stage.cluster.psql(&source.name, &sql);
        let bucket = S3Server::start();
        let agent = stage.agent().s3(&bucket).env("PGCOFFER_DB_MAIN_URL", &source.url);
        agent.run(["backup"]).success();
        agent.run(["verify"]).success();
        agent.run(["show", "latest"]).success();
        agent.run(restore_args(&target)).success();
        let rows =
            "set client_encoding = sql_ascii; select encode(convert_to(\"naïve\", 'SQL_ASCII'), 'hex') from \"Größe\"";
        let rows = if encoding == "LATIN1" {
            rows.replace("sql_ascii; ", "utf8; ")
        } else {
            rows.to_owned()
        };
        assert_eq!(
            stage.cluster.psql(&target.name, &rows),
            stage.cluster.psql(&source.name, &rows),
            "{encoding}"
        );
    }
}

#[test]
fn rows_that_look_like_commands_come_back_on_an_older_server() {
    let stage = Stage::on(
        Some(18),
        "create table commands (id int, line text);
         insert into commands values (1, 'SET transaction_timeout = 0;'), (2, E'\\\\restrict x'), (3, E'\\\\.'), (4, \
             E'\\n\\\\.\\nSET transaction_timeout = 0;');
         create table bare (line text); insert into bare values ('SET transaction_timeout = 0;'), ('x');
         create function f() returns text language sql as $$
SET transaction_timeout = 0;
select 'SET transaction_timeout = 0;' $$;",
    );
    stage.back_up();
    let (older, name) = (Cluster::shared(None), unique("older"));
    let target = Target {
        url: older.create_database(&name),
        name,
    };
    stage.restore(&target).success();
    for sql in [
        "select * from commands order by id",
        "select * from bare order by 1",
        "select prosrc from pg_proc where proname = 'f'",
    ] {
        assert_eq!(older.psql(&target.name, sql), stage.cluster.psql(&stage.database, sql));
    }
}
