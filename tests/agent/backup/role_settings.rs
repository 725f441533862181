//! Settings of roles and databases that would change what is stored, or break a run.

use crate::{
    check::everything::assert_found,
    stage::{SMALL, Stage, Target, restore_args, unique},
    testbed::{Cluster, Pooler},
};

const ARRAYS: &str =
    "create table an (id int, a text[]); insert into an values (1, array['x', null, 'NULL']), (2, array[null]::text[]);
    create function f(begin int) returns int language sql as 'select 1';
    create materialized view slow as select pg_sleep(0.3)::text;";
const DIGEST: &str = "select string_agg(an::text, ' ' order by id) from an";

/// A database of a role that these are set for.
fn target_of(cluster: &Cluster, settings: &[&str]) -> Target {
    let (name, role) = (unique("target"), unique("restorer"));
    cluster.create_database(&name);
    cluster.psql(
        &name,
        &format!(
            "create role {role} login; alter schema public owner to {role}; alter database {name} owner to {role}"
        ),
    );
    for setting in settings {
        cluster.psql("postgres", &format!("alter role {role} set {setting}"));
    }
    Target {
        url: cluster.url_as(&role, None, &name),
        name,
    }
}

/// By `pg_restore` alone, and by `psql` into a server older than the client.
#[test]
fn null_stays_null_and_no_timeout_ends_it() {
    for (source, target) in [(None, None), (Some(18), Some(16)), (Some(18), None)] {
        let stage = Stage::on(source, ARRAYS);
        stage.back_up();
        let cluster = Cluster::shared(target);
        let settings = [
            "array_nulls = off",
            "statement_timeout = '100ms'",
            "idle_session_timeout = '300ms'",
            "client_encoding = latin1",
            "default_transaction_isolation = serializable",
        ];
        let target = target_of(cluster, &settings);
        stage.restore(&target).success();
        assert_eq!(
            cluster.psql(&target.name, DIGEST),
            stage.cluster.psql(&stage.database, DIGEST)
        );
    }
}

#[test]
fn a_client_encoding_of_the_role_breaks_no_dump() {
    let stage = Stage::of("create table t (a text); insert into t values ('ü €'), ('數'); comment on table t is '數'");
    let reader = unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {reader} login; grant pg_read_all_data to {reader}; \
        alter role {reader} set client_encoding = 'LATIN1'; alter database {} set client_encoding = \
        'SJIS'",
            stage.database
        ),
    );
    let agent = stage.agent().env(
        "PGCOFFER_DB_MAIN_URL",
        stage.cluster.url_as(&reader, None, &stage.database),
    );
    assert_found(
        &agent.run(["check", "--json"]).success().json(),
        ("database", "settings"),
        "ok",
        &[],
    );
    let record = agent.run(["backup", "--json"]).success().json();
    assert_eq!(record["warnings"], serde_json::json!([]));
    let target = stage.target();
    stage.restore(&target).success();
    let rows =
        "set client_encoding = utf8; select string_agg(a, ' ' order by a) || obj_description('t'::regclass) from t";
    assert_eq!(
        stage.cluster.psql(&target.name, rows),
        stage.cluster.psql(&stage.database, rows)
    );
}

/// A pooler takes no settings: what would be stored otherwise is refused, what may only fail is named.
#[test]
fn through_a_pooler_what_would_alter_data_is_refused() {
    let stage = Stage::of(ARRAYS);
    let pooler = Pooler::start(
        stage.cluster,
        "session",
        "ignore_startup_parameters=extra_float_digits,options",
    );
    stage.back_up();
    let target = stage.target();
    let through = Target {
        url: pooler.url(&target.name),
        name: target.name.clone(),
    };
    stage.cluster.psql(
        "postgres",
        &format!("alter database {} set array_nulls = off", target.name),
    );
    let refused = stage.run(restore_args(&through)).ended_with(3);
    for word in [
        "array_nulls = off",
        "stores NULL in an array as text",
        "pooler",
        "ALTER ROLE",
    ] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    assert_eq!(
        stage
            .cluster
            .psql(&target.name, "select count(*) from pg_class where relname = 'an'"),
        "0"
    );
    // without the pooler it is set for the restore
    stage.restore(&target).success();
    assert_eq!(
        stage.cluster.psql(&target.name, DIGEST),
        stage.cluster.psql(&stage.database, DIGEST)
    );
    // and what only may end a run is named
    stage.cluster.psql(
        "postgres",
        &format!("alter database {} set statement_timeout = '1h'", stage.database),
    );
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", pooler.url(&stage.database));
    assert_found(
        &agent.run(["check", "--json"]).success().json(),
        ("database", "settings"),
        "warning",
        &["statement_timeout", "the pooler between"],
    );
    let record = agent.run(["backup", "--json"]).success().json();
    assert!(
        record["warnings"].to_string().contains("statement_timeout"),
        "{record:#}"
    );
}

#[test]
fn a_damage_that_is_hidden_by_a_setting_is_named() {
    let stage = Stage::of(SMALL);
    let reader = unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {reader} login; grant pg_read_all_data to {reader}; \
        alter role {reader} set zero_damaged_pages = on"
        ),
    );
    let agent = stage.agent().env(
        "PGCOFFER_DB_MAIN_URL",
        stage.cluster.url_as(&reader, None, &stage.database),
    );
    assert_found(
        &agent.run(["check", "--json"]).success().json(),
        ("database", "settings"),
        "warning",
        &["zero_damaged_pages", "damaged pages"],
    );
}
