//! A PostgreSQL cluster of one's own, on a free port, gone when it is dropped.

mod making;
mod template;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub(super) use making::{as_server_user, free_port, server_user};
use making::{base_backup, bin_dir, configure, feed, initdb, make_certificate};

use super::temporary_root;

/// How a cluster is to be made. `ClusterOptions::default()` is a fast server of the newest version found, trusting
/// everyone.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// The major version, such as 16; the distribution's newest where it is `None`.
    pub major: Option<u32>,
    /// Asks for this password (SCRAM) from whoever comes over TCP or the socket.
    pub password: Option<String>,
    /// Offers TLS, with a certificate that it has signed itself, for `localhost` and `127.0.0.1`.
    pub tls: bool,
    /// Further settings for `postgresql.conf`.
    pub settings: Vec<(String, String)>,
    /// The language of its messages, such as `de`; English where it is `None`. The distribution's servers have others.
    pub language: Option<String>,
    /// Further variables of the server's environment.
    pub environment: Vec<(String, String)>,
}

/// A running cluster. The superuser is `postgres`.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    bin: PathBuf,
    port: u16,
    password: Option<String>,
    watchdog: Child,
}

/// Starts the server, waits for the end of its own standard input, stops the server and removes its files. Since the
/// kernel closes a dead process's pipes, this also happens when the test is killed.
const WATCHDOG: &str = r#"
"$1/postgres" -D "$2/data" </dev/null >"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$2"
"#;

impl Cluster {
    /// A cluster of this major version, or of the distribution's newest.
    pub fn start(major: Option<u32>) -> Self {
        Self::start_with(ClusterOptions {
            major,
            ..ClusterOptions::default()
        })
    }

    /// A cluster made to order.
    pub fn start_with(options: ClusterOptions) -> Self {
        // Between choosing a free port and taking it somebody else may take it, so this may need another go.
        for _ in 0..5 {
            if let Some(cluster) = Self::try_start(&options) {
                return cluster;
            }
        }
        panic!("found no port for PostgreSQL in five attempts");
    }

    /// One cluster per major version for the whole test binary; it stops when the process ends.
    pub fn shared(major: Option<u32>) -> &'static Self {
        static SHARED: Mutex<BTreeMap<Option<u32>, &'static Cluster>> = Mutex::new(BTreeMap::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared
            .entry(major)
            .or_insert_with(|| Box::leak(Box::new(Self::start(major))))
    }

    fn try_start(options: &ClusterOptions) -> Option<Self> {
        let bin = bin_dir(options.major);
        let dir = server_folder();
        if options.password.is_some() {
            initdb(&bin, &dir, options);
        } else {
            template::copy(&bin, &dir);
        }
        if options.tls {
            make_certificate(&dir.join("data"));
        }
        Self::serve(bin, dir, options)
    }

    /// A standby of this cluster, which replays what comes from it.
    pub fn standby(&self) -> Self {
        for _ in 0..5 {
            let dir = server_folder();
            base_backup(&self.bin, &self.socket_url("postgres"), &dir);
            if let Some(standby) = Self::serve(self.bin.clone(), dir, &ClusterOptions::default()) {
                return standby;
            }
        }
        panic!("found no port for a standby in five attempts");
    }

    /// Starts a server on these files. None where the port was taken.
    fn serve(bin: PathBuf, dir: PathBuf, options: &ClusterOptions) -> Option<Self> {
        let port = free_port();
        configure(&dir, port, options);
        let mut watchdog = as_server_user("sh");
        watchdog.envs(options.environment.iter().cloned());
        if let Some(language) = &options.language {
            // gettext goes by this wherever the locale isn't C itself
            watchdog.env("LANGUAGE", language);
        }
        let watchdog = watchdog
            .args(["-c", WATCHDOG, "postgres-watchdog"])
            .args([&bin, &dir])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the whole process group; the watchdog must outlive it to clean up.
            .process_group(0)
            .spawn()
            .unwrap();
        let cluster = Self {
            dir,
            bin,
            port,
            password: options.password.clone(),
            watchdog,
        };
        cluster.wait_until_ready().then_some(cluster)
    }

    /// False where the port was taken.
    fn wait_until_ready(&self) -> bool {
        let began = Instant::now();
        loop {
            let state = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
            if state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return true;
            }
            let log = self.log();
            if log.contains("could not create any TCP/IP sockets") {
                return false;
            }
            assert!(
                !log.contains("FATAL") && began.elapsed() < Duration::from_secs(60),
                "PostgreSQL did not start:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The superuser's URL for this database.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", self.password.as_deref(), database)
    }

    /// Somebody's URL for this database.
    pub fn url_as(&self, user: &str, password: Option<&str>, database: &str) -> String {
        let password = password
            .map(|password| format!(":{}", encode(password)))
            .unwrap_or_default();
        format!(
            "postgres://{}{password}@127.0.0.1:{}/{}",
            encode(user),
            self.port,
            encode(database)
        )
    }

    /// The superuser's URL by way of the Unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        let dir = encode(self.dir.to_str().unwrap());
        format!(
            "postgres:///{}?host={dir}&port={}&user=postgres",
            encode(database),
            self.port
        )
    }

    /// The folder of this version's programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The TCP port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that holds the server's Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.dir
    }

    /// The certificate to trust, where the cluster was made with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("data/server.crt")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.join("log")).unwrap_or_default()).into_owned()
    }

    /// Makes an empty database and gives its URL.
    pub fn create_database(&self, name: &str) -> String {
        let quoted = name.replace('"', "\"\"");
        // Without this, a second test that makes a database at the same moment fails: the template is then in use.
        self.psql("postgres", &format!("create database \"{quoted}\" template template0;"));
        self.url(name)
    }

    /// Runs SQL as the superuser, and gives what `psql --no-align --tuples-only` prints, without the last line's end.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql)
            .unwrap_or_else(|error| panic!("psql failed on {database:?}: {error}\n{sql}"))
    }

    /// The same, with psql's error output where it fails.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command = self.client("psql");
        command.args([
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
        ]);
        command.arg(format!("--dbname={}", self.socket_url(database)));
        command.args(["--file=-"]);
        feed(command, sql.as_bytes())
    }

    /// One of this version's client programs, with the superuser's password where there is one.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env("PGPASSWORD", self.password.as_deref().unwrap_or_default());
        command
    }

    /// Has the server read its configuration and certificates again, and waits until it has.
    pub fn reload(&self) {
        let loaded = || self.psql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        self.psql("postgres", "SELECT pg_reload_conf()");
        let deadline = Instant::now() + Duration::from_secs(30);
        while loaded() == before {
            assert!(Instant::now() < deadline, "PostgreSQL did not reload");
        }
    }

    /// Stops the server at once, as a crash of its machine would, and waits until it is gone; its files stay until the
    /// cluster is dropped.
    pub fn crash(&self) {
        let pid_file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        let pid = pid_file.lines().next().unwrap();
        assert!(Command::new("kill").args(["-QUIT", pid]).status().unwrap().success());
        // the postmaster ends last, when every backend has ended: then the kernel has closed their connections
        let process = PathBuf::from(format!("/proc/{pid}"));
        let deadline = Instant::now() + Duration::from_secs(30);
        while is_running(&process) {
            assert!(Instant::now() < deadline, "PostgreSQL did not crash");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A folder for a server's files.
fn server_folder() -> PathBuf {
    let dir = tempfile::Builder::new()
        .prefix("pgcoffer-pg-")
        .tempdir_in(temporary_root())
        .unwrap()
        .keep();
    if let Some((uid, gid)) = server_user() {
        std::os::unix::fs::chown(&dir, Some(uid), Some(gid)).unwrap();
    }
    dir
}

/// Whether this process runs: one that has ended and that nobody has waited for does not.
fn is_running(process: &Path) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    // the state stands behind the name, which is in brackets and may hold anything
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state.flatten(), None | Some('Z'))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// All but what RFC 3986 calls unreserved, in section 2.3.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}
