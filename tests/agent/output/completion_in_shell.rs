//! Completions where they meet what others have named: files, and settings that lie about.

use std::{fs, path::Path};

use crate::{
    stage::{SMALL, Stage},
    testbed::{Agent, Terminal, binary},
};

/// What the command line gets in a folder with these files, when somebody types this, Tab and Enter in bash.
fn typed_in_bash(folder: &Path, files: &[&str], typed: &str) -> Option<String> {
    for file in files {
        fs::write(folder.join(file), "").unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", binary().parent().unwrap().display());
    let agent = Agent::new()
        .without("PATH")
        .env("PATH", path)
        .env("INPUTRC", "/dev/null")
        .env("HISTFILE", "")
        .env("PS1", "READY> ")
        .env("PS2", "READY> ")
        .current_dir(folder);
    let mut bash = Terminal::of_program("bash".as_ref(), 200, &agent, ["--norc", "--noprofile", "-i"]);
    bash.expect("READY> ");
    bash.answer("source <(pgcoffer completions bash); pgcoffer() { printf '%s\\n' \"$@\" >../got; }");
    bash.expect("READY> ");
    bash.press(&format!("{typed}\t\r"));
    // the next prompt, which is also that of a line whose quotes are still open
    bash.expect("READY> ");
    fs::read_to_string(folder.join("../got")).ok()
}

#[test]
fn the_name_of_a_file_is_no_command_where_bash_completes_it() {
    for name in [
        "x$(touch PWNED).pgc",
        "x`touch PWNED`",
        "x';touch PWNED;'",
        "x\";touch PWNED;\"",
        "x;touch PWNED",
        "x&touch PWNED&",
        "x|touch PWNED",
        "x>PWNED",
        "x<PWNED",
        "x two  blanks",
        "x\\back\\slash",
        "x!!${HOME}*?[a]{b,c}~#",
        "xé✓",
    ] {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("here");
        fs::create_dir(&folder).unwrap();
        let got = typed_in_bash(&folder, &[name], "pgcoffer open x");
        assert_eq!(got.as_deref(), Some(format!("open\n{name}\n").as_str()), "{name}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "{name}: a file was made");
    }
    // of several their common beginning; in quotes; and what a line or a terminal can't show
    for (names, typed) in [
        (&["x$(touch PWNED)a", "x$(touch PWNED)b"][..], "pgcoffer open x"),
        (&["x$(touch PWNED)"], "pgcoffer open \"x"),
        (&["x';touch PWNED;'"], "pgcoffer open 'x"),
        (&["x\ntouch PWNED\n"], "pgcoffer open x"),
        (&["x\u{1b}]0;touch PWNED\u{7}", "x\u{9b}2J"], "pgcoffer open x"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("here");
        fs::create_dir(&folder).unwrap();
        typed_in_bash(&folder, names, typed);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), names.len(), "{names:?}");
    }
}

#[test]
fn names_that_a_terminal_would_obey_are_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["xa", "x\u{1b}[2J", "x\nb", "x\tc", "x\u{9b}2J", "x\u{202e}d", "x\r"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let agent = Agent::new().current_dir(folder.path());
    let outcome = agent.run(["complete", "2", "--", "pgcoffer", "open", "x"]).success();
    let values: Vec<&str> = outcome
        .text()
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(values, ["xa"]);
}

/// Places by the names that the settings give them, and nothing of their addresses.
#[test]
fn places_are_completed_by_their_names() {
    let agent = Agent::new()
        .env("PGCOFFER_COPY_OFFSITE_URL", "s3://somewhere/secret-path")
        .env("PGCOFFER_COPY_OFFSITE_ENDPOINT_URL", "https://s3.example.com")
        .env("PGCOFFER_COPY_BIG_NAS_URL", "file:///mnt/nas");
    for (typed, wanted) in [
        (
            &["list", "--from", ""][..],
            &["big_nas\ta folder", "offsite\ton S3"][..],
        ),
        (&["copy", "--to", "o"], &["offsite\ton S3"]),
        (&["policy", "--place", "b"], &["big_nas\ta folder"]),
    ] {
        let index = typed.len().to_string();
        let args = ["complete", &index, "--", "pgcoffer"]
            .into_iter()
            .chain(typed.iter().copied());
        let outcome = agent.run(args).success();
        assert_eq!(outcome.text().lines().collect::<Vec<_>>(), wanted, "{typed:?}");
    }
    // where a database is restored to is no place
    let args = ["complete", "4", "--", "pgcoffer", "restore", "latest", "--to", ""];
    assert!(!agent.run(args).success().text().contains("offsite"));
}

/// Whoever presses a key sends nothing to where a file says that merely lies in the folder.
#[test]
fn a_file_of_settings_that_nobody_has_named_is_asked_for_no_ids() {
    let stage = Stage::backed_up(SMALL);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgcoffer.toml");
    fs::write(&file, "bucket = \"s3://testbed/backups\"\n").unwrap();
    let agent = stage.agent().without("PGCOFFER_BUCKET").current_dir(folder.path());
    let before = stage.bucket.calls().len();
    let complete = ["complete", "2", "--", "pgcoffer", "show", ""];
    let outcome = agent.run(complete).success();
    assert_eq!(outcome.text(), "latest\tthe newest good one\n");
    assert_eq!(stage.bucket.calls().len(), before, "it was asked");
    // by name it is
    let named = agent.env("PGCOFFER_CONFIG", &file);
    assert_eq!(named.run(complete).success().text().lines().count(), 2);
}
