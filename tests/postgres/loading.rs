//! `pg_restore` as a child process: round trips between majors, failures half-way, and targets that aren't empty.

use pgcoffer::postgres::{DatabaseUrl, DumpOptions, Error, FailureCause, Load, LoadOptions};
use tokio::io::AsyncWriteExt;

use crate::dumping::{sessions, wait_until};
use crate::scene::{
    child_fault, client, cluster, connect, database, dump, dump_with, english, load, majors, role, url,
};
use crate::testbed::Cluster;

/// Rows that look like the line that is taken out and like psql's own commands, large objects, a sequence, a
/// function's body.
const CONTENT: &str = r"
    CREATE TABLE t (id serial PRIMARY KEY, a text);
    INSERT INTO t (a) VALUES ('SET transaction_timeout = 0;'), ('\.'), ('\restrict x'), (E'tab\tnewline\nback\\slash'), (NULL), (''), ('ü數');
    INSERT INTO t (a) SELECT repeat('SET transaction_timeout = 0;' || chr(10), 3) FROM generate_series(1, 20000);
    CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
SET transaction_timeout = 0;
RETURN 'x';
END $$;
    CREATE SCHEMA extra; CREATE VIEW extra.v AS SELECT count(*) FROM t;
    COMMENT ON TABLE t IS E'line\nSET transaction_timeout = 0;\n';
    SELECT lo_from_bytea(4711, decode(repeat('00ff0a5c', 5000), 'hex'));";

const DIGEST: &str = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) || (SELECT last_value FROM t_id_seq) || \
    md5(lo_get(4711)) || obj_description('t'::regclass)
    || (SELECT md5(prosrc) FROM pg_proc WHERE proname = 'f') FROM t";

async fn round_trip(source: u32, client_major: u32, target: u32, options: LoadOptions) {
    let (from, to, with) = (cluster(source), cluster(target), client(cluster(client_major)).await);
    let tag = format!("{source} {client_major} {target} {}", options.single_transaction);
    let origin = database(from, &format!("from {tag}"), CONTENT);
    let copy = url(&to.create_database(&format!("to {tag}")));
    let archive = dump_with(&with, &origin, &DumpOptions::new(source)).await.unwrap();
    let report = load(&with, &copy, &options, &archive)
        .await
        .unwrap_or_else(|error| panic!("{tag}: {error}"));
    assert_eq!(report.warnings, [""; 0], "{tag}");
    assert_eq!(
        to.psql(copy.database(), DIGEST),
        from.psql(origin.database(), DIGEST),
        "{tag}"
    );
}

#[tokio::test]
async fn round_trips_by_the_server_s_own_clients() {
    for major in majors() {
        round_trip(major, major, major, LoadOptions::new(major)).await;
    }
}

/// The clients of 18 emit a setting that 16 refuses.
#[tokio::test]
async fn round_trips_into_servers_older_than_the_client() {
    for single_transaction in [false, true] {
        for target in majors().into_iter().filter(|major| *major < 17) {
            round_trip(
                target,
                18,
                target,
                LoadOptions {
                    single_transaction,
                    ..LoadOptions::new(target)
                },
            )
            .await;
        }
    }
}

/// Names and expressions in which psql would see variables, blocks or commands of its own. `begin` and its like are
/// ordinary names, and so are those of psql's variables; a slice has a colon.
/// They are written here so that psql, which makes them, reads them right; the server shows them otherwise.
const LOOKALIKES: &str = r#"
    CREATE TABLE span ("begin" int, finish int, "end" int, "case" int, a int[], "VERSION" int, "ROW_COUNT" int, "AUTOCOMMIT" int, n int);
    INSERT INTO span VALUES (1, 2, 3, 4, '{1,2,3,4,5}', 2, 3, 4, 5);
    CREATE FUNCTION total(p int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC; SELECT sum(span.finish - span."begin") + p FROM span; END;
    CREATE FUNCTION f2("begin" int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT CASE WHEN f2."begin" > 0 THEN f2."begin" ELSE 0 END; SELECT f2."begin" AS "begin"; END;
    CREATE FUNCTION "begin"(a int) RETURNS int LANGUAGE sql AS 'SELECT a; -- begin :VERSION';
    CREATE DOMAIN "begin" AS int; CREATE FUNCTION typed() RETURNS "begin" LANGUAGE sql RETURN (SELECT span."begin" FROM span);
    CREATE PROCEDURE fill(INOUT "begin" int) LANGUAGE sql BEGIN ATOMIC; INSERT INTO span ("begin") VALUES ("begin"); SELECT "begin"("begin"); END;
    CREATE FUNCTION nested() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT CASE s."begin" WHEN 1 THEN CASE WHEN s."end" = 3 THEN 7 END ELSE s."case" END FROM span s; END;
    CREATE FUNCTION sliced(x int[], "VERSION" int) RETURNS int[] LANGUAGE sql BEGIN ATOMIC; SELECT x[1: "VERSION"]; END;
    CREATE VIEW slices AS SELECT a[1: "VERSION"] AS b, a["VERSION": "ROW_COUNT"] AS c, a[: "AUTOCOMMIT"] AS d, a["begin": n] AS e, a[:] AS f, a[2:] AS g,
        (a[1: "VERSION"])::text AS h, a[1: ("VERSION" + 1)] AS i FROM span;
    CREATE INDEX ON span ((a[1: "ROW_COUNT"]));
    ALTER TABLE span ADD CHECK (cardinality(a[1: "VERSION"]) < 9), ADD g int[] GENERATED ALWAYS AS (a[1: "ROW_COUNT"]) STORED;
    CREATE RULE twice AS ON DELETE TO span WHERE old."begin" < 0 DO ALSO (UPDATE span SET n = 0 WHERE "begin" = 9; UPDATE span SET a[1: "VERSION"] = '{1,2}' WHERE "begin" = 9);
    CREATE FUNCTION said() RETURNS text LANGUAGE plpgsql AS $x$ BEGIN RETURN ':VERSION'; /* begin :'VERSION' $$ */ END; $x$;
    CREATE FUNCTION percent(a int, b int) RETURNS boolean LANGUAGE sql RETURN a % b = 0;
    CREATE OPERATOR |` (LEFTARG = int, RIGHTARG = int, FUNCTION = percent);
    CREATE VIEW operated AS SELECT "begin" |` n AS o, 'a:VERSION \n \q' AS p, E'\\q :"VERSION"\n' AS q FROM span;
    COMMENT ON TABLE span IS E'\\q \n\\! id\n:VERSION begin';
    CREATE TABLE "begin;\q :VERSION" (":VERSION" text DEFAULT ':VERSION'); INSERT INTO "begin;\q :VERSION" VALUES (':VERSION'), ('\.'), (E'\n\\.\n');
    CREATE TABLE later (t text); INSERT INTO later SELECT 'x' || g FROM generate_series(1, 1000) g; CREATE VIEW lastly AS SELECT total(1) AS n"#;

const DEFINITIONS: &str = r#"SELECT (SELECT string_agg(pg_get_functiondef(oid), E'\n' ORDER BY oid::regprocedure::text) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
    || (SELECT string_agg(v::regclass || pg_get_viewdef(v::regclass), E'\n') FROM unnest('{slices,operated,lastly}'::text[]) v)
    || (SELECT string_agg(pg_get_indexdef(indexrelid), '') FROM pg_index WHERE indrelid = 'span'::regclass)
    || (SELECT string_agg(pg_get_constraintdef(oid), '' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'span'::regclass)
    || (SELECT string_agg(pg_get_ruledef(oid), '') FROM pg_rewrite WHERE ev_class = 'span'::regclass)
    || obj_description('span'::regclass) || (SELECT slices::text FROM slices) || (SELECT operated::text FROM operated) || (SELECT span::text FROM span)
    || (SELECT count(*) FROM later) || (SELECT n FROM lastly) || (SELECT string_agg(t::text, '|' ORDER BY t) FROM "begin;\q :VERSION" t)"#;

#[tokio::test]
async fn what_psql_would_take_for_its_own_comes_back() {
    for (source, target) in [(16, 16), (18, 16), (15, 15), (18, 15)] {
        if !majors().contains(&target) {
            continue;
        }
        let (from, to, with) = (cluster(source), cluster(target), client(cluster(18)).await);
        for single_transaction in [false, true] {
            let tag = format!("lookalikes {source} {target} {single_transaction}");
            let origin = database(from, &format!("{tag} from"), LOOKALIKES);
            let copy = url(&to.create_database(&format!("{tag} to")));
            let archive = dump_with(&with, &origin, &DumpOptions::new(source)).await.unwrap();
            let options = LoadOptions {
                single_transaction,
                ..LoadOptions::new(target)
            };
            load(&with, &copy, &options, &archive)
                .await
                .unwrap_or_else(|error| panic!("{tag}: {error}"));
            // before 16 a view names the table with each column
            let definitions = |cluster: &Cluster, name: &str| cluster.psql(name, DEFINITIONS).replace("span.", "");
            assert_eq!(
                definitions(to, copy.database()),
                definitions(from, origin.database()),
                "{tag}"
            );
        }
    }
}

/// Without our care that is the end, as the first thing that happens.
#[tokio::test]
async fn stock_pg_restore_stops_at_the_setting() {
    let (cluster, with) = (cluster(16), client(cluster(18)).await);
    let origin = database(cluster, "stock from", CONTENT);
    let copy = url(&cluster.create_database("stock to"));
    let archive = dump_with(&with, &origin, &DumpOptions::new(16)).await.unwrap();
    let believing = LoadOptions::new(18);
    let fault = child_fault(load(&with, &copy, &believing, &archive).await.unwrap_err());
    assert!(fault.stderr.contains("transaction_timeout"), "{fault}");
}

#[tokio::test]
async fn what_runs_first_makes_room() {
    for (major, client_major) in [(16, 16), (16, 18), (18, 18)] {
        let (cluster, with) = (cluster(major), client(cluster(client_major)).await);
        let name = format!("clean {major} {client_major}");
        let url = database(cluster, &name, CONTENT);
        let archive = dump_with(&with, &url, &DumpOptions::new(major)).await.unwrap();
        let before = cluster.psql(&name, DIGEST);
        cluster.psql(
            &name,
            "DELETE FROM t WHERE id > 3; DROP VIEW extra.v; SELECT lo_unlink(4711)",
        );
        let options = LoadOptions {
            first: Some(
                b"DROP SCHEMA public, extra CASCADE; CREATE SCHEMA public; SELECT lo_unlink(oid) FROM \
                    pg_largeobject_metadata;\n"
                    .to_vec(),
            ),
            single_transaction: true,
            ..LoadOptions::new(major)
        };
        load(&with, &url, &options, &archive)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(cluster.psql(&name, DIGEST), before);
    }
}

/// Fails half-way, on both roads: the server's message is the error, and in a single transaction nothing is left.
#[tokio::test]
async fn a_failure_half_way_is_told_in_the_server_s_words() {
    for client_major in [16, 18] {
        for single_transaction in [false, true] {
            let (cluster, with) = (cluster(16), client(cluster(client_major)).await);
            let name = format!("half way {client_major} {single_transaction}");
            let origin = database(cluster, &format!("{name} from"), CONTENT);
            let archive = dump_with(&with, &origin, &DumpOptions::new(16)).await.unwrap();
            let copy = database(cluster, &name, "CREATE TABLE t (id int)");
            let options = LoadOptions {
                single_transaction,
                ..LoadOptions::new(16)
            };
            let error = load(&with, &copy, &options, &archive).await.unwrap_err();
            assert!(error.hint().unwrap().contains("--clean"), "{error}");
            let fault = child_fault(error);
            assert!(
                fault.stderr.contains(r#"relation "t" already exists"#),
                "{name}: {fault}"
            );
            assert_eq!(fault.cause, FailureCause::AlreadyExists);
            assert_eq!(fault.program, if client_major == 18 { "psql" } else { "pg_restore" });
            let functions = cluster.psql(&name, "SELECT count(*) FROM pg_proc WHERE proname = 'f'");
            assert_eq!(functions, if single_transaction { "0" } else { "1" }, "{name}");
        }
    }
}

/// A write fails because the restore has failed: aborting gives that failure.
#[tokio::test]
async fn aborting_tells_whether_the_restore_had_failed_by_itself() {
    for client_major in [16, 18] {
        let (cluster, with) = (cluster(16), client(cluster(client_major)).await);
        let name = format!("aborted {client_major}");
        let origin = database(cluster, &format!("{name} from"), CONTENT);
        let options = DumpOptions::new(16);
        let archive = dump_with(&with, &origin, &options).await.unwrap();
        let copy = database(cluster, &name, "CREATE TABLE t (id int)");
        let mut load = Load::start(&with, &copy, &english(16)).unwrap();
        // writes go on to succeed until its end is seen
        for piece in archive.chunks(64 * 1024) {
            let _ = load.write_all(piece).await;
        }
        assert!(load.has_stopped_reading(), "the archive is larger than a pipe");
        let fault = child_fault(load.abort().await.unwrap());
        assert_eq!(fault.cause, FailureCause::AlreadyExists, "{fault}");
    }
}

async fn cut(
    client_major: u32,
    single_transaction: bool,
    kill: bool,
) -> (&'static Cluster, DatabaseUrl, Option<Error>) {
    let (cluster, with) = (cluster(16), client(cluster(client_major)).await);
    let name = format!("cut {client_major} {single_transaction} {kill}");
    let origin = database(cluster, &format!("{name} from"), CONTENT);
    let archive = dump_with(&with, &origin, &DumpOptions::new(16)).await.unwrap();
    let copy = url(&cluster.create_database(&name));
    let options = LoadOptions {
        single_transaction,
        ..LoadOptions::new(16)
    };
    let mut load = Load::start(&with, &copy, &options).unwrap();
    load.write_all(&archive[..archive.len() / 2]).await.unwrap();
    load.shutdown().await.unwrap();
    if kill {
        // Far enough for rows to be under way.
        wait_until(|| {
            cluster.psql(
                "postgres",
                &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE 'COPY%'"),
            ) == "1"
        })
        .await;
        if single_transaction {
            load.kill().await;
        } else {
            assert!(load.abort().await.is_none(), "it had not failed");
        }
        return (cluster, copy, None);
    }
    let error = load.finish().await.unwrap_err();
    (cluster, copy, Some(error))
}

#[tokio::test]
async fn half_an_archive_never_looks_whole() {
    for client_major in [16, 18] {
        for single_transaction in [false, true] {
            let (cluster, copy, error) = cut(client_major, single_transaction, false).await;
            let fault = child_fault(error.unwrap());
            assert_eq!(
                (fault.program, fault.cause),
                ("pg_restore", FailureCause::BadArchive),
                "{fault}"
            );
            check_half(cluster, &copy, single_transaction).await;
        }
    }
}

#[tokio::test]
async fn a_killed_restore_leaves_no_half_table() {
    for client_major in [16, 18] {
        for single_transaction in [false, true] {
            let (cluster, copy, _) = cut(client_major, single_transaction, true).await;
            check_half(cluster, &copy, single_transaction).await;
        }
    }
}

/// The COPY under way was rolled back, and in a single transaction everything.
async fn check_half(cluster: &Cluster, copy: &DatabaseUrl, single_transaction: bool) {
    let name = copy.database();
    wait_until(|| sessions(cluster, name) == "0").await;
    let tables = cluster.psql(name, "SELECT count(*) FROM pg_class WHERE relname = 't'");
    assert_eq!(tables, if single_transaction { "0" } else { "1" }, "{name}");
    if !single_transaction {
        assert_eq!(cluster.psql(name, "SELECT count(*) FROM t"), "0", "{name}");
    }
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    for client_major in [16, 18] {
        let (cluster, with) = (cluster(16), client(cluster(client_major)).await);
        let copy = url(&cluster.create_database(&format!("no archive {client_major}")));
        for junk in [&b""[..], b"PGDMP", &[b'x'; 300_000]] {
            let fault = child_fault(load(&with, &copy, &LoadOptions::new(16), junk).await.unwrap_err());
            assert_eq!(
                (fault.program, fault.cause),
                ("pg_restore", FailureCause::BadArchive),
                "{fault}"
            );
        }
    }
}

#[tokio::test]
async fn an_archive_newer_than_pg_restore() {
    let archive = dump(cluster(18), &database(cluster(18), "too new", CONTENT))
        .await
        .unwrap();
    let copy = url(&cluster(16).create_database("too new to"));
    let fault = child_fault(
        load(&client(cluster(16)).await, &copy, &LoadOptions::new(16), &archive)
            .await
            .unwrap_err(),
    );
    assert_eq!(fault.cause, FailureCause::ArchiveTooNew, "{fault}");
}

/// A role that is nobody special restores what another owns, without owners and grants; with them it fails.
#[tokio::test]
async fn owners_and_grants_stay_behind() {
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
async fn occupants_are_named() {
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
