//! The road back, joined: an archive is read whole, read as far as its table of contents, or copied as it is.

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Budget, Progress, SealedArchive};
use crate::{
    archive::{self, ArchiveReader, Contents, EntriesReader, Entry, Layout},
    error::{Error, Result},
};

impl SealedArchive {
    /// Gives all of the content to `sink`, and says what the archive held. An error before the end means: what the sink
    /// got is true and not all.
    ///
    /// # Errors
    /// The first error of any half: as [`ContentReader::next`](super::ContentReader::next), [`Error::Archive`] where
    /// the content isn't a whole archive, [`Error::Sink`] of the sink.
    pub async fn read_into(&self, sink: &mut (impl AsyncWrite + Unpin), progress: &Progress) -> Result<Contents> {
        progress.expect(self.sealed_bytes());
        let mut content = self.content(0..self.payload_bytes(), &Budget::new(None), progress)?;
        let mut reader = ArchiveReader::new();
        while let Some(bytes) = content.next().await? {
            reader.push(bytes).map_err(|e| self.no_archive(e))?;
            sink.write_all(bytes).await.map_err(Error::Sink)?;
        }
        reader.finish().map_err(|e| self.no_archive(e))
    }

    /// The entries of its table of contents, and how it is laid out. Reads no more than its beginning.
    ///
    /// # Errors
    /// As [`SealedArchive::read_into`].
    pub async fn entries(&self) -> Result<(Vec<Entry>, Layout)> {
        let mut content = self.content(0..self.payload_bytes(), &Budget::least(), &Progress::default())?;
        // what is checked is what a restore checks, so that both give the same reason
        let (mut reader, mut entries) = (ArchiveReader::new(), EntriesReader::default());
        while let Some(bytes) = content.next().await? {
            reader.push(bytes).map_err(|e| self.no_archive(e))?;
            if entries.push(bytes).map_err(|e| self.no_archive(e))? {
                let layout = entries.layout();
                return Ok((entries.into_entries(), layout));
            }
        }
        reader.finish().map_err(|e| self.no_archive(e))?;
        Ok((Vec::new(), Layout::default()))
    }

    /// Gives the sealed object to `sink` as it is, each frame's MAC checked.
    ///
    /// # Errors
    /// As [`FrameReader::next`](super::FrameReader::next), and [`Error::Sink`] of the sink.
    pub async fn copy_into(&self, sink: &mut (impl AsyncWrite + Unpin), progress: &Progress) -> Result<()> {
        progress.expect(self.sealed_bytes());
        let mut frames = self.sealed_frames(&Budget::new(None), progress);
        sink.write_all(self.header_bytes()).await.map_err(Error::Sink)?;
        progress.add_done(self.header_bytes().len());
        while let Some(sealed) = frames.next().await? {
            sink.write_all(&sealed).await.map_err(Error::Sink)?;
            frames.recycle(sealed);
        }
        Ok(())
    }

    pub(super) fn no_archive(&self, source: archive::Error) -> Error {
        Error::Archive {
            object: self.name(),
            source,
        }
    }
}
