//! Locks: those that a dump takes, those of others that it waits for, and the run's own, watched to its end.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
};

use crate::{
    check::everything::{assert_found, found},
    stage::{KEY, SMALL, Stage, unique, wait_until},
    testbed::{Agent, Cluster, ClusterOptions, Fault, Rule, S3Server},
};

/// A session that holds a transaction open, until it is dropped.
struct Transaction(Child);

impl Transaction {
    fn begin(stage: &Stage, sql: &str) -> Self {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", &stage.cluster.url(&stage.database)])
            .env("PGAPPNAME", "migration")
            .stdin(Stdio::piped());
        let mut child = psql.spawn().unwrap();
        let text = format!("begin; {sql};\n");
        child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        wait_until("it holds its lock", || held(stage, "migration", "granted") != "0");
        Self(child)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// How many locks on tables sessions of that name hold, or wait for.
fn held(stage: &Stage, application: &str, which: &str) -> String {
    let sql = format!(
        "select count(*) from pg_locks l join pg_stat_activity a using (pid) where a.datname = '{}' and \
         a.application_name = '{application}' and l.relation is not null and l.{which}",
        stage.database
    );
    stage.cluster.psql("postgres", &sql)
}

fn small_server(settings: &[(&str, &str)]) -> Cluster {
    let settings = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Cluster::start_with(ClusterOptions {
        settings: settings.collect(),
        ..ClusterOptions::default()
    })
}

/// The tables of a database that locks `objects` objects.
fn tables(objects: u32) -> String {
    format!("do $$ begin for n in 1 .. {objects} loop execute format('create table t%s (id int)', n); end loop; end $$")
}

#[test]
fn more_tables_than_the_server_has_locks_are_told_beforehand() {
    let cluster = small_server(&[("max_locks_per_transaction", "10"), ("max_connections", "10")]);
    let bucket = S3Server::start();
    for (name, objects, verdict) in [
        ("few", 40, "ok"),
        ("many", 400, "warning"),
        ("too_many", 3_000, "failed"),
    ] {
        cluster.create_database(name);
        // in batches, as these locks are short here too
        for _ in 0..objects / 40 {
            let more = tables(40).replace("'create table t%s", &format!("'create table {}_%s", unique("t")));
            cluster.psql(name, &more);
        }
        let agent = Agent::new().s3(&bucket).database(&cluster, name).key(KEY);
        let report = agent.run(["check", "--json"]).json();
        let (is, detail, cure) = found(&report, "database", "locks");
        assert_eq!(is, verdict, "{detail}");
        if verdict == "ok" {
            agent.run(["backup"]).success();
            continue;
        }
        assert!(
            detail.contains(&objects.to_string()) && cure.contains("ALTER SYSTEM SET max_locks_per_transaction = "),
            "{detail} {cure}"
        );
        if verdict == "failed" {
            let outcome = agent.run(["backup"]).ended_with(3);
            for word in [
                "out of shared memory",
                "raise max_locks_per_transaction",
                "needs a restart",
            ] {
                assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
            }
            let failed = agent.run(["list", "--json"]).json()["backups"][0]["id"].clone();
            let args = ["show", failed.as_str().unwrap(), "--json"];
            let record = agent.run(args).success().json();
            assert!(
                record["warnings"].to_string().contains("capacity for about"),
                "{record:#}"
            );
        }
    }
}

#[test]
fn a_table_that_nobody_may_read_just_now_is_named_and_waited_for() {
    let stage = Stage::of(SMALL);
    let migration = Transaction::begin(&stage, "alter table visits add column more int");
    let report = stage.run(["check", "--json"]).success().json();
    assert_found(
        &report,
        ("database", "locked tables"),
        "warning",
        &[
            "calling itself migration",
            "holds a lock on public.visits",
            "two minutes",
        ],
    );
    let backup = stage.agent().spawn(["backup", "--json"]);
    let waits = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and wait_event_type = 'Lock' and query like 'LOCK \
         TABLE%'",
        stage.database
    );
    wait_until("pg_dump waits", || stage.cluster.psql("postgres", &waits) != "0");
    drop(migration);
    let warnings = backup.wait().success().json()["warnings"].to_string();
    assert!(
        warnings.contains("calling itself migration") && warnings.contains("public.visits"),
        "{warnings}"
    );
    let report = stage.run(["check", "--json"]).success().json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["what"] != "locked tables"));
}

#[test]
fn a_prepared_transaction_that_was_forgotten_is_named() {
    let cluster = small_server(&[("max_prepared_transactions", "2")]);
    cluster.create_database("shop");
    cluster.psql("shop", SMALL);
    cluster.psql("shop", "begin; truncate people; prepare transaction 'left\nover'");
    let bucket = S3Server::start();
    let agent = Agent::new().s3(&bucket).database(&cluster, "shop").key(KEY);
    let report = agent.run(["check", "--json"]).success().json();
    assert_found(
        &report,
        ("database", "locked tables"),
        "warning",
        &[
            r"the prepared transaction left\nover",
            "public.people",
            "ROLLBACK PREPARED",
        ],
    );
    cluster.psql("shop", "rollback prepared 'left\nover'");
}

/// From the last byte of the dump to the record there are minutes where much is stored.
#[test]
fn a_lock_that_is_lost_at_the_very_end_is_told_in_the_record() {
    for operation in ["UploadPart", "CompleteMultipartUpload"] {
        let stage = Stage::of(SMALL);
        let whole = stage.back_up();
        assert_eq!(whole["warnings"], serde_json::json!([]));
        stage.bucket.inject(Rule::on(operation), Fault::Delay { millis: 3000 });
        let before = stage.bucket.count(operation);
        let backup = stage.agent().spawn(["backup", "--json"]);
        wait_until("the dump has been made", || stage.bucket.count(operation) > before);
        let end = format!(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{}' and application_name = \
             'pgcoffer'",
            stage.database
        );
        assert_eq!(stage.cluster.psql("postgres", &end), "1", "pg_dump has ended");
        let record = backup.wait().success().json();
        assert!(
            record["warnings"].to_string().contains("the lock of this run was lost"),
            "{operation}: {record:#}"
        );
        assert_eq!(record["warnings"].as_array().unwrap().len(), 1);
    }
}

/// A run has the connection to itself that `check` has.
#[test]
fn the_connection_of_a_check_counts_as_free() {
    let stage = Stage::of(SMALL);
    let role = unique("two");
    stage.cluster.psql(
        &stage.database,
        &format!("create role {role} login connection limit 2; grant pg_read_all_data to {role}"),
    );
    let agent = stage.agent().env(
        "PGCOFFER_DB_MAIN_URL",
        stage.cluster.url_as(&role, None, &stage.database),
    );
    let report = agent.run(["check", "--json"]).success().json();
    assert_found(
        &report,
        ("database", "connections"),
        "warning",
        &["2 left, of which a backup takes two"],
    );
    agent.run(["backup"]).success();
    stage
        .cluster
        .psql("postgres", &format!("alter role {role} connection limit 1"));
    let report = agent.run(["check", "--json"]).ended_with(8).json();
    assert_found(
        &report,
        ("database", "connections"),
        "failed",
        &["1 left, and a backup takes two"],
    );
    agent.run(["backup"]).ended_with(3);
}
