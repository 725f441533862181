//! Where a sealed object is read from.

use std::{io::SeekFrom, ops::Range, path::PathBuf};

use bytes::Bytes;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use crate::{
    error::{Error, Result},
    store::{self, Kind, Object, Store},
};

/// Where a sealed object is read from.
#[derive(Clone)]
pub enum ObjectSource {
    /// An object in a bucket, as it was when it was looked at. If it was replaced since, reading it fails.
    Stored {
        /// The bucket.
        store: Box<Store>,
        /// The object's key, from the bucket's root.
        key: String,
        /// Its length.
        bytes: u64,
        /// Its entity tag, if the service has entity tags.
        etag: Option<String>,
    },
    /// A file.
    File {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}

impl ObjectSource {
    /// An object in a bucket that was looked at and can be read now.
    #[must_use]
    pub fn stored(store: &Store, object: Object) -> Self {
        Self::Stored {
            store: Box::new(store.clone()),
            key: object.key,
            bytes: object.bytes,
            etag: object.etag,
        }
    }

    /// Looks at a file.
    ///
    /// # Errors
    /// [`Error::Io`] if it can't be accessed, [`Error::Usage`] if it is not a regular file.
    pub async fn file(path: PathBuf) -> Result<Self> {
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

    /// Length of the sealed object in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Stored { bytes, .. } | Self::File { bytes, .. } => *bytes,
        }
    }

    /// The object's entity tag, if its service has entity tags.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        match self {
            Self::Stored { etag, .. } => etag.as_deref(),
            Self::File { .. } => None,
        }
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stored { store, key, .. } => store.url(key),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// The error of bytes that are different at each read; `None` for a file, which is read locally.
    pub(super) fn inconsistent(&self) -> Option<Error> {
        match self {
            Self::Stored { store, key, .. } => Some(store.inconsistent(key, "a part of it").into()),
            Self::File { .. } => None,
        }
    }

    /// Reads a range of it, with the retries of the store.
    ///
    /// # Errors
    /// Any error of the bucket, [`Error::Io`] of a file, [`Error::Cold`] if a thawed copy has expired.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            Self::Stored { store, key, etag, .. } => {
                let read = store.read_range(key, range, etag.as_deref()).await;
                read.map_err(cooled_down)
            }
            Self::File { path, .. } => read_file(path, range).await.map_err(|e| Error::io("read", path, e)),
        }
    }
}

/// The error of an object that could be read when it was looked at and is cold now.
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
