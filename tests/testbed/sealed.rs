//! Objects as a key of the test's own seals them, in the repository that tests use.

use sha2::{Digest as _, Sha256};

use pgcoffer::{
    backup::{Details, Record},
    compress,
    seal::{Content, DatabaseIdentity, PayloadCompression, RepositoryId, Secret, Subject, seal_bytes},
};

/// The repository that agents of tests are told to use.
pub const REPOSITORY: &str = "c0ffee00112233445566778899aabbcc";

/// The same as the library has it.
pub fn repository() -> RepositoryId {
    REPOSITORY.parse().unwrap()
}

/// What makes names for this database there.
pub fn identity(secret: &Secret, label: &str) -> DatabaseIdentity {
    secret.identity(&repository(), label).unwrap()
}

/// A sealed object of that repository.
pub fn sealed(
    backup: &str,
    content: Content,
    compression: PayloadCompression,
    label: &str,
    secret: &Secret,
    plaintext: &[u8],
) -> Vec<u8> {
    let repository = repository();
    let subject = Subject {
        repository: &repository,
        backup,
        content,
        compression,
        database: label,
    };
    seal_bytes(&subject, std::slice::from_ref(secret), plaintext).unwrap()
}

/// The details of a backup of that repository, sealed, which its record then names.
pub fn sealed_details(record: &mut Record, details: &Details, secret: &Secret) -> Vec<u8> {
    let mut payload = compress::Writer::new(3);
    details.write_json(record, &mut payload).unwrap();
    let payload = payload.finish().unwrap();
    sealed_payload(record, &payload, secret)
}

/// Whatever stands in the place of details, sealed as they are, and named by the record.
pub fn sealed_payload(record: &mut Record, payload: &[u8], secret: &Secret) -> Vec<u8> {
    let sealed = sealed(
        record.id.as_str(),
        Content::Details,
        PayloadCompression::Zstd,
        record.database.as_str(),
        secret,
        payload,
    );
    let digest = Sha256::digest(&sealed);
    record.details_bytes = sealed.len() as u64;
    record.details_sha256 = data_encoding::HEXLOWER.encode(&digest).into();
    sealed
}
