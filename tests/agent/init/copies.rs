//! `init` offers a place for copies: asked for, tried when it is typed, and written with everything else.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    init::dialogue::fresh,
    places::{files, with_s3},
    stage::{KEY, Stage},
    testbed::{Agent, S3Server, Sshd, Terminal},
};

/// The item above the way back: nobody else is notified.
const NOBODY: &str = "\x1b[A\x1b[A";
/// The items of the question, from the first one on.
const S3: &str = "\x1b[B";
const SERVER: &str = "\x1b[B\x1b[B";
const FOLDER: &str = "\x1b[B\x1b[B\x1b[B";
const ASKED: &str = "Keep a copy elsewhere";

/// Up to the question for a place, on a machine where database, bucket and key are set.
fn begin(agent: &Agent, folder: &Path, more: &[&str]) -> Terminal {
    let args = ["init", "--output", "env", "--write", "x.env", "--sheet", "s.txt"];
    let schedule = ["--schedule", "daily keep 7d", "--timezone", "UTC"];
    let args = args.into_iter().chain(schedule).chain(more.iter().copied());
    let mut terminal = Terminal::start(&agent.clone().current_dir(folder), args);
    terminal.expect_hidden("URL of another database");
    terminal.answer("");
    terminal
}

/// From the place on to the end; the settings that were written.
fn finish(terminal: &mut Terminal, folder: &Path) -> BTreeMap<String, String> {
    terminal.expect("Who is notified");
    terminal.answer(NOBODY);
    terminal.expect(" 0 failed");
    terminal.expect("What is left to do");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let text = fs::read_to_string(folder.join("x.env")).unwrap();
    let lines = text.lines().map(|line| line.split_once('=').unwrap());
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The host key is shown and taken only after a yes; nobody logs in before.
#[test]
fn a_server_is_taken_once_its_host_key_was_compared() {
    let stage = Stage::small();
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = begin(&stage.agent(), folder.path(), &[]);
    terminal.expect("A bucket can be lost");
    terminal.expect(ASKED);
    terminal.answer(SERVER);
    terminal.expect("Its name");
    terminal.answer("vps");
    terminal.expect("as user@host/path");
    // another kind of place, then the right one
    let location = sshd.location(sshd.folder()).to_string();
    terminal.answer(&format!("s3://bucket\r\x15{location}"));
    terminal.expect("How does pgcoffer log in there");
    terminal.answer("");
    terminal.expect("The private key's file");
    let key = sshd.path("client");
    terminal.answer(&format!("{}.pub\r\x15{}", key.display(), key.display()));
    terminal.expect("restrict,command=\"internal-sftp\" ssh-ed25519 ");
    terminal.expect("The server shows this host key");
    terminal.expect(&sshd.fingerprint("ed25519"));
    terminal.expect("is it the same?");
    terminal.answer("");
    terminal.expect("No login was tried");
    terminal.expect("This place doesn't work yet");
    assert_eq!(sshd.logins(), 0);
    terminal.answer("");
    terminal.expect("is it the same?");
    terminal.answer("y");
    terminal.expect("It works.");
    assert!(sshd.logins() > 0);
    terminal.expect(ASKED);
    terminal.answer("");
    let vars = finish(&mut terminal, folder.path());
    assert!(terminal.screen().contains("it fills vps"), "{}", terminal.screen());
    assert_eq!(vars["PGCOFFER_COPY_VPS_HOST_KEY"], sshd.fingerprint("ed25519"));
    assert!(vars["PGCOFFER_COPY_VPS_SSH_KEY"].starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\\n"));

    // the settings need nothing of this machine, and the sheet names the place and no secret of it
    fs::remove_file(&key).unwrap();
    let agent = Agent::new().envs(vars);
    let made = agent.run(["backup", "--json"]).success().json();
    assert_eq!(made["copies"][0]["held"], 1, "{made:#}");
    assert!(files(&sshd.folder()).keys().any(|name| name.contains("/records/")));
    let sheet = fs::read_to_string(folder.path().join("s.txt")).unwrap();
    assert!(sheet.contains(&format!("vps  ({location})")), "{sheet}");
    assert!(sheet.contains("add --from vps to each command"), "{sheet}");
    assert!(!sheet.contains("BEGIN OPENSSH"), "{sheet}");
}

/// What is wrong with a server is said at once, and a place can be left out.
#[test]
fn a_wrong_host_key_and_a_server_that_is_down_are_found_when_they_are_typed() {
    let stage = Stage::small();
    let mut sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let wrong = format!("SHA256:{}", "A".repeat(43));
    let agent = stage
        .agent()
        .env("PGCOFFER_COPY_VPS_HOST_KEY", wrong)
        .env("PGCOFFER_COPY_VPS_SSH_KEY", sshd.path("client"));
    let place = format!("vps={}", sshd.location(sshd.folder()));
    let mut terminal = begin(&agent, folder.path(), &["--place", &place]);
    terminal.expect("Trying it");
    terminal.expect("and another one");
    terminal.expect("This place doesn't work yet");
    assert_eq!(sshd.logins(), 0);
    sshd.stop();
    terminal.answer("");
    terminal.expect(&sshd.port().to_string());
    terminal.expect("This place doesn't work yet");
    terminal.answer("\x1b[B\x1b[B\x1b[B");
    terminal.expect(ASKED);
    terminal.answer("");
    terminal.expect("What is in the bucket is then all there is");
    let vars = finish(&mut terminal, folder.path());
    let left: Vec<&String> = vars.keys().filter(|name| name.contains("_COPY_")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(
        terminal
            .screen()
            .contains("Keep a copy elsewhere, in case the bucket is lost")
    );
}

/// A folder that isn't there, one that can't be written, and one that works; and the way back.
#[test]
fn a_folder_is_tried_when_it_is_typed() {
    let stage = Stage::small();
    let (folder, nas) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut terminal = begin(&stage.agent(), folder.path(), &[]);
    terminal.expect(ASKED);
    terminal.answer(S3);
    terminal.expect("Its name");
    terminal.press("back\r");
    terminal.expect(ASKED);
    terminal.answer(FOLDER);
    terminal.expect("Its name");
    terminal.answer("");
    terminal.expect("as /path/to/folder");
    terminal.answer("/not/there");
    terminal.expect("there is no such folder");
    terminal.expect("This place doesn't work yet");
    terminal.answer("\x1b[B");
    terminal.expect("as /path/to/folder");
    // nobody may make a file there, not even root
    terminal.answer("/proc");
    terminal.expect("FAILED");
    terminal.expect("This place doesn't work yet");
    terminal.answer("\x1b[B");
    terminal.expect("as /path/to/folder");
    terminal.answer(nas.path().to_str().unwrap());
    terminal.expect("It works.");
    terminal.expect(ASKED);
    terminal.answer("");
    let vars = finish(&mut terminal, folder.path());
    assert_eq!(
        vars["PGCOFFER_COPY_NAS_URL"],
        format!("file://{}", nas.path().display())
    );
    // it is true of this machine alone, and the settings are for a container
    let screen = terminal.screen();
    assert!(
        screen.contains("warning: from a container these lead to the container itself") && screen.contains("NAS_URL"),
        "{screen}"
    );
    let agent = Agent::new().envs(vars);
    agent.run(["backup"]).success();
    agent.run(["copy"]).success();
    agent.run(["verify", "--from", "nas"]).success();
}

/// Another service with credentials of its own; and the bucket itself under another name is warned of.
#[test]
fn a_place_on_s3_has_credentials_of_its_own() {
    let (stage, other) = (Stage::small(), S3Server::start());
    let folder = tempfile::tempdir().unwrap();
    let env: BTreeMap<_, _> = stage.bucket.env().into_iter().collect();
    let mut terminal = begin(&stage.agent(), folder.path(), &[]);
    for (name, server) in [("", &other), ("same", &stage.bucket)] {
        terminal.expect(ASKED);
        terminal.answer(S3);
        terminal.expect("Its name");
        terminal.answer(name);
        terminal.expect("as s3://bucket/prefix");
        terminal.answer("s3://testbed/copies");
        terminal.expect("Its service");
        terminal.answer(&server.endpoint());
        terminal.expect("bucket's name in the path?");
        terminal.answer("");
        if name == "same" {
            terminal.expect("That is the provider of the bucket");
        }
        terminal.expect("Its region");
        terminal.answer("");
        terminal.expect("Access key id there");
        terminal.answer(&env["AWS_ACCESS_KEY_ID"]);
        terminal.expect_hidden("Secret access key there");
        terminal.answer(&env["AWS_SECRET_ACCESS_KEY"]);
        if name == "same" {
            terminal.expect("it is in the same bucket");
        }
        terminal.expect("It works.");
    }
    terminal.expect(ASKED);
    terminal.press("\x03");
    terminal.expect("--place offsite=s3://testbed/copies --place same=s3://testbed/copies");
    assert_eq!(terminal.ended(), 130);
    assert!(!terminal.screen().contains(&env["AWS_SECRET_ACCESS_KEY"]));
}

/// Flags say it where nobody can be asked, and each form holds what they say.
#[test]
fn every_form_has_the_places_that_flags_name() {
    let (stage, other, nas) = (Stage::small(), S3Server::start(), tempfile::tempdir().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let agent = with_s3(stage.agent(), &other)
        .without("PGCOFFER_COPY_OFFSITE_URL")
        .current_dir(folder.path());
    let (s3, file) = (
        "offsite=s3://testbed/copies",
        format!("the_nas=file://{}", nas.path().display()),
    );
    for form in ["heroku", "env", "dotenv", "toml", "kubernetes", "shell"] {
        let args = [
            "init",
            "--no-check",
            "--quiet",
            "--output",
            form,
            "--place",
            s3,
            "--place",
            &file,
        ];
        let written = agent.run(args).success();
        let names = match form {
            "toml" => ["[copy.offsite]", "[copy.the_nas]", "secret_access_key = "],
            _ => [
                "PGCOFFER_COPY_OFFSITE_URL",
                "PGCOFFER_COPY_THE_NAS_URL",
                "PGCOFFER_COPY_OFFSITE_SECRET_ACCESS_KEY",
            ],
        };
        for name in names {
            assert!(written.text().contains(name), "{form}: {name}\n{}", written.text());
        }
    }
    // pgcoffer.toml is read as it was meant
    let args = [
        "init",
        "--output",
        "toml",
        "--write",
        "pgcoffer.toml",
        "--place",
        s3,
        "--place",
        &file,
    ];
    let said = agent.run(args).success().stderr;
    assert!(said.contains("Place offsite, s3://testbed/copies"), "{said}");
    let of_aws = stage
        .bucket
        .env()
        .into_iter()
        .filter(|(name, _)| name.starts_with("AWS_"));
    let agent = Agent::new().envs(of_aws).current_dir(folder.path());
    agent.run(["backup"]).success();
    let copied = agent.run(["copy", "--json"]).success().json();
    let held: Vec<_> = copied["copies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["held"])
        .collect();
    assert_eq!(held, [1, 1], "{copied:#}");
}

#[test]
fn what_is_wrong_with_a_place_that_a_flag_names_is_said_at_once() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    for (place, words) in [
        ("s3://bucket", &["a place has no name", "--place wants NAME=URL"][..]),
        ("off-site=s3://bucket", &["can't be the name of a place"]),
        ("bucket=s3://bucket", &["PGCOFFER_BUCKET"]),
        ("nas=/mnt/nas", &["the URL of the place nas can't be used"]),
        ("vps=sftp://u:hunter2@h/p", &["no password"]),
        (
            "offsite=s3://copies/p",
            &[
                "PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID",
                "those of the bucket don't stand in",
            ],
        ),
    ] {
        let args = ["init", "--no-check", "--output", "env", "--place", place];
        let refused = agent.run(args).ended_with(2);
        for word in words {
            assert!(refused.stderr.contains(word), "{place}: {word}: {}", refused.stderr);
        }
        assert!(
            refused.stdout.is_empty() && !refused.stderr.contains("hunter2"),
            "{}",
            refused.stderr
        );
    }
}

/// A new machine that has nothing yet is asked after the key, and `--yes` takes no place.
#[test]
fn none_is_an_answer_and_what_yes_says() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = fresh(&stage, folder.path()).key(KEY).s3(&stage.bucket);
    let args = ["init", "--no-check", "--yes", "--database", "main=env:DATABASE_URL"];
    let more = ["--output", "env", "--write", "y.env", "--sheet", "t.txt"];
    let mut terminal = Terminal::start(&agent, args.into_iter().chain(more));
    terminal.expect("4. A copy elsewhere");
    terminal.expect("Keep a copy elsewhere, in case the bucket is lost");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let sheet = fs::read_to_string(folder.path().join("t.txt")).unwrap();
    assert!(!sheet.contains("--from"), "{sheet}");
}
