//! In drop-box mode the places get what the bucket gets, while the database is dumped.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    places::{Places, files, of_place},
    stage::{BULKY, SMALL},
    store::rights::{policy, under},
    testbed::{Agent, Fault, Rule, S3Server},
};

/// An agent that may only write to the bucket, and knows both places.
fn dyno(places: &Places) -> Agent {
    writing_only(places.agent(), &places.stage.bucket)
}

/// The agent with credentials that may only write to the bucket.
pub(super) fn writing_only(agent: Agent, bucket: &S3Server) -> Agent {
    under(agent, bucket, &policy("drop-box", &[]))
        .env("PGCOFFER_MODE", "drop-box")
        .env("PGCOFFER_SCHEDULE", "daily keep 7d")
}

/// Every sealed object of a backup, by its name below the prefix; without those that each place writes itself.
pub(super) fn sealed(all: impl Iterator<Item = (String, Vec<u8>)>) -> BTreeMap<String, Vec<u8>> {
    let of_backups = |name: &str| {
        ["/archives/", "/details/", "/records/"]
            .iter()
            .any(|part| name.contains(part))
    };
    all.filter(|(name, _)| of_backups(name)).collect()
}

pub(super) fn in_s3(bucket: &S3Server, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let keys = bucket.keys().into_iter();
    let all = keys.filter_map(|key| {
        let name = key.strip_prefix(prefix)?.to_owned();
        Some((name, bucket.read(&key).unwrap().to_vec()))
    });
    sealed(all.collect::<Vec<_>>().into_iter())
}

#[track_caller]
fn is_nowhere(places: &Places) {
    assert_eq!(in_s3(&places.other, "copies/"), BTreeMap::new());
    assert_eq!(places.other.uploads_under_way(), []);
    let left = files(places.folder.path());
    assert_eq!(left.keys().collect::<Vec<_>>(), ["repository.pgc"]);
}

#[test]
fn every_place_gets_the_bytes_of_the_bucket_and_restores() {
    let places = Places::of(BULKY);
    let stage = &places.stage;
    let made = dyno(&places).run(["backup", "--json"]).success().json();
    let copies = made["copies"].as_array().unwrap();
    for place in ["offsite", "nas"] {
        let copy = of_place(copies, place);
        assert_eq!((&copy["held"], &copy["wanted"]), (&1.into(), &1.into()), "{copy}");
    }
    assert!(stage.bucket.refused().is_empty(), "{:#?}", stage.bucket.refused());
    let was = in_s3(&stage.bucket, "backups/");
    assert_eq!(was.len(), 3, "{:?}", was.keys());
    assert!(was == in_s3(&places.other, "copies/"));
    assert!(was == sealed(places.files().into_iter()));

    // a machine that may read finds nothing to be copied, and each place enough for a restore
    for report in places.copy([]) {
        assert_eq!(report["copied"], serde_json::json!([]), "{report}");
    }
    for place in ["offsite", "nas"] {
        places.agent().run(["verify", "--from", place]).success();
        let target = stage.target();
        let args = crate::stage::restore_args(&target);
        places.agent().run(args.into_iter().chain(["--from", place])).success();
        assert_eq!(stage.cluster.psql(&target.name, "select count(*) from bulk"), "1600");
    }
}

#[test]
fn a_tick_streams_as_well() {
    let places = Places::of(SMALL);
    dyno(&places).run(["backup"]).success();
    let ticked = dyno(&places).run(["tick", "--json"]).success().json();
    let copies: &Vec<Value> = ticked["copies"].as_array().unwrap();
    assert_eq!(of_place(copies, "nas")["held"], 1, "{ticked:#}");
    assert_eq!(of_place(copies, "offsite")["held"], 1, "{ticked:#}");
    assert!(in_s3(&places.stage.bucket, "backups/") == in_s3(&places.other, "copies/"));
    // what is not due is not copied either
    let ticked = dyno(&places).run(["tick", "--json"]).success().json();
    assert_eq!(ticked["copies"], serde_json::json!([]));
}

#[test]
fn a_place_that_fails_in_the_middle_keeps_no_other_from_its_copy() {
    let places = Places::of(BULKY);
    for fault in ["UploadPart", "CompleteMultipartUpload", "CreateMultipartUpload"] {
        places.other.inject(Rule::on(fault).always(), Fault::access_denied());
        let made = dyno(&places).run(["backup", "--json"]).success().json();
        assert_eq!(made["status"], "succeeded", "{fault}: {made:#}");
        let copies = made["copies"].as_array().unwrap();
        assert_eq!(of_place(copies, "nas")["held"], 1, "{fault}");
        let failed = of_place(copies, "offsite");
        assert_eq!(failed["held"], 0, "{fault}: {failed:#}");
        assert_eq!(failed["failed"].as_array().unwrap().len(), 1, "{fault}: {failed:#}");
        places.other.heal();
        assert_eq!(in_s3(&places.other, "copies/"), BTreeMap::new(), "{fault}");
    }
    places
        .other
        .inject(Rule::on("CreateMultipartUpload").always(), Fault::access_denied());
    dyno(&places).run(["tick"]).ended_with(8);
    places.other.heal();
    // what is missing is caught up by a machine that may read
    places.copy([]);
    assert!(in_s3(&places.stage.bucket, "backups/") == in_s3(&places.other, "copies/"));
}

#[test]
fn a_backup_that_fails_is_in_no_place() {
    let places = Places::of(BULKY);
    let bucket = &places.stage.bucket;
    bucket.inject(Rule::on("CompleteMultipartUpload").always(), Fault::access_denied());
    dyno(&places).run(["backup"]).ended_with(4);
    bucket.heal();
    is_nowhere(&places);
    let dumping = Fault::Delay { millis: 300 };
    bucket.inject(Rule::on("UploadPart").always(), dumping);
    let running = dyno(&places).spawn(["backup"]);
    crate::stage::wait_until("an upload", || !places.other.uploads_under_way().is_empty());
    crate::stage::signal(&[running.pid()], "TERM");
    running.wait().ended_with(143);
    bucket.heal();
    is_nowhere(&places);
}

#[test]
fn people_are_told_of_a_place_that_has_not_got_it() {
    let places = Places::of(SMALL);
    let webhook = crate::testbed::Hearer::start();
    places
        .other
        .inject(Rule::on("PutObject").always(), Fault::access_denied());
    places
        .other
        .inject(Rule::on("CreateMultipartUpload").always(), Fault::access_denied());
    let agent = dyno(&places).env("PGCOFFER_WEBHOOK_URL", webhook.url("/hook")).env(
        "PGCOFFER_WEBHOOK_SECRET",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    );
    let said = agent.run(["backup"]).success().stderr;
    let heard: Vec<Value> = webhook.take().iter().map(|one| one.json()).collect();
    let text = serde_json::to_string(&heard).unwrap();
    assert!(text.contains("offsite"), "{text}\n{said}");
    assert!(!text.contains("\"nas\""), "{text}");
}

/// A service that says it has stored the copy, computes no checksum, and gives back other bytes, or fewer: nothing there
/// becomes a backup, and the others are whole.
#[test]
fn a_place_that_lies_holds_no_backup() {
    let places = Places::of(BULKY);
    places.other.behave(|behaviour| behaviour.returns_checksums = false);
    for fault in [Fault::FlipBit { at_byte: 90_000 }, Fault::Shorten { to_bytes: 90_000 }] {
        let lie = Rule::on("GetObject").key("/archives/").always();
        places.other.inject(lie, fault.clone());
        let made = dyno(&places)
            .env("PGCOFFER_COMPRESSION", "none")
            .run(["backup", "--json"])
            .success()
            .json();
        let copies = made["copies"].as_array().unwrap();
        assert_eq!(of_place(copies, "nas")["held"], 1, "{fault:?}");
        let failed = of_place(copies, "offsite");
        assert_eq!(failed["held"], 0, "{fault:?}: {failed:#}");
        assert_eq!(failed["failed"].as_array().unwrap().len(), 1, "{fault:?}: {failed:#}");
        let records = in_s3(&places.other, "copies/")
            .into_keys()
            .filter(|key| key.contains("/records/"));
        assert_eq!(records.count(), 0, "{fault:?}");
        places.other.heal();
        crate::stage::next_second();
    }
    // once it is honest again, a machine that may read brings what is missing
    places.copy([]);
    assert!(in_s3(&places.stage.bucket, "backups/") == in_s3(&places.other, "copies/"));
    places.agent().run(["verify", "--from", "offsite"]).success();
}
