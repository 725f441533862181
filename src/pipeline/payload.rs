//! What the frames of an archive hold, and what that holds decompressed.

use super::FrameReader;
use crate::{
    compress::Decompressor,
    error::{Error, Result},
    seal::PayloadCompression,
};

/// A range of an archive's payload: what the frames hold, joined, still compressed.
pub struct PayloadReader {
    frames: FrameReader,
    /// Bytes of the first frame that come before the range.
    before: u64,
    /// Bytes of the range that weren't given yet.
    left: u64,
}

impl PayloadReader {
    pub(super) fn new(frames: FrameReader, before: u64, bytes: u64) -> Self {
        Self {
            frames,
            before,
            left: bytes,
        }
    }

    /// The next bytes, in their order, of as many frames as are opened at once; none at the range's end.
    ///
    /// # Errors
    /// As [`FrameReader::next`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(mut bytes) = self.frames.next().await? else {
            return Ok(None);
        };
        let before = usize::try_from(std::mem::take(&mut self.before)).unwrap_or(usize::MAX);
        if before > 0 {
            bytes.drain(..before.min(bytes.len()));
        }
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// Takes back a buffer that is no longer needed.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        self.frames.recycle(bytes);
    }
}

/// A payload decompressed, in steps of at most 1 MiB: what compresses a hundredfold must not come out at once.
pub struct ContentReader {
    payload: PayloadReader,
    object: String,
    /// None where nothing is compressed, and at the end.
    decompressor: Option<Decompressor>,
    /// Of the payload, what was opened last, and how much of it was taken.
    opened: Vec<u8>,
    taken: usize,
    step: Vec<u8>,
    given_bytes: u64,
    bytes_max: Option<u64>,
}

impl ContentReader {
    pub(super) fn new(
        payload: PayloadReader,
        object: String,
        compression: PayloadCompression,
        bytes_max: Option<u64>,
    ) -> Result<Self> {
        let decompressor = match compression {
            PayloadCompression::None => None,
            PayloadCompression::Zstd => Some(Decompressor::new().map_err(Error::Compress)?),
        };
        Ok(Self {
            payload,
            object,
            decompressor,
            opened: Vec::new(),
            taken: 0,
            step: Vec::new(),
            given_bytes: 0,
            bytes_max,
        })
    }

    /// The next bytes, in their order; none at the end.
    ///
    /// # Errors
    /// As [`PayloadReader::next`]; [`Error::Payload`] where it is not what zstd wrote or ends inside of a chunk;
    /// [`Error::Differs`] where it holds more than it may.
    pub async fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            if self.decompress()? {
                self.count(self.step.len())?;
                return Ok(Some(&self.step));
            }
            let is_compressed = self.decompressor.is_some();
            self.payload.recycle(std::mem::take(&mut self.opened));
            let Some(opened) = self.payload.next().await? else {
                self.end()?;
                return Ok(None);
            };
            (self.opened, self.taken) = (opened, 0);
            if !is_compressed {
                self.count(self.opened.len())?;
                return Ok(Some(&self.opened));
            }
        }
    }

    /// Takes a step; false where no more comes of what was opened.
    fn decompress(&mut self) -> Result<bool> {
        let Some(decompressor) = &mut self.decompressor else {
            return Ok(false);
        };
        let mut compressed = &self.opened[self.taken..];
        let given = decompressor.step(&mut compressed, &mut self.step);
        self.taken = self.opened.len() - compressed.len();
        given.map_err(|source| Error::Payload {
            object: self.object.clone(),
            source,
        })
    }

    fn count(&mut self, bytes: usize) -> Result<()> {
        self.given_bytes += bytes as u64;
        match self.bytes_max.filter(|max| self.given_bytes > *max) {
            Some(max) => {
                let what = format!("it holds more than the {max} bytes that pg_dump wrote");
                Err(Error::differs(&self.object, what))
            }
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<()> {
        let Some(decompressor) = self.decompressor.take() else {
            return Ok(());
        };
        decompressor.finish().map_err(|source| Error::Payload {
            object: self.object.clone(),
            source,
        })
    }
}
