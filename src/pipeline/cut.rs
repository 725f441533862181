//! An archive cut down to some of its blocks, which pg_restore reads as it reads the whole: header, table of contents,
//! and the wanted blocks in their order.

use std::{ops::Range, slice::from_ref, sync::Arc};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Budget, ChunkIndex, Progress, SealedArchive};
use crate::{
    archive::{ArchiveReader, Contents, EntriesReader, Entry, Layout},
    error::{Error, Result},
};

/// Header and table of contents are kept up to this length, and read again above it.
const BEGINNING_BYTES_MAX: u64 = 32 << 20;
/// The end of the last block that is held back until everything was compared: the length 0 that ends its chunks.
/// Without it pg_restore goes on to nothing, and commits nothing.
const HELD_BACK_BYTES: usize = 5;

/// An archive of which parts can be read.
#[derive(Clone)]
pub struct CutArchive {
    archive: SealedArchive,
    index: ChunkIndex,
    layout: Layout,
    beginning: Beginning,
}

/// Header and table of contents.
#[derive(Clone)]
enum Beginning {
    /// As they stand in the archive.
    Kept(Arc<[u8]>),
    /// Too long to be kept.
    ReadAgain,
}

impl CutArchive {
    /// Reads header and table of contents, which end at `contents_end` of the content, and nothing else. Gives what the
    /// table of contents lists and what it defines.
    ///
    /// # Errors
    /// As [`PartReader::next`](super::PartReader::next); [`Error::Archive`] where it is no archive; [`Error::Differs`]
    /// where the contents end elsewhere.
    pub async fn open(
        archive: SealedArchive,
        index: ChunkIndex,
        contents_end: u64,
    ) -> Result<(Self, Vec<Entry>, Contents)> {
        let contents = 0..contents_end;
        let mut part = archive.part(&index, from_ref(&contents), &Budget::least(), &Progress::default())?;
        let (mut reader, mut entries) = (ArchiveReader::new(), EntriesReader::default());
        let mut kept = Vec::new();
        let mut has_ended = false;
        while let Some(bytes) = part.next().await? {
            reader.push(&bytes).map_err(|e| archive.no_archive(e))?;
            has_ended = entries.push(&bytes).map_err(|e| archive.no_archive(e))?;
            if contents_end <= BEGINNING_BYTES_MAX {
                kept.extend_from_slice(&bytes);
            }
        }
        let layout = entries.layout();
        if !has_ended || layout.contents_end != contents_end {
            let what = "its table of contents ends elsewhere than its details say";
            return Err(Error::differs(archive.name(), what));
        }
        let contents = reader.finish_part().map_err(|e| archive.no_archive(e))?;
        let beginning = match contents_end <= BEGINNING_BYTES_MAX {
            true => Beginning::Kept(kept.into()),
            false => Beginning::ReadAgain,
        };
        let cut = Self {
            archive,
            index,
            layout,
            beginning,
        };
        Ok((cut, entries.into_entries(), contents))
    }

    /// The whole archive.
    #[must_use]
    pub fn archive(&self) -> &SealedArchive {
        &self.archive
    }

    /// How the archive is laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What messages call the object.
    #[must_use]
    pub fn name(&self) -> String {
        self.archive.name()
    }

    /// Length of the sealed object in bytes.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.archive.sealed_bytes()
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.index.content_bytes()
    }

    /// Bytes of the object that these blocks cost, at most.
    ///
    /// # Errors
    /// As [`SealedArchive::part`].
    pub fn cost(&self, blocks: &[Range<u64>]) -> Result<u64> {
        let part = self
            .archive
            .part(&self.index, blocks, &Budget::least(), &Progress::default())?;
        Ok(part.sealed_bytes())
    }

    /// Bytes of the object that header and table of contents cost, which are read before any block, and where they are too
    /// long to be kept again for each of so many readings.
    ///
    /// # Errors
    /// As [`SealedArchive::part`].
    pub fn beginning_cost(&self, readings: usize) -> Result<u64> {
        let contents = 0..self.layout.contents_end;
        let once = self.cost(from_ref(&contents))?;
        Ok(match self.beginning {
            Beginning::Kept(_) => once,
            Beginning::ReadAgain => once * (1 + readings as u64),
        })
    }

    /// Gives header, table of contents and these blocks to `sink`. The last bytes come only after `check` has found
    /// right what was read: until then no reader of the archive can take it for whole. An error before the end means:
    /// what the sink got is true and not all.
    ///
    /// # Errors
    /// As [`SealedArchive::read_into`], and what `check` says.
    pub async fn read_into(
        &self,
        blocks: &[Range<u64>],
        sink: &mut (impl AsyncWrite + Unpin),
        budget: &Budget,
        progress: &Progress,
        check: impl FnOnce(&Contents) -> Result<()>,
    ) -> Result<Contents> {
        let mut to = HoldingBack::new(sink);
        let mut reader = ArchiveReader::new();
        let mut spans = blocks.to_vec();
        match &self.beginning {
            Beginning::ReadAgain => spans.insert(0, 0..self.layout.contents_end),
            Beginning::Kept(bytes) => {
                reader.push(bytes).map_err(|e| self.archive.no_archive(e))?;
                to.write(bytes).await?;
            }
        }
        let mut part = self.archive.part(&self.index, &spans, budget, progress)?;
        while let Some(bytes) = part.next().await? {
            reader.push(&bytes).map_err(|e| self.archive.no_archive(e))?;
            to.write(&bytes).await?;
        }
        let contents = reader.finish_part().map_err(|e| self.archive.no_archive(e))?;
        check(&contents)?;
        to.release().await?;
        Ok(contents)
    }
}

/// A sink that gets everything but the last bytes, and those at the end.
struct HoldingBack<'a, W> {
    sink: &'a mut W,
    held: Vec<u8>,
}

impl<'a, W: AsyncWrite + Unpin> HoldingBack<'a, W> {
    fn new(sink: &'a mut W) -> Self {
        let held = Vec::with_capacity(HELD_BACK_BYTES);
        Self { sink, held }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let kept = bytes.len().min(HELD_BACK_BYTES);
        let (sent, kept) = bytes.split_at(bytes.len() - kept);
        // of what was held before, as much goes out as what is held now replaces
        let out = (self.held.len() + kept.len()).saturating_sub(HELD_BACK_BYTES);
        let before: Vec<u8> = self.held.drain(..out.min(self.held.len())).collect();
        self.held.extend_from_slice(kept);
        self.send(&before).await?;
        self.send(sent).await
    }

    async fn release(mut self) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        self.send(&held).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).await.map_err(Error::Sink)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_bytes_come_at_the_end_whatever_the_cuts() {
        let all: Vec<u8> = (0..50).collect();
        for cut in [1, 2, 3, 4, 5, 6, 7, 49, 50] {
            let mut sink = Vec::new();
            let mut to = HoldingBack::new(&mut sink);
            for piece in all.chunks(cut) {
                to.write(piece).await.unwrap();
            }
            assert_eq!(*to.sink, all[..45], "{cut}");
            to.release().await.unwrap();
            assert_eq!(sink, all, "{cut}");
        }
        let mut sink = Vec::new();
        let mut to = HoldingBack::new(&mut sink);
        to.write(&[1, 2]).await.unwrap();
        to.write(&[]).await.unwrap();
        to.write(&[3]).await.unwrap();
        assert!(to.sink.is_empty());
        to.release().await.unwrap();
        assert_eq!(sink, [1, 2, 3]);
    }
}
