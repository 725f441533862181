//! The road of a byte back: ranges in order, several in flight -> frames opened on all cores -> zstd -> archive reader ->
//! whoever takes the bytes. Nothing is given out before its MAC was checked, and nothing at all before the last frame
//! was: an object that was cut short is found before anything is touched.

use std::{collections::VecDeque, io::SeekFrom, ops::Range, path::PathBuf};

use bytes::Bytes;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _},
    task::JoinHandle,
};

use super::{
    Progress,
    ordered::{Ordered, done, seal_width},
};
use crate::{
    archive::{ArchiveReader, Contents},
    compress::Decompressor,
    error::{Error, Result},
    seal::{
        self, Compression, Content, FrameKeys, HEADER_LEN_MAX, Header, OpenGroup, Opener, Secret,
    },
    store::{Kind, Store},
};

/// Bytes of one request: with [`RANGES`] of them in flight a restore needs 24 MiB for what is on its way.
const RANGE_BYTES: u64 = 4 << 20;
const RANGES: usize = 6;

/// Where a sealed object is read from.
#[derive(Clone)]
pub(super) enum Source {
    /// an object in the bucket, as it was when it was looked at
    Object {
        store: Store,
        key: String,
        bytes: u64,
        etag: Option<String>,
    },
    /// a file
    File { path: PathBuf, bytes: u64 },
}

impl Source {
    /// Looks at an object in the bucket.
    pub(super) async fn object(store: &Store, key: &str) -> Result<Self> {
        let gone = || crate::store::Error {
            kind: Kind::NotFound,
            doing: format!("read s3://{}/{key}", store.location().bucket),
            why: "the record is there and its archive is gone".to_owned(),
        };
        let object = store.head(key).await?.ok_or_else(gone)?;
        Ok(Self::Object {
            store: store.clone(),
            key: key.to_owned(),
            bytes: object.bytes,
            etag: object.etag,
        })
    }

    /// Looks at a file.
    pub(super) async fn file(path: PathBuf) -> Result<Self> {
        let metadata = tokio::fs::metadata(&path)
            .await
            .map_err(|e| Error::io("read", &path, e))?;
        if !metadata.is_file() {
            return Err(Error::usage(
                format!("{} is not a regular file", path.display()),
                "save the object to a file first",
            ));
        }
        Ok(Self::File {
            path,
            bytes: metadata.len(),
        })
    }

    /// Length of the sealed object.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Object { bytes, .. } | Self::File { bytes, .. } => *bytes,
        }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Object { store, key, .. } => format!("s3://{}/{key}", store.location().bucket),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            Self::Object {
                store, key, etag, ..
            } => Ok(store.read_range(key, range, etag.as_deref()).await?),
            Self::File { path, .. } => read_file(path, range)
                .await
                .map_err(|e| Error::io("read", path, e)),
        }
    }

    /// Everything from `start` on, in order, several ranges in flight.
    pub(super) fn pieces(&self, start: u64) -> Pieces {
        Pieces {
            source: self.clone(),
            next: start,
            under_way: VecDeque::new(),
        }
    }
}

async fn read_file(path: &PathBuf, range: Range<u64>) -> std::io::Result<Bytes> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
    file.read_exact(&mut bytes).await?;
    Ok(bytes.into())
}

/// The ranges of an object, in order.
pub(super) struct Pieces {
    source: Source,
    next: u64,
    under_way: VecDeque<JoinHandle<Result<Bytes>>>,
}

impl Pieces {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.under_way.len() < RANGES && self.next < self.source.bytes() {
            let range = self.next..(self.next + RANGE_BYTES).min(self.source.bytes());
            self.next = range.end;
            let source = self.source.clone();
            self.under_way
                .push_back(tokio::spawn(async move { source.read(range).await }));
        }
        match self.under_way.pop_front() {
            Some(piece) => done(piece).await?.map(Some),
            None => Ok(None),
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        for piece in &self.under_way {
            piece.abort();
        }
    }
}

/// A sealed archive whose header and last frame have been found good.
pub(super) struct Inbound {
    source: Source,
    header: Header,
    header_len: usize,
    keys: FrameKeys,
}

impl Inbound {
    /// Reads and checks header and last frame. With `backup`, the object has to be that backup's archive.
    pub(super) async fn begin(
        source: Source,
        secrets: &[Secret],
        backup: Option<&str>,
    ) -> Result<Self> {
        let name = source.name();
        let refused = |e| Error::seal(&name, e);
        let beginning = source
            .read(0..source.bytes().min(HEADER_LEN_MAX as u64))
            .await?;
        let (header, header_len) = Header::parse_whole(&beginning).map_err(refused)?;
        let keys = unlock(&header, secrets).await?.map_err(refused)?;
        let backup = backup.unwrap_or(&header.backup);
        header.check_is(backup, Content::Archive).map_err(refused)?;
        let (index, range) = seal::last_frame_range(header_len, header.frame_size, source.bytes())
            .map_err(refused)?;
        let last = source.read(range).await?;
        seal::open_frame(&keys, header.frame_size, index, true, &last).map_err(refused)?;
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
