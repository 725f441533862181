use super::*;
use crate::backup::{BackupId, Retention};

/// The bytes that an entry may have, whatever the database.
const RECORD_BYTES_MAX: usize = 4096;

/// The longest that every field can be.
fn longest(text: &str) -> Record {
    let time: Timestamp = "2027-03-10T03:00:00Z".parse().unwrap();
    let id = BackupId::parse("20270310T030000Z-aaaaaaaaaaaa").unwrap();
    let label = Label::parse(&"x".repeat(63)).unwrap();
    let served = |tier| Served {
        tier,
        due: time,
        retention: Retention::Newest(9999),
    };
    let object = SealedObject {
        key: format!("{label}/archives/monthly/{id}.pgc"),
        bytes: u64::MAX,
        sha256: "a".repeat(64).into(),
        crc64nvme: "b".repeat(12).into(),
        etag: Some(text.to_owned()),
        tagged: false,
    };
    Record {
        version: RECORD_VERSION,
        repository: "c0ffee00112233445566778899aabbcc".parse().unwrap(),
        id,
        database: label,
        tier: Tier::Monthly,
        retention: Retention::Newest(9999),
        expires: Some(time),
        serves: Tier::ALL.map(served).to_vec(),
        started: time,
        finished: time,
        agent: text.into(),
        sealed_for: text.into(),
        status: Status::Succeeded,
        anomalies: vec![Anomaly::FewerLargeObjects; 100],
        compared: u32::MAX,
        source: Some(Source {
            server: Server {
                version: text.into(),
                major: u32::MAX,
                database: text.into(),
                table_bytes: u64::MAX,
                collation: None,
                standby: false,
                identity: Some(text.into()),
            },
            client: Client {
                version: text.into(),
                major: u32::MAX,
            },
        }),
        counts: Counts {
            tables: u64::MAX,
            rows: u64::MAX,
            large_objects: u64::MAX,
            definitions: u64::MAX,
            warnings: u64::MAX,
            fingerprint: Fingerprint::default(),
        },
        details_bytes: u64::MAX,
        details_sha256: "c".repeat(64).into(),
        sealed: Some(Sealed {
            objects: vec![object],
            dump_bytes: u64::MAX,
            part_bytes: u64::MAX,
            compression: Compression {
                algorithm: "zstd".into(),
                level: i32::MIN,
                chunk_bytes: u64::MAX,
            },
        }),
    }
}

#[test]
fn an_entry_stays_small_whatever_a_server_or_a_service_says() {
    for text in ["\u{1}", "\"", "\u{1F600}", "x", ""] {
        let json = longest(&text.repeat(100_000)).to_json();
        assert!(json.len() <= RECORD_BYTES_MAX, "{} bytes of {text:?}", json.len());
        assert!(Record::from_json(&json).is_ok());
    }
}

#[test]
fn the_name_of_a_database_is_kept_whole() {
    let name = "ä".repeat(31) + "x";
    let record = Record::from_json(&longest(&name).to_json()).unwrap();
    assert_eq!(record.source.unwrap().server.database, name.as_str());
}

#[test]
fn what_a_later_version_found_wrong_is_read_as_such() {
    let json = String::from_utf8(longest("x").to_json()).unwrap();
    let later = json.replace("fewer_large_objects", "fewer_unicorns");
    let record = Record::from_json(later.as_bytes()).unwrap();
    assert_eq!(record.anomalies[0], Anomaly::Other);
}
