//! Deletes that go wrong: what was changed in between, refused, lost on the way, or answered with a lie.

use crate::{
    prune::past::{Made, Past, removed},
    prune::scene::Scene,
    stage::wait_until,
    testbed::{Fault, Outcome, Rule},
};

/// Three expired backups, oldest first, and a good one.
fn with_three_expired() -> (Scene, [Made; 3]) {
    let scene = Scene::new();
    let old = [72, 60, 48].map(|hours| scene.put(Past::good(hours, "1h")));
    scene.put(Past::good(1, "7d"));
    (scene, old)
}

/// Prunes, and changes the bucket while the first DELETE waits; what changed by the agent and the test, and how it
/// ended.
fn pruned_while(scene: &Scene, change: impl FnOnce()) -> (Vec<String>, Outcome) {
    let delay = Fault::Delay { millis: 1500 };
    scene.bucket.inject(Rule::on("DeleteObject"), delay);
    let before = scene.bucket.snapshot();
    let running = scene.agent().spawn(["prune"]);
    wait_until("the first DELETE comes", || scene.bucket.count("DeleteObject") > 0);
    change();
    let outcome = running.wait();
    (before.changes(&scene.bucket.snapshot()), outcome)
}

/// Deletes in the order in which they came.
fn deletes(scene: &Scene) -> Vec<String> {
    let calls = scene.bucket.calls().into_iter();
    calls
        .filter(|call| call.operation == "DeleteObject")
        .map(|call| call.key)
        .collect()
}

#[test]
fn the_oldest_goes_first_and_of_each_the_record_by_its_entity_tag() {
    let (scene, old) = with_three_expired();
    assert_eq!(scene.pruned(), removed(&old.each_ref()));
    let order: Vec<_> = old
        .iter()
        .flat_map(|made| [&made.record, &made.details, &made.archive])
        .collect();
    assert_eq!(deletes(&scene).iter().collect::<Vec<_>>(), order);
    for call in scene.bucket.calls() {
        assert_ne!(call.operation, "DeleteObjects");
        if call.operation == "DeleteObject" {
            assert!(call.header("if-match").is_some(), "{call:?}");
        }
    }
}

#[test]
fn what_was_replaced_in_between_stays() {
    for conditional in [true, false] {
        let (scene, old) = with_three_expired();
        scene.bucket.behave(|b| b.conditional_deletes = conditional);
        let new = || {
            scene.bucket.write(&old[1].record, b"another".to_vec());
            scene.bucket.write(&old[2].archive, b"another".to_vec());
        };
        let (changes, outcome) = pruned_while(&scene, new);
        // of the second nothing, of the third all but the archive
        let gone = [&old[2].record, &old[2].details];
        let mut expected = gone.map(|key| format!("removed {key}")).to_vec();
        expected.extend(old[0].removed());
        expected.push(format!("changed {}", old[1].record));
        expected.push(format!("changed {}", old[2].archive));
        expected.sort_by(|a, b| a.split(' ').nth(1).cmp(&b.split(' ').nth(1)));
        assert_eq!(changes, expected, "{conditional}");
        let outcome = outcome.ended_with(4);
        assert_eq!(outcome.text().matches("NOT DELETED").count(), 2);
    }
}

#[test]
fn a_hold_that_comes_while_others_are_deleted_counts() {
    let (scene, old) = with_three_expired();
    let hold = || {
        let hold = ["hold", old[2].id.as_str(), "--reason", "wait!"];
        scene.run(hold).success();
    };
    let (changes, outcome) = pruned_while(&scene, hold);
    assert!(outcome.ended_with(0).text().contains("held: by"));
    for key in old[2].keys() {
        assert!(!changes.contains(&format!("removed {key}")), "{changes:?}");
    }
    assert_eq!(scene.verdict(&old[2]).1, "held");
    for key in old[..2].iter().flat_map(Made::keys) {
        assert!(changes.contains(&format!("removed {key}")), "{changes:?}");
    }
}

#[test]
fn a_hold_of_what_has_just_gone_is_refused() {
    for tags in [crate::testbed::Tagging::Full, crate::testbed::Tagging::NotImplemented] {
        let (scene, old) = Scene::with_one_expired();
        scene.bucket.behave(|b| b.tagging = tags);
        // it is deleted between being found and being marked
        scene
            .bucket
            .inject(Rule::on("PutObject").key("/marks/"), Fault::Delay { millis: 1000 });
        let agent = scene.agent();
        let holding = agent.spawn(["hold", &old.id, "--reason", "x"]);
        wait_until("the mark is written", || scene.bucket.count("PutObject") > 0);
        for key in old.keys() {
            scene.bucket.delete(key);
        }
        let outcome = holding.wait();
        assert!([4, 7].contains(&outcome.code()), "{outcome:?}");
    }
}

#[test]
fn a_service_without_conditional_deletes_is_looked_at_before_each() {
    let (scene, old) = with_three_expired();
    scene.bucket.behave(|b| b.conditional_deletes = false);
    assert_eq!(scene.pruned(), removed(&old.each_ref()));
    let bare = scene
        .bucket
        .calls()
        .into_iter()
        .filter(|call| call.operation == "DeleteObject" && call.header("if-match").is_none());
    assert_eq!(bare.count(), 9);
    // asked once
    assert_eq!(scene.bucket.count("DeleteObject"), 10);
}

#[test]
fn a_service_that_deletes_nothing_is_told_from_one_that_does() {
    let (scene, old) = with_three_expired();
    scene.bucket.behave(|b| b.deletes = false);
    let (changes, outcome) = scene.changed_by(&scene.agent(), 4);
    assert_eq!(changes, [""; 0]);
    for made in &old {
        let line = outcome.text().lines().find(|line| line.starts_with(&made.id));
        assert!(line.unwrap().contains("NOT DELETED"), "{}", outcome.text());
    }
    assert!(outcome.text().contains("0 of 4 runs deleted, 0 B"));
    assert!(outcome.text().contains("it still stands"));
}

#[test]
fn a_right_that_is_missing_is_told_once_and_nothing_else_is_tried() {
    let (scene, _) = with_three_expired();
    scene
        .bucket
        .inject(Rule::on("DeleteObject").always(), Fault::access_denied());
    let (changes, outcome) = scene.changed_by(&scene.agent(), 4);
    assert_eq!(changes, [""; 0]);
    // one, and once more, since over plain HTTP a refusal may be about a request that was damaged
    assert_eq!(scene.bucket.count("DeleteObject"), 2);
    let said = outcome.text().matches("AccessDenied").count();
    assert_eq!(said, 1, "{}", outcome.text());
    let json = scene.run(["prune", "--json"]).ended_with(4).json();
    let fates = json["databases"][0]["backups"].as_array().unwrap();
    let count = |fate| fates.iter().filter(|line| line["outcome"] == fate).count();
    assert_eq!((count("failed"), count("not_reached"), count("stands")), (1, 2, 1));
}

#[test]
fn lost_answers_and_busy_moments_are_outlived() {
    for fault in [
        Fault::LoseAnswer { status: None },
        Fault::LoseAnswer { status: Some(500) },
        Fault::slow_down(),
        Fault::internal_error(),
    ] {
        let (scene, old) = with_three_expired();
        for n in [1, 3] {
            let rule = Rule::on("DeleteObject").nth(n);
            scene.bucket.inject(rule, fault.clone());
        }
        assert_eq!(scene.pruned(), removed(&old.each_ref()), "{fault:?}");
    }
}

#[test]
fn what_is_gone_by_then_is_no_error_in_whatever_words() {
    let (scene, old) = with_three_expired();
    let unmet = Fault::Refuse {
        status: 412,
        code: "PreconditionFailed",
    };
    let gone = || {
        for key in old[1].keys() {
            scene.bucket.delete(key);
            let rule = Rule::on("DeleteObject").key(key).always();
            scene.bucket.inject(rule, unmet.clone());
        }
    };
    let (changes, outcome) = pruned_while(&scene, gone);
    outcome.success();
    assert_eq!(changes, removed(&old.each_ref()));
}

#[test]
fn one_that_can_not_be_deleted_does_not_stop_the_others() {
    let (scene, old) = with_three_expired();
    let refuse = Fault::Refuse {
        status: 400,
        code: "InvalidRequest",
    };
    let rule = Rule::on("DeleteObject").key(&old[0].record).always();
    scene.bucket.inject(rule, refuse);
    let (changes, outcome) = scene.changed_by(&scene.agent(), 4);
    assert_eq!(changes, removed(&[&old[1], &old[2]]));
    assert_eq!(outcome.text().matches("NOT DELETED").count(), 1);
}

/// Kills, or asks to end, a prune that has deleted the first record with its details and waits at its archive.
fn ended_between(signal: &str, code: i32) {
    let (scene, old) = with_three_expired();
    let delay = Fault::Delay { millis: 60_000 };
    scene.bucket.inject(Rule::on("DeleteObject").key("/archives/"), delay);
    let running = scene.agent().spawn(["prune"]);
    wait_until("the archive's DELETE comes", || scene.bucket.count("DeleteObject") == 3);
    let before = scene.bucket.snapshot();
    running.signal(signal);
    running.wait().ended_with(code);
    scene.bucket.heal();
    assert_eq!(before, scene.bucket.snapshot(), "nothing after the signal");
    // without its record it is no backup, and goes with the others; a day old it is already
    assert!(!scene.run(["list", "--wide"]).success().text().contains(&old[0].id));
    assert_eq!(scene.kept(&old[0].archive), None);
    let mut gone = removed(&[&old[1], &old[2]]);
    gone.insert(0, format!("removed {}", old[0].archive));
    gone.sort();
    assert_eq!(scene.pruned(), gone);
}

#[test]
fn killed_between_record_and_archive_the_next_one_cleans_up() {
    ended_between("KILL", 137);
}

#[test]
fn asked_to_end_it_ends_at_once_and_the_next_one_cleans_up() {
    ended_between("TERM", 143);
    ended_between("INT", 130);
}

#[test]
fn a_young_archive_that_was_left_so_is_cleaned_up_after_a_day() {
    let scene = Scene::new();
    let old = scene.put(Past::good(3, "1h"));
    scene.put(Past::good(1, "7d"));
    let refuse = Fault::Refuse {
        status: 400,
        code: "InvalidRequest",
    };
    scene
        .bucket
        .inject(Rule::on("DeleteObject").key("/archives/").times(2), refuse);
    let (changes, _) = scene.changed_by(&scene.agent(), 4);
    let gone = [&old.details, &old.record].map(|key| format!("removed {key}"));
    assert_eq!(changes, gone);
    assert_eq!(scene.kept(&old.archive).as_deref(), Some("less than a day old"));
    assert_eq!(scene.pruned(), [""; 0]);
}

#[test]
fn two_prunes_at_once_delete_each_thing_once() {
    let (scene, old) = with_three_expired();
    let delay = Fault::Delay { millis: 200 };
    scene.bucket.inject(Rule::on("DeleteObject").always(), delay);
    let before = scene.bucket.snapshot();
    let agent = scene.agent();
    let both = [agent.spawn(["prune"]), agent.spawn(["prune"])];
    for running in both {
        running.wait().success();
    }
    let changes = before.changes(&scene.bucket.snapshot());
    assert_eq!(changes, removed(&old.each_ref()));
}
