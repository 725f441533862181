//! What is deleted, and what has to be typed for it.

use crate::{
    catalog::catalog_key::{monitor, nothing_inside_was_asked_for},
    output::goldens::assert_keys,
    prune::{
        past::{Made, Past},
        scene::Scene,
    },
    stage::Stage,
    testbed::{Outcome, Terminal},
};

/// Good backups of two days, one day and one hour ago, all of them kept for a week.
pub(super) fn with_three() -> (Scene, [Made; 3]) {
    let scene = Scene::new();
    let made = [48, 24, 1].map(|hours| scene.put(Past::good(hours, "7d")));
    (scene, made)
}

/// Deletes by these words, without being asked; what changed in the bucket, and how it ended.
#[track_caller]
pub(super) fn changed_by(scene: &Scene, args: &[&str], code: i32) -> (Vec<String>, Outcome) {
    let before = scene.bucket.snapshot();
    let words = ["delete", "--yes"].into_iter().chain(args.iter().copied());
    let outcome = scene.run(words).ended_with(code);
    (before.changes(&scene.bucket.snapshot()), outcome)
}

/// It is refused with this status, nothing was deleted, and nothing was asked to be.
#[track_caller]
pub(super) fn is_refused(scene: &Scene, args: &[&str], code: i32) -> Outcome {
    let (changes, outcome) = changed_by(scene, args, code);
    assert_eq!(changes, [""; 0], "{}", outcome.text());
    assert_eq!(scene.bucket.count("DeleteObject"), 0);
    outcome
}

#[test]
fn one_backup_goes_and_nothing_else() {
    let (scene, [_, old, newest]) = with_three();
    let (changes, outcome) = changed_by(&scene, &[&old.id], 0);
    assert_eq!(changes, old.removed());
    let said = outcome.text();
    assert!(
        said.starts_with(&format!("Deleted {} of main: a daily backup of ", old.id)),
        "{said}"
    );
    assert!(said.contains(", kept 7d, until "), "{said}");
    let left = format!("good backups of main besides it: 2; the newest is {}, ", newest.id);
    assert!(said.contains(&left), "{said}");
    let calls = scene.bucket.calls().into_iter();
    let deletes: Vec<_> = calls.filter(|call| call.operation == "DeleteObject").collect();
    let keys: Vec<_> = deletes.iter().map(|call| call.key.as_str()).collect();
    assert_eq!(keys, [&old.record, &old.details, &old.archive, &old.mark]);
    assert!(deletes.iter().all(|call| call.header("if-match").is_some()));
    // it is gone, and the word for that is the same as of any other
    scene.run(["delete", "--yes", &old.id]).ended_with(7);
}

#[test]
fn its_other_names_and_the_parts_of_an_id_do_the_same() {
    for (command, part) in [("rm", 17..29), ("forget", 0..29)] {
        let (scene, [old, ..]) = with_three();
        let before = scene.bucket.snapshot();
        scene.run([command, "--yes", &old.id[part]]).success();
        assert_eq!(before.changes(&scene.bucket.snapshot()), old.removed(), "{command}");
    }
}

#[test]
fn a_part_of_an_id_may_mean_another_backup_each_time() {
    let (scene, [old, ..]) = with_three();
    for part in [0..4, 0..13, 0..28, 17..23, 23..29] {
        let part = &old.id[part];
        let outcome = scene.run(["delete", "--yes", part]).ended_with(2);
        let is_ambiguous = outcome.stderr.contains("is a part of");
        assert!(is_ambiguous, "{part}: {}", outcome.stderr);
    }
    let outcome = scene.run(["delete", "--yes", &old.id[17..23]]).ended_with(2);
    assert!(
        outcome.stderr.contains(&format!("pgcoffer delete {} --yes", old.id)),
        "{}",
        outcome.stderr
    );
    assert_eq!(scene.bucket.count("DeleteObject"), 0);
    scene.run(["delete", "--dry-run", &old.id[17..23]]).success();
}

#[test]
fn json_of_a_deletion() {
    let (scene, [old, _, newest]) = with_three();
    let dry = scene.run(["delete", &old.id, "-n", "--json"]).success().json();
    let report = scene.run(["delete", &old.id, "--yes", "--json"]).success().json();
    for report in [&dry, &report] {
        assert_keys(
            report,
            "id database kind tier started bytes retention expires good_left newest_left forced versioned dry_run deleted \
             troubles",
        );
        assert_eq!(
            (&report["kind"], &report["good_left"], &report["newest_left"][0]),
            (&"backup".into(), &2.into(), &newest.id.clone().into())
        );
    }
    assert_eq!((&dry["dry_run"], &dry["deleted"]), (&true.into(), &false.into()));
    assert_eq!((&report["dry_run"], &report["deleted"]), (&false.into(), &true.into()));
}

#[test]
fn a_dry_run_deletes_nothing_and_is_refused_as_the_deletion_would_be() {
    let (scene, [old, ..]) = with_three();
    let before = scene.bucket.snapshot();
    let said = scene.run(["delete", &old.id, "--dry-run"]).success();
    assert!(said.text().starts_with("Would delete "), "{}", said.text());
    let agent = scene.agent().env("PGCOFFER_KEEP_LAST", "3");
    agent.run(["delete", &old.id, "--dry-run"]).ended_with(2);
    let forced = agent.run(["delete", &old.id, "--dry-run", "--force"]).success();
    assert!(
        forced.text().contains("warning: 2 good backups would be left"),
        "{}",
        forced.text()
    );
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
    assert_eq!(scene.bucket.count("DeleteObject"), 0);
}

#[test]
fn nobody_deletes_without_a_confirmation() {
    let (scene, [old, ..]) = with_three();
    let before = scene.bucket.snapshot();
    let outcome = scene.run(["delete", &old.id]).ended_with(2);
    let cure = format!("add --yes: `pgcoffer delete {} --yes`", old.id);
    assert!(outcome.stderr.contains(&cure), "{}", outcome.stderr);
    // of a part, the cure is one that --yes takes
    let outcome = scene.run(["delete", &old.id[17..23]]).ended_with(2);
    assert!(outcome.stderr.contains("give the whole id"), "{}", outcome.stderr);
    scene.run(["delete", "-y", &old.id, "--dry-run"]).success();
    // run twice it would delete two
    for args in [
        &["delete", "--yes", "latest"][..],
        &["delete", "--yes", "latest:daily", "--before", "2099-01-01"],
    ] {
        let outcome = scene.run(args.iter().copied()).ended_with(2);
        assert!(outcome.stderr.contains("another one each time"), "{}", outcome.stderr);
    }
    scene.run(["delete", "--yes"]).ended_with(2);
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
}

#[test]
fn on_a_terminal_yes_is_typed() {
    let (scene, [_, _, newest]) = with_three();
    let before = scene.bucket.snapshot();
    for (answer, status) in [("", 2), ("y", 2), ("no", 2), ("yes", 0)] {
        assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0], "{answer}");
        let mut terminal = Terminal::start(&scene.agent(), ["delete", "latest"]);
        terminal.expect(&format!("{} of main: a daily backup of ", newest.id));
        terminal.expect("good backups of main besides it: 2");
        terminal.expect("Type yes to delete it: ");
        terminal.answer(answer);
        assert_eq!(terminal.ended(), status, "{}", terminal.screen());
    }
    assert_eq!(before.changes(&scene.bucket.snapshot()), newest.removed());
}

#[test]
fn where_something_is_lost_for_good_the_database_is_typed() {
    let scene = Scene::new();
    let only = scene.put(Past::good(1, "7d"));
    let mut terminal = Terminal::start(&scene.agent(), ["delete", &only.id, "--force"]);
    terminal.expect("WARNING: no other good backup of its database is left");
    terminal.expect("Type main, the name of the database, to delete it: ");
    terminal.answer("yes");
    assert_eq!(terminal.ended(), 2);
    let mut terminal = Terminal::start(&scene.agent(), ["delete", &only.id, "--force"]);
    terminal.expect("to delete it: ");
    terminal.answer("main");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    assert!(!scene.bucket.keys().iter().any(|key| key.contains(&only.id)));
}

#[test]
fn what_changes_while_somebody_thinks_counts() {
    let (scene, [old, ..]) = with_three();
    let mut terminal = Terminal::start(&scene.agent(), ["delete", &old.id]);
    terminal.expect("Type yes to delete it: ");
    scene.run(["hold", &old.id, "--reason", "wait!"]).success();
    let before = scene.bucket.snapshot();
    terminal.answer("yes");
    assert_eq!(terminal.ended(), 2, "{}", terminal.screen());
    assert!(terminal.screen().contains("a hold keeps it ("), "{}", terminal.screen());
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
}

/// A record of a failed run, and what a run that died has left.
#[test]
fn what_is_no_backup_goes_as_well() {
    let scene = Scene::new();
    let failed = scene.put(Past::failed(2));
    scene.put(Past::good(1, "7d"));
    let (changes, outcome) = changed_by(&scene, &[&failed.id], 0);
    let gone = [&failed.details, &failed.record].map(|key| format!("removed {key}"));
    assert_eq!(changes, gone);
    assert!(
        outcome.text().contains("the record of a failed run"),
        "{}",
        outcome.text()
    );
    // the only run there is, too
    let scene = Scene::new();
    let failed = scene.put(Past::failed(2));
    assert_eq!(changed_by(&scene, &[&failed.id], 0).0.len(), 2);

    let scene = Scene::new();
    scene.put(Past::good(1, "7d"));
    let dead = Past::good(48, "7d").bytes();
    scene.write(&dead.made.archive, &dead.archive, &dead.tags, 48);
    scene.write(&dead.made.details, &dead.details, &dead.tags, 48);
    let (changes, outcome) = changed_by(&scene, &[&dead.made.id], 0);
    assert!(
        changes.contains(&format!("removed {}", dead.made.archive)),
        "{changes:?}"
    );
    assert!(
        outcome.text().contains("what a run that died has left"),
        "{}",
        outcome.text()
    );
    // its details go with it or with the next prune
    scene.run(["prune"]).success();
    assert!(
        scene
            .bucket
            .keys()
            .iter()
            .filter(|key| key.contains(&dead.made.id))
            .count()
            <= 1
    );
}

/// Somebody deleted the records: what a prune keeps goes by force alone.
#[test]
fn archives_that_may_be_all_that_is_left_go_by_force_alone() {
    let scene = Scene::new();
    let made = [72, 48].map(|hours| scene.put(Past::good(hours, "7d")));
    for one in &made {
        scene.bucket.delete(&one.record);
    }
    let refused = is_refused(&scene, &[&made[0].id], 2);
    assert!(refused.stderr.contains("all that is left"), "{}", refused.stderr);
    let (changes, outcome) = changed_by(&scene, &[&made[0].id, "--force"], 0);
    assert!(changes.contains(&format!("removed {}", made[0].archive)), "{changes:?}");
    assert!(outcome.stderr.contains("warning: "), "{}", outcome.stderr);
}

#[test]
fn what_may_still_be_written_stays() {
    let scene = Scene::new();
    scene.put(Past::good(48, "7d"));
    let young = Past::good(3, "7d").bytes();
    scene.write(&young.made.archive, &young.archive, &young.tags, 3);
    let outcome = is_refused(&scene, &[&young.made.id], 2);
    assert!(outcome.stderr.contains("less than a day old"), "{}", outcome.stderr);
}

#[test]
fn a_catalog_key_alone_deletes() {
    let (scene, [old, ..]) = with_three();
    let agent = monitor(&scene.bucket).env("PGCOFFER_KEEP_LAST", "1");
    let (before, since) = (scene.bucket.snapshot(), scene.bucket.calls().len());
    agent.run(["delete", "--yes", &old.id]).success();
    assert_eq!(before.changes(&scene.bucket.snapshot()), old.removed());
    nothing_inside_was_asked_for(&scene.bucket, since);
}

/// The same of a backup that the agent itself has made, of a real database.
#[test]
fn a_real_backup_goes() {
    let stage = Stage::small();
    let id = |record: serde_json::Value| record["id"].as_str().unwrap().to_owned();
    let first = id(stage.back_up());
    let agent = stage.agent().env("PGCOFFER_KEEP_LAST", "1");
    let refused = agent.run(["delete", "--yes", &first]).ended_with(2);
    assert!(refused.stderr.contains("no other good backup"), "{}", refused.stderr);
    let second = id(stage.back_up());
    agent.run(["delete", "--yes", &first]).success();
    let left: Vec<String> = stage.records().into_iter().map(id).collect();
    assert_eq!(left, [second]);
    assert!(stage.keys(&first).is_empty());
    agent.run(["verify"]).success();
}

/// Whoever stops at the question hears that nothing came of it: nothing was under way.
#[test]
fn who_stops_at_the_question_has_deleted_nothing() {
    let (scene, [old, ..]) = with_three();
    let before = scene.bucket.snapshot();
    let mut terminal = Terminal::start(&scene.agent(), ["delete", &old.id]);
    terminal.expect("Type yes to delete it: ");
    terminal.press("\x03");
    terminal.expect("nothing was deleted");
    assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
    assert!(!terminal.screen().contains("under way"), "{}", terminal.screen());
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
}
