//! `init` where nobody can be asked: flags say it all, and no key is made that might be lost.

use std::fs;

use pgcoffer::seal::MasterKey;

use crate::{
    output::goldens::assert_golden,
    stage::{KEY, Stage},
    testbed::Agent,
};

/// Refused with status 2 and these words, and nothing written.
#[track_caller]
fn refused(agent: &Agent, args: &[&str], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let outcome = agent
        .clone()
        .current_dir(folder.path())
        .run(["init"].iter().chain(args))
        .ended_with(2);
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in: {}", outcome.stderr);
    }
    assert!(
        outcome.stdout.is_empty() && outcome.stderr.contains("hint: "),
        "{}",
        outcome.stderr
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_missing_is_named_with_the_flag_that_says_it() {
    let stage = Stage::small();
    let url = stage.cluster.url(&stage.database);
    let bare = Agent::new().env("DATABASE_URL", &url);
    refused(&bare, &[], &["--output", "toml"]);
    // found, and not taken
    refused(
        &bare,
        &["--output", "env"],
        &["no database is named", "--database main=env:DATABASE_URL"],
    );
    refused(&bare, &["--output", "env", "--yes"], &["no database is named"]);
    let named = ["--output", "env", "--database", "main=env:DATABASE_URL"];
    refused(&bare, &named, &["no bucket is named", "--bucket s3://"]);
    let bucket = [&named[..], &["--bucket", "s3://bucket/p"]].concat();
    refused(
        &bare,
        &bucket,
        &["a new key would be made", "pgcoffer keygen", "--key-stored"],
    );
    refused(&bare, &[&bucket[..], &["--yes"]].concat(), &["a new key would be made"]);
    refused(&bare, &["--output", "env", "--database", "main"], &["NAME=URL"]);
    refused(
        &bare,
        &["--output", "env", "--database", "ma-in=env:X"],
        &["can't be a database's label", "call it ma_in: --database ma_in=env:X"],
    );
    refused(
        &bare.clone().env("OWN_URL", "postgres://u@h/x"),
        &["--output", "env", "--database", "main=OWN_URL"],
        &["without env: before it", "give --database main=env:OWN_URL"],
    );
    refused(
        &bare,
        &["--output", "env", "--database", "main=env:NOT_SET"],
        &["NOT_SET"],
    );
    refused(
        &bare,
        &["--output", "env", "--database", "main=mysql://u:hunter2@h/x"],
        &["postgres://"],
    );
    refused(
        &bare,
        &["--output", "env", "--database", "main=heroku:X"],
        &["--heroku APP"],
    );
    refused(&bare, &["--output", "env", "--json"], &["--write FILE"]);
    refused(
        &bare,
        &["--output", "env", "--sheet", "/not/there/x.txt"],
        &["no folder /not/there"],
    );
    refused(
        &bare,
        &["--output", "env", "--sheet", "a.txt", "--write", "a.txt"],
        &["named twice"],
    );
    let keyed = bare.clone().key(KEY);
    let schedule = [&bucket[..], &["--no-check", "--schedule", "daily keep"]].concat();
    refused(&keyed, &schedule, &["the schedule can't be used"]);
    let zone = [&bucket[..], &["--no-check", "--timezone", "Nowhere"]].concat();
    refused(&keyed, &zone, &["Nowhere"]);
}

#[test]
fn what_could_not_be_written_is_known_before_the_trial() {
    let stage = Stage::small();
    let agent = stage.agent();
    let nowhere = ["--output", "env", "--write", "not-there/x.env"];
    refused(&agent, &nowhere, &["there is no folder not-there", "make it, or name"]);
    // root may write wherever a disk takes it; nobody may make a file in /proc
    let closed = ["--output", "env", "--write", "/proc/x.env"];
    refused(&agent, &closed, &["/proc can't be written into", "you may write to"]);
    // a bucket that isn't there would end the trial with 8
    let unfit = agent.env("PGCOFFER_PING_URL", "https://ping.example/it's\\");
    let args = ["--output", "dotenv", "--bucket", "s3://not-there/x"];
    refused(&unfit, &args, &["PGCOFFER_PING_URL", "choose another form"]);
}

#[test]
fn a_passphrase_is_told_before_a_key_is_made() {
    let stage = Stage::small();
    let phrase = "unwound cosigner plank dizzy refurbish atop halogen";
    let agent = stage.agent().without("PGCOFFER_KEY").env("PGCOFFER_PASSPHRASE", phrase);
    let args = [
        "--output",
        "env",
        "--new-key",
        "--key-stored",
        "--bucket",
        "s3://not-there/x",
    ];
    refused(&agent, &args, &["a passphrase is set"]);
}

#[test]
fn what_is_left_to_do_is_said_for_every_form() {
    let agent = Agent::new()
        .key(KEY)
        .env("PGCOFFER_BUCKET", "s3://bucket/p")
        .env("PGCOFFER_DB_MAIN_URL", "postgres://u@localhost/x");
    let said = ["heroku", "env", "dotenv", "toml", "kubernetes", "shell"].map(|form| {
        let outcome = agent.run(["init", "--no-check", "--output", form]).success();
        format!("# {form}\n{}", outcome.stderr)
    });
    assert_golden("init-left", &said.concat());
}

#[test]
fn mistakes_in_settings_are_told_all_at_once_by_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let toml = format!(
        "buket = 's3://bucket'\nkey = '{KEY}'\nkeep_last = 'three'\nPGCOFFER_LOCK = 'governance'\n\
         [aws]\nregion = 'eu'\n[db.main]\nulr = 'x'\nurl = 'postgres://u:hunter2@h:port/db'\n"
    );
    fs::write(folder.path().join("pgcoffer.toml"), toml).unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    let agent = Agent::new()
        .current_dir(folder.path())
        .env("PGCOFFER_SCHEDUEL", "daily")
        .env("PGCOFFER_DB_SHOP_URL_FILE", "not-there")
        .env("PGCOFFER_OLD_KEYS_FILE", "empty")
        .env("PGCOFFER_BUCKET", "\"s3://bucket\"");
    let outcome = agent.run(["status"]).ended_with(2);
    let warned = outcome.stderr.find("error: ").unwrap();
    assert!(outcome.stderr[..warned].contains("pgcoffer.toml holds secrets"));
    assert_golden("settings-wrong", &outcome.stderr[warned..]);
}

#[test]
fn files_are_new_and_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    let args = ["init", "--no-check", "--output", "env", "--write", "x.env"];
    let outcome = agent.run(args).success();
    assert!(outcome.stdout.is_empty() && !outcome.stderr.contains(KEY));
    let path = folder.path().join("x.env");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    let again = agent.run(args).ended_with(2);
    assert!(again.stderr.contains("x.env is there already"), "{}", again.stderr);
    let sheet = [
        "init",
        "--no-check",
        "--output",
        "env",
        "--sheet",
        "s.txt",
        "--write",
        "x.env",
    ];
    agent.run(sheet).ended_with(2);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_that_is_set_is_never_lost() {
    let stage = Stage::backed_up(crate::stage::SMALL);
    let new = ["init", "--no-check", "--output", "env", "--new-key"];
    let refused = stage.run(new).ended_with(2);
    assert!(refused.stderr.contains("--key-stored"), "{}", refused.stderr);
    let settings = stage.run(new.into_iter().chain(["--key-stored"])).success();
    let vars: Vec<(String, String)> = settings
        .text()
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let key = vars.iter().find(|(name, _)| name == "PGCOFFER_KEY").unwrap();
    assert!(key.1.starts_with("PGCOFFER-KEY-1"));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let old = MasterKey::parse(KEY).unwrap().encode().to_string();
    assert!(vars.contains(&("PGCOFFER_OLD_KEYS".to_owned(), format!("{old}@{today}"))));
    // what was made before opens still
    let agent = Agent::new().envs(vars).env("PGCOFFER_PG_BIN", stage.cluster.bin());
    agent.run(["verify", "latest"]).success();
    agent.run(["backup"]).success();
}

#[test]
fn as_json_it_tells_names_and_no_secret() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    let outcome = agent
        .run(["init", "--no-check", "--json", "--output", "toml", "--write", "x.toml"])
        .success();
    let json = outcome.json();
    assert_eq!(json["databases"], serde_json::json!(["main"]));
    assert_eq!(json["key_id"], "fc7f010c9ecc9505");
    assert_eq!(json["written"], "x.toml");
    assert!(!outcome.text().contains(KEY));
}

/// What stands here by the names that `init` proposes, with the commands that remove it. Nothing is removed.
#[test]
fn undo_lists_what_was_made_and_removes_nothing() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    let nothing = agent.run(["init", "--undo"]).success();
    assert!(
        nothing
            .text()
            .contains("There is nothing of `pgcoffer init` in this folder"),
        "{}",
        nothing.text()
    );
    let files = [
        "--output",
        "env",
        "--write",
        "pgcoffer.docker.env",
        "--sheet",
        "pgcoffer-recovery-sheet.html",
    ];
    agent.run(["init", "--no-check"].into_iter().chain(files)).success();
    let listed = agent.run(["init", "--undo"]).success();
    for command in [
        "rm pgcoffer-recovery-sheet.html",
        "rm restore-by-hand.md",
        "rm pgcoffer.docker.env",
    ] {
        assert!(listed.text().contains(command), "{command}: {}", listed.text());
    }
    assert!(
        listed.text().contains("None of these deletes a backup"),
        "{}",
        listed.text()
    );
    let json = agent.run(["init", "--undo", "--json"]).success().json();
    assert_eq!(json["made"].as_array().unwrap().len(), 3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    // whatever they are called; what may have settings of others in it is named, without a command
    let others = ["--output", "toml", "--write", "x.toml", "--sheet", "my sheet.txt"];
    agent.run(["init", "--no-check"].into_iter().chain(others)).success();
    fs::write(folder.path().join("notes.txt"), "PGCOFFER_BUCKET is in the safe").unwrap();
    let listed = agent.run(["init", "--undo"]).success();
    assert!(listed.text().contains("rm 'my sheet.txt'"), "{}", listed.text());
    assert!(
        listed.text().contains("x.toml, which has settings of pgcoffer"),
        "{}",
        listed.text()
    );
    assert!(
        !listed.text().contains("rm x.toml") && !listed.text().contains("notes.txt"),
        "{}",
        listed.text()
    );
}

/// What a sheet is, its name says.
#[test]
fn a_sheet_is_what_its_name_says() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    for name in ["b.pdf", "sheet.docx", "sheet.md"] {
        refused(
            &agent,
            &["--no-check", "--output", "env", "--sheet", name],
            &[name, ".html", ".txt"],
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
