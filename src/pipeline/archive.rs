//! A sealed archive whose header and last frame were checked, and the ways to read it.
//!
//! Nothing is returned before its MAC was checked, and nothing at all before the last frame was: an object that was cut
//! short is found before anything is changed.

use std::ops::Range;

use bytes::Bytes;

use super::{
    Budget, ContentReader, FrameReader, ObjectSource, PayloadReader, Progress,
    frames::{Frames, Give},
    ordered::joined,
    reread::{FailedReads, RecordedReads},
};
use crate::{
    error::{Error, Result},
    seal::{self, Content, FrameKeys, HEADER_LEN_MAX, RepositoryId, SealedHeader, Secret},
};

/// A sealed archive whose header and last frame were checked: it is the object that was sealed, under one of the keys,
/// and not cut short. The frames between are checked as they are read.
#[derive(Clone)]
pub struct SealedArchive {
    source: ObjectSource,
    ends: BothEnds,
    content_bytes_max: Option<u64>,
}

/// What the header and the last frame contain.
#[derive(Clone)]
struct BothEnds {
    header: SealedHeader,
    /// The bytes of the header in the object.
    header_bytes: Bytes,
    keys: FrameKeys,
    frame_count: u64,
    payload_bytes: u64,
}

impl SealedArchive {
    /// Reads and checks header and last frame. With `expected`, the object must be that backup's archive in that
    /// repository. Bytes that fail a check are read again before they count. Safe to cancel.
    ///
    /// # Errors
    /// [`Error::Seal`] if it isn't what was sealed or none of the keys opens it, or the errors of
    /// [`ObjectSource::read`].
    pub async fn open(
        source: ObjectSource,
        secrets: &[Secret],
        expected: Option<(&RepositoryId, &str)>,
    ) -> Result<Self> {
        let mut doubts = FailedReads::default();
        loop {
            let mut look = RecordedReads::new(&source);
            match look_at_both_ends(&mut look, secrets, expected).await {
                Ok(ends) => {
                    return Ok(Self {
                        source,
                        ends,
                        content_bytes_max: None,
                    });
                }
                Err(fault @ Error::Seal { .. }) => doubts.check_repeated(look, fault)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Limits the decompressed content to so many bytes, since a few bytes can be made to fill a disk.
    #[must_use]
    pub fn with_content_bytes_max(self, bytes: u64) -> Self {
        Self {
            content_bytes_max: Some(bytes),
            ..self
        }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &SealedHeader {
        &self.ends.header
    }

    /// The bytes of the header in the object, before all frames.
    #[must_use]
    pub fn header_bytes(&self) -> &Bytes {
        &self.ends.header_bytes
    }

    /// Length of the sealed object in bytes.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.source.bytes()
    }

    /// The length in bytes of the contents of all frames together, still compressed.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.ends.payload_bytes
    }

    /// The entity tag of the object, if its service has entity tags.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.source.etag()
    }

    /// The object's name in messages.
    #[must_use]
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// All frames with checked MACs and without decryption. With the header before them, they are the whole object.
    #[must_use]
    pub fn sealed_frames(&self, budget: &Budget, progress: &Progress) -> FrameReader {
        FrameReader::new(self.frames(), 0..self.ends.frame_count, Give::Sealed, budget, progress)
    }

    /// A range of the payload. Only the frames that contain it are fetched and opened.
    #[must_use]
    pub fn payload(&self, range: Range<u64>, budget: &Budget, progress: &Progress) -> PayloadReader {
        let size = self.ends.header.frame_size as u64;
        let (start, end) = (range.start, range.end.min(self.ends.payload_bytes));
        // an empty range needs no frame, not even the only one of an empty payload, which was checked already
        let (frames, before) = match start < end {
            true => (start / size..end.div_ceil(size), start % size),
            false => (0..0, 0),
        };
        let frames = FrameReader::new(self.frames(), frames, Give::Plaintext, budget, progress);
        PayloadReader::new(frames, before, end.saturating_sub(start))
    }

    /// The decompressed content of a range of the payload, which must begin and end at the boundaries of chunks.
    ///
    /// # Errors
    /// [`Error::Compress`] if zstd has no memory.
    pub fn content(&self, payload: Range<u64>, budget: &Budget, progress: &Progress) -> Result<ContentReader> {
        let payload = self.payload(payload, budget, progress);
        ContentReader::new(
            payload,
            self.name(),
            self.ends.header.compression,
            self.content_bytes_max,
        )
    }

    fn frames(&self) -> Frames {
        Frames {
            source: self.source.clone(),
            keys: self.ends.keys.clone(),
            header_len: self.ends.header_bytes.len(),
            frame_size: self.ends.header.frame_size,
            count: self.ends.frame_count,
        }
    }
}

/// Reads and checks header and last frame, once.
async fn look_at_both_ends(
    look: &mut RecordedReads<'_>,
    secrets: &[Secret],
    expected: Option<(&RepositoryId, &str)>,
) -> Result<BothEnds> {
    let name = look.source().name();
    let refused = |e| Error::seal(&name, e);
    let beginning = 0..look.source().bytes().min(HEADER_LEN_MAX as u64);
    let beginning = look.read(beginning).await?;
    let (header, header_len) = SealedHeader::parse_whole(&beginning).map_err(refused)?;
    let keys = unlock(&header, secrets).await?.map_err(refused)?;
    let (repository, backup) = expected.unwrap_or((&header.repository, &header.backup));
    header.check_is(repository, backup, Content::Archive).map_err(refused)?;
    let end = check_end(look, &header, header_len, &keys).await?;
    let (last, last_bytes) = end.map_err(refused)?;
    Ok(BothEnds {
        header_bytes: beginning.slice(..header_len),
        frame_count: last + 1,
        payload_bytes: last * header.frame_size as u64 + last_bytes,
        header,
        keys,
    })
}

/// Checks the last frame, and finds out what is wrong with the object's end as exactly as its last two frames allow.
/// Returns the last frame's index and the number of bytes in it.
async fn check_end(
    look: &mut RecordedReads<'_>,
    header: &SealedHeader,
    header_len: usize,
    keys: &FrameKeys,
) -> Result<std::result::Result<(u64, u64), seal::Error>> {
    let (frame_size, bytes) = (header.frame_size, look.source().bytes());
    let (index, range) = match seal::last_frame_range(header_len, frame_size, bytes) {
        Ok(found) => found,
        // no frame has this length: the bytes say more than the length
        Err(seal::Error::CutShort { after }) => {
            let index = after.map_or(0, |after| after + 1);
            let start = seal::frame_range(header_len, frame_size, index).start;
            (index, start.min(bytes)..bytes)
        }
        Err(error) => return Ok(Err(error)),
    };
    let fault = match open_at(look, keys, frame_size, index, true, range).await? {
        Ok(held) => return Ok(Ok((index, held))),
        Err(fault) => fault,
    };
    let seal::Error::CutShort { after: Some(before) } = fault else {
        return Ok(Err(fault));
    };
    let range = seal::frame_range(header_len, frame_size, before);
    match open_at(look, keys, frame_size, before, false, range).await? {
        Err(trailing @ seal::Error::TrailingBytes { .. }) => Ok(Err(trailing)),
        _ => Ok(Err(fault)),
    }
}

/// Opens one frame, and returns the number of bytes in it.
async fn open_at(
    look: &mut RecordedReads<'_>,
    keys: &FrameKeys,
    frame_size: usize,
    index: u64,
    last: bool,
    range: Range<u64>,
) -> Result<std::result::Result<u64, seal::Error>> {
    let range = range.start..range.end.min(look.source().bytes());
    if range.is_empty() {
        let after = index.checked_sub(1);
        return Ok(Err(seal::Error::CutShort { after }));
    }
    let frame = look.read(range).await?;
    Ok(seal::open_frame(keys, frame_size, index, last, &frame).map(|held| held.len() as u64))
}

/// Tries the secrets, on a blocking thread since a passphrase takes a tenth of a second.
async fn unlock(header: &SealedHeader, secrets: &[Secret]) -> Result<std::result::Result<FrameKeys, seal::Error>> {
    let (header, secrets) = (header.clone(), secrets.to_vec());
    joined(tokio::task::spawn_blocking(move || header.unlock(&secrets))).await
}
