//! The header's grammar, its slots, and what hostile ones cost.

use hmac::Mac;
use proptest::prelude::*;

use super::*;

fn header() -> String {
    let (len, object) = sealed(b"", &key(1));
    String::from_utf8(object[..len].to_vec()).unwrap()
}

fn fault(text: &str) -> Error {
    SealedHeader::parse_whole(text.as_bytes()).unwrap_err()
}

fn line_of(error: &Error) -> usize {
    match error {
        Error::HeaderMalformed { line, .. } => *line,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_written_is_read() {
    let text = header();
    let (header, len) = SealedHeader::parse(text.as_bytes()).unwrap().unwrap();
    assert_eq!(len, text.len());
    assert_eq!((header.backup.as_str(), header.frame_size), (BACKUP, 4096));
    assert_eq!(
        (header.content, header.compression),
        (Content::Archive, PayloadCompression::None)
    );
    let here = repository();
    assert_eq!(header.repository, here);
    header.check_is(&here, BACKUP, Content::Archive).unwrap();
    assert!(header.check_is(&here, BACKUP, Content::Record).is_err());
    assert!(header.check_is(&here, "another", Content::Archive).is_err());
    let elsewhere = RepositoryId::generate().unwrap();
    let strange = header.check_is(&elsewhere, BACKUP, Content::Archive);
    assert!(matches!(strange, Err(Error::OtherRepository { .. })));
}

#[test]
fn every_beginning_asks_for_more() {
    let text = header();
    for len in 0..text.len() {
        assert_eq!(SealedHeader::parse(&text.as_bytes()[..len]), Ok(None), "at {len}");
    }
    assert_eq!(fault(""), Error::NotSealed);
    assert_eq!(fault("pgcoffer/1\nrepository 00"), Error::HeaderCutShort);
}

#[test]
fn other_files_are_told_apart_at_once() {
    for text in [
        "PK\x03\x04",
        "pgcopher",
        "PGDMP",
        "pgcoffer/0\n",
        "pgcoffer/01\n",
        "pgcoffer/x\n",
    ] {
        assert_eq!(fault(text), Error::NotSealed, "{text}");
    }
    assert_eq!(fault("pgcoffer/2\nanything\n"), Error::NewerVersion { version: 2 });
}

#[test]
fn each_line_is_held_to_its_grammar() {
    let text = header();
    let faults = [
        ("repository c", "repository C", 2),
        ("repository c", "repository ", 2),
        ("repository ", "", 2),
        ("backup ", "backup  ", 3),
        ("backup 2", "backup /2", 3),
        ("content archive", "content dump", 4),
        ("compression none", "compression gzip", 5),
        ("compression none", "compression none ", 5),
        ("frame 4096", "frame 04096", 6),
        ("frame 4096", "frame 4095", 6),
        ("frame 4096", "frame 4104", 6),
        ("frame 4096", "frame 16777232", 6),
        ("frame 4096", "frame 4294971392", 6),
        ("frame 4096\n", "frame 4096\r\n", 6),
        ("slot key ", "slot key  ", 7),
        ("slot key ", "slot key A", 7),
        ("slot key ", "slot Key ", 7),
        ("slot key ", "lock key ", 7),
        ("=\nmac", "\nmac", 7),
        ("mac ", "tag ", 8),
        ("mac ", "mac A", 8),
    ];
    for (from, to, line) in faults {
        assert_eq!(line_of(&fault(&text.replacen(from, to, 1))), line, "{from:?} -> {to:?}");
    }
    let slot = text.lines().nth(6).unwrap();
    assert_eq!(line_of(&fault(&text.replace(slot, &format!("{slot}\n{slot}")))), 8);
    assert_eq!(line_of(&fault(&text.replace(&format!("{slot}\n"), ""))), 7);
}

#[test]
fn a_header_has_bounds() {
    let text = header();
    let kinds = |count: usize| -> String { (0..count).map(|at| format!("slot x {at}\n")).collect() };
    let with = |slots: &str| text.replacen("slot ", &format!("{slots}slot "), 1);
    SealedHeader::parse_whole(with(&kinds(15)).as_bytes()).unwrap();
    assert_eq!(line_of(&fault(&with(&kinds(16)))), 23);
    let long = with(&format!("slot x {}\n", "y".repeat(HEADER_LEN_MAX)));
    assert_eq!(line_of(&fault(&long)), 7);
    assert_eq!(SealedHeader::parse(&long.as_bytes()[..HEADER_LEN_MAX - 1]), Ok(None));
    assert!(SealedHeader::parse(&long.as_bytes()[..HEADER_LEN_MAX]).is_err());
    // Of the greatest length exactly, and of one byte more.
    let room = HEADER_LEN_MAX - text.len();
    let fitting = with(&format!("slot x {}\n", "y".repeat(room - "slot x \n".len())));
    assert_eq!(SealedHeader::parse_whole(fitting.as_bytes()).unwrap().1, HEADER_LEN_MAX);
    assert!(SealedHeader::parse_whole(fitting.replacen("x y", "x yy", 1).as_bytes()).is_err());
}

#[test]
fn passphrase_slots_have_a_ceiling() {
    let text = header();
    let with = |figures: &str| {
        let slot = format!(
            "slot passphrase argon2id {figures} AAAAAAAAAAAAAAAAAAAAAA== {}\n",
            data_encoding::BASE64.encode(&[1; 40])
        );
        text.replacen("slot ", &format!("{slot}slot "), 1)
    };
    SealedHeader::parse_whole(with("m=131072 t=3 p=8").as_bytes()).unwrap();
    for above in [
        "m=131073 t=1 p=1",
        "m=8192 t=7 p=4",
        "m=65536 t=3 p=9",
        "m=4294967295 t=1 p=1",
    ] {
        assert!(matches!(fault(&with(above)), Error::AboveCeiling { .. }), "{above}");
    }
    for undefined in [
        "m=65536 t=0 p=1",
        "m=65536 t=1 p=0",
        "m=31 t=1 p=4",
        "m=4294967296 t=1 p=1",
        "t=1 m=8 p=1",
    ] {
        assert_eq!(line_of(&fault(&with(undefined))), 7, "{undefined}");
    }
    let many: String = (0..2)
        .map(|at| {
            format!(
                "slot passphrase argon2id m=131072 t=2 p={} AAAAAAAAAAAAAAAAAAAAAA== {}\n",
                at + 1,
                data_encoding::BASE64.encode(&[1; 40])
            )
        })
        .collect();
    let many = text.replacen("slot ", &format!("{many}slot "), 1);
    assert!(matches!(fault(&many), Error::AboveCeiling { .. }));
}

#[test]
fn salts_have_8_to_64_bytes() {
    let text = header();
    for len in 0..=100 {
        let salt: Vec<u8> = (0..len).collect();
        let slot = format!(
            "slot passphrase argon2id m=8 t=1 p=1 {} {}\n",
            data_encoding::BASE64.encode(&salt),
            data_encoding::BASE64.encode(&[1; 40])
        );
        let parsed = SealedHeader::parse_whole(text.replacen("slot ", &format!("{slot}slot "), 1).as_bytes());
        if (8..=64).contains(&len) {
            let (header, _) = parsed.unwrap();
            assert!(
                matches!(&header.slots[0], KeySlot::Passphrase { salt: read, .. } if *read == salt),
                "{len}"
            );
        } else {
            assert_eq!(line_of(&parsed.unwrap_err()), 7, "{len}");
        }
    }
}

#[test]
fn a_wrong_key_is_told_from_a_changed_header() {
    let text = header();
    let (header, _) = SealedHeader::parse_whole(text.as_bytes()).unwrap();
    let error = header.unlock(&[key(2)]).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains(&key(1).describe()) && message.contains(&key(2).describe()),
        "{message}"
    );
    assert!(header.unlock(&[]).is_err());
    header.unlock(&[key(2), key(1)]).unwrap();

    for (from, to) in [
        ("archive", "record"),
        ("none", "zstd"),
        ("4096", "8192"),
        ("abc", "abd"),
    ] {
        let (changed, _) = SealedHeader::parse_whole(text.replacen(from, to, 1).as_bytes()).unwrap();
        assert_eq!(changed.unlock(&[key(1)]).unwrap_err(), Error::HeaderChanged);
    }
}

#[test]
fn any_of_several_slots_opens_the_frames() {
    let data_key = data_key::DataKey::generate().unwrap();
    let passphrase = Secret::Passphrase(Passphrase::for_reading("hamster waltz".into()));
    let secrets = [key(2), passphrase, key(3)];
    let mut object = format!(
        "pgcoffer/1\nrepository {}\nbackup {BACKUP}\ncontent archive\ncompression none\nframe 4096\n",
        repository()
    );
    for secret in &secrets {
        object += &KeySlot::seal(&data_key, secret, &archive(&repository())).unwrap();
        object += "\n";
    }
    object += "mac ";
    let mac = data_key.header_hmac().chain_update(&object).finalize();
    object += &data_encoding::BASE64.encode(&mac.into_bytes());
    let mut object = (object + "\n").into_bytes();
    let mut frame = vec![0; frame::sealed_frame_len(100)];
    frame[frame::IV_LEN..frame::IV_LEN + 100].copy_from_slice(&bytes(100));
    frame::seal_in_place(&data_key.frame_keys(), 0, true, 100, &mut frame);
    object.extend(frame);

    for secret in &secrets {
        assert_eq!(open(&object, secret).unwrap(), bytes(100));
    }
    let wrong = Secret::Passphrase(Passphrase::for_reading("waltz hamster".into()));
    for secret in [key(1), wrong] {
        let error = open(&object, &secret).unwrap_err();
        let Error::WrongKey { sealed_for, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(sealed_for, secrets.each_ref().map(Secret::describe));
    }
}

#[test]
fn impossible_wishes_are_refused() {
    for backup in ["", "a b", "ä", "a\nb", &"x".repeat(129)] {
        let here = repository();
        let subject = Subject {
            backup,
            ..archive(&here)
        };
        let sealed = seal_bytes(&subject, &[key(1)], b"");
        assert_eq!(sealed.unwrap_err(), Error::BackupId);
    }
    for size in [0, 16, 4095, 4097, FRAME_SIZE_MAX + 16] {
        let sealer = Sealer::with_frame_size(&archive(&repository()), &[key(1)], size);
        assert_eq!(sealer.unwrap_err(), Error::FrameSize { bytes: size });
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        let _ = SealedHeader::parse(&bytes);
        let beginning = "pgcoffer/1\nrepository c0ffee00112233445566778899aabbcc\nbackup x\ncontent \
            record\ncompression none\nframe 4096\n";
        let mut lines = beginning.as_bytes().to_vec();
        lines.extend(bytes);
        let _ = SealedHeader::parse(&lines);
    }
}
