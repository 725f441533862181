//! How every database stands, for people and for monitors: 0 where all is well, 8 where somebody should look.

use serde_json::{Value, json};

use crate::{
    output::goldens::{assert_golden, assert_keys},
    stage::{KEY, OTHER_KEY, SMALL, Stage, wait_until},
    testbed::{Agent, Fault, Rule, S3Server},
    tick::past::{Run, calm, hours, minutes, settled},
};

/// An agent that never reaches its databases: status has no need of them.
fn agent(bucket: &S3Server) -> Agent {
    Agent::new()
        .s3(bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .env(
            "PGCOFFER_SCHEDULE",
            calm("daily at HH:MM keep 7d, weekly on DAY keep 5w"),
        )
}

/// A bucket whose newest backups are good and in time.
fn in_time() -> S3Server {
    let bucket = S3Server::start();
    Run::ago(hours(50)).serving("weekly", "5w").put(&bucket);
    Run::ago(hours(26)).serving("daily", "7d").put(&bucket);
    let newest = Run::ago(hours(2)).serving("daily", "7d");
    newest.serving("weekly", "5w").put(&bucket);
    bucket
}

/// What it prints, by this golden file, and how it ends.
#[track_caller]
fn assert_shows(agent: &Agent, name: &str, status: i32) -> String {
    let outcome = agent.run(["status"]).ended_with(status);
    assert_golden(&format!("status-{name}"), &settled(outcome.text()));
    outcome.stderr
}

/// The same as JSON, of the one database that there is.
#[track_caller]
fn outlook(agent: &Agent, status: i32) -> Value {
    let report = agent.run(["status", "--json"]).ended_with(status).json();
    assert_keys(&report, "databases not_configured elsewhere");
    assert_eq!(report["databases"].as_array().unwrap().len(), 1);
    report["databases"][0].clone()
}

#[test]
fn all_is_well() {
    let bucket = in_time();
    let agent = agent(&bucket);
    assert_eq!(assert_shows(&agent, "ok", 0), "");
    let health = outlook(&agent, 0);
    assert_keys(
        &health,
        "database schedule newest_good last_read_back age_seconds good bytes last_failure late next_due paused_until under_way held \
         suspicious lost unsure without_record ahead implausible unreadable clock_seconds others other_repositories \
         unsettled too_late came_late foreign undelivered drills problems \
         copies_min places",
    );
    assert_keys(&health["newest_good"], "id tier started warnings");
    assert_keys(&health["next_due"], "tier at");
    assert_eq!(
        (&health["good"], &health["newest_good"]["tier"]),
        (&3.into(), &"weekly".into())
    );
    let age = health["age_seconds"].as_i64().unwrap();
    assert!((7200..7260).contains(&age), "{age}");
    for empty in [
        "late",
        "under_way",
        "held",
        "suspicious",
        "lost",
        "unreadable",
        "problems",
    ] {
        assert_eq!(health[empty], json!([]), "{empty}");
    }
    // the lot of them is what the objects weigh
    let stored: u64 = bucket.objects().iter().map(|object| object.size_bytes).sum();
    assert_eq!(health["bytes"], stored);
}

#[test]
fn there_is_no_backup() {
    let bucket = S3Server::start();
    let said = assert_shows(&agent(&bucket), "none", 8);
    assert!(said.contains("1 database needs a look"), "{said}");
    assert_eq!(outlook(&agent(&bucket), 8)["newest_good"], Value::Null);
}

#[test]
fn under_another_key_there_is_no_backup_and_that_is_said() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().key(OTHER_KEY);
    assert_eq!(outlook(&agent, 8)["others"], 1);
    let said = agent.run(["status"]).ended_with(8);
    assert!(said.text().contains("is it the right one?"), "{}", said.text());
}

#[test]
fn nobody_is_configured_and_nothing_is_there() {
    let bucket = S3Server::start();
    let agent = Agent::new().s3(&bucket).key(KEY);
    let outcome = agent.run(["status"]).ended_with(8);
    assert!(
        outcome.stderr.contains("there is no database in s3://"),
        "{}",
        outcome.stderr
    );
    let report = agent.run(["status", "--json"]).ended_with(8).json();
    assert_eq!(report, json!({"databases": [], "not_configured": [], "elsewhere": []}));
}

#[test]
fn a_backup_is_late_after_its_grace() {
    let bucket = S3Server::start();
    let agent = agent(&bucket);
    Run::ago(hours(13))
        .serving("weekly", "5w")
        .serving("daily", "7d")
        .put(&bucket);
    // the daily one was due twelve hours ago, with a grace of three
    assert_shows(&agent, "late", 8);
    let health = outlook(&agent, 8);
    assert_eq!(health["late"][0]["tier"], "daily");
    assert_keys(&health["late"][0], "tier due newest");
    assert_eq!(health["newest_good"]["id"].as_str().unwrap().len(), 29);

    // an hour is late after another hour
    let hourly = agent.env("PGCOFFER_SCHEDULE", calm("hourly at :MM keep 24h"));
    Run::ago(minutes(85)).serving("hourly", "24h").put(&bucket);
    assert_eq!(outlook(&hourly, 0)["late"], json!([]));
    let bucket = S3Server::start();
    Run::ago(minutes(125)).serving("hourly", "24h").put(&bucket);
    assert_eq!(outlook(&hourly.s3(&bucket), 8)["late"][0]["tier"], "hourly");
}

#[test]
fn the_last_run_failed_and_the_one_before_is_in_time_still() {
    let bucket = in_time();
    let agent = agent(&bucket);
    Run::ago(minutes(20)).failed(3).serving("daily", "7d").put(&bucket);
    // monitors hear of it when it is late, people see it at once
    assert_shows(&agent, "failed", 0);
    let health = outlook(&agent, 0);
    assert_keys(&health["last_failure"], "id started error hint exit_status cause");
    assert_eq!(health["paused_until"], Value::Null);
    Run::ago(minutes(3)).failed(3).serving("daily", "7d").put(&bucket);
    // nothing is due before that pause ends
    let health = outlook(&agent, 0);
    assert_eq!(health["paused_until"], Value::Null, "{health:#}");
}

#[test]
fn a_run_that_a_clock_ahead_has_dated_is_not_taken_for_the_newest() {
    let bucket = in_time();
    let agent = agent(&bucket);
    let newest = outlook(&agent, 0)["newest_good"].clone();
    Run::ago(hours(-24 * 300)).serving("daily", "7d").put(&bucket);
    Run::ago(hours(-24 * 400)).failed(3).serving("daily", "7d").put(&bucket);
    // passed over, and not in silence
    let health = outlook(&agent, 8);
    assert_eq!(health["ahead"].as_array().unwrap().len(), 1);
    assert_eq!(health["newest_good"], newest);
    assert!((7200..7260).contains(&health["age_seconds"].as_i64().unwrap()));
    assert_eq!(health["last_failure"], Value::Null);
    assert_eq!(health["good"], 4);
}

#[test]
fn held_backups_are_named() {
    let bucket = in_time();
    let agent = agent(&bucket);
    agent
        .run(["hold", "latest", "--reason", "before the move", "--by", "Ada"])
        .success();
    assert_shows(&agent, "held", 0);
    let health = outlook(&agent, 0);
    assert_keys(&health["held"][0], "id reason who since");
    agent.run(["release", "latest", "--by", "Ada"]).success();
    assert_eq!(outlook(&agent, 0)["held"], json!([]));
}

#[test]
fn an_archive_that_is_gone_is_a_problem_until_its_retention_ends() {
    let bucket = in_time();
    let agent = agent(&bucket);
    // a lifecycle rule may take archives whose time is over
    Run::ago(hours(24 * 9)).serving("daily", "7d").put(&bucket);
    let keys = bucket.keys();
    let archives: Vec<&String> = keys.iter().filter(|key| key.contains("/archives/daily/")).collect();
    bucket.delete(archives[0]);
    assert_eq!(outlook(&agent, 0)["lost"], json!([]));
    bucket.delete(archives[1]);
    assert_shows(&agent, "lost", 8);
    let health = outlook(&agent, 8);
    let lost = health["lost"][0]["id"].as_str().unwrap();
    assert!(archives[1].contains(lost), "{lost}");
    assert_eq!(health["good"], 2);
    // the newest one's: what is served by it is due again
    bucket.delete(keys.iter().rfind(|key| key.contains("/archives/weekly/")).unwrap());
    let health = outlook(&agent, 8);
    assert_eq!(health["late"].as_array().unwrap().len(), 1, "{health:#}");
    assert!(health["next_due"]["at"].is_string());
}

#[test]
fn a_record_that_can_not_be_read_is_a_problem() {
    let bucket = in_time();
    let agent = agent(&bucket);
    let keys = bucket.keys();
    let key = keys.iter().find(|key| key.contains("/records/")).unwrap();
    let mut bytes = bucket.read(key).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bucket.write(key, bytes);
    let text = settled(agent.run(["status"]).ended_with(8).text());
    let id = key.rsplit('/').next().unwrap().trim_end_matches(".pgc");
    assert_golden("status-unreadable", &text.replace(id, "[id]"));
    assert_eq!(outlook(&agent, 8)["unreadable"].as_array().unwrap().len(), 1);
}

#[test]
fn an_upload_under_way_is_shown() {
    let stage = Stage::small();
    let part = Rule::on("UploadPart").always();
    stage.bucket.inject(part, Fault::Delay { millis: 60_000 });
    let running = stage.agent().spawn(["backup"]);
    wait_until("an upload", || stage.bucket.count("UploadPart") > 0);
    let agent = agent(&stage.bucket);
    assert_eq!(outlook(&agent, 8)["under_way"].as_array().unwrap().len(), 1);
    assert_shows(&agent, "under-way", 8);
    drop(running);
}

#[test]
fn without_a_schedule_nobody_can_tell_what_is_late() {
    let bucket = in_time();
    let agent = agent(&bucket).without("PGCOFFER_SCHEDULE");
    assert_shows(&agent, "no-schedule", 0);
    let health = outlook(&agent, 0);
    assert_eq!((&health["schedule"], &health["next_due"]), (&Value::Null, &Value::Null));
    // without a database configured, those in the bucket are shown
    let reader = Agent::new().s3(&bucket).key(KEY);
    assert_eq!(outlook(&reader, 0)["database"], "main");
}

#[test]
fn several_databases_have_a_line_each() {
    let bucket = in_time();
    Run::ago(hours(1))
        .of("shop", OTHER_KEY)
        .serving("daily", "7d")
        .put(&bucket);
    let agent = agent(&bucket)
        .database_url("shop", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_DB_SHOP_KEY", OTHER_KEY)
        .env("PGCOFFER_DB_SHOP_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .database_url("young", "postgres://nobody@127.0.0.1:1/none");
    let said = assert_shows(&agent, "several", 8);
    assert!(said.contains("1 database needs a look"), "{said}");
    let one = |label: &str, status| {
        let args = ["status", "--json", "--database", label];
        let report = agent.run(args).ended_with(status).json();
        report["databases"][0]["database"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (one("main", 0), one("SHOP", 0), one("young", 8)),
        ("main".into(), "shop".into(), "young".into())
    );
    agent.run(["status", "--database", "no such"]).ended_with(2);
    // what another's key sealed is not ours: it is no backup of ours either
    let theirs = Agent::new().s3(&bucket).key(KEY);
    let health = theirs
        .run(["status", "--json", "--database", "shop"])
        .ended_with(8)
        .json();
    assert_eq!(health["databases"][0]["good"], 0);
}

#[test]
fn a_bucket_that_can_not_be_listed_is_told_as_such() {
    let bucket = in_time();
    bucket.inject(Rule::on("ListObjectsV2").always(), Fault::access_denied());
    let outcome = agent(&bucket).run(["status"]).ended_with(4);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    assert_eq!(outcome.text(), "");
    bucket.heal();
    // uploads may be hidden from a monitor
    let uploads = Rule::on("ListMultipartUploads").always();
    bucket.inject(uploads, Fault::access_denied());
    assert_eq!(outlook(&agent(&bucket), 0)["under_way"], json!([]));
}

#[test]
fn a_clock_that_is_wrong_is_told_for_nobody_can_tell_by_it_what_is_late() {
    for (minutes_ahead, way) in [(20, "behind"), (-20, "ahead of")] {
        let bucket = in_time();
        bucket.set_clock(minutes(minutes_ahead));
        let problems = outlook(&agent(&bucket), 8)["problems"].to_string();
        assert!(problems.contains(way) && problems.contains("clock"), "{problems}");
    }
    let bucket = in_time();
    bucket.set_clock(minutes(14));
    outlook(&agent(&bucket), 0);
}

#[test]
fn without_a_schedule_old_backups_are_late_all_the_same() {
    let bucket = S3Server::start();
    Run::ago(hours(29)).serving("daily", "7d").put(&bucket);
    let monitor = Agent::new().s3(&bucket).key(KEY);
    let report = monitor.run(["status", "--json"]).ended_with(8).json();
    assert_eq!(report["databases"][0]["late"][0]["tier"], "daily");
    Run::ago(hours(20)).serving("daily", "7d").put(&bucket);
    monitor.run(["status"]).success();
}

#[test]
fn a_database_that_is_no_longer_configured_is_named() {
    let bucket = in_time();
    Run::ago(hours(90)).of("shop", KEY).put(&bucket);
    Run::ago(hours(90)).of("strange", OTHER_KEY).put(&bucket);
    let outcome = agent(&bucket).run(["status"]).success();
    assert!(
        outcome.text().contains("shop: has backups here") && !outcome.text().contains("strange"),
        "{}",
        outcome.text()
    );
    let report = agent(&bucket).run(["status", "--json"]).success().json();
    assert_eq!(report["not_configured"][0]["database"], "shop");
}

/// A machine whose clock was ahead made one: it must not pass for the newest until that day comes.
#[test]
fn the_latest_is_not_the_one_from_the_future() {
    let bucket = in_time();
    let ahead = Run::ago(hours(-70)).serving("daily", "7d").put(&bucket);
    let latest = agent(&bucket).run(["show", "latest", "--json"]).success();
    assert_ne!(latest.json()["id"], ahead.as_str());
    let listed = agent(&bucket).run(["list", "--json"]).success().json();
    assert_ne!(listed["databases"][0]["newest_good"], ahead.as_str());
    // where there is nothing else it is better than nothing
    let bucket = S3Server::start();
    let only = Run::ago(hours(-70)).put(&bucket);
    let latest = agent(&bucket).run(["show", "latest", "--json"]).success();
    assert_eq!(latest.json()["id"], only.as_str());
}
