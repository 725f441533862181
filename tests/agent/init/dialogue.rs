//! `init` on a terminal: answered, answered wrongly, and left in its midst.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use pgcoffer::seal::MasterKey;

use crate::{
    stage::{KEY, Stage},
    testbed::{Agent, Terminal},
};

/// A machine on which an application's database is known, and nothing is set up.
pub(super) fn fresh(stage: &Stage, folder: &Path) -> Agent {
    let url = stage.cluster.url(&stage.database);
    let agent = stage.agent().without("PGCOFFER_KEY");
    let agent = agent.without("PGCOFFER_DB_MAIN_URL").without("PGCOFFER_BUCKET");
    agent.env("DATABASE_URL", url).current_dir(folder)
}

/// One question and how it is answered.
enum Step {
    /// a question, answered by this and Enter
    Says(&'static str, &'static str),
    /// a question whose answer isn't shown
    Hides(&'static str, &'static str),
    /// the key shown, and the end of it asked
    KeepsKey,
}

use Step::{Hides, KeepsKey, Says};

/// From the beginning to the end, with a wrong answer wherever one can be given.
const ROAD: &[Step] = &[
    Says("Back it up?", "y"),
    Says("Its name in the bucket", "ma/in\r\x7f\x7f\x7fin"),
    Hides("URL of another database", "mysql://x"),
    Hides("it does not begin with postgres://", ""),
    Says("as s3://bucket/prefix", "bucket\r\x15s3://testbed/backups"),
    Says("make a new one", ""),
    Says("Ready?", ""),
    KeepsKey,
    Says("Keep a copy elsewhere", ""),
    Says("How often", "\x1b[B"),
    Says("Time zone", "Nowhere\r\x15Europe/Berlin"),
    Says("Who is notified", ""),
    Hides("Its ping URL", "healthchecks.io/x"),
    Hides("give the check's ping URL", "https://hc-ping.com/1b2c"),
    // one that is left empty brings the cursor to the one that goes on
    Says("Who is notified", ""),
    Hides("The URL of an incoming webhook", ""),
    Says("Who is notified", ""),
    Says("Write it?", "y"),
    Says("Into which new file", ""),
    Says("Where will pgcoffer run", "\x1b[A\x1b[A\x1b[A\x1b[A"),
    Says("The settings", ""),
];

fn walk(terminal: &mut Terminal, road: &[Step]) {
    for step in road {
        match step {
            Says(question, answer) => {
                terminal.expect(question);
                terminal.answer(answer);
            }
            Hides(question, answer) => {
                terminal.expect_hidden(question);
                terminal.answer(answer);
            }
            KeepsKey => {
                let end = shown_key(terminal).split_off(66);
                terminal.expect("The last 6 characters");
                terminal.answer("zzzzzz");
                terminal.expect("That is not how it ends");
                let again = shown_key(terminal);
                assert!(again.ends_with(&end));
                terminal.expect("The last 6 characters");
                terminal.answer(&end.to_lowercase());
            }
        }
    }
}

/// The key as it stands on the screen, which is then left.
pub(super) fn shown_key(terminal: &mut Terminal) -> String {
    terminal.expect("This is the key");
    let key = terminal.expect("PGCOFFER-KEY-1");
    terminal.expect_hidden("Press Enter when it is stored");
    terminal.answer("");
    key.chars().take(72).collect()
}

fn begin(agent: &Agent) -> Terminal {
    Terminal::start(agent, ["init", "--no-check"])
}

#[test]
fn a_new_user_is_led_to_settings_that_work() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = begin(&fresh(&stage, folder.path()));
    walk(&mut terminal, ROAD);
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    assert!(terminal.is_sane());

    let names = [
        "pgcoffer-recovery-sheet.html",
        "pgcoffer.docker.env",
        "restore-by-hand.md",
    ];
    for name in names {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // the settings as docker --env-file takes them, and nothing else
    let settings = fs::read_to_string(folder.path().join("pgcoffer.docker.env")).unwrap();
    let settings: Vec<_> = settings.lines().map(|line| line.split_once('=').unwrap()).collect();
    let find = |name: &str| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    assert_eq!(find("PGCOFFER_TIMEZONE"), Some("Europe/Berlin"));
    assert_eq!(
        find("PGCOFFER_SCHEDULE"),
        Some(
            "hourly keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo, yearly keep 7y"
        )
    );
    assert_eq!(find("PGCOFFER_PING_URL"), Some("https://hc-ping.com/1b2c"));
    let vars = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let agent = Agent::new().envs(vars).without("PGCOFFER_PING_URL");
    agent.run(["backup"]).success();

    let key = find("PGCOFFER_KEY").unwrap();
    let sheet = fs::read_to_string(folder.path().join(names[0])).unwrap();
    assert!(sheet.contains(key));
    // the key was on the other screen alone, and that was left
    let screen = terminal.screen();
    assert_eq!(screen.matches("\x1b[?1049h").count(), 2);
    let others: Vec<&str> = screen
        .split("\x1b[?1049h")
        .map(|part| part.rsplit("\x1b[?1049l").next().unwrap())
        .collect();
    assert!(!others.concat().contains(&key[20..]));
}

/// The key is stored already when the form turns out not to hold a value: that ends nothing.
#[test]
fn a_form_that_cannot_hold_the_settings_is_asked_for_again() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage
        .agent()
        .env("PGCOFFER_PING_URL", "https://ping.example/it's\\")
        .current_dir(folder.path());
    let args = ["init", "--no-check", "--output", "dotenv", "--sheet", "s.txt"];
    let more = ["--schedule", "daily keep 7d", "--timezone", "UTC"];
    let mut terminal = Terminal::start(&agent, args.into_iter().chain(more));
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[B\x1b[B\x1b[B");
    terminal.expect("PGCOFFER_PING_URL can't be written");
    terminal.expect("Where will pgcoffer run");
    // nothing speaks of Heroku: the cursor is on the lines for a shell
    terminal.answer("");
    terminal.expect("The settings");
    terminal.answer("");
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let written = fs::read_to_string(folder.path().join("pgcoffer.sh")).unwrap();
    assert!(written.contains("PGCOFFER_PING_URL"), "{written}");
}

#[test]
fn ctrl_c_at_any_question_leaves_nothing_behind() {
    let stage = Stage::small();
    for (n, step) in ROAD.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = begin(&fresh(&stage, folder.path()));
        walk(&mut terminal, &ROAD[..n]);
        match step {
            Says(question, _) => {
                terminal.expect(question);
            }
            Hides(question, _) => terminal.expect_hidden(question),
            KeepsKey => terminal.expect_hidden("Press Enter when it is stored"),
        }
        terminal.press("\x03");
        assert_eq!(terminal.ended(), 130, "{n}: {}", terminal.screen());
        terminal.expect("no file was written and no setting was changed");
        assert!(terminal.is_sane(), "{n}");
        let screen = terminal.screen();
        assert_eq!(
            screen.matches("\x1b[?1049h").count(),
            screen.matches("\x1b[?1049l").count(),
            "{n}"
        );
        assert!(screen.rfind("\x1b[?25h") > screen.rfind("\x1b[?25l"), "{n}: no cursor");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{n}");
    }
}

#[test]
fn a_key_of_ones_own_is_taken_and_a_mistyped_one_is_not() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path());
    let args = [
        "init",
        "--no-check",
        "--database",
        "main=env:DATABASE_URL",
        "--bucket",
        "s3://testbed/backups",
    ];
    let more = [
        "--schedule",
        "daily keep 7d",
        "--timezone",
        "UTC",
        "--sheet",
        "sheet.txt",
        "--output",
        "shell",
    ];
    let mut terminal = Terminal::start(&agent, args.into_iter().chain(more));
    let key = MasterKey::parse(KEY).unwrap().encode();
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("make a new one");
    terminal.answer("\x1b[B");
    terminal.expect_hidden("The key (not shown)");
    let end = if key.ends_with('Q') { "P" } else { "Q" };
    terminal.answer(&format!("{}{end}", &key[..71]));
    terminal.expect_hidden("checksum");
    terminal.answer(&key.to_lowercase());
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("Who is notified");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect(&format!("export PGCOFFER_KEY='{}'", key.as_str()));
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn who_gives_the_key_rule_its_due_is_asked_nothing() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path());
    let args = ["init", "--no-check", "--yes", "--database", "main=env:DATABASE_URL"];
    let more = [
        "--bucket",
        "s3://testbed/backups",
        "--output",
        "env",
        "--write",
        "x.env",
    ];
    let more = more.into_iter().chain(["--sheet", "s.txt"]);
    let args: Vec<&str> = args.into_iter().chain(more).collect();
    // not even --yes makes a key that nobody sees
    let mut terminal = Terminal::start(&agent, &args);
    let key = shown_key(&mut terminal);
    terminal.expect("The last 6 characters");
    terminal.answer(&key[66..]);
    assert_eq!(terminal.ended(), 0);
    fs::remove_file(folder.path().join("x.env")).unwrap();
    fs::remove_file(folder.path().join("s.txt")).unwrap();
    let mut terminal = Terminal::start(&agent, args.iter().chain(&["--key-stored"]));
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    assert!(!terminal.screen().contains("PGCOFFER-KEY-1"));
}

#[test]
fn what_is_set_up_already_stays() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("pgcoffer.toml"),
        format!("key = '{KEY}'\nkeep_last = 5\n"),
    )
    .unwrap();
    let agent = stage.agent().without("PGCOFFER_KEY").current_dir(folder.path());
    let mut terminal = begin(&agent);
    terminal.expect("pgcoffer is set up here already: main into s3://testbed/backups, key from pgcoffer.toml:1: key");
    terminal.answer("\x1b[B");
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal.expect("key fc7f010c9ecc9505 stays");
    terminal.expect("Keep a copy elsewhere");
    terminal.answer("");
    terminal.expect("How often");
    terminal.answer("");
    terminal.expect("Time zone");
    terminal.answer("");
    terminal.expect("Who is notified");
    // the last one but the way back
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect("Write it?");
    terminal.answer("n");
    terminal.expect("Where will pgcoffer run");
    terminal.answer("\x1b[A\x1b[A");
    terminal.expect("pgcoffer.toml is there already, and stays as it is");
    terminal.expect("write them into another file");
    terminal.answer("");
    terminal.expect("Into which new file");
    terminal.answer("pgcoffer.toml\r\x15new.toml");
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0);
    let new = fs::read_to_string(folder.path().join("new.toml")).unwrap();
    assert!(new.contains("keep_last = \"5\"") && new.contains(KEY), "{new}");
    let agent = Agent::new()
        .s3(&stage.bucket)
        .without("PGCOFFER_BUCKET")
        .current_dir(folder.path());
    agent.run(["backup", "--config", "new.toml"]).success();
}
