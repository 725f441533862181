//! A backup ended in the middle, by a signal, a crash or a kill: what is left is a whole backup or none.

use std::{
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    backup::signals::hears,
    stage::{HUGE, SMALL, Stage, children, lives, signal, wait_until},
    testbed::{Agent, Cluster, Fault, Rule, Running, S3Server},
};

/// Makes some parts of 16 MB.
pub(crate) const BACKUP: [&str; 5] = ["backup", "--compression", "none", "--part-size", "5"];

/// A number from 0 to 1 that looks random, by SplitMix64.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z >> 40) as f64 / (1_u64 << 24) as f64
}

fn seed() -> u64 {
    let given = std::env::var("PGCOFFER_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    eprintln!("PGCOFFER_TEST_SEED={seed}");
    seed
}

/// Every archive that is in the bucket is whole, and every record that says so has one.
#[track_caller]
fn assert_all_whole(stage: &Stage) {
    for record in stage.records() {
        assert_eq!(
            record["status"], "succeeded",
            "a killed run leaves no record of failure"
        );
        stage.run(["verify", record["id"].as_str().unwrap()]).success();
    }
    let (sealed, plain) = (stage.file("left.pgc"), stage.file("left.dump"));
    for key in stage.keys("/archives/") {
        std::fs::write(&sealed, stage.bucket.read(&key).unwrap()).unwrap();
        stage
            .run(["open", sealed.to_str().unwrap(), "-o", plain.to_str().unwrap()])
            .success();
        std::fs::remove_file(&plain).unwrap();
    }
}

#[test]
fn killed_at_any_moment_it_leaves_whole_backups_or_none() {
    let stage = Stage::bulky();
    for operation in [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "PutObject",
    ] {
        stage
            .bucket
            .inject(Rule::on(operation).always(), Fault::Delay { millis: 100 });
    }
    let whole = stage.run(BACKUP).success().elapsed;
    let mut state = seed();
    for n in 0..12 {
        let running = stage.agent().spawn(BACKUP);
        std::thread::sleep(whole.mul_f64((f64::from(n) + noise(&mut state)) / 12.0));
        drop(running);
    }
    stage.bucket.heal();
    stage.run(BACKUP).success();
    assert_all_whole(&stage);
}

/// The service has begun an upload, and its answer is on its way.
#[test]
fn asked_to_end_while_an_upload_begins_it_leaves_none() {
    let stage = Stage::small();
    let slow = Fault::Delay { millis: 1000 };
    stage.bucket.inject(Rule::on("CreateMultipartUpload").always(), slow);
    let running = stage.agent().spawn(BACKUP);
    wait_until("the upload is asked for", || {
        stage.bucket.count("CreateMultipartUpload") > 0
    });
    running.signal("TERM");
    running.wait().ended_with(143);
    assert_eq!(stage.bucket.uploads_under_way(), []);
    assert_eq!(stage.bucket.count("AbortMultipartUpload"), 1);
}

#[test]
fn asked_to_end_at_any_moment_it_does_or_has_a_whole_backup() {
    let stage = Stage::bulky();
    for operation in [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "PutObject",
    ] {
        stage
            .bucket
            .inject(Rule::on(operation).always(), Fault::Delay { millis: 100 });
    }
    let whole = stage.run(BACKUP).success().elapsed;
    let (mut state, mut good) = (seed(), 1);
    for n in 0..12 {
        let running = stage.agent().spawn(BACKUP);
        wait_until("it listens for signals", || hears(running.pid(), "TERM"));
        std::thread::sleep(whole.mul_f64((f64::from(n) + noise(&mut state)) / 12.0));
        // it may have ended by itself by now
        let _ = Command::new("kill")
            .args(["-s", "TERM", &running.pid().to_string()])
            .output();
        match running.wait().code() {
            0 => good += 1,
            code => assert_eq!(code, 143, "after {n} twelfths"),
        }
        let records = stage.records();
        let listed = records.iter().filter(|record| record["status"] == "succeeded").count();
        assert_eq!(
            (listed, stage.keys("/archives/").len()),
            (good, good),
            "after {n} twelfths: {records:#?}"
        );
        assert_eq!(stage.bucket.uploads_under_way(), []);
    }
}

#[test]
fn killed_after_complete_it_leaves_an_archive_that_is_not_listed() {
    let stage = Stage::small();
    stage
        .bucket
        .inject(Rule::on("PutObject").key("/records/"), Fault::Delay { millis: 60_000 });
    let running = stage.agent().spawn(BACKUP);
    // behind the object that names the repository, and the details
    wait_until("the record is being written", || stage.bucket.count("PutObject") == 3);
    drop(running);
    assert_eq!((stage.keys("/archives/").len(), stage.records().len()), (1, 0));
    stage.run(["verify"]).ended_with(7);
    stage.bucket.heal();
    stage.back_up();
    stage.run(["verify"]).success();
}

/// A backup whose parts are not taken until it is signalled.
fn held_up(stage: &Stage) -> (Running, u32) {
    stage
        .bucket
        .inject(Rule::on("UploadPart").always(), Fault::Delay { millis: 60_000 });
    let running = stage.agent().timeout(Duration::from_secs(30)).spawn(BACKUP);
    wait_until("parts are under way", || stage.bucket.count("UploadPart") > 2);
    let dump = children(running.pid()).into_iter().find(|(_, name)| name == "pg_dump");
    (running, dump.expect("pg_dump runs").0)
}

#[track_caller]
fn assert_gives_up(name: &str, code: i32) {
    let stage = Stage::of(HUGE);
    let (running, pg_dump) = held_up(&stage);
    let asked = Instant::now();
    running.signal(name);
    let outcome = running.wait().ended_with(code);
    assert!(asked.elapsed() < Duration::from_secs(10), "took {:?}", asked.elapsed());
    assert!(outcome.stderr.contains("no backup was made"), "{}", outcome.stderr);
    assert!(!lives(pg_dump), "pg_dump outlives the agent");
    stage.bucket.heal();
    stage.assert_no_backup();
    let failure = stage.failure();
    assert!(failure["error"].as_str().unwrap().contains("interrupted"), "{failure}");
    assert_eq!(failure["exit_status"], code);
    stage.back_up();
}

#[test]
fn asked_to_end_by_term_it_gives_up_in_order() {
    assert_gives_up("TERM", 143);
}

#[test]
fn asked_to_end_by_int_it_gives_up_in_order() {
    assert_gives_up("INT", 130);
}

#[test]
fn left_by_its_terminal_it_gives_up_in_order() {
    assert_gives_up("HUP", 129);
}

#[test]
fn a_signal_to_all_processes_is_an_interruption_too() {
    // a terminal's Ctrl-C and Heroku's SIGTERM reach pg_dump as well as us
    for _ in 0..4 {
        let stage = Stage::of(HUGE);
        let (running, pg_dump) = held_up(&stage);
        signal(&[pg_dump, running.pid()], "TERM");
        running.wait().ended_with(143);
        stage.bucket.heal();
        stage.assert_no_backup();
    }
}

#[test]
fn a_bucket_that_is_silent_does_not_keep_a_signal_waiting() {
    let stage = Stage::of(HUGE);
    let (running, _) = held_up(&stage);
    stage.bucket.inject(
        Rule::on("AbortMultipartUpload").always(),
        Fault::Stall { after_bytes: 0 },
    );
    stage
        .bucket
        .inject(Rule::on("PutObject").always(), Fault::Stall { after_bytes: 0 });
    let asked = Instant::now();
    running.signal("TERM");
    running.wait().ended_with(143);
    assert!(asked.elapsed() < Duration::from_secs(20), "took {:?}", asked.elapsed());
}

#[test]
fn pg_dump_that_is_killed_half_way_makes_no_backup() {
    let stage = Stage::of(HUGE);
    stage
        .bucket
        .inject(Rule::on("UploadPart").times(8), Fault::Delay { millis: 1500 });
    let running = stage.agent().spawn(BACKUP);
    wait_until("parts are under way", || stage.bucket.count("UploadPart") > 2);
    let dump = children(running.pid())
        .into_iter()
        .find(|(_, name)| name == "pg_dump")
        .expect("pg_dump runs");
    signal(&[dump.0], "KILL");
    let outcome = running.wait().ended_with(3);
    assert!(
        outcome.stderr.contains("pg_dump failed (signal: 9"),
        "{}",
        outcome.stderr
    );
    stage.assert_no_backup();
    assert_eq!(stage.failure()["exit_status"], 3);
}

/// A server of the test's own, that may crash.
fn doomed(sql: &str) -> (Cluster, S3Server, Agent) {
    let (cluster, bucket) = (Cluster::start(None), S3Server::start());
    cluster.create_database("doomed");
    cluster.psql("doomed", sql);
    let agent = Agent::new()
        .s3(&bucket)
        .database(&cluster, "doomed")
        .key(crate::stage::KEY);
    (cluster, bucket, agent)
}

#[test]
fn a_server_that_crashes_half_way_makes_no_backup() {
    let (cluster, bucket, agent) = doomed(HUGE);
    bucket.inject(Rule::on("UploadPart").times(8), Fault::Delay { millis: 1500 });
    let running = agent.spawn(BACKUP);
    wait_until("parts are under way", || bucket.count("UploadPart") > 2);
    cluster.crash();
    let outcome = running.wait().ended_with(3);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    assert!(!bucket.keys().iter().any(|key| key.contains("/archives/")));
    assert_eq!(bucket.uploads_under_way(), []);
    let listed = agent.run(["list", "--json"]).success().json();
    assert_eq!(listed["backups"][0]["status"], "failed");
}

#[test]
fn a_server_that_is_down_is_told_as_such() {
    let (cluster, _bucket, agent) = doomed(SMALL);
    cluster.crash();
    let outcome = agent.run(["backup"]).ended_with(3);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}
