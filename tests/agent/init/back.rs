//! The way back: whatever was answered wrongly is answered anew.

use std::fs;

use super::dialogue::{fresh, shown_key};
use crate::{stage::Stage, testbed::Terminal};

/// Nobody else is notified: the item above the way back, which is the last one.
const NOBODY: &str = "\x1b[A\x1b[A";

#[test]
fn back_leads_to_the_question_before_as_often_as_it_is_said() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path());
    let mut terminal = Terminal::start(&agent, ["init", "--no-check"]);
    terminal.expect("Back it up?");
    terminal.answer("back");
    terminal.expect("This is the first question.");
    terminal.expect("Back it up?");
    terminal.answer("y");
    terminal.expect("Its name in the bucket");
    terminal.answer("wrong_name");
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://wrong-bucket/x");
    terminal.expect("make a new one");
    terminal.answer("");
    terminal.expect("Ready?");
    terminal.answer("");
    let key = shown_key(&mut terminal);
    terminal.expect("The last 6 characters");
    // a wrong end is no answer, and not gone back to
    terminal.answer("zzzzzz");
    terminal.expect("That is not how it ends");
    assert_eq!(shown_key(&mut terminal), key);
    terminal.expect("The last 6 characters");
    terminal.answer(&key[66..]);
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("How often");
    terminal.press("\x1b");
    terminal.expect("Keep a copy elsewhere");
    terminal.press("\x1b");
    assert_eq!(shown_key(&mut terminal), key, "the key stays the same");
    terminal.expect("The last 6 characters");
    for (answer, question) in [
        ("back", "Ready?"),
        ("back", "make a new one"),
        ("\x1b[A", "as s3://bucket/prefix"),
        ("back", "URL of another database"),
        ("back", "Its name in the bucket"),
    ] {
        terminal.answer(answer);
        match question.starts_with("URL") {
            true => terminal.expect_hidden(question),
            false => drop(terminal.expect(question)),
        }
    }
    terminal.answer("\x15main");
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://testbed/backups");
    terminal.expect("make a new one");
    terminal.answer("");
    terminal.expect("Ready?");
    terminal.answer("");
    assert_eq!(shown_key(&mut terminal), key);
    terminal.expect("The last 6 characters");
    terminal.answer(&key[66..]);
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("How often");
    terminal.answer("");
    terminal.expect("Time zone");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer(NOBODY);
    terminal.expect("Write it?");
    terminal.answer("n");
    terminal.expect("Where will pgcoffer run");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect("The settings");
    terminal.answer("");
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let settings = fs::read_to_string(folder.path().join("pgcoffer.toml")).unwrap();
    assert!(
        settings.contains("bucket = \"s3://testbed/backups\"\n") && settings.contains("[db.main]\n"),
        "{settings}"
    );
    assert!(!settings.contains("wrong"), "{settings}");
    assert!(
        settings.contains(&key),
        "the key that was stored is the key that is set"
    );
}

/// Who stops is told how to give the same answers again, and no secret is among them.
#[test]
fn who_stops_gets_the_answers_as_flags() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path());
    let mut terminal = Terminal::start(&agent, ["init", "--no-check"]);
    terminal.expect("Back it up?");
    terminal.answer("y");
    terminal.expect("Its name in the bucket");
    terminal.answer("");
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://testbed/it's mine\r\x15s3://testbed/backups");
    terminal.expect("make a new one");
    terminal.press("\x03");
    terminal.expect("no file was written and no setting was changed");
    terminal.expect("pgcoffer init --no-check --database main=env:DATABASE_URL --bucket s3://testbed/backups");
    assert_eq!(terminal.ended(), 130);
    assert!(!terminal.screen().contains("the key that was shown"));
}

/// Who stops when the new key was shown learns what becomes of that key; and a URL that was typed is not left out of the
/// line that begins again, nor repeated in it.
#[test]
fn who_stops_after_the_key_was_shown_is_told_what_becomes_of_it() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path()).without("DATABASE_URL");
    let mut terminal = Terminal::start(&agent, ["init", "--no-check", "--sheet", "s.txt"]);
    terminal.expect_hidden("URL of the database");
    let url = stage.cluster.url(&stage.database);
    terminal.answer(&url);
    terminal.expect("Its name in the bucket");
    terminal.answer("");
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("as s3://bucket/prefix");
    terminal.answer("s3://testbed/backups");
    terminal.expect("make a new one");
    terminal.answer("");
    terminal.expect("Ready?");
    terminal.answer("");
    let key = shown_key(&mut terminal);
    terminal.expect("The last 6 characters");
    terminal.press("\x03");
    terminal.expect("no file was written and no setting was changed");
    let id = pgcoffer::seal::MasterKey::parse(&key).unwrap().key_id();
    terminal.expect(&format!("the key that was shown (its id is {id}) is nowhere in use"));
    terminal.expect("to begin again with these answers, where MAIN_URL holds the URL that you typed:");
    terminal.expect("read -rs MAIN_URL && export MAIN_URL");
    terminal
        .expect("pgcoffer init --sheet s.txt --no-check --database main=env:MAIN_URL --bucket s3://testbed/backups");
    assert_eq!(terminal.ended(), 130);
    let screen = terminal.screen();
    let farewell = screen.split("no file was written").nth(1).unwrap();
    assert!(!farewell.contains(&url) && !farewell.contains(&key), "{farewell}");
}
