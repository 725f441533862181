//! The road of a byte outwards: pg_dump's output -> archive reader (looks, never changes) -> zstd chunks on several
//! cores -> frames sealed in lock step on several cores -> parts. Every arrow is a bounded queue.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    Progress,
    ordered::{Ordered, compress_width, done, seal_width},
};
use crate::{
    archive::ArchiveReader,
    backup::Compression,
    compress::{self, CHUNK_BYTES, Compressor},
    error::{Error, Result},
    seal::{self, Group, Sealer},
    store::{Stored, Upload},
};

/// An archive on its way into the bucket.
pub(super) struct Outbound {
    sealer: Sealer,
    sealing: Ordered<std::result::Result<Vec<u8>, seal::Error>>,
    upload: Upload,
    compressor: Option<Arc<Compressor>>,
    compression: Compression,
    /// compressed length of each chunk
    chunks: Vec<u32>,
    shelf: Shelf,
    progress: Progress,
}

/// A chunk of pg_dump's output that is being made into what will be sealed.
type Compressing = JoinHandle<std::result::Result<Vec<u8>, compress::Error>>;

impl Outbound {
    /// Begins with the header; `level` is zstd's, or none.
    pub(super) async fn begin(
        sealer: Sealer,
        header: &[u8],
        mut upload: Upload,
        level: Option<i32>,
        progress: Progress,
    ) -> Result<Self> {
        upload.write(header).await?;
        Ok(Self {
            sealer,
            sealing: Ordered::new(seal_width()),
            upload,
            compressor: level.map(|level| Arc::new(Compressor::new(level))),
            compression: Compression {
                algorithm: if level.is_some() { "zstd" } else { "none" }.into(),
                level: level.unwrap_or(0),
                chunk_bytes: CHUNK_BYTES as u64,
            },
            chunks: Vec::new(),
            shelf: Shelf::default(),
            progress,
        })
    }

    /// Carries all of `source`, up to its end and without the last frame: whether this end is a good one is for others
    /// to say. Gives the archive reader that has seen every byte.
    pub(super) async fn carry(
        &mut self,
        source: impl AsyncRead + Send + Unpin + 'static,
        silence_max: Duration,
    ) -> Result<ArchiveReader> {
        let (sender, mut chunks) = mpsc::channel(compress_width(self.compression.level));
        let reading = Reading {
            source,
            silence_max,
            reader: ArchiveReader::new(),
            compressor: self.compressor.clone(),
            shelf: self.shelf.clone(),
            progress: self.progress.clone(),
            sender,
        };
        // in a set, so that it ends with us
        let mut tasks = JoinSet::new();
        tasks.spawn(reading.run());
        while let Some(compressing) = chunks.recv().await {
            let chunk = done(compressing).await?.map_err(Error::Compress)?;
            self.seal(chunk).await?;
        }
        let read = tasks
            .join_next()
            .await
            .ok_or_else(|| Error::Internal("nothing was reading".to_owned()))?;
        read?
    }

    async fn seal(&mut self, chunk: Vec<u8>) -> Result<()> {
        if self.compressor.is_some() {
            self.chunks.push(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        }
        let mut plaintext = chunk.as_slice();
        while let Some(group) = self.sealer.push(&mut plaintext) {
            self.seal_group(group).await?;
        }
        self.shelf.put(chunk);
        Ok(())
    }

    async fn seal_group(&mut self, group: Group) -> Result<()> {
        match self.sealing.push(move || group.seal()).await? {
            Some(sealed) => self.send(sealed).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, sealed: std::result::Result<Vec<u8>, seal::Error>) -> Result<()> {
        let sealed = sealed.map_err(|e| Error::seal("a frame", e))?;
        self.upload.write(&sealed).await?;
        self.sealer.recycle(sealed);
        self.progress.set_moved(self.upload.sent_bytes());
        Ok(())
    }

    /// Seals the last frame and completes the upload. Only for a dump that is known to be whole.
    /// Gives what was stored, how it was compressed, and the compressed length of each chunk.
    pub(super) async fn end(mut self) -> Result<(Stored, Compression, Vec<u32>)> {
        while let Some(sealed) = self.sealing.next().await? {
            self.send(sealed).await?;
        }
        let last = self.sealer.finish();
        let sealed = done(tokio::task::spawn_blocking(move || last.seal())).await?;
        self.upload
            .write(&sealed.map_err(|e| Error::seal("the last frame", e))?)
            .await?;
        let stored = self.upload.complete().await?;
        self.progress.set_moved(stored.bytes);
        Ok((stored, self.compression, self.chunks))
    }
}

/// The near end of the road: reads chunks, shows them to the archive reader, has them compressed.
struct Reading<R> {
    source: R,
    /// how long pg_dump may say nothing while it is waited for
    silence_max: Duration,
    reader: ArchiveReader,
    compressor: Option<Arc<Compressor>>,
    shelf: Shelf,
    progress: Progress,
    sender: mpsc::Sender<Compressing>,
}

impl<R: AsyncRead + Send + Unpin> Reading<R> {
    async fn run(mut self) -> Result<ArchiveReader> {
        loop {
            let chunk = self.read_chunk().await?;
            if chunk.is_empty() {
                return Ok(self.reader);
            }
            // where nobody receives any more, the run has failed further down and says so
            if self.sender.send(self.compress(chunk)).await.is_err() {
                return Ok(self.reader);
            }
        }
    }

    /// The next [`CHUNK_BYTES`], fewer only at the end. Bytes are looked at as they come, so that a pg_dump which goes
    /// wrong and hangs is found out at once.
    async fn read_chunk(&mut self) -> Result<Vec<u8>> {
        let mut chunk = self.shelf.take();
        chunk.reserve_exact(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES {
            let seen = chunk.len();
            let mut limited = (&mut self.source).take((CHUNK_BYTES - seen) as u64);
            let read = timeout(self.silence_max, limited.read_buf(&mut chunk)).await;
            let silent = |_| Error::Silent {
                seconds: self.silence_max.as_secs(),
            };
            let bytes = read.map_err(silent)?.map_err(|source| Error::Io {
                doing: "read from pg_dump".to_owned(),
                source,
            })?;
            if bytes == 0 {
                break;
            }
            self.reader.push(&chunk[seen..]).map_err(Error::Dump)?;
            self.progress.add_done(bytes);
        }
        Ok(chunk)
    }

    fn compress(&self, chunk: Vec<u8>) -> Compressing {
        let Some(compressor) = self.compressor.clone() else {
            return tokio::spawn(async { Ok(chunk) });
        };
        let shelf = self.shelf.clone();
        tokio::task::spawn_blocking(move || {
            let mut bytes = shelf.take();
            compressor.chunk(&chunk, &mut bytes)?;
            shelf.put(chunk);
            Ok(bytes)
        })
    }
}

/// Empty buffers, kept so that steady work allocates nothing.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<Vec<u8>>>>);

impl Shelf {
    fn take(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default()
    }

    fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}
