//! The blocks of `docs/restore-by-hand.md`, run as they stand there. They need `python3`, `zstd` and `argon2`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::{BASE64, HEXLOWER};
use pgcoffer::seal::{
    Content, KeySlot, MasterKey, Passphrase, PayloadCompression, RepositoryId, SealedHeader, Sealer, Secret, Subject,
};
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

/// The page's programs, each of which writes down its arguments before it does its work: as another user of the machine
/// could.
fn watched(folder: &TempDir) -> String {
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["python3", "openssl", "zstd", "argon2", "head", "sed"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
        let real = String::from_utf8(found.unwrap().stdout).unwrap();
        let seen = bin.join("seen");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' {name} \"$@\" >>'{}'\nexec {} \"$@\"\n",
            seen.display(),
            real.trim()
        );
        std::fs::write(bin.join(name), script).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// What everybody could see of the programs that were run.
fn seen(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("bin/seen")).unwrap()
}

fn run(folder: &TempDir, block: &str, variable: &str, secret: &str) -> Output {
    // as in one shell that everybody's files are readable in until the page says otherwise
    let [first, ..] = &blocks("sh")[..] else {
        panic!("no blocks")
    };
    let private = first.lines().next().unwrap();
    Command::new("sh")
        .args(["-eu", "-c", &format!("umask 022\n{private}\n{block}")])
        .current_dir(folder)
        .env("PATH", watched(folder))
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
    let rows = (0..400_000).map(|row: u32| format!("{row}\t{:x}\n", row.wrapping_mul(2_654_435_761)));
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
    let repository: RepositoryId = "c0ffee00112233445566778899aabbcc".parse().unwrap();
    let subject = Subject {
        repository: &repository,
        backup: BACKUP,
        content: Content::Archive,
        compression: PayloadCompression::Zstd,
        database: "main",
    };
    let secrets = std::slice::from_ref(secret);
    let (mut sealer, mut object) = Sealer::with_frame_size(&subject, secrets, frame_size).unwrap();
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
        for line in [
            format!("backup {BACKUP}"),
            "content archive".to_owned(),
            "compression zstd".to_owned(),
        ] {
            assert!(said.lines().any(|one| one == line), "{said}");
        }
        succeeds(run(&folder, &decompress, "PGCOFFER_KEY", ""));
        assert!(std::fs::read(folder.path().join("archive.dump")).unwrap() == archive);
    }
}

#[test]
fn every_length_of_the_last_frame_is_handled() {
    let secret = Secret::Key(MasterKey::generate().unwrap());
    let Secret::Key(key) = &secret else { unreachable!() };
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
fn a_passphrase_works_by_the_program_that_stretches_it() {
    let text = "hamster waltz onyx brisk turnip";
    let secret = Secret::Passphrase(Passphrase::for_reading(text.into()));
    let (_, object) = seal(b"payload", 4096, &secret);
    let (header, _) = SealedHeader::parse_whole(&object).unwrap();
    let [KeySlot::Passphrase { cost, salt, .. }] = &header.slots[..] else {
        panic!("one slot")
    };
    // The page hands the salt to a program as an argument.
    assert!(salt.iter().all(u8::is_ascii_graphic), "{}", BASE64.encode(salt));
    let [_, open, _, _] = blocks("sh").try_into().unwrap();
    let page = folder(&object);
    succeeds(run(&page, &open, "PGCOFFER_PASSPHRASE", text));
    assert_eq!(std::fs::read(page.path().join("payload")).unwrap(), b"payload");
    let seen = seen(&page);
    assert!(seen.contains("argon2\n"), "{seen}");
    for word in text.split(' ') {
        assert!(!seen.contains(word), "{seen}");
    }
    // what another Argon2id made of it
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).unwrap();
    let mut kek = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(text.as_bytes(), salt, &mut kek)
        .unwrap();
    assert!(!seen.contains(&HEXLOWER.encode(&kek)), "{seen}");
    let other = folder(&object);
    let kek = format!("KEK:{}", HEXLOWER.encode(&kek));
    succeeds(run(&other, &open, "PGCOFFER_PASSPHRASE", &kek));
    for wrong in ["hamster waltz onyx brisk parsnip", &format!("KEK:{}", "00".repeat(32))] {
        let output = run(&folder(&object), &open, "PGCOFFER_PASSPHRASE", wrong);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("wrong key"), "{said}");
    }
}

/// Its other objects, too: the slots of a record are wrapped otherwise than those of an archive, and a mark may have a
/// catalog slot alone.
#[test]
fn records_and_marks_open_by_hand_as_archives_do() {
    let [_, open, _, _] = blocks("sh").try_into().unwrap();
    let key = MasterKey::generate().unwrap();
    let repository: RepositoryId = "c0ffee00112233445566778899aabbcc".parse().unwrap();
    let catalog_key = Secret::Catalog(key.catalog_key());
    for (content, secret) in [
        (Content::Record, Secret::Key(key.clone())),
        (Content::Details, Secret::Key(key.clone())),
        (Content::Mark, Secret::Key(key.clone())),
        (Content::Drill, Secret::Key(key.clone())),
        (Content::Findings, Secret::Key(key.clone())),
        (Content::Mark, catalog_key),
    ] {
        let subject = Subject {
            repository: &repository,
            backup: BACKUP,
            content,
            compression: PayloadCompression::None,
            database: "main",
        };
        let object = pgcoffer::seal::seal_bytes(&subject, &[secret], b"{}").unwrap();
        let folder = folder(&object);
        succeeds(run(&folder, &open, "PGCOFFER_KEY", &key.encode()));
        let payload = std::fs::read(folder.path().join("payload")).unwrap();
        assert_eq!(payload, b"{}", "{content:?}");
    }
}

#[test]
fn other_users_of_the_machine_learn_nothing() {
    let key = MasterKey::generate().unwrap();
    let (_, object) = seal(&compressed(&archive()), 4096, &Secret::Key(key.clone()));
    let (page, spelled) = (folder(&object), key.encode().to_string());
    let [look, open, decompress, _] = blocks("sh").try_into().unwrap();
    for block in [look, open, decompress] {
        succeeds(run(&page, &block, "PGCOFFER_KEY", &spelled));
    }
    // no argument holds a key, of whatever kind: neither this one nor 16 bytes in hex or base64
    let seen = seen(&page);
    for word in seen.split_whitespace().filter(|word| !word.contains('/')) {
        let is_key = word.len() >= 22 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(!is_key && !word.to_uppercase().contains("PGCOFFER-KEY"), "{word}");
    }
    for name in ["payload", "archive.dump"] {
        let file = std::fs::metadata(page.path().join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o077, 0, "{name}");
    }
}

#[test]
fn it_asks_for_the_key_where_the_environment_has_none() {
    let key = MasterKey::generate().unwrap();
    let (_, object) = seal(b"payload", 4096, &Secret::Key(key.clone()));
    let page = folder(&object);
    // in a session of its own there is no terminal, so that it reads what it is given
    let mut asked = Command::new("setsid");
    asked.args(["--wait", "python3", "open_sealed.py", "sealed.pgc", "payload"]);
    asked
        .current_dir(&page)
        .env_remove("PGCOFFER_KEY")
        .env_remove("PGCOFFER_PASSPHRASE");
    asked.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = asked.spawn().unwrap();
    // as a sheet has it, to be typed in groups of four
    let groups: Vec<String> = key.encode()[14..]
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    let typed = format!("PGCOFFER-KEY-1{}\n", groups.join(" "));
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read(page.path().join("payload")).unwrap(), b"payload");
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
