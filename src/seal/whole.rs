//! Seals and opens small objects, such as records, in one call.

use super::{Error, Opener, SealedHeader, Sealer, Secret, Subject};

/// Seals a small object: header and frames. The payload must already be compressed as `subject` says.
///
/// # Errors
/// Those of [`Sealer::new`].
pub fn seal_bytes(subject: &Subject<'_>, secrets: &[Secret], mut plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut sealer, mut object) = Sealer::new(subject, secrets)?;
    while let Some(group) = sealer.push(&mut plaintext) {
        object.extend_from_slice(&group.seal()?);
    }
    object.extend_from_slice(&sealer.finish().seal()?);
    Ok(object)
}

/// Opens a small object. The payload is still compressed as the header says.
///
/// # Errors
/// Every error of [`SealedHeader::parse_whole`], [`SealedHeader::unlock`] and
/// [`OpenGroup::open`](super::OpenGroup::open).
pub fn open_bytes(object: &[u8], secrets: &[Secret]) -> Result<(SealedHeader, Vec<u8>), Error> {
    let (header, header_len) = SealedHeader::parse_whole(object)?;
    let mut opener = Opener::new(header.unlock(secrets)?, header.frame_size);
    let mut sealed = &object[header_len..];
    let mut plaintext = Vec::new();
    while let Some(group) = opener.push(&mut sealed) {
        plaintext.append(&mut group.open()?);
    }
    plaintext.append(&mut opener.finish().open()?);
    Ok((header, plaintext))
}
