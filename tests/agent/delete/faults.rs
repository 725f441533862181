//! Deletions that go wrong at any request, are killed, or meet another: what is left is whole, or goes with the next
//! prune.

use super::confirmed::{changed_by, with_three};
use crate::{
    prune::{past::Made, scene::Scene},
    stage::wait_until,
    testbed::{Fault, Rule},
};

/// The backup is there whole, or is none any more and the next prune deletes the rest; the others stand.
#[track_caller]
fn is_whole_or_cleaned_up(scene: &Scene, old: &Made, others: &[&Made], what: &str) {
    scene.bucket.heal();
    let stands = |key: &str| scene.bucket.read(key).is_some();
    let is_a_backup = stands(&old.record);
    assert!(
        !is_a_backup || old.keys().iter().all(|key| stands(key)),
        "{what}: half of it"
    );
    scene.run(["prune"]).success();
    let left: Vec<_> = old.keys().into_iter().filter(|key| stands(key)).collect();
    match is_a_backup {
        true => assert_eq!(left.len(), 3, "{what}"),
        // details alone go with a prune that deletes something else
        false => assert!(left.is_empty() || left == [&old.details], "{what}: {left:?}"),
    }
    for key in others.iter().flat_map(|made| made.keys()) {
        assert!(stands(key), "{what}: {key} was deleted");
    }
}

#[test]
fn a_fault_at_any_request_leaves_it_whole_or_to_the_next_prune() {
    let (scene, [old, ..]) = with_three();
    changed_by(&scene, &[&old.id], 0);
    let requests = scene.bucket.calls().len();
    assert!(requests > 10, "{requests}");
    for n in 1..=requests {
        let (scene, [old, middle, newest]) = with_three();
        let rule = Rule::on("*").nth(n).always();
        scene.bucket.inject(rule, Fault::access_denied());
        let outcome = scene.run(["delete", "--yes", &old.id]);
        let what = format!("request {n} of {requests}, status {}", outcome.code());
        let gone = scene.bucket.read(&old.record).is_none();
        assert!(gone || outcome.code() != 0, "{what}: it said that it was deleted");
        is_whole_or_cleaned_up(&scene, &old, &[&middle, &newest], &what);
    }
}

#[test]
fn answers_that_are_lost_are_outlived() {
    for (operation, part) in [
        ("DeleteObject", "/records/"),
        ("DeleteObject", "/details/"),
        ("DeleteObject", "/archives/"),
        ("ListObjectsV2", "/records/"),
        ("GetObjectTagging", "/archives/"),
    ] {
        for fault in [
            Fault::LoseAnswer { status: None },
            Fault::internal_error(),
            Fault::slow_down(),
        ] {
            let (scene, [old, ..]) = with_three();
            scene.bucket.inject(Rule::on(operation).key(part), fault.clone());
            let (changes, _) = changed_by(&scene, &[&old.id], 0);
            assert_eq!(changes, old.removed(), "{operation} {part}: {fault:?}");
        }
    }
}

#[test]
fn killed_in_the_middle_the_next_prune_cleans_up() {
    for part in ["/records/", "/details/", "/archives/"] {
        for signal in ["KILL", "TERM"] {
            let (scene, [old, middle, newest]) = with_three();
            let delay = Fault::Delay { millis: 60_000 };
            scene.bucket.inject(Rule::on("DeleteObject").key(part), delay);
            let running = scene.agent().spawn(["delete", "--yes", &old.id]);
            let has_come = || {
                let calls = scene.bucket.calls();
                calls
                    .iter()
                    .any(|call| call.operation == "DeleteObject" && call.key.contains(part))
            };
            wait_until("the DELETE comes", has_come);
            running.signal(signal);
            assert!(running.wait().code() > 128);
            is_whole_or_cleaned_up(&scene, &old, &[&middle, &newest], part);
        }
    }
}

#[test]
fn a_service_that_deletes_nothing_is_found_out() {
    let (scene, [old, ..]) = with_three();
    scene.bucket.behave(|b| b.deletes = false);
    let (changes, outcome) = changed_by(&scene, &[&old.id], 4);
    // the announcement, which ends by itself
    assert_eq!(changes, [format!("added {}", old.mark)]);
    assert!(outcome.text().starts_with("NOT deleted: "), "{}", outcome.text());
    assert!(outcome.text().contains("it still stands"), "{}", outcome.text());
}

#[test]
fn two_deletions_of_one_and_a_prune_at_once_delete_each_thing_once() {
    let (scene, [old, middle, newest]) = with_three();
    let expired = scene.put(crate::prune::past::Past::good(72, "1h"));
    let delay = Fault::Delay { millis: 200 };
    scene.bucket.inject(Rule::on("DeleteObject").always(), delay);
    let agent = scene.agent();
    let all = [
        agent.spawn(["delete", "--yes", &old.id]),
        agent.spawn(["delete", "--yes", &old.id]),
        agent.spawn(["prune"]),
    ];
    for running in all {
        let code = running.wait().code();
        // the slower of two finds it gone
        assert!([0, 5, 7].contains(&code), "{code}");
    }
    let stands = |made: &Made| made.keys().map(|key| scene.bucket.read(key).is_some());
    assert_eq!((stands(&old), stands(&expired)), ([false; 3], [false; 3]));
    assert_eq!((stands(&middle), stands(&newest)), ([true; 3], [true; 3]));
}
