//! The look at a database before a dump: every obstacle makes pg_dump fail, and its statement mends it; what is no
//! obstacle doesn't make it fail.

use pgcoffer::postgres::{DatabaseUrl, Error, FailureCause, Obstacle, ObstacleKind};

use crate::scene::{child_fault, cluster, connect, database, dump, majors, role, url};
use crate::testbed::Cluster;

async fn obstacles(url: &DatabaseUrl) -> Vec<Obstacle> {
    connect(url).await.inspect().await.unwrap().obstacles
}

/// With only this in its way: found and named, pg_dump fails for it, the statement mends it, and pg_dump runs.
async fn prove(cluster: &Cluster, name: &str, setup: &str, kind: ObstacleKind, object: &str) {
    role(cluster, name);
    database(cluster, name, &setup.replace("ROLE", &format!(r#""{name}""#)));
    let url = url(&cluster.url_as(name, None, name));
    let found = obstacles(&url).await;
    let shown: Vec<_> = found.iter().map(|found| (found.kind, found.object.raw())).collect();
    assert_eq!(shown, [(kind, object)], "{name}");

    let fault = child_fault(dump(cluster, &url).await.unwrap_err());
    let cause = if kind == ObstacleKind::RowSecurity {
        FailureCause::RowSecurity
    } else {
        FailureCause::PermissionDenied
    };
    assert_eq!(fault.cause, cause, "{name}: {fault}");

    cluster.psql(name, &found[0].grant);
    assert_eq!(obstacles(&url).await, [], "{name}");
    dump(cluster, &url)
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[tokio::test]
async fn each_obstacle_stops_pg_dump_and_its_statement_removes_it() {
    use ObstacleKind as K;
    let table = [
        ("no select", "CREATE TABLE t (a int)", K::Table, "public.t"),
        (
            "odd name",
            r#"CREATE TABLE "T ""x"" ü" (a int)"#,
            K::Table,
            r#"public."T ""x"" ü""#,
        ),
        (
            "columns only",
            "CREATE TABLE t (a int, b int); GRANT SELECT (a, b) ON t TO ROLE",
            K::Table,
            "public.t",
        ),
        ("unlogged", "CREATE UNLOGGED TABLE t (a int)", K::Table, "public.t"),
        (
            "inherited",
            "CREATE TABLE p (a int); GRANT SELECT ON p TO ROLE; CREATE TABLE c () INHERITS (p)",
            K::Table,
            "public.c",
        ),
        (
            "partition",
            "CREATE TABLE p (a int) PARTITION BY LIST (a); GRANT SELECT ON p TO ROLE; CREATE TABLE c PARTITION OF p \
             DEFAULT",
            K::Table,
            "public.c",
        ),
        (
            "partitioned",
            "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE c PARTITION OF p DEFAULT; GRANT SELECT ON c TO \
             ROLE",
            K::Table,
            "public.p",
        ),
        (
            "identity",
            "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY); GRANT SELECT ON t TO ROLE",
            K::Sequence,
            "public.t_a_seq",
        ),
        ("sequence", "CREATE SEQUENCE s", K::Sequence, "public.s"),
        (
            "schema",
            r#"CREATE SCHEMA "S x"; CREATE TABLE "S x".t (a int); GRANT SELECT ON "S x".t TO ROLE"#,
            K::Schema,
            r#""S x""#,
        ),
        (
            "row security",
            "CREATE TABLE t (a int); GRANT SELECT ON t TO ROLE; ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            K::RowSecurity,
            "public.t",
        ),
        (
            "forced policy",
            "CREATE TABLE t (a int); ALTER TABLE t OWNER TO ROLE; ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW \
             LEVEL SECURITY",
            K::RowSecurity,
            "public.t",
        ),
        (
            "large objects",
            "SELECT lo_from_bytea(n, 'x') FROM generate_series(1001, 1003) n",
            K::LargeObjects,
            "3 large objects (1001, 1002, 1003)",
        ),
        (
            "one large object",
            "SELECT lo_from_bytea(n, 'x') FROM generate_series(1, 9) n; GRANT SELECT ON LARGE OBJECT 1, 2, 3, 5, 6, 7, \
             8, 9 TO PUBLIC",
            K::LargeObjects,
            "1 large object (4)",
        ),
        (
            "own large object",
            "SELECT lo_from_bytea(7, 'x'); ALTER LARGE OBJECT 7 OWNER TO ROLE; REVOKE ALL ON LARGE OBJECT 7 FROM ROLE",
            K::LargeObjects,
            "1 large object (7)",
        ),
        (
            "configuration",
            "CREATE TABLE t (a int); ALTER EXTENSION plpgsql ADD TABLE t; UPDATE pg_extension SET extconfig = \
             ARRAY['t'::regclass::oid], extcondition = ARRAY['']",
            K::Table,
            "public.t",
        ),
    ];
    for major in [16, 18] {
        for (name, setup, kind, object) in &table {
            prove(cluster(major), name, setup, *kind, object).await;
        }
    }
}

/// A dump doesn't touch what is only listed here, so that nothing needs to be granted.
#[tokio::test]
async fn missing_rights_that_pg_dump_does_not_need_are_no_obstacle() {
    const SETUP: &str = "
        CREATE SCHEMA closed;
        CREATE VIEW closed.v AS SELECT 1 AS a;
        CREATE MATERIALIZED VIEW closed.m AS SELECT 1 AS a;
        CREATE FUNCTION closed.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TYPE closed.c AS (a int);
        CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE FOREIGN TABLE closed.far (a int) SERVER s;
        CREATE TABLE member (a int); ALTER EXTENSION plpgsql ADD TABLE member; ALTER TABLE member ENABLE ROW LEVEL \
            SECURITY;
        CREATE TABLE owned (a int); ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
        CREATE TABLE parted (a int) PARTITION BY LIST (a); GRANT SELECT ON parted TO reader; ALTER TABLE parted ENABLE \
            ROW LEVEL SECURITY;
        SELECT lo_from_bytea(1, 'x'); GRANT SELECT ON LARGE OBJECT 1 TO readers;
        CREATE TABLE by_role (a serial); GRANT SELECT ON by_role, by_role_a_seq TO readers;
        CREATE TABLE to_all (a int); GRANT SELECT ON to_all TO PUBLIC;
        ALTER TABLE owned OWNER TO reader;";
    for major in majors() {
        let cluster = cluster(major);
        let name = "not read";
        cluster.psql(
            "postgres",
            "CREATE ROLE readers; CREATE ROLE reader LOGIN; GRANT readers TO reader",
        );
        database(cluster, name, SETUP);
        let url = url(&cluster.url_as("reader", None, name));
        assert_eq!(obstacles(&url).await, [], "{major}");
        dump(cluster, &url)
            .await
            .unwrap_or_else(|error| panic!("{major}: {error}"));
    }
}

/// Reading a sequence by name takes USAGE on its schema; 18 reads it without.
#[tokio::test]
async fn a_sequence_needs_usage_of_its_schema_before_18() {
    for (major, expected) in [(16, 1), (18, 0)] {
        let cluster = cluster(major);
        let name = "sequence schema";
        role(cluster, name);
        database(
            cluster,
            name,
            &format!(r#"CREATE SCHEMA s; CREATE SEQUENCE s.q; GRANT SELECT ON s.q TO "{name}""#),
        );
        let url = url(&cluster.url_as(name, None, name));
        assert_eq!(obstacles(&url).await.len(), expected, "{major}");
        assert_eq!(dump(cluster, &url).await.is_err(), expected > 0, "{major}");
    }
}

#[tokio::test]
async fn all_obstacles_are_named_and_removed_by_one_script() {
    const SETUP: &str = "
        CREATE SCHEMA a; CREATE TABLE a.t (n serial); CREATE TABLE t (n serial);
        CREATE TABLE r (n int); ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE TABLE r2 (n int); ALTER TABLE r2 \
            ENABLE ROW LEVEL SECURITY;
        SELECT lo_from_bytea(n, 'x') FROM generate_series(1, 9) n;";
    for major in majors() {
        let cluster = cluster(major);
        let name = "it's \"everything\" $pgcoffer$";
        cluster.psql("postgres", "CREATE ROLE \"it's \"\"everything\"\" $pgcoffer$\" LOGIN");
        database(cluster, name, SETUP);
        let url = url(&cluster.url_as(name, None, name));
        let inspection = connect(&url).await.inspect().await.unwrap();
        let kinds: Vec<_> = inspection.obstacles.iter().map(|obstacle| obstacle.kind).collect();
        use ObstacleKind as K;
        let expected = [
            K::Schema,
            K::Table,
            K::Table,
            K::Table,
            K::Table,
            K::Sequence,
            K::Sequence,
            K::RowSecurity,
            K::RowSecurity,
            K::LargeObjects,
        ];
        assert_eq!(kinds, expected);
        let error = inspection.check().unwrap_err();
        assert!(matches!(&error, Error::Obstacles { .. }));
        assert!(
            error.to_string().contains("and 5 more")
                && error.hint().unwrap().contains("GRANT USAGE ON SCHEMA \"a\"")
                && error.hint().unwrap().contains("and 3 more"),
            "{error}"
        );

        cluster.psql(name, &Obstacle::statements(&inspection.obstacles, usize::MAX).0);
        connect(&url).await.inspect().await.unwrap().check().unwrap();
        dump(cluster, &url).await.unwrap();
    }
}

#[tokio::test]
async fn pg_read_all_data_covers_only_tables_and_sequences() {
    let cluster = cluster(16);
    let name = "read all data";
    role(cluster, name);
    database(
        cluster,
        name,
        &format!(
            r#"CREATE SCHEMA s; CREATE TABLE s.t (n serial); SELECT lo_from_bytea(1, 'x'); CREATE TABLE r (a int);
            ALTER TABLE r ENABLE ROW LEVEL SECURITY; GRANT pg_read_all_data TO "{name}""#
        ),
    );
    let kinds: Vec<_> = obstacles(&url(&cluster.url_as(name, None, name)))
        .await
        .iter()
        .map(|obstacle| obstacle.kind)
        .collect();
    assert_eq!(kinds, [ObstacleKind::RowSecurity, ObstacleKind::LargeObjects]);
}

#[tokio::test]
async fn an_inspection_counts_what_is_in_the_database() {
    for major in majors() {
        let cluster = cluster(major);
        let name = "inspected";
        let url = database(
            cluster,
            name,
            "CREATE TABLE big AS SELECT n, repeat(md5(n::text), 200) AS t FROM generate_series(1, 2000) n; CREATE \
             INDEX ON big (n);
             ALTER TABLE big ALTER t SET STORAGE EXTERNAL; INSERT INTO big SELECT n, repeat(md5(n::text), 200) FROM \
                 generate_series(1, 500) n;
             CREATE TABLE parted (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF parted DEFAULT;
             SELECT lo_from_bytea(1, repeat('x', 100000)::bytea); ANALYZE",
        );
        let inspection = connect(&url).await.inspect().await.unwrap();
        assert_eq!(inspection.server_major, major);
        assert!(inspection.server_version.raw().starts_with(&major.to_string()));
        assert_eq!((inspection.tables, inspection.large_objects), (3, 1));
        assert!(inspection.is_superuser && !inspection.in_recovery && inspection.encoding == "UTF8");
        assert_eq!(inspection.extensions.len(), 1);
        assert_eq!(inspection.extensions[0].0, "plpgsql");
        // 500 rows of 6400 bytes beside the table and some for the rest.
        assert!(
            (3_200_000..6_000_000).contains(&inspection.table_bytes),
            "{}",
            inspection.table_bytes
        );
    }
}

/// A table that another session has locked against everything must not hold the look up.
#[tokio::test]
async fn a_locked_table_does_not_delay_the_inspection() {
    let cluster = cluster(16);
    let name = "locked look";
    let url = database(
        cluster,
        name,
        "CREATE TABLE t AS SELECT n FROM generate_series(1, 10000) n; ANALYZE",
    );
    let exact = connect(&url).await.inspect().await.unwrap().table_bytes;
    let holder = crate::dumping::hold_lock(cluster, name, "t").await;
    let began = std::time::Instant::now();
    let estimate = connect(&url).await.inspect().await.unwrap().table_bytes;
    assert!(began.elapsed().as_secs() < 10);
    assert!(estimate.abs_diff(exact) <= exact / 4, "{estimate} for {exact}");
    drop(holder);
}
