//! The archive reader against archives of real clients of several majors, and against a running PostgreSQL.
//!
//! `archives/` holds the archives and how they were made. What they must hold was asked of the server when they were
//! made (`expected.jsonl`); archives of format 1.12 and 1.13 were rewritten from one of 1.14 and are proven by a
//! restore.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use pgcoffer::archive::{ArchiveReader, Contents, Error, Fingerprint, LooksLike, Place};
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

#[path = "archives/cluster.rs"]
mod cluster;
use cluster::Cluster;

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
        assert_eq!(reader.length(), length);
    }
    reader.finish()
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
fn archives_of_every_format_hold_what_the_server_said() {
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
fn clients_of_every_major_give_the_same_fingerprints() {
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
fn the_fingerprint_is_that_of_the_documentation() {
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
fn a_tables_block_lies_where_it_is_said_to() {
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
fn an_archive_of_statements_counts_lines() {
    let held = read(&archive("odd-15-inserts")).unwrap();
    let rows = |name: &str| held.tables.iter().find(|table| table.name == name).unwrap().rows;
    // One value of `tricky` has a line break in it.
    assert_eq!(
        [rows("plain"), rows("twins"), rows("empty"), rows("tricky")],
        [500, 6, 0, 12]
    );
}

#[test]
fn an_archive_without_data_is_whole() {
    let held = read(&archive("odd-18-schema")).unwrap();
    assert_eq!((held.tables.len(), held.large_objects.count), (0, 0));
    assert!(held.entries > 20);
}

#[test]
fn every_truncation_is_a_fault() {
    for name in SMALL.into_iter().chain(["odd-18-schema"]) {
        let archive = archive(name);
        let held = read(&archive).unwrap();
        // Without its appended copy of the table of contents an archive is what it would be had it gone through a pipe.
        let without_copy = name
            .ends_with("-appended")
            .then(|| held.length as usize - contents_length(&archive));
        for length in 0..archive.len() {
            let result = read(&archive[..length]);
            assert_eq!(
                result.is_ok(),
                Some(length) == without_copy,
                "{name} cut at {length}: {result:?}"
            );
        }
    }
}

/// From the end of the header to the first block.
fn contents_length(archive: &[u8]) -> usize {
    let first = read(archive).unwrap().tables[0].start as usize;
    // `pg_dump (PostgreSQL) 17.11 (Debian …)`: the header ends with the client's version, 17.11, which comes but once.
    let version = read(archive).unwrap().dump_version;
    let version = version.raw();
    let at = archive
        .windows(version.len())
        .position(|part| part == version.as_bytes())
        .unwrap();
    first - (at + version.len())
}

#[test]
fn every_changed_byte_of_a_tables_data_is_seen() {
    for name in SMALL {
        let mut archive = archive(name);
        let held = read(&archive).unwrap();
        let table = held.tables.iter().find(|table| table.name == "t").unwrap();
        // But for the closing zero, which may be negative.
        for at in table.start as usize..table.end as usize - 5 {
            for bit in 0..8 {
                archive[at] ^= 1 << bit;
                let result = read(&archive);
                assert_ne!(
                    result.as_ref().map(|held| &held.tables),
                    Ok(&held.tables),
                    "{name}: bit {bit} of byte {at}"
                );
                archive[at] ^= 1 << bit;
            }
        }
    }
}

/// Cuts bytes at the given places, which are taken modulo the length.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_bytes_in_any_cuts_never_panic(bytes: Vec<u8>, places: Vec<usize>) {
        prop_assert!(read_parts(cut(&bytes, &places)).is_err());
    }

    #[test]
    fn any_bytes_behind_a_real_beginning_never_panic(name in prop::sample::select(&SMALL), keep: prop::sample::Index, bytes: Vec<u8>, places: Vec<usize>) {
        let mut archive = archive(name);
        archive.truncate(keep.index(archive.len()));
        archive.extend(&bytes);
        prop_assert_eq!(read_parts(cut(&archive, &places)), read(&archive));
    }

    #[test]
    fn a_mutated_archive_gives_the_same_in_any_cuts(
        name in prop::sample::select(&SMALL),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        places: Vec<usize>,
    ) {
        let mut archive = archive(name);
        for (at, byte) in changes {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        prop_assert_eq!(read_parts(cut(&archive, &places)), read(&archive));
    }

    #[test]
    fn a_real_archive_gives_the_same_in_any_cuts(which in 0..ODD.len(), places in prop::collection::vec(any::<usize>(), 0..200)) {
        let archive = archive(ODD[which].0);
        prop_assert_eq!(read_parts(cut(&archive, &places)), read(&archive));
    }
}

#[test]
fn a_real_archive_gives_the_same_byte_by_byte() {
    for (name, _) in ODD {
        let archive = archive(name);
        let small_cuts = read_parts(archive.chunks(1));
        assert_eq!(small_cuts, read(&archive), "{name}");
        assert_eq!(read_parts(archive.chunks(7)), small_cuts, "{name}");
    }
}

const CUSTOM: [&str; 2] = ["--format=custom", "--compress=0"];

#[test]
fn a_restored_database_has_the_same_fingerprints_in_whatever_order() {
    let server = Cluster::start();
    server.create("odd", &sql("odd.sql"));
    let before = read(&server.dump("odd", &CUSTOM)).unwrap();
    let copy = |database: &str, table: &str| server.psql(database, &format!("COPY {table} TO STDOUT"));
    for table in &before.tables {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let output = copy(
            "odd",
            &format!("{}.{}", quoted(table.schema.raw()), quoted(table.name.raw())),
        );
        assert_eq!(table.bytes, output.len() as u64, "{table:?}");
        assert_eq!(table.fingerprint.to_string(), fingerprint_of_copy(&output), "{table:?}");
    }

    server.restore("again", &server.dump("odd", &CUSTOM));
    server.psql("again", SHUFFLE);
    let (ordered, shuffled) = (copy("odd", "plain"), copy("again", "plain"));
    assert_ne!(ordered, shuffled);
    let after = read(&server.dump("again", &CUSTOM)).unwrap();
    assert_eq!(differences(&before, &after), Vec::<String>::new());

    server.psql("again", "UPDATE plain SET t = t || ' ' WHERE id = 250");
    let changed = read(&server.dump("again", &CUSTOM)).unwrap();
    assert_eq!(differences(&before, &changed), ["public.plain"]);
    server.psql(
        "again",
        "SELECT lo_put(100003, 77777, '\\x01'); DELETE FROM twins WHERE ctid = '(0,1)'",
    );
    let changed = read(&server.dump("again", &CUSTOM)).unwrap();
    assert_eq!(
        differences(&before, &changed),
        ["large objects", "public.plain", "public.twins"]
    );
}

/// Rows go to other places: deleted and inserted again, rewritten in place, vacuumed in between.
const SHUFFLE: &str = "
    CREATE TEMP TABLE away AS SELECT * FROM plain WHERE id % 3 = 0;
    DELETE FROM plain WHERE id % 3 = 0;
    VACUUM plain;
    INSERT INTO plain SELECT * FROM away ORDER BY id DESC;
    UPDATE plain SET n = n WHERE id % 5 = 0;
    UPDATE bytes SET b = b WHERE id % 2 = 0;
    VACUUM FULL bytes;
    CREATE TEMP TABLE texts AS SELECT * FROM tricky;
    TRUNCATE tricky;
    INSERT INTO tricky SELECT * FROM texts ORDER BY t;
    UPDATE events SET what = what WHERE at > '2025-12-15';
    UPDATE wide SET t = t WHERE id = 1;
";

#[test]
fn archives_rewritten_in_older_formats_are_ones_that_pg_restore_reads() {
    let server = Cluster::start();
    for (name, database) in [("odd-1.12", "twelve"), ("odd-1.13", "thirteen")] {
        let archive = archive(name);
        server.restore(database, &archive);
        let restored = read(&server.dump(database, &CUSTOM)).unwrap();
        assert_eq!(differences(&read(&archive).unwrap(), &restored), Vec::<String>::new());
    }
}

#[test]
fn other_ways_to_dump() {
    let server = Cluster::start();
    server.create("small", &sql("small.sql"));
    let dump = |options: &[&str]| read(&server.dump("small", options));
    assert_eq!(dump(&["--format=plain"]), Err(Error::NotAnArchive(LooksLike::PlainSql)));
    assert_eq!(dump(&["--format=tar"]), Err(Error::NotAnArchive(LooksLike::Tar)));
    assert_eq!(
        dump(&["--format=custom", "--compress=1"]),
        Err(Error::Compressed("gzip"))
    );
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("dump");
    server.dump("small", &["--format=directory", "--file", directory.to_str().unwrap()]);
    assert_eq!(
        read(&std::fs::read(directory.join("toc.dat")).unwrap()),
        Err(Error::Format(3))
    );

    let whole = dump(&CUSTOM).unwrap();
    assert_eq!(
        differences(
            &whole,
            &dump(&["--format=custom", "--compress=0", "--load-via-partition-root"]).unwrap()
        ),
        Vec::<String>::new()
    );
    let without_data = dump(&["--format=custom", "--compress=0", "--section=post-data"]).unwrap();
    assert_eq!((without_data.tables.len(), without_data.large_objects.count), (0, 0));
    let other_encoding = dump(&["--format=custom", "--compress=0", "--encoding=LATIN1"]).unwrap();
    assert_eq!(differences(&whole, &other_encoding), Vec::<String>::new());
}

#[test]
fn a_cut_in_a_table_names_the_table() {
    let archive = archive("odd-15");
    let table = read(&archive)
        .unwrap()
        .tables
        .into_iter()
        .find(|table| table.name == "wide")
        .unwrap();
    let error = read(&archive[..table.start as usize + 500_000]).unwrap_err();
    assert!(
        matches!(&error, Error::CutShort { place: Place::Data(entry), .. } if entry.to_string().contains("\"public\".\"wide\""))
    );
    assert!(error.hint().is_some());
}
