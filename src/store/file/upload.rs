//! The upload of a file into the folder, piece by piece.

use std::{
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use tokio::{task::JoinHandle, time::timeout};

use super::{
    Folder, PIECE_MAX,
    error::{FileFault, FileResult},
    write::TempFile,
};
use crate::store::{Completed, Error, Kind, PartSink, TagsKept, Whole};

/// The size of a piece. Two pieces are in memory.
const PIECE_BYTES: usize = 4 << 20;
/// After so many pieces the file is synced. So the system buffers little, and a full disk is noticed early.
const PIECES_SYNCED: u32 = 16;

/// The upload of one file. If it is dropped, or its process is killed, there is no object, as the file has no name yet.
pub(super) struct FileUpload {
    folder: Folder,
    key: String,
    temp: Arc<TempFile>,
    filling: Vec<u8>,
    /// The piece that is being written. Returns its buffer.
    under_way: Option<JoinHandle<FileResult<Vec<u8>>>>,
    spare: Vec<u8>,
    /// The number of bytes before `filling`.
    offset: u64,
    pieces: u32,
    sent: Arc<AtomicU64>,
    tags: TagsKept,
}

impl FileUpload {
    pub(super) fn new(folder: &Folder, key: &str, temp: TempFile, tags: TagsKept) -> Self {
        Self {
            folder: folder.clone(),
            key: key.to_owned(),
            temp: Arc::new(temp),
            filling: Vec::with_capacity(PIECE_BYTES),
            under_way: None,
            spare: Vec::new(),
            offset: 0,
            pieces: 0,
            sent: Arc::default(),
            tags,
        }
    }

    fn fault(&self, fault: FileFault) -> Error {
        self.folder.failed(fault, self.folder.doing("upload", &self.key))
    }

    /// Waits for the piece that is being written.
    async fn wait(&mut self) -> Result<(), Error> {
        let Some(task) = &mut self.under_way else {
            return Ok(());
        };
        let done = match timeout(PIECE_MAX, task).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(FileFault::new(
                Kind::Other,
                "this is a bug in pgcoffer: it panicked",
                None,
            )),
            Err(_) => return Err(self.fault(FileFault::silent(PIECE_MAX.as_secs()))),
        };
        self.under_way = None;
        self.spare = done.map_err(|fault| self.fault(fault))?;
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Error> {
        self.wait().await?;
        let mut empty = std::mem::take(&mut self.spare);
        empty.clear();
        empty.reserve_exact(PIECE_BYTES);
        let piece = std::mem::replace(&mut self.filling, empty);
        let at = self.offset;
        self.offset += piece.len() as u64;
        self.pieces += 1;
        let is_synced = self.pieces.is_multiple_of(PIECES_SYNCED);
        let (temp, sent) = (Arc::clone(&self.temp), Arc::clone(&self.sent));
        let task = self.folder.0.tasks.spawn_blocking(move || {
            temp.file.write_all_at(&piece, at)?;
            if is_synced {
                temp.file.sync_data()?;
            }
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Ok(piece)
        });
        self.under_way = Some(task);
        Ok(())
    }
}

#[async_trait]
impl PartSink for FileUpload {
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES - self.filling.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() == PIECE_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    async fn complete(mut self: Box<Self>, whole: &Whole) -> Result<Completed, Error> {
        self.send().await?;
        self.wait().await?;
        let (temp, folder, key, bytes) = (
            Arc::clone(&self.temp),
            self.folder.clone(),
            self.key.clone(),
            whole.bytes,
        );
        let work = move |tree: &super::Tree| {
            folder.hear(temp.settle(None)?);
            temp.publish_new()?;
            // open the file again, as a reader will, instead of trusting the handle that wrote it
            let (_, there) = tree.open_object(&key)?;
            match there.bytes() == bytes {
                true => Ok(there.etag()),
                false => {
                    let why = format!("{bytes} bytes were written, the file system holds {}", there.bytes());
                    Err(FileFault::new(Kind::Mismatch, why, Some(super::tree::CHANGED_HINT)))
                }
            }
        };
        let doing = self.folder.doing("complete the upload of", &self.key);
        let etag = self.folder.once(doing, PIECE_MAX, work).await?;
        Ok(Completed {
            etag: Some(etag),
            tags: self.tags,
            confirmed: true,
        })
    }
}
