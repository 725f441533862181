//! What role and database set for whoever connects: it reaches the programs only where it does no harm.

use pgcoffer::postgres::{Direction, DumpOptions, LoadOptions};

use crate::scene::{client, cluster, connect, database, dump_with, load, majors, role, url};
use crate::testbed::{Cluster, ClusterOptions};

/// Values that a setting can turn into others on their way, and statements that it can read otherwise.
const CONTENT: &str = r"
    CREATE TABLE arrays (id int PRIMARY KEY, a text[] DEFAULT '{NULL,x}');
    INSERT INTO arrays VALUES (1, ARRAY['x', NULL, 'NULL']), (2, ARRAY[NULL]::text[]), (3, DEFAULT);
    CREATE TABLE texts (id int PRIMARY KEY, a text, b bytea, i interval, f float8, d date, m money, CHECK (a <> 'it''s \'));
    INSERT INTO texts VALUES (1, 'back\slash''s', '\x005c27', '-1 day +02:03:04', 0.1::float8 / 3, '2024-02-03', 12.34), (2, E'\t\\N', '', '-1 mon -2 days', 'NaN', 'infinity', -1234567.89);
    CREATE FUNCTION nulls(a int) RETURNS boolean LANGUAGE sql AS 'SELECT a = NULL';
    CREATE FUNCTION parsed(a int) RETURNS boolean LANGUAGE sql RETURN a = NULL;
    CREATE VIEW v AS SELECT a = NULL AS n, a || '\' AS b FROM texts;
    CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM v;
    CREATE SEQUENCE s; SELECT nextval('s');";

const DIGEST: &str = "SELECT (SELECT string_agg(t::text, '|' ORDER BY id) FROM arrays t) || (SELECT \
    string_agg(t::text, '|' ORDER BY id) FROM texts t)
    || pg_get_viewdef('v'::regclass) || pg_get_functiondef('parsed'::regproc) || (SELECT prosrc FROM pg_proc WHERE \
        proname = 'nulls')
    || (SELECT count FROM seen) || (SELECT string_agg(pg_get_constraintdef(oid), '|' ORDER BY conname) FROM \
        pg_constraint WHERE conrelid = 'texts'::regclass)
    || (SELECT bool_or(reltablespace <> 0) FROM pg_class WHERE relname IN ('arrays', 'texts', 's', 'seen'))";

/// What a role can set for itself, and what it does to it where nobody sees to it.
const SETTINGS: &[(u32, &str, &str)] = &[
    (14, "array_nulls", "off"),
    (14, "transform_null_equals", "on"),
    (14, "standard_conforming_strings", "off"),
    (14, "backslash_quote", "off"),
    (14, "bytea_output", "escape"),
    (14, "\"DateStyle\"", "German"),
    (14, "\"IntervalStyle\"", "sql_standard"),
    (14, "extra_float_digits", "-15"),
    (14, "quote_all_identifiers", "on"),
    (14, "client_encoding", "LATIN1"),
    (14, "xmloption", "document"),
    (14, "row_security", "on"),
    (14, "check_function_bodies", "on"),
    (14, "default_transaction_isolation", "serializable"),
    (14, "default_transaction_deferrable", "on"),
    (14, "default_tablespace", "elsewhere"),
    (14, "statement_timeout", "40"),
    (14, "lock_timeout", "1"),
    (14, "idle_in_transaction_session_timeout", "1"),
    (14, "idle_session_timeout", "300"),
    (17, "transaction_timeout", "40"),
    (16, "icu_validation_level", "error"),
];

/// A role that is nobody special, with all these set, and a database of its own.
fn beset(cluster: &Cluster, major: u32, name: &str) -> String {
    role(cluster, name);
    cluster.create_database(name);
    cluster.psql("postgres", &format!(r#"ALTER DATABASE "{name}" OWNER TO "{name}""#));
    cluster.psql(name, &format!(r#"ALTER SCHEMA public OWNER TO "{name}""#));
    for (since, setting, value) in SETTINGS {
        if *since <= major {
            cluster.psql("postgres", &format!(r#"ALTER ROLE "{name}" SET {setting} = '{value}'"#));
        }
    }
    cluster.url_as(name, None, name)
}

#[tokio::test]
async fn data_is_restored_unchanged_whatever_a_role_sets() {
    for (major, client_major) in majors().into_iter().map(|major| (major, major)).chain([(16, 18)]) {
        let (cluster, with) = (cluster(major), client(cluster(client_major)).await);
        let tag = format!("beset {major} {client_major}");
        let origin = database(cluster, &format!("{tag} from"), CONTENT);
        let expected = cluster.psql(origin.database(), DIGEST);
        // on its way out, by a role that may only read, and back by one that owns the target
        let reader = format!("{tag} reader");
        let copy = url(&beset(cluster, major, &format!("{tag} to")));
        beset(cluster, major, &reader);
        cluster.psql(origin.database(), &format!(r#"GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{reader}"; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO "{reader}""#));
        let from = url(&cluster.url_as(&reader, None, origin.database()));
        let mut session = connect(&from).await;
        let options = DumpOptions {
            settings: session.settings(Direction::Dump).await.unwrap(),
            encoding: Some("UTF8".into()),
            ..DumpOptions::new(major)
        };
        session.close().await;
        let archive = dump_with(&with, &from, &options).await.unwrap();
        let mut session = connect(&copy).await;
        let options = LoadOptions {
            settings: session.settings(Direction::Restore).await.unwrap(),
            ..LoadOptions::new(major)
        };
        assert_eq!(options.settings.fixed, [], "{tag}");
        session.close().await;
        load(&with, &copy, &options, &archive)
            .await
            .unwrap_or_else(|error| panic!("{tag}: {error}"));
        assert_eq!(cluster.psql(copy.database(), DIGEST), expected, "{tag}");
    }
}

/// Without our care NULL becomes a text, and nothing says so.
#[tokio::test]
async fn without_our_options_a_null_becomes_a_text() {
    let (cluster, with) = (cluster(16), client(cluster(16)).await);
    let origin = database(cluster, "careless from", CONTENT);
    let archive = dump_with(&with, &origin, &DumpOptions::new(16)).await.unwrap();
    role(cluster, "careless");
    cluster.create_database("careless to");
    cluster.psql(
        "careless to",
        "ALTER SCHEMA public OWNER TO careless; ALTER ROLE careless SET array_nulls = off",
    );
    let copy = url(&cluster.url_as("careless", None, "careless to"));
    load(&with, &copy, &LoadOptions::new(16), &archive).await.unwrap();
    let nulls = "SELECT count(*) FROM arrays WHERE array_position(a, NULL) IS NOT NULL";
    assert_eq!(cluster.psql("careless to", nulls), "0");
    assert_eq!(cluster.psql("careless from", nulls), "3");
}

/// What a superuser alone may set, and has set for somebody else, stays and is named; what the URL asks for is meant.
#[tokio::test]
async fn a_setting_that_cannot_be_overridden_is_named() {
    for major in majors() {
        let cluster = cluster(major);
        role(cluster, "forced");
        let set = |setting: &str| cluster.psql("postgres", &format!("ALTER ROLE forced SET {setting}"));
        set("session_replication_role = replica");
        set("zero_damaged_pages = on");
        cluster.create_database("forced");
        let forced = url(&cluster.url_as("forced", None, "forced"));
        let mut session = connect(&forced).await;
        for (road, name) in [
            (Direction::Dump, "zero_damaged_pages"),
            (Direction::Restore, "session_replication_role"),
        ] {
            let settings = session.settings(road).await.unwrap();
            let names: Vec<_> = settings.fixed.iter().map(|left| left.name).collect();
            assert_eq!(names, [name]);
            let warning = settings.warnings().next().unwrap();
            assert!(
                warning.contains("ALTER ROLE") && warning.contains("may not set"),
                "{warning}"
            );
        }
        let asking = url(&format!(
            "{}?options=-c%20default_tablespace%3Dpg_default",
            cluster.url("forced")
        ));
        let mut session = connect(&asking).await;
        assert_eq!(
            session.settings(Direction::Restore).await.unwrap(),
            pgcoffer::postgres::SessionSettings::default()
        );
    }
}

/// Amounts of money are written in the format of `lc_monetary`, and read in another as something else.
#[tokio::test]
async fn money_is_restored_into_another_lc_monetary() {
    let folder = tempfile::tempdir().unwrap();
    let locales = format!("{}:/usr/lib/locale", compile_euros(folder.path()));
    let cluster = Cluster::start_with(ClusterOptions {
        environment: vec![("LOCPATH".into(), locales)],
        ..ClusterOptions::default()
    });
    let with = client(&cluster).await;
    let major = with.major;
    let money = "CREATE TABLE sums (m money DEFAULT '1.234,50'); INSERT INTO sums VALUES ('1.234.567,89'), ('-0,05'), \
        (DEFAULT)";
    cluster.create_database("euros");
    cluster.psql("postgres", "ALTER DATABASE euros SET lc_monetary = 'euros'");
    cluster.psql("euros", money);
    let from = url(&cluster.url("euros"));
    let mut session = connect(&from).await;
    let settings = session.settings(Direction::Dump).await.unwrap();
    let archive = dump_with(
        &with,
        &from,
        &DumpOptions {
            settings,
            ..DumpOptions::new(major)
        },
    )
    .await
    .unwrap();
    let amounts = "SET lc_monetary = 'C'; SELECT string_agg(m::numeric::text, ' ' ORDER BY m) FROM sums";
    let expected = cluster.psql("euros", amounts);
    assert_eq!(expected, "-0.05 1234.50 1234567.89");
    for (name, format) in [("euros too", "euros"), ("dollars", "C")] {
        cluster.create_database(name);
        cluster.psql(
            "postgres",
            &format!("ALTER DATABASE \"{name}\" SET lc_monetary = '{format}'"),
        );
        let to = url(&cluster.url(name));
        let mut session = connect(&to).await;
        let settings = session.settings(Direction::Restore).await.unwrap();
        load(
            &with,
            &to,
            &LoadOptions {
                settings,
                ..LoadOptions::new(major)
            },
            &archive,
        )
        .await
        .unwrap();
        cluster.psql(
            name,
            "INSERT INTO sums DEFAULT VALUES; DELETE FROM sums WHERE ctid = '(0,3)'",
        );
        assert_eq!(cluster.psql(name, amounts), expected, "{name}");
    }
}

/// As amounts are written in much of Europe.
const EUROS: &str = r#"comment_char %
escape_char /
LC_MONETARY
int_curr_symbol "EUR "
currency_symbol "E"
mon_decimal_point ","
mon_thousands_sep "."
mon_grouping 3;3
positive_sign ""
negative_sign "-"
int_frac_digits 2
frac_digits 2
p_cs_precedes 0
p_sep_by_space 1
n_cs_precedes 0
n_sep_by_space 1
p_sign_posn 1
n_sign_posn 1
END LC_MONETARY
"#;

/// Makes a locale of the name `euros` in this folder; the folder.
fn compile_euros(folder: &std::path::Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let source = folder.join("euros.txt");
    std::fs::write(&source, EUROS).unwrap();
    let mut localedef = std::process::Command::new("localedef");
    // it misses the other categories, and says so
    localedef.arg("-c").arg("-i").arg(source).arg(folder.join("euros"));
    let output = localedef.output().unwrap();
    assert!(folder.join("euros/LC_MONETARY").exists(), "{output:?}");
    folder.to_str().unwrap().to_owned()
}

/// What is cancelled by it is run again: that a statement ran out of time says nothing of the lock.
#[tokio::test]
async fn a_short_statement_timeout_does_not_lose_the_lock() {
    let cluster = cluster(16);
    let name = "in a hurry";
    role(cluster, name);
    database(cluster, name, "CREATE TABLE t (a int)");
    for setting in ["statement_timeout", "lock_timeout", "idle_session_timeout"] {
        let value = if setting == "idle_session_timeout" { 1000 } else { 1 };
        let sql = format!(r#"ALTER ROLE "{name}" SET {setting} = {value}"#);
        cluster.psql("postgres", &sql);
    }
    let url = url(&cluster.url_as(name, None, name));
    let mut session = connect(&url).await;
    session.lock("main").await.unwrap();
    for _ in 0..300 {
        session.check().await.unwrap();
    }
    session.inspect().await.unwrap();
    session.close().await;
}
