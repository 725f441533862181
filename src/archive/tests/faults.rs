//! Each fault has its own error.

use super::*;

#[test]
fn what_is_no_archive_is_told_by_its_looks() {
    let looks = |start: &[u8]| match read(start) {
        Err(error @ Error::NotAnArchive(looks_like)) => {
            assert_eq!(error.hint().is_some(), looks_like != LooksLike::Unknown);
            looks_like
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(looks(b"--\n-- PostgreSQL database dump"), LooksLike::PlainSql);
    assert_eq!(looks(b"\\restrict abc"), LooksLike::PlainSql);
    assert_eq!(looks(b"toc.dat\0"), LooksLike::Tar);
    assert_eq!(looks(b"pgcoffer/1\n"), LooksLike::Sealed);
    assert_eq!(looks(b"\x1f\x8b\x08\0\0\0"), LooksLike::Compressed("gzip"));
    assert_eq!(looks(b"\x28\xb5\x2f\xfd\x04"), LooksLike::Compressed("zstd"));
    assert_eq!(looks(b"\x1f\x8b"), LooksLike::Compressed("gzip"));
    assert_eq!(looks(b"<html>"), LooksLike::Unknown);
    assert_eq!(looks(b"x"), LooksLike::Unknown);
    assert_eq!(read(b""), Err(Error::Empty));
    assert_eq!(
        read(b"PGD"),
        Err(Error::CutShort {
            place: Place::Header,
            length: 3
        })
    );
}

#[test]
fn headers_of_other_kinds_are_refused() {
    assert_eq!(
        read(&start(11, b"")),
        Err(Error::Version {
            version: (1, 11, 0),
            newer: false
        })
    );
    assert_eq!(
        read(&start(17, b"")),
        Err(Error::Version {
            version: (1, 17, 0),
            newer: true
        })
    );
    assert_eq!(
        read(b"PGDMP\x02\x00\x00\x04\x08\x01"),
        Err(Error::Version {
            version: (2, 0, 0),
            newer: true
        })
    );
    assert_eq!(read(b"PGDMP\x01\x10\x00\x04\x08\x05"), Err(Error::Format(5)));
    assert_eq!(
        read(b"PGDMP\x01\x10\x00\x08\x08\x01"),
        Err(Error::NumberSize {
            what: "integers",
            size: 8
        })
    );
    assert_eq!(
        read(b"PGDMP\x01\x10\x00\x04\xff\x01"),
        Err(Error::NumberSize {
            what: "offsets",
            size: 255
        })
    );
    assert_eq!(read(&start(14, &int(-1))), Err(Error::Compressed("gzip")));
    assert_eq!(read(&start(14, &int(6))), Err(Error::Compressed("gzip")));
    assert_eq!(read(&start(15, &[2])), Err(Error::Compressed("lz4")));
    assert_eq!(read(&start(16, &[3])), Err(Error::Compressed("zstd")));
}

#[test]
fn numbers_that_can_not_be_are_refused() {
    let absurd = |archive: Vec<u8>| match read(&archive) {
        Err(Error::Absurd { what, value, at }) => {
            assert_eq!(at, archive.len() as u64);
            (what, value)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(absurd([header(), int(-1)].concat()), ("the number of entries", -1));
    assert_eq!(absurd([header(), int(1), int(0)].concat()), ("an entry's id", 0));
    assert_eq!(
        absurd([header(), int(1), int(1), int(0), int(-2)].concat()),
        ("the length of a string", -2)
    );
    assert_eq!(
        absurd([header(), int(1), int(1), int(0), int(1 << 30)].concat()),
        ("the length of a string", 1 << 30)
    );
    assert_eq!(
        absurd([four(), vec![1], int(2), int(-7)].concat()),
        ("the length of a chunk of data", -7)
    );
    assert_eq!(
        absurd([four(), vec![3], int(LARGE), int(9), int(i32::MIN)].concat()),
        ("the length of a chunk of data", i32::MIN.into())
    );
    let mut archive = [header(), contents(&[entry(1, false, "", "INDEX")])].concat();
    let at = archive.len() - 9;
    archive[at] = 4;
    assert_eq!(absurd(archive), ("the state of an entry's offset", 4));
}

#[test]
fn blocks_must_be_those_that_were_promised() {
    let [first, second, third] = data();
    let begin = four().len() as u64;
    let after = |blocks: &[&[u8]]| read(&[four(), blocks.concat()].concat());
    assert_eq!(
        after(&[&rows(9, b"")]),
        Err(Error::UnexpectedBlock { id: 9, at: begin })
    );
    assert_eq!(
        after(&[&rows(3, b"")]),
        Err(Error::UnexpectedBlock { id: 3, at: begin })
    );
    let at = begin + first.len() as u64;
    assert_eq!(
        after(&[&first, &first]),
        Err(Error::RepeatedBlock {
            entry: table(2, "a"),
            at
        })
    );
    assert_eq!(
        after(&[&objects(2, &[])]),
        Err(Error::WrongBlock {
            entry: table(2, "a"),
            kind: 3,
            at: begin
        })
    );
    let large_objects = EntryName { id: LARGE, table: None };
    assert_eq!(
        after(&[&rows(LARGE, b"")]),
        Err(Error::WrongBlock {
            entry: large_objects.clone(),
            kind: 1,
            at: begin
        })
    );
    assert_eq!(after(&[&[2]]), Err(Error::UnknownBlock { kind: 2, at: begin }));
    assert_eq!(
        after(&[&second]),
        Err(Error::MissingData {
            count: 2,
            entries: vec![table(2, "a"), large_objects]
        })
    );
    assert_eq!(
        after(&[&rows(2, b"1\n")]),
        Err(Error::NoEndMarker { entry: table(2, "a") })
    );
    assert_eq!(
        after(&[&rows(2, b"\\.\n1\n")]),
        Err(Error::AfterEndMarker { entry: table(2, "a") })
    );
    assert_eq!(after(&[&third, &first, &second]).map(|held| held.entries), Ok(4));
}

#[test]
fn an_id_may_promise_data_once_only() {
    let twice = [entry(2, true, "a", "TABLE DATA"), entry(2, true, "b", "TABLE DATA")];
    assert_eq!(
        read(&[header(), contents(&twice)].concat()),
        Err(Error::RepeatedEntry { id: 2 })
    );
}

#[test]
fn an_error_names_ten_missing_tables_and_the_number_of_the_others() {
    let entries: Vec<_> = (1..=12).map(|id| entry(id, true, "t\nt", "TABLE DATA")).collect();
    let error = read(&[header(), contents(&entries)].concat()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the archive lacks the data of table \"public\".\"t\\nt\" (entry 1), table "),
        "{message}"
    );
    assert!(message.ends_with(" (entry 10) and 2 more"), "{message}");
}

#[test]
fn a_cut_is_told_with_its_place() {
    let archive = [four(), data().concat()].concat();
    let place = |length: usize| match read(&archive[..length]) {
        Err(Error::CutShort { place, length: told }) => {
            assert_eq!(told, length as u64);
            place
        }
        other => panic!("{other:?}"),
    };
    let (head, data) = (header().len(), four().len());
    assert_eq!(place(head - 1), Place::Header);
    assert_eq!(place(head + 3), Place::Contents { read: 0 });
    assert_eq!(place(data - 1), Place::Contents { read: 3 });
    assert_eq!(place(data + 1), Place::BlockStart);
    assert_eq!(place(data + 8), Place::Data(table(2, "a")));
    assert_eq!(
        place(archive.len() - 1),
        Place::Data(EntryName { id: LARGE, table: None })
    );
}

#[test]
fn a_second_table_of_contents_must_be_the_first_one() {
    let whole = [four(), data().concat()].concat();
    let again = |contents: &[u8]| read(&[&whole, contents].concat());
    let second = four()[header().len()..].to_vec();
    assert_eq!(
        again(&second).map(|held| held.length),
        Ok((whole.len() + second.len()) as u64)
    );
    let mut with_offsets = second.clone();
    let at = with_offsets.len() - 9;
    with_offsets[at..].copy_from_slice(b"\x02abcdefgh");
    assert!(again(&with_offsets).is_ok());
    let mut renamed = second.clone();
    let at = renamed.windows(5).position(|part| part == b"INDEX").unwrap();
    renamed[at] = b'X';
    assert_eq!(again(&renamed), Err(Error::ContentsDiffer));
    assert_eq!(again(&int(0)), Err(Error::ContentsDiffer));
    let at = (whole.len() + second.len()) as u64;
    assert_eq!(again(&[&second[..], b"x"].concat()), Err(Error::AfterEnd { at }));
    let length = at - 1;
    assert_eq!(
        again(&second[..second.len() - 1]),
        Err(Error::CutShort {
            place: Place::SecondContents,
            length
        })
    );
    let [first, ..] = data();
    let early = read(&[four(), first, second].concat());
    assert!(matches!(early, Err(Error::MissingData { count: 2, .. })), "{early:?}");
}

#[test]
fn a_fault_stays() {
    let mut reader = ArchiveReader::new();
    let fault = reader.push(b"--\n--").unwrap_err();
    assert_eq!(reader.push(b"PGDMP"), Err(fault.clone()));
    assert_eq!(reader.finish(), Err(fault));
}
