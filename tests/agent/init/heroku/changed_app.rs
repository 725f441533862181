//! An app that somebody else has changed: what its dynos print is looked at before the owner's psql runs it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::scene::{HerokuScene, OWNER};
use crate::testbed::binary;

/// What a dyno prints in the place of the grants.
const PRINTED: [&str; 3] = [
    "\\set ON_ERROR_STOP on\n\\! touch PWNED\n",
    "\\set ON_ERROR_STOP on\nCOPY (SELECT 1) TO PROGRAM 'touch PWNED';\n",
    "\\set ON_ERROR_STOP on\nALTER ROLE pgcoffer SUPERUSER;\n",
];

#[test]
fn what_the_dyno_of_a_changed_app_prints_is_not_run() {
    let scene = HerokuScene::new("standard-0");
    let programs = scene.folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    scene.heroku.cloud.lock().unwrap().programs = Some(programs.clone());
    let agent = scene.with_bucket();
    for (n, printed) in PRINTED.iter().enumerate() {
        let printed = printed.replace("PWNED", &scene.folder.path().join("PWNED").display().to_string());
        fs::write(programs.join("printed"), &printed).unwrap();
        let program = programs.join("pgcoffer");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n  *--fix-sql*) cat '{}' ;;\n  *) exec '{}' \"$@\" ;;\nesac\n",
            programs.join("printed").display(),
            binary().display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = agent
            .run(scene.flags_with_sheet(&format!("sheet-{n}.txt")))
            .ended_with(2);
        let said = &refused.stderr;
        assert!(said.contains("printed something else than the grants"), "{said}");
        assert!(said.contains("heroku releases -a shop-backups"), "{said}");
        assert!(!scene.folder.path().join("PWNED").exists(), "{printed} was run");
    }
    let is_superuser = "select rolsuper from pg_catalog.pg_roles where rolname = 'pgcoffer'";
    assert_eq!(scene.cluster.psql("shop", is_superuser).trim(), "f", "of {OWNER}");

    // as the app was, the same command goes on
    scene.heroku.cloud.lock().unwrap().programs = None;
    agent.run(scene.flags_with_sheet("sheet-last.txt")).success();
}
