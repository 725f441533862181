//! zstd, chunk by chunk: each [`CHUNK_BYTES`] of input becomes a zstd frame of its own (RFC 8878), so that several
//! cores compress at once, a reader can begin in the middle, and `zstd -d` reads the whole.

use std::sync::{Mutex, PoisonError};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Input of one chunk: zstd's whole window at its level 1
/// (<https://github.com/facebook/zstd/blob/v1.5.7/lib/compress/clevels.h>). Smaller ones compress worse, larger ones
/// take memory for each core.
pub const CHUNK_BYTES: usize = 512 << 10;

/// Windows above this are refused when reading: 8 MiB (2^23) is what RFC 8878 §3.1.1.1.2 asks every decoder to support.
const WINDOW_LOG_MAX: u32 = 23;

/// The most that one step of decompression gives.
pub const STEP_BYTES: usize = 1 << 20;

/// What failed in zstd.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The library refused.
    #[error("zstd can't compress a chunk: {0}")]
    Compress(std::io::Error),
    /// Bytes that are no zstd frame.
    #[error("the payload is not what zstd wrote: {0}")]
    Decompress(std::io::Error),
    /// The end came inside a frame.
    #[error("the payload ends inside a zstd frame")]
    Cut,
    /// More than a small object holds.
    #[error("the payload holds more than there can be")]
    TooLong,
}

/// Compresses chunks. Threads share it, and borrow its contexts one after the other.
pub struct Compressor {
    level: i32,
    idle: Mutex<Vec<zstd::bulk::Compressor<'static>>>,
}

impl Compressor {
    /// Levels that may be asked for: zstd's own, without the "fast" negative ones and the memory-hungry "ultra" ones.
    pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=19;

    /// A compressor at one of [`Compressor::LEVELS`].
    #[must_use]
    pub fn new(level: i32) -> Self {
        Self {
            level,
            idle: Mutex::default(),
        }
    }

    /// Compresses one chunk into `out`, whatever `out` held before.
    ///
    /// # Errors
    /// [`Error::Compress`] where zstd has no memory.
    pub fn chunk(&self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        // a context costs megabytes to set up: as many live as threads compress at once
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut context = match idle {
            Some(context) => context,
            None => zstd::bulk::Compressor::new(self.level).map_err(Error::Compress)?,
        };
        out.clear();
        out.reserve(zstd::zstd_safe::compress_bound(plaintext.len()));
        context.compress_to_buffer(plaintext, out).map_err(Error::Compress)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(context);
        Ok(())
    }
}

/// Turns a run of zstd frames back into what went in, in any cuts.
pub struct Decompressor {
    decoder: Decoder<'static>,
    /// No frame is open: the stream may end here.
    between_frames: bool,
}

impl Decompressor {
    /// A decompressor at the beginning of a payload.
    ///
    /// # Errors
    /// [`Error::Decompress`] where zstd has no memory.
    pub fn new() -> Result<Self, Error> {
        let mut decoder = Decoder::new().map_err(Error::Decompress)?;
        decoder
            .set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .map_err(Error::Decompress)?;
        Ok(Self {
            decoder,
            between_frames: true,
        })
    }

    /// Takes from the front of `compressed` and puts what it holds, at most [`STEP_BYTES`], into `out`, whatever `out`
    /// held before. False once there is nothing left to take and nothing came out.
    ///
    /// # Errors
    /// [`Error::Decompress`] where the bytes are not zstd's.
    pub fn step(&mut self, compressed: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        // the decoder writes into room that is reserved, so nothing has to be filled with zeros before
        if out.capacity() != STEP_BYTES {
            *out = Vec::with_capacity(STEP_BYTES);
        }
        out.clear();
        let mut input = InBuffer::around(compressed);
        let mut output = OutBuffer::around(out);
        let mut full = false;
        // a full output may hide more that is ready; an empty input with room left hides nothing
        while !full && (input.pos() < compressed.len() || output.pos() == 0) {
            let before = (input.pos(), output.pos());
            let more_wanted = self.decoder.run(&mut input, &mut output).map_err(Error::Decompress)?;
            if before == (input.pos(), output.pos()) {
                break;
            }
            self.between_frames = more_wanted == 0;
            full = output.pos() == output.capacity();
        }
        let (taken, given) = (input.pos(), output.pos());
        *compressed = &compressed[taken..];
        Ok(given > 0)
    }

    /// The payload has ended.
    ///
    /// # Errors
    /// [`Error::Cut`] where a frame is still open.
    pub fn finish(self) -> Result<(), Error> {
        if self.between_frames { Ok(()) } else { Err(Error::Cut) }
    }
}

/// Compresses a small object while it is written, so that its text is never in memory as a whole.
pub struct Writer {
    compressor: Compressor,
    chunk: Vec<u8>,
    compressed: Vec<u8>,
    payload: Vec<u8>,
}

impl Writer {
    /// Writes at one of [`Compressor::LEVELS`].
    #[must_use]
    pub fn new(level: i32) -> Self {
        Self {
            compressor: Compressor::new(level),
            chunk: Vec::new(),
            compressed: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// The whole payload.
    ///
    /// # Errors
    /// [`Error::Compress`] where zstd has no memory.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.compress()?;
        Ok(self.payload)
    }

    fn compress(&mut self) -> Result<(), Error> {
        self.compressor.chunk(&self.chunk, &mut self.compressed)?;
        self.payload.extend_from_slice(&self.compressed);
        self.chunk.clear();
        Ok(())
    }
}

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK_BYTES {
            self.compress().map_err(std::io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a small object's payload holds, piece by piece.
pub struct Reader<'a> {
    payload: &'a [u8],
    decompressor: Option<Decompressor>,
    step: Vec<u8>,
    given: usize,
    bytes_left: u64,
}

impl<'a> Reader<'a> {
    /// From the beginning of a payload. Beyond `bytes_max` bytes it is an error.
    #[must_use]
    pub fn new(payload: &'a [u8], bytes_max: u64) -> Self {
        Self {
            payload,
            decompressor: None,
            step: Vec::new(),
            given: 0,
            bytes_left: bytes_max,
        }
    }

    fn next_step(&mut self) -> Result<(), Error> {
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new()?),
        };
        self.given = 0;
        if !decompressor.step(&mut self.payload, &mut self.step)? {
            return match decompressor.between_frames {
                true => Ok(()),
                false => Err(Error::Cut),
            };
        }
        let left = self.bytes_left.checked_sub(self.step.len() as u64);
        self.bytes_left = left.ok_or(Error::TooLong)?;
        Ok(())
    }
}

impl std::io::Read for Reader<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.step.len() {
            self.next_step().map_err(std::io::Error::other)?;
        }
        let ready = &self.step[self.given..];
        let count = ready.len().min(to.len());
        to[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compress(plaintext: &[u8], level: i32) -> Vec<u8> {
        let compressor = Compressor::new(level);
        let mut all = Vec::new();
        let mut one = Vec::new();
        for chunk in plaintext.chunks(CHUNK_BYTES) {
            compressor.chunk(chunk, &mut one).unwrap();
            all.extend_from_slice(&one);
        }
        all
    }

    fn decompressed(compressed: &[u8], cut: usize) -> Result<Vec<u8>, Error> {
        let mut decompressor = Decompressor::new()?;
        let mut out = Vec::new();
        let mut step = Vec::new();
        for mut piece in compressed.chunks(cut) {
            while decompressor.step(&mut piece, &mut step)? {
                out.extend_from_slice(&step);
            }
        }
        decompressor.finish()?;
        Ok(out)
    }

    /// Half rows of text, half noise, more than two chunks.
    fn sample() -> Vec<u8> {
        let mut state = 1_u64;
        (0..2 * CHUNK_BYTES + 12_345)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if i % 4096 < 2048 {
                    b"row\t42\n"[i % 7]
                } else {
                    (state >> 56) as u8
                }
            })
            .collect()
    }

    #[test]
    fn comes_back_whatever_the_cuts_and_the_level() {
        let plaintext = sample();
        for level in [1, 3, 19] {
            let compressed = compress(&plaintext, level);
            assert!(compressed.len() < plaintext.len() * 3 / 4);
            for cut in [1000, 65_537, usize::MAX] {
                assert!(
                    decompressed(&compressed, cut).unwrap() == plaintext,
                    "level {level}, cut {cut}"
                );
            }
        }
        assert_eq!(decompressed(&[], 1).unwrap(), b"");
    }

    #[test]
    fn a_cut_payload_and_foreign_bytes_are_errors() {
        let compressed = compress(&sample(), 1);
        assert!(matches!(
            decompressed(&compressed[..compressed.len() - 1], 4096),
            Err(Error::Cut)
        ));
        assert!(matches!(
            decompressed(b"not zstd at all", 4096),
            Err(Error::Decompress(_))
        ));
    }

    #[test]
    fn what_is_written_in_any_cuts_comes_back_and_has_a_bound() {
        use std::io::{Read as _, Write as _};
        for plaintext in [sample(), Vec::new(), b"{}".to_vec()] {
            let mut writer = Writer::new(3);
            for cut in plaintext.chunks(100_003) {
                writer.write_all(cut).unwrap();
            }
            let payload = writer.finish().unwrap();
            let read = |bytes_max: usize| {
                let mut read = Vec::new();
                let mut reader = Reader::new(&payload, bytes_max as u64);
                reader.read_to_end(&mut read).map(|_| read)
            };
            assert!(read(plaintext.len()).unwrap() == plaintext);
            let short = plaintext.len().saturating_sub(1);
            assert_eq!(read(short).is_err(), !plaintext.is_empty());
            let cut = &payload[..payload.len().saturating_sub(1)];
            assert!(Reader::new(cut, u64::MAX).read_to_end(&mut Vec::new()).is_err());
        }
    }
}
