//! A PostgreSQL cluster of one's own, on a free port, gone when it is dropped.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{INSTALL_HINT, is_root, project, temporary_root};

/// How a cluster is to be made. `ClusterOptions::default()` is a fast server of the newest version found, trusting everyone.
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
        let mut shared = SHARED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        shared
            .entry(major)
            .or_insert_with(|| Box::leak(Box::new(Self::start(major))))
    }

    fn try_start(options: &ClusterOptions) -> Option<Self> {
        let bin = bin_dir(options.major);
        let dir = tempfile::Builder::new()
            .prefix("pgcoffer-pg-")
            .tempdir_in(temporary_root())
            .unwrap()
            .keep();
        if let Some((uid, gid)) = server_user() {
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid)).unwrap();
        }
        let port = free_port();
        initdb(&bin, &dir, options);
        if options.tls {
            make_certificate(&dir.join("data"));
        }
        configure(&dir, port, options);
        let watchdog = as_server_user("sh")
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
            let state =
                std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
            if state
                .lines()
                .nth(7)
                .is_some_and(|line| line.trim() == "ready")
            {
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
        String::from_utf8_lossy(&std::fs::read(self.dir.join("log")).unwrap_or_default())
            .into_owned()
    }

    /// Makes an empty database and gives its URL.
    pub fn create_database(&self, name: &str) -> String {
        let quoted = name.replace('"', "\"\"");
        // Without this, a second test that makes a database at the same moment fails: the template is then in use.
        self.psql(
            "postgres",
            &format!("create database \"{quoted}\" template template0;"),
        );
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

    /// Stops the server at once, as a crash of its machine would, and waits until it is gone; its files stay until the
    /// cluster is dropped.
    pub fn crash(&self) {
        let pid_file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        let pid = pid_file.lines().next().unwrap();
        assert!(
            Command::new("kill")
                .args(["-QUIT", pid])
                .status()
                .unwrap()
                .success()
        );
        // the postmaster ends last, when every backend has ended: then the kernel has closed their connections
        let process = PathBuf::from(format!("/proc/{pid}"));
        let deadline = Instant::now() + Duration::from_secs(30);
        while is_running(&process) {
            assert!(Instant::now() < deadline, "PostgreSQL did not crash");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
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
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// The folder with `postgres`, `pg_dump` and so on: what install.sh unpacked, or the distribution's.
fn bin_dir(major: Option<u32>) -> PathBuf {
    let mut majors: Vec<u32> = major.into_iter().collect();
    if majors.is_empty() {
        let found = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten();
        majors = found
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        majors.sort_unstable_by(|a, b| b.cmp(a));
        majors.extend([18, 16]);
    }
    let unpacked = project().join(".testbed/postgresql");
    let places = majors.iter().flat_map(|major| {
        [
            unpacked.join(format!("{major}/bin")),
            PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
        ]
    });
    for place in places {
        if place.join("postgres").exists() && place.join("pg_dump").exists() {
            // The real path: a server's user may not be able to go through a link that lies in somebody's home.
            return place.canonicalize().unwrap();
        }
    }
    let wanted = major.map_or_else(String::new, |major| format!(" {major}"));
    panic!("found no PostgreSQL{wanted} (server and client): {INSTALL_HINT}");
}

/// The user to run a server as: it refuses to be root's.
fn server_user() -> Option<(u32, u32)> {
    is_root().then(|| {
        let id = |flag| {
            let output = Command::new("id")
                .args([flag, "postgres"])
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).trim().parse().ok()
        };
        id("-u")
            .zip(id("-g"))
            .unwrap_or_else(|| panic!("there is no user postgres: {INSTALL_HINT}"))
    })
}

/// A command that runs as the server's user, with nothing of this process's PostgreSQL settings.
fn as_server_user(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = server_user() {
        command.uid(uid).gid(gid);
    }
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    command
}

fn initdb(bin: &Path, dir: &Path, options: &ClusterOptions) {
    let mut command = as_server_user(bin.join("initdb"));
    command.arg("-D").arg(dir.join("data"));
    command.args([
        "--no-sync",
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]);
    let password_file = dir.join("password");
    if let Some(password) = &options.password {
        std::fs::write(&password_file, password).unwrap();
        command
            .arg("--auth=scram-sha-256")
            .arg("--pwfile")
            .arg(&password_file);
    } else {
        command.arg("--auth=trust");
    }
    run(command);
    let _ = std::fs::remove_file(password_file);
}

/// Adds to the settings that initdb made. Nothing is ever synced to disk, since nothing here outlives the machine.
fn configure(dir: &Path, port: u16, options: &ClusterOptions) {
    let mut settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
         fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\nmax_wal_size = 4GB\n\
         max_connections = 200\nssl = {}\n",
        dir.display(),
        if options.tls { "on" } else { "off" },
    );
    for (name, value) in &options.settings {
        settings.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(dir.join("data/postgresql.conf"));
    file.unwrap().write_all(settings.as_bytes()).unwrap();
}

fn make_certificate(data: &Path) {
    let mut command = as_server_user("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]);
    command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    command
        .arg("-keyout")
        .arg(data.join("server.key"))
        .arg("-out")
        .arg(data.join("server.crt"));
    run(command);
}

fn run(mut command: Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: {INSTALL_HINT}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a program with this as its input; its output, or its error output where it fails.
fn feed(mut command: Command, input: &[u8]) -> Result<String, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // A program that fails early doesn't read to the end; its exit status tells what happened.
        scope.spawn(move || stdin.write_all(input).is_ok());
        child.wait_with_output()
    })
    .unwrap();
    if output.status.success() {
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.truncate(text.trim_end_matches('\n').len());
        return Ok(text);
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A TCP port on 127.0.0.1 that nobody listens on at the moment.
pub(super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
