//! A new user before a terminal, with slips, who stops in the midst and comes again.

use super::scene::{APP, HerokuScene, OWNER};
use crate::{init::dialogue::shown_key, testbed::Terminal};

#[test]
fn a_new_user_is_led_to_a_first_backup_and_may_stop_on_the_way() {
    let scene = HerokuScene::new("standard-0");
    // a credential that takes its time
    scene.heroku.cloud.lock().unwrap().slow = 1000;
    let agent = scene.computer().env("PGCOFFER_ALLOW_HTTP", "127.0.0.1");
    let env: std::collections::BTreeMap<_, _> = scene.bucket.env().into_iter().collect();
    let mut terminal = Terminal::start(&agent, ["init", "--heroku", APP]);
    terminal.expect("The Heroku app whose database is backed up");
    terminal.answer("no-such-app");
    terminal.expect("there is no Heroku app no-such-app");
    terminal.answer(&format!("\x15{OWNER}"));
    terminal.expect("postgresql-rigid-12345 of shop (heroku-postgresql:standard-0)");
    terminal.expect("Back it up?");
    terminal.answer("");
    terminal.expect("Its name in the bucket");
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://testbed/backups");
    terminal.expect("Its region");
    terminal.answer(&env["AWS_REGION"]);
    terminal.expect("Its service");
    terminal.answer(&env["AWS_ENDPOINT_URL_S3"]);
    terminal.expect("bucket's name in the path?");
    terminal.answer("");
    terminal.expect("Access key id");
    terminal.answer(&env["AWS_ACCESS_KEY_ID"]);
    terminal.expect_hidden("Secret access key");
    terminal.answer(&env["AWS_SECRET_ACCESS_KEY"]);
    terminal.expect("It works.");
    terminal.expect("make a new one");
    terminal.answer("");
    terminal.expect("Ready?");
    terminal.answer("");
    let key = shown_key(&mut terminal);
    terminal.expect("The last 6 characters");
    terminal.answer(&key[66..]);
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("How often");
    terminal.answer("");
    terminal.expect("Time zone");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect("Write it?");
    terminal.answer("");
    terminal.expect("Into which new file");
    terminal.answer("");
    terminal.expect("To be done for shop-backups");
    terminal.expect("heroku apps:create shop-backups --stack heroku-24 --no-remote");
    terminal.expect("What shall be done");
    // back to the sheet and again
    terminal.press("\x1b");
    terminal.expect("Into which new file");
    terminal.answer("");
    terminal.expect("What shall be done");
    terminal.answer("\x1b[B");
    for _ in 0..5 {
        terminal.expect("Run it?");
        terminal.answer("");
    }
    terminal.expect("make a credential for main");
    terminal.expect("Run it?");
    terminal.answer("y");
    terminal.expect("waiting until pgcoffer is active");
    terminal.press("\x03");
    terminal.expect("The same command goes on from there: pgcoffer init --heroku shop-backups");
    assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
    assert!(terminal.is_sane());

    // now it is active; the answers stand in the app, and are not asked for again
    for left in scene.heroku.cloud.lock().unwrap().credentials.values_mut() {
        *left = 0;
    }
    let changes = scene.heroku.cloud.lock().unwrap().changes.len();
    let mut terminal = Terminal::start(&scene.computer(), ["init", "--heroku", APP]);
    terminal.expect("Set in shop-backups already, and kept:");
    terminal.expect("The Heroku app whose database is backed up");
    terminal.answer(OWNER);
    terminal.expect("Back it up?");
    terminal.answer("");
    terminal.expect("Its name in the bucket");
    terminal.answer("");
    terminal.expect("stays, from PGCOFFER_KEY");
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("every day at 02:30 UTC");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect("Write it?");
    terminal.answer("");
    terminal.expect("What shall be done");
    terminal.answer("");
    terminal.expect("pgcoffer is there already");
    terminal.expect("Everything is set up. One thing is left");
    terminal.expect("Open it now?");
    terminal.answer("n");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let cloud = scene.heroku.cloud.lock().unwrap();
    assert_eq!(cloud.apps[APP].vars["PGCOFFER_KEY"], key);
    let again: Vec<&String> = cloud.changes[changes..].iter().collect();
    assert!(
        !again
            .iter()
            .any(|change| change.contains("credentials") || change.starts_with("PATCH")),
        "{again:?}"
    );
}
