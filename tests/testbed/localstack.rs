//! LocalStack, without Docker: one for the whole test run, a bucket for each test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::postgres::free_port;
use super::{INSTALL_HINT, project};

/// A running LocalStack.
#[derive(Debug)]
pub struct LocalStack {
    endpoint: String,
    /// What this process started, if it did. Its end is the end of LocalStack: it reads our pipe until it closes.
    child: Option<Child>,
}

/// A bucket on LocalStack, made for one test.
#[derive(Debug)]
pub struct LocalBucket {
    endpoint: String,
    name: String,
}

impl LocalStack {
    /// The one that `PGCOFFER_TEST_LOCALSTACK_URL` names, as `make test` does, or one started for this test binary.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<LocalStack> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("PGCOFFER_TEST_LOCALSTACK_URL") {
            Ok(url) if !url.is_empty() => Self {
                endpoint: url.trim_end_matches('/').to_owned(),
                child: None,
            },
            _ => Self::start(),
        })
    }

    fn start() -> Self {
        let mut child = Command::new(project().join("localstack/start.sh"))
            .args(["--until-eof", "--port", &free_port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("localstack/start.sh: {error}: {INSTALL_HINT}"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let endpoint = line.trim().strip_prefix("ready ").map(str::to_owned);
        let endpoint = endpoint.unwrap_or_else(|| panic!("LocalStack did not start: {INSTALL_HINT}"));
        Self {
            endpoint,
            child: Some(child),
        }
    }

    /// Such as `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes a bucket with a name that no other test has.
    pub fn bucket(&self) -> LocalBucket {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.bucket_named(format!("pgcoffer-{:x}-{nanos:x}-{count}", std::process::id()))
    }

    /// One of this name, which nobody else may use.
    pub fn bucket_named(&self, name: String) -> LocalBucket {
        let status = self.put(&format!("/{name}"));
        assert!(status.contains(" 200 "), "LocalStack made no bucket: {status}");
        LocalBucket {
            endpoint: self.endpoint.clone(),
            name,
        }
    }

    /// LocalStack checks no signature, so that making a bucket takes one line of HTTP.
    fn put(&self, path: &str) -> String {
        let host = self.endpoint.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(
            socket,
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

impl LocalBucket {
    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a child process needs to work in this bucket, below the prefix `backups`.
    pub fn env(&self) -> Vec<(String, String)> {
        super::s3::environment(&self.endpoint, "test", "test", &self.name, "backups")
    }

    /// An SDK client for this bucket's service.
    pub fn client(&self) -> aws_sdk_s3::Client {
        super::client(&self.endpoint, "test", "test")
    }
}
