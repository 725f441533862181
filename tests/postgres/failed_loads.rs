//! Restores that fail, are cut short or are killed, and what they leave in the target.

use pgcoffer::postgres::{DatabaseUrl, DumpOptions, Error, FailureCause, Load, LoadOptions};
use tokio::io::AsyncWriteExt;

use crate::dumping::{sessions, wait_until};
use crate::loading::CONTENT;
use crate::scene::{child_fault, client, cluster, database, dump, dump_with, english, load, url};
use crate::testbed::Cluster;

/// Fails half-way, on both roads: the server's message is the error, and in a single transaction nothing is left.
#[tokio::test]
async fn a_restore_that_fails_reports_the_server_s_message() {
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
async fn aborting_returns_the_error_of_a_restore_that_had_failed() {
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
async fn half_of_an_archive_is_a_failed_restore() {
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
async fn a_killed_restore_leaves_no_partial_table() {
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
async fn input_that_is_not_an_archive_is_refused() {
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
async fn an_archive_of_a_newer_pg_dump_is_reported_as_too_new() {
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
