//! Several hosts, as libpq takes them: which is reached, and that the child processes get to the same.

use pgcoffer::postgres::{ConnectFault, DatabaseUrl, Error, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::scene::{cluster, connect, dump, url};
use crate::testbed::{Cluster, ClusterOptions};

/// A port where nobody listens.
fn nobody() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn port(cluster: &Cluster) -> u16 {
    url(&cluster.url("postgres")).port()
}

fn hosts(ports: &[u16], parameters: &str) -> DatabaseUrl {
    let places: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    url(&format!(
        "postgres://postgres@{}/postgres?connect_timeout=5{parameters}",
        places.join(",")
    ))
}

/// A server that lets nobody write unless asked.
fn read_only() -> Cluster {
    Cluster::start_with(ClusterOptions {
        major: Some(16),
        settings: vec![("default_transaction_read_only".into(), "on".into())],
        ..ClusterOptions::default()
    })
}

#[tokio::test]
async fn the_first_host_that_answers_is_used_by_the_children_too() {
    let (one, other) = (cluster(16), cluster(18));
    for (ports, reached) in [
        ([nobody(), port(other)], other),
        ([port(one), port(other)], one),
        ([port(other), nobody()], other),
    ] {
        let session = connect(&hosts(&ports, "")).await;
        let there = session.child_url().await.unwrap();
        assert_eq!(there.port(), port(reached));
        assert!(!dump(reached, &there).await.unwrap().is_empty());
    }
    let error = Session::connect(&hosts(&[nobody(), nobody()], "")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Connect {
                fault: ConnectFault::Refused,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.matches("127.0.0.1:").count() == 2 && text.contains("; tried before: 127.0.0.1:"),
        "{text}"
    );
    // a server that turns the login down is an answer
    let refused = url(&format!(
        "postgres://no_such_role@127.0.0.1:{},127.0.0.1:{}/postgres",
        port(one),
        port(other)
    ));
    let error = Session::connect(&refused).await.unwrap_err();
    assert!(matches!(error, Error::Auth { .. }), "{error:?}");
}

#[tokio::test]
async fn target_session_attrs_selects_the_host() {
    let (writable, held) = (cluster(16), read_only());
    let ports = [port(&held), port(writable)];
    for (kind, reached) in [
        ("any", Some(0)),
        ("read-write", Some(1)),
        ("read-only", Some(0)),
        ("primary", Some(0)),
        ("prefer-standby", Some(0)),
        ("standby", None),
    ] {
        let url = hosts(&ports, &format!("&target_session_attrs={kind}"));
        match (Session::connect(&url).await, reached) {
            (Ok(session), Some(n)) => {
                assert_eq!(session.child_url().await.unwrap().port(), ports[n], "{kind}");
            }
            (Err(Error::Connect { fault, message, .. }), None) => {
                assert_eq!(fault, ConnectFault::OtherKind, "{message}");
                assert!(message.to_string().contains("not a standby"), "{message}");
            }
            (result, _) => panic!("{kind}: {:?}", result.err()),
        }
    }
}

#[tokio::test]
async fn load_balance_hosts_random_uses_all_hosts() {
    let ports = [port(cluster(16)), port(cluster(18))];
    let mut seen = std::collections::BTreeSet::new();
    // the odds that one of two is never taken are those of heads sixty times in a row
    for _ in 0..60 {
        let session = connect(&hosts(&ports, "&load_balance_hosts=random")).await;
        seen.insert(session.child_url().await.unwrap().port());
        session.close().await;
        if seen.len() == 2 {
            break;
        }
    }
    assert_eq!(seen.len(), 2);
}

/// IPv6, where this machine has it.
#[tokio::test]
async fn an_ipv6_address_connects() {
    let cluster = cluster(16);
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return;
    };
    let at = listener.local_addr().unwrap().port();
    let to = port(cluster);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    for text in [
        format!("postgres://postgres@[::1]:{at}/postgres"),
        format!("postgres://postgres@/postgres?host=::1&port={at}"),
        format!("postgres://postgres@six.example/postgres?hostaddr=::1&port={at}&sslmode=disable"),
    ] {
        let session = connect(&url(&text)).await;
        let there = session.child_url().await.unwrap();
        assert!(!dump(cluster, &there).await.unwrap().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn requirepeer_checks_the_owner_of_a_socket() {
    let cluster = cluster(16);
    let text = cluster.socket_url("postgres");
    let user = cluster.psql("postgres", "SELECT rolname FROM pg_roles WHERE oid = 10");
    assert_eq!(user, "postgres");
    let error = Session::connect(&url(&format!("{text}&requirepeer=nobody-at-all")))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("requirepeer"), "{error}");
}

/// A server that begins with the handshake, as PostgreSQL does from 17 on where it is asked to.
#[tokio::test]
async fn sslnegotiation_direct_begins_with_the_handshake() {
    let cluster = cluster(16);
    let to = port(cluster);
    for (knows, word) in [(true, ""), (false, "sslnegotiation=direct")] {
        let acceptor = crate::logins::acceptor(knows.then_some(b"postgresql"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(mut client) = acceptor.accept(client).await else {
                    continue;
                };
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else {
                    return;
                };
                let (mut from_client, mut from_server) = ([0; 8192], [0; 8192]);
                loop {
                    let (side, count) = tokio::select! {
                        read = client.read(&mut from_client) => (true, read.unwrap_or(0)),
                        read = server.read(&mut from_server) => (false, read.unwrap_or(0)),
                    };
                    let passed = match (side, count) {
                        (_, 0) => break,
                        (true, count) => server.write_all(&from_client[..count]).await,
                        (false, count) => client.write_all(&from_server[..count]).await,
                    };
                    if passed.is_err() {
                        break;
                    }
                }
            }
        });
        let direct = url(&format!(
            "postgres://postgres@127.0.0.1:{at}/postgres?sslmode=require&sslnegotiation=direct"
        ));
        match Session::connect(&direct).await {
            Ok(mut session) => assert!(knows && session.inspect().await.unwrap().encrypted),
            Err(error) => assert!(!knows && error.to_string().contains(word), "{error}"),
        }
    }
}

#[tokio::test]
async fn the_error_names_every_host_with_its_own_cause() {
    let (refuses, server) = (nobody(), port(cluster(16)));
    let failing = url(&format!(
        "postgres://postgres@no-such-host.invalid:1,127.0.0.1:{refuses},127.0.0.1:{server}/no_such_database"
    ));
    let text = Session::connect(&failing).await.unwrap_err().to_string();
    let named = [
        format!("cannot connect to postgres@127.0.0.1:{server}/no_such_database: "),
        "no_such_database\" does not exist; tried before: no-such-host.invalid:1: ".to_owned(),
        format!("; 127.0.0.1:{refuses}: connection refused"),
    ];
    for words in named {
        assert!(text.contains(&words), "{words:?} in {text}");
    }
    let login = url(&format!(
        "postgres://no_such_role@127.0.0.1:{refuses},127.0.0.1:{server}/postgres"
    ));
    let error = Session::connect(&login).await.unwrap_err();
    assert!(matches!(error, Error::Auth { .. }), "{error:?}");
    let words = format!("; tried before: 127.0.0.1:{refuses}: ");
    assert!(error.to_string().contains(&words), "{error}");
    // a list of many is bounded
    let many = hosts(&[refuses; 30], "");
    let text = Session::connect(&many).await.unwrap_err().to_string();
    assert!(
        text.matches("127.0.0.1:").count() == 6 && text.ends_with("; and 24 more"),
        "{text}"
    );
    let session = connect(&hosts(&[refuses, server], "")).await;
    assert_eq!(session.target(), format!("postgres@127.0.0.1:{server}/postgres"));
    assert_eq!(session.skipped_hosts().len(), 1);
}
