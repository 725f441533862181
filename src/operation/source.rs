//! Where a sealed object is read from: ranges of it, several in flight, in order.

use std::{collections::VecDeque, io::SeekFrom, ops::Range, path::PathBuf};

use bytes::Bytes;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    task::JoinHandle,
};

use super::{ordered::done, thaw::check_readable};
use crate::{
    error::{Error, Result},
    store::{self, Kind, Store},
};

/// Bytes of one request: with [`RANGES`] of them in flight a restore needs 16 MiB for what is on its way.
const RANGE_BYTES: u64 = 4 << 20;
const RANGES: usize = 4;

/// Where a sealed object is read from.
#[derive(Clone)]
pub(super) enum Source {
    /// an object in the bucket, as it was when it was looked at
    Object {
        store: Box<Store>,
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
        let gone = || {
            let name = store.url(key);
            let what = "the record is there and its archive is gone: was it deleted, or expired by a lifecycle rule?";
            Error::differs(name, what)
        };
        let object = store.head(key).await?.ok_or_else(gone)?;
        let name = store.url(key);
        check_readable(store, &object, &name).await?;
        Ok(Self::Object {
            store: Box::new(store.clone()),
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

    /// Entity tag of the object, where its service has such.
    pub(super) fn etag(&self) -> Option<&str> {
        match self {
            Self::Object { etag, .. } => etag.as_deref(),
            Self::File { .. } => None,
        }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Object { store, key, .. } => store.url(key),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// What is said of bytes that are other ones at each look; nothing of a file, which is read from here.
    pub(super) fn unsteady(&self) -> Option<Error> {
        match self {
            Self::Object { store, key, .. } => Some(store.unsteady(key, "a part of it").into()),
            Self::File { .. } => None,
        }
    }

    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            Self::Object { store, key, etag, .. } => {
                let read = store.read_range(key, range, etag.as_deref()).await;
                read.map_err(cooled_down)
            }
            Self::File { path, .. } => read_file(path, range).await.map_err(|e| Error::io("read", path, e)),
        }
    }

    /// Everything from `start` on, in order, several ranges in flight.
    pub(super) fn pieces(&self, start: u64) -> Pieces {
        self.pieces_of(start, RANGES)
    }

    /// The same, one range after the other: for who may soon have read enough.
    pub(super) fn pieces_in_turn(&self, start: u64) -> Pieces {
        self.pieces_of(start, 1)
    }

    fn pieces_of(&self, start: u64, width: usize) -> Pieces {
        Pieces {
            source: self.clone(),
            next: start,
            width,
            under_way: VecDeque::new(),
        }
    }
}

/// It could be read when it was looked at.
fn cooled_down(error: store::Error) -> Error {
    if error.kind != Kind::Cold {
        return error.into();
    }
    Error::Cold {
        why: format!("{error}: its thawed copy is gone again, or a lifecycle rule moved it meanwhile"),
        hint: "run the same command again with --thaw standard, and with more --thaw-days".to_owned(),
        under_way: false,
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
    /// Ranges in flight.
    width: usize,
    under_way: VecDeque<JoinHandle<Result<Bytes>>>,
}

impl Pieces {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.under_way.len() < self.width && self.next < self.source.bytes() {
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
