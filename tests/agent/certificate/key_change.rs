//! After a change of the key, old certificates are verified by the old public key.

use super::{Scene, told, verify};
use crate::{
    stage::{KEY, OTHER_KEY, next_second},
    testbed::Agent,
};

/// The same agent after its key was replaced now.
fn with_new_key(agent: &Agent) -> Agent {
    next_second();
    let moment = jiff::Timestamp::now();
    next_second();
    agent
        .clone()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_KEY", OTHER_KEY)
        .env("PGCOFFER_OLD_KEYS", format!("{KEY}@{moment}"))
}

#[test]
fn the_chain_goes_on_and_each_certificate_names_its_key() {
    let scene = Scene::drilled(1);
    let old_key = scene.key_file();
    let agent = with_new_key(&scene.agent);
    let shown = agent.run(["certificate", "show"]).success();
    assert!(told(&shown).contains("which was replaced on"), "{}", shown.text());
    agent.run(["backup"]).success();
    agent.run(["drill"]).success();
    let shown = agent.run(["certificate", "show", "--json"]).success().json();
    assert_eq!(shown["statement"]["predicate"]["chain"]["number"], 2);
    assert_eq!(shown["key_retired"], serde_json::Value::Null);

    let scene = Scene {
        agent: agent.clone(),
        ..scene
    };
    let files = scene.get_all();
    verify(&old_key, [&files[0]]).success();
    verify(&old_key, [&files[1]]).ended_with(5);
    let keys = scene.file("keys.pem");
    let both = agent.run(["certificate", "key", "--old"]).success();
    assert_eq!(both.text().matches("BEGIN PUBLIC KEY").count(), 2, "{}", both.text());
    std::fs::write(&keys, &both.stdout).unwrap();
    let whole = verify(&keys, &files).success();
    assert!(
        told(&whole).contains("numbers 1 to 2, none is missing"),
        "{}",
        whole.text()
    );
    // the present one alone is what `certificate key` prints
    let present = agent.run(["certificate", "key"]).success();
    assert_eq!(present.text().matches("BEGIN PUBLIC KEY").count(), 1);
    assert!(both.text().contains(present.text()));
    // with its names the old one is signed by the old key
    let named = scene.file("named.json");
    let first = files[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(
        first.starts_with("main-1-") && first.ends_with(".certificate.json"),
        "{first}"
    );
    let id = super::statement(&super::read(&files[0]))["predicate"]["backup"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let args = ["certificate", "get", &id, "--names", "-o", named.to_str().unwrap()];
    agent.run(args).success();
    verify(&old_key, [&named]).success();
}
