//! From nothing to a verified backup, whatever fails on the way.

use std::fs;

use serde_json::json;

use super::scene::{ADD_ON, APP, HerokuScene, OWNER};

/// What changes something on Heroku, in order, each refused once.
const REFUSED: [(&str, u16, &str, &str); 8] = [
    ("/apps", 503, "service_unavailable", "make the app"),
    (
        "buildpack-installations",
        429,
        "rate_limit",
        "add the buildpack that brings PostgreSQL's clients",
    ),
    ("push", 500, "", "bring two files"),
    (
        "config-vars",
        500,
        "internal_server_error",
        "set the config vars of the app",
    ),
    (
        "credentials",
        500,
        "internal_server_error",
        "make a credential for main",
    ),
    ("addon-attachments", 403, "forbidden", "attach the database of main"),
    ("/addons", 402, "verification_required", "add Heroku Scheduler"),
    (
        "/dynos",
        402,
        "payment_required",
        "let the credential read everything in main",
    ),
];

/// Each step fails once, and each run goes on where the one before stopped: no step is made twice.
#[test]
fn every_step_fails_once_and_the_same_command_goes_on_from_there() {
    let scene = HerokuScene::new("standard-0");
    scene.heroku.cloud.lock().unwrap().slow = 1;
    let agent = scene.with_bucket();
    let mut keys = Vec::new();
    for (n, (path, status, id, title)) in REFUSED.iter().enumerate() {
        scene.heroku.refuse(path, *status, id);
        let failed = agent.run(scene.flags_with_sheet(&format!("sheet-{n}.txt")));
        let said = &failed.stderr;
        assert!(!failed.status.success(), "{path}: {said}");
        assert!(said.contains(title) && said.contains("hint: "), "{path}: {said}");
        assert!(said.contains("What was done stays"), "{path}: {said}");
        if [402].contains(status) {
            assert!(said.contains("payment method at https://heroku.com/verify"), "{said}");
        }
        keys.extend(
            scene
                .heroku
                .cloud
                .lock()
                .unwrap()
                .apps
                .get(APP)
                .and_then(|app| app.vars.get("PGCOFFER_KEY").cloned()),
        );
        // dynos are asked for by several steps
        assert!(
            scene.heroku.cloud.lock().unwrap().trouble.is_none(),
            "{path} was never asked for: {said}"
        );
    }
    let done = agent.run(scene.flags_with_sheet("sheet-last.txt")).success();
    assert!(
        done.stderr.contains("heroku addons:open scheduler -a shop-backups"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("Paste this:      pgcoffer tick"),
        "{}",
        done.stderr
    );
    // the key that was set first stays
    keys.dedup();
    assert_eq!(keys.len(), 1);

    let cloud = scene.heroku.cloud.lock().unwrap();
    let app = &cloud.apps[APP];
    assert_eq!(app.buildpacks.len(), 2);
    assert!(app.buildpacks[1].starts_with("https://github.com/pgcoffer/heroku-buildpack-pgcoffer#v"));
    assert_eq!(app.process_types, Some(json!({ "clock": "pgcoffer serve" })));
    // no URL is copied: Heroku itself sets it
    assert!(
        !app.vars
            .keys()
            .any(|name| name.ends_with("_URL") && name.starts_with("PGCOFFER_DB"))
    );
    let attachment = (
        "PGCOFFER_DB_MAIN".to_owned(),
        APP.to_owned(),
        ADD_ON.to_owned(),
        Some("pgcoffer".to_owned()),
    );
    assert!(cloud.attachments.contains(&attachment));
    assert!(
        cloud
            .add_ons
            .values()
            .any(|add_on| add_on.plan == "scheduler:standard" && add_on.app == APP)
    );
    let made = |what: &str| cloud.changes.iter().filter(|change| change.as_str() == what).count();
    assert_eq!(made("POST /apps"), 2, "once refused, once made: {:?}", cloud.changes);
    drop(cloud);

    // the credential reads, and changes nothing
    let write = scene.cluster.url_as("pgcoffer", None, "shop");
    let written = std::process::Command::new("psql")
        .args(["-qc", "delete from people", &write])
        .output();
    assert!(!written.unwrap().status.success());

    // once more: nothing is left to do, and nothing is done
    let before = scene.heroku.cloud.lock().unwrap().changes.len();
    let again = agent.run(scene.flags()).success();
    assert!(again.stderr.contains("Create job"), "{}", again.stderr);
    assert_eq!(scene.heroku.cloud.lock().unwrap().changes.len(), before);

    let undo = agent.run(["init", "--undo", "--heroku", APP]).success();
    let listed: Vec<&str> = undo
        .text()
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("heroku "))
        .collect();
    assert_eq!(
        listed,
        [
            "heroku addons:detach PGCOFFER_DB_MAIN -a shop-backups",
            &format!("heroku pg:credentials:destroy {ADD_ON} --name pgcoffer -a {OWNER} --confirm {OWNER}"),
            "heroku addons:destroy scheduler -a shop-backups --confirm shop-backups",
            "heroku apps:destroy -a shop-backups --confirm shop-backups",
        ]
    );
    assert!(
        undo.text().contains("None of these deletes a backup"),
        "{}",
        undo.text()
    );
    assert_eq!(scene.heroku.cloud.lock().unwrap().changes.len(), before);
    assert!(fs::read_dir(scene.work()).unwrap().count() > 0);
}
