//! A throwaway PostgreSQL for the tests of the archive reader.

use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running server with its own folder; stopped and removed on drop.
pub(crate) struct Cluster {
    bin: PathBuf,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Makes and starts one. It listens on a socket in its own folder only, so no port is taken.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pgcoffer-archive-")
            .tempdir_in("/tmp")
            .unwrap();
        if let Some((uid, gid)) = server_user() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let cluster = Self { bin: bin(), folder };
        cluster.server(
            "initdb",
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
        );
        let options = format!(
            "-c listen_addresses= -c fsync=off -k {}",
            cluster.folder.path().display()
        );
        let log = cluster.folder.path().join("log");
        cluster.server(
            "pg_ctl",
            &[
                "start",
                "--wait",
                "--silent",
                "--options",
                &options,
                "--log",
                log.to_str().unwrap(),
            ],
        );
        cluster
    }

    /// Makes a database and runs a script in it.
    pub(crate) fn create(&self, database: &str, script: &str) {
        self.psql("postgres", &format!("CREATE DATABASE {database}"));
        self.psql(database, script);
    }

    /// Runs SQL and returns what it prints, unaligned.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> Vec<u8> {
        let options = [
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--file=-",
        ];
        self.run(
            self.client("psql").args(options).args(["--dbname", database]),
            sql.as_bytes(),
        )
    }

    /// What pg_dump writes into a pipe.
    pub(crate) fn dump(&self, database: &str, options: &[&str]) -> Vec<u8> {
        self.run(self.client("pg_dump").args(options).arg(database), b"")
    }

    /// Restores an archive into a new database.
    pub(crate) fn restore(&self, database: &str, archive: &[u8]) {
        self.create(database, "");
        self.run(
            self.client("pg_restore")
                .args(["--exit-on-error", "--dbname", database]),
            archive,
        );
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env("PGHOST", self.folder.path())
            .env("PGUSER", "postgres")
            .env("PGCLIENTENCODING", "UTF8");
        command
    }

    fn server(&self, program: &str, options: &[&str]) {
        let output = self.server_command(program, options).output().unwrap();
        assert!(
            output.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn server_command(&self, program: &str, options: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .arg("--pgdata")
            .arg(self.folder.path().join("data"))
            .args(options);
        if let Some((uid, gid)) = server_user() {
            command.uid(uid).gid(gid);
        }
        // A server that is started must not keep the pipes of this process open, nor its folder.
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    fn run(&self, command: &mut Command, input: &[u8]) -> Vec<u8> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A child that ends early breaks the pipe; its own message says why.
            scope.spawn(move || stdin.write_all(input).ok());
            child.wait_with_output().unwrap()
        });
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may never have started; a test that fails for that reason has said so.
        self.server_command("pg_ctl", &["stop", "--mode=immediate", "--silent"])
            .output()
            .ok();
    }
}

/// The newest PostgreSQL that has a server and its clients in one folder.
fn bin() -> PathBuf {
    let major = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let packaged = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_whole = |bin: &PathBuf| {
        ["initdb", "pg_ctl", "psql", "pg_dump", "pg_restore"]
            .iter()
            .all(|program| bin.join(program).exists())
    };
    let newest = packaged.filter(is_whole).max_by_key(major);
    newest
        .or_else(|| std::env::split_paths(&path).find(is_whole))
        .expect("this test needs a PostgreSQL server with its clients: apt-get install postgresql postgresql-client")
}

/// PostgreSQL refuses to run as root: then it runs as the user `postgres` of its package.
fn server_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap();
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields[0] == "postgres");
    let fields = fields.expect("there is no user postgres to run the server as: apt-get install postgresql");
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}
