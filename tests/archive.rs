//! The archive reader against archives of real clients of several majors, and against a running PostgreSQL.
//!
//! `archives/` holds the archives and how they were made. What they must hold was asked of the server when they were
//! made (`expected.jsonl`); archives of format 1.12 and 1.13 were rewritten from one of 1.14 and are proven by a
//! restore.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use pgcoffer::archive::{ArchiveReader, Contents, Error, Fingerprint};
use xxhash_rust::xxh3::xxh3_128;

#[path = "archives/cluster.rs"]
mod cluster;
#[path = "archives/cuts.rs"]
mod cuts;
#[path = "archives/restored.rs"]
mod restored;

/// Archives of the database of `odd.sql`, with their format's minor version.
const ODD: [(&str, u8); 8] = [
    ("odd-1.12", 12),
    ("odd-1.13", 13),
    ("odd-15", 14),
    ("odd-16", 15),
    ("odd-17", 16),
    ("odd-18", 16),
    ("odd-18-appended", 16),
    ("odd-18-statistics-appended", 16),
];

/// Archives of the database of `small.sql`.
const SMALL: [&str; 3] = ["small-15", "small-18", "small-17-appended"];

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives").join(name)).unwrap()
}

fn sql(name: &str) -> String {
    String::from_utf8(file(name)).unwrap()
}

fn archive(name: &str) -> Vec<u8> {
    zstd::decode_all(&file(&format!("{name}.dump.zst"))[..]).unwrap()
}

fn read(archive: &[u8]) -> Result<Contents, Error> {
    read_parts([archive])
}

fn read_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Contents, Error> {
    let mut reader = ArchiveReader::new();
    let mut length = 0;
    for part in parts {
        reader.push(part)?;
        length += part.len() as u64;
    }
    let contents = reader.finish()?;
    assert_eq!(contents.length, length);
    Ok(contents)
}

/// What must be equal between two archives of equal databases.
fn fingerprints(held: &Contents) -> BTreeMap<String, (u64, u64, Fingerprint)> {
    let of = |count, bytes, fingerprint| (count, bytes, fingerprint);
    let tables = held
        .tables
        .iter()
        .map(|t| (format!("{}.{}", t.schema, t.name), of(t.rows, t.bytes, t.fingerprint)));
    let objects = held.large_objects;
    tables
        .chain([(
            "large objects".into(),
            of(objects.count, objects.bytes, objects.fingerprint),
        )])
        .collect()
}

/// The names whose fingerprints differ.
fn differences(one: &Contents, other: &Contents) -> Vec<String> {
    let (one, other) = (fingerprints(one), fingerprints(other));
    assert!(one.keys().eq(other.keys()), "{one:?}\n{other:?}");
    one.into_iter()
        .filter(|(name, value)| other[name] != *value)
        .map(|(name, _)| name)
        .collect()
}

/// By another road than the reader's: from the output of COPY.
fn fingerprint_of_copy(output: &[u8]) -> String {
    let rows = output
        .strip_suffix(b"\n")
        .map_or(vec![], |rows| rows.split(|&byte| byte == b'\n').collect());
    format!("{:032x}", rows.into_iter().map(xxh3_128).fold(0, u128::wrapping_add))
}

#[test]
fn archives_of_every_format_contain_the_server_s_rows() {
    let mut expected: Vec<serde_json::Value> = sql("expected.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    expected.sort_by_key(ToString::to_string);
    for (name, minor) in ODD {
        let held = read(&archive(name)).unwrap();
        assert_eq!(held.version, (1, minor, 0), "{name}");
        assert_eq!(held.database, "odd");
        assert!(held.created.is_some());
        assert!(held.entries > 40, "{name}");
        let mut tables: Vec<_> = held
            .tables
            .iter()
            .map(|t| serde_json::json!({"schema": t.schema, "name": t.name, "rows": t.rows, "bytes": t.bytes}))
            .collect();
        tables.sort_by_key(ToString::to_string);
        assert_eq!(tables, expected, "{name}");
        assert_eq!(
            (held.large_objects.count, held.large_objects.bytes),
            (4, 100_015),
            "{name}"
        );
    }
}

#[test]
fn clients_of_every_major_version_give_the_same_fingerprints() {
    let first = read(&archive("odd-15")).unwrap();
    for (name, _) in ODD {
        assert_eq!(
            differences(&first, &read(&archive(name)).unwrap()),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[test]
fn the_fingerprint_is_the_documented_one() {
    let held = read(&archive("odd-18")).unwrap();
    let twins = held.tables.iter().find(|table| table.name == "twins").unwrap();
    assert_eq!(
        twins.fingerprint.to_string(),
        fingerprint_of_copy(b"7\n7\n7\n7\n7\n7\n")
    );
    let object = |oid: u64, data: &[u8]| xxh3_128(&[&oid.to_le_bytes(), data].concat());
    let zeros = [0x00, 0xff, 0x0a, 0x5c, 0x2e].repeat(20_000);
    let objects = [
        (100_001, &b"a large object"[..]),
        (100_002, b""),
        (100_003, &zeros),
        (3_000_000_001, b"\n"),
    ];
    let sum = objects
        .into_iter()
        .map(|(oid, data)| object(oid, data))
        .fold(0, u128::wrapping_add);
    assert_eq!(held.large_objects.fingerprint.to_string(), format!("{sum:032x}"));
}

#[test]
fn the_place_of_a_table_s_block_is_right() {
    let archive = archive("odd-17");
    let held = read(&archive).unwrap();
    let blocks: Vec<_> = held
        .tables
        .iter()
        .map(|table| &archive[table.start as usize..table.end as usize])
        .collect();
    for (block, table) in blocks.iter().zip(&held.tables) {
        assert_eq!(block[0], 1, "{}", table.name);
        assert!(block.ends_with(b"\\.\n\n\n\0\0\0\0\0"), "{}", table.name);
    }
    assert_eq!(
        blocks.iter().map(|block| block.len()).sum::<usize>() as u64,
        held.tables[13].end - held.tables[0].start
    );
}

#[test]
fn rows_of_an_archive_of_inserts_are_its_lines() {
    let held = read(&archive("odd-15-inserts")).unwrap();
    let rows = |name: &str| held.tables.iter().find(|table| table.name == name).unwrap().rows;
    // One value of `tricky` has a line break in it.
    assert_eq!(
        [rows("plain"), rows("twins"), rows("empty"), rows("tricky")],
        [500, 6, 0, 12]
    );
}

#[test]
fn an_archive_without_data_is_complete() {
    let held = read(&archive("odd-18-schema")).unwrap();
    assert_eq!((held.tables.len(), held.large_objects.count), (0, 0));
    assert!(held.entries > 20);
}
