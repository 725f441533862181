//! `pg_dump` as a child process: what counts as success, and what a failure says.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pgcoffer::postgres::{Clients, Dump, DumpOptions, FailureCause};
use tokio::io::AsyncReadExt;

use crate::scene::{child_fault, client, cluster, database, dump, dump_with, major, majors, to_dump};
use crate::testbed::Cluster;

/// Kills the session that holds the lock when dropped.
pub(crate) struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has another session hold ACCESS EXCLUSIVE on a table.
pub(crate) async fn hold_lock(cluster: &Cluster, database: &str, table: &str) -> Holder {
    let sql = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)");
    let mut command = cluster.client("psql");
    command
        .args(["-X", "-c", &sql])
        .arg(format!("--dbname={}", cluster.socket_url(database)));
    let holder = Holder(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let seen = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND database = (SELECT \
        oid FROM pg_database WHERE datname = current_database())";
    wait_until(|| cluster.psql(database, seen) != "0").await;
    holder
}

pub(crate) async fn wait_until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never came about");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sessions of pg_dump or pg_restore in that database.
pub(crate) fn sessions(cluster: &Cluster, database: &str) -> String {
    cluster.psql(
        "postgres",
        &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"),
    )
}

#[tokio::test]
async fn pg_restore_reads_the_archive_of_a_dump() {
    for major in majors() {
        let cluster = cluster(major);
        let url = database(
            cluster,
            "plain dump",
            "CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n",
        );
        let archive = dump(cluster, &url).await.unwrap();
        assert!(archive.starts_with(b"PGDMP"));
        // Uncompressed: the rows can be seen in it.
        assert!(archive.windows(4).any(|window| window == b"998\n"));
    }
}

/// Whoever is no superuser isn't shown subscriptions: pg_dump says so and goes on.
#[tokio::test]
async fn warnings_of_a_successful_dump_are_kept() {
    let cluster = cluster(16);
    let name = "with warnings";
    crate::scene::role(cluster, name);
    let subscription = "CREATE SUBSCRIPTION s CONNECTION 'dbname=none' PUBLICATION p
        WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE)";
    database(cluster, name, subscription);
    let url = crate::scene::url(&cluster.url_as(name, None, name));
    let mut dump = Dump::start(&client(cluster).await, &url, &to_dump(16)).unwrap();
    let mut archive = Vec::new();
    let mut stdout = dump.take_stdout().unwrap();
    stdout.read_to_end(&mut archive).await.unwrap();
    assert!(dump.take_stdout().is_err(), "there is one output");
    let report = dump.finish().await.unwrap();
    assert_eq!(report.warnings.len(), 1, "{report:?}");
    assert!(report.warnings[0].contains("subscriptions not dumped"), "{report:?}");
}

/// A program in pg_dump's place that talks more than a pipe holds, and repeats the password.
#[tokio::test]
async fn a_child_that_writes_much_neither_hangs_nor_shows_secrets() {
    use std::os::unix::fs::PermissionsExt as _;
    const TALKATIVE: &str = r#"#!/bin/sh
case "$1" in --version) echo "pg_dump (PostgreSQL) 77.1"; exit ;; esac
head -c 3000000 /dev/zero | tr '\0' 'x' >&2
echo "the end of $PGPASSWORD: No space left on device" >&2
echo data
exit 3
"#;
    let folder = tempfile::tempdir().unwrap();
    for program in ["pg_dump", "pg_restore"] {
        std::fs::write(folder.path().join(program), TALKATIVE).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path().join(program), executable).unwrap();
    }
    let path = [("PATH".into(), "/usr/bin:/bin".into())];
    let clients = Clients::discover(Some(folder.path()), path).await;
    let (client, _) = clients.for_dump(77).unwrap();
    let url = crate::scene::url("postgres://u:S3cretWord@localhost/d");
    let error = dump_with(client, &url, &DumpOptions::new(77)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.len() < 40_000 && !shown.contains("S3cretWord"), "{}", shown.len());
    let fault = child_fault(error);
    assert!(
        fault.stderr.ends_with("the end of ***: No space left on device"),
        "{}",
        &fault.stderr[fault.stderr.len() - 100..]
    );
    assert_eq!(
        (fault.ending.as_str(), fault.cause),
        ("exit status: 3", FailureCause::DiskFull)
    );
}

#[tokio::test]
async fn the_wait_for_a_lock_of_another_session_is_limited() {
    for major in [16, 18] {
        let cluster = cluster(major);
        let name = "lock timeout";
        let url = database(cluster, name, "CREATE TABLE t (a int)");
        let holder = hold_lock(cluster, name, "t").await;
        let options = DumpOptions {
            lock_wait_timeout: Duration::from_millis(300),
            ..DumpOptions::new(major)
        };
        let error = dump_with(&client(cluster).await, &url, &options).await.unwrap_err();
        assert!(error.hint().unwrap().contains("migration"), "{error}");
        assert_eq!(child_fault(error).cause, FailureCause::LockTimeout);
        drop(holder);
    }
}

/// A database whose dump takes more than a pipe holds.
async fn half_read(cluster: &Cluster, name: &str) -> (Dump, tokio::process::ChildStdout) {
    let sql = "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 100) AS t FROM generate_series(1, 20000) n";
    let url = database(cluster, name, sql);
    let mut dump = Dump::start(&client(cluster).await, &url, &to_dump(major(cluster))).unwrap();
    let mut stdout = dump.take_stdout().unwrap();
    let mut beginning = vec![0; 100_000];
    stdout.read_exact(&mut beginning).await.unwrap();
    (dump, stdout)
}

#[tokio::test]
async fn a_dump_whose_session_is_terminated_fails() {
    let cluster = cluster(16);
    let name = "killed half way";
    let (dump, mut stdout) = half_read(cluster, name).await;
    let pid = cluster.psql(
        "postgres",
        &format!("SELECT pid FROM pg_stat_activity WHERE datname = '{name}'"),
    );
    cluster.psql("postgres", &format!("SELECT pg_terminate_backend({pid})"));
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).await.unwrap();
    let error = dump.finish().await.unwrap_err();
    assert_eq!(child_fault(error).cause, FailureCause::ConnectionLost);
}

#[tokio::test]
async fn a_signal_to_pg_dump_is_reported_as_one() {
    for (signal, ending, cause) in [
        ("KILL", "signal: 9", FailureCause::Terminated),
        ("TERM", "exit status: 1", FailureCause::Terminated),
    ] {
        let cluster = cluster(16);
        let (dump, mut stdout) = half_read(cluster, &format!("signalled {signal}")).await;
        let pid = child_pid("pg_dump", &format!("signalled {signal}"));
        assert!(
            std::process::Command::new("kill")
                .args([&format!("-{signal}"), &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
        let fault = child_fault(dump.finish().await.unwrap_err());
        assert!(fault.ending.contains(ending) && fault.cause == cause, "{fault:?}");
    }
}

/// The process of that program whose arguments name that database; it's one of ours.
fn child_pid(program: &str, database: &str) -> String {
    let own = std::process::id().to_string();
    let children = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid = entry.file_name().into_string().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let arguments = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned();
        (parent == own && arguments.contains(program) && arguments.contains(database)).then_some(pid)
    });
    children.last().unwrap()
}

#[tokio::test]
async fn a_closed_pipe_is_not_reported_instead_of_the_cause() {
    let cluster = cluster(16);
    let (dump, stdout) = half_read(cluster, "reader gone").await;
    drop(stdout);
    assert_eq!(
        child_fault(dump.finish().await.unwrap_err()).cause,
        FailureCause::NotRead
    );
    let (dump, stdout) = half_read(cluster, "reader gone again").await;
    drop(stdout);
    assert!(dump.abort().await.is_none(), "nothing was wrong with pg_dump");
}

#[tokio::test]
async fn aborting_returns_the_error_of_a_pg_dump_that_had_failed() {
    let cluster = cluster(16);
    let name = "failed by itself";
    let (dump, stdout) = half_read(cluster, name).await;
    cluster.psql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"),
    );
    // What is in the pipe is passed over, as by a reader that found the archive broken off.
    tokio::io::copy(&mut { stdout }, &mut tokio::io::sink()).await.unwrap();
    let fault = child_fault(dump.abort().await.unwrap());
    assert_eq!(fault.cause, FailureCause::ConnectionLost, "{fault}");

    let locked = database(cluster, "abort waiting", "CREATE TABLE t (a int)");
    let holder = hold_lock(cluster, "abort waiting", "t").await;
    let dump = Dump::start(&client(cluster).await, &locked, &to_dump(16)).unwrap();
    assert!(dump.abort().await.is_none());
    drop(holder);
}

/// pg_dump is asked first, so that the server stops at once, rather than when it next tries to write.
#[tokio::test]
async fn killing_a_dump_ends_its_session_even_while_that_waits() {
    let cluster = cluster(16);
    let name = "killed waiting";
    let url = database(cluster, name, "CREATE TABLE t (a int)");
    let holder = hold_lock(cluster, name, "t").await;
    let dump = Dump::start(&client(cluster).await, &url, &to_dump(16)).unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'";
    wait_until(|| cluster.psql(name, waiting) == "1").await;
    let began = Instant::now();
    dump.kill().await;
    assert!(began.elapsed() < Duration::from_secs(4));
    wait_until(|| sessions(cluster, name) == "1").await;
    drop(holder);
}

#[tokio::test]
async fn no_argument_of_a_child_contains_a_secret() {
    let cluster = cluster(16);
    let name = "arguments";
    database(
        cluster,
        name,
        "CREATE TABLE t (a int); CREATE ROLE argued LOGIN PASSWORD 'S3cretWord'; GRANT SELECT ON t TO argued",
    );
    let holder = hold_lock(cluster, name, "t").await;
    let url = crate::scene::url(&cluster.url_as("argued", Some("S3cretWord"), name));
    let dump = Dump::start(&client(cluster).await, &url, &to_dump(16)).unwrap();
    let pid = child_pid("pg_dump", name);
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(arguments.contains("--no-password") && !arguments.contains("S3cretWord"));
    let variables = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(
        variables.contains("PGPASSWORD=S3cretWord") && !variables.contains("CARGO"),
        "{variables}"
    );
    dump.kill().await;
    drop(holder);
}
