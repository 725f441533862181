//! The blocks of `docs/restore-by-hand.md`, run as they stand there. They need `python3`, `openssl`
//! and `zstd`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::{BASE64, HEXLOWER};
use pgcoffer::seal::{Compression, Content, Header, MasterKey, Passphrase, Sealer, Secret, Slot};
use tempfile::TempDir;

const BACKUP: &str = "20261120T070000Z-abcdefghijkl";

/// The page's blocks in one language.
fn blocks(language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/restore-by-hand.md");
    let page = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}");
    page.split(&fence)
        .skip(1)
        .map(|rest| rest.split_once('\n').unwrap().1)
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// A folder with the script and a sealed file.
fn folder(object: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let [script] = blocks("python").try_into().unwrap();
    std::fs::write(folder.path().join("open_sealed.py"), script).unwrap();
    std::fs::write(folder.path().join("sealed.pgc"), object).unwrap();
    folder
}

fn run(folder: &TempDir, block: &str, variable: &str, secret: &str) -> Output {
    Command::new("sh")
        .args(["-eu", "-c", block])
        .current_dir(folder)
        .env("SEALED", "sealed.pgc")
        .env(variable, secret)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn succeeds(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a refused file gives: the reason, and neither a payload nor a part of it.
fn refused(object: &[u8], key: &MasterKey) -> String {
    let folder = folder(object);
    let [_, open, _, _] = blocks("sh").try_into().unwrap();
    let output = run(&folder, &open, "PGCOFFER_KEY", &key.encode());
    assert!(!output.status.success());
    assert!(!folder.path().join("payload").exists());
    assert!(!folder.path().join("payload.part").exists());
    String::from_utf8(output.stderr).unwrap()
}

/// Several groups of frames with something in them that compresses.
fn archive() -> Vec<u8> {
    let rows =
        (0..400_000).map(|row: u32| format!("{row}\t{:x}\n", row.wrapping_mul(2_654_435_761)));
    rows.collect::<String>().into_bytes()
}

/// A run of zstd frames, as archives are compressed.
fn compressed(archive: &[u8]) -> Vec<u8> {
    archive
        .chunks(1 << 20)
        .flat_map(|chunk| zstd::bulk::compress(chunk, 1).unwrap())
        .collect()
}

fn seal(payload: &[u8], frame_size: usize, secret: &Secret) -> (usize, Vec<u8>) {
    let (mut sealer, mut object) = Sealer::with_frame_size(
        BACKUP,
        Content::Archive,
        Compression::Zstd,
        "main",
        secret,
        frame_size,
    )
    .unwrap();
    let header_len = object.len();
    let mut rest = payload;
    while let Some(group) = sealer.push(&mut rest) {
        object.extend(group.seal().unwrap());
    }
    object.extend(sealer.finish().seal().unwrap());
    (header_len, object)
}

#[test]
fn the_page_leads_from_the_sealed_file_to_the_archive() {
    let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let base64 = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).unwrap());
    let key = MasterKey::parse(hex).unwrap();
    let archive = archive();
    let (header_len, object) = seal(&compressed(&archive), 256 * 1024, &Secret::Key(key.clone()));
    assert!(object.len() > 10 * 256 * 1024);
    let folder = folder(&object);
    let [look, open, decompress, _] = blocks("sh").try_into().unwrap();

    let header = succeeds(run(&folder, &look, "PGCOFFER_KEY", ""));
    assert_eq!(header.as_bytes(), &object[..header_len]);
    for spelling in [
        key.encode().to_string(),
        key.encode().to_lowercase(),
        hex.to_owned(),
        base64,
    ] {
        let said = succeeds(run(&folder, &open, "PGCOFFER_KEY", &spelling));
        assert_eq!(
            said,
            format!("backup {BACKUP}\ncontent archive\ncompression zstd\n")
        );
        succeeds(run(&folder, &decompress, "PGCOFFER_KEY", ""));
        assert!(std::fs::read(folder.path().join("archive.dump")).unwrap() == archive);
    }
}

#[test]
fn every_length_of_the_last_frame_is_handled() {
    let secret = Secret::Key(MasterKey::generate().unwrap());
    let Secret::Key(key) = &secret else {
        unreachable!()
    };
    let [_, open, _, _] = blocks("sh").try_into().unwrap();
    for len in [0, 1, 15, 16, 4095, 4096, 4097, 40_960, 1_000_001] {
        let payload = vec![b'x'; len];
        let folder = folder(&seal(&payload, 4096, &secret).1);
        succeeds(run(&folder, &open, "PGCOFFER_KEY", &key.encode()));
        assert!(
            std::fs::read(folder.path().join("payload")).unwrap() == payload,
            "{len}"
        );
    }
}

#[test]
fn a_passphrase_works_with_the_key_that_argon2id_makes_of_it() {
    let text = "hamster waltz onyx brisk turnip";
    let secret = Secret::Passphrase(Passphrase::for_reading(text.into()));
    let (_, object) = seal(b"payload", 4096, &secret);
    let (header, _) = Header::parse_whole(&object).unwrap();
    let [Slot::Passphrase { cost, salt, .. }] = &header.slots[..] else {
        panic!("one slot")
    };
    // The page hands the salt to a program as an argument.
    assert!(
        salt.iter().all(u8::is_ascii_graphic),
        "{}",
        BASE64.encode(salt)
    );
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).unwrap();
    let mut kek = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(text.as_bytes(), salt, &mut kek)
        .unwrap();

    let folder = folder(&object);
    let [_, open, _, _] = blocks("sh").try_into().unwrap();
    succeeds(run(&folder, &open, "PGCOFFER_KEK", &HEXLOWER.encode(&kek)));
    assert_eq!(
        std::fs::read(folder.path().join("payload")).unwrap(),
        b"payload"
    );
    let output = run(&folder, &open, "PGCOFFER_KEK", &"00".repeat(32));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("wrong key")
    );
}

#[test]
fn changed_cut_and_longer_files_are_refused() {
    let key = MasterKey::generate().unwrap();
    let payload: Vec<u8> = (0..100_000_u32).map(|at| at as u8).collect();
    let (header_len, object) = seal(&payload, 4096, &Secret::Key(key.clone()));
    let frame = |index: usize| header_len + index * (4096 + 64);
    let changed = |at: usize| {
        let mut changed = object.clone();
        changed[at] ^= 1;
        refused(&changed, &key)
    };
    assert!(changed(frame(7) + 100).contains("frame 7"));
    assert!(changed(object.len() - 1).contains("frame 24"));
    let header = str::from_utf8(&object[..header_len]).unwrap();
    assert!(changed(header.find("archive").unwrap()).contains("header was changed"));

    assert!(refused(&object[..frame(9)], &key).contains("frame 8"));
    assert!(refused(&object[..frame(9) + 1000], &key).contains("frame 9"));
    assert!(refused(&object[..object.len() - 1], &key).contains("frame 24"));
    assert!(refused(&object[..header_len], &key).contains("frame 0"));
    assert!(refused(&object[..header_len - 1], &key).contains("not a whole sealed object"));
    assert!(refused(&[&object[..], b"x"].concat(), &key).contains("frame 24"));
    let other = MasterKey::generate().unwrap();
    let message = refused(&object, &other);
    assert!(
        message.contains("wrong key") && message.contains(&key.key_id()),
        "{message}"
    );
}
