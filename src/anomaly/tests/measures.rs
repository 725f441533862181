//! What a record measures.

use jiff::Timestamp;

use super::*;
use crate::backup::{
    Anomaly, BackupId, Compression, Details, Label, Record, Retention, Sealed, SealedObject, Status, TableFingerprint,
    Tier,
};

#[test]
fn a_record_is_measured_by_its_tables_and_its_dump() {
    let started: Timestamp = "2027-03-10T03:00:00Z".parse().unwrap();
    let table = |name: &str, rows| TableFingerprint {
        schema: "public".into(),
        name: name.into(),
        rows,
        bytes: 1,
        fingerprint: "0".repeat(32).parse().unwrap(),
        span: (0, 1),
    };
    let mut record = Record {
        repository: "c0ffee00112233445566778899aabbcc".parse().unwrap(),
        version: 1,
        id: BackupId::parse("20270310T030000Z-aaaaaaaaaaaa").unwrap(),
        database: Label::parse("main").unwrap(),
        tier: Tier::Daily,
        retention: Retention::Days(7),
        expires: None,
        serves: Vec::new(),
        started,
        finished: started,
        agent: "0".into(),
        sealed_for: Default::default(),
        status: Status::Succeeded,
        anomalies: Vec::new(),
        compared: 0,
        source: None,
        counts: Default::default(),
        details_bytes: 0,
        details_sha256: "".into(),
        sealed: Some(Sealed {
            objects: vec![SealedObject {
                key: "k".into(),
                bytes: 5,
                sha256: "s".into(),
                crc64nvme: "c".into(),
                etag: None,
                tagged: true,
            }],
            dump_bytes: 4321,
            part_bytes: 1,
            compression: Compression {
                algorithm: "none".into(),
                level: 0,
                chunk_bytes: 1,
            },
        }),
    };
    let details = Details {
        tables: vec![table("a", 5), table("b", 0), table("a", 2)],
        ..Details::default()
    };
    record.counts = details.counts();
    let expected = Measure {
        stored_bytes: 5,
        table_count: 3,
        ..measure(4321, &[("a", 7), ("b", 0)])
    };
    assert_eq!(Measure::with_tables(&record, &details), expected);
    let without = Measure {
        tables: None,
        ..expected
    };
    assert_eq!(Measure::from(&record), without);
    record.sealed = None;
    record.status = Status::Failed {
        exit_status: 1,
        cause: crate::cause::Cause::default(),
    };
    assert_eq!(Measure::from(&record).dump_bytes, 0);
}

#[test]
fn without_its_tables_a_backup_is_compared_by_its_numbers_and_agrees_with_none() {
    let numbers = |one: &Measure| Measure {
        tables: None,
        ..one.clone()
    };
    let (full, fallen) = (measure(9000, &[("a", 900)]), measure(1000, &[("a", 9)]));
    assert_eq!(compare(&fallen, std::slice::from_ref(&full)).len(), 2);
    for (new, last) in [(numbers(&fallen), full.clone()), (fallen.clone(), numbers(&full))] {
        let reasons = crate::anomaly::compare(&new, &[&last]);
        let kinds = Reason::anomalies(&reasons);
        assert_eq!(kinds, [Anomaly::ShorterDump]);
    }
    assert!(agree(&full, &full));
    assert!(alike(&numbers(&full), &full));
    assert!(!agree(&numbers(&full), &full));
    assert!(!agree(&full, &numbers(&full)));
}
