use std::{
    io::Read as _,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
};

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{
    Progress,
    archive::{compare, open_archive},
    shown_rows::ShownRows,
};
use crate::{
    archive::Contents,
    backup::Record,
    catalog::Catalog,
    error::{Error, Result},
    pipeline::{ObjectSource, SealedArchive, joined},
    seal::{HEADER_LEN_MAX, SealedHeader, Secret},
};

/// Where a downloaded archive is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file that must not exist yet. It gets its name only when it is complete and checked.
    File(PathBuf),
    /// Standard output. The exit status tells the reader whether it got everything.
    Stdout,
    /// Standard output that is a terminal, and takes rows of a table alone: what it would obey is escaped.
    Terminal,
}

impl Target {
    /// Checks, before anything is fetched or thawed for it, that a file of that name can be made.
    ///
    /// # Errors
    /// [`Error::Io`] where it is there already, is a folder, or its folder isn't there; [`Error::Usage`] for a device.
    pub fn check(&self) -> Result<()> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let fault = |kind, why: String| Err(Error::io("write", path, std::io::Error::new(kind, why)));
        if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return fault(std::io::ErrorKind::IsADirectory, "that is a folder".to_owned());
        }
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(Error::usage(
                format!(
                    "can't write {}: it is a device, a pipe or a socket, and no file",
                    path.display()
                ),
                "-o - writes to standard output, and > leads that there; `pgcoffer verify` reads a backup back and \
                 keeps nothing of it",
            ));
        }
        if path.symlink_metadata().is_ok() {
            return Err(Error::io("write", path, std::io::ErrorKind::AlreadyExists.into()));
        }
        let folder = folder_of(path);
        match std::fs::metadata(folder) {
            Ok(found) if !found.is_dir() => {
                let why = format!("{} is a file, and no folder", folder.display());
                fault(std::io::ErrorKind::NotADirectory, why)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fault(error.kind(), format!("there is no folder {}", folder.display()))
            }
            Err(error) => Err(Error::io("write", path, error)),
            Ok(_) => Ok(()),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The result of a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// The backup's id in the sealed object.
    pub id: String,
    /// The file; `None` for standard output.
    pub file: Option<PathBuf>,
    /// The number of bytes written.
    pub bytes: u64,
}

/// Downloads a backup, checks, decrypts and decompresses it. The output is what pg_restore reads. With `sealed` it is
/// the object as it is in the bucket.
///
/// # Errors
/// The first fault. No file is left behind then.
pub async fn get(
    catalog: &Catalog,
    record: &Record,
    target: &Target,
    sealed: bool,
    progress: &Progress,
) -> Result<Fetched> {
    let mut output = Output::begin(target)?;
    let archive = open_archive(catalog, record).await?;
    let bytes = if sealed {
        copy_sealed(archive, record, &mut output, progress).await?
    } else {
        let name = archive.name();
        let details = catalog.known_details(record).await?;
        let contents = output.take(archive, progress).await?;
        compare(record, details.as_ref(), &contents, &name)?;
        contents.length
    };
    Ok(Fetched {
        id: record.id.to_string(),
        file: output.end().await?,
        bytes,
    })
}

/// Does the same for a sealed object that was downloaded already, without network and without a record to compare with.
///
/// # Errors
/// The first fault. No file is left behind then.
pub async fn open(file: &Path, secrets: &[Secret], target: &Target, progress: &Progress) -> Result<Fetched> {
    let archive = SealedArchive::open(ObjectSource::file(file.to_owned()).await?, secrets, None).await?;
    let id = archive.header().backup.clone();
    let mut output = Output::begin(target)?;
    let contents = output.take(archive, progress).await?;
    Ok(Fetched {
        id,
        file: output.end().await?,
        bytes: contents.length,
    })
}

/// The keys or passphrases for which a downloaded object was sealed, by its header, which is not authenticated without
/// the key.
///
/// # Errors
/// [`Error::Io`] if it can't be read, [`Error::Seal`] if it is not a sealed object.
pub fn sealed_for(file: &Path) -> Result<String> {
    let mut beginning = Vec::with_capacity(HEADER_LEN_MAX);
    let read =
        std::fs::File::open(file).and_then(|opened| opened.take(HEADER_LEN_MAX as u64).read_to_end(&mut beginning));
    read.map_err(|error| Error::io("read", file, error))?;
    let (header, _) =
        SealedHeader::parse_whole(&beginning).map_err(|error| Error::seal(file.display().to_string(), error))?;
    Ok(header.sealed_for(&[]).join(" and "))
}

async fn copy_sealed(archive: SealedArchive, record: &Record, output: &mut Output, progress: &Progress) -> Result<u64> {
    let (name, bytes) = (archive.name(), archive.sealed_bytes());
    let mut sink = Summed {
        inner: &mut output.writer,
        crc: crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme),
    };
    let copied = archive.copy_into(&mut sink, progress).await;
    let crc64nvme = data_encoding::BASE64.encode(&sink.crc.finalize().to_be_bytes());
    copied.map_err(|error| output.named(error))?;
    let uploaded = record.object().map(|object| &object.crc64nvme);
    if uploaded.is_some_and(|uploaded| *uploaded == crc64nvme.as_str()) {
        return Ok(bytes);
    }
    let uploaded = uploaded.map_or_else(|| "none".to_owned(), ToString::to_string);
    let what = format!("its bytes have checksum {crc64nvme}, uploaded were {uploaded}");
    Err(Error::differs(name, what))
}

/// A sink that computes the checksum of what is written to it.
struct Summed<'a, W> {
    inner: &'a mut W,
    crc: crc_fast::Digest,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Summed<'_, W> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = ready!(Pin::new(&mut *self.inner).poll_write(context, bytes))?;
        self.crc.update(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.inner).poll_shutdown(context)
    }
}

/// A file that is being written, or standard output.
pub(super) struct Output {
    writer: Box<dyn AsyncWrite + Unpin + Send>,
    /// The file, its temporary name, and its final name.
    file: Option<(std::fs::File, tempfile::TempPath, PathBuf)>,
}

impl Output {
    pub(super) fn begin(target: &Target) -> Result<Self> {
        let path = match target {
            Target::File(path) => path,
            Target::Stdout => return Ok(Self::unnamed(tokio::io::stdout())),
            Target::Terminal => return Ok(Self::unnamed(ShownRows::on(tokio::io::stdout()))),
        };
        target.check()?;
        let folder = folder_of(path);
        // readable only by its owner, as it contains the whole database
        let part = tempfile::Builder::new()
            .prefix(".pgcoffer-")
            .suffix(".part")
            .tempfile_in(folder);
        let (file, passing) = part.map_err(|e| Error::io("write", path, e))?.into_parts();
        let same = file.try_clone().map_err(|e| Error::io("write", path, e))?;
        let writer = Box::new(tokio::fs::File::from_std(same));
        Ok(Self {
            writer,
            file: Some((file, passing, path.clone())),
        })
    }

    fn unnamed(writer: impl AsyncWrite + Unpin + Send + 'static) -> Self {
        Self {
            writer: Box::new(writer),
            file: None,
        }
    }

    /// Where the bytes are written.
    pub(super) fn writer(&mut self) -> &mut Box<dyn AsyncWrite + Unpin + Send> {
        &mut self.writer
    }

    /// Writes a complete archive.
    async fn take(&mut self, archive: SealedArchive, progress: &Progress) -> Result<Contents> {
        let read = archive.read_into(&mut self.writer, progress).await;
        read.map_err(|error| self.named(error))
    }

    /// Adds the file's name to an error.
    pub(super) fn named(&self, error: Error) -> Error {
        match error {
            Error::Sink(source) => self.error(source),
            error => error,
        }
    }

    fn error(&self, source: std::io::Error) -> Error {
        match &self.file {
            Some((_, _, path)) => Error::io("write", path, source),
            None if source.kind() == std::io::ErrorKind::BrokenPipe => Error::OutputClosed,
            None => Error::Io {
                doing: "write to standard output".to_owned(),
                source,
            },
        }
    }

    /// Gives the file its final name.
    pub(super) async fn end(mut self) -> Result<Option<PathBuf>> {
        let flushed = self.writer.flush().await;
        flushed.map_err(|e| self.error(e))?;
        let Some((file, passing, path)) = self.file else {
            return Ok(None);
        };
        // only a file that is completely on the disk gets its name
        let synced = joined(tokio::task::spawn_blocking(move || file.sync_all())).await?;
        synced.map_err(|e| Error::io("write", &path, e))?;
        passing
            .persist_noclobber(&path)
            .map_err(|e| Error::io("write", &path, e.error))?;
        Ok(Some(path))
    }
}
