//! The script that does the same.

use std::fs;

use super::scene::{ADD_ON, APP, HerokuScene};
use crate::{places::files, testbed::Sshd};

/// Places go to the app with everything else, the key of a server by its text: a dyno has none of this machine's files.
#[test]
fn places_are_set_in_the_app() {
    let (scene, sshd) = (HerokuScene::new("standard-0"), Sshd::start());
    let agent = scene
        .with_bucket()
        .env("PGCOFFER_COPY_VPS_SSH_KEY", sshd.path("client"))
        .env("PGCOFFER_COPY_VPS_HOST_KEY", sshd.fingerprint("ed25519"));
    let mut flags = scene.flags_with_sheet("sheet.txt");
    flags.extend(["--place".to_owned(), format!("vps={}", sshd.location(sshd.folder()))]);
    let said = agent.run(flags).success();
    assert!(!said.stderr.contains("No copy is kept elsewhere"), "{}", said.stderr);
    {
        let cloud = scene.heroku.cloud.lock().unwrap();
        let vars = &cloud.apps[APP].vars;
        assert!(
            vars["PGCOFFER_COPY_VPS_SSH_KEY"].starts_with("-----BEGIN "),
            "{:?}",
            vars.keys()
        );
        assert_eq!(vars["PGCOFFER_COPY_VPS_HOST_KEY"], sshd.fingerprint("ed25519"));
    }
    // the first backup in the dyno was copied
    let there = files(&sshd.folder());
    assert!(
        there.keys().any(|name| name.contains("/records/")),
        "{:?}",
        there.keys()
    );
}

/// Run by a shell with the real CLI, curl, git and psql: from the app to a verified backup, and a second time, which
/// changes nothing but config vars and rights.
#[test]
fn the_script_sets_up_everything_and_can_be_run_again() {
    let scene = HerokuScene::new("standard-0");
    scene.heroku.cloud.lock().unwrap().slow = 1;
    let mut flags = scene.flags_with_sheet("sheet.txt");
    flags.extend(["--output", "heroku", "--write", "all.sh", "--no-check"].map(str::to_owned));
    scene.with_bucket().run(flags).success();
    let path = scene.work().join("all.sh");
    let text = fs::read_to_string(&path).unwrap();
    // no URL of a database is copied
    assert!(!text.contains("PGCOFFER_DB_MAIN_URL\\\""), "{text}");
    fs::write(&path, text.replace("https://api.heroku.com", &scene.heroku.url())).unwrap();
    let run = || {
        let output = scene.computer().command("sh", ["all.sh"]).output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{said}");
        said
    };
    let said = run();
    assert!(
        said.contains("Waiting until the credential pgcoffer is active"),
        "{said}"
    );
    assert!(said.contains("heroku addons:open scheduler -a shop-backups"), "{said}");
    let changes = |all: &[String]| {
        all.iter()
            .filter(|one| !one.contains("/dynos") && !one.starts_with("PATCH"))
            .count()
    };
    let first = {
        let cloud = scene.heroku.cloud.lock().unwrap();
        let attachment = (
            "PGCOFFER_DB_MAIN".to_owned(),
            APP.to_owned(),
            ADD_ON.to_owned(),
            Some("pgcoffer".to_owned()),
        );
        assert!(cloud.attachments.contains(&attachment), "{:?}", cloud.changes);
        assert!(cloud.apps[APP].process_types.is_some());
        changes(&cloud.changes)
    };
    run();
    assert_eq!(changes(&scene.heroku.cloud.lock().unwrap().changes), first);
}
