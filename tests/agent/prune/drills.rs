//! Reports of drills are the history of a database: a year of it stays, and the newest in any case. What names tables goes
//! with its backup.

use jiff::SignedDuration;

use crate::{
    drill::past::PastDrill,
    prune::past::Past,
    prune::scene::Scene,
    stage::{OTHER_KEY, SMALL, Stage},
};

fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * n)
}

/// The findings beside a report, so many days old.
fn findings(scene: &Scene, report: &str, days_ago: i64) -> String {
    let key = report.replace(".pgc", ".findings.pgc");
    scene.write(&key, b"sealed", &[], 24 * days_ago);
    key
}

#[test]
fn a_year_of_reports_stays_and_the_newest_twelve_in_any_case() {
    let scene = Scene::new();
    let id = scene.put(Past::good(1, "7d")).id;
    // eight within the year, and eight older ones: four of those are among the newest twelve
    let reports: Vec<String> = (0..16)
        .map(|n| PastDrill::ago(&id, days(if n < 8 { 40 * n } else { 400 + n })).put(&scene.bucket))
        .collect();
    let stranger = PastDrill::ago(&id, days(900)).of("main", OTHER_KEY).put(&scene.bucket);
    let plan = scene.run(["prune", "--dry-run"]).success();
    assert!(
        plan.text()
            .contains("objects of drills that are no longer needed: 4: delete"),
        "{}",
        plan.text()
    );
    scene.run(["prune"]).success();
    let stand: Vec<bool> = reports.iter().map(|key| scene.bucket.read(key).is_some()).collect();
    let wanted: Vec<bool> = (0..16).map(|n| n < 12).collect();
    assert_eq!(stand, wanted);
    assert!(scene.bucket.read(&stranger).is_some());
}

#[test]
fn what_names_tables_goes_with_its_backup_and_the_report_stays() {
    let (scene, expired) = Scene::with_one_expired();
    let kept = scene.run(["list", "--json"]).json()["backups"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_expired = PastDrill::ago(&expired.id, days(2)).put(&scene.bucket);
    let of_kept = PastDrill::ago(&kept, days(1)).put(&scene.bucket);
    let (gone, stays) = (findings(&scene, &of_expired, 2), findings(&scene, &of_kept, 2));
    scene.run(["prune"]).success();
    // its backup has just gone: the next prune sees that
    scene.run(["prune"]).success();
    let stands = |key: &str| scene.bucket.read(key).is_some();
    assert!(!stands(&gone) && stands(&stays) && stands(&of_expired) && stands(&of_kept));
}

#[test]
fn that_it_has_begun_is_forgotten_once_there_is_a_report() {
    let scene = Scene::new();
    let id = scene.put(Past::good(1, "7d")).id;
    let report = PastDrill::ago(&id, days(3)).put(&scene.bucket);
    let begun = report.replace(".pgc", ".begun");
    scene.write(&begun, b"began", &[], 72);
    let young = PastDrill::ago(&id, SignedDuration::from_hours(2))
        .put(&scene.bucket)
        .replace(".pgc", ".begun");
    scene.write(&young, b"began", &[], 2);
    let killed = PastDrill::ago(&id, days(5)).begun(&scene.bucket);
    scene.run(["prune"]).success();
    let stands = |key: &str| scene.bucket.read(key).is_some();
    assert!(!stands(&begun) && stands(&young) && stands(&killed) && stands(&report));
}

/// Who names a backup wants nothing of what is inside to stay.
#[test]
fn delete_takes_what_drills_found_along() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    agent.run(["drill"]).success();
    stage.back_up();
    let id = stage.records()[1]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.keys(".findings.pgc").len(), 1);
    agent.run(["delete", &id, "--yes", "--force"]).success();
    assert_eq!(stage.keys(".findings.pgc"), [""; 0]);
    let left = stage.keys("/drills/");
    assert!(left.iter().any(|key| key.ends_with(".pgc")), "{left:?}");
    // it still tells that backups came back
    let said = stage.run(["status"]);
    assert!(said.text().contains("main: proven "), "{}", said.text());
}
