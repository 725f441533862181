//! What looking at a bucket costs: requests, bytes read, time and peak memory of `list`, `status` and a `tick` that has
//! nothing to do, and of pages of the dashboard and of its API, in buckets of 100, 1,000 and 10,000 backups of a database of a few tables and of one of 20,000
//! tables.
//!
//! ```text
//! cargo bench --bench catalog [BACKUPS …]
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark's result is what it prints, and it may panic"
)]

#[path = "../tests/testbed/mod.rs"]
mod testbed;

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{BackupId, Details, Label, Record, Retention, Served, TableFingerprint, Tier},
    seal::{Content, MasterKey, PayloadCompression, Secret},
};
use serde_json::json;
use testbed::{REPOSITORY, S3Server, identity, sealed, sealed_details};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Of the token of [`measure_pages`], by `sha256sum`.
const TOKEN_HASH: &str = "98e3a0b63a99e4ac9e9602c8c0fab8a1a8e59ac6cfbe43cea92be3ccb0015fc2";
const LABEL: &str = "main";
const TABLES: [usize; 2] = [10, 20_000];
const COMMANDS: [&[&str]; 3] = [&["list"], &["status"], &["tick"]];

fn main() {
    let counts = std::env::args().filter_map(|argument| argument.parse().ok());
    let mut counts: Vec<usize> = counts.collect();
    if counts.is_empty() {
        counts = vec![100, 1000, 10_000];
    }
    println!("| backups | tables | command | requests | read, kB | seconds | peak RSS, MiB |");
    println!("|---|---|---|---|---|---|---|");
    for backups in counts {
        for tables in TABLES {
            let server = filled(backups, tables);
            for command in COMMANDS {
                measure(&server, backups, tables, command);
            }
            measure_pages(&server, backups, tables);
        }
    }
}

/// A bucket with so many good backups, one an hour up to now.
fn filled(backups: usize, tables: usize) -> S3Server {
    let server = S3Server::start();
    let secret = Secret::Key(MasterKey::parse(KEY).unwrap());
    let archive = vec![7; 4096];
    let details = details(tables);
    let this_hour = Timestamp::now().as_second() / 3600 * 3600;
    for hour in 0..i64::try_from(backups).unwrap() {
        let due = Timestamp::from_second(this_hour - hour * 3600).unwrap();
        let mut record = record(due, &secret, archive.len(), &details);
        let sealed_details = sealed_details(&mut record, &details, &secret);
        let (id, below) = (record.id.as_str(), format!("{}/{LABEL}", server.prefix()));
        let bytes = sealed(
            id,
            Content::Record,
            PayloadCompression::None,
            LABEL,
            &secret,
            &record.to_json(),
        );
        // header and last frame of the newest and of one other are looked at
        let archive = sealed(id, Content::Archive, PayloadCompression::None, LABEL, &secret, &archive);
        server.write(&format!("{below}/archives/hourly/{id}.pgc"), archive);
        // what nobody reads may be short
        if hour < 50 {
            server.write(&format!("{below}/details/{id}.pgc"), sealed_details);
        }
        server.write(&format!("{below}/records/{id}.pgc"), bytes);
    }
    server
}

fn details(tables: usize) -> Details {
    let table = |n: usize| TableFingerprint {
        schema: "public".into(),
        name: format!("a_table_of_some_customer_{n}").into(),
        rows: 1000,
        bytes: 80_000,
        fingerprint: format!("{:032x}", n * 77).parse().unwrap(),
        span: (n as u64 * 80_000, (n as u64 + 1) * 80_000),
    };
    Details {
        tables: (0..tables).map(table).collect(),
        ..Details::default()
    }
}

fn record(due: Timestamp, secret: &Secret, archive_bytes: usize, details: &Details) -> Record {
    let label = Label::parse(LABEL).unwrap();
    let id = BackupId::new(&identity(secret, LABEL), &label, due);
    let key = format!("{LABEL}/archives/hourly/{id}.pgc");
    let served = Served {
        tier: Tier::Hourly,
        due,
        retention: Retention::Forever,
    };
    // a header, and what 4 KiB become
    let length = sealed(
        id.as_str(),
        Content::Archive,
        PayloadCompression::None,
        LABEL,
        secret,
        &vec![7; archive_bytes],
    )
    .len();
    let record = json!({
        "version": 1, "repository": REPOSITORY, "id": id, "database": LABEL, "tier": "hourly", "retention": "forever",
        "expires": null, "serves": [served], "started": due, "finished": due + SignedDuration::from_secs(20),
        "agent": "0.1.0", "sealed_for": "key 0123456789abcdef", "status": "succeeded", "anomalies": [], "compared": 5,
        "source": {
            "server": {"version": "16.4", "major": 16, "database": "shop", "table_bytes": 1_u64 << 40, "standby": false},
            "client": {"version": "16.4", "major": 16},
        },
        "counts": details.counts(), "details_bytes": 0, "details_sha256": "",
        "sealed": {
            "objects": [{
                "key": key, "bytes": length, "sha256": "0".repeat(64), "crc64nvme": "AAAAAAAAAAA=", "etag": null,
                "tagged": true,
            }],
            "dump_bytes": 1_u64 << 40, "part_bytes": 8 << 20,
            "compression": {"algorithm": "zstd", "level": 1, "chunk_bytes": 512 << 10},
        },
    });
    serde_json::from_value(record).unwrap()
}

/// Paths of the dashboard: the first time, at once again, and when what is known is no longer new.
const PAGES: [&str; 4] = [
    "/",
    "/databases/main",
    "/api/v1/databases/main/backups",
    "/api/v1/databases/main/backups?per_page=100",
];

fn measure_pages(server: &S3Server, backups: usize, tables: usize) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let token = "pgct_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let mut serving = Command::new(env!("CARGO_BIN_EXE_pgcoffer"))
        .args(["--quiet", "serve", "--listen"])
        .arg(format!("127.0.0.1:{port}"))
        .envs(server.env())
        .env("PGCOFFER_KEY", KEY)
        .env("PGCOFFER_REPOSITORY", REPOSITORY)
        .env("PGCOFFER_DB_MAIN_URL", "postgresql://nobody@127.0.0.1:1/nothing")
        .env("PGCOFFER_SCHEDULE", "hourly keep forever")
        .env("PGCOFFER_DASHBOARD_URL", "http://localhost:9187")
        .env("PGCOFFER_DASHBOARD_TOKENS", format!("bench:read:{}", TOKEN_HASH))
        .env("PGCOFFER_DASHBOARD_PROXIES", "127.0.0.1")
        .env("PGCOFFER_DASHBOARD_USER_HEADER", "X-User")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ask = |path: &str| -> Option<(f64, usize)> {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-User: ada\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        assert!(
            text.starts_with("HTTP/1.1 200"),
            "{path}: {}",
            &text[..text.len().min(300)]
        );
        Some((begun.elapsed().as_secs_f64() * 1000.0, text.len() / 1000))
    };
    while ask("/healthz").is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
    for when in ["first", "again", "later"] {
        for path in PAGES {
            let (milliseconds, kilobytes) = ask(path).unwrap();
            println!(
                "| {backups} | {tables} | {path}, {when} | | {kilobytes} kB | {milliseconds:.0} ms | {:.1} |",
                rss_mib(&serving)
            );
        }
        if when == "again" {
            // longer than an answer counts as new
            std::thread::sleep(Duration::from_secs(16));
        }
    }
    serving.kill().unwrap();
    serving.wait().unwrap();
}

fn rss_mib(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn measure(server: &S3Server, backups: usize, tables: usize, command: &[&str]) {
    let before = server.calls().len();
    let begun = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_pgcoffer"))
        .arg("--quiet")
        .args(command)
        .envs(server.env())
        .env("PGCOFFER_KEY", KEY)
        .env("PGCOFFER_REPOSITORY", REPOSITORY)
        .env("PGCOFFER_DB_MAIN_URL", "postgresql://nobody@127.0.0.1:1/nothing")
        .env("PGCOFFER_SCHEDULE", "hourly keep forever")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (peak, code) = peak_rss_mib(child);
    assert_eq!(code, Some(0), "{command:?}");
    let seconds = begun.elapsed().as_secs_f64();
    let calls = server.calls().split_off(before);
    let read = calls.iter().filter(|call| call.operation == "GetObject");
    let bytes: usize = read
        .map(|call| server.read(&call.key).map_or(0, |object| object.len()))
        .sum();
    println!(
        "| {backups} | {tables} | {} | {} | {} | {seconds:.2} | {peak:.1} |",
        command.join(" "),
        calls.len(),
        bytes / 1000,
    );
}

/// The high-water mark that the kernel keeps of a program, which is waited for, and its exit status.
fn peak_rss_mib(mut child: Child) -> (f64, Option<i32>) {
    let mut peak = 0.0_f64;
    let status = format!("/proc/{}/status", child.id());
    loop {
        if let Some(ended) = child.try_wait().unwrap() {
            return (peak, ended.code());
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        peak = peak.max(kib.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(Duration::from_millis(5));
    }
}
