//! The standard parts, as this crate uses them, against published vectors.

use std::path::Path;

use aes::{Aes256, Aes256Dec, Aes256Enc};
use aes_kw::AesKw;
use argon2::{Algorithm, ParamsBuilder, Version};
use cipher::block_padding::{NoPadding, Pkcs7};
use cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use data_encoding::HEXLOWER_PERMISSIVE;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap()
}

fn hmac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message)
}

#[derive(serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Case {
    tc_id: u32,
    key: String,
    iv: String,
    msg: String,
    ct: String,
    tag: String,
    ikm: String,
    salt: String,
    info: String,
    size: usize,
    okm: String,
    result: String,
}

/// Runs every case of a file; `holds` says whether the part accepts it.
fn wycheproof(name: &str, at_least: usize, holds: impl Fn(&Case) -> bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/parts")
        .join(name);
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(cases.len() >= at_least);
    for case in cases {
        // "acceptable" is either way: an 8-byte key, which RFC 3394 leaves out.
        if case.result != "acceptable" {
            assert_eq!(holds(&case), case.result == "valid", "{name} {}", case.tc_id);
        }
    }
}

#[test]
fn aes_cbc_agrees_with_wycheproof() {
    wycheproof("wycheproof_aes_cbc_pkcs5.json", 72, |case| {
        let (key, iv) = (hex(&case.key), hex(&case.iv));
        let mut buffer = hex(&case.ct);
        let decryptor = cbc::Decryptor::<Aes256Dec>::new_from_slices(&key, &iv).unwrap();
        let decrypted = decryptor
            .decrypt_padded::<Pkcs7>(&mut buffer)
            .is_ok_and(|msg| msg == hex(&case.msg));
        let encryptor = cbc::Encryptor::<Aes256Enc>::new_from_slices(&key, &iv).unwrap();
        let encrypted = encryptor.encrypt_padded_vec::<Pkcs7>(&hex(&case.msg)) == hex(&case.ct);
        // What does not decrypt must not be what encryption gives either.
        decrypted && encrypted
    });
}

#[test]
fn key_wrap_agrees_with_wycheproof() {
    wycheproof("wycheproof_aes_wrap.json", 68, |case| {
        let kek = AesKw::<Aes256>::new_from_slice(&hex(&case.key)).unwrap();
        let mut buffer = vec![0; 512];
        let unwrapped = kek.unwrap_key(&hex(&case.ct), &mut buffer);
        // The format wraps 32 bytes only; RFC 3394 §2 wants at least 16.
        unwrapped.is_ok_and(|key| key == hex(&case.msg) && key.len() >= 16)
    });
}

#[test]
fn hmac_agrees_with_wycheproof() {
    wycheproof("wycheproof_hmac_sha256.json", 81, |case| {
        hmac(&hex(&case.key), &hex(&case.msg))
            .verify_slice(&hex(&case.tag))
            .is_ok()
    });
}

#[test]
fn hkdf_agrees_with_wycheproof() {
    wycheproof("wycheproof_hkdf_sha256.json", 36, |case| {
        let mut okm = vec![0; case.size];
        let expanded = Hkdf::<Sha256>::new(Some(&hex(&case.salt)), &hex(&case.ikm)).expand(&hex(&case.info), &mut okm);
        expanded.is_ok() && okm == hex(&case.okm)
    });
}

/// <https://www.rfc-editor.org/rfc/rfc5869#appendix-A>
#[test]
fn hkdf_agrees_with_rfc_5869() {
    let check = |ikm: &[u8], salt: Option<&[u8]>, info: &[u8], okm: &str| {
        let okm = hex(okm);
        let mut expanded = vec![0; okm.len()];
        Hkdf::<Sha256>::new(salt, ikm).expand(info, &mut expanded).unwrap();
        assert_eq!(expanded, okm);
    };
    let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    check(
        &[0x0b; 22],
        Some(&range(0, 12)),
        &range(0xf0, 0xf9),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    check(
        &range(0, 0x4f),
        Some(&range(0x60, 0xaf)),
        &range(0xb0, 0xff),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c
         59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71
         cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
    check(
        &[0x0b; 22],
        None,
        b"",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
}

/// <https://www.rfc-editor.org/rfc/rfc3394#section-4.6>
#[test]
fn key_wrap_agrees_with_rfc_3394() {
    let kek = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let key = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    let mut wrapped = [0; 40];
    AesKw::<Aes256>::new_from_slice(&kek)
        .unwrap()
        .wrap_key(&key, &mut wrapped)
        .unwrap();
    let expected = "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
    assert_eq!(wrapped.to_vec(), hex(expected));
}

/// <https://www.rfc-editor.org/rfc/rfc4231#section-4>, without case 5, which truncates.
#[test]
fn hmac_agrees_with_rfc_4231() {
    let check = |key: &[u8], message: &[u8], tag: &str| {
        assert_eq!(hmac(key, message).finalize().into_bytes().to_vec(), hex(tag));
    };
    check(
        &[0x0b; 20],
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    check(
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    check(
        &[0xaa; 20],
        &[0xdd; 50],
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    );
    let counted: Vec<u8> = (1..=25).collect();
    check(
        &counted,
        &[0xcd; 50],
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    );
    check(
        &[0xaa; 131],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
    check(
        &[0xaa; 131],
        b"This is a test using a larger than block-size key and a larger than block-size data. \
          The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    );
}

/// NIST SP 800-38A, F.2.5: <https://doi.org/10.6028/NIST.SP.800-38A>
#[test]
fn aes_cbc_agrees_with_sp_800_38a() {
    let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let iv = hex("000102030405060708090a0b0c0d0e0f");
    let plaintext = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    let ciphertext = hex("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d
         39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b");
    let encryptor = cbc::Encryptor::<Aes256Enc>::new_from_slices(&key, &iv).unwrap();
    assert_eq!(encryptor.encrypt_padded_vec::<NoPadding>(&plaintext), ciphertext);
    let mut buffer = ciphertext;
    let decryptor = cbc::Decryptor::<Aes256Dec>::new_from_slices(&key, &iv).unwrap();
    assert_eq!(decryptor.decrypt_padded::<NoPadding>(&mut buffer).unwrap(), plaintext);
}

/// <https://www.rfc-editor.org/rfc/rfc9106#section-5.3>
#[test]
fn argon2id_agrees_with_rfc_9106() {
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let argon2 = argon2::Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut tag = [0; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(tag.to_vec(), hex(expected));
}
