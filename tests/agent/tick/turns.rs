//! Ticks by the binary: what is due is done once, and every database has its turn whatever becomes of the others.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use serde_json::Value;

use crate::{
    output::goldens::{assert_golden, assert_keys},
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Outcome},
    tick::past::{Run, calm, hours, settled},
};

const ALL: &str =
    "hourly at :MM keep 24h, daily at HH:MM keep 7d, weekly on DAY keep 5w, monthly on 1 keep 12mo, yearly keep 7y";

/// An agent with a schedule of every tier, none of which falls due while the test runs.
pub(crate) fn scheduled(stage: &Stage) -> Agent {
    stage.agent().env("PGCOFFER_SCHEDULE", calm(ALL))
}

/// What the tick did with this database.
pub(crate) fn turn<'a>(report: &'a Value, label: &str) -> &'a Value {
    let turns = report["databases"].as_array().unwrap();
    let found = turns.iter().find(|turn| turn["database"] == label);
    found.unwrap_or_else(|| panic!("no {label} in {report:#}"))
}

#[test]
fn the_first_tick_serves_every_tier_with_one_backup_and_the_next_does_nothing() {
    let stage = Stage::small();
    let agent = scheduled(&stage);
    let report = agent.run(["tick", "--json"]).success().json();
    let done = &turn(&report, "main")["backup"];
    assert_eq!(done["outcome"], "done");
    let tiers = ["hourly", "daily", "weekly", "monthly", "yearly"];
    assert_eq!(done["tiers"], serde_json::json!(tiers));
    let id = done["id"].as_str().unwrap();
    assert!(stage.key("/archives/").ends_with(&format!("/yearly/{id}.pgc")));
    let record = agent.run(["show", "latest", "--json"]).success().json();
    assert_eq!(
        (&record["retention"], &record["tier"]),
        (&"7y".into(), &"yearly".into())
    );
    agent.run(["verify"]).success();

    let before = stage.bucket.snapshot();
    let report = agent.run(["tick", "--json"]).success().json();
    assert_eq!(turn(&report, "main")["backup"]["outcome"], "not_due");
    assert_eq!(before.changes(&stage.bucket.snapshot()), [""; 0]);
}

#[test]
fn what_ticks_print() {
    let stage = Stage::small();
    let agent = scheduled(&stage);
    stage.put(Run::ago(hours(24 * 40)).serving("daily", "7d"));
    for n in 0..3 {
        stage.put(Run::ago(hours(24 * 32 + n)).serving("daily", "7d"));
    }
    let first = agent.run(["tick"]).success();
    assert_golden("tick-first", &settled(first.text()));
    let second = agent.run(["tick"]).success();
    assert!(!second.text().contains("pruned"), "{}", second.text());
    let next = second.text().split(" next ").nth(1).unwrap();
    assert!(next.starts_with("hourly "), "{}", second.text());
    assert_golden("tick-not-due", &settled(second.text()));
}

#[test]
fn json_of_a_tick() {
    let stage = Stage::small();
    for days in [40, 41] {
        stage.put(Run::ago(hours(24 * days)).serving("daily", "7d"));
    }
    let agent = scheduled(&stage)
        .env("PGCOFFER_KEEP_LAST", "1")
        .database_url("lost", "postgres://nobody@127.0.0.1:1/none");
    let report = agent.run(["tick", "--json"]).ended_with(3).json();
    assert_keys(&report, "copies databases drills");
    let main = turn(&report, "main");
    assert_keys(main, "database backup prune health exit_status");
    assert_keys(&main["backup"], "outcome id tiers bytes suspicious");
    assert_keys(
        &main["prune"],
        "outcome database dry_run backups leftovers foreign versioned",
    );
    assert_keys(
        &main["prune"]["backups"][0],
        "id tier started bytes verdict reason until outcome",
    );
    assert_keys(
        &main["prune"]["backups"][2],
        "id tier started bytes verdict reason at outcome",
    );
    // of the two old ones the newer has stood for 30 days, and is the newest that has
    assert_eq!(main["prune"]["backups"][1]["reason"], "elder");
    assert_eq!(main["prune"]["backups"][2]["verdict"], "delete");
    assert_keys(
        &main["health"],
        "database schedule newest_good last_read_back age_seconds good bytes last_failure late next_due paused_until under_way held \
         suspicious lost without_record ahead implausible unreadable clock_seconds others other_repositories unsettled \
         unsure too_late came_late foreign undelivered drills problems copies_min places",
    );
    let lost = turn(&report, "lost");
    assert_keys(&lost["backup"], "outcome error cause hint exit_status");
    assert_eq!(
        (&lost["backup"]["outcome"], &lost["exit_status"]),
        (&"failed".into(), &3.into())
    );
    assert_keys(
        &lost["health"]["last_failure"],
        "id started error cause hint exit_status",
    );
}

/// The stage's agent with a pg_dump that fails for databases named `broken…` and is silent for those named `silent…`.
fn unreliable(stage: &Stage) -> Agent {
    let folder = stage.file("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let real = stage.cluster.bin().display();
    let script = format!(
        "#!/bin/sh\ncase \"$PGDATABASE\" in\nbroken*) echo 'pg_dump: error: no memory' >&2; exit 1;;\n\
         silent*) exec sleep 600;;\nesac\nexec {real}/${{0##*/}} \"$@\"\n"
    );
    for name in ["pg_dump", "pg_restore"] {
        let path = folder.join(name);
        std::fs::write(&path, &script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let database = |name: &str| {
        stage
            .cluster
            .psql("postgres", &format!("drop database if exists {name}"));
        let url = stage.cluster.create_database(name);
        stage.cluster.psql(name, SMALL);
        url
    };
    let (broken, silent) = (
        database(&crate::stage::unique("broken")),
        database(&crate::stage::unique("silent")),
    );
    scheduled(stage)
        .env("PGCOFFER_PG_BIN", folder)
        .env("PGCOFFER_STALL_TIMEOUT", "2s")
        .database_url("a_gone", "postgres://nobody@127.0.0.1:1/none")
        .database_url("b_broken", &broken)
        .database_url("c_silent", &silent)
        .database_url("last", &stage.cluster.url(&stage.database))
        .env("PGCOFFER_DB_LAST_KEY", OTHER_KEY)
        .env("PGCOFFER_DB_LAST_SCHEDULE", calm("daily at HH:MM keep 3"))
        .timeout(Duration::from_secs(40))
}

#[track_caller]
fn assert_only_good_ones(stage: &Stage, outcome: &Outcome) {
    let report = outcome.json();
    for (label, status) in [
        ("a_gone", 3),
        ("b_broken", 3),
        ("c_silent", 3),
        ("last", 0),
        ("main", 0),
    ] {
        let turn = turn(&report, label);
        assert_eq!(turn["exit_status"], status, "{turn:#}");
        let good = if status == 0 { "done" } else { "failed" };
        assert_eq!(turn["backup"]["outcome"], good, "{label}");
        assert_eq!(turn["health"]["good"], i32::from(status == 0), "{label}");
        let (records, archives) = (
            stage.keys(&format!("/{label}/records/")).len(),
            stage.keys(&format!("/{label}/archives/")).len(),
        );
        assert_eq!((records, archives), (1, usize::from(status == 0)), "{label}");
    }
    assert_eq!(turn(&report, "last")["backup"]["tiers"], serde_json::json!(["daily"]));
    let why = |label: &str| turn(&report, label)["backup"]["error"].to_string();
    assert!(why("b_broken").contains("no memory"), "{}", why("b_broken"));
    assert!(
        why("c_silent").contains("written nothing for 2 s"),
        "{}",
        why("c_silent")
    );
    assert_eq!(stage.bucket.uploads_under_way(), []);
}

#[test]
fn no_database_keeps_the_others_from_their_turn() {
    for parallel in ["1", "2"] {
        let stage = Stage::small();
        let agent = unreliable(&stage);
        let outcome = agent.run(["tick", "--json", "--parallel", parallel]).ended_with(3);
        assert_only_good_ones(&stage, &outcome);
        stage.assert_no_secret(&outcome, &[OTHER_KEY]);
        // what the others' key sealed is nothing that this key opens
        let theirs = Agent::new().s3(&stage.bucket).key(KEY);
        theirs.run(["verify", "--database", "main"]).success();
        theirs.run(["verify", "--database", "last"]).ended_with(5);
        let last = Agent::new().s3(&stage.bucket).key(OTHER_KEY);
        last.run(["verify", "--database", "last"]).success();
    }
}

#[test]
fn a_tick_for_several_tells_each_ones_lot() {
    let stage = Stage::small();
    let outcome = unreliable(&stage).run(["tick", "-q"]).ended_with(3);
    assert_golden("tick-several", &settled(outcome.text()));
}

#[test]
fn one_database_alone_may_have_its_turn() {
    let stage = Stage::small();
    let agent = scheduled(&stage).database_url("lost", "postgres://nobody@127.0.0.1:1/none");
    let report = agent.run(["tick", "--json", "--database", "main"]).success().json();
    assert_eq!(report["databases"].as_array().unwrap().len(), 1);
    assert_eq!(stage.keys("/lost/"), [""; 0]);
    agent.run(["tick", "--database", "none"]).ended_with(2);
}

#[test]
fn a_machine_that_knows_nothing_finds_in_the_bucket_what_is_due() {
    let stage = Stage::small();
    let agent = stage.agent().env(
        "PGCOFFER_SCHEDULE",
        calm("hourly at :MM keep 24h, daily at HH:MM keep 7d"),
    );
    // the day is served and the hour is not
    stage.put(Run::ago(hours(3)).serving("daily", "7d"));
    let report = agent.run(["tick", "--json"]).success().json();
    assert_eq!(turn(&report, "main")["backup"]["tiers"], serde_json::json!(["hourly"]));
    let elsewhere = tempfile::tempdir().unwrap();
    let agent = agent.current_dir(elsewhere.path()).env("HOME", elsewhere.path());
    let report = agent.run(["tick", "--json"]).success().json();
    assert_eq!(turn(&report, "main")["backup"]["outcome"], "not_due");
    assert!(
        std::fs::read_dir(elsewhere.path()).unwrap().next().is_none(),
        "it left state behind"
    );
}

/// What a tick costs that has nothing to do: it is called every few minutes, year after year.
#[test]
fn a_tick_with_nothing_to_do_makes_a_bounded_number_of_requests() {
    let stage = Stage::small();
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 60d"));
    for n in 0..50 {
        stage.put(Run::ago(hours(24 * n + 1)).serving("daily", "60d"));
    }
    let before = stage.bucket.calls().len();
    let report = agent.run(["tick", "--json"]).success().json();
    assert_eq!(turn(&report, "main")["backup"]["outcome"], "not_due");
    let calls = stage.bucket.calls();
    let count = |operation: &str| {
        calls[before..]
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    };
    let counts = [
        ("GetObject", count("GetObject")),
        ("ListObjectsV2", count("ListObjectsV2")),
        ("all", calls.len() - before),
    ];
    // one look through the whole tells what is due, what has expired and how it stands, one what drills have shown; over
    // plain HTTP each question about names and tags is asked twice
    assert_eq!(
        counts,
        // 50 records; header and last frame of the newest archive and of one other
        [("GetObject", 54), ("ListObjectsV2", 8), ("all", 65)]
    );
}

#[test]
fn who_may_not_delete_leaves_pruning_to_others() {
    let stage = Stage::small();
    for age in [90, 91] {
        stage.put(Run::ago(hours(age)).serving("daily", "1h"));
    }
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("PGCOFFER_KEEP_LAST", "1");
    stage.bucket.inject(
        crate::testbed::Rule::on("DeleteObject").always(),
        crate::testbed::Fault::access_denied(),
    );
    let report = agent.run(["tick", "--no-prune", "--json"]).success().json();
    assert_eq!(turn(&report, "main")["prune"]["outcome"], "not_begun");
    assert_eq!(stage.bucket.count("DeleteObject"), 0);
    agent.run(["tick"]).ended_with(4);
}

/// Two clauses of one tier, both of them missed: one backup serves both, and is kept for the longer time.
#[test]
fn two_dailies_and_parts_of_a_day_are_served_once() {
    let stage = Stage::small();
    let agent = stage.agent().env(
        "PGCOFFER_SCHEDULE",
        "every 12 hours at 00:00 keep 3d, daily at 00:00 keep 7d, daily at 00:01 keep 2d, weekly on monday at 00:01 keep 5w, \
         weekly on tuesday at 00:01 keep 3w",
    );
    let report = agent.run(["tick", "--json"]).success().json();
    let done = &turn(&report, "main")["backup"];
    assert_eq!(done["tiers"], serde_json::json!(["hourly", "daily", "weekly"]));
    let record = agent.run(["show", "--json"]).success().json();
    let kept = record["serves"].as_array().unwrap().iter();
    let kept: Vec<_> = kept.map(|served| served["retention"].as_str().unwrap()).collect();
    assert_eq!(kept, ["3d", "7d", "5w"]);
    assert_eq!(record["retention"], "5w");
    let status = agent.run(["status", "--json"]).success().json();
    assert!(
        status["databases"][0]["schedule"]
            .as_str()
            .unwrap()
            .contains("every 12 hours at 00:00")
    );
    assert_eq!(status["databases"][0]["implausible"], serde_json::json!([]));
}
