//! A slug on a dyno, as near as this machine comes to one: built by the buildpacks' own scripts, in a file system that
//! can't be written but for /tmp, as a user without rights, with 256 processes, 512 MB, `PORT` and `DYNO`.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    machine::{Machine, as_root},
    release::{Server, buildpack, run},
    testbed::{Agent, Cluster, Fault, Rule, S3Server},
};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Nobody else's on this machine, nor another run's of this test: the limit of processes is one for each user.
fn dyno_user() -> u32 {
    // beyond what systems give to people and services, and below what the kernel keeps for nobody
    1_000_000 + std::process::id()
}

/// Threads and processes of a small dyno.
/// <https://devcenter.heroku.com/articles/dyno-scaling-and-process-limits>
const PROCESSES: usize = 256;

/// Memory of a small dyno.
/// <https://devcenter.heroku.com/articles/dyno-sizes>
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Between SIGTERM to every process and SIGKILL.
/// <https://devcenter.heroku.com/articles/dyno-shutdown-behavior>
const GRACE: Duration = Duration::from_secs(30);

/// Unpacks clients below `.apt`, and sets the variables that show the way, as heroku-community/apt does.
const APT: &str = r#"
    for package in /var/cache/apt/archives/*.deb; do dpkg -x "$package" /app/.apt; done
    cat >/app/.profile.d/000_apt.sh <<'END'
export PATH="$HOME/.apt/usr/bin:$PATH"
export LD_LIBRARY_PATH="$HOME/.apt/usr/lib/x86_64-linux-gnu:$HOME/.apt/usr/lib:$LD_LIBRARY_PATH"
END
"#;

/// Makes the file system read-only, and starts a command as a dyno starts one.
fn start(command: &str) -> String {
    let user = dyno_user();
    format!(
        r#"
    chmod -R a+rX /app
    mount --bind / /
    mount -o remount,bind,ro /
    mount -o remount,bind,ro /app
    cd /app
    ulimit -u {PROCESSES}
    exec setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs bash -c '
        if touch /app/x 2>/dev/null || touch /x 2>/dev/null; then echo "it can be written" >&2; exit 99; fi
        LD_LIBRARY_PATH=
        for file in .profile.d/*.sh; do . "$file"; done
        {command}'
"#
    )
}

/// A bucket, a database, and a slug.
struct Dyno {
    cluster: Cluster,
    bucket: S3Server,
    slug: TempDir,
}

impl Dyno {
    fn new() -> Self {
        let (server, slug) = (Server::of_release(), tempfile::tempdir().unwrap());
        let (cache, env) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let buildpack = buildpack(&server.url);
        let mut compile = Command::new(buildpack.path().join("bin/compile"));
        run(compile.args([slug.path(), cache.path(), env.path()]));
        Self {
            cluster: Cluster::start(None),
            bucket: S3Server::start(),
            slug,
        }
    }

    fn command(&self, command: &str) -> Command {
        let machine = Machine::new()
            .sharing(self.slug.path(), "/app")
            .envs(self.bucket.env())
            .env("HOME", "/app")
            .env("DYNO", "run.1234")
            .env("PORT", "5000")
            .env("STACK", "heroku-24")
            .env("PGCOFFER_KEY", KEY)
            .env("PGCOFFER_REPOSITORY", crate::testbed::REPOSITORY)
            .env("PGCOFFER_DB_MAIN_URL", &self.cluster.url("postgres"));
        machine.command(&format!("{APT}{}", start(command)))
    }

    fn spawn(&self, command: &str) -> Child {
        let mut command = self.command(command);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The bucket's records, as somebody elsewhere sees them.
    fn records(&self) -> Vec<serde_json::Value> {
        let agent = Agent::new().s3(&self.bucket).key(KEY);
        let list = agent.run(["list", "--json"]).success().json();
        list["backups"].as_array().unwrap().clone()
    }
}

/// What the dyno's user runs, and what that needs together: bytes of memory, threads.
fn processes() -> (Vec<u32>, u64, usize) {
    let (mut pids, mut bytes, mut threads) = (Vec::new(), 0, 0);
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        if field("Uid:") != Some(dyno_user().into()) {
            continue;
        }
        pids.push(pid);
        bytes += field("VmRSS:").unwrap_or(0) * 1024;
        threads += usize::try_from(field("Threads:").unwrap_or(0)).unwrap();
    }
    (pids, bytes, threads)
}

/// Waits for its end, and looks meanwhile what it needs: the most memory, the most threads.
fn watch(mut child: Child) -> (Output, u64, usize) {
    let (mut bytes, mut threads) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let seen = processes();
        bytes = bytes.max(seen.1);
        threads = threads.max(seen.2);
        std::thread::sleep(Duration::from_millis(5));
    }
    (child.wait_with_output().unwrap(), bytes, threads)
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|b| String::from_utf8_lossy(b).into_owned())
        .concat()
}

/// One after the other, as both look at what the same user runs.
#[test]
fn a_backup_fits_a_small_dyno_and_ends_in_time() {
    let dyno = Dyno::new();
    dyno.cluster.psql(
        "postgres",
        "create table bulk (id int, body text); alter table bulk alter body set storage external;
         insert into bulk select n, repeat(md5(n::text), 1280) from generate_series(1, 1600) n",
    );
    assert_fits(&dyno);
    assert_ends_in_time(&dyno);
}

fn assert_fits(dyno: &Dyno) {
    let (output, bytes, threads) = watch(dyno.spawn("pgcoffer backup --compression none"));
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Backed up main as "), "{said}");
    assert!(bytes > 0 && bytes < MEMORY_BYTES, "{bytes} bytes");
    assert!(threads > 0 && threads < PROCESSES, "{threads} threads");
    // by the client that came with the slug: this dyno has no other
    assert_eq!(dyno.records()[0]["good"], true, "{:#}", dyno.records()[0]);
    let found = dyno.command("command -v pg_dump").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "/app/.apt/usr/bin/pg_dump\n");
}

/// The platform asks every process at once, pg_dump too, and kills what is left half a minute later.
fn assert_ends_in_time(dyno: &Dyno) {
    dyno.bucket
        .inject(Rule::on("UploadPart").always(), Fault::Delay { millis: 1000 });
    let parts = dyno.bucket.count("UploadPart");
    let child = dyno.spawn("pgcoffer backup --compression none --part-size 5");
    let began = Instant::now();
    while dyno.bucket.count("UploadPart") < parts + 2 {
        assert!(began.elapsed() < Duration::from_secs(120), "no upload began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (pids, ..) = processes();
    assert!(pids.len() >= 2, "agent and pg_dump: {pids:?}");
    let mut kill = as_root("kill");
    kill.args(["-s", "TERM"]).args(pids.iter().map(u32::to_string));
    // that one of them may have ended by itself before it was asked is no fault
    let _ = kill.output().unwrap();
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(asked.elapsed() < GRACE, "{:?}", asked.elapsed());
    assert_eq!(output.status.code(), Some(143), "{}", said(&output));

    assert_eq!(dyno.bucket.uploads_under_way(), []);
    let records = dyno.records();
    assert_eq!(records.len(), 2, "{records:#?}");
    assert_eq!(records[0]["status"], "failed");
    assert_eq!(records[0]["exit_status"], 143, "{:#}", records[0]);
}
