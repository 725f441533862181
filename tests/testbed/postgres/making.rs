//! How a server comes about: its programs, its files, its settings, and the user that it runs as.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::{INSTALL_HINT, is_root, project};
use super::ClusterOptions;

/// The folder with `postgres`, `pg_dump` and so on: what install.sh unpacked, or the distribution's.
pub(super) fn bin_dir(major: Option<u32>) -> PathBuf {
    let mut majors: Vec<u32> = major.into_iter().collect();
    if majors.is_empty() {
        let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
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
pub(in super::super) fn server_user() -> Option<(u32, u32)> {
    is_root().then(|| {
        let id = |flag| {
            let output = Command::new("id").args([flag, "postgres"]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().parse().ok()
        };
        id("-u")
            .zip(id("-g"))
            .unwrap_or_else(|| panic!("there is no user postgres: {INSTALL_HINT}"))
    })
}

/// A command that runs as the server's user, with nothing of this process's PostgreSQL settings.
pub(in super::super) fn as_server_user(program: impl AsRef<std::ffi::OsStr>) -> Command {
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

pub(super) fn initdb(bin: &Path, dir: &Path, options: &ClusterOptions) {
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
        command.arg("--auth=scram-sha-256").arg("--pwfile").arg(&password_file);
    } else {
        command.arg("--auth=trust");
    }
    run(command);
    let _ = std::fs::remove_file(password_file);
}

/// The files of a standby of the server at this URL.
pub(super) fn base_backup(bin: &Path, url: &str, dir: &Path) {
    let mut command = as_server_user(bin.join("pg_basebackup"));
    command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
    command.arg("--pgdata").arg(dir.join("data"));
    command.args(["--dbname", url]);
    run(command);
}

/// Adds to the settings that initdb made. Nothing is ever synced to disk, since nothing here outlives the machine, and
/// little of the log is kept, since it may lie in memory.
pub(super) fn configure(dir: &Path, port: u16, options: &ClusterOptions) {
    let mut settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
         jit = off\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\nmax_wal_size = 512MB\n\
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

pub(super) fn make_certificate(data: &Path) {
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

pub(super) fn run(mut command: Command) {
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
pub(super) fn feed(mut command: Command, input: &[u8]) -> Result<String, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
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
pub(in super::super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
