//! Reads the private key of a client certificate, from a file in PEM or DER, with or without a passphrase.
//!
//! `openssl` writes PKCS #8 today. Older versions wrote the parameters of the passphrase in lines before the base64.

use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt as _;

use aes::cipher::{KeyIvInit as _, block_padding::Pkcs7};
use cbc::cipher::BlockModeDecrypt as _;
use data_encoding::{BASE64, HEXUPPER_PERMISSIVE};
use md5::{Digest as _, Md5};
use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use super::der::{DerReader, INTEGER, OCTET_STRING, OID, SEQUENCE};
use super::scram::salted;
use crate::text::os_words;

/// The longest file that is read, in bytes. No real key is nearly as long.
const BYTES_MAX: u64 = 1 << 20;

type Bytes = Zeroizing<Vec<u8>>;

/// Reads the key in a file. The error says why it can't be used. As in libpq, a file that other users can read is
/// refused.
pub(super) fn read(file: &str, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let unread = |error: std::io::Error| format!("{file} can't be read: {}", os_words(&error));
    let metadata = fs::metadata(file).map_err(unread)?;
    let mode = metadata.mode();
    let is_kept = mode & 0o077 == 0 || (metadata.uid() == 0 && mode & 0o037 == 0);
    if !is_kept {
        return Err(format!("{file} is not used, since other users can read it (chmod 600)"));
    }
    if metadata.len() > BYTES_MAX {
        return Err(format!("{file} is too long for a key"));
    }
    let bytes = Zeroizing::new(fs::read(file).map_err(unread)?);
    let key = match str::from_utf8(&bytes).ok().filter(|text| text.contains("-----BEGIN ")) {
        Some(text) => of_pem(text, passphrase),
        None => of_der(bytes.clone()),
    };
    key.map_err(|why| format!("{file} can't be used: {why}"))
}

fn of_der(der: Bytes) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::try_from(der.to_vec()).map_err(|_| "it contains no private key".to_owned())
}

fn of_pem(text: &str, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let broken = || "it is cut off".to_owned();
        let (label, body) = begun.split_once("-----").ok_or_else(broken)?;
        let (body, after) = body.split_once("-----END ").ok_or_else(broken)?;
        rest = after;
        if !label.ends_with("PRIVATE KEY") {
            continue;
        }
        // headers end at an empty line
        let body = body.trim_start_matches(['\r', '\n']).replace('\r', "");
        let (headers, base64) = match body.split_once("\n\n") {
            Some((headers, base64)) if headers.contains(':') => (headers, base64),
            _ => ("", body.as_str()),
        };
        let base64: Zeroizing<String> = Zeroizing::new(base64.chars().filter(|c| !c.is_whitespace()).collect());
        let bytes = BASE64
            .decode(base64.as_bytes())
            .map_err(|_| "it is not base64".to_owned())?;
        let bytes = Zeroizing::new(bytes);
        let needed = || passphrase.ok_or("it is encrypted, and the url has no sslpassword".to_owned());
        return of_der(match label {
            "ENCRYPTED PRIVATE KEY" => of_pkcs8(&bytes, needed()?)?,
            _ if headers.contains("ENCRYPTED") => of_openssl(&bytes, headers, needed()?)?,
            _ => bytes,
        });
    }
    Err("it contains no private key".to_owned())
}

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02];
const AES_192_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];

/// The most rounds that are accepted.
const ROUNDS_MAX: u32 = 50_000_000;

const OTHERWISE: &str = "it is not encrypted with PBKDF2, SHA-256 and AES in CBC mode: convert it with openssl pkcs8 \
                         -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256";

/// `EncryptedPrivateKeyInfo`: <https://www.rfc-editor.org/rfc/rfc5958#section-3>,
/// <https://www.rfc-editor.org/rfc/rfc8018#appendix-A>
fn of_pkcs8(der: &[u8], passphrase: &str) -> Result<Bytes, String> {
    let Some(sealed) = Pkcs8::read(der) else {
        return Err(OTHERWISE.to_owned());
    };
    let key = salted(passphrase.as_bytes(), sealed.salt, sealed.rounds);
    decrypt(&key[..sealed.key_bytes], sealed.iv, sealed.data)
}

struct Pkcs8<'a> {
    salt: &'a [u8],
    rounds: NonZeroU32,
    key_bytes: usize,
    iv: &'a [u8],
    data: &'a [u8],
}

impl<'a> Pkcs8<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = DerReader::new(der).inside(SEQUENCE)?;
        let mut algorithm = whole.inside(SEQUENCE)?;
        let data = whole.element(OCTET_STRING)?;
        let is = |reader: &mut DerReader<'a>, oid: &[u8]| reader.element(OID) == Some(oid);
        is(&mut algorithm, PBES2).then_some(())?;
        let mut parameters = algorithm.inside(SEQUENCE)?;
        let mut derivation = parameters.inside(SEQUENCE)?;
        is(&mut derivation, PBKDF2).then_some(())?;
        let mut derivation = derivation.inside(SEQUENCE)?;
        let salt = derivation.element(OCTET_STRING)?;
        let rounds = NonZeroU32::new(derivation.number()?)?;
        if derivation.tag() == Some(INTEGER) {
            derivation.number()?;
        }
        // without a name it is SHA-1
        is(&mut derivation.inside(SEQUENCE)?, HMAC_SHA256).then_some(())?;
        let mut scheme = parameters.inside(SEQUENCE)?;
        let key_bytes = match scheme.element(OID)? {
            AES_128_CBC => 16,
            AES_192_CBC => 24,
            AES_256_CBC => 32,
            _ => return None,
        };
        let iv = scheme.element(OCTET_STRING)?;
        (rounds.get() <= ROUNDS_MAX).then_some(Self {
            salt,
            rounds,
            key_bytes,
            iv,
            data,
        })
    }
}

/// Decrypts what OpenSSL wrote before 1.0 and writes with `-traditional`: `DEK-Info: AES-256-CBC,IV`, with a key from
/// MD5 over the passphrase and half of the IV.
fn of_openssl(data: &[u8], headers: &str, passphrase: &str) -> Result<Bytes, String> {
    let info = headers.lines().find_map(|line| line.strip_prefix("DEK-Info:"));
    let (cipher, iv) = info.and_then(|info| info.trim().split_once(',')).ok_or(OTHERWISE)?;
    let key_bytes = match cipher {
        "AES-128-CBC" => 16,
        "AES-192-CBC" => 24,
        "AES-256-CBC" => 32,
        _ => return Err(OTHERWISE.to_owned()),
    };
    let iv = HEXUPPER_PERMISSIVE.decode(iv.as_bytes()).map_err(|_| OTHERWISE)?;
    let salt = iv.get(..8).ok_or(OTHERWISE)?;
    let (mut key, mut last): (Bytes, Bytes) = Default::default();
    while key.len() < key_bytes {
        let digest = Md5::new()
            .chain_update(&*last)
            .chain_update(passphrase)
            .chain_update(salt);
        last = Zeroizing::new(digest.finalize().to_vec());
        key.extend_from_slice(&last);
    }
    decrypt(&key[..key_bytes], &iv, data)
}

fn decrypt(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Bytes, String> {
    let mut buffer = Zeroizing::new(data.to_vec());
    macro_rules! plain {
        ($cipher:ty) => {
            cbc::Decryptor::<$cipher>::new_from_slices(key, iv)
                .ok()
                .and_then(|cipher| Some(cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len()))
        };
    }
    let length = match key.len() {
        16 => plain!(aes::Aes128),
        24 => plain!(aes::Aes192),
        _ => plain!(aes::Aes256),
    };
    let length = length.ok_or("sslpassword in the url doesn't open it")?;
    buffer.truncate(length);
    Ok(buffer)
}
