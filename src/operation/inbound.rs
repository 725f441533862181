//! The road of a byte back: ranges in order, several in flight -> frames opened on several cores -> zstd -> archive reader ->
//! whoever takes the bytes. Nothing is given out before its MAC was checked, and nothing at all before the last frame
//! was: an object that was cut short is found before anything is touched.

use std::ops::Range;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{
    Progress,
    ordered::{Ordered, done, seal_width},
    source::Source,
};
use crate::{
    archive::{ArchiveReader, Contents},
    compress::Decompressor,
    error::{Error, Result},
    seal::{
        self, Compression, Content, FrameKeys, HEADER_LEN_MAX, Header, OpenGroup, Opener,
        RepositoryId, Secret,
    },
};

/// A sealed archive whose header and last frame have been found good.
pub(super) struct Inbound {
    source: Source,
    header: Header,
    header_len: usize,
    keys: FrameKeys,
}

impl Inbound {
    /// Reads and checks header and last frame. With `expected`, the object has to be that backup's archive in that repository.
    pub(super) async fn begin(
        source: Source,
        secrets: &[Secret],
        expected: Option<(&RepositoryId, &str)>,
    ) -> Result<Self> {
        let name = source.name();
        let refused = |e| Error::seal(&name, e);
        let beginning = source
            .read(0..source.bytes().min(HEADER_LEN_MAX as u64))
            .await?;
        let (header, header_len) = Header::parse_whole(&beginning).map_err(refused)?;
        let keys = unlock(&header, secrets).await?.map_err(refused)?;
        let (repository, backup) = expected.unwrap_or((&header.repository, &header.backup));
        header
            .check_is(repository, backup, Content::Archive)
            .map_err(refused)?;
        check_end(&source, &header, header_len, &keys)
            .await?
            .map_err(refused)?;
        Ok(Self {
            source,
            header,
            header_len,
            keys,
        })
    }

    /// The header.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// What messages call the object.
    pub(super) fn name(&self) -> String {
        self.source.name()
    }

    /// Brings all of it to `sink` and says what the archive held. An error before the end means: what the sink got is
    /// true and not all.
    pub(super) async fn bring(
        self,
        sink: &mut (impl AsyncWrite + Unpin),
        progress: &Progress,
    ) -> Result<Contents> {
        progress.expect(self.source.bytes());
        let mut pieces = self.source.pieces(self.header_len as u64);
        let mut opener = Opener::new(self.keys, self.header.frame_size);
        let mut opening = Ordered::new(seal_width());
        let mut payload = Payload::new(self.source.name(), self.header.compression)?;
        while let Some(piece) = pieces.next().await? {
            let mut sealed = &piece[..];
            while let Some(group) = opener.push(&mut sealed) {
                if let Some(opened) = opening.push(move || group.open()).await? {
                    opener.recycle(payload.take(opened, sink).await?);
                }
            }
            progress.add_done(piece.len());
            progress.set_moved(progress.done_bytes());
        }
        let end: OpenGroup = opener.finish();
        if let Some(opened) = opening.push(move || end.open()).await? {
            payload.take(opened, sink).await?;
        }
        while let Some(opened) = opening.next().await? {
            payload.take(opened, sink).await?;
        }
        payload.finish()
    }
}

/// Checks the last frame, and tells what is wrong with the object's end as exactly as its last two frames allow.
async fn check_end(
    source: &Source,
    header: &Header,
    header_len: usize,
    keys: &FrameKeys,
) -> Result<std::result::Result<(), seal::Error>> {
    let (frame_size, bytes) = (header.frame_size, source.bytes());
    let (index, range) = match seal::last_frame_range(header_len, frame_size, bytes) {
        Ok(found) => found,
        // of a length that no frame has: what stands there says more than its length
        Err(seal::Error::CutShort { after }) => {
            let index = after.map_or(0, |after| after + 1);
            let start = seal::frame_range(header_len, frame_size, index).start;
            (index, start.min(bytes)..bytes)
        }
        Err(error) => return Ok(Err(error)),
    };
    let Err(fault) = open_at(source, keys, frame_size, index, true, range).await? else {
        return Ok(Ok(()));
    };
    let seal::Error::CutShort {
        after: Some(before),
    } = fault
    else {
        return Ok(Err(fault));
    };
    let range = seal::frame_range(header_len, frame_size, before);
    match open_at(source, keys, frame_size, before, false, range).await? {
        Err(trailing @ seal::Error::TrailingBytes { .. }) => Ok(Err(trailing)),
        _ => Ok(Err(fault)),
    }
}

async fn open_at(
    source: &Source,
    keys: &FrameKeys,
    frame_size: usize,
    index: u64,
    last: bool,
    range: Range<u64>,
) -> Result<std::result::Result<(), seal::Error>> {
    let range = range.start..range.end.min(source.bytes());
    if range.is_empty() {
        let after = index.checked_sub(1);
        return Ok(Err(seal::Error::CutShort { after }));
    }
    let frame = source.read(range).await?;
    Ok(seal::open_frame(keys, frame_size, index, last, &frame).map(|_| ()))
}

/// Tries the secrets; a passphrase takes a tenth of a second, and not on a thread that others wait for.
async fn unlock(
    header: &Header,
    secrets: &[Secret],
) -> Result<std::result::Result<FrameKeys, seal::Error>> {
    let (header, secrets) = (header.clone(), secrets.to_vec());
    done(tokio::task::spawn_blocking(move || header.unlock(&secrets))).await
}

/// What is inside the frames: decompressed, looked at, handed on.
struct Payload {
    name: String,
    decompressor: Option<Decompressor>,
    reader: ArchiveReader,
    plaintext: Vec<u8>,
}

impl Payload {
    fn new(name: String, compression: Compression) -> Result<Self> {
        let decompressor = match compression {
            Compression::None => None,
            Compression::Zstd => Some(Decompressor::new().map_err(Error::Compress)?),
        };
        Ok(Self {
            name,
            decompressor,
            reader: ArchiveReader::new(),
            plaintext: Vec::new(),
        })
    }

    /// Hands one opened group on, and gives its buffer back.
    async fn take(
        &mut self,
        opened: std::result::Result<Vec<u8>, seal::Error>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Vec<u8>> {
        let opened = opened.map_err(|e| Error::seal(&self.name, e))?;
        let Some(mut decompressor) = self.decompressor.take() else {
            self.hand_on(&opened, sink).await?;
            return Ok(opened);
        };
        // in steps, since what compresses a hundredfold must not come out at once
        let mut plaintext = std::mem::take(&mut self.plaintext);
        let mut input = &opened[..];
        while decompressor
            .step(&mut input, &mut plaintext)
            .map_err(|e| self.payload_error(e))?
        {
            self.hand_on(&plaintext, sink).await?;
        }
        self.plaintext = plaintext;
        self.decompressor = Some(decompressor);
        Ok(opened)
    }

    async fn hand_on(
        &mut self,
        plaintext: &[u8],
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<()> {
        self.reader
            .push(plaintext)
            .map_err(|source| Error::Archive {
                object: self.name.clone(),
                source,
            })?;
        let written = sink.write_all(plaintext).await;
        written.map_err(Error::Sink)
    }

    fn payload_error(&self, source: crate::compress::Error) -> Error {
        Error::Payload {
            object: self.name.clone(),
            source,
        }
    }

    fn finish(self) -> Result<Contents> {
        let Self {
            name,
            decompressor,
            reader,
            ..
        } = self;
        if let Some(decompressor) = decompressor {
            decompressor.finish().map_err(|source| Error::Payload {
                object: name.clone(),
                source,
            })?;
        }
        reader.finish().map_err(|source| Error::Archive {
            object: name,
            source,
        })
    }
}
