//! Targets of restores: other owners, and what is in a database already.

use pgcoffer::postgres::{FailureCause, LoadOptions};

use crate::loading::CONTENT;
use crate::scene::{child_fault, client, cluster, connect, database, dump, load, majors, role, url};

/// A role that is nobody special restores what another owns, without owners and grants; with them it fails.
#[tokio::test]
async fn owners_and_grants_are_restored_only_if_requested() {
    let cluster = cluster(16);
    for name in ["origin owner", "target owner"] {
        role(cluster, name);
    }
    let sql = format!(r#"{CONTENT} ALTER TABLE t OWNER TO "origin owner"; GRANT SELECT ON t TO "origin owner""#);
    let archive = dump(cluster, &database(cluster, "owned", &sql)).await.unwrap();
    cluster.create_database("owned to");
    cluster.psql(
        "owned to",
        r#"ALTER DATABASE "owned to" OWNER TO "target owner"; GRANT CREATE ON SCHEMA public TO "target owner""#,
    );
    let copy = url(&cluster.url_as("target owner", None, "owned to"));
    let with = client(cluster).await;
    let keeping = LoadOptions {
        no_owner: false,
        no_acl: false,
        single_transaction: true,
        ..LoadOptions::new(16)
    };
    let fault = child_fault(load(&with, &copy, &keeping, &archive).await.unwrap_err());
    assert_eq!(fault.cause, FailureCause::PermissionDenied, "{fault}");
    load(&with, &copy, &LoadOptions::new(16), &archive).await.unwrap();
    assert_eq!(
        cluster.psql("owned to", "SELECT tableowner FROM pg_tables WHERE tablename = 't'"),
        "target owner"
    );
}

#[tokio::test]
async fn objects_in_the_target_are_named() {
    let table = [
        ("", &[][..]),
        (
            "CREATE SCHEMA heroku_ext; CREATE SCHEMA _heroku; CREATE TABLE _heroku.t (a int)",
            &[],
        ),
        (
            "CREATE ROLE other_owner; CREATE SCHEMA theirs AUTHORIZATION other_owner",
            &["schema theirs"],
        ),
        (
            "CREATE COLLATION c (provider = libc, locale = 'C'); CREATE TEXT SEARCH DICTIONARY d (template = simple)",
            &["collation public.c", "text search dictionary public.d"],
        ),
        (
            "CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq)",
            &[r#"operator public."===""#],
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION plpgsql ADD FUNCTION f()",
            &[],
        ),
        ("CREATE SCHEMA mine", &["schema mine"]),
        (
            "CREATE TABLE t (a serial)",
            &["table public.t", "sequence public.t_a_seq"],
        ),
        (r#"CREATE SEQUENCE "S x""#, &[r#"sequence public."S x""#]),
        (
            "CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1",
            &["materialized view public.m", "view public.v"],
        ),
        (
            "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            &["function public.f(a integer)"],
        ),
        ("CREATE TYPE c AS (a int)", &["type public.c"]),
        (
            "CREATE TYPE e AS ENUM ('a'); CREATE DOMAIN d AS int",
            &["type public.d", "type public.e"],
        ),
        ("CREATE TYPE r AS RANGE (subtype = int)", &["type public.r"]),
        ("SELECT lo_create(5)", &["large object 5"]),
    ];
    for major in majors() {
        let cluster = cluster(major);
        for (number, (sql, expected)) in table.iter().enumerate() {
            let name = format!("objects {number}");
            let url = database(cluster, &name, sql);
            let mut session = connect(&url).await;
            let objects = session.existing_objects().await.unwrap();
            let objects: Vec<&str> = objects.iter().map(|name| name.raw()).collect();
            assert_eq!(objects, *expected, "{sql}");
            match session.check_empty().await {
                Ok(()) => assert!(expected.is_empty()),
                Err(error) => assert!(
                    error.to_string().contains(expected[0]) && error.hint().is_some(),
                    "{error}"
                ),
            }
        }
        let url = database(
            cluster,
            "many objects",
            "CREATE TABLE a (); CREATE TABLE b (); SELECT lo_create(n) FROM generate_series(1, 50) n",
        );
        assert_eq!(connect(&url).await.existing_objects().await.unwrap().len(), 10);
    }
}
