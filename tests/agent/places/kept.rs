//! Holds, retention and pruning in other places.

use serde_json::json;

use super::Places;
use crate::{
    stage::{SMALL, next_second},
    tick::past::{Run, hours},
};

#[test]
fn a_hold_counts_in_every_place_and_so_does_its_end() {
    let places = Places::of(SMALL);
    let made = places.stage.back_up();
    let id = made["id"].as_str().unwrap();
    places.copy([]);
    let agent = places.agent();
    let held = |place: &str| {
        let shown = agent.run(["show", id, "--from", place, "--json"]).success().json();
        shown["hold"]["reason"].clone()
    };
    agent.run(["hold", id, "--reason", "audit"]).success();
    for place in ["offsite", "nas"] {
        assert_eq!(held(place), json!("audit"), "{place}");
    }
    let archive = places
        .other
        .keys()
        .into_iter()
        .find(|key| key.contains("/archives/"))
        .unwrap();
    let tags = places.other.tags(&archive).unwrap();
    assert!(tags.iter().any(|(name, _)| name == "pgcoffer:hold"), "{tags:?}");
    agent.run(["release", id]).success();
    for place in ["offsite", "nas"] {
        assert_eq!(held(place), json!(null), "{place}");
    }
}

#[test]
fn a_hold_that_a_place_has_missed_is_brought_by_the_next_copy() {
    let places = Places::of(SMALL);
    let made = places.stage.back_up();
    let id = made["id"].as_str().unwrap();
    places.copy([]);
    // on a machine that knows no places
    places.stage.run(["hold", id, "--reason", "audit"]).success();
    let copied = places.copy([]);
    assert!(copied.iter().all(|report| report["marks"] == 1), "{copied:#?}");
    let shown = places
        .agent()
        .run(["show", id, "--from", "nas", "--json"])
        .success()
        .json();
    assert_eq!(shown["hold"]["reason"], "audit");
    places.stage.run(["release", id]).success();
    places.copy([]);
    let shown = places
        .agent()
        .run(["show", id, "--from", "nas", "--json"])
        .success()
        .json();
    assert_eq!(shown["hold"], json!(null));
}

#[test]
fn each_place_is_pruned_by_its_own_retention() {
    let places = Places::of(SMALL);
    // long run out in the bucket, and kept for years in the folder
    let days = [300, 200, 100, 40, 3, 2, 1];
    let ids: Vec<String> = days
        .iter()
        .map(|days| places.stage.put(Run::ago(hours(24 * days))))
        .collect();
    let agent = places
        .agent()
        .env("PGCOFFER_COPY_NAS_RETAIN", "2y")
        .env("PGCOFFER_COPY_OFFSITE_RETAIN", "30d");
    let copied = agent.run(["copy", "--json"]).success().json();
    let copied = copied["copies"].as_array().unwrap();
    assert_eq!(super::of_place(copied, "nas")["held"], days.len(), "{copied:#?}");
    let offsite = super::of_place(copied, "offsite");
    assert_eq!(
        (&offsite["held"], &offsite["run_out"]),
        (&json!(3), &json!(4)),
        "{copied:#?}"
    );
    next_second();
    let pruned = agent.run(["prune", "--json"]).success().json();
    let there = |place: &str| {
        let listed = agent.run(["list", "--from", place, "--json"]).success().json();
        listed["backups"].as_array().unwrap().len()
    };
    assert_eq!((there("nas"), there("offsite")), (days.len(), 3), "{pruned:#}");
    // and nothing that was pruned comes again
    let again = agent.run(["copy", "--json"]).success().json();
    let copies = again["copies"].as_array().unwrap();
    assert!(
        copies.iter().all(|report| report["copied"] == json!([])),
        "{again:#} {ids:?}"
    );
}
