//! Reads the payload in the frames of an archive, and its decompressed content.

use super::FrameReader;
use crate::{
    compress::Decompressor,
    error::{Error, Result},
    seal::PayloadCompression,
};

/// Reads a range of an archive's payload: the joined contents of the frames, still compressed.
pub struct PayloadReader {
    frames: FrameReader,
    /// The bytes of the first frame before the range.
    before: u64,
    /// The bytes of the range that were not returned yet.
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

    /// The next bytes, in their order, of one group of frames. `None` at the range's end.
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

    /// Returns a buffer for reuse.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        self.frames.recycle(bytes);
    }
}

/// Decompresses a payload in steps of at most 1 MiB, since highly compressed data must not fill the memory.
pub struct ContentReader {
    payload: PayloadReader,
    object: String,
    /// `None` without compression, and at the end.
    decompressor: Option<Decompressor>,
    /// The last opened bytes of the payload, and how many of them were consumed.
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

    /// The next bytes, in their order. `None` at the end.
    ///
    /// # Errors
    /// As [`PayloadReader::next`]; [`Error::Payload`] if it is not what zstd wrote or ends inside a chunk;
    /// [`Error::Differs`] if it is longer than the limit.
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

    /// Decompresses one step. Returns `false` once all opened bytes are consumed.
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
