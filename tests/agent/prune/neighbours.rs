//! A bucket shared with others: their objects, another agent's backups, and copies of our own are left alone.

use jiff::Timestamp;
use pgcoffer::backup::{BackupId, Label, Tier};

use crate::{
    prune::past::{Made, Past, removed, secret},
    prune::scene::Scene,
    stage::{KEY, OTHER_KEY},
    testbed::{Tagging, identity, sealed},
};

/// Copies an object with its tags, as CopyObject does.
fn copy(scene: &Scene, from: &str, to: &str) {
    let (bytes, tags) = (scene.bucket.read(from), scene.bucket.tags(from));
    scene.write(to, &bytes.unwrap(), &tags.unwrap(), 40);
}

/// Prunes, and what went is these backups and nothing else.
#[track_caller]
fn goes_alone(scene: &Scene, gone: &[&Made]) {
    assert_eq!(scene.pruned(), removed(gone));
    // what the first run left it leaves for good
    assert_eq!(scene.pruned(), [""; 0]);
}

#[test]
fn what_nearly_bears_our_name_stays() {
    let (scene, old) = Scene::with_one_expired();
    let id = &old.id;
    let (time, mac) = id.split_once('-').unwrap();
    let upper = mac.to_uppercase();
    let other_mac = format!("{time}-{}", "a".repeat(mac.len()));
    let names = [
        format!("main/records/{id}"),
        format!("main/records/{id}.pgc.bak"),
        format!("main/records/{id}.PGC"),
        format!("main/records/{id}.pgc/"),
        format!("main/records//{id}.pgc"),
        format!("main/records/x/{id}.pgc"),
        format!("main/records/ {id}.pgc"),
        format!("main/records/{time}-{upper}.pgc"),
        format!("main/records/{other_mac}.pgc"),
        format!("main/records/{time}.pgc"),
        "main/records/.pgc".to_owned(),
        "main/records/latest.pgc".to_owned(),
        format!("main/archives/{id}.pgc"),
        format!("main/archives/Daily/{id}.pgc"),
        format!("main/archives/fortnightly/{id}.pgc"),
        format!("main/archives/daily/daily/{id}.pgc"),
        format!("main/archives/daily/{id}.pgc.part"),
        format!("main/archives/daily/{other_mac}.pgc"),
        format!("main/archives/daily/{id}%2epgc"),
        format!("main/marks/{other_mac}.pgc"),
        format!("main/marks/{id}.json"),
        format!("main/{id}.pgc"),
        format!("main/restores/{id}.pgc"),
        format!("records/{id}.pgc"),
        format!("Main/records/{id}.pgc"),
        format!("main2/records/{id}.pgc"),
        "settings.pgc".to_owned(),
        "main".to_owned(),
        "main/".to_owned(),
        "main/records/".to_owned(),
        "main/records/ä\u{1F600} \"&<>'+%.pgc".to_owned(),
    ];
    for name in &names {
        copy(&scene, &old.record, &format!("backups/{name}"));
    }
    for beside in ["", "Backups/", "backup/", "backups-old/", "other/backups/"] {
        copy(&scene, &old.record, &format!("{beside}main/records/{id}.pgc"));
    }
    let foreign = scene.plan()["foreign"].as_u64().unwrap();
    let inside = ["main/records/", "main/details/", "main/archives/", "main/marks/"];
    let inside = names
        .iter()
        .filter(|name| inside.iter().any(|folder| name.starts_with(folder)));
    assert_eq!(foreign, inside.count() as u64, "every one of them is counted");
    goes_alone(&scene, &[&old]);
}

#[test]
fn a_million_objects_beside_ours_cost_nothing() {
    let (few, many) = (pages_beside(1), pages_beside(200_000));
    assert_eq!(few, many);
    // one for the databases; four folders of `main`, `second` and what looks like a third, and their drills; those of
    // the first again, but turns; its details before and after; twice the months of the audit trail, of
    // which there are none
    // each twice over plain HTTP
    assert_eq!(many, 2 * (1 + 12 + 3 + 5 + 2));
}

/// Prunes beside so many objects in each of five places; the pages of lists that this took.
fn pages_beside(count: usize) -> usize {
    let (scene, old) = Scene::with_one_expired();
    scene.put(Past::good(2, "7d").of("second"));
    for beside in [
        "backups-old/",
        "backups/zzz/",
        "backups/main-other/",
        "backups/main/archives-of-others/",
        "backups/main/other/",
    ] {
        scene.bucket.fill(beside, count);
    }
    let before = scene.bucket.snapshot();
    // of the databases that the bucket names, for which it has to look around
    let agent = scene.agent().without("PGCOFFER_DB_MAIN_URL");
    agent.run(["prune"]).success();
    let changes = before.changes(&scene.bucket.snapshot());
    assert_eq!(changes, old.removed());
    scene.bucket.count("ListObjectsV2")
}

#[test]
fn lists_of_many_pages_are_read_to_their_end() {
    let scene = Scene::new();
    scene.bucket.behave(|behaviour| behaviour.page_size = 2);
    let old: Vec<Made> = (40..45).map(|h| scene.put(Past::good(h, "1h"))).collect();
    scene.put(Past::good(1, "7d"));
    scene.bucket.fill("backups/main/records/zzz", 7);
    scene.bucket.fill("backups/main/archives/daily/0", 7);
    goes_alone(&scene, &old.iter().collect::<Vec<_>>());
}

#[test]
fn at_the_buckets_root_what_lies_below_a_prefix_is_not_ours() {
    let (scene, below) = Scene::with_one_expired();
    let objects = scene.bucket.objects();
    for object in &objects {
        copy(&scene, &object.key, object.key.strip_prefix("backups/").unwrap());
    }
    let agent = scene.agent().env("PGCOFFER_BUCKET", "s3://testbed");
    let (changes, _) = scene.changed_by(&agent, 0);
    let here = |change: String| change.replace("backups/", "");
    let at_root: Vec<String> = below.removed().into_iter().map(here).collect();
    assert_eq!(changes, at_root);
    goes_alone(&scene, &[&below]);
}

#[test]
fn two_keys_under_one_label_prune_each_their_own() {
    let (scene, ours) = Scene::with_one_expired();
    let theirs = scene.put(Past::good(72, "1h").by(OTHER_KEY));
    scene.put(Past::good(2, "7d").by(OTHER_KEY));
    // a failure of theirs is none of ours
    scene.put(Past::failed(0).by(OTHER_KEY));
    assert_eq!(scene.plan()["foreign"], 8);
    goes_alone(&scene, &[&ours]);
    let other = scene.agent().key(OTHER_KEY);
    assert_eq!(scene.changed_by(&other, 0).0, [""; 0], "their newest failed");
    scene.put(Past::good(0, "7d").by(OTHER_KEY));
    assert_eq!(scene.changed_by(&other, 0).0, theirs.removed());
}

#[test]
fn the_good_backups_of_another_key_do_not_make_up_ours() {
    let scene = Scene::new();
    let only = scene.put(Past::good(48, "1h"));
    for hours in 1..4 {
        scene.put(Past::good(hours, "7d").by(OTHER_KEY));
    }
    assert_eq!(scene.verdict(&only).1, "floor");
    scene.deletes_nothing(0);
}

#[test]
fn copies_in_other_folders_stay() {
    let (scene, old) = Scene::with_one_expired();
    let id = &old.id;
    for to in [
        format!("backups/other/archives/daily/{id}.pgc"),
        format!("backups/other/records/{id}.pgc"),
        format!("elsewhere/main/archives/daily/{id}.pgc"),
        format!("backups/main/archives/yearly/{id}.pgc"),
    ] {
        let from = match to.contains("records") {
            true => &old.record,
            false => &old.archive,
        };
        copy(&scene, from, &to);
    }
    goes_alone(&scene, &[&old]);
    // nor as a database of its own
    for label in ["other", "main"] {
        let before = scene.bucket.snapshot();
        scene.run(["prune", "--database", label]).success();
        assert_eq!(before, scene.bucket.snapshot(), "{label}");
    }
}

#[test]
fn a_copy_under_another_tier_stays_while_its_backup_does() {
    let scene = Scene::new();
    let kept = scene.put(Past::good(48, "7d").untagged());
    scene.put(Past::good(1, "7d").untagged());
    let copied = format!("backups/main/archives/yearly/{}.pgc", kept.id);
    copy(&scene, &kept.archive, &copied);
    scene.bucket.behave(|b| b.tagging = Tagging::NotImplemented);
    assert_eq!(scene.plan()["foreign"], 1);
    scene.deletes_nothing(0);
}

#[test]
fn an_archive_under_an_id_of_ours_that_it_does_not_bear_stays() {
    let (scene, old) = Scene::with_one_expired();
    // whoever knows an id of ours can name things by it: that of a run whose objects are gone
    let gone = Past::good(72, "1h").bytes().made;
    copy(&scene, &old.archive, &gone.archive);
    goes_alone(&scene, &[&old]);
    let kept = scene.kept(&gone.archive).unwrap();
    assert!(kept.contains("does not prove it ours"), "{kept}");
}

#[test]
fn a_record_under_the_name_of_another_stops_everything() {
    let (scene, old) = Scene::with_one_expired();
    let young = scene.put(Past::good(2, "7d"));
    scene
        .bucket
        .write(&young.record, scene.bucket.read(&old.record).unwrap());
    let outcome = scene.deletes_nothing(5);
    assert!(
        outcome.stderr.contains("not what its name says") && outcome.stderr.contains(&young.id),
        "{}",
        outcome.stderr
    );
    // and the other way round: a longer life does not come by a copy, nor does a shorter one
    let (scene, old) = Scene::with_one_expired();
    let young = scene.put(Past::good(2, "7d"));
    scene
        .bucket
        .write(&old.record, scene.bucket.read(&young.record).unwrap());
    scene.deletes_nothing(5);
}

#[test]
fn a_record_of_another_key_under_a_name_of_ours_stops_everything() {
    let (scene, _) = Scene::with_one_expired();
    let young = scene.put(Past::good(2, "7d"));
    let id: BackupId = BackupId::parse(&young.id).unwrap();
    let label = Label::parse("main").unwrap();
    let identity = identity(&secret(KEY), "main");
    assert!(id.is_by(&identity, &label) && id.time() < Timestamp::now());
    let record = sealed(
        &young.id,
        pgcoffer::seal::Content::Record,
        pgcoffer::seal::PayloadCompression::None,
        "main",
        &secret(OTHER_KEY),
        b"{}",
    );
    scene.bucket.write(&young.record, record);
    scene.deletes_nothing(5);
}

#[test]
fn an_archive_and_a_mark_in_a_records_place_stop_everything() {
    let (scene, old) = Scene::with_one_expired();
    let young = scene.put(Past::good(2, "7d"));
    scene.run(["hold", &young.id, "--reason", "x"]).success();
    let record = scene.bucket.read(&young.record).unwrap();
    for other in [&young.archive, &young.mark] {
        scene.bucket.write(&young.record, scene.bucket.read(other).unwrap());
        scene.deletes_nothing(5);
    }
    scene.bucket.write(&young.record, record);
    goes_alone(&scene, &[&old]);
}

#[test]
fn tiers_beside_each_other_are_told_apart() {
    let scene = Scene::new();
    let gone: Vec<Made> = [(50, Tier::Hourly), (49, Tier::Weekly), (48, Tier::Manual)]
        .map(|(hours, tier)| scene.put(Past::good(hours, "1h").tier(tier)))
        .into();
    scene.put(Past::good(47, "7d").tier(Tier::Weekly));
    scene.put(Past::good(1, "7d"));
    goes_alone(&scene, &gone.iter().collect::<Vec<_>>());
}
