//! PgBouncer between a client and a cluster. It ends when it is dropped.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::postgres::{as_server_user, free_port, server_user};
use super::{Cluster, INSTALL_HINT, project, temporary_root};

/// Starts it, waits for the end of its own standard input, and stops it.
const WATCHDOG: &str = r#"
"$1" "$2" </dev/null &
pooler=$!
cat >/dev/null
kill "$pooler" 2>/dev/null
wait "$pooler"
"#;

/// A running pooler.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Pooler {
    /// One that hands connections to this cluster out by `transaction` or by `session`, with more lines of its own
    /// section.
    pub fn start(cluster: &Cluster, mode: &str, more: &str) -> Self {
        let root = project().join(".testbed/pgbouncer");
        let root = root
            .canonicalize()
            .unwrap_or_else(|_| panic!("found no PgBouncer: {INSTALL_HINT}"));
        let dir = tempfile::Builder::new()
            .prefix("pgcoffer-pooler-")
            .tempdir_in(temporary_root())
            .unwrap();
        let (port, settings) = (free_port(), dir.path().join("pgbouncer.ini"));
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} \
             user=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n\
             unix_socket_dir=\nauth_type=any\npool_mode={mode}\n{more}\n",
            cluster.port()
        );
        std::fs::write(&settings, text).unwrap();
        if let Some((uid, gid)) = server_user() {
            std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut child = as_server_user("sh")
            .args(["-c", WATCHDOG, "pooler-watchdog"])
            .arg(root.join("usr/sbin/pgbouncer"))
            .arg(&settings)
            .env("LD_LIBRARY_PATH", libraries(&root))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < Duration::from_secs(30),
                "PgBouncer did not start: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, child, _dir: dir }
    }

    /// The superuser's URL for this database by way of the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Where the libraries lie that were unpacked with it: a folder named by the machine's architecture.
fn libraries(root: &std::path::Path) -> PathBuf {
    let folders = std::fs::read_dir(root.join("usr/lib")).into_iter().flatten();
    let mut folders = folders.flatten().map(|entry| entry.path());
    let found = folders.find(|folder| folder.to_string_lossy().contains("linux-gnu"));
    found.unwrap_or_else(|| root.join("usr/lib"))
}
