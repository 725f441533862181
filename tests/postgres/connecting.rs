//! Addresses, logins, TLS, and the lock.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pgcoffer::postgres::{Clients, ConnectFault, DatabaseUrl, DumpOptions, Error, FailureCause, Session};

use crate::scene::{child_fault, cluster, connect, database, dump, dump_with, url};
use crate::testbed::{Cluster, ClusterOptions, certificates, with_variables};

const PASSWORD: &str = "p@:/%+ ä'\"\\";

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

async fn connect_fault(url: &DatabaseUrl) -> (ConnectFault, String) {
    match Session::connect(url).await.unwrap_err() {
        error @ Error::Connect { fault, .. } => (fault, format!("{error}; hint: {:?}", error.hint())),
        other => panic!("{other:?}"),
    }
}

/// The distribution's, as those of the test bed are built without TLS; its programs are as well.
pub(crate) fn secured() -> Cluster {
    let (password, settings) = (Some(PASSWORD.into()), vec![("max_connections".into(), "8".into())]);
    Cluster::start_with(ClusterOptions {
        major: None,
        password,
        tls: true,
        settings,
        language: None,
        environment: Vec::new(),
    })
}

#[tokio::test]
async fn a_password_with_special_characters_logs_in_over_tls() {
    let cluster = secured();
    let plain = url(&cluster.url("postgres"));
    let inspection = connect(&plain).await.inspect().await.unwrap();
    assert!(inspection.encrypted, "prefer should have got tls");
    assert!(!dump(&cluster, &plain).await.unwrap().is_empty());

    let text = cluster.url("postgres");
    for mode in ["disable", "allow", "prefer", "require"] {
        let url = url(&format!("{text}?sslmode={mode}"));
        let encrypted = connect(&url).await.inspect().await.unwrap().encrypted;
        assert_eq!(encrypted, mode != "disable", "{mode}");
        assert!(!dump(&cluster, &url).await.unwrap().is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_as_one_and_never_shown() {
    let cluster = secured();
    let wrong = url(&cluster.url_as("postgres", Some("Wr0ngPassw0rd"), "postgres"));
    let error = Session::connect(&wrong).await.unwrap_err();
    assert!(matches!(error, Error::Auth { .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("Wr0ng"));
    // The same from pg_dump, which has it by PGPASSWORD, and never asks at the terminal.
    for url in [wrong, url(&cluster.url_as("postgres", None, "postgres"))] {
        let error = dump(&cluster, &url).await.unwrap_err();
        assert_eq!(child_fault(error).cause, FailureCause::Auth);
    }
}

#[tokio::test]
async fn sslmode_verify_checks_the_certificate() {
    let cluster = secured();
    let text = cluster.url("postgres");
    for checked in ["sslmode=verify-full", "sslmode=verify-ca", "sslrootcert=system"] {
        let (fault, message) = connect_fault(&url(&format!("{text}?{checked}"))).await;
        assert_eq!(fault, ConnectFault::Certificate, "{checked}: {message}");
        assert!(message.contains("sslrootcert"), "{message}");
    }
    // A login that is bound to the channel needs none: whoever sits between can't pass it on.
    let bound = url(&format!("{text}?sslmode=require&channel_binding=require"));
    assert!(connect(&bound).await.inspect().await.unwrap().encrypted);

    let authority = Authority::that_signs_for(&cluster, "localhost");
    for checked in ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=require"] {
        let on_localhost = text.replace("127.0.0.1", "localhost");
        let trusting = url(&format!("{on_localhost}?{checked}&sslrootcert={}", authority.file()));
        assert!(connect(&trusting).await.inspect().await.unwrap().encrypted, "{checked}");
        assert!(!dump(&cluster, &trusting).await.unwrap().is_empty(), "{checked}");
    }
    // The right authority, another name.
    let (fault, message) = connect_fault(&url(&format!(
        "{text}?sslmode=verify-full&sslrootcert={}",
        authority.file()
    )))
    .await;
    assert_eq!(fault, ConnectFault::Certificate, "{message}");
    let indifferent = url(&format!("{text}?sslmode=verify-ca&sslrootcert={}", authority.file()));
    assert!(connect(&indifferent).await.inspect().await.unwrap().encrypted);
}

/// An authority's certificate in a folder that all may read.
pub(crate) struct Authority(tempfile::TempDir);

impl Authority {
    pub(crate) fn file(&self) -> String {
        encode(self.0.path().join("ca.crt").to_str().unwrap())
    }

    /// Makes an authority, and gives the server a certificate of its for this name.
    pub(crate) fn that_signs_for(cluster: &Cluster, host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path(), &format!("DNS:{host}"));
        for name in ["server.key", "server.crt"] {
            // Written over, so that owner and mode stay.
            let content = std::fs::read(folder.path().join(name)).unwrap();
            std::fs::write(cluster.certificate().with_file_name(name), content).unwrap();
        }
        cluster.reload();
        Self(folder)
    }
}

#[tokio::test]
async fn pg_dump_refuses_the_same_certificates() {
    let cluster = secured();
    let strict = url(&format!("{}?sslmode=verify-full", cluster.url("postgres")));
    let fault = child_fault(dump(&cluster, &strict).await.unwrap_err());
    assert!(fault.stderr.contains("certificate verify failed"), "{fault}");
}

#[tokio::test]
async fn sslmode_require_refuses_a_server_without_tls() {
    let cluster = cluster(16);
    let (fault, message) = connect_fault(&url(&format!("{}?sslmode=require", cluster.url("postgres")))).await;
    assert_eq!(fault, ConnectFault::NoTls, "{message}");
    assert!(message.contains("sslmode=disable"), "{message}");
    // What prefers TLS does without.
    assert!(
        !connect(&url(&cluster.url("postgres")))
            .await
            .inspect()
            .await
            .unwrap()
            .encrypted
    );
}

#[tokio::test]
async fn sockets_and_unusual_names_connect() {
    let cluster = cluster(16);
    let name = r#"odd = 'näme' "\ %"#;
    database(cluster, name, "CREATE TABLE t (a int)");
    for text in [
        cluster.url(name),
        cluster.socket_url(name),
        format!("{}&sslmode=require", cluster.socket_url(name)),
    ] {
        let url = url(&text);
        assert!(url.is_local());
        let inspection = connect(&url).await.inspect().await.unwrap();
        assert_eq!((inspection.database.raw(), inspection.tables), (name, 1));
        assert!(!dump(cluster, &url).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn options_of_the_url_apply_to_the_session() {
    let cluster = cluster(16);
    let name = "options_of_the_url";
    database(cluster, name, "CREATE ROLE options_role; CREATE TABLE t (a int)");
    let text = format!("{}?options={}", cluster.url(name), encode("-c role=options_role"));
    let inspection = connect(&url(&text)).await.inspect().await.unwrap();
    assert_eq!(inspection.user, "options_role");
    let error = dump(cluster, &url(&text)).await.unwrap_err();
    assert!(error.to_string().contains("permission denied for table t"), "{error}");
}

#[tokio::test]
async fn each_connection_error_has_its_own_kind() {
    let cluster = cluster(16);
    let (fault, message) = connect_fault(&url(&cluster.url("no such one"))).await;
    assert_eq!(fault, ConnectFault::NoSuchDatabase, "{message}");

    let (fault, message) = connect_fault(&url("postgres://u@127.0.0.1:1/d")).await;
    assert_eq!(fault, ConnectFault::Refused, "{message}");

    let (fault, message) = connect_fault(&url("postgres://u@%2Fnonexistent/d")).await;
    assert_eq!(fault, ConnectFault::Refused, "{message}");

    let (fault, message) = connect_fault(&url("postgres://u@no-such-host.invalid/d")).await;
    assert_eq!(fault, ConnectFault::Unresolved, "{message}");

    let error = Session::connect(&url(&cluster.url_as("no such role", None, "postgres")))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Auth { message, .. } if message.raw().contains("no such role")),
        "{error:?}"
    );
}

/// Listens and never answers.
#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = url(&format!("postgres://u@127.0.0.1:{port}/d?connect_timeout=2"));
    let (fault, message) = connect_fault(&silent).await;
    assert_eq!(fault, ConnectFault::Timeout, "{message}");
    assert!(message.contains("within 2 s"), "{message}");
}

#[tokio::test]
async fn too_many_connections_and_a_crash_have_their_own_errors() {
    let cluster = secured();
    cluster.psql("postgres", "CREATE ROLE small LOGIN PASSWORD 's' CONNECTION LIMIT 1");
    let small = url(&cluster.url_as("small", Some("s"), "postgres"));
    let mut first = connect(&small).await;
    let (fault, message) = connect_fault(&small).await;
    assert_eq!(fault, ConnectFault::TooMany, "{message}");

    first.check().await.unwrap();
    cluster.crash();
    let error = first.check().await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
}

#[tokio::test]
async fn only_one_session_has_the_lock() {
    for major in [16, 18] {
        let cluster = cluster(major);
        let url = url(&cluster.url("postgres"));
        let (mut first, mut second) = (connect(&url).await, connect(&url).await);
        first.lock("main").await.unwrap();
        second.lock("other").await.unwrap();
        match second.lock("main").await.unwrap_err() {
            Error::Locked {
                label,
                holder: Some(holder),
            } => {
                assert_eq!(label, "main");
                assert!(holder.may_be_own_run);
                let shown = holder.to_string();
                assert!(
                    shown.contains("calling itself pgcoffer") && shown.contains("connected since"),
                    "{shown}"
                );
            }
            other => panic!("{other:?}"),
        }
        // other tests lock other databases of this server
        let seen = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1885823846 AND database = \
                    (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(cluster.psql("postgres", seen), "2");
        first.close().await;
        second.lock("main").await.unwrap();
        drop(second);
    }
}

/// The server shows its locks and its sessions as they are at two moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_ends_is_not_taken_for_a_stranger() {
    let cluster = cluster(16);
    let url = database(cluster, "ending_sessions", "");
    let coming_and_going: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                loop {
                    let mut session = connect(&url).await;
                    let _ = session.lock("main").await;
                    session.close().await;
                }
            })
        })
        .collect();
    let mut session = connect(&url).await;
    let mut seen = 0;
    for _ in 0..4000 {
        if let Some(holder) = session.lock_holder("main").await.unwrap() {
            seen += 1;
            assert!(holder.may_be_own_run, "{holder}");
        }
    }
    assert!(seen > 10, "{seen}");
    for one in coming_and_going {
        one.abort();
    }
}

#[tokio::test]
async fn a_terminated_session_reports_its_lost_lock() {
    let cluster = cluster(16);
    let name = "terminated_session";
    let url = database(cluster, name, "");
    let mut session = connect(&url).await;
    session.lock("main").await.unwrap();
    session.check().await.unwrap();
    cluster.psql(
        name,
        &format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = \
        '{name}' AND application_name = 'pgcoffer'"
        ),
    );
    assert!(matches!(session.check().await.unwrap_err(), Error::Lost { .. }));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), connect(&url).await.keep_alive())
            .await
            .is_err()
    );
}

/// Runs this test binary again with variables in its environment that point elsewhere: neither session nor children
/// may follow.
#[test]
fn variables_of_the_environment_change_nothing() {
    let astray = [
        ("PGHOST", "/nonexistent"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody here"),
        ("PGPASSWORD", "x"),
        ("PGDATABASE", "none"),
        ("PGSERVICE", "none"),
        ("PGPASSFILE", "/etc/hosts"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/nonexistent"),
        ("PGAPPNAME", "other"),
        ("PGOPTIONS", "-c role=none_such"),
        ("PGSSLCERT", "/nonexistent"),
        ("PGSSLKEY", "/nonexistent"),
        ("PGREQUIREAUTH", "gss"),
        ("PGSYSCONFDIR", "/nonexistent"),
        ("LC_ALL", "de_DE.UTF-8"),
    ];
    with_variables("connecting::only_the_url_decides_where_to_connect", &astray);
}

/// Also run by `variables_of_the_environment_change_nothing`, with an environment made for it.
#[tokio::test]
async fn only_the_url_decides_where_to_connect() {
    let cluster = Cluster::start(Some(16));
    let url = url(&cluster.url("postgres"));
    let inspection = connect(&url).await.inspect().await.unwrap();
    assert_eq!(inspection.user, "postgres");
    let clients = Clients::discover(Some(cluster.bin()), std::env::vars_os()).await;
    let client = clients.for_dump(16).unwrap().0;
    assert!(!dump_with(client, &url, &DumpOptions::new(16)).await.unwrap().is_empty());
}
