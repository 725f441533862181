//! Numbers, files and what is told of drills that left no certificate, or whose objects were removed since.

use jiff::SignedDuration;

use super::{Scene, read, statement, told, verify};
use crate::{
    drill::past::PastDrill,
    stage::{SMALL, Stage},
};

/// Takes every object of the drills out of the bucket; gives them with their keys.
fn take_out(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let keys = stage.keys("/main/drills/");
    let taken = keys.iter().map(|key| (key.clone(), stage.bucket.read(key).unwrap()));
    let taken: Vec<_> = taken.collect();
    for key in &keys {
        stage.bucket.delete(key);
    }
    taken
}

/// As two drills at once leave them: neither has seen the other.
#[test]
fn two_certificates_with_one_number_are_given_out_both_and_told_by_name() {
    let scene = Scene::drilled(1);
    let first = take_out(&scene.stage);
    std::thread::sleep(std::time::Duration::from_secs(1));
    scene.drill();
    for (key, bytes) in first {
        scene.stage.bucket.write(&key, bytes);
    }
    let folder = scene.file("evidence");
    std::fs::create_dir(&folder).unwrap();
    let get_all = || {
        let args = ["certificate", "get", "--all", "-o", folder.to_str().unwrap(), "--json"];
        let json = scene.agent.run(args).success().json();
        let files = json["files"].as_array().unwrap().iter();
        files.map(|file| file.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let files = get_all();
    assert_eq!(files.len(), 2, "{files:?}");
    // again into the same folder: nothing is lost and nothing fails
    assert_eq!(get_all(), files);
    let outcome = verify(&scene.key_file(), &files).ended_with(5);
    let text = told(&outcome);
    assert!(text.contains("are two certificates with the number 1"), "{text}");
    assert!(text.matches("/evidence/main-1-").count() >= 2, "{text}");
    let refused = scene.agent.run(["certificate", "show", "1"]).ended_with(2);
    assert!(
        refused.stderr.contains("two certificates of main have the number 1"),
        "{}",
        refused.stderr
    );
    // one that somebody has changed is not written over, and keeps no other from its file
    std::fs::write(&files[0], "{}").unwrap();
    let args = ["certificate", "get", "--all", "-o", folder.to_str().unwrap()];
    let outcome = scene.agent.run(args).ended_with(1);
    assert!(outcome.text().contains(&files[1]), "{}", outcome.text());
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "{}");
}

#[test]
fn one_is_shown_by_its_number_and_another_database_is_named() {
    let scene = Scene::drilled(2);
    for number in ["1", "2"] {
        let shown = scene.agent.run(["certificate", "show", number]).success();
        assert!(
            told(&shown).contains(&format!("certificate {number} of main")),
            "{}",
            shown.text()
        );
    }
    let none = scene.agent.run(["certificate", "show", "3"]).ended_with(7);
    assert!(none.stderr.contains("there is no certificate of 3"), "{}", none.stderr);
    for args in [
        &["certificate", "show", "--database", "mian"][..],
        &["certificate", "get", "--all", "--database", "mian"],
    ] {
        let none = scene.agent.run(args).ended_with(7);
        assert!(none.stderr.contains("of mian"), "{}", none.stderr);
        assert!(none.stderr.contains("there are: main"), "{}", none.stderr);
    }
}

#[test]
fn the_id_of_a_key_is_no_key() {
    let scene = Scene::drilled(1);
    let file = scene.get_all().remove(0);
    let shown = scene.agent.run(["certificate", "show", "--json"]).success().json();
    let id = shown["key_id"].as_str().unwrap();
    let args = ["certificate", "verify", file.to_str().unwrap(), "--key", id];
    let refused = crate::testbed::Agent::new().run(args).ended_with(2);
    assert!(refused.stderr.contains("the id of a key"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("`pgcoffer certificate key`"),
        "{}",
        refused.stderr
    );
}

/// A certificate counts the drills that left no report, and a report names those that were there.
#[test]
fn what_was_seen_once_and_is_gone_is_told() {
    let scene = Scene::drilled(0);
    let id = scene.stage.records()[0]["id"].as_str().unwrap().to_owned();
    let began = PastDrill::ago(&id, SignedDuration::from_secs(60)).begun(&scene.stage.bucket);
    scene.drill();
    let stated = statement(&scene.newest());
    assert_eq!(stated["predicate"]["chain"]["drillsWithoutReport"], 1);
    let files = scene.get_all();
    let verified = verify(&scene.key_file(), &files).success();
    assert!(
        told(&verified).contains("1 drill before it left no report"),
        "{}",
        verified.text()
    );
    scene.agent.run(["status"]).success();
    scene.stage.bucket.delete(&began);
    let said = scene.agent.run(["status"]).ended_with(8);
    assert!(told(&said).contains("no longer in the bucket"), "{}", said.text());
    let json = scene.agent.run(["status", "--json"]).json();
    assert_eq!(json["databases"][0]["drills"]["gone"].as_array().unwrap().len(), 1);
    // the next one follows it, and counts none
    scene.drill();
    let stated = statement(&scene.newest());
    assert_eq!(stated["predicate"]["chain"]["number"], 2);
    assert!(stated["predicate"]["chain"]["drillsWithoutReport"].is_null());
}

/// The place has stored the second one ten days before it says that it began.
#[test]
fn one_of_a_clock_that_was_ahead_is_not_the_newest_and_keeps_its_number() {
    let scene = Scene::drilled(1);
    let before = scene.stage.keys("/main/drills/");
    std::thread::sleep(std::time::Duration::from_secs(1));
    scene.drill();
    for key in scene.stage.keys("/main/drills/") {
        if !before.contains(&key) {
            scene
                .stage
                .bucket
                .age(&key, std::time::Duration::from_secs(10 * 86_400));
        }
    }
    let shown = scene.agent.run(["certificate", "show"]).success();
    assert!(told(&shown).contains("certificate 1 of main"), "{}", shown.text());
    let shown = scene.agent.run(["certificate", "show", "2"]).success();
    assert!(told(&shown).contains("certificate 2 of main"), "{}", shown.text());
    scene.drill();
    let shown = scene.agent.run(["certificate", "show"]).success();
    assert!(told(&shown).contains("certificate 3 of main"), "{}", shown.text());
    let files = scene.get_all();
    let whole = verify(&scene.key_file(), &files).success();
    assert!(
        told(&whole).contains("numbers 1 to 3, none is missing"),
        "{}",
        whole.text()
    );
}

/// Anybody who may write into the bucket can put any number of objects there.
#[test]
fn foreign_objects_cost_a_page_and_no_request_of_their_own() {
    let stage = Stage::backed_up(SMALL);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    PastDrill::ago(&id, SignedDuration::from_secs(3600)).put(&stage.bucket);
    let requests = |command: &str| {
        let all = ["ListObjectsV2", "GetObject", "HeadObject"];
        let count = || all.map(|operation| stage.bucket.count(operation));
        let before = count();
        stage.run([command]).success();
        let after = count();
        [0, 1, 2].map(|n| after[n] - before[n])
    };
    let (status, list) = (requests("status"), requests("list"));
    let prefix = format!("{}/main/drills", stage.bucket.prefix());
    for n in 0..2500_u32 {
        // with the form of a name, which no key has made
        let letter = |place: u32| char::from(b'a' + u8::try_from(n / 26_u32.pow(place) % 26).unwrap());
        let mac: String = (0..12).map(|place| letter(place % 3)).collect();
        let key = format!("{prefix}/{id}-20261121T040000Z-{mac}.pgc");
        stage.bucket.write(&key, b"x".to_vec());
    }
    for (command, before) in [("status", status), ("list", list)] {
        let after = requests(command);
        // two more pages, each asked for twice where nothing protects an answer
        assert!(after[0] <= before[0] + 4, "{command}: {before:?} {after:?}");
        assert_eq!(after[1..], before[1..], "{command}");
    }
}

#[test]
fn a_file_has_one_reading() {
    let scene = Scene::drilled(1);
    let good = read(&scene.get_all()[0]);
    let two = scene.file("two.json");
    let mut forged = serde_json::json!({ "payload": "Zm9yZ2Vk", "payloadType": "x", "signatures": [] });
    forged["dsseEnvelope"] = good.clone();
    let mut beside = good.clone();
    beside["statement"] = serde_json::json!({ "verdict": "proven" });
    for (envelope, told) in [
        (forged, "stands beside its envelope"),
        (beside, "stands beside its envelope"),
        (serde_json::json!([good]), "it is a list"),
    ] {
        std::fs::write(&two, envelope.to_string()).unwrap();
        let refused = verify(&scene.key_file(), [&two]).ended_with(5);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
        assert!(!refused.stderr.contains("untagged"), "{}", refused.stderr);
    }
    std::fs::write(&two, "<html>").unwrap();
    let refused = verify(&scene.key_file(), [&two]).ended_with(5);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
}
