//! Certificates that were forged, exchanged, left out or taken from elsewhere, as somebody finds them who has the public
//! key alone.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::Value;

use super::{Scene, read, statement, told, verify};
use crate::{
    stage::{KEY, OTHER_KEY, Stage},
    testbed::Agent,
};

fn write(file: &Path, envelope: &Value) {
    std::fs::write(file, envelope.to_string()).unwrap();
}

#[test]
fn what_was_changed_is_refused_whatever_it_says_of_itself() {
    let scene = Scene::drilled(2);
    let files = scene.get_all();
    let (key, forged) = (scene.key_file(), scene.file("forged.json"));
    let (first, second) = (read(&files[0]), read(&files[1]));
    verify(&key, &files).success();
    let refused = |envelope: &Value| {
        write(&forged, envelope);
        let outcome = verify(&key, [&forged]).ended_with(5);
        assert!(
            outcome.stderr.contains("none of the keys at hand signed it"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
        assert_eq!(outcome.text(), "");
    };
    let mut changed = statement(&first);
    changed["predicate"]["comparison"]["found"]["rows"] = 499.into();
    let mut envelope = first.clone();
    envelope["payload"] = BASE64.encode(changed.to_string().as_bytes()).into();
    refused(&envelope);
    let mut swapped = first.clone();
    swapped["signatures"] = second["signatures"].clone();
    refused(&swapped);
    let mut other_type = first.clone();
    other_type["payloadType"] = "application/json".into();
    refused(&other_type);
    let mut empty = first;
    empty["signatures"][0]["sig"] = "".into();
    refused(&empty);
}

#[test]
fn another_key_and_another_repository_are_strangers() {
    let scene = Scene::drilled(1);
    let files = scene.get_all();
    // the same secret key and the same database's name: only the repository differs
    let (stage, repository) = (Stage::small(), "ab".repeat(16));
    let elsewhere = stage
        .agent()
        .without("PGCOFFER_REPOSITORY")
        .env("PGCOFFER_REPOSITORY", &repository)
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    elsewhere.run(["backup"]).success();
    elsewhere.run(["drill"]).success();
    let replayed = scene.file("replayed.json");
    let args = ["certificate", "get", "-o", replayed.to_str().unwrap()];
    elsewhere.run(args).success();
    let outcome = verify(&scene.key_file(), [&files[0], &replayed]).ended_with(5);
    assert!(told(&outcome).contains("not verified: "), "{}", outcome.text());
    assert!(
        told(&outcome).contains("replayed.json: none of the keys"),
        "{}",
        outcome.text()
    );

    // where somebody trusts both keys, it is still of another repository
    let both = scene.file("both.pem");
    let theirs = elsewhere.run(["certificate", "key"]).success();
    let ours = std::fs::read(scene.key_file()).unwrap();
    std::fs::write(&both, [ours, theirs.stdout].concat()).unwrap();
    verify(&both, [&replayed]).success();
    let args = [
        "certificate",
        "verify",
        "--key",
        both.to_str().unwrap(),
        "--repository",
        crate::testbed::REPOSITORY,
        replayed.to_str().unwrap(),
    ];
    let outcome = Agent::new().run(args).ended_with(5);
    assert!(
        told(&outcome).contains(&format!("it is of another repository, {repository}")),
        "{}",
        outcome.text()
    );

    let other = scene
        .agent
        .clone()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_KEY", OTHER_KEY);
    let key = other.run(["certificate", "key"]).success();
    assert_ne!(key.stdout, std::fs::read(scene.key_file()).unwrap());
}

#[test]
fn a_chain_with_a_missing_or_doubled_link_is_named() {
    let scene = Scene::drilled(3);
    let files = scene.get_all();
    let key = scene.key_file();
    let whole = verify(&key, [&files[2], &files[0], &files[1]]).success();
    assert!(
        told(&whole).contains("chain of main: numbers 1 to 3, none is missing"),
        "{}",
        whole.text()
    );
    let outcome = verify(&key, [&files[0], &files[2]]).ended_with(5);
    assert!(
        told(&outcome).contains("number 2 is missing, between"),
        "{}",
        outcome.text()
    );
    let outcome = verify(&key, [&files[0], &files[0]]).ended_with(5);
    assert!(
        told(&outcome).contains("are the same certificate, number 1"),
        "{}",
        outcome.text()
    );
    let later = verify(&key, &files[1..]).success();
    assert!(
        told(&later).contains("the earlier ones are not at hand"),
        "{}",
        later.text()
    );
    let mut args = vec!["certificate", "verify", "--json", "--key", key.to_str().unwrap()];
    args.extend([files[0].to_str().unwrap(), files[2].to_str().unwrap()]);
    let json = Agent::new().run(args).ended_with(5).json();
    let fault = &json["chains"][0]["faults"][0];
    assert_eq!(
        (&fault["kind"], &fault["from"]),
        (&"missing".into(), &2.into()),
        "{json:#}"
    );
    assert!(fault["text"].as_str().unwrap().contains("number 2 is missing"));
    assert_eq!(json["certificates"][1]["number"], 3);
}

#[test]
fn it_is_about_one_archive() {
    let scene = Scene::drilled(1);
    let files = scene.get_all();
    let archive = scene.file("archive.pgc");
    let args = ["get", "latest", "--sealed", "-q", "-o", archive.to_str().unwrap()];
    scene.agent.run(args).success();
    let with_archive = || {
        let key = scene.key_file();
        let mut args = vec!["certificate", "verify", "--key", key.to_str().unwrap(), "--archive"];
        args.extend([archive.to_str().unwrap(), files[0].to_str().unwrap()]);
        Agent::new().run(args)
    };
    with_archive().success();
    let mut bytes = std::fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    let outcome = with_archive().ended_with(5);
    assert!(told(&outcome).contains("about another archive"), "{}", outcome.text());
}

#[test]
fn what_is_no_key_and_what_is_no_certificate_is_named_and_no_secret_repeated() {
    let scene = Scene::drilled(1);
    let file = scene.get_all().remove(0);
    let file = file.to_str().unwrap();
    let none = Agent::new().run(["certificate", "verify", file]).ended_with(2);
    assert!(
        none.stderr.contains("there is no public key to verify by"),
        "{}",
        none.stderr
    );
    assert!(none.stderr.contains("recovery sheet"), "{}", none.stderr);
    let master = pgcoffer::seal::MasterKey::parse(KEY).unwrap().encode();
    let secret = Agent::new()
        .run(["certificate", "verify", file, "--key", master.as_str()])
        .ended_with(2);
    assert!(
        secret.stderr.contains("it is a secret key of pgcoffer"),
        "{}",
        secret.stderr
    );
    assert!(!secret.stderr.contains(&master.as_str()[20..40]), "{}", secret.stderr);
    let missing = Agent::new()
        .run(["certificate", "verify", file, "--key", "nowhere.pem"])
        .ended_with(1);
    assert!(missing.stderr.contains("nowhere.pem"), "{}", missing.stderr);

    // from a variable, beside settings that are of no use
    let line = scene.agent.run(["certificate", "key", "--json"]).success().json();
    let line = line["keys"][0]["public_key"].as_str().unwrap();
    let by_variable = Agent::new()
        .env("PGCOFFER_CERTIFICATE_KEY", line)
        .env("PGCOFFER_BUCKET", "nonsense")
        .env("PGCOFFER_KEY", "nonsense");
    by_variable.run(["certificate", "verify", file]).success();
    let wrong = Agent::new().env("PGCOFFER_CERTIFICATE_KEY", "AAAA");
    let wrong = wrong.run(["certificate", "verify", file]).ended_with(2);
    assert!(wrong.stderr.contains("PGCOFFER_CERTIFICATE_KEY"), "{}", wrong.stderr);

    let odd = scene.file("odd.json");
    for (text, told) in [
        ("<html>", "it is not JSON"),
        ("{}", "it is not a DSSE envelope"),
        (
            r#"{"payload":"","payload":"","payloadType":"","signatures":[{"sig":""}]}"#,
            "it is not a DSSE envelope: an object has one name twice",
        ),
        (
            r#"{"payload":"","payloadType":"","signatures":[]}"#,
            "nothing has signed it",
        ),
    ] {
        std::fs::write(&odd, text).unwrap();
        let outcome = verify(&scene.key_file(), [&odd]).ended_with(5);
        assert!(outcome.stderr.contains(told), "{told}: {}", outcome.stderr);
    }
    let gone = verify(&scene.key_file(), [scene.file("gone.json")]).ended_with(1);
    assert!(gone.stderr.contains("gone.json"), "{}", gone.stderr);
}
