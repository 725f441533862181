//! The kept vectors of the sealed format, the published ones of its parts, and the worked example
//! of `docs/format.md`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "vectors/catalog.rs"]
mod catalog;
#[path = "vectors/faults.rs"]
mod faults;
#[path = "vectors/header_faults.rs"]
mod header_faults;
#[path = "vectors/parts.rs"]
mod parts;
#[path = "vectors/writer.rs"]
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use pgcoffer::{
    backup::{BackupId, Label, Tier, TurnName},
    certificate::CertificateKey,
    seal::{self, CatalogKey, DatabaseIdentity, Error, MasterKey, Passphrase, RepositoryId, SealedHeader, Secret},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A line of `verdicts.json`.
#[derive(Serialize, Deserialize)]
struct Verdict {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase: Option<String>,
    verdict: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Verdict {
    fn secret(&self) -> Secret {
        match (&self.key, &self.catalog_key, &self.passphrase) {
            (Some(key), None, None) => Secret::Key(MasterKey::parse(key).unwrap()),
            (None, Some(key), None) => Secret::Catalog(CatalogKey::parse(key).unwrap()),
            (None, None, Some(text)) => Secret::Passphrase(Passphrase::for_reading(text.clone())),
            _ => panic!("{}: one secret each", self.file),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealed")
}

fn format_page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/format.md")).unwrap()
}

/// The verdict in the words of `docs/format.md`.
fn words(error: &Error) -> String {
    match error {
        Error::NotSealed => "not sealed".into(),
        Error::NewerVersion { .. } => "newer version".into(),
        Error::HeaderCutShort => "header cut short".into(),
        Error::HeaderMalformed { line, .. } => format!("header malformed, line {line}"),
        Error::HeaderChanged => "header changed".into(),
        Error::AboveCeiling { .. } => "above ceiling".into(),
        Error::WrongKey { .. } => "wrong key".into(),
        Error::BeyondCatalogKey { .. } => "beyond catalog key".into(),
        Error::FrameChanged { frame, at_end: false } => format!("frame {frame} changed"),
        Error::FrameChanged { frame, at_end: true } => {
            format!("frame {frame} changed or cut short inside")
        }
        Error::CutShort { after: None } => "cut short before frame 0".into(),
        Error::CutShort { after: Some(frame) } => format!("cut short after frame {frame}"),
        Error::TrailingBytes { frame } => format!("bytes after frame {frame}"),
        other => panic!("no verdict: {other}"),
    }
}

#[test]
fn every_sealed_vector_has_its_verdict() {
    if std::env::var_os("PGCOFFER_MAKE_VECTORS").is_some() {
        make();
    }
    let verdicts: Vec<Verdict> =
        serde_json::from_slice(&std::fs::read(folder().join("verdicts.json")).unwrap()).unwrap();
    assert!(verdicts.len() >= 60);
    for expected in &verdicts {
        let bytes = std::fs::read(folder().join(&expected.file)).unwrap();
        match seal::open_bytes(&bytes, &[expected.secret()]) {
            Ok((_, plaintext)) => {
                assert_eq!("opens", expected.verdict, "{}", expected.file);
                assert_eq!(Some(plaintext.len()), expected.length, "{}", expected.file);
                assert_eq!(Some(sha256(&plaintext)), expected.sha256, "{}", expected.file);
            }
            Err(error) => {
                assert_eq!(words(&error), expected.verdict, "{}", expected.file);
                assert!(error.hint().is_some(), "{}", expected.file);
            }
        }
    }

    let named: BTreeSet<String> = verdicts.into_iter().map(|verdict| verdict.file).collect();
    let there: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "verdicts.json")
        .collect();
    assert_eq!(named, there);
}

/// Writes the vectors anew.
fn make() {
    let mut verdicts = Vec::new();
    for vector in faults::all() {
        std::fs::write(folder().join(&vector.name), &vector.bytes).unwrap();
        verdicts.push(Verdict {
            file: vector.name,
            key: vector.held.key().map(|key| HEXLOWER.encode(&key)),
            catalog_key: match vector.held {
                faults::Held::CatalogKey => {
                    let key = MasterKey::parse(&HEXLOWER.encode(&faults::MASTER_KEY)).unwrap();
                    Some(key.catalog_key().encode().to_string())
                }
                _ => None,
            },
            passphrase: match vector.held {
                faults::Held::Passphrase(text) => Some(text.to_owned()),
                _ => None,
            },
            verdict: vector.verdict,
            length: vector.plaintext.as_ref().map(Vec::len),
            sha256: vector.plaintext.as_deref().map(sha256),
        });
    }
    let json = serde_json::to_string_pretty(&verdicts).unwrap();
    std::fs::write(folder().join("verdicts.json"), json + "\n").unwrap();
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// `name   value` lines of the page's worked example. The passphrase's part is the last.
fn example(part: &str) -> BTreeMap<String, String> {
    let lines = part.lines().filter(|line| line.len() > 14 && line.is_char_boundary(14));
    lines
        .map(|line| line.split_at(14))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .filter(|(name, value)| !name.is_empty() && !value.starts_with(' '))
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn key_of(text: &str) -> [u8; 32] {
    hex(text).try_into().unwrap()
}

#[test]
fn the_worked_example_in_format_md_is_right() {
    let page = format_page();
    let (_, section) = page.split_once("## 8. Worked example").unwrap();
    let (with_key, with_passphrase) = section.split_once("With a passphrase").unwrap();
    let value = example(with_key);
    let value = |name: &str| value[name].as_str();
    let (_, header) = with_key.split_once("```header\n").unwrap();
    let header = header.split_once("```").unwrap().0.as_bytes();

    let key = MasterKey::parse(value("master key")).unwrap();
    assert_eq!(*key.encode(), value("as text"));
    assert_eq!(key.key_id(), value("key id"));
    let secret = Secret::Key(key);
    let master_key = key_of(value("master key"));
    let data_key = key_of(value("data key"));
    let repository: RepositoryId = value("repository").parse().unwrap();
    let identity = secret.identity(&repository, value("label")).unwrap();
    assert_eq!(identity.owner(), value("owner"));
    let catalog_key = writer::hkdf(&master_key, "pgcoffer/1 catalog");
    assert_eq!(catalog_key.to_vec(), hex(value("catalog key")));
    check_catalog_example(&value, &secret, &data_key);
    check_certificate_example(&value, &identity, &catalog_key);
    let mac = name_mac(&catalog_key, value("repository"), value("label"), value("time"));
    assert_eq!(HEXLOWER.encode(&mac), value("id HMAC"));
    assert_eq!(id(value("time"), &mac), value("id"));
    let label = Label::parse(value("label")).unwrap();
    let time = BackupId::parse(value("id")).unwrap().time();
    assert_eq!(BackupId::new(&identity, &label, time).as_str(), value("id"));
    let turn = TurnName::new(&identity, &label, Tier::Daily, time, time);
    assert_eq!(turn.as_str(), value("daily turn"));
    assert_eq!(
        writer::hkdf(&master_key, "pgcoffer/1 wrap entry").to_vec(),
        hex(value("wrap KEK"))
    );
    assert_eq!(
        writer::wrap(key_of(value("wrap KEK")), &data_key),
        hex(value("wrapped"))
    );
    for (name, info) in [
        ("header key", "header"),
        ("encrypt key", "encrypt"),
        ("auth. key", "authenticate"),
    ] {
        assert_eq!(
            writer::expand(&data_key, &format!("pgcoffer/1 {info}")).to_vec(),
            hex(value(name))
        );
    }

    assert_eq!(
        writer::hkdf(&master_key, "pgcoffer/1 wrap").to_vec(),
        hex(value("archive KEK"))
    );
    assert_eq!(header.len(), 354);
    let body = ["IV", "ciphertext", "tag"].map(|name| hex(value(name))).concat();
    assert_eq!(body.len(), 64);
    let object = [header, &body].concat();
    let catalog_key = Secret::Catalog(secret.catalog_key().unwrap());
    let (_, plaintext) = seal::open_bytes(&object, &[catalog_key]).unwrap();
    assert_eq!(plaintext, hex(value("plaintext")));
    let (header, plaintext) = seal::open_bytes(&object, &[secret]).unwrap();
    assert_eq!(header.backup, value("id"));
    assert_eq!(plaintext, hex(value("plaintext")));
    assert!(value("padded").starts_with(value("plaintext")));
    let tag = writer::hmac(&hex(value("auth. key")), &hex(value("MAC input")));
    assert_eq!(tag.to_vec(), hex(value("tag")));

    check_passphrase_example(with_passphrase, &repository, value("label"), value("time"));
}

/// The lines about the key of certificates.
fn check_certificate_example<'a>(
    value: &impl Fn(&str) -> &'a str,
    identity: &DatabaseIdentity,
    catalog_key: &[u8; 32],
) {
    let info = [&b"pgcoffer/1 certificate"[..], &hex(value("repository"))].concat();
    let extracted = writer::hmac(&[0; 32], catalog_key);
    let seed = writer::hmac(&extracted, &[&info[..], &[1]].concat());
    assert_eq!(seed.to_vec(), hex(value("cert. seed")));
    assert_eq!(identity.certificate_seed().to_vec(), hex(value("cert. seed")));
    let public = CertificateKey::of(identity).public();
    assert_eq!(public.to_line(), value("cert. key"));
    assert_eq!(public.id(), value("cert. keyid"));
}

/// The lines about the catalog key, which is that of `secret`.
fn check_catalog_example<'a>(value: &impl Fn(&str) -> &'a str, secret: &Secret, data_key: &[u8; 32]) {
    let catalog_key = key_of(value("catalog key"));
    let parsed = CatalogKey::parse(value("its text")).unwrap();
    assert_eq!(parsed.key_id(), secret.catalog_key().unwrap().key_id());
    assert_eq!(*parsed.encode(), value("its text"));
    assert_eq!(parsed.key_id(), value("its id"));
    let id = &writer::hkdf(&catalog_key, "pgcoffer/1 catalog id")[..8];
    assert_eq!(id.to_vec(), hex(value("its id")));
    let kek = writer::hkdf(&catalog_key, "pgcoffer/1 catalog wrap");
    assert_eq!(kek.to_vec(), hex(value("its KEK")));
    assert_eq!(writer::wrap(kek, data_key), hex(value("its slot")));
}

fn check_passphrase_example(part: &str, repository: &RepositoryId, label: &str, time: &str) {
    let value = example(part);
    let value = |name: &str| value[name].as_str();
    let passphrase = Passphrase::for_reading(value("passphrase").to_owned());
    let secret = Secret::Passphrase(passphrase);
    let identity = secret.identity(repository, label).unwrap();
    assert_eq!(identity.owner(), value("owner"));
    let digest = Sha256::digest([b"pgcoffer/1 id", &hex(&repository.to_string())[..], label.as_bytes()].concat());
    assert_eq!(digest[..16].to_vec(), hex(value("catalog salt")));
    let stretched = writer::argon2id(value("passphrase"), &digest[..16], 65536, 3, 4);
    assert_eq!(stretched.to_vec(), hex(value("stretched")));
    let catalog_key = writer::hkdf(&stretched, "pgcoffer/1 catalog");
    assert_eq!(catalog_key.to_vec(), hex(value("catalog key")));
    let mac = name_mac(&catalog_key, &repository.to_string(), label, time);
    assert_eq!(id(time, &mac), value("id"));
    let salt = value("slot salt");
    assert_eq!(
        BASE64.encode(&writer::hkdf(&catalog_key, "pgcoffer/1 slot salt")[..12]),
        salt
    );
    let kek = writer::argon2id(value("passphrase"), salt.as_bytes(), 65536, 3, 4);
    assert_eq!(kek.to_vec(), hex(value("slot KEK")));

    // What this crate writes has the very slot that the page describes.
    let subject = seal::Subject {
        repository,
        backup: "x",
        content: seal::Content::Record,
        compression: seal::PayloadCompression::None,
        database: label,
    };
    let object = seal::seal_bytes(&subject, &[secret], b"").unwrap();
    let salt = BASE64.encode(salt.as_bytes());
    let slot = format!("\nslot passphrase argon2id m=65536 t=3 p=4 {salt} ");
    let (_, header_len) = SealedHeader::parse_whole(&object).unwrap();
    assert!(str::from_utf8(&object[..header_len]).unwrap().contains(&slot));
}

/// The MAC of a backup's name, from the page alone.
fn name_mac(catalog_key: &[u8; 32], repository: &str, label: &str, time: &str) -> [u8; 32] {
    let message = [
        b"pgcoffer/1 id",
        &hex(repository)[..],
        label.as_bytes(),
        time.as_bytes(),
    ];
    writer::hmac(catalog_key, &message.concat())
}

/// The id of `docs/format.md` §2.
fn id(time: &str, mac: &[u8]) -> String {
    let text = data_encoding::BASE32_NOPAD.encode(mac).to_lowercase();
    format!("{time}-{}", &text[..12])
}
