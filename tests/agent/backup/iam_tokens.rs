//! Tokens of IAM in a password's place: a server of RDS as it behaves, which asks for the password in clear over TLS,
//! before a real one that trusts it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    check::everything::found,
    stage::{SMALL, Stage},
    testbed::{Agent, certificates, tls_server},
};

/// The id and the secret that the agent signs with: those of its bucket.
struct Pair {
    id: String,
    secret: String,
}

impl Pair {
    fn of(agent: &Agent) -> Self {
        let of = |name: &str| {
            let found = agent.variables().find(|(set, _)| set == name);
            found.unwrap_or_else(|| panic!("no {name}")).1
        };
        Self {
            id: of("AWS_ACCESS_KEY_ID"),
            secret: of("AWS_SECRET_ACCESS_KEY"),
        }
    }
}

/// The front of a managed server, and every password that it was given.
struct Rds {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
}

impl Rds {
    fn start(to: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path(), "DNS:localhost");
        let acceptor = TlsAcceptor::from(Arc::new(tls_server(folder.path())));
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn({
            let heard = Arc::clone(&heard);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async move {
                    let listener = TcpListener::from_std(listener).unwrap();
                    while let Ok((client, _)) = listener.accept().await {
                        tokio::spawn(serve(client, acceptor.clone(), Arc::clone(&heard), to));
                    }
                });
            }
        });
        Self { port, heard, folder }
    }

    fn url(&self, database: &str, more: &str) -> String {
        let ca = self.folder.path().join("ca.crt");
        format!(
            "postgres://postgres@localhost:{}/{database}?sslmode=verify-full&sslrootcert={}{more}",
            self.port,
            ca.display()
        )
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn serve(
    mut client: TcpStream,
    acceptor: TlsAcceptor,
    heard: Arc<Mutex<Vec<String>>>,
    to: u16,
) -> std::io::Result<()> {
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    let startup = body(&mut client).await?;
    // the password in clear, as for RDS's own module of PAM
    client.write_all(b"R\0\0\0\x08\0\0\0\x03").await?;
    client.flush().await?;
    if client.read_u8().await? != b'p' {
        return Ok(());
    }
    let password = body(&mut client).await?;
    let password = String::from_utf8_lossy(&password);
    let password = password.trim_end_matches('\0').to_owned();
    heard.lock().unwrap().push(password);
    let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
    let length = u32::try_from(startup.len() + 4).unwrap();
    server.write_all(&length.to_be_bytes()).await?;
    server.write_all(&startup).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn body(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks a token as AWS does: the signature over a request for this server and role, in the database's region.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
#[track_caller]
fn assert_signed(pair: &Pair, token: &str, server: &str, user: &str, region: &str) {
    let (host, query) = token.split_once("/?").unwrap_or_else(|| panic!("no token: {token}"));
    assert_eq!(host, server);
    let mut pairs: BTreeMap<&str, &str> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    assert_eq!(
        (pairs["Action"], pairs["DBUser"], pairs["X-Amz-Expires"]),
        ("connect", user, "900")
    );
    let signature = pairs.remove("X-Amz-Signature").unwrap();
    let canonical: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let empty = hex(&Sha256::digest(b""));
    let request = format!("GET\n/\n{}\nhost:{host}\n\nhost\n{empty}", canonical.join("&"));
    let time = pairs["X-Amz-Date"];
    let scope = format!("{}/{region}/rds-db/aws4_request", &time[..8]);
    assert_eq!(
        pairs["X-Amz-Credential"],
        format!("{}/{scope}", pair.id).replace('/', "%2F")
    );
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = format!("AWS4{}", pair.secret).into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    assert_eq!(hex(&mac(&key, &to_sign)), signature, "{token}");
}

#[test]
fn each_connection_is_given_a_token_of_its_own() {
    let stage = Stage::of(SMALL);
    let rds = Rds::start(stage.cluster.port());
    let server = format!("localhost:{}", rds.port);
    let agent = stage
        .agent()
        .env("AWS_REGION", "eu-central-1")
        .env("PGCOFFER_DB_MAIN_URL", rds.url(&stage.database, ""))
        .env("PGCOFFER_DB_MAIN_AUTH", "aws-iam");
    let pair = Pair::of(&agent);
    agent.run(["check"]).success();
    rds.heard();
    agent.run(["backup"]).success();
    let tokens = rds.heard();
    // the session that holds the lock, its look at what stands between, and pg_dump
    assert!(tokens.len() >= 2, "{tokens:?}");
    for token in &tokens {
        assert_signed(&pair, token, &server, "postgres", "eu-central-1");
    }
    // into another, by a url that says so itself
    let target = stage.target();
    let to = rds.url(&target.name, "&auth=aws-iam");
    agent
        .run(["restore", "latest", "--to", &to, "--confirm", &target.name])
        .success();
    let tokens = rds.heard();
    assert!(tokens.len() >= 2, "{tokens:?}");
    for token in &tokens {
        assert_signed(&pair, token, &server, "postgres", "eu-central-1");
    }
    let there = stage.cluster.psql(&target.name, "select count(*) from people");
    assert_ne!(there, "0");
}

#[test]
fn a_token_is_for_a_verified_server_over_tls_alone() {
    let stage = Stage::of(SMALL);
    let rds = Rds::start(stage.cluster.port());
    let agent = stage
        .agent()
        .env("AWS_REGION", "eu-central-1")
        .env("PGCOFFER_DB_MAIN_AUTH", "aws-iam");
    let at = |host: &str, more: &str| format!("postgres://postgres@{host}:{}/{}{more}", rds.port, stage.database);
    for (url, words) in [
        // an address that leads here and is not known to be this machine
        (at("0.0.0.0", "?sslmode=require"), "sslmode=verify-full"),
        (at("localhost", "?sslmode=prefer"), "would send a token in clear text"),
        (at("localhost", ""), "would send a token in clear text"),
        (
            at("localhost", "?sslmode=require").replace("postgres@", "postgres:pw@"),
            "one is made for each connection",
        ),
    ] {
        let outcome = agent.clone().env("PGCOFFER_DB_MAIN_URL", &url).run(["backup"]);
        assert_ne!(outcome.code(), 0, "{url}");
        assert!(outcome.stderr.contains(words), "{url}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("X-Amz-Signature"), "{}", outcome.stderr);
    }
    assert_eq!(rds.heard(), Vec::<String>::new());
    let unknown = agent
        .clone()
        .env("PGCOFFER_DB_MAIN_URL", rds.url(&stage.database, ""))
        .env("PGCOFFER_DB_MAIN_AUTH", "kerberos")
        .run(["backup"]);
    assert!(unknown.stderr.contains("PGCOFFER_DB_MAIN_AUTH"), "{}", unknown.stderr);
    // no credentials: said as it is, and the database's other faults are not guessed at
    let bare = agent
        .env("PGCOFFER_DB_MAIN_URL", rds.url(&stage.database, ""))
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let (verdict, detail, cure) = found(&bare.run(["check", "--json"]).json(), "database", "reachable");
    assert_eq!(verdict, "failed", "{detail}");
    assert!(cure.contains("the AWS SDK must find credentials"), "{detail}: {cure}");
}
