//! TLS in front of a server that has none, by a certificate that an authority of the test's own made.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::{certificates, project, python};

/// It ends when this is dropped.
pub struct TlsFront {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl TlsFront {
    /// Before the server at this endpoint, such as `http://127.0.0.1:40123`.
    pub fn start(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path(), "DNS:localhost");
        let (_, port) = endpoint.rsplit_once(':').unwrap();
        let mut child = Command::new(python())
            .args(["-W", "ignore"])
            .arg(project().join("tests/testbed/tls.py"))
            .arg(folder.path().join("server.crt"))
            .arg(folder.path().join("server.key"))
            .arg(port)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = child.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut line).unwrap();
        Self {
            child,
            port: line.trim().parse().unwrap(),
            folder,
        }
    }

    /// Where it listens, by a name that its certificate has.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
