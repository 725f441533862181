//! Uploads, whose bytes are counted and hashed.

use crc_fast::CrcAlgorithm;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest as _, Sha256};

use super::{
    Error, Stored,
    contract::{PartSink, Whole},
};

/// The upload of one object.
///
/// Ends with [`Upload::complete`]. If it is dropped, it is aborted in the background, and
/// [`Backend::settle`](super::Backend::settle) waits for that. There is no object until it is complete.
pub struct Upload {
    sink: Box<dyn PartSink>,
    bytes: u64,
    crc: crc_fast::Digest,
    sha256: Sha256,
}

impl Upload {
    pub(super) fn new(sink: Box<dyn PartSink>) -> Self {
        Self {
            sink,
            bytes: 0,
            crc: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            sha256: Sha256::new(),
        }
    }

    /// The number of bytes that the place has received so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sink.sent_bytes()
    }

    /// Takes the object's next bytes. Waits while the memory of the upload is in use.
    ///
    /// # Errors
    /// As [`PartSink::write`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.crc.update(bytes);
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        self.sink.write(bytes).await
    }

    /// Whether the next bytes are to be sent, and not there already from an earlier upload, as far as is known.
    #[must_use]
    pub fn sends_next(&self) -> bool {
        self.bytes >= self.sink.kept_bytes()
    }

    /// Keeps nothing for a later upload of the same object: see [`PartSink::discard`].
    pub fn discard(&mut self) {
        self.sink.discard();
    }

    /// Sends the rest and creates the object. After an error the upload is aborted.
    ///
    /// # Errors
    /// As [`PartSink::complete`].
    pub async fn complete(self) -> Result<Stored, Error> {
        let whole = Whole {
            bytes: self.bytes,
            crc64nvme: BASE64.encode(&self.crc.finalize().to_be_bytes()),
        };
        let completed = self.sink.complete(&whole).await?;
        Ok(Stored {
            bytes: whole.bytes,
            etag: completed.etag,
            sha256: HEXLOWER.encode(&self.sha256.finalize()),
            crc64nvme: whole.crc64nvme,
            tags: completed.tags,
            unconfirmed: !completed.confirmed,
        })
    }
}
