//! Listings and answers as services of all kinds give them: what is there counts once, half a list is an error and
//! never the whole, and nothing grows without end.

use crate::{
    stage::{SMALL, Stage},
    testbed::{Fault, Listing, Rule},
};

/// Two good backups in a bucket whose listings are like that.
fn listed(habit: Listing) -> Stage {
    let stage = Stage::backed_up(SMALL);
    stage.back_up();
    stage.bucket.behave(|behaviour| behaviour.listing = habit);
    stage
}

#[test]
fn a_key_counts_once_whatever_the_listing_is_like() {
    for habit in [
        Listing::Twice,
        Listing::TwiceOtherwise,
        Listing::WithoutPrefix,
        Listing::WithoutDelimiter,
        Listing::WithoutFolders,
        Listing::Unencoded,
    ] {
        let stage = listed(habit);
        stage.bucket.write("elsewhere/main/records/x.pgc", "another's");
        let records = stage.records();
        assert_eq!(records.len(), 2, "{habit:?}");
        stage.run(["status"]).success();
        let id = records[0]["id"].as_str().unwrap();
        stage.run(["verify", id]).success();
        let target = stage.target();
        let restore = ["restore", id, "--to", &target.url, "--confirm", &target.name];
        stage.run(restore).success();
        stage.run(["prune"]).success();
        assert_eq!(stage.records().len(), 2, "{habit:?}");
    }
}

#[test]
fn half_a_list_is_an_error_and_never_the_whole() {
    // each asks again for a while, and all at once wait no longer than one
    std::thread::scope(|scope| {
        for habit in [
            Listing::SameToken,
            Listing::EmptyToken,
            Listing::NoToken,
            Listing::Endless,
            Listing::Repeating,
            Listing::WithoutSizes,
            Listing::Wordless,
            Listing::OfOtherFolder,
        ] {
            scope.spawn(move || is_never_the_whole(habit));
        }
    });
}

fn is_never_the_whole(habit: Listing) {
    let stage = listed(habit);
    let before = stage.bucket.snapshot();
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", "daily keep 7d");
    let commands = [["prune"], ["tick"], ["list"], ["status"], ["verify"]];
    let all = if habit == Listing::SameToken { 5 } else { 2 };
    for args in &commands[..all] {
        let outcome = agent.run(*args);
        assert_ne!(outcome.code(), 0, "{habit:?}, {args:?}");
        assert!(
            outcome.stderr.contains("can't list"),
            "{habit:?}, {args:?}: {}",
            outcome.stderr
        );
    }
    let after = stage.bucket.snapshot();
    assert!(before.changes(&after).is_empty(), "{habit:?}");
}

#[test]
fn an_object_without_a_length_is_not_called_empty() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.behave(|behaviour| behaviour.head_lengths = false);
    let outcome = stage.run(["verify"]);
    // some services send the length all the same, where the library beneath writes it
    assert!([0, 4].contains(&outcome.code()), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("0 bytes"), "{}", outcome.stderr);
}

#[test]
fn a_damaged_listing_is_asked_for_again() {
    const CUT: &str =
        "<?xml version=\"1.0\"?><ListBucketResult><Name>testbed</Name><IsTruncated>false</IsTruncated><Cont";
    const CROSSED: &str =
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contentz></ListBucketResult>";
    for body in [CUT, CROSSED, "", "<ListBucketResult>", "\u{0}", "{\"error\": 1}"] {
        let stage = Stage::backed_up(SMALL);
        let fault = Fault::Say { status: 200, body };
        stage.bucket.inject(Rule::on("ListObjectsV2"), fault);
        assert_eq!(stage.records().len(), 1, "{body}");
    }
}

#[test]
fn an_error_behind_a_good_status_has_its_own_cause() {
    let stage = Stage::backed_up(SMALL);
    let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let fault = Fault::Say { status: 200, body };
    stage.bucket.inject(Rule::on("ListObjectsV2").always(), fault);
    let outcome = stage.run(["list"]).ended_with(4);
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
}

/// Read into memory, or by a parser that calls itself, each of these ends the agent.
#[test]
fn answers_without_end_and_without_bottom_are_errors() {
    let deep: &'static str = Box::leak("<a>".repeat(1_000_000).into_boxed_str());
    for fault in [
        Fault::Flood { status: 200 },
        Fault::Flood { status: 403 },
        Fault::Say {
            status: 200,
            body: deep,
        },
        Fault::Say {
            status: 403,
            body: deep,
        },
    ] {
        for (operation, args) in [
            ("ListObjectsV2", vec!["list"]),
            ("GetObject", vec!["verify"]),
            ("GetBucketLifecycleConfiguration", vec!["lifecycle", "show"]),
        ] {
            if operation == "GetObject" && matches!(fault, Fault::Say { status: 200, .. }) {
                continue;
            }
            let stage = Stage::backed_up(SMALL);
            stage.bucket.inject(Rule::on(operation).always(), fault.clone());
            let outcome = stage.run(args);
            let what = format!("{operation}, {:.60}", format!("{fault:?}"));
            assert!([4, 5].contains(&outcome.code()), "{what}: {}", outcome.stderr);
            assert!(
                outcome.peak_memory_bytes < 300 << 20,
                "{what}: {}",
                outcome.peak_memory_bytes
            );
        }
    }
}

/// Whoever may write chooses the names: XML can't hold every character of one, and a list must hold it all the same.
#[test]
fn names_that_no_xml_can_hold_stop_nothing() {
    let stage = listed(Listing::Plain);
    let odd = ["\u{1}", "\u{fffe}", "a b+c%41", "\u{1b}[2J", "<&>\"'"];
    for name in odd {
        for folder in ["records", "archives/manual", "marks", "turns"] {
            let key = format!("backups/main/{folder}/{name}");
            stage.bucket.write(&key, "x");
        }
        stage.bucket.write(&format!("backups/{name}/records/x.pgc"), "x");
    }
    assert_eq!(stage.records().len(), 2);
    let status = stage.run(["status", "--json"]).success().json();
    assert_eq!(status["databases"][0]["foreign"], 5 * 3, "{status:#}");
    let target = stage.target();
    let args = ["restore", "latest", "--to", &target.url, "--confirm"];
    stage.run([&args[..], &[target.name.as_str()]].concat()).success();
    stage.run(["prune"]).success();
    stage.run(["backup"]).success();
    let left = |key: &String| odd.iter().any(|name| key.ends_with(name));
    assert_eq!(stage.bucket.keys().iter().filter(|key| left(key)).count(), 5 * 4);
}
