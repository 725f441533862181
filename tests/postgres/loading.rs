//! `pg_restore` as a child process: dumps and restores between major versions.

use pgcoffer::postgres::{DumpOptions, LoadOptions};

use crate::scene::{child_fault, client, cluster, database, dump_with, load, majors, url};
use crate::testbed::Cluster;

/// Rows that look like the line that is taken out and like psql's own commands, large objects, a sequence, a
/// function's body.
pub(crate) const CONTENT: &str = r"
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
async fn the_server_s_own_clients_dump_and_restore_everything() {
    for major in majors() {
        round_trip(major, major, major, LoadOptions::new(major)).await;
    }
}

/// The clients of 18 emit a setting that 16 refuses.
#[tokio::test]
async fn a_newer_client_restores_into_older_servers() {
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
async fn names_that_look_like_psql_commands_are_restored() {
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
async fn pg_restore_alone_fails_at_the_newer_setting() {
    let (cluster, with) = (cluster(16), client(cluster(18)).await);
    let origin = database(cluster, "stock from", CONTENT);
    let copy = url(&cluster.create_database("stock to"));
    let archive = dump_with(&with, &origin, &DumpOptions::new(16)).await.unwrap();
    let believing = LoadOptions::new(18);
    let fault = child_fault(load(&with, &copy, &believing, &archive).await.unwrap_err());
    assert!(fault.stderr.contains("transaction_timeout"), "{fault}");
}

#[tokio::test]
async fn the_first_statements_run_before_the_archive() {
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
