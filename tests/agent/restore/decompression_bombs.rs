//! A few bytes that become many: whoever has the key and the bucket can put such an archive under a good backup's name.

use pgcoffer::seal::{self, Content, MasterKey, PayloadCompression, Secret, Subject};

use crate::stage::{BULKY, HUGE, KEY, Stage};

/// zstd's frame of so many bytes that decompresses to nothing (RFC 8878, 3.1.2).
fn nothing(bytes: usize) -> Vec<u8> {
    let inside = u32::try_from(bytes - 8).unwrap().to_le_bytes();
    let mut frame = [&0x184d_2a50_u32.to_le_bytes()[..], &inside].concat();
    frame.resize(bytes, 0);
    frame
}

#[test]
fn decompression_stops_at_the_length_of_the_dump() {
    let stage = Stage::of(BULKY);
    let record = stage.back_up_with(["--compression", "none"]);
    let id = record["id"].as_str().unwrap();
    let key = stage.key("/archives/");
    let object = stage.bucket.read(&key).unwrap();
    let stored = object.len();

    let huge = Stage::of(HUGE);
    huge.back_up();
    let dump = std::fs::read(huge.fetch("huge.dump")).unwrap();
    let packed = zstd::bulk::compress(&dump, 3).unwrap();
    let secret = Secret::Key(MasterKey::parse(KEY).unwrap());
    let (header, _) = seal::SealedHeader::parse_whole(&object).unwrap();
    let subject = Subject {
        repository: &header.repository,
        backup: id,
        content: Content::Archive,
        compression: PayloadCompression::Zstd,
        database: "main",
    };
    let secrets = [secret];
    let sealed = |payload: &[u8]| seal::seal_bytes(&subject, &secrets, payload).unwrap();
    // as long as the one that was uploaded, to the byte
    let overhead = sealed(&vec![0; stored]).len() - stored;
    let close = stored - overhead;
    let mut lengths: Vec<usize> = (close - 256..close + 256).step_by(16).collect();
    // the nearest first, since sealing as much as this takes a while
    lengths.sort_by_key(|length| length.abs_diff(close));
    let mut bombs = lengths
        .into_iter()
        .map(|payload| sealed(&[packed.clone(), nothing(payload - packed.len())].concat()));
    let bomb = bombs.find(|bomb| bomb.len() == stored).unwrap();
    stage.bucket.write(&key, bomb);

    let file = stage.file("bomb.dump");
    for args in [vec!["verify", id], vec!["get", id, "-o", file.to_str().unwrap()]] {
        let outcome = stage.run(args).ended_with(5);
        assert!(outcome.stderr.contains("it holds more than the"), "{}", outcome.stderr);
    }
    assert!(!file.exists());
}
