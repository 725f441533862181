//! A second writer of the format, from `docs/format.md` and the standard parts alone. It also
//! writes what no writer may.

use aes::Aes256Enc;
use aes_kw::AesKw;
use argon2::{Algorithm, Argon2, Params, Version};
use cipher::{BlockModeEncrypt, KeyInit, KeyIvInit, block_padding::NoPadding};
use data_encoding::{BASE64, HEXLOWER};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

pub(crate) const FRAME_SIZE: usize = 4096;
pub(crate) const BACKUP: &str = "20261120T070000Z-u7cclnsobcgw";

pub(crate) fn hkdf(ikm: &[u8], info: &str) -> [u8; 32] {
    let mut okm = [0; 32];
    Hkdf::<Sha256>::new(None, ikm)
        .expand(info.as_bytes(), &mut okm)
        .unwrap();
    okm
}

pub(crate) fn expand(prk: &[u8], info: &str) -> [u8; 32] {
    hmac(prk, &[info.as_bytes(), &[1]].concat())
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key)
        .unwrap()
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

pub(crate) fn argon2id(passphrase: &str, salt: &[u8], m: u32, t: u32, p: u32) -> [u8; 32] {
    let mut key = [0; 32];
    Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(m, t, p, Some(32)).unwrap(),
    )
    .hash_password_into(passphrase.as_bytes(), salt, &mut key)
    .unwrap();
    key
}

pub(crate) fn wrap(kek: [u8; 32], data_key: &[u8; 32]) -> Vec<u8> {
    let mut wrapped = [0; 40];
    AesKw::<aes::Aes256>::new(&kek.into())
        .wrap_key(data_key, &mut wrapped)
        .unwrap();
    wrapped.to_vec()
}

/// In an archive, details or settings.
pub(crate) fn key_slot(master_key: &[u8; 32], data_key: &[u8; 32]) -> String {
    key_slot_by("pgcoffer/1 wrap", master_key, data_key)
}

/// In a record, a mark or a repository.
pub(crate) fn entry_slot(master_key: &[u8; 32], data_key: &[u8; 32]) -> String {
    key_slot_by("pgcoffer/1 wrap entry", master_key, data_key)
}

fn key_slot_by(info: &str, master_key: &[u8; 32], data_key: &[u8; 32]) -> String {
    let id = HEXLOWER.encode(&hkdf(master_key, "pgcoffer/1 key id")[..8]);
    let wrapped = wrap(hkdf(master_key, info), data_key);
    format!("slot key {id} {}", BASE64.encode(&wrapped))
}

pub(crate) fn catalog_key(master_key: &[u8; 32]) -> [u8; 32] {
    hkdf(master_key, "pgcoffer/1 catalog")
}

pub(crate) fn catalog_slot(catalog_key: &[u8; 32], data_key: &[u8; 32]) -> String {
    let id = HEXLOWER.encode(&hkdf(catalog_key, "pgcoffer/1 catalog id")[..8]);
    let wrapped = wrap(hkdf(catalog_key, "pgcoffer/1 catalog wrap"), data_key);
    format!("slot catalog {id} {}", BASE64.encode(&wrapped))
}

pub(crate) fn passphrase_slot(passphrase: &str, m: u32, t: u32, p: u32, data_key: &[u8; 32]) -> String {
    passphrase_slot_salted(passphrase, &[7; 16], m, t, p, data_key)
}

pub(crate) fn passphrase_slot_salted(
    passphrase: &str,
    salt: &[u8],
    m: u32,
    t: u32,
    p: u32,
    data_key: &[u8; 32],
) -> String {
    let wrapped = wrap(argon2id(passphrase, salt, m, t, p), data_key);
    format!(
        "slot passphrase argon2id m={m} t={t} p={p} {} {}",
        BASE64.encode(salt),
        BASE64.encode(&wrapped)
    )
}

/// The repository of the vectors, and of the page's worked example.
pub(crate) const REPOSITORY: &str = "c0ffee00112233445566778899aabbcc";

/// The six lines before the slots of an archive.
pub(crate) fn lines() -> Vec<String> {
    lines_of("archive")
}

/// The same of an object of this content.
pub(crate) fn lines_of(content: &str) -> Vec<String> {
    let lines = [
        "pgcoffer/1",
        &format!("repository {REPOSITORY}"),
        &format!("backup {BACKUP}"),
        &format!("content {content}"),
        "compression none",
        "frame 4096",
    ];
    lines.map(str::to_owned).to_vec()
}

/// The header of these lines, with a right MAC.
pub(crate) fn header(data_key: &[u8; 32], lines: &[String]) -> Vec<u8> {
    let text = format!("{}\nmac ", lines.join("\n"));
    let mac = hmac(&expand(data_key, "pgcoffer/1 header"), text.as_bytes());
    format!("{text}{}\n", BASE64.encode(&mac)).into_bytes()
}

/// A frame whose padding is in `padded` already, right or wrong.
pub(crate) fn frame_of(data_key: &[u8; 32], index: u64, last: bool, padded: &[u8]) -> Vec<u8> {
    let seed = [&data_key[..], &index.to_be_bytes(), &[last.into()]].concat();
    let iv: [u8; 16] = Sha256::digest(seed)[..16].try_into().unwrap();
    let cipher = cbc::Encryptor::<Aes256Enc>::new(&expand(data_key, "pgcoffer/1 encrypt").into(), &iv.into());
    let ciphertext = cipher.encrypt_padded_vec::<NoPadding>(padded);
    let message = [&ciphertext[..], &iv, &index.to_be_bytes(), &[last.into()]].concat();
    let tag = hmac(&expand(data_key, "pgcoffer/1 authenticate"), &message);
    [&iv[..], &ciphertext, &tag].concat()
}

pub(crate) fn frame(data_key: &[u8; 32], index: u64, last: bool, plaintext: &[u8]) -> Vec<u8> {
    let pad = 16 - plaintext.len() % 16;
    let padded = [plaintext, &vec![pad as u8; pad]].concat();
    frame_of(data_key, index, last, &padded)
}

/// All frames of a plaintext.
pub(crate) fn frames(data_key: &[u8; 32], frame_size: usize, plaintext: &[u8]) -> Vec<Vec<u8>> {
    let count = plaintext.len().div_ceil(frame_size).max(1);
    let start = |at: usize| plaintext.len().min(at * frame_size);
    let pieces = (0..count).map(|at| (at, &plaintext[start(at)..start(at + 1)]));
    pieces
        .map(|(at, piece)| frame(data_key, at as u64, at + 1 == count, piece))
        .collect()
}
