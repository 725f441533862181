//! A part of a backup is read back, drawn at random: what it says was read is what was read.

use crate::{
    restore::part_bytes::range_bytes,
    stage::Stage,
    testbed::{Fault, Rule},
};

#[test]
fn a_sample_reads_its_share_and_says_what_it_did_not_read() {
    let stage = Stage::bulky();
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    let whole = stage.bucket.read(&stage.key("/archives/")).unwrap().len() as u64;
    let before = stage.bucket.calls().len();
    let report = stage.run(["verify", "--sample", "20%", "--json"]).success().json();
    let calls = stage.bucket.calls().split_off(before);
    let read: u64 = calls.iter().filter_map(range_bytes).sum();
    let said = report["read_bytes"].as_u64().unwrap();
    assert_eq!(report["sealed_bytes"], whole);
    assert!(said >= whole / 5 && said < whole / 2, "{said} of {whole}");
    assert!(read >= said && read <= said + (1 << 20), "{read} {said}");
    let text = stage.run(["verify", "--sample", "1%"]).success();
    for word in [
        "drawn at random",
        "Not read, so not proven",
        "`pgcoffer verify` reads all",
    ] {
        assert!(text.text().contains(word), "{word}: {}", text.text());
    }
    let all = stage.run(["verify", "--sample", "100%"]).success();
    let words = "Not proven: that rows are as dumped";
    assert!(all.text().contains(words), "{}", all.text());
    let json = stage.run(["verify", "--sample", "100%", "--json"]).success().json();
    assert_eq!(
        (&json["read_bytes"], &json["frames_read"]),
        (&whole.into(), &json["frames"])
    );
    // it says nothing of the whole
    assert_eq!(stage.keys("/marks/"), [""; 0]);
    for share in ["0%", "101%", "x"] {
        stage.run(["verify", "--sample", share]).ended_with(2);
    }
}

#[test]
fn damage_in_what_was_drawn_is_found_and_noted() {
    let stage = Stage::bulky();
    stage
        .agent()
        .env("PGCOFFER_COMPRESSION", "none")
        .run(["backup"])
        .success();
    let rule = Rule::on("GetObject").key("/archives/").always();
    stage.bucket.inject(rule, Fault::FlipBit { at_byte: 300_000 });
    stage.run(["verify", "--sample", "100%"]).ended_with(5);
    stage.bucket.heal();
    let listed = stage.run(["list", "--json"]).success().json();
    assert_eq!(listed["backups"][0]["good"], false, "{listed:#}");
}

#[test]
fn a_cold_archive_is_said_to_be_cold_and_not_thawed() {
    let stage = Stage::small();
    stage.back_up();
    stage.bucket.cool(&stage.key("/archives/"), "DEEP_ARCHIVE");
    let said = stage.run(["verify", "--sample", "5%"]).ended_with(4).stderr;
    assert!(said.contains("DEEP_ARCHIVE") && said.contains("--thaw"), "{said}");
    assert_eq!(stage.bucket.count("RestoreObject"), 0);
}
