//! `init` on a new machine, where the bucket has backups: they are seen at once, and the key that opens them is asked for.

use super::dialogue::fresh;
use crate::{
    stage::{KEY, Stage},
    testbed::{Agent, Terminal},
};

const OTHER_KEY: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffe0e1e2e3e4e5e6e7e8e9eaebecedeeef";
const KEY_ID: &str = "fc7f010c9ecc9505";

/// Up to the question for the bucket.
fn begin(agent: &Agent) -> Terminal {
    begin_with(agent, "main=env:DATABASE_URL")
}

fn begin_with(agent: &Agent, database: &str) -> Terminal {
    let mut terminal = Terminal::start(agent, ["init", "--database", database]);
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal
}

fn stop(terminal: &mut Terminal) {
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("How often");
    terminal.press("\x03");
    terminal.expect("no file was written and no setting was changed");
    assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
    assert!(!terminal.screen().contains("the key that was shown"));
}

#[test]
fn the_key_that_opens_the_backups_is_asked_for_and_tried() {
    let stage = Stage::small();
    stage.back_up();
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = begin(&fresh(&stage, folder.path()));
    terminal.answer("s3://testbed/backups");
    // without a key the bucket works none the less
    terminal.expect("It works.");
    terminal.expect(&format!(
        "There are backups of main here already, sealed for key {KEY_ID}."
    ));
    terminal.expect(&format!("type key {KEY_ID}, which opens them"));
    terminal.answer("");
    terminal.expect_hidden("The key (not shown)");
    terminal.answer(OTHER_KEY);
    terminal.expect_hidden(&format!("and the backups are sealed for key {KEY_ID}"));
    terminal.answer(KEY);
    terminal.expect(&format!("Right: key {KEY_ID} opens the backups here."));
    stop(&mut terminal);
}

#[test]
fn a_key_that_is_set_and_opens_nothing_is_told_at_once() {
    let stage = Stage::small();
    stage.back_up();
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = begin(&fresh(&stage, folder.path()).key(OTHER_KEY));
    terminal.answer("s3://testbed/backups");
    terminal.expect("It works.");
    terminal.expect("opens none of the backups of main here");
    terminal.answer("");
    terminal.expect_hidden("The key (not shown)");
    terminal.answer(KEY);
    terminal.expect(&format!("Right: key {KEY_ID} opens the backups here."));
    stop(&mut terminal);
}

#[test]
fn a_wrong_prefix_is_seen_and_the_right_one_is_offered() {
    let stage = Stage::small();
    stage.back_up();
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = begin(&fresh(&stage, folder.path()).key(KEY));
    terminal.answer("s3://testbed/backup");
    terminal.expect("There is no backup here, but there are backups of main in s3://testbed/backups.");
    terminal.expect("begin here; those stay as they are");
    terminal.answer("\x1b[B");
    terminal.expect(&format!(
        "There are backups of main here already, sealed for key {KEY_ID}."
    ));
    terminal.expect("key fc7f010c9ecc9505 stays");
    stop(&mut terminal);
}

/// Another machine may begin beside them with its own key: what it makes and what is there stay apart, and the settings
/// work.
#[test]
fn a_machine_with_its_own_key_backs_up_beside_them() {
    let stage = Stage::small();
    stage.back_up();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path()).key(OTHER_KEY);
    let mut terminal = begin_with(&agent, "another=env:DATABASE_URL");
    terminal.answer("s3://testbed/backups");
    terminal.expect("opens none of the backups of main here");
    terminal.answer("\x1b[B\x1b[B");
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("How often");
    terminal.answer("");
    terminal.expect("Time zone");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect(" 0 failed");
    terminal.expect("Write it?");
    terminal.press("\x03");
    assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
}
