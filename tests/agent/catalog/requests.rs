//! What commands cost in requests, by kind, as docs/monitoring.md says it: each entry is read once, and lists are asked
//! for again only where something is decided by what stands there at that moment.

use std::collections::BTreeMap;

use crate::{
    serve::clock::serve,
    stage::{SMALL, Stage, restore_args, wait_until},
    testbed::{Call, Fault, Rule, S3Server},
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
        counted(&calls, 1)
    }
}

/// The number of calls of each kind in one of so many rounds.
fn counted<'a>(calls: impl IntoIterator<Item = &'a Call>, rounds: usize) -> String {
    let mut kinds = BTreeMap::new();
    for call in calls {
        *kinds.entry(kind(call)).or_insert(0_usize) += 1;
    }
    let kinds = kinds.into_iter().map(|(kind, count)| {
        assert_eq!(count % rounds, 0, "{count} of {kind} in {rounds} rounds");
        // over plain HTTP, as here, an unprotected answer is requested until two in a row agree
        let answers = if ["list", "head"].contains(&kind) { 2 } else { 1 };
        format!("{kind} {}", count / rounds / answers)
    });
    kinds.collect::<Vec<_>>().join(", ")
}

fn kind(call: &Call) -> &'static str {
    let of = |folder: &str| call.key.contains(folder);
    match call.operation.as_str() {
        name if name.starts_with("List") => "list",
        "GetObject" if of("/records/") => "record",
        "GetObject" if of("/marks/") => "mark",
        "GetObject" if of("/details/") => "details",
        "GetObject" if of("/archives/") => "archive",
        "GetObject" if of("/drills/") => "report",
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
    let expected = [
        "list: list 5, record 10",
        "status: archive 4, list 7, record 10",
        "tick, nothing due: archive 4, list 5, record 10, settings 1",
        "prune, nothing to delete: list 8, record 10, settings 1",
        "backup: details 5, head 4, list 3, record 10, repository 2, settings 2, write 6",
        "restore latest: archive 4, details 1, head 2, list 4, record 1",
    ];
    assert_eq!(found, expected);
}

/// However many drills there were: the newest report names those before it.
#[test]
fn what_drills_have_shown_costs_one_list_and_one_report() {
    let stage = Stage::backed_up(SMALL);
    let scratch = stage.cluster.url("postgres");
    for _ in 0..3 {
        let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", &scratch);
        agent.run(["drill"]).success();
    }
    let schedule = calm("daily at HH:MM keep 90d");
    let run = |args: &[&str]| {
        let agent = stage.agent().env("PGCOFFER_SCHEDULE", &schedule);
        agent.run(args.iter().copied());
    };
    let mut requests = Requests::of(&stage.bucket);
    let mut found = Vec::new();
    for args in [&["list"][..], &["status"], &["status", "--json"]] {
        run(args);
        found.push(requests.next());
    }
    assert_eq!(
        found,
        [
            "list 5, mark 1, record 1, report 1",
            "archive 2, list 7, mark 1, record 1, report 1",
            "archive 2, list 7, mark 1, record 1, report 1",
        ]
    );
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
    let mut found = vec![format!("tick, a backup and 3 deletions: {}", requests.next())];
    let stage = with_backups(26, "7d");
    let mut requests = Requests::of(&stage.bucket);
    stage.run(["prune"]).success();
    found.push(format!("prune, 3 deletions: {}", requests.next()));
    let expected = [
        "tick, a backup and 3 deletions: archive 16, delete 9, details 16, head 16, list 16, record 11, repository 2, \
         settings 21, write 6",
        "prune, 3 deletions: archive 14, delete 9, details 10, head 12, list 13, record 10, settings 19",
    ];
    assert_eq!(found, expected);
}

/// The first tick of `serve` reads every entry, later ones only list. A second database that can't be listed makes the
/// rounds follow one another within seconds.
#[test]
fn a_later_tick_of_serve_reads_no_entry_again() {
    let stage = with_backups(2, "90d");
    let denied = Rule::on("ListObjectsV2").key("/shop/").always();
    stage.bucket.inject(denied, Fault::access_denied());
    let agent = stage
        .agent()
        .database_url("shop", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 90d"));
    let serving = serve(&agent);
    // rounds that have ended and the calls so far, at a moment when none is in progress
    let between_rounds = |rounds_min: u64| {
        let rounds = || {
            let ended = serving.metric("pgcoffer_ticks_total").unwrap_or(0.0) as u64;
            (serving.health()["tick_running"] == false && ended >= rounds_min).then_some(ended)
        };
        let mut found = None;
        wait_until("a pause between two rounds", || {
            let before = rounds();
            let calls = stage.bucket.calls();
            found = before.filter(|_| rounds() == before).map(|ended| (ended, calls));
            found.is_some()
        });
        found.unwrap()
    };
    let (first, before) = between_rounds(1);
    let (last, calls) = between_rounds(first + 2);
    let later = calls[before.len()..].iter();
    let of_main = later.filter(|call| !call.prefix.as_deref().unwrap_or(&call.key).contains("/shop/"));
    let rounds = usize::try_from(last - first).unwrap();
    assert_eq!(counted(of_main, rounds), "archive 4, list 5, settings 1");
    serving.end().success();
}
