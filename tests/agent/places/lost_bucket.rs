//! The bucket is lost: everything comes back from a place and the key.

use serde_json::json;

use super::Places;
use crate::{
    stage::{SMALL, next_second},
    testbed::S3Server,
};

#[test]
fn a_lost_bucket_is_filled_again_from_a_place() {
    let places = Places::of(SMALL);
    let first = places.stage.back_up();
    next_second();
    places.stage.back_up();
    let id = first["id"].as_str().unwrap();
    places.agent().run(["hold", id, "--reason", "audit"]).success();
    places.copy([]);
    let listed = places.stage.records();
    // another bucket, with nothing in it
    let empty = S3Server::start();
    let lost = places.agent().s3(&empty).without("PGCOFFER_REPOSITORY");
    let nothing = lost.run(["list", "--json"]).success().json();
    assert_eq!(nothing["backups"], json!([]));
    for place in ["offsite", "nas"] {
        let there = lost.run(["list", "--from", place, "--json"]).success().json();
        assert_eq!(there["backups"].as_array().unwrap().len(), 2, "{there:#}");
    }
    let filled = lost.run(["copy", "--from", "nas", "--json"]).success().json();
    let report = &filled["copies"][0];
    assert_eq!(
        (&report["place"], &report["held"]),
        (&json!("bucket"), &json!(2)),
        "{filled:#}"
    );
    let again = lost.run(["list", "--json"]).success().json();
    let ids = |records: &[serde_json::Value]| {
        records
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let back = again["backups"].as_array().unwrap();
    assert_eq!(ids(back), ids(&listed));
    assert!(back.iter().all(|one| one["good"] == true), "{again:#}");
    assert_eq!(back[1]["hold"]["reason"], "audit");
    lost.run(["verify", id]).success();
    let target = places.stage.target();
    let args = ["restore", "latest", "--to", &target.url, "--confirm", &target.name];
    lost.run(args).success();
    assert_eq!(
        places.stage.content(&target.name),
        places.stage.content(&places.stage.database)
    );
}

#[test]
fn a_repository_that_was_begun_anew_is_kept_apart_from_the_copies() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    places.copy([]);
    let before = places.files();
    let empty = S3Server::start();
    let anew = places.agent().s3(&empty).without("PGCOFFER_REPOSITORY");
    let made = anew.run(["backup", "--json"]).success().json();
    for report in made["copies"].as_array().unwrap() {
        let said = report["failure"]["error"].as_str().unwrap();
        assert!(said.contains("holds backups of repository"), "{said}");
    }
    assert_eq!(before, places.files());
}

#[test]
fn a_folder_that_is_not_mounted_is_not_begun_by_a_schedule() {
    let places = Places::of(SMALL);
    let agent = places.agent().without("PGCOFFER_COPY_OFFSITE_URL");
    let agent = ["ENDPOINT_URL", "PATH_STYLE", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"]
        .iter()
        .fold(agent, |agent, name| {
            agent.without(&format!("PGCOFFER_COPY_OFFSITE_{name}"))
        });
    let made = agent.run(["backup", "--json"]).success().json();
    let said = made["copies"][0]["failure"]["hint"].as_str().unwrap();
    assert!(said.contains("isn't mounted"), "{said}");
    assert!(places.files().is_empty());
    agent.run(["copy"]).success();
    next_second();
    let made = agent.run(["backup", "--json"]).success().json();
    assert_eq!(made["copies"][0]["held"], 2, "{made:#}");
}

#[test]
fn what_is_wrong_with_a_place_names_its_own_setting() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    places.copy([]);
    let pinned = places.agent().env("PGCOFFER_REPOSITORY", "ab".repeat(16));
    for (place, setting) in [
        ("nas", "PGCOFFER_COPY_NAS_URL"),
        ("offsite", "PGCOFFER_COPY_OFFSITE_URL"),
    ] {
        let said = pinned.run(["show", "latest", "--from", place]).stderr;
        assert!(
            said.contains(&format!("correct {setting}")) && !said.contains("PGCOFFER_BUCKET"),
            "{said}"
        );
    }
    // a folder beside the one that was meant
    let beside = places.folder.path().join("beside");
    std::fs::create_dir(&beside).unwrap();
    let lost = places
        .agent()
        .env("PGCOFFER_COPY_NAS_URL", format!("file://{}", beside.display()));
    let said = lost.run(["list", "--from", "nas"]).success();
    let meant = format!("set PGCOFFER_COPY_NAS_URL=file://{}", places.folder.path().display());
    assert!(said.text().contains(&meant), "{}", said.text());
}
