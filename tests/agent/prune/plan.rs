//! The plan and what is done: a dry run shows the very thing, for the databases that were asked for, and the floor
//! stands.

use serde_json::Value;

use crate::{
    prune::past::{Made, Past, removed},
    prune::scene::Scene,
    stage::OTHER_KEY,
};

/// The same without what a dry run can't know: what became of it.
fn plan_alone(mut report: Value) -> Value {
    report["dry_run"].take();
    for database in report["databases"].as_array_mut().unwrap() {
        for field in ["dry_run", "deleted"] {
            database[field].take();
        }
        for lines in ["backups", "leftovers"] {
            for line in database[lines].as_array_mut().unwrap() {
                line["outcome"].take();
            }
        }
    }
    report
}

/// Something of everything that a bucket may hold.
fn crowded() -> Scene {
    let scene = Scene::new();
    for hours in [100, 90, 80] {
        scene.put(Past::good(hours, "1h"));
        scene.put(Past::good(hours - 1, "30d"));
        scene.put(Past::failed(hours - 2));
        scene.put(Past::good(hours - 3, "1h").by(OTHER_KEY));
    }
    scene.put(Past::failed(24 * 40));
    let held = scene.put(Past::good(70, "1h"));
    scene.run(["hold", &held.id, "--reason", "x"]).success();
    let bare = scene.put(Past::good(69, "1h"));
    scene.bucket.set_tags(&bare.archive, &[]);
    let lost = scene.put(Past::good(68, "1h"));
    scene.bucket.delete(&lost.archive);
    for (hours, age) in [(67, 67), (66, 10)] {
        let bytes = Past::good(hours, "1h").bytes();
        scene.write(&bytes.made.archive, &bytes.archive, &bytes.tags, age);
    }
    scene.put(Past::good(1, "30d"));
    scene
}

#[test]
fn a_dry_run_is_what_the_run_does() {
    let scene = crowded();
    let before = scene.bucket.snapshot();
    let dry = scene.run(["prune", "--dry-run", "--json"]).success().json();
    assert_eq!(before, scene.bucket.snapshot(), "a dry run changes nothing");
    let run = scene.run(["prune", "--json"]).success().json();
    assert_eq!(dry["dry_run"], true);
    assert_eq!(run["dry_run"], false);
    assert_eq!(plan_alone(dry.clone()), plan_alone(run.clone()));
    // the keys that are gone are those of the lines that say so
    let backups = run["databases"][0]["backups"].as_array().unwrap();
    let gone = backups.iter().filter(|line| line["verdict"] == "delete");
    let ids: Vec<&str> = gone.map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(run["databases"][0]["deleted"], ids.len());
    assert_eq!(dry["databases"][0]["planned"], ids.len());
    let leftovers = run["databases"][0]["leftovers"].as_array().unwrap();
    let left = leftovers.iter().filter(|line| line["kept"].is_null());
    let left: Vec<&str> = left.map(|line| line["key"].as_str().unwrap()).collect();
    let changes = before.changes(&scene.bucket.snapshot());
    assert!(ids.len() == 5 && left.len() == 1, "{run:#}");
    for change in &changes {
        let key = change.strip_prefix("removed ").unwrap();
        assert!(left.contains(&key) || ids.iter().any(|id| key.contains(id)), "{key}");
    }
    let archives = changes.iter().filter(|change| change.contains("/archives/"));
    // one failed and one lost theirs before
    assert_eq!(archives.count(), ids.len() - 2 + left.len());
    let records = changes.iter().filter(|change| change.contains("/records/"));
    assert_eq!(records.count(), ids.len());
    // and a second one finds nothing
    let again = scene.run(["prune", "--json"]).success().json();
    assert_eq!(again["databases"][0]["planned"], 0);
}

#[test]
fn every_line_has_its_reason_in_words_too() {
    let scene = crowded();
    let dry = scene.run(["prune", "--dry-run"]).success();
    let json = scene.run(["prune", "--dry-run", "--json"]).success().json();
    for line in json["databases"][0]["backups"].as_array().unwrap() {
        let id = line["id"].as_str().unwrap();
        let words = dry.text().lines().find(|text| text.starts_with(id)).unwrap();
        let verdict = line["verdict"].as_str().unwrap();
        assert!(words.contains(verdict), "{words}");
        assert!(line["reason"].is_string());
    }
    assert!(dry.text().contains("would be deleted"));
    assert!(dry.text().contains("9 objects beside ours are not ours and stay"));
}

#[test]
fn the_floor_stands_whatever_has_expired() {
    let scene = Scene::new();
    let old: Vec<Made> = (40..46).map(|h| scene.put(Past::good(h, "1h"))).collect();
    let with = |keep: &str| scene.agent().env("PGCOFFER_KEEP_LAST", keep);
    assert_eq!(scene.changed_by(&with("6"), 0).0, [""; 0]);
    assert_eq!(scene.changed_by(&with("4"), 0).0, removed(&[&old[5], &old[4]]));
    // three where nothing is said
    let default = scene.agent().without("PGCOFFER_KEEP_LAST");
    assert_eq!(scene.changed_by(&default, 0).0, removed(&[&old[3]]));
    assert_eq!(scene.changed_by(&with("1"), 0).0, removed(&[&old[2], &old[1]]));
    assert_eq!(scene.changed_by(&with("1"), 0).0, [""; 0]);
    for none in ["0", "-1", "few"] {
        scene.changed_by(&with(none), 2);
    }
}

#[test]
fn one_database_is_pruned_where_one_is_named() {
    let (scene, old) = Scene::with_one_expired();
    let other = scene.put(Past::good(48, "1h").of("other"));
    scene.put(Past::good(1, "7d").of("other"));
    let before = scene.bucket.snapshot();
    let run = |name: &str| {
        scene.run(["prune", "--database", name]).success();
        before.changes(&scene.bucket.snapshot())
    };
    let none = scene.run(["prune", "--database", "none"]).ended_with(2);
    assert!(none.stderr.contains("there is no database none"), "{}", none.stderr);
    assert_eq!(run("other"), other.removed());
    assert_eq!(run("main"), removed(&[&old, &other]));
}

#[test]
fn databases_that_are_not_configured_any_more_stay_unless_named() {
    let (scene, old) = Scene::with_one_expired();
    let former = scene.put(Past::good(48, "1h").of("former"));
    scene.put(Past::good(47, "1h").of("former"));
    assert_eq!(scene.pruned(), old.removed());
    let before = scene.bucket.snapshot();
    scene.run(["prune", "--database", "former"]).success();
    assert_eq!(before.changes(&scene.bucket.snapshot()), former.removed());
    // with none configured, all that the bucket names
    let third = scene.put(Past::good(48, "1h").of("third"));
    scene.put(Past::good(47, "1h").of("third"));
    let agent = scene.agent().without("PGCOFFER_DB_MAIN_URL");
    assert_eq!(scene.changed_by(&agent, 0).0, third.removed());
}

#[test]
fn an_edited_schedule_deletes_nothing_by_itself() {
    let scene = Scene::new();
    for hours in [72, 48, 24, 1] {
        scene.put(Past::good(hours, "7d"));
    }
    let schedule = "daily at 02:30 keep 1d";
    let agent = scene.agent().env("PGCOFFER_SCHEDULE", schedule);
    assert_eq!(scene.changed_by(&agent, 0).0, [""; 0]);
}

#[test]
fn an_empty_bucket_has_nothing_to_prune() {
    let scene = Scene::new();
    scene.bucket.fill("photos/", 3);
    scene.deletes_nothing(0);
    let agent = scene.agent().without("PGCOFFER_DB_MAIN_URL");
    let (changes, outcome) = scene.changed_by(&agent, 0);
    assert_eq!(changes, [""; 0]);
    assert!(outcome.text().contains("There are no backups in s3://"));
}

#[test]
fn without_a_key_nothing_is_anybodys() {
    let (scene, _) = Scene::with_one_expired();
    let none = scene.agent().without("PGCOFFER_KEY");
    assert_eq!(scene.changed_by(&none, 2).0, [""; 0]);
    let wrong = scene.agent().key(OTHER_KEY);
    let (changes, outcome) = scene.changed_by(&wrong, 0);
    assert_eq!(changes, [""; 0]);
    assert!(outcome.text().contains("4 objects beside ours are not ours"));
}
