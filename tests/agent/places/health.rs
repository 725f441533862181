//! What people see of places: list, show, status, metrics and messages.

use std::{net::TcpListener, time::Duration};

use serde_json::json;

use super::Places;
use crate::stage::{SMALL, next_second};

#[test]
fn which_places_hold_a_backup_is_shown_everywhere() {
    let places = Places::of(SMALL);
    let first = places.stage.back_up();
    let id = first["id"].as_str().unwrap();
    places.copy(["--to", "offsite"]);
    let agent = places.agent();
    let listed = agent.run(["list", "--json"]).success().json();
    assert_eq!(listed["backups"][0]["places"], json!(["offsite"]));
    assert!(agent.run(["list", "--wide"]).success().text().contains("1 of 2"));
    let shown = agent.run(["show", id]).success();
    assert!(
        shown
            .text()
            .contains("1 of 2 places beside the bucket hold it: offsite"),
        "{}",
        shown.text()
    );
    let status = agent.run(["status"]).ended_with(8);
    assert!(
        status.text().contains("the place nas is behind since") && status.text().contains("1 of 2 places complete"),
        "{}",
        status.text()
    );
    // one place is enough, if that is said
    let status = agent.clone().env("PGCOFFER_COPIES_MIN", "1").run(["status"]).success();
    assert!(
        status.text().contains("copies are complete in 1 of 2 places: offsite"),
        "{}",
        status.text()
    );
    let file = places.stage.file("metrics.prom");
    agent
        .clone()
        .env("PGCOFFER_METRICS_FILE", &file)
        .run(["status"])
        .ended_with(8);
    let metrics = std::fs::read_to_string(&file).unwrap();
    for line in [
        "pgcoffer_place_backups{database=\"main\",place=\"offsite\"} 1",
        "pgcoffer_place_missing_backups{database=\"main\",place=\"nas\"} 1",
        "pgcoffer_place_holds_newest{database=\"main\",place=\"nas\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in:\n{metrics}");
    }
    places.copy([]);
    agent.run(["status"]).success();
}

#[test]
fn a_tick_copies_and_ends_with_8_where_it_can_not() {
    let places = Places::of(SMALL);
    let agent = places.agent().env("PGCOFFER_SCHEDULE", "daily keep 7d");
    let tick = agent.run(["tick", "--json"]).ended_with(8).json();
    // the folder was not begun by hand
    let copies = tick["copies"].as_array().unwrap();
    assert_eq!(super::of_place(copies, "offsite")["held"], 1);
    assert!(super::of_place(copies, "nas")["failure"].is_object());
    places.copy([]);
    next_second();
    let text = agent.run(["tick"]).success();
    assert!(text.text().contains("nothing is due"), "{}", text.text());
}

/// A service that takes connections and says nothing: nobody waits for it longer than a person would.
#[test]
fn a_place_that_never_answers_hides_nothing_of_the_others() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    places.copy([]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let agent = places.agent().env("PGCOFFER_COPY_OFFSITE_ENDPOINT_URL", endpoint);
    let listed = agent.run(["list", "--json"]).success();
    assert_eq!(listed.json()["backups"][0]["places"], json!(["nas"]));
    assert_eq!(listed.json()["places_unseen"], json!(["offsite"]));
    let status = agent.run(["status"]).ended_with(8);
    assert!(
        status
            .text()
            .contains("the place offsite can't be looked at (1 of 2 places complete)"),
        "{}",
        status.text()
    );
    for outcome in [listed, status] {
        assert!(outcome.elapsed < Duration::from_secs(45), "{:?}", outcome.elapsed);
    }
}
