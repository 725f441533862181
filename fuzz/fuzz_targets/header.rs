//! No bytes make the header's parser panic, and where it finds a header it finds the same one
//! however many bytes follow and however few came before.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pgcoffer::seal::{HEADER_LEN_MAX, Header, MasterKey, Secret};

/// Its key id is that of the kept vectors, so that a corpus of them gets as far as the MAC.
static SECRETS: LazyLock<[Secret; 1]> = LazyLock::new(|| {
    let key = (0..32)
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    [Secret::Key(
        MasterKey::parse(&key).expect("a key of 64 hex digits"),
    )]
});

fuzz_target!(|bytes: &[u8]| {
    match Header::parse(bytes) {
        Ok(Some((header, len))) => {
            assert!(len <= HEADER_LEN_MAX);
            assert_eq!(
                Header::parse(&bytes[..len]),
                Ok(Some((header.clone(), len)))
            );
            assert_eq!(Header::parse(&bytes[..len - 1]), Ok(None));
            let _ = header.unlock(&*SECRETS);
        }
        Ok(None) => assert!(bytes.len() < HEADER_LEN_MAX),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            // What was refused stays refused, whatever follows.
            let longer = [bytes, b"\nmac \n"].concat();
            assert!(Header::parse(&longer).is_err());
        }
    }
});
