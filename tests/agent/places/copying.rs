//! Copies to another S3 service and to a folder: what arrives, what a second time costs, what a kill leaves.

use std::time::Duration;

use serde_json::json;

use super::{Places, of_place};
use crate::{
    stage::{BULKY, SMALL, next_second, wait_until},
    testbed::{Fault, Rule},
};

#[test]
fn a_backup_is_copied_to_every_place_and_read_from_each() {
    let places = Places::of(SMALL);
    let made = places.agent().run(["backup", "--json"]).success().json();
    let id = made["id"].as_str().unwrap().to_owned();
    for place in ["offsite", "nas"] {
        let copies = made["copies"].as_array().unwrap();
        let report = of_place(copies, place);
        // a folder is begun by hand
        let copied = if place == "offsite" { json!(1) } else { json!(0) };
        assert_eq!(report["copied"].as_array().unwrap().len(), copied, "{report:#}");
    }
    let reports = places.copy([]);
    assert_eq!(of_place(&reports, "nas")["copied"][0]["id"], id.as_str());
    assert_eq!(of_place(&reports, "offsite")["copied"], json!([]));
    // the sealed objects are the same, byte by byte
    let archive = places.stage.bucket.read(&places.stage.key("/archives/")).unwrap();
    let files = places.files();
    let in_folder = files.iter().find(|(name, _)| name.contains("/archives/")).unwrap();
    assert_eq!(*in_folder.1, archive);
    let in_place = places
        .other
        .keys()
        .into_iter()
        .find(|key| key.contains("/archives/"))
        .unwrap();
    assert!(in_place.starts_with("copies/main/archives/"), "{in_place}");
    assert_eq!(places.other.read(&in_place).unwrap(), archive);
    for place in ["offsite", "nas"] {
        let from = |args: &[&str]| {
            let args = args.iter().copied().chain(["--from", place, "--json"]);
            places.agent().run(args).success().json()
        };
        let listed = from(&["list"]);
        assert_eq!(listed["backups"][0]["id"], id.as_str());
        assert_eq!(listed["backups"][0]["good"], true, "{listed:#}");
        assert_eq!(from(&["show", &id])["id"], id.as_str());
        assert_eq!(from(&["verify", &id])["id"], id.as_str());
        let target = places.stage.target();
        let restored = places.agent().run([
            "restore",
            &id,
            "--from",
            place,
            "--to",
            &target.url,
            "--confirm",
            &target.name,
        ]);
        restored.success();
        assert_eq!(
            places.stage.content(&target.name),
            places.stage.content(&places.stage.database)
        );
    }
    let unknown = places.agent().run(["list", "--from", "offside"]).ended_with(2);
    assert!(
        unknown.stderr.contains("configured: nas, offsite"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_second_copy_writes_nothing_and_a_later_one_what_is_missing() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    places.copy([]);
    let (before, files) = (places.other.snapshot(), places.files());
    let bucket = places.stage.bucket.snapshot();
    let again = places.copy([]);
    assert!(
        again
            .iter()
            .all(|report| report["held"] == 1 && report["copied"] == json!([])),
        "{again:#?}"
    );
    assert_eq!(before.changes(&places.other.snapshot()), [""; 0]);
    assert_eq!(files, places.files());
    assert_eq!(bucket.changes(&places.stage.bucket.snapshot()), [""; 0]);
    next_second();
    let second = places.stage.back_up();
    let dry = places.copy(["--dry-run"]);
    assert_eq!(dry[0]["copied"][0]["id"], second["id"]);
    assert_eq!(before.changes(&places.other.snapshot()), [""; 0]);
    let more = places.copy(["--to", "offsite"]);
    assert_eq!(more.len(), 1);
    assert_eq!(
        (&more[0]["copied"][0]["id"], &more[0]["held"]),
        (&second["id"], &json!(2))
    );
}

#[test]
fn the_credentials_of_the_bucket_are_never_used_elsewhere() {
    let places = Places::of(SMALL);
    places.stage.back_up();
    // the right address, and the credentials of the bucket alone
    let agent = places
        .agent()
        .without("PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID")
        .without("PGCOFFER_COPY_OFFSITE_SECRET_ACCESS_KEY");
    let refused = agent.run(["copy", "--to", "offsite"]).ended_with(2);
    assert!(
        refused
            .stderr
            .contains("PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID: this place has no credentials"),
        "{}",
        refused.stderr
    );
    assert_eq!(places.other.keys(), [""; 0]);
    let wrong = places
        .agent()
        .env("PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID", "AKIAUNKNOWN000000000");
    let refused = wrong.run(["copy", "--to", "offsite"]).ended_with(4);
    assert!(
        refused.text().contains("PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID"),
        "{}",
        refused.text()
    );
    assert!(!refused.text().contains("AWS_"), "{}", refused.text());
    // both services have one key that works at both: somebody has to say so
    let (id, secret) = places.other.credentials();
    let same = agent
        .env("PGCOFFER_COPY_OFFSITE_CREDENTIALS", "bucket")
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    same.run(["copy", "--to", "offsite"]).success();
    assert!(!places.other.keys().is_empty());
}

/// Stopped in order or killed, it leaves nothing that looks like a backup, and the next one sends what is missing alone.
#[test]
fn a_copy_that_is_stopped_leaves_no_backup_and_the_next_one_goes_on() {
    for (signal, status) in [("KILL", 137), ("TERM", 143)] {
        let places = Places::of(BULKY);
        let stored = places.stage.agent().env("PGCOFFER_COMPRESSION", "none");
        stored.run(["backup"]).success();
        let slow = places.agent().env("PGCOFFER_COPY_OFFSITE_RATE", "4MB");
        let running = slow.spawn(["copy", "--to", "offsite"]);
        wait_until("a part arrives", || {
            places.other.uploads_under_way().iter().any(|upload| upload.parts > 0)
        });
        running.signal(signal);
        assert_eq!(running.wait().code(), status);
        let is_backup = |key: &String| key.contains("/records/") || key.contains("/archives/");
        assert!(!places.other.keys().iter().any(is_backup), "{:?}", places.other.keys());
        let none = places
            .agent()
            .run(["list", "--from", "offsite", "--json"])
            .success()
            .json();
        assert_eq!(none["backups"], json!([]));
        places.copy(["--to", "offsite"]);
        places.agent().run(["verify", "--from", "offsite"]).success();
        let calls = places.other.calls();
        let of_first_part = |call: &&crate::testbed::Call| {
            call.operation == "UploadPart" && call.query.split('&').any(|one| one == "partNumber=1")
        };
        assert_eq!(
            calls.iter().filter(of_first_part).count(),
            1,
            "{signal}: it was sent twice"
        );
        assert_eq!(places.other.uploads_under_way(), [], "{signal}");
    }
}

#[test]
fn a_place_that_is_down_fails_no_backup_and_is_caught_up() {
    let places = Places::of(SMALL);
    let agent = places.agent().without("PGCOFFER_COPY_NAS_URL");
    places.other.inject(Rule::on("*").always(), Fault::access_denied());
    let made = agent.run(["backup", "--json"]).success();
    let report = &made.json()["copies"][0];
    assert_eq!((&report["place"], &report["copied"]), (&json!("offsite"), &json!([])));
    let said = report["failure"]["error"].as_str().unwrap();
    assert!(said.contains("s3://testbed/copies"), "{said}");
    assert!(
        made.stderr.contains("nothing copied to offsite") || made.stderr.contains("copied to offsite"),
        "{}",
        made.stderr
    );
    places.other.heal();
    let status = agent.run(["status", "--json"]).ended_with(8).json();
    let health = &status["databases"][0];
    assert_eq!(health["places"][0]["behind"].as_array().unwrap().len(), 1, "{health:#}");
    agent.run(["copy"]).success();
    let status = agent.run(["status"]).success();
    assert!(
        status.text().contains("copies are complete in 1 of 1 place: offsite"),
        "{}",
        status.text()
    );
}

#[test]
fn a_rate_is_kept_to() {
    let places = Places::of(BULKY);
    let agent = places.stage.agent().env("PGCOFFER_COMPRESSION", "none");
    agent.run(["backup"]).success();
    // 16 MB are written, confirmed by the service's own checksum or read back once
    let slow = places
        .agent()
        .env("PGCOFFER_COPY_NAS_RATE", "8MB")
        .run(["copy", "--to", "nas"])
        .success();
    assert!(slow.elapsed > Duration::from_secs(3), "{:?}", slow.elapsed);
}

/// After a backup a slow place keeps no other one waiting.
#[test]
fn a_slow_place_does_not_hold_up_another() {
    let places = Places::of(BULKY);
    places.stage.back_up();
    places.copy([]);
    next_second();
    // by name the first one
    let agent = places
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .env("PGCOFFER_COPY_NAS_RATE", "2MB");
    let running = agent.spawn(["backup"]);
    let archives = |names: &mut dyn Iterator<Item = String>| {
        names
            .filter(|name| name.contains("/records/") && name.ends_with(".pgc"))
            .count()
    };
    wait_until("the quick place has the copy", || {
        archives(&mut places.other.keys().into_iter()) == 2
    });
    assert_eq!(archives(&mut places.files().into_keys()), 1, "the slow one has it too");
    assert_eq!(running.wait().success().code(), 0);
    assert_eq!(archives(&mut places.files().into_keys()), 2);
}
