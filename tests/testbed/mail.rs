//! A real mail server: aiosmtpd, from PyPI.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use super::{INSTALL_HINT, certificates, project};

/// The Python that has the packages of `.testbed/messengers`.
pub fn python() -> PathBuf {
    let python = project().join(".testbed/messengers/bin/python");
    assert!(python.exists(), "{} is missing: {INSTALL_HINT}", python.display());
    python
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Implicit,
    Starttls,
    /// STARTTLS was stripped by somebody on the way
    Plain,
    /// TLS from the first byte, and no login that is offered
    Mute,
}

/// A mail server; it ends when this is dropped.
pub struct MailServer {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl MailServer {
    /// One with this login that answers the first messages so.
    pub fn start(security: Security, login: Option<(&str, &str)>, replies: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path(), "DNS:localhost");
        let mut command = Command::new(python());
        command
            .args(["-W", "ignore"])
            .arg(project().join("tests/testbed/smtp.py"));
        command.arg(match security {
            Security::Implicit => "implicit",
            Security::Starttls => "starttls",
            Security::Plain => "plain",
            Security::Mute => "mute",
        });
        command.args([folder.path().join("server.crt"), folder.path().join("server.key")]);
        command.args(login.iter().flat_map(|(user, password)| [*user, *password]));
        let mut child = command
            .args(replies)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
        thread::spawn({
            let heard = heard.clone();
            move || hear(lines, &heard)
        });
        Self {
            child,
            port: port.trim().parse().unwrap(),
            folder,
            heard,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority that signed the server's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Every message, taken or not.
    pub fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hear(lines: BufReader<ChildStdout>, heard: &Mutex<Vec<Value>>) {
    for line in lines.lines().map_while(Result::ok) {
        heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
    }
}
