//! Archives made up byte by byte, for what no real one has.

#![allow(clippy::unwrap_used)]

use super::*;

mod faults;

const LARGE: i32 = 5;

fn int(value: i32) -> Vec<u8> {
    let mut bytes = vec![u8::from(value < 0)];
    bytes.extend(value.unsigned_abs().to_le_bytes());
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [int(text.len() as i32), text.as_bytes().to_vec()].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [int(bytes.len() as i32), bytes.to_vec()].concat()
}

fn start(minor: u8, compression: &[u8]) -> Vec<u8> {
    [b"PGDMP\x01", &[minor][..], b"\x00\x04\x08\x01", compression].concat()
}

/// A header of format 1.16, of 20 November 2026, 07:08:09.
fn header() -> Vec<u8> {
    let date: Vec<u8> = [9, 8, 7, 20, 10, 126, 0].into_iter().flat_map(int).collect();
    [start(16, b"\0"), date, text("shop"), text("18.4"), text("18.4")].concat()
}

/// An entry of format 1.16.
fn entry(id: i32, had_data: bool, name: &str, kind: &str) -> Vec<u8> {
    let copy = if kind == "TABLE DATA" {
        "COPY t FROM stdin;\n"
    } else {
        ""
    };
    let mut bytes = [
        int(id),
        int(had_data.into()),
        text("0"),
        text("0"),
        text(name),
        text(kind),
        int(3),
    ]
    .concat();
    for string in ["", "", copy, "public", "", ""] {
        bytes.extend(text(string));
    }
    [
        bytes,
        int(0),
        text("owner"),
        text("false"),
        text("12"),
        int(-1),
        vec![1],
        vec![0; 8],
    ]
    .concat()
}

fn contents(entries: &[Vec<u8>]) -> Vec<u8> {
    [int(entries.len() as i32), entries.concat()].concat()
}

fn rows(id: i32, data: &[u8]) -> Vec<u8> {
    [vec![1], int(id), chunk(data), int(0)].concat()
}

fn objects(id: i32, objects: &[(u32, &[u8])]) -> Vec<u8> {
    let each = |&(oid, data): &(u32, &[u8])| {
        [
            int(oid.cast_signed()),
            if data.is_empty() { vec![] } else { chunk(data) },
            int(0),
        ]
        .concat()
    };
    [vec![3], int(id), objects.iter().flat_map(each).collect(), int(0)].concat()
}

fn read(archive: &[u8]) -> Result<Contents, Error> {
    let mut reader = ArchiveReader::new();
    reader.push(archive)?;
    reader.finish()
}

fn table(id: i32, name: &str) -> EntryName {
    EntryName {
        id,
        table: Some(("public".into(), name.into())),
    }
}

/// Of tables `a` (2) and `b` (4), something without data (3) and large objects (5).
fn four() -> Vec<u8> {
    let entries = [
        entry(2, true, "a", "TABLE DATA"),
        entry(3, false, "i", "INDEX"),
        entry(4, true, "b", "TABLE DATA"),
        entry(LARGE, true, "BLOBS", "BLOBS"),
    ];
    [header(), contents(&entries)].concat()
}

fn data() -> [Vec<u8>; 3] {
    [
        rows(2, b"1\n2\n\\.\n\n\n"),
        rows(4, b"\\.\n\n\n"),
        objects(LARGE, &[(1, b"x"), (u32::MAX, b""), (1 << 31, b"yz")]),
    ]
}

#[test]
fn a_whole_archive_says_what_it_held() {
    let held = read(&[four(), data().concat()].concat()).unwrap();
    assert_eq!(held.version, (1, 16, 0));
    assert_eq!(held.created, Some(jiff::civil::datetime(2026, 11, 20, 7, 8, 9, 0)));
    assert_eq!(
        (held.database.raw(), held.server_version.raw(), held.entries),
        ("shop", "18.4", 4)
    );
    let tables: Vec<_> = held
        .tables
        .iter()
        .map(|table| (table.name.raw(), table.rows, table.bytes))
        .collect();
    assert_eq!(tables, [("a", 2, 4), ("b", 0, 0)]);
    assert_eq!((held.large_objects.count, held.large_objects.bytes), (3, 3));
    assert_eq!(held.tables[0].start, four().len() as u64);
    assert_eq!(held.tables[0].end, held.tables[1].start);
    assert_eq!(
        serde_json::from_str::<Contents>(&serde_json::to_string(&held).unwrap()).unwrap(),
        held
    );
}

#[test]
fn blocks_may_come_in_any_order() {
    let [first, second, third] = data();
    assert_eq!(read(&[four(), third, second, first].concat()).unwrap().tables.len(), 2);
}

#[test]
fn large_objects_are_told_apart_by_oid_bytes_and_bounds() {
    let sum = |objects_: &[(u32, &[u8])]| {
        read(
            &[
                header(),
                contents(&[entry(1, true, "BLOBS", "BLOBS")]),
                objects(1, objects_),
            ]
            .concat(),
        )
        .unwrap()
        .large_objects
    };
    let one = sum(&[(1, b"ab"), (2, b"c")]);
    assert_eq!(one, sum(&[(2, b"c"), (1, b"ab")]));
    for other in [
        sum(&[(1, b"ab"), (3, b"c")]),
        sum(&[(1, b"a"), (2, b"bc")]),
        sum(&[(1, b"ab"), (2, b"d")]),
    ] {
        assert_ne!(one.fingerprint, other.fingerprint);
    }
}

#[test]
fn a_name_that_is_no_utf8_is_no_fault() {
    let mut archive = [
        header(),
        contents(&[entry(2, true, "XY", "TABLE DATA")]),
        rows(2, b"\\.\n"),
    ]
    .concat();
    let at = archive.windows(2).position(|pair| pair == b"XY").unwrap();
    archive[at] = 0xff;
    assert_eq!(read(&archive).unwrap().tables[0].name, r"\xffY");
}

#[test]
fn an_absurdly_long_name_is_cut() {
    let name = "n".repeat(1 << 20);
    let archive = [
        header(),
        contents(&[entry(2, true, &name, "TABLE DATA")]),
        rows(2, b"\\.\n"),
    ]
    .concat();
    assert_eq!(read(&archive).unwrap().tables[0].name.raw().len(), 4096);
}

#[test]
fn a_date_that_is_none_is_no_fault() {
    for date in [
        [0, 0, 0, 31, 1, 126, 0],
        [0, 0, 0, 1, i32::MAX, i32::MAX, 0],
        [-1, 0, 0, 1, 1, 126, 0],
    ] {
        let date: Vec<u8> = date.into_iter().flat_map(int).collect();
        let archive = [start(16, b"\0"), date, text(""), text(""), text(""), int(0)].concat();
        assert_eq!(read(&archive).unwrap().created, None);
    }
}
