//! A server that speaks German: causes and hints are the same as of one that speaks English.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgcoffer::postgres::{
    AuthFault, ConnectFault, DatabaseUrl, Dump, DumpOptions, Error, FailureCause, Load, LoadOptions, MessageLanguage,
    Session,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::scene::{client, connect, database, major, role, url};
use crate::testbed::{Cluster, ClusterOptions};

fn german() -> Cluster {
    let cluster = Cluster::start_with(ClusterOptions {
        language: Some("de".to_owned()),
        ..ClusterOptions::default()
    });
    let error = cluster.try_psql("postgres", "SELECT 1/0").unwrap_err();
    assert!(
        error.contains("FEHLER:  Division durch Null"),
        "the server doesn't speak German: {error}"
    );
    cluster
}

/// Dumps as a run does: in the language that the session found, and with its diagnosis.
async fn dump(cluster: &Cluster, url: &DatabaseUrl) -> (Error, MessageLanguage) {
    let mut session = connect(url).await;
    let message_language = session.message_language().await.unwrap();
    let options = DumpOptions {
        message_language,
        lock_wait_timeout: Duration::from_millis(200),
        ..DumpOptions::new(major(cluster))
    };
    let mut dump = Dump::start(&client(cluster).await, url, &options).unwrap();
    dump.take_stdout().unwrap().read_to_end(&mut Vec::new()).await.unwrap();
    let error = dump.finish().await.unwrap_err();
    (session.diagnose(error).await, message_language)
}

#[track_caller]
fn assert_cause(error: &Error, cause: FailureCause, hint: &str) {
    let (Error::DumpFailed(fault) | Error::LoadFailed(fault)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(fault.cause, cause, "{fault}");
    assert!(error.hint().unwrap().contains(hint), "{error}: {:?}", error.hint());
}

/// Somebody who locks a table against everybody until he is dropped.
struct Locker(std::process::Child);

impl Locker {
    fn lock(cluster: &Cluster, database: &str, table: &str) -> Self {
        let mut psql: Command = cluster.client("psql");
        psql.args(["-X", "-q", "-t", "-A", &cluster.socket_url(database)]);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let sql = format!("BEGIN; LOCK TABLE {table}; SELECT 'locked';\n");
        child.stdin.as_mut().unwrap().write_all(sql.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim(), "locked");
        Self(child)
    }
}

impl Drop for Locker {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn causes_are_found_in_every_language_of_the_server() {
    let cluster = german();
    let name = "deutsch";
    role(&cluster, name);
    let superuser = database(&cluster, name, "CREATE TABLE t (a int)");
    let poor = url(&cluster.url_as(name, None, name));

    let (error, message_language) = dump(&cluster, &poor).await;
    assert_eq!(message_language, MessageLanguage::Unknown);
    assert_cause(&error, FailureCause::PermissionDenied, "grant the role");

    cluster.psql(
        name,
        "GRANT SELECT ON t TO deutsch; ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    );
    let (error, _) = dump(&cluster, &poor).await;
    assert_cause(&error, FailureCause::RowSecurity, "a policy hides rows");

    cluster.psql(name, "ALTER TABLE t DISABLE ROW LEVEL SECURITY");
    let locker = Locker::lock(&cluster, name, "t");
    let (error, _) = dump(&cluster, &poor).await;
    assert_cause(
        &error,
        FailureCause::LockTimeout,
        "another session, often a migration, holds a lock",
    );
    // a superuser has the server speak English to pg_dump
    let (error, message_language) = dump(&cluster, &superuser).await;
    assert_eq!(message_language, MessageLanguage::Switchable);
    assert_cause(
        &error,
        FailureCause::LockTimeout,
        "another session, often a migration, holds a lock",
    );
    drop(locker);
}

#[tokio::test]
async fn the_cause_of_a_failed_restore_is_found_in_german() {
    let cluster = german();
    let name = "zurueck";
    let from = database(&cluster, name, "CREATE TABLE t (a int)");
    let archive = crate::scene::dump(&cluster, &from).await.unwrap();
    let message_language = connect(&from).await.message_language().await.unwrap();
    let options = LoadOptions {
        message_language,
        ..LoadOptions::new(major(&cluster))
    };
    let mut load = Load::start(&client(&cluster).await, &from, &options).unwrap();
    // pg_restore may have failed before it has read all of it
    let _ = load.write_all(&archive).await;
    let error = load.finish().await.unwrap_err();
    assert_cause(&error, FailureCause::AlreadyExists, "--clean");
}

#[tokio::test]
async fn connection_errors_are_found_by_sqlstate() {
    let cluster = german();
    let refused = |text: String| async move { Session::connect(&url(&text)).await.unwrap_err() };
    let error = refused(cluster.url("gibt es nicht")).await;
    assert!(
        matches!(
            error,
            Error::Connect {
                fault: ConnectFault::NoSuchDatabase,
                ..
            }
        ),
        "{error:?}"
    );
    let error = refused(cluster.url_as("niemand", None, "postgres")).await;
    assert!(
        matches!(
            error,
            Error::Auth {
                why: AuthFault::Entry,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("existiert nicht"), "{error}");
    cluster.psql("postgres", "CREATE ROLE eng LOGIN CONNECTION LIMIT 0");
    let error = refused(cluster.url_as("eng", None, "postgres")).await;
    assert!(
        matches!(
            error,
            Error::Connect {
                fault: ConnectFault::TooMany,
                ..
            }
        ),
        "{error:?}"
    );
    cluster.psql(
        "postgres",
        "CREATE DATABASE zu; REVOKE CONNECT ON DATABASE zu FROM PUBLIC",
    );
    cluster.psql("postgres", "CREATE ROLE drin LOGIN");
    let error = refused(cluster.url_as("drin", None, "zu")).await;
    assert!(
        matches!(
            error,
            Error::Auth {
                why: AuthFault::Connect,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("GRANT CONNECT"));
}
