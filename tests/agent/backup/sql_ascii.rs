//! A database of encoding SQL_ASCII, whose names may be any bytes.

use crate::{
    check::everything::found,
    stage::{SMALL, Stage, Target, restore_args, unique},
    testbed::{Agent, Cluster, S3Server},
};

/// Two tables that differ in a byte which is no UTF-8, a schema, a sequence and a view.
const SQL: &str = r#"do $do$ declare n text := E'na\xefve'; s text := E'sch\xf6'; begin
    execute format('create table %I (a text); create table %I (a text); create schema %I; create table %3$I.t (a serial)', n, E'na\xeeve', s);
    execute format('insert into %I values (E''\xe9''), (NULL)', n);
    execute format('create sequence %I.%I', s, E'z\xe4hler'); execute format('comment on table %I is %L', n, E'\xff\xfe');
  end $do$; create table plain (id int);"#;

const DIGEST: &str = r"select string_agg(encode(convert_to(n.nspname || '.' || c.relname || coalesce(obj_description(c.oid), ''), 'SQL_ASCII'), 'hex'), ' ' order by n.nspname::bytea, c.relname::bytea)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

fn database(cluster: &Cluster) -> String {
    let name = unique("bytes");
    cluster.psql(
        "postgres",
        &format!("create database {name} template template0 encoding 'SQL_ASCII' locale 'C'"),
    );
    name
}

fn agent(stage: &Stage, bucket: &S3Server, url: &str) -> Agent {
    stage.agent().s3(bucket).env("PGCOFFER_DB_MAIN_URL", url)
}

#[test]
fn names_that_are_no_utf8_are_shown_granted_and_restored() {
    for major in [None, Some(18)] {
        let stage = Stage::on(major, SMALL);
        let cluster = stage.cluster;
        let (name, reader) = (database(cluster), unique("reader"));
        cluster.psql(&name, SQL);
        cluster.psql("postgres", &format!("create role {reader} login"));
        let bucket = S3Server::start();
        let readers = agent(&stage, &bucket, &cluster.url_as(&reader, None, &name));
        // what is missing, by the names themselves and by statements that name them
        let report = readers.run(["check", "--json"]).ended_with(8).json();
        let (verdict, detail, cure) = found(&report, "database", "tables");
        assert_eq!(verdict, "failed");
        for word in [r"na\xefve", r"na\xeeve", "plain"] {
            assert!(detail.contains(word), "{word}: {detail}");
        }
        cluster.psql(&name, cure.split_once(": ").unwrap().1);
        let sql = agent(&stage, &bucket, &cluster.url(&name))
            .run(["check", "--fix-sql", "--role", &reader])
            .success();
        assert!(sql.text().is_ascii());
        cluster.psql(&name, sql.text());
        let report = readers.run(["check", "--json"]).success().json();
        assert_eq!(found(&report, "database", "rights").0, "ok");
        let record = readers.run(["backup", "--json"]).success().json();
        let tables = record["tables"].to_string();
        for word in [r"na\\xefve", r"na\\xeeve", r"sch\\xf6"] {
            assert!(tables.contains(word), "{word}: {tables}");
        }
        readers.run(["verify"]).success();
        let shown = readers.run(["show", "latest"]).success();
        assert!(shown.text().contains(r#""na\xefve""#), "{}", shown.text());
        let target = database(cluster);
        let target = Target {
            url: cluster.url(&target),
            name: target,
        };
        readers.run(restore_args(&target)).success();
        assert_eq!(cluster.psql(&target.name, DIGEST), cluster.psql(&name, DIGEST));
        // what is there is named as well
        let refused = readers.run(restore_args(&target)).ended_with(3);
        assert!(refused.stderr.contains(r"na\xefve"), "{}", refused.stderr);
    }
}
