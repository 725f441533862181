//! Which backup is meant: ids and parts of them, the newest, and the newest before a moment.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    prune::{
        past::{Made, Past},
        scene::Scene,
    },
    stage::Stage,
    testbed::Outcome,
};

fn shown(outcome: &Outcome) -> String {
    outcome.json()["id"].as_str().unwrap().to_owned()
}

fn show(scene: &Scene, args: &[&str]) -> String {
    let words = ["show", "--json"].into_iter().chain(args.iter().copied());
    shown(&scene.run(words).success())
}

/// The moment so many hours ago, to the minute, by the clock of this zone.
fn ago(hours: i64, zone: &str) -> String {
    let moment = Timestamp::now() - SignedDuration::from_hours(hours);
    let local = moment.to_zoned(TimeZone::get(zone).unwrap());
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

fn with_three() -> (Scene, [Made; 3]) {
    let scene = Scene::new();
    let made = [50, 26, 2].map(|hours| scene.put(Past::good(hours, "7d")));
    (scene, made)
}

#[test]
fn any_part_that_is_ones_own_will_do() {
    let (scene, made) = with_three();
    for one in &made {
        let id = one.id.as_str();
        for part in [
            id,
            &id[..13],
            &id[17..],
            &id[17..23],
            &id[23..],
            &id[17..23].to_uppercase(),
        ] {
            assert_eq!(show(&scene, &[part]), id, "{part}");
        }
    }
}

#[test]
fn a_part_of_several_ids_names_them() {
    let (scene, made) = with_three();
    let outcome = scene.run(["show", &made[0].id[..4]]).ended_with(2);
    for one in &made {
        assert!(
            outcome.stderr.contains(&format!("{} of main", one.id)),
            "{}",
            outcome.stderr
        );
    }
    assert!(outcome.stderr.contains("give more of the id"), "{}", outcome.stderr);
    // all of them are of one
    assert!(!outcome.stderr.contains("--database"), "{}", outcome.stderr);
}

#[test]
fn the_newest_before_a_moment_is_taken() {
    let (scene, [old, middle, newest]) = with_three();
    for zone in ["UTC", "America/New_York", "Asia/Kathmandu"] {
        let agent = scene.agent().env("PGCOFFER_TIMEZONE", zone);
        let before = |moment: &str| {
            let outcome = agent.run(["show", "--json", "--before", moment]);
            outcome.success()
        };
        assert_eq!(shown(&before(&ago(0, zone))), newest.id, "{zone}");
        assert_eq!(shown(&before(&ago(10, zone))), middle.id, "{zone}");
        assert_eq!(shown(&before(&ago(30, zone))), old.id, "{zone}");
        let none = agent.run(["show", "--before", &ago(60, zone)]).ended_with(7);
        assert!(none.stderr.contains("no good backup before"), "{}", none.stderr);
    }
    // RFC 3339, whatever the zone
    let moment = (Timestamp::now() - SignedDuration::from_hours(10)).to_string();
    assert_eq!(show(&scene, &["latest:daily", "--before", &moment]), middle.id);
    // the machine's zone, where none is set
    let agent = scene.agent().without("TZ").env("TZ", "America/New_York");
    let outcome = agent.run(["show", "--json", "--before", &ago(10, "America/New_York")]);
    assert_eq!(shown(&outcome.success()), middle.id);
    // what began at that very moment did not begin before it
    let began = scene.run(["show", &middle.id, "--json"]).success().json()["started"].clone();
    let second: Timestamp = began.as_str().unwrap().parse().unwrap();
    let second = Timestamp::from_second(second.as_second()).unwrap().to_string();
    assert_eq!(show(&scene, &["--before", &second]), old.id);
}

#[test]
fn only_good_ones_are_the_newest_before() {
    let (scene, [old, middle, _]) = with_three();
    scene.put(Past::failed(12));
    scene.bucket.delete(&middle.archive);
    assert_eq!(show(&scene, &["--before", &ago(10, "UTC")]), old.id);
}

#[test]
fn a_moment_that_is_none_or_two_is_told_so() {
    let (scene, [old, ..]) = with_three();
    let agent = scene.agent().env("PGCOFFER_TIMEZONE", "Europe/Berlin");
    for (args, words) in [
        (
            &["--before", "2026-10-25 02:30"][..],
            "2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00",
        ),
        (
            &["--before", "2026-03-29 02:30"],
            "2026-03-29T01:30:00+01:00 or 2026-03-29T03:30:00+02:00",
        ),
        (&["--before", "yesterday"], "is not a moment"),
        (&[&old.id, "--before", "2026-10-25"], "name two backups"),
        (&["2026-10-25 02:30"], "--before \"2026-10-25 02:30\""),
    ] {
        for command in ["show", "get", "verify"] {
            let words_of = [command].into_iter().chain(args.iter().copied());
            let outcome = agent.run(words_of).ended_with(2);
            assert!(outcome.stderr.contains(words), "{args:?}: {}", outcome.stderr);
        }
    }
}

/// `show`, `get`, `verify` and `restore` without an id, on a real database.
#[test]
fn without_an_id_the_newest_is_meant() {
    let stage = Stage::small();
    let first = stage.back_up()["id"].as_str().unwrap().to_owned();
    stage.cluster.psql(&stage.database, "insert into visits values (1)");
    let newest = stage.back_up()["id"].as_str().unwrap().to_owned();
    let run = |args: &[&str]| stage.run(args.iter().copied()).success();
    assert_eq!(shown(&run(&["show", "--json"])), newest);
    assert_eq!(shown(&run(&["verify", "--json"])), newest);
    let file = stage.file("newest.dump");
    let got = run(&["get", "--json", "-o", file.to_str().unwrap()]);
    assert_eq!(shown(&got), newest);
    let (target, earlier) = (stage.target(), stage.target());
    let rows = |database: &str| stage.cluster.psql(database, "select count(*) from visits");
    run(&["restore", "--to", &target.url, "--confirm", &target.name]);
    assert_eq!(rows(&target.name).trim(), "1");
    let began = run(&["show", &newest, "--json"]).json()["started"].clone();
    let began = began.as_str().unwrap();
    let restored = run(&[
        "restore",
        "--json",
        "--before",
        began,
        "--to",
        &earlier.url,
        "--confirm",
        &earlier.name,
    ]);
    assert_eq!(shown(&restored), first);
    assert_eq!(rows(&earlier.name).trim(), "0");
    // what changes what becomes of a backup has to be told of which
    for command in ["hold", "release", "accept", "retain", "delete"] {
        stage.run([command]).ended_with(2);
    }
}

/// How long a backup is kept that nobody says a time for.
#[test]
fn what_is_asked_for_is_kept_for_a_time_that_is_said() {
    let stage = Stage::small();
    let said = stage.run(["backup"]).success();
    assert!(said.text().contains("  kept 90d, until "), "{}", said.text());
    let default = ", the default; PGCOFFER_RETAIN_MANUAL or --retain changes it";
    assert!(said.text().contains(default), "{}", said.text());
    let set = stage
        .agent()
        .env("PGCOFFER_RETAIN_MANUAL", "90d")
        .run(["backup"])
        .success();
    assert!(
        set.text().contains(", as PGCOFFER_RETAIN_MANUAL says; "),
        "{}",
        set.text()
    );
    let said = stage.run(["backup", "--retain", "7d"]).success();
    assert!(said.text().contains("  kept 7d, until "), "{}", said.text());
    assert!(!said.text().contains("PGCOFFER_RETAIN_MANUAL"), "{}", said.text());
    for (text, retention) in [("forever", "forever"), ("5w", "5w"), ("FOREVER", "forever")] {
        let agent = stage.agent().env("PGCOFFER_RETAIN_MANUAL", text);
        let record = agent.run(["backup", "--json"]).success().json();
        assert_eq!(record["retention"], retention);
        assert_eq!(record["expires"].is_null(), retention == "forever");
    }
    for wrong in ["5", "0d", "always", "7 d"] {
        let agent = stage.agent().env("PGCOFFER_RETAIN_MANUAL", wrong);
        let outcome = agent.run(["list"]).ended_with(2);
        assert!(outcome.stderr.contains("PGCOFFER_RETAIN_MANUAL"), "{}", outcome.stderr);
    }
}
