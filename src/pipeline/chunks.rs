//! The near end of the road out: chunks of a dump are read, looked at by the archive reader, and compressed.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Budget, Progress,
    budget::{BufferPool, Slot, Slots},
    ordered::joined,
};
use crate::{
    archive::ArchiveReader,
    compress::{self, CHUNK_BYTES, Compressor},
    error::{Error, Result},
};

/// A dump on its way to be sealed: read in chunks, looked at, and compressed, in a task of its own that runs ahead of
/// whoever takes the chunks as far as the budget allows.
///
/// Dropped, it stops reading: its task and what it has under way end with it.
pub struct DumpChunks {
    chunks: mpsc::UnboundedReceiver<(Chunk, Slot)>,
    reading: AbortOnDropHandle<Result<ArchiveReader>>,
    buffers: BufferPool,
    is_compressed: bool,
    /// Compressed length of each chunk.
    lengths: Vec<u32>,
}

/// What a dump turned out to be.
pub struct DumpRead {
    /// The archive reader that has seen every byte; whether the end was a good one is for the caller to find out.
    pub archive: ArchiveReader,
    /// Compressed length of each chunk in bytes; empty where nothing is compressed.
    pub chunk_lengths: Vec<u32>,
}

/// A chunk that will be sealed.
enum Chunk {
    Plain(Vec<u8>),
    Compressing(JoinHandle<std::result::Result<Vec<u8>, compress::Error>>),
}

impl DumpChunks {
    /// Begins to read `source`, at zstd's `level` or uncompressed. `silence_max`: how long pg_dump may say nothing
    /// while it is waited for.
    pub fn read(
        source: impl AsyncRead + Send + Unpin + 'static,
        level: Option<i32>,
        silence_max: Duration,
        budget: &Budget,
        progress: &Progress,
    ) -> Self {
        let (sender, chunks) = mpsc::unbounded_channel();
        let reading = Reading {
            source,
            silence_max,
            reader: ArchiveReader::new(),
            compressor: level.map(|level| Arc::new(Compressor::new(level))),
            buffers: budget.buffers(),
            slots: budget.chunks(),
            progress: progress.clone(),
            sender,
        };
        Self {
            chunks,
            buffers: budget.buffers(),
            is_compressed: level.is_some(),
            lengths: Vec::new(),
            reading: AbortOnDropHandle::new(tokio::spawn(reading.run())),
        }
    }

    /// The next bytes to be sealed, in their order; none at the end of the dump, and where reading it has failed.
    ///
    /// # Errors
    /// [`Error::Compress`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some((chunk, _slot)) = self.chunks.recv().await else {
            return Ok(None);
        };
        let chunk = match chunk {
            Chunk::Plain(chunk) => chunk,
            Chunk::Compressing(handle) => joined(handle).await?.map_err(Error::Compress)?,
        };
        if self.is_compressed {
            self.lengths.push(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        }
        Ok(Some(chunk))
    }

    /// Takes back a buffer that is no longer needed.
    pub fn recycle(&self, chunk: Vec<u8>) {
        self.buffers.put(chunk);
    }

    /// What was read, once there is no next chunk.
    ///
    /// # Errors
    /// That of reading: [`Error::Io`] or [`Error::Silent`] of the source, [`Error::Dump`] of what came from it.
    pub async fn finish(self) -> Result<DumpRead> {
        let archive = self.reading.await.map_err(Error::from)??;
        Ok(DumpRead {
            archive,
            chunk_lengths: self.lengths,
        })
    }
}

/// The task that reads.
struct Reading<R> {
    source: R,
    silence_max: Duration,
    reader: ArchiveReader,
    compressor: Option<Arc<Compressor>>,
    buffers: BufferPool,
    slots: Slots,
    progress: Progress,
    /// Bounded by the slots.
    sender: mpsc::UnboundedSender<(Chunk, Slot)>,
}

impl<R: AsyncRead + Send + Unpin> Reading<R> {
    async fn run(mut self) -> Result<ArchiveReader> {
        loop {
            let chunk = self.read_chunk().await?;
            if chunk.is_empty() {
                return Ok(self.reader);
            }
            let slot = self.slots.take().await;
            // where nobody receives any more, the run has failed further down and says so
            if self.sender.send((self.compress(chunk), slot)).is_err() {
                return Ok(self.reader);
            }
        }
    }

    /// The next [`CHUNK_BYTES`], fewer only at the end. Bytes are looked at as they come, so that a pg_dump which goes
    /// wrong and hangs is found out at once.
    async fn read_chunk(&mut self) -> Result<Vec<u8>> {
        let mut chunk = self.buffers.take();
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

    fn compress(&self, chunk: Vec<u8>) -> Chunk {
        let Some(compressor) = self.compressor.clone() else {
            return Chunk::Plain(chunk);
        };
        let buffers = self.buffers.clone();
        Chunk::Compressing(spawn_blocking(move || {
            let mut compressed = buffers.take();
            compressor.chunk(&chunk, &mut compressed)?;
            buffers.put(chunk);
            Ok(compressed)
        }))
    }
}
