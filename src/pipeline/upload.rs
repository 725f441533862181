//! The road out, joined: a dump's chunks are sealed and uploaded as one object.

use bytes::Bytes;

use super::{Budget, DumpChunks, DumpRead, Progress, Sealing, SideUploads};
use crate::{error::Result, seal::Sealer, store};

/// One sealed object on its way into the bucket.
///
/// There is no object before [`ArchiveUpload::complete`]. Dropped, the upload is aborted in the background, which
/// [`Store::settle`](store::Store::settle) waits for.
pub struct ArchiveUpload {
    sealing: Sealing,
    upload: store::Upload,
    beside: SideUploads,
    progress: Progress,
}

impl ArchiveUpload {
    /// Begins with the header that belongs to this sealer. What is sent goes `beside` as well.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn begin(
        sealer: Sealer,
        header: &[u8],
        mut upload: store::Upload,
        mut beside: SideUploads,
        budget: &Budget,
        progress: &Progress,
    ) -> Result<Self> {
        upload.write(header).await?;
        beside.write(&Bytes::copy_from_slice(header)).await;
        Ok(Self {
            sealing: Sealing::new(sealer, budget),
            upload,
            beside,
            progress: progress.clone(),
        })
    }

    /// Sends all of a dump up to its end, without the last frame: whether this end is a good one is for the caller to
    /// find out.
    ///
    /// # Errors
    /// The first error of any half. Nothing more can be sent then.
    pub async fn send(&mut self, mut chunks: DumpChunks) -> Result<DumpRead> {
        while let Some(chunk) = chunks.next().await? {
            let mut bytes = chunk.as_slice();
            while let Some(sealed) = self.sealing.push(&mut bytes).await? {
                self.write(sealed).await?;
            }
            chunks.recycle(chunk);
        }
        chunks.finish().await
    }

    async fn write(&mut self, sealed: Vec<u8>) -> Result<()> {
        self.upload.write(&sealed).await?;
        if self.beside.is_empty() {
            self.sealing.recycle(sealed);
        } else {
            self.beside.write(&Bytes::from(sealed)).await;
        }
        self.progress.set_moved(self.upload.sent_bytes());
        Ok(())
    }

    /// Seals the last frame and completes the upload. Only for a dump that is known to be whole. The uploads beside it
    /// have the last frame as well then, and are still to be completed.
    ///
    /// # Errors
    /// [`Error::Seal`](crate::Error::Seal), or any error of the bucket; the upload is then aborted.
    pub async fn complete(mut self) -> Result<(store::Stored, SideUploads)> {
        while let Some(sealed) = self.sealing.rest().await? {
            self.write(sealed).await?;
        }
        let last = self.sealing.finish().await?;
        self.upload.write(&last).await?;
        let stored = self.upload.complete().await?;
        self.progress.set_moved(stored.bytes);
        if !self.beside.is_empty() {
            self.beside.write(&Bytes::from(last)).await;
        }
        Ok((stored, self.beside))
    }
}
