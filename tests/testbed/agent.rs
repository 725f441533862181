//! The built binary, run with an environment of the test's own.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Cluster, LocalBucket, REPOSITORY, S3Server};

/// How to run `pgcoffer`: nothing of this process's environment reaches it but what is said here.
#[derive(Debug, Clone)]
pub struct Agent {
    env: Vec<(OsString, OsString)>,
    timeout: Duration,
    dir: Option<PathBuf>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub elapsed: Duration,
    /// The most memory that the process held at any time, in bytes, as `/proc` tells (`VmHWM`), to within 10 ms.
    pub peak_memory_bytes: u64,
}

/// A run under way. It is killed where it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    began: Instant,
    timeout: Duration,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    peak_memory_bytes: u64,
}

/// The binary under test: cargo names it for tests; an example finds it beside itself.
pub fn binary() -> PathBuf {
    if let Some(path) = option_env!("CARGO_BIN_EXE_pgcoffer") {
        return PathBuf::from(path);
    }
    let example = std::env::current_exe().unwrap();
    example.parent().and_then(Path::parent).unwrap().join("pgcoffer")
}

/// What sets another date for a program, where `tests/testbed/dates.sh` runs the tests under one; otherwise nothing.
pub fn other_date() -> impl Iterator<Item = (&'static str, OsString)> {
    let names = ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"];
    let given = std::env::var_os("FAKETIME").is_some();
    let set = names
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    set.filter(move |_| given)
}

impl Default for Agent {
    fn default() -> Self {
        Self::new()
    }
}

impl Agent {
    /// A binary that finds neither home nor credentials, and is given five minutes.
    pub fn new() -> Self {
        let agent = Self {
            env: Vec::new(),
            timeout: Duration::from_secs(300),
            dir: None,
        };
        agent
            .env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
            )
            .env("HOME", "/nonexistent")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// Sets one variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets several.
    #[must_use]
    pub fn envs(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        variables
            .into_iter()
            .fold(self, |agent, (name, value)| agent.env(name, value))
    }

    /// Whether it sets this variable.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        self.env.iter().any(|(set, _)| set == name)
    }

    /// Takes a variable away again.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.env.retain(|(set, _)| set != name);
        self
    }

    /// Credentials and bucket of this server.
    #[must_use]
    pub fn s3(self, server: &S3Server) -> Self {
        self.envs(server.env())
    }

    /// The same for a bucket on LocalStack.
    #[must_use]
    pub fn localstack(self, bucket: &LocalBucket) -> Self {
        self.envs(bucket.env())
    }

    /// Backs this database up under the label `main`, with the client programs of its cluster.
    #[must_use]
    pub fn database(self, cluster: &Cluster, name: &str) -> Self {
        self.database_url("main", &cluster.url(name))
            .env("PGCOFFER_PG_BIN", cluster.bin())
    }

    /// Backs the database at this URL up under this label.
    #[must_use]
    pub fn database_url(self, label: &str, url: &str) -> Self {
        self.env(format!("PGCOFFER_DB_{}_URL", label.to_uppercase()), url)
    }

    /// Sets the master key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.env("PGCOFFER_KEY", key).env("PGCOFFER_REPOSITORY", REPOSITORY)
    }

    /// How long a run may take before it is killed and the test fails.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The working folder.
    #[must_use]
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Runs it to its end, with an empty standard input.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.spawn(args).wait()
    }

    /// Runs it to its end with this on its standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &[u8]) -> Outcome {
        let mut running = self.start(args, Stdio::piped());
        let mut stdin = running.child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // Whether the program wanted all of it is for its outcome to tell.
            scope.spawn(move || stdin.write_all(input).is_ok());
            running.wait()
        })
    }

    /// Starts it, to be looked at, signalled or waited for.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        self.start(args, Stdio::null())
    }

    /// Starts it with a standard input that stays open and says nothing.
    pub fn spawn_reading<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        self.start(args, Stdio::piped())
    }

    /// The variables that are set, as far as they are text.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let texts = self.env.iter().map(|(name, value)| {
            let text = |text: &OsString| text.clone().into_string().ok();
            Some((text(name)?, text(value)?))
        });
        texts.flatten()
    }

    /// A program with the agent's environment and working folder.
    pub fn command<S: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("TMPDIR", super::temporary_root())
            .envs(self.env.iter().cloned())
            .envs(other_date());
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, stdin: Stdio) -> Running {
        let binary = binary();
        let mut command = self.command(&binary, args);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        let (began, timeout) = (Instant::now(), self.timeout);
        Running {
            child,
            began,
            timeout,
            stdout: Some(stdout),
            stderr: Some(stderr),
            peak_memory_bytes: 0,
        }
    }
}

impl Running {
    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM` or `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success(), "kill -s {name} failed");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end; past the timeout it is killed and the test fails.
    pub fn wait(mut self) -> Outcome {
        let status = loop {
            self.peak_memory_bytes = self.peak_memory_bytes.max(peak_memory_bytes(self.pid()));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.began.elapsed() > self.timeout {
                let _ = self.child.kill();
                let _ = self.child.wait();
                let said = self.take_stderr();
                panic!("pgcoffer did not end within {:?}; it said:\n{said}", self.timeout);
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let elapsed = self.began.elapsed();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let stderr = self.take_stderr();
        Outcome {
            status,
            stdout,
            stderr,
            elapsed,
            peak_memory_bytes: self.peak_memory_bytes,
        }
    }

    fn take_stderr(&mut self) -> String {
        let bytes = self.stderr.take().unwrap().join().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// The exit status, or 128 and the signal's number, as shells put it.
    pub fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// What it printed, as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// What it printed, as one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{}", self.text()))
    }

    /// Fails the test unless it ended with 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.ended_with(0)
    }

    /// Fails the test unless it ended with this status.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            code,
            "stdout:\n{}\nstderr:\n{}",
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// The kernel's own high-water mark; 0 once the process is gone.
fn peak_memory_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
