//! Missed backups, noticed by something that is not the backup: `status --notify` on another machine.

use crate::{
    notify::events::Scene,
    output::goldens::assert_said,
    testbed::{Answer, Fault, Rule},
    tick::past::{Run, hours},
};

fn silent_for_days() -> Scene {
    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(24 * 4)).serving("daily", "30d"));
    scene
}

#[test]
fn a_missed_backup_is_told_once_until_a_day_is_over() {
    let scene = silent_for_days();
    let monitor = scene.down();
    let outcome = monitor.run(["status", "--notify"]).ended_with(8);
    assert_said(&outcome, &["told that its backup is late"]);
    let event = scene.assert_told("missed");
    assert_eq!(event["type"], "backup.missed");
    assert!(event["data"]["backup"].is_null());
    for _ in 0..2 {
        monitor.run(["status", "--notify"]).ended_with(8);
    }
    assert_eq!(scene.types(), [""; 0]);
    // the run that ends it says so
    scene.slack.take();
    scene.agent().run(["tick"]).success();
    assert_eq!(scene.assert_told("missed-over")["type"], "backup.recovered");
    monitor.run(["status", "--notify"]).success();
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn a_database_that_was_never_backed_up_is_told_too() {
    let scene = Scene::small();
    scene.down().run(["status", "--notify"]).ended_with(8);
    scene.assert_told("missed-never");
    scene.down().run(["status", "--notify"]).ended_with(8);
    assert_eq!(scene.types(), [""; 0]);
    // what was noted for want of a run hurts nobody
    scene.agent().run(["prune"]).success();
    scene.agent().run(["tick"]).success();
    scene.agent().run(["status"]).success();
}

#[test]
fn failing_runs_are_part_of_what_is_missed() {
    let scene = silent_for_days();
    scene.stage.put(Run::ago(hours(5)).failed(3).serving("daily", "7d"));
    scene.down().run(["status", "--notify"]).ended_with(8);
    scene.assert_told("missed-failing");
}

#[test]
fn what_could_not_be_told_is_tried_again_at_the_next_look() {
    let scene = silent_for_days();
    scene.slack.order([Answer::status(404)]);
    scene.webhook.order([Answer::status(404)]);
    let outcome = scene.down().run(["status", "--notify"]).ended_with(8);
    assert_said(
        &outcome,
        &["warning: the missed backup of main could not be told by slack"],
    );
    scene.webhook.take();
    scene.down().run(["status", "--notify"]).ended_with(8);
    assert_eq!(scene.types(), ["backup.missed"]);
}

#[test]
fn a_monitor_that_may_only_read_tells_and_says_that_it_can_not_note_it() {
    let scene = silent_for_days();
    scene
        .stage
        .bucket
        .inject(Rule::on("PutObject").always(), Fault::access_denied());
    let outcome = scene.down().run(["status", "--notify"]).ended_with(8);
    assert_said(&outcome, &["could not be noted in the bucket"]);
    assert_eq!(scene.types(), ["backup.missed"]);
}

#[test]
fn a_bucket_that_can_not_be_read_is_told_and_nobody_to_tell_is_a_fault() {
    let scene = silent_for_days();
    scene
        .stage
        .bucket
        .inject(Rule::on("ListObjectsV2").always(), Fault::access_denied());
    scene.down().run(["status", "--notify"]).ended_with(4);
    assert_eq!(scene.types(), ["backup.failed"]);
    let outcome = scene.stage.agent().run(["status", "--notify"]).ended_with(2);
    assert_said(&outcome, &["nobody to tell", "PGCOFFER_SLACK_WEBHOOK_URL"]);
}
