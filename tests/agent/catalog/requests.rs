//! What commands cost in requests, by kind: each looks through the bucket once, and reads no object twice. What is
//! asked for again is listed, where something is to be decided by what stands there at that moment.

use std::collections::BTreeMap;

use crate::{
    stage::{Stage, restore_args},
    testbed::{Call, S3Server},
    tick::past::{Run, calm, hours},
};

/// Backups that stand in the bucket when a command begins.
const BACKUPS: i64 = 10;

/// Calls since the last time, by kind.
struct Requests<'a> {
    bucket: &'a S3Server,
    seen: usize,
}

impl<'a> Requests<'a> {
    fn of(bucket: &'a S3Server) -> Self {
        let seen = bucket.calls().len();
        Self { bucket, seen }
    }

    fn next(&mut self) -> String {
        let calls = self.bucket.calls().split_off(self.seen);
        self.seen += calls.len();
        let mut kinds = BTreeMap::new();
        for call in &calls {
            *kinds.entry(kind(call)).or_insert(0_usize) += 1;
        }
        // over plain HTTP, as here, a list is asked for until two in a row agree
        kinds.entry("list").and_modify(|count| *count /= 2);
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        kinds.join(", ")
    }
}

fn kind(call: &Call) -> &'static str {
    let of = |folder: &str| call.key.contains(folder);
    match call.operation.as_str() {
        name if name.starts_with("List") => "list",
        "GetObject" if of("/records/") => "record",
        "GetObject" if of("/marks/") => "mark",
        "GetObject" if of("/details/") => "details",
        "GetObject" if of("/archives/") => "archive",
        "GetObject" => "repository",
        "HeadObject" => "head",
        name if name.starts_with("Get") => "settings",
        name if name.starts_with("Delete") => "delete",
        _ => "write",
    }
}

/// A bucket with good daily backups of earlier days, the newest so many hours old.
fn with_backups(newest: i64, keep: &str) -> Stage {
    let stage = Stage::small();
    for n in 0..BACKUPS {
        stage.put(Run::ago(hours(newest + 24 * n)).serving("daily", keep));
    }
    stage
}

#[test]
fn a_command_reads_each_entry_once() {
    let stage = with_backups(2, "90d");
    let schedule = calm("daily at HH:MM keep 90d");
    let run = |args: &[&str]| {
        let agent = stage.agent().env("PGCOFFER_SCHEDULE", &schedule);
        agent.run(args.iter().copied()).success();
    };
    let mut requests = Requests::of(&stage.bucket);
    let mut found = Vec::new();
    let mut note = |what: &str, requests: &mut Requests<'_>| found.push(format!("{what}: {}", requests.next()));
    run(&["list"]);
    note("list", &mut requests);
    run(&["status"]);
    note("status", &mut requests);
    run(&["tick"]);
    note("tick, nothing due", &mut requests);
    run(&["prune"]);
    note("prune, nothing to delete", &mut requests);
    run(&["backup"]);
    note("backup", &mut requests);
    let target = stage.target();
    stage.agent().run(restore_args(&target)).success();
    note("restore latest", &mut requests);
    assert_eq!(found, [""; 6]);
}

#[test]
fn what_is_deleted_is_looked_at_again() {
    let stage = with_backups(26, "7d");
    let mut requests = Requests::of(&stage.bucket);
    let schedule = calm("daily at HH:MM keep 7d");
    stage
        .agent()
        .env("PGCOFFER_SCHEDULE", &schedule)
        .run(["tick"])
        .success();
    let mut found = vec![format!("tick, a backup and 4 deletions: {}", requests.next())];
    let stage = with_backups(26, "7d");
    let mut requests = Requests::of(&stage.bucket);
    stage.run(["prune"]).success();
    found.push(format!("prune, 4 deletions: {}", requests.next()));
    assert_eq!(found, [""; 2]);
}
