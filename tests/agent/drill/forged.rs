//! Reports that no drill of this database wrote: they prove nothing, and are said where they pass for one of ours.

use pgcoffer::seal::{Content, PayloadCompression};

use super::past::PastDrill;
use crate::{
    stage::{KEY, OTHER_KEY, Stage},
    testbed::sealed,
    tick::past::{Run, hours},
};

fn backed_up() -> (Stage, String) {
    let stage = Stage::small();
    let id = stage.put(Run::ago(hours(30)).serving("daily", "90d"));
    stage.put(Run::ago(hours(1)).serving("daily", "90d"));
    (stage, id)
}

/// Whether `status` and `list` say that it never was proven; what `status` says.
#[track_caller]
fn assert_never_proven(stage: &Stage) -> String {
    let said = stage.run(["status"]);
    assert!(said.text().contains("main: never proven"), "{}", said.text());
    let json = stage.run(["list", "--json"]).success().json();
    for backup in json["backups"].as_array().unwrap() {
        assert!(backup["drill"].is_null(), "{backup:#}");
    }
    said.text().to_owned()
}

#[test]
fn a_report_under_another_key_or_of_another_database_is_a_stranger() {
    let (stage, id) = backed_up();
    PastDrill::ago(&id, hours(2)).of("main", OTHER_KEY).put(&stage.bucket);
    // one of a database beside it, copied here under its own name
    let other = PastDrill::ago(&id, hours(3)).of("shop", KEY);
    let key = format!("backups/main/drills/{}.pgc", other.name());
    stage.bucket.write(&key, other.sealed());
    let said = assert_never_proven(&stage);
    // strangers are no problem of ours, and none is opened
    assert!(!said.contains("can't be read"), "{said}");
    let opened = stage.bucket.calls();
    let is_opened = |call: &&crate::testbed::Call| call.operation == "GetObject" && call.key.contains("/drills/");
    assert_eq!(opened.iter().filter(is_opened).count(), 0);
}

#[test]
fn a_report_under_another_name_is_not_believed_and_said() {
    let (stage, id) = backed_up();
    let old = PastDrill::ago(&id, hours(20 * 24));
    let new = PastDrill::ago(&id, hours(2));
    let key = format!("backups/main/drills/{}.pgc", new.name());
    // the report of an old drill under the name of a new one
    stage.bucket.write(&key, old.sealed());
    let said = assert_never_proven(&stage);
    assert!(
        said.contains("1 report of drills can't be read, and proves nothing"),
        "{said}"
    );
}

#[test]
fn a_damaged_report_is_said_and_the_one_before_it_counts() {
    let (stage, id) = backed_up();
    let key = PastDrill::ago(&id, hours(2)).put(&stage.bucket);
    let mut bytes = stage.bucket.read(&key).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    stage.bucket.write(&key, bytes);
    let said = assert_never_proven(&stage);
    assert!(said.contains("can't be read, and proves nothing"), "{said}");
    PastDrill::ago(&id, hours(50)).put(&stage.bucket);
    let said = stage.run(["status"]);
    assert!(said.text().contains("proven 2 days ago"), "{}", said.text());
}

#[test]
fn another_kind_of_object_of_ours_is_no_report() {
    let (stage, id) = backed_up();
    let drill = PastDrill::ago(&id, hours(2));
    let name = drill.name();
    let key = pgcoffer::seal::MasterKey::parse(KEY).unwrap();
    let mark = sealed(
        name.as_str(),
        Content::Mark,
        PayloadCompression::None,
        "main",
        &pgcoffer::seal::Secret::Key(key),
        br#"{"version":1,"verdict":"proven"}"#,
    );
    stage.bucket.write(&format!("backups/main/drills/{name}.pgc"), mark);
    assert_never_proven(&stage);
}

#[test]
fn a_report_that_contradicts_itself_is_not_believed() {
    for (field, value) in [("/differences", 3), ("/not_compared", 1), ("/checks_failed", 1)] {
        let (stage, id) = backed_up();
        PastDrill::ago(&id, hours(2)).with(field, value).put(&stage.bucket);
        assert_never_proven(&stage);
    }
}

/// Whoever has the catalog key alone can seal a report, and no findings: who holds the key sees it.
#[test]
fn a_verdict_that_its_findings_do_not_have_is_not_shown_as_theirs() {
    let (stage, id) = backed_up();
    let drill = PastDrill::ago(&id, hours(2));
    let name = drill.name();
    let key = pgcoffer::seal::Secret::Key(pgcoffer::seal::MasterKey::parse(KEY).unwrap());
    let finding =
        r#"{"kind":"TABLE DATA","schema":"public","name":"people","why":"gone","label":"table public.people"}"#;
    let json = format!(r#"{{"version":1,"name":"{name}","database":"main","differences":[{finding}]}}"#);
    let payload = zstd::encode_all(json.as_bytes(), 3).unwrap();
    let zstd = PayloadCompression::Zstd;
    let findings = sealed(name.as_str(), Content::Findings, zstd, "main", &key, &payload);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&findings);
    stage
        .bucket
        .write(&format!("backups/main/drills/{name}.findings.pgc"), findings.clone());
    let drill = with_findings(drill, findings.len(), &data_encoding::HEXLOWER.encode(&digest));
    drill.put(&stage.bucket);
    let shown = stage.run(["show", &id]).success();
    assert!(
        shown.stderr.contains("its verdict is not that of its findings"),
        "{}",
        shown.stderr
    );
}

fn with_findings(drill: PastDrill, bytes: usize, sha256: &str) -> PastDrill {
    drill.with("/findings_bytes", bytes).with("/findings_sha256", sha256)
}

#[test]
fn many_names_that_somebody_has_made_up_cost_a_line_of_a_list() {
    let (stage, id) = backed_up();
    for n in 0..300 {
        let name = format!("{id}-20261120T{:02}{:02}00Z-abcdefghij23", n / 60, n % 60);
        stage.bucket.write(&format!("backups/main/drills/{name}.pgc"), "junk");
    }
    PastDrill::ago(&id, hours(2)).put(&stage.bucket);
    let said = stage.run(["status"]);
    assert!(said.text().contains("main: proven 2 hours ago"), "{}", said.text());
}
