//! A man in the middle, and a server that is not what it should be: it asks for the password in clear, skips its own
//! proof, announces messages without end, and says things that a terminal would obey.

use std::sync::Arc;

use pgcoffer::postgres::{AuthFault, DatabaseUrl, Error, FailureCause, LoginRefusal, Session};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::connecting::secured;
use crate::scene::{child_fault, cluster, connect, dump, url};
use crate::testbed::{certificates, tls_server};

const PASSWORD: &str = "cl3ar-t3xt";

/// What a false server sends once it was greeted, and whether it does TLS.
#[derive(Clone)]
struct Plot {
    says: Vec<Vec<u8>>,
    tls: Option<TlsAcceptor>,
}

/// A message of the server: its letter, and what it holds.
fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[letter], &length.to_be_bytes()[..], body].concat()
}

fn asks(number: u32, more: &[u8]) -> Vec<u8> {
    message(b'R', &[&number.to_be_bytes()[..], more].concat())
}

fn clear() -> Vec<u8> {
    asks(3, b"")
}

fn error(code: &str, text: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0");
    message(b'E', fields.as_bytes())
}

/// Listens once, and gives everything that came after the greeting.
async fn listen(plot: Plot) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some(tls) = &plot.tls else {
                return talk(stream, &plot.says).await;
            };
            // eight bytes ask for TLS; who hangs up tries whether anybody is there
            let mut request = [0; 8];
            if stream.read_exact(&mut request).await.is_err() {
                continue;
            }
            stream.write_all(b"S").await.unwrap();
            match tls.accept(stream).await {
                Ok(stream) => return talk(stream, &plot.says).await,
                Err(_) => return Vec::new(),
            }
        }
    });
    (port, heard)
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, says: &[Vec<u8>]) -> Vec<u8> {
    let mut heard = Vec::new();
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).await.is_err() {
            return heard;
        }
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut body).await.unwrap();
        if body != 80_877_103_u32.to_be_bytes() {
            break;
        }
        stream.write_all(b"N").await.unwrap();
    }
    for said in says {
        if stream.write_all(said).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap_or(0);
        heard.extend_from_slice(&piece[..read]);
        if read == 0 {
            break;
        }
    }
    heard
}

/// A server's side of TLS that nobody vouches for, with a protocol to agree on.
pub(crate) fn acceptor(protocol: Option<&[u8]>) -> TlsAcceptor {
    let (_, folder) = certified("127.0.0.1");
    let mut config = tls_server(folder.path());
    config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A certificate for `localhost` and this address, and the authority's file.
fn certified(address: &str) -> (TlsAcceptor, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), &format!("IP:{address}"));
    (TlsAcceptor::from(Arc::new(tls_server(folder.path()))), folder)
}

/// An address that leads here and is none of those that are known to be of this machine.
const ELSEWHERE: &str = "0.0.0.0";

fn at(host: &str, port: u16, parameters: &str) -> DatabaseUrl {
    let more = if parameters.is_empty() { "" } else { "&" };
    url(&format!(
        "postgres://u:{PASSWORD}@{host}:{port}/d?connect_timeout=20{more}{parameters}"
    ))
}

fn holds(heard: &[u8], text: &str) -> bool {
    heard.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn refusal(plot: &Plot, host: &str, parameters: &str) -> (Error, Vec<u8>) {
    let (port, heard) = listen(plot.clone()).await;
    let error = Session::connect(&at(host, port, parameters)).await.unwrap_err();
    (error, heard.await.unwrap())
}

#[tokio::test]
async fn a_password_is_not_sent_in_clear_to_an_unverified_server() {
    let (tls, folder) = certified(ELSEWHERE);
    let plot = Plot {
        says: vec![clear()],
        tls: Some(tls),
    };
    for parameters in [
        "",
        "sslmode=require",
        "require_auth=scram-sha-256",
        "sslmode=require&channel_binding=require",
    ] {
        let (error, heard) = refusal(&plot, ELSEWHERE, parameters).await;
        assert!(matches!(error, Error::Login { .. }), "{parameters}: {error:?}");
        assert!(error.hint().is_some_and(|hint| hint.len() > 20));
        assert_eq!(heard, b"", "{parameters}: nothing is answered");
    }
    let open = Plot {
        says: vec![clear()],
        tls: None,
    };
    let (error, heard) = refusal(&open, ELSEWHERE, "sslmode=disable&allow_plaintext=yes").await;
    assert!(
        matches!(
            error,
            Error::Login {
                refused: LoginRefusal::Clear,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("require_auth=password"));
    assert_eq!(heard, b"");
    // to one that was verified, to one on this machine, and where the url says so in words it is
    let file = percent_encoding::utf8_percent_encode(
        folder.path().join("ca.crt").to_str().unwrap(),
        percent_encoding::NON_ALPHANUMERIC,
    )
    .to_string();
    for (host, parameters) in [
        (ELSEWHERE, format!("sslmode=verify-full&sslrootcert={file}")),
        (ELSEWHERE, "sslmode=require&require_auth=password".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
    ] {
        let (_, heard) = refusal(&plot, host, &parameters).await;
        assert!(holds(&heard, PASSWORD), "{parameters}");
    }
}

/// A libpq before 16 knows no `require_auth`, and is held by the binding to the channel.
#[tokio::test]
async fn pg_dump_does_not_send_it_in_clear_either() {
    let (tls, _folder) = certified(ELSEWHERE);
    let plot = Plot {
        says: vec![clear()],
        tls: Some(tls),
    };
    let (port, heard) = listen(plot).await;
    let distribution = crate::testbed::Cluster::shared(None);
    let fault = child_fault(dump(distribution, &at(ELSEWHERE, port, "")).await.unwrap_err());
    assert_eq!(fault.cause, FailureCause::LoginKept, "{fault}");
    assert!(!holds(&heard.await.unwrap(), PASSWORD));

    let open = Plot {
        says: vec![clear()],
        tls: None,
    };
    let (port, heard) = listen(open).await;
    let plaintext = "sslmode=disable&allow_plaintext=yes";
    let fault = child_fault(dump(cluster(16), &at(ELSEWHERE, port, plaintext)).await.unwrap_err());
    assert_eq!(fault.cause, FailureCause::LoginKept, "{fault}");
    assert!(!holds(&heard.await.unwrap(), PASSWORD));
}

/// The real thing goes on working where the rule is at its strictest.
#[tokio::test]
async fn a_genuine_server_accepts_scram_with_channel_binding() {
    let cluster = secured();
    let elsewhere = cluster.url("postgres").replace("127.0.0.1", ELSEWHERE);
    for parameters in [
        "",
        "sslmode=require&channel_binding=require",
        "require_auth=scram-sha-256",
    ] {
        let url = url(&format!("{elsewhere}?{parameters}"));
        assert!(connect(&url).await.inspect().await.unwrap().encrypted, "{parameters}");
    }
    assert!(!dump(&cluster, &url(&elsewhere)).await.unwrap().is_empty());
    // what an old client can't be told is refused rather than left out
    let strict = url(&format!("{}?require_auth=scram-sha-256", cluster.url("postgres")));
    if let Err(error) = dump(&cluster, &strict).await {
        assert!(matches!(error, Error::UnsupportedByClient(_)), "{error:?}");
    }
}

#[tokio::test]
async fn require_auth_refuses_a_server_that_asks_for_no_password() {
    let plot = Plot {
        says: vec![asks(0, b"")],
        tls: None,
    };
    let (error, _) = refusal(&plot, "127.0.0.1", "require_auth=scram-sha-256").await;
    assert!(
        matches!(
            error,
            Error::Login {
                refused: LoginRefusal::None,
                ..
            }
        ),
        "{error:?}"
    );
}

/// It asks for SCRAM, and then says that all is well without having shown that it knows the password.
#[tokio::test]
async fn a_server_that_skips_its_scram_proof_is_refused() {
    let asks_scram = asks(10, b"SCRAM-SHA-256\0\0");
    let skips = Plot {
        says: vec![[asks_scram.clone(), asks(0, b"")].concat()],
        tls: None,
    };
    let forged = Plot {
        says: vec![asks_scram, asks(11, b"r=x,s=AAAA,i=1")],
        tls: None,
    };
    for plot in [skips, forged] {
        let (error, heard) = refusal(&plot, "127.0.0.1", "").await;
        assert!(
            matches!(error, Error::Login { .. } | Error::Connect { .. }),
            "{error:?}"
        );
        assert!(!holds(&heard, PASSWORD));
    }
}

#[tokio::test]
async fn messages_of_a_hostile_server_are_limited_and_escaped() {
    let endless = [b"R".as_slice(), &u32::MAX.to_be_bytes()].concat();
    let huge = [b"E".as_slice(), &0x7fff_ffff_u32.to_be_bytes()].concat();
    for says in [
        endless,
        huge,
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        message(b'R', b""),
        message(b'E', b""),
    ] {
        let (error, _) = refusal(
            &Plot {
                says: vec![says],
                tls: None,
            },
            "127.0.0.1",
            "",
        )
        .await;
        assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    }
    let (error, _) = refusal(
        &Plot {
            says: vec![error("28P01", "\u{1b}[2Jfalsches Kennwort\nerror: all is well")],
            tls: None,
        },
        "127.0.0.1",
        "",
    )
    .await;
    assert!(
        matches!(
            error,
            Error::Auth {
                why: AuthFault::Password,
                ..
            }
        ),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(
        said.contains(r"\u{1b}[2Jfalsches Kennwort\nerror") && !said.contains('\u{1b}') && !said.contains('\n'),
        "{said:?}"
    );
}

/// Whoever sits on the line puts a statement's answer before the handshake: it must not count as the server's.
#[tokio::test]
async fn bytes_before_the_tls_handshake_are_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let false_server = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 8]).await.unwrap();
        let early = [b"S".to_vec(), asks(0, b""), message(b'Z', b"I")].concat();
        stream.write_all(&early).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let error = Session::connect(&at(ELSEWHERE, port, "")).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    false_server.await.unwrap();
}
