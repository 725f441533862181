//! Settings about schedules that are wrong: each is refused before anything is done, by its name.

use crate::{
    config::refusals::refused, output::goldens::assert_golden, stage::Stage, testbed::Agent, tick::past::calm,
};

const DAILY: &str = "daily at 02:30 keep 7d";

#[test]
fn wrong_settings_are_refused_by_name_with_a_cure() {
    let stage = Stage::small();
    let wrong: [(&str, &str, &[&str]); 24] = [
        ("PGCOFFER_SCHEDULE", ",", &["nothing between two commas"]),
        ("PGCOFFER_SCHEDULE", "dayly at 02:30 keep 7d", &["\"dayly\"", "daily"]),
        ("PGCOFFER_SCHEDULE", "daily at 2.30 keep 7d", &["2.30"]),
        ("PGCOFFER_SCHEDULE", "daily at 24:00 keep 7d", &["24:00"]),
        ("PGCOFFER_SCHEDULE", "daily at 02:30", &["keep"]),
        ("PGCOFFER_SCHEDULE", "daily at 02:30 keep 7 days", &["days"]),
        (
            "PGCOFFER_SCHEDULE",
            "daily at 12:00 keep 7d, daily at 12:00 keep 1d",
            &["there twice"],
        ),
        ("PGCOFFER_SCHEDULE", "manual keep 7d", &["manual"]),
        ("PGCOFFER_SCHEDULE", "hourly at :60 keep 24h", &[":60"]),
        ("PGCOFFER_SCHEDULE", "weekly on someday keep 5w", &["someday"]),
        ("PGCOFFER_SCHEDULE", "monthly on 32 keep 12mo", &["32"]),
        ("PGCOFFER_SCHEDULE", "yearly on 02-30 keep 7y", &["02-30"]),
        ("PGCOFFER_SCHEDULE", "daily keep 0d", &["0d"]),
        ("PGCOFFER_DB_MAIN_SCHEDULE", "daily keep never", &["never"]),
        ("PGCOFFER_DB_OTHER_SCHEDULE", DAILY, &["isn't configured"]),
        (
            "PGCOFFER_TIMEZONE",
            "Europe/Berlyn",
            &["\"Europe/Berlyn\"", "Europe/Berlin"],
        ),
        ("PGCOFFER_TIMEZONE", "CET+1", &["\"CET+1\""]),
        ("PGCOFFER_KEEP_LAST", "0", &["from 1 on"]),
        ("PGCOFFER_KEEP_LAST", "-1", &["\"-1\""]),
        ("PGCOFFER_KEEP_LAST", "three", &["\"three\""]),
        ("PGCOFFER_KEEP_LAST", "4294967296", &["4294967296"]),
        ("PGCOFFER_STALL_TIMEOUT", "0s", &["\"0s\""]),
        ("PGCOFFER_STALL_TIMEOUT", "20", &["\"20\"", "30m"]),
        ("PGCOFFER_STALL_TIMEOUT", "-5m", &["\"-5m\""]),
    ];
    for (name, value, words) in wrong {
        let agent = stage.agent();
        let agent = match name {
            "PGCOFFER_SCHEDULE" => agent,
            _ => agent.env("PGCOFFER_SCHEDULE", DAILY),
        };
        let words = [&[name], words].concat();
        for command in ["tick", "status", "prune"] {
            refused(&stage, agent.clone().env(name, value).run([command]), 2, &words);
        }
    }
    assert_eq!(stage.bucket.calls().len(), 0, "nobody asked the bucket");
}

#[test]
fn a_lock_is_refused_where_it_could_not_end() {
    let stage = Stage::small();
    let agent = stage.agent().env("PGCOFFER_LOCK", "compliance");
    for keep in ["forever", "12"] {
        let schedule = format!("daily at 02:30 keep 7d, yearly keep {keep}");
        let agent = agent.clone().env("PGCOFFER_SCHEDULE", schedule);
        let words = ["PGCOFFER_SCHEDULE", "yearly", keep, "PGCOFFER_LOCK"];
        refused(&stage, agent.run(["tick"]), 2, &words);
    }
    let agent = agent.env("PGCOFFER_SCHEDULE", DAILY);
    let outcome = agent.env("PGCOFFER_LOCK", "forever").run(["tick"]).ended_with(2);
    assert!(outcome.stderr.contains("PGCOFFER_LOCK"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("governance"), "{}", outcome.stderr);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "dayly keep 7d, weekly on someday keep 0w")
        .env("PGCOFFER_TIMEZONE", "Mars/Olympus")
        .env("PGCOFFER_KEEP_LAST", "none")
        .env("PGCOFFER_STALL_TIMEOUT", "soon");
    let outcome = agent.run(["tick"]).ended_with(2);
    assert_golden("tick-settings", &in_order(&outcome.stderr));
}

/// The faults in order of their variables: an environment has none.
fn in_order(said: &str) -> String {
    let mut faults: Vec<&str> = said.split("\n  PGCOFFER").collect();
    let first = faults.remove(0);
    let mut faults: Vec<&str> = faults.into_iter().map(str::trim_end).collect();
    faults.sort_unstable();
    let faults = faults.into_iter().map(|fault| format!("\n  PGCOFFER{fault}"));
    first.to_owned() + &faults.collect::<String>() + "\n"
}

#[test]
fn without_a_schedule_there_is_no_tick() {
    let stage = Stage::small();
    let words = ["main has no schedule", "PGCOFFER_SCHEDULE", "PGCOFFER_DB_MAIN_SCHEDULE"];
    refused(&stage, stage.run(["tick"]), 2, &words);
    // what one database lacks keeps no other from its turn, and is not passed over in silence
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_MAIN_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .database_url("other", &stage.cluster.url(&stage.database));
    let outcome = agent.run(["tick"]).ended_with(2);
    assert!(outcome.stderr.contains("other has no schedule"));
    assert!(outcome.text().contains("main: backed up (daily)"));
    assert_eq!(stage.records().len(), 1);
    // `off` is said on purpose
    let outcome = agent.env("PGCOFFER_DB_OTHER_SCHEDULE", "off").run(["tick"]).success();
    assert!(!outcome.text().contains("other") && !outcome.stderr.contains("other"));
    let nobody = Agent::new().s3(&stage.bucket).key(crate::stage::KEY);
    let outcome = nobody.env("PGCOFFER_SCHEDULE", DAILY).run(["tick"]).ended_with(2);
    assert!(
        outcome.stderr.contains("no database is configured"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_works_and_is_hardly_meant_is_warned_of() {
    let stage = Stage::small();
    let schedule = calm("daily at HH:MM keep 12h, weekly keep 12h");
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", schedule);
    let outcome = agent.run(["tick"]).success();
    for words in ["deleted before the next one is made", "add nothing"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn a_time_zone_moves_what_is_due() {
    let stage = Stage::small();
    let schedule = "daily at 02:30 keep 7d";
    for (zone, utc) in [("Asia/Kathmandu", "20:45"), ("Asia/Tokyo", "17:30"), ("UTC", "02:30")] {
        let agent = stage
            .agent()
            .env("PGCOFFER_SCHEDULE", schedule)
            .env("PGCOFFER_TIMEZONE", zone);
        agent.run(["backup", "--tier", "daily", "--retain", "7d"]).success();
        let next = agent.run(["status", "--json"]).success().json();
        let next = next["databases"][0]["next_due"]["at"].as_str().unwrap().to_owned();
        assert!(next.ends_with(&format!("T{utc}:00Z")), "{zone}: {next}");
    }
}
