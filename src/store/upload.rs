//! Objects on their way into a place, counted and hashed.

use crc_fast::CrcAlgorithm;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest as _, Sha256};

use super::{
    Error, Stored,
    contract::{PartSink, Whole},
};

/// One object on its way.
///
/// Ends by [`Upload::complete`] or [`Upload::abort`]; one that is dropped is aborted in the background, which
/// [`Backend::settle`](super::Backend::settle) waits for. Until it is complete there is no object.
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

    /// How many bytes the place has so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sink.sent_bytes()
    }

    /// Takes the object's next bytes; waits while as much is under way as memory allows.
    ///
    /// # Errors
    /// As [`PartSink::write`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.crc.update(bytes);
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        self.sink.write(bytes).await
    }

    /// Sends what is left and makes the object. After an error the upload is aborted.
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

    /// Gives the upload up and frees what it took. A failure to do so is logged: the first error is what counts.
    pub async fn abort(self) {
        self.sink.abort().await;
    }
}
