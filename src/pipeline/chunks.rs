//! The beginning of a backup's pipeline: a dump is read in chunks, observed by the archive reader, and compressed.

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

/// A dump that is read in chunks, observed, and compressed, in its own task that runs ahead of the consumer as far as
/// the budget allows.
///
/// If it is dropped, its task and its work in progress end.
pub struct DumpChunks {
    chunks: mpsc::UnboundedReceiver<(Chunk, Slot)>,
    reading: AbortOnDropHandle<Result<ArchiveReader>>,
    buffers: BufferPool,
    is_compressed: bool,
    /// The compressed length of each chunk.
    lengths: Vec<u32>,
}

/// The result of reading a dump.
pub struct DumpRead {
    /// The archive reader that has observed every byte. The caller checks whether the dump was complete.
    pub archive: ArchiveReader,
    /// The compressed length of each chunk in bytes; empty without compression.
    pub chunk_lengths: Vec<u32>,
}

/// A chunk that will be sealed.
enum Chunk {
    Plain(Vec<u8>),
    Compressing(JoinHandle<std::result::Result<Vec<u8>, compress::Error>>),
}

impl DumpChunks {
    /// Begins to read `source` and to compress it at zstd's `level`; `None` for no compression. `dump_idle_timeout`: the time
    /// after which a pg_dump that writes nothing counts as hung.
    pub fn read(
        source: impl AsyncRead + Send + Unpin + 'static,
        level: Option<i32>,
        dump_idle_timeout: Duration,
        budget: &Budget,
        progress: &Progress,
    ) -> Self {
        let (sender, chunks) = mpsc::unbounded_channel();
        let reading = Reading {
            source,
            dump_idle_timeout,
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

    /// The next bytes to be sealed, in their order. `None` at the end of the dump, and if reading it failed.
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

    /// Returns a buffer for reuse.
    pub fn recycle(&self, chunk: Vec<u8>) {
        self.buffers.put(chunk);
    }

    /// The result, once there is no next chunk.
    ///
    /// # Errors
    /// The error of reading: [`Error::Io`] or [`Error::Silent`] of the source, [`Error::Dump`] of its contents.
    pub async fn finish(self) -> Result<DumpRead> {
        let archive = self.reading.await.map_err(Error::from)??;
        Ok(DumpRead {
            archive,
            chunk_lengths: self.lengths,
        })
    }
}

/// The state of the reading task.
struct Reading<R> {
    source: R,
    dump_idle_timeout: Duration,
    reader: ArchiveReader,
    compressor: Option<Arc<Compressor>>,
    buffers: BufferPool,
    slots: Slots,
    progress: Progress,
    /// The slots limit its length.
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
            // without a receiver, the run has failed in a later step, which reports it
            if self.sender.send((self.compress(chunk), slot)).is_err() {
                return Ok(self.reader);
            }
        }
    }

    /// The next [`CHUNK_BYTES`], fewer only at the end. Bytes are observed as they arrive, so an error in them is found
    /// even if pg_dump hangs after it.
    async fn read_chunk(&mut self) -> Result<Vec<u8>> {
        let mut chunk = self.buffers.take();
        chunk.reserve_exact(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES {
            let seen = chunk.len();
            let mut limited = (&mut self.source).take((CHUNK_BYTES - seen) as u64);
            let read = timeout(self.dump_idle_timeout, limited.read_buf(&mut chunk)).await;
            let silent = |_| Error::Silent {
                seconds: self.dump_idle_timeout.as_secs(),
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
