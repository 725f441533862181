//! Tests of the format as a whole; those of one part stand beside it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod catalog;
mod errors;
mod headers;
mod keys;
mod lanes;
mod streams;

use super::*;

const BACKUP: &str = "20261120T070000Z-abcdefghijkl";

fn repository() -> RepositoryId {
    "c0ffee00112233445566778899aabbcc".parse().unwrap()
}

/// An uncompressed archive.
fn archive(repository: &RepositoryId) -> Subject<'_> {
    Subject {
        repository,
        backup: BACKUP,
        content: Content::Archive,
        compression: PayloadCompression::None,
        database: "main",
    }
}

/// A key of distinct bytes.
fn key(first: u8) -> Secret {
    let hex: String = (0..32).map(|at| format!("{:02x}", first.wrapping_add(at))).collect();
    Secret::Key(MasterKey::parse(&hex).unwrap())
}

/// Bytes that differ from frame to frame and inside one.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ (at / 4096) as u8).collect()
}

/// Sealed with 4096-byte frames; header length first.
fn sealed(plaintext: &[u8], secret: &Secret) -> (usize, Vec<u8>) {
    let secrets = std::slice::from_ref(secret);
    let (mut sealer, mut object) = Sealer::with_frame_size(&archive(&repository()), secrets, 4096).unwrap();
    let header_len = object.len();
    let mut rest = plaintext;
    while let Some(group) = sealer.push(&mut rest) {
        object.extend(group.seal().unwrap());
    }
    object.extend(sealer.finish().seal().unwrap());
    (header_len, object)
}

fn open(object: &[u8], secret: &Secret) -> Result<Vec<u8>, Error> {
    open_bytes(object, std::slice::from_ref(secret)).map(|(_, plaintext)| plaintext)
}
