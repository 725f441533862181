//! A service that answers as a test writes it, for what no whole S3 server says. It checks no signatures.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use crate::testbed::Agent;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A status, more headers, and a body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

/// The service; it lives as long as the test's process.
pub(crate) struct Scripted {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Answers every request by this.
    pub(crate) fn start(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(Mutex::new(answer)));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    while let Some(one) = read(&socket) {
                        log.lock().unwrap().push(one.clone());
                        let (status, headers, body) = (*answer.lock().unwrap())(&one);
                        write(&socket, status, &headers, &body);
                    }
                });
            }
        });
        Self { port, asked }
    }

    /// An agent with a database `main` that backs up below `backups` in a bucket here.
    pub(crate) fn agent(&self) -> Agent {
        Agent::new()
            .database_url("main", "postgres://nobody@127.0.0.1:1/none")
            .env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .env("PGCOFFER_S3_PATH_STYLE", "true")
            .env("PGCOFFER_BUCKET", "s3://bucket/backups")
    }

    /// Such as `http://127.0.0.1:40123`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every request so far with this method.
    pub(crate) fn asked(&self, method: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| one.method == method).cloned().collect()
    }
}

fn read(socket: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim_start().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Asked {
        method,
        target,
        headers,
        body,
    })
}

fn write(mut socket: &TcpStream, status: u16, headers: &[(&str, String)], body: &str) {
    let mut head = format!("HTTP/1.1 {status} Answer\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // 204 has no body and must not say how long it is
    if status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    // the client may be gone
    let _ = socket.write_all(format!("{head}\r\n{body}").as_bytes());
}
