//! What is said where nothing at hand opens what is there: which key or passphrase is wanted, and nothing untrue of the
//! place.

use crate::{
    config::refusals::refused,
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Outcome, REPOSITORY},
};

/// One that may seal, and the same with its last letter mistyped.
fn passphrases() -> [String; 2] {
    let made = Agent::new().run(["keygen", "--words", "--json"]).success().json();
    let right = made["passphrase"].as_str().unwrap().to_owned();
    let mut wrong = right.clone();
    let last = if wrong.pop() == Some('x') { 'y' } else { 'x' };
    wrong.push(last);
    [right, wrong]
}

fn with_passphrase(stage: &Stage, text: &str) -> Agent {
    let agent = stage.agent().without("PGCOFFER_KEY");
    agent
        .env("PGCOFFER_REPOSITORY", REPOSITORY)
        .env("PGCOFFER_PASSPHRASE", text)
}

fn unpinned(agent: &Agent) -> Agent {
    agent.clone().without("PGCOFFER_REPOSITORY")
}

/// With the repository pinned and not, each command that reads.
fn reading(agent: &Agent) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for agent in [agent.clone(), unpinned(agent)] {
        for command in [&["list"][..], &["verify"], &["show", "latest"], &["get", "latest"]] {
            outcomes.push(agent.run(command).ended_with(5));
        }
    }
    outcomes
}

#[test]
fn a_wrong_passphrase_is_told_as_one_and_not_as_a_wrong_key() {
    let stage = Stage::small();
    let [right, wrong] = passphrases();
    with_passphrase(&stage, &right).run(["backup"]).success();
    for outcome in reading(&with_passphrase(&stage, &wrong)) {
        let said = &outcome.stderr;
        assert!(said.contains("wrong passphrase: "), "{said}");
        assert!(
            said.contains("sealed for another passphrase, tried: a passphrase"),
            "{said}"
        );
        assert!(
            said.contains("PGCOFFER_PASSPHRASE") && said.contains("exactly that passphrase"),
            "{said}"
        );
        assert!(
            !said.contains("PGCOFFER_KEY") && !said.contains("PGCOFFER_OLD_KEYS"),
            "{said}"
        );
        assert!(!said.contains(&wrong), "{said}");
    }
    // where another kind is wanted than is at hand, that is said
    for outcome in reading(&stage.agent()) {
        let said = &outcome.stderr;
        assert!(said.contains("sealed for a passphrase, tried: key "), "{said}");
        assert!(
            said.contains("hint: set PGCOFFER_PASSPHRASE to that passphrase, instead of PGCOFFER_KEY"),
            "{said}"
        );
    }
    let beside = with_passphrase(&stage, &wrong);
    let checked = beside.run(["check"]).ended_with(8).text().to_owned();
    assert!(checked.contains("passphrase is another one"), "{checked}");
    assert!(
        !checked.contains("put the earlier one into PGCOFFER_OLD_KEYS"),
        "{checked}"
    );
}

#[test]
fn a_passphrase_where_a_key_is_wanted_is_told_which_key() {
    let stage = Stage::backed_up(SMALL);
    let [passphrase, _] = passphrases();
    for outcome in reading(&with_passphrase(&stage, &passphrase)) {
        let said = &outcome.stderr;
        assert!(
            said.contains("wrong key: ") && said.contains("tried: a passphrase"),
            "{said}"
        );
        assert!(said.contains("instead of PGCOFFER_PASSPHRASE"), "{said}");
    }
}

#[test]
fn after_a_rotation_nothing_untrue_is_said_of_the_place() {
    let stage = Stage::small();
    unpinned(&stage.agent()).run(["backup"]).success();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let rotated = stage
        .agent()
        .key(OTHER_KEY)
        .env("PGCOFFER_OLD_KEYS", format!("{KEY}@{today}"));
    unpinned(&rotated).run(["backup"]).success();
    // with the earlier key alone its backups open; what names the place is there, under another key
    let outcome = unpinned(&stage.agent()).run(["list"]).success();
    let said = &outcome.stderr;
    assert!(
        said.contains("repository.pgc: wrong key: this place is sealed for key"),
        "{said}"
    );
    assert!(
        said.contains("the repository's id is taken from the backups that open"),
        "{said}"
    );
    assert!(!said.contains("is gone"), "{said}");
    // with neither key: for which it is sealed now, and no word of which it was begun under
    let third = stage.agent().key(&"5a".repeat(32));
    let outcome = refused(
        &stage,
        unpinned(&third).run(["list"]),
        5,
        &["this place is sealed for key"],
    );
    assert!(!outcome.stderr.contains("begun under"), "{}", outcome.stderr);
    // and where it is gone, that is said
    let key = stage.key("repository.pgc");
    assert!(stage.bucket.delete(&key));
    let outcome = unpinned(&stage.agent()).run(["list"]).success();
    assert!(outcome.stderr.contains("repository.pgc is gone"), "{}", outcome.stderr);
}

#[test]
fn without_a_key_open_tells_which_one_is_wanted_where_the_file_says_it() {
    let stage = Stage::backed_up(SMALL);
    let sealed = stage.file("backup.pgc");
    let file = sealed.to_str().unwrap();
    stage.run(["get", "latest", "--sealed", "-q", "-o", file]).success();
    let bare = Agent::new();
    let wanted = pgcoffer::seal::MasterKey::parse(KEY).unwrap().key_id();
    let words = ["no key is configured", "is sealed for key ", &wanted, "recovery sheet"];
    refused(&stage, bare.run(["open", file]), 2, &words);
    // what is empty or no sealed object says nothing, nor that there are backups whose key was lost
    for bytes in [&b""[..], b"hello"] {
        let other = stage.file("other.pgc");
        std::fs::write(&other, bytes).unwrap();
        let other = other.to_str().unwrap();
        let outcome = refused(
            &stage,
            bare.run(["open", other]),
            2,
            &["no key is configured", "`pgcoffer init` makes one"],
        );
        assert!(!outcome.stderr.contains("opens none of them"), "{}", outcome.stderr);
        let outcome = stage.agent().run(["open", other]).ended_with(5);
        assert!(outcome.stderr.contains("not a sealed object"), "{}", outcome.stderr);
    }
}

#[test]
fn an_earlier_key_in_the_place_of_the_present_one_is_sent_where_it_belongs() {
    let stage = Stage::small();
    let bech32 = pgcoffer::seal::MasterKey::parse(KEY).unwrap().encode().to_string();
    let agent = stage.agent().key(&format!("{bech32} @2026-11-29"));
    let words = ["PGCOFFER_KEY", "the day on which it was retired", "PGCOFFER_OLD_KEYS"];
    refused(&stage, agent.run(["list"]), 2, &words);
}

/// How often this is said, on both of the ways out.
fn said(outcome: &Outcome, words: &str) -> usize {
    outcome.text().matches(words).count() + outcome.stderr.matches(words).count()
}

/// A place that has begun, without any record in it.
fn begun() -> Stage {
    let stage = Stage::small();
    unpinned(&stage.agent()).run(["backup"]).success();
    for key in stage.bucket.keys() {
        if !key.ends_with("/repository.pgc") {
            stage.bucket.delete(&key);
        }
    }
    stage
}

#[test]
fn a_place_of_another_key_does_not_look_empty_before_there_are_records() {
    const WRONG: &str = "repository.pgc: wrong key: this place is sealed for key ";
    let stage = begun();
    let pinned = stage.bucket.read("backups/repository.pgc").unwrap();
    let pinned = String::from_utf8_lossy(&pinned).into_owned();
    let pinned = pinned.split("repository ").nth(1).unwrap()[..32].to_owned();
    let wrong = stage
        .agent()
        .key(OTHER_KEY)
        .env("PGCOFFER_SCHEDULE", "daily at 02:30 keep 7d");
    let by_name = ["--database", "main"];
    for command in [
        &["list"][..],
        &["show", "latest"],
        &["status"],
        &["prune", "--dry-run"],
        &["tick"],
    ] {
        for more in [&[][..], &by_name] {
            let command = [command, more].concat();
            let outcome = unpinned(&wrong).run(command.iter().copied()).ended_with(5);
            let told = (said(&outcome, WRONG), said(&outcome, "hint: "));
            assert_eq!(told, (1, 1), "{command:?}: {outcome:?}");
        }
        // where the repository is pinned, a key of one's own is allowed: it is said, and stops nothing but looking for
        // a backup
        let pinned = wrong.clone().env("PGCOFFER_REPOSITORY", &pinned);
        let outcome = pinned.run(command.iter().copied());
        match command[0] {
            "tick" => assert!(outcome.status.success(), "{outcome:?}"),
            "list" | "show" => assert_eq!(outcome.status.code(), Some(5), "{outcome:?}"),
            _ => assert_ne!(outcome.status.code(), Some(5), "{outcome:?}"),
        }
        assert_eq!(said(&outcome, WRONG), 1, "{command:?}: {outcome:?}");
        assert_eq!(
            said(&outcome, "under its own key, nothing is wrong"),
            1,
            "{command:?}: {outcome:?}"
        );
    }
    // the tick has begun there under its own key: now nothing is said any more
    let own = wrong.env("PGCOFFER_REPOSITORY", &pinned);
    let listed = own.run(["list"]).success();
    assert_eq!(said(&listed, WRONG), 0, "{listed:?}");
}

#[test]
fn a_place_of_another_repository_than_the_pinned_one_does_not_look_empty() {
    let stage = begun();
    let other = stage.agent().env("PGCOFFER_REPOSITORY", "ab".repeat(16));
    for command in [&["list"][..], &["show", "latest"]] {
        let outcome = other.run(command).ended_with(2);
        let words = "PGCOFFER_REPOSITORY says abababab";
        assert_eq!(said(&outcome, words), 1, "{outcome:?}");
        assert_eq!(said(&outcome, "hint: "), 1, "{outcome:?}");
    }
    for command in [&["status"][..], &["prune", "--dry-run"]] {
        let outcome = other.run(command);
        assert_eq!(said(&outcome, "PGCOFFER_REPOSITORY says abababab"), 1, "{outcome:?}");
    }
    let report = other.run(["check", "--json"]).ended_with(8).json();
    crate::check::everything::assert_found(
        &report,
        ("bucket", "repository"),
        "failed",
        &["PGCOFFER_REPOSITORY says abababab"],
    );
}
