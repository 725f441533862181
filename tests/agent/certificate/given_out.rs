//! What stands in certificates, and in which forms they are given out.

use sha2::{Digest as _, Sha256};

use super::{NAMES, Scene, read, statement, told, verify};
use crate::{
    stage::{KEY, SMALL, Stage},
    testbed::{Agent, binary},
};

#[test]
fn a_drill_leaves_a_certificate_with_what_it_has_proven_and_without_a_name() {
    let scene = Scene::drilled(1);
    let envelope = scene.newest();
    let statement = statement(&envelope);
    let text = statement.to_string();
    for name in NAMES.iter().chain([&KEY, &scene.stage.database.as_str()]) {
        assert!(!text.contains(name), "{name}: {text}");
    }
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let subject = &statement["subject"][0];
    let archive = scene.stage.bucket.read(&scene.stage.key("/archives/")).unwrap();
    let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&archive));
    assert_eq!(subject["digest"]["sha256"], sha256.as_str());
    assert!(
        subject["name"].as_str().unwrap().starts_with("main/archives/manual/"),
        "{subject}"
    );

    let predicate = &statement["predicate"];
    assert_eq!(predicate["verdict"], "proven");
    assert_eq!(predicate["chain"], serde_json::json!({ "number": 1 }));
    let backup = &predicate["backup"];
    assert!(
        backup["encryption"]["sealedFor"].as_str().unwrap().starts_with("key "),
        "{backup}"
    );
    assert!(
        backup["source"]["postgres"].as_str().unwrap().starts_with("15."),
        "{backup}"
    );
    let drill = &predicate["drill"];
    assert!(drill["startedBy"].as_str().unwrap().contains('@'), "{drill}");
    let program = data_encoding::HEXLOWER.encode(&Sha256::digest(std::fs::read(binary()).unwrap()));
    assert_eq!(drill["agentSha256"], program.as_str());
    let comparison = &predicate["comparison"];
    assert_eq!(comparison["expected"], comparison["found"]);
    assert_eq!(comparison["expected"]["rows"], 500);
    assert_eq!(
        (&comparison["equalTables"], &comparison["expected"]["tables"]),
        (&2.into(), &2.into())
    );
    let kinds = comparison["definitions"].as_array().unwrap();
    assert!(
        kinds.iter().any(|kind| kind["kind"] == "VIEW" && kind["count"] == 1),
        "{kinds:?}"
    );
    let place = predicate["scratch"]["place"].as_str().unwrap();
    assert_eq!(place, format!("127.0.0.1:{}", scene.stage.cluster.port()));
    // the tests' own cluster is source and scratch
    assert_eq!(predicate["scratch"]["otherThanSource"], false);
    assert_eq!(predicate["scratch"]["collation"], backup["source"]["collation"]);
    assert!(backup["source"]["collation"]["locale"].is_string(), "{backup}");
    assert!(predicate["recovery"]["restoreMs"].as_i64().unwrap() > 0);
    assert!(predicate["controls"].as_array().unwrap().len() > 3);

    let shown = scene.agent.run(["certificate", "show"]).success();
    assert!(
        shown.text().starts_with("Proven: everything came back"),
        "{}",
        shown.text()
    );
    assert!(
        told(&shown).contains("2 of 2 tables, 500 of 500 rows"),
        "{}",
        shown.text()
    );
    let id = backup["id"].as_str().unwrap();
    let one = scene
        .agent
        .run(["certificate", "show", &id[..13], "--json"])
        .success()
        .json();
    assert_eq!(one["statement"], statement);
    let none = scene.agent.run(["certificate", "show", "20200101T0000"]).ended_with(7);
    assert!(
        none.stderr.contains("there is no certificate of 20200101T0000"),
        "{}",
        none.stderr
    );
}

#[test]
fn with_names_it_says_what_came_back_and_takes_the_key_itself() {
    let stage = Stage::backed_up(SMALL);
    let checks = stage.file("checks.sql");
    std::fs::write(&checks, "-- expect: 501\nselect count(*) from people;\n").unwrap();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"))
        .env("PGCOFFER_DRILL_SQL", &checks);
    agent.run(["drill"]).ended_with(5);
    let stored = agent.run(["certificate", "get", "-o", "-"]).success().json();
    let named = agent.run(["certificate", "get", "--names", "-o", "-"]).success().json();
    let (without, with) = (statement(&stored), statement(&named));
    assert_eq!(without["predicate"]["verdict"], "notProven");
    assert_eq!(
        without["predicate"]["comparison"]["checks"],
        serde_json::json!({ "passed": 0, "failed": 1 })
    );
    assert!(!without.to_string().contains("people"));
    let names = &with["predicate"]["names"];
    let tables = names["tables"].as_array().unwrap();
    assert_eq!(
        (&tables[0]["name"], &tables[0]["found"]["rows"]),
        (&"people".into(), &500.into())
    );
    assert_eq!(names["checks"][0]["found"], "500");
    let payload = data_encoding::BASE64
        .decode(stored["payload"].as_str().unwrap().as_bytes())
        .unwrap();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(payload));
    assert_eq!(with["predicate"]["chain"]["storedSha256"], digest.as_str());

    // who only watches sees that it failed, and no name
    let catalog = agent.run(["keygen", "--catalog"]).success();
    let watching = agent
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_CATALOG_KEY", catalog.text().trim());
    let shown = watching.run(["certificate", "show"]).success();
    assert!(shown.text().starts_with("Not proven"), "{}", shown.text());
    let refused = watching.run(["certificate", "get", "--names"]).ended_with(2);
    assert!(refused.stderr.contains("takes the key itself"), "{}", refused.stderr);
}

/// A typing error is no evidence: it leaves nothing in the bucket, and `status` is as before.
#[test]
fn a_drill_that_can_t_begin_leaves_nothing() {
    let stage = Stage::backed_up(SMALL);
    let before = stage.run(["status"]).success();
    for (name, value) in [
        ("TMPDIR", "/nosuch"),
        ("PGCOFFER_SCRATCH_URL", "postgres://nobody@127.0.0.1:1/postgres"),
    ] {
        let outcome = stage.agent().env(name, value).run(["drill"]);
        assert_ne!(outcome.code(), 0);
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
        assert_eq!(stage.keys("/main/drills/"), [""; 0], "{name}");
        stage.run(["certificate", "show"]).ended_with(7);
    }
    let after = stage.run(["status"]).success();
    assert!(!after.text().contains("carried out"), "{}", after.text());
    assert_eq!(before.text().lines().count(), after.text().lines().count());
}

#[test]
fn a_page_is_given_out_that_needs_nothing_beside_itself() {
    let scene = Scene::drilled(1);
    let page = scene
        .agent
        .run(["certificate", "get", "--format", "html", "-o", "-"])
        .success();
    let page = page.text();
    assert!(page.starts_with("<!doctype html>") && page.contains("Proven"), "{page}");
    for outside in ["src=", "http-equiv=\"refresh", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_bundle_for_other_tools_holds_the_same_envelope() {
    let scene = Scene::drilled(1);
    let file = scene.file("bundle.json");
    let args = ["certificate", "get", "--format", "bundle", "-o", file.to_str().unwrap()];
    scene.agent.run(args).success();
    let bundle = read(&file);
    assert_eq!(bundle["dsseEnvelope"], scene.newest());
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    verify(&scene.key_file(), [&file]).success();
    // nothing is written over
    let again = scene.agent.run(args).ended_with(1);
    assert!(again.stderr.contains("bundle.json"), "{}", again.stderr);
}

#[test]
fn a_place_without_backups_has_no_key_and_no_certificate() {
    let stage = Stage::small();
    let agent = stage.agent().without("PGCOFFER_REPOSITORY");
    let refused = agent.run(["certificate", "key"]).ended_with(2);
    assert!(
        refused.stderr.contains("there is no repository here yet"),
        "{}",
        refused.stderr
    );
    stage.back_up();
    let none = stage.run(["certificate", "show"]).ended_with(7);
    assert!(none.stderr.contains("there is no certificate in"), "{}", none.stderr);
    assert!(none.stderr.contains("pgcoffer drill"), "{}", none.stderr);
    let none = Agent::new().run(["certificate", "show"]).ended_with(2);
    assert!(none.stderr.contains("hint: "), "{}", none.stderr);
}
