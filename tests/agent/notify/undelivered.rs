//! What could not be told: it fails nothing and is never silent, until something is told again.

use crate::{
    notify::events::Scene,
    notify::normalized::told,
    output::goldens::{assert_golden, assert_said},
    stage::next_second,
    testbed::{Answer, Fault, Rule},
    tick::past::{Run, hours},
};

/// Both channels refuse the next message.
fn refuse(scene: &Scene) {
    scene.slack.order([Answer::words(410, "channel_is_archived")]);
    scene.webhook.order([Answer::status(404)]);
}

#[test]
fn a_backup_is_good_though_nobody_could_be_told() {
    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(9)).failed(3).serving("daily", "7d"));
    refuse(&scene);
    let outcome = scene.agent().run(["tick"]).success();
    assert_golden("untold-stderr", &told(&without_log(&outcome.stderr)));
    assert_eq!(scene.stage.keys("/archives/").len(), 1);

    let shown = scene.agent().run(["show", "latest"]).success();
    let lines: Vec<&str> = shown.text().lines().filter(|line| line.contains("told")).collect();
    assert_golden("untold-show", &told(&(lines.join("\n") + "\n")));
    let status = scene.agent().run(["status"]).ended_with(8);
    assert!(
        status.text().contains("nobody could be told of the recovery of "),
        "{}",
        status.text()
    );
    let json = scene.agent().run(["status", "--json"]).ended_with(8).json();
    let undelivered = &json["databases"][0]["undelivered"];
    assert_eq!(
        (
            &undelivered["event"],
            undelivered["undelivered"].as_array().unwrap().len()
        ),
        (&"recovery".into(), 2)
    );

    // as soon as something is told, all is well
    scene.slack.take();
    scene.webhook.take();
    let agent = scene.agent().env("PGCOFFER_NOTIFY_ON", "success");
    agent.run(["backup"]).success();
    assert_eq!(scene.types(), ["backup.succeeded"]);
    scene.agent().run(["status"]).success();
    let shown = scene.agent().run(["show", "latest", "--json"]).success().json();
    assert_eq!(shown["notices"][0]["delivered"].as_array().unwrap().len(), 2);
}

fn without_log(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .filter(|line| line.starts_with("warning:") || line.starts_with("hint:") || line.starts_with("error:"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn one_channel_that_took_it_is_enough_and_the_other_is_warned_of() {
    let scene = Scene::small();
    scene.slack.order([Answer::words(404, "no_service")]);
    let outcome = scene.down().run(["backup"]).ended_with(3);
    assert_said(
        &outcome,
        &[
            "warning: the failure of main could not be told by slack",
            "error: cannot connect",
        ],
    );
    let status = scene.agent().run(["status", "--json"]).ended_with(8).json();
    assert!(status["databases"][0]["undelivered"].is_null());
}

/// Credentials that can only put: nothing of the past is known, so a failure is told, and noted without a look.
#[test]
fn who_can_only_write_tells_all_the_same() {
    let scene = Scene::small();
    for operation in [
        "ListObjectsV2",
        "GetObject",
        "HeadObject",
        "DeleteObject",
        "ListMultipartUploads",
        "GetObjectTagging",
    ] {
        scene
            .stage
            .bucket
            .inject(Rule::on(operation).always(), Fault::access_denied());
    }
    scene.agent().run(["backup"]).success();
    assert_eq!(scene.types(), [""; 0]);
    // ids are of whole seconds, and nobody here can see which are taken
    next_second();
    let agent = scene.agent().env("PGCOFFER_NOTIFY_ON", "all");
    agent.run(["backup"]).success();
    assert_eq!(scene.types(), ["backup.succeeded"]);
    next_second();
    scene.down().run(["backup"]).ended_with(3);
    assert_eq!(scene.types(), ["backup.failed"]);
    next_second();
    refuse(&scene);
    let outcome = agent.run(["backup"]).success();
    assert_said(&outcome, &["warning: the success of main could not be told by webhook"]);
    scene.stage.bucket.heal();
    let shown = agent.run(["show", "latest", "--json"]).success().json();
    assert_eq!(
        shown["notices"][0]["undelivered"].as_array().unwrap().len(),
        2,
        "{shown:#}"
    );
}

#[test]
fn a_notice_that_can_not_be_noted_is_said() {
    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(9)).failed(3).serving("daily", "7d"));
    scene
        .stage
        .bucket
        .inject(Rule::on("PutObject").key("/marks/").always(), Fault::access_denied());
    let outcome = scene.agent().run(["tick"]).success();
    assert_eq!(scene.types(), ["backup.recovered"]);
    assert_said(&outcome, &["could not be noted in the bucket"]);
}
