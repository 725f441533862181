//! What most tests begin with: a database, a bucket, an agent that knows both, and steps that must succeed.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use pgcoffer::seal::MasterKey;
use serde_json::Value;

use crate::testbed::{Agent, Cluster, Outcome, S3Server};

pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub(crate) const OTHER_KEY: &str = "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// The comparison of the sample database's makers: it knows nothing of our fingerprints.
const COMPARE: &str = include_str!("../../examples/sample-database/compare.sql");
const SHOP: &str = include_str!("../../examples/sample-database/shop.sql");

/// A few rows in two tables.
pub(crate) const SMALL: &str =
    "create table people (id int generated always as identity primary key, name text not null, note text);
    insert into people (name, note) select 'name ' || n, repeat('note ', n % 7) from generate_series(1, 500) n;
    create table visits (id int); create view guests as select name from people;";

/// 16 MB of rows: more than three parts of the least size where nothing is compressed.
pub(crate) const BULKY: &str =
    "create table bulk (id int, body text); alter table bulk alter body set storage external;
    insert into bulk select n, repeat(md5(n::text), 320) from generate_series(1, 1600) n;";

/// 64 MB: more than the agent, its pipes and its parts hold at once.
pub(crate) const HUGE: &str = "create table bulk (id int, body text); alter table bulk alter body set storage external;
    insert into bulk select n, repeat(md5(n::text), 1280) from generate_series(1, 1600) n;";

/// One database, one bucket, and a folder that is the agent's own.
pub(crate) struct Stage {
    pub(crate) cluster: &'static Cluster,
    pub(crate) bucket: S3Server,
    pub(crate) database: String,
    folder: tempfile::TempDir,
    /// The targets that it made.
    targets: Mutex<Vec<String>>,
}

/// Its databases go with it: a thousand of them would fill the memory that servers keep their files in.
impl Drop for Stage {
    fn drop(&mut self) {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let drops = targets.iter().chain([&self.database]);
        let drops: String = drops
            .map(|name| format!("drop database if exists {name} with (force);\n"))
            .collect();
        // what a test did may keep one
        let _ = self
            .cluster
            .try_psql("postgres", &format!("\\set ON_ERROR_STOP 0\n{drops}"));
    }
}

impl Stage {
    /// A database made by this SQL, on the distribution's PostgreSQL.
    pub(crate) fn of(sql: &'static str) -> Self {
        Self::on(None, sql)
    }

    /// The same on a server of this major version.
    pub(crate) fn on(major: Option<u32>, sql: &'static str) -> Self {
        Self::at(Cluster::shared(major), sql)
    }

    /// The same on this server.
    pub(crate) fn at(cluster: &'static Cluster, sql: &'static str) -> Self {
        let database = copy_of(cluster, sql);
        Self {
            cluster,
            bucket: S3Server::start(),
            database,
            folder: tempfile::tempdir().unwrap(),
            targets: Mutex::default(),
        }
    }

    pub(crate) fn small() -> Self {
        Self::of(SMALL)
    }

    pub(crate) fn bulky() -> Self {
        Self::of(BULKY)
    }

    /// The sample database at a small scale.
    pub(crate) fn shop(major: Option<u32>) -> Self {
        Self::on(major, shop())
    }

    /// A good backup in a bucket.
    pub(crate) fn backed_up(sql: &'static str) -> Self {
        let stage = Self::of(sql);
        stage.back_up();
        stage
    }

    /// An agent that knows database, bucket and key.
    pub(crate) fn agent(&self) -> Agent {
        Agent::new()
            .s3(&self.bucket)
            .database(self.cluster, &self.database)
            .key(KEY)
            .current_dir(self.folder.path())
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.agent().run(args)
    }

    /// Takes a backup, which must succeed; its record.
    pub(crate) fn back_up(&self) -> Value {
        self.back_up_with([])
    }

    /// The same with more arguments.
    pub(crate) fn back_up_with<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Value {
        self.run(["backup", "--json"].into_iter().chain(args)).success().json()
    }

    /// Every record there is, newest first, as `list` shows them.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.run(["list", "--json", "-n", "1000"]).success().json()["backups"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The one run there is, which must have failed, as `show` has it.
    #[track_caller]
    pub(crate) fn failure(&self) -> Value {
        let records = self.records();
        assert_eq!(records.len(), 1, "{records:#?}");
        assert_eq!(records[0]["status"], "failed");
        assert!(records[0]["sealed"].is_null());
        let id = records[0]["id"].as_str().unwrap();
        self.run(["show", id, "--json"]).success().json()
    }

    /// Nothing is left but records of failures.
    #[track_caller]
    pub(crate) fn assert_no_backup(&self) {
        assert!(self.records().iter().all(|record| record["status"] == "failed"));
        assert_eq!(self.keys("/archives/"), [""; 0]);
        assert_eq!(self.bucket.uploads_under_way(), []);
    }

    /// Keys in the bucket that hold this.
    pub(crate) fn keys(&self, part: &str) -> Vec<String> {
        self.bucket
            .keys()
            .into_iter()
            .filter(|key| key.contains(part))
            .collect()
    }

    /// The one key that holds this.
    #[track_caller]
    pub(crate) fn key(&self, part: &str) -> String {
        let keys = self.keys(part);
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys[0].clone()
    }

    /// An empty database on the same server, and its URL.
    pub(crate) fn target(&self) -> Target {
        let name = unique("target");
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.push(name.clone());
        drop(targets);
        Target {
            url: self.cluster.create_database(&name),
            name,
        }
    }

    /// An empty database that belongs to a role of its own, who is no superuser, and that role. `made` is what a
    /// superuser puts into it before; `OWNER` stands for the role.
    pub(crate) fn customers_target(&self, made: &str) -> (String, Target) {
        let owner = unique("customer");
        let target = self.target();
        let own = format!(
            "create role {owner} login; alter database {} owner to {owner}; alter schema public owner to {owner}; {}",
            target.name,
            made.replace("OWNER", &owner)
        );
        self.cluster.psql(&target.name, &own);
        let (url, name) = (self.cluster.url_as(&owner, None, &target.name), target.name);
        (owner, Target { name, url })
    }

    /// The database itself that is backed up.
    pub(crate) fn live(&self) -> Target {
        Target {
            name: self.database.clone(),
            url: self.cluster.url(&self.database),
        }
    }

    /// Restores the newest backup into this database.
    pub(crate) fn restore(&self, target: &Target) -> Outcome {
        self.restore_with(target, [])
    }

    pub(crate) fn restore_with<'a>(&self, target: &'a Target, args: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.run(restore_args(target).into_iter().chain(args))
    }

    /// What the sample database's own comparison prints of a database on this server.
    pub(crate) fn content(&self, database: &str) -> String {
        self.cluster.psql(database, COMPARE)
    }

    /// A place for a file.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The newest backup as pg_dump wrote it.
    pub(crate) fn fetch(&self, name: &str) -> PathBuf {
        let file = self.file(name);
        self.run(["get", "latest", "-q", "-o", file.to_str().unwrap()])
            .success();
        file
    }

    /// Fails where a secret of this stage stands in what was printed.
    #[track_caller]
    pub(crate) fn assert_no_secret(&self, outcome: &Outcome, more: &[&str]) {
        let said = format!("{}{}", outcome.stderr, String::from_utf8_lossy(&outcome.stdout));
        let bech32 = MasterKey::parse(KEY).unwrap().encode();
        for secret in [KEY, bech32.as_str(), self.bucket.credentials().1].iter().chain(more) {
            assert!(!said.contains(secret), "{secret} is in:\n{said}");
        }
    }
}

/// A database to restore into.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) url: String,
}

pub(crate) fn restore_args(target: &Target) -> [&str; 6] {
    ["restore", "latest", "--to", &target.url, "--confirm", &target.name]
}

/// The sample database's script, small.
pub(crate) fn shop() -> &'static str {
    static TEXT: Mutex<Option<&'static str>> = Mutex::new(None);
    let mut text = TEXT.lock().unwrap_or_else(PoisonError::into_inner);
    text.get_or_insert_with(|| Box::leak(format!("\\set scale 0.01\n{SHOP}").into_boxed_str()))
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A database made by this SQL: the first one is kept as the template of the others.
fn copy_of(cluster: &Cluster, sql: &'static str) -> String {
    static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let template = format!("template_{:x}", sql.as_ptr() as usize);
    // nobody may be connected to a template that is being copied
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.insert(format!("{}/{template}", cluster.port())) {
        cluster.create_database(&template);
        cluster.psql(&template, sql);
    }
    let name = unique("db");
    cluster.psql("postgres", &format!("create database {name} template {template}"));
    name
}

/// Waits for something that is bound to happen.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "did not happen within 30 s: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the next second, as ids have whole seconds.
pub(crate) fn next_second() {
    let second = || jiff::Timestamp::now().as_second();
    let begun = second();
    wait_until("the next second", || second() > begun);
}

/// Processes whose parent is this one, with their names.
pub(crate) fn children(parent: u32) -> Vec<(u32, String)> {
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let (name, rest) = stat(pid)?;
        (rest.split(' ').nth(1)? == parent.to_string()).then_some((pid, name))
    })
    .collect()
}

/// Whether the process lives, rather than waits to be buried.
pub(crate) fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The name of a process, and what `/proc` says behind it: state, parent and more.
fn stat(pid: u32) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (before, rest) = stat.rsplit_once(") ")?;
    Some((before.split_once('(')?.1.to_owned(), rest.to_owned()))
}

/// Sends a signal to these processes, as nearly at once as can be.
pub(crate) fn signal(pids: &[u32], name: &str) {
    let pids = pids.iter().map(u32::to_string);
    assert!(
        Command::new("kill")
            .args(["-s", name])
            .args(pids)
            .status()
            .unwrap()
            .success()
    );
}
