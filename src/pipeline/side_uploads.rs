//! The same object, uploaded to other places while it is made.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::RateLimit;
use crate::{
    error::{Error, Result},
    store::{self, Kind},
};

/// How many groups of frames wait for a place, besides the one that is being written.
const WAITING: usize = 2;
type UploadTask = AbortOnDropHandle<Result<store::Upload>>;

/// Uploads of one object to other places, beside the upload that decides.
///
/// No place fails the others: one with an error, and one that falls behind, is left out from there on. A place may at
/// most double the time that the whole takes. Memory is that of an upload to each place, and three groups of frames.
/// There is no object anywhere before [`SideUploads::complete`]. Dropped, every upload is aborted in the background.
pub struct SideUploads {
    uploads: Vec<SideUpload>,
    began: Instant,
    held_up_max: Duration,
}

enum SideUpload {
    Running {
        queue: mpsc::Sender<Bytes>,
        task: UploadTask,
        /// How long the others have waited for it.
        held_up: Duration,
    },
    Failed(Error),
}

impl SideUploads {
    /// Uploads that have begun, or why they could not; each with the limit of its place. `held_up_max`: how long a place
    /// may hold up the others in any case, also if they take less time themselves.
    pub fn new(uploads: impl IntoIterator<Item = (Result<store::Upload>, RateLimit)>, held_up_max: Duration) -> Self {
        let uploads = uploads.into_iter().map(|(upload, rate)| match upload {
            Ok(upload) => SideUpload::running(upload, rate),
            Err(error) => SideUpload::Failed(error),
        });
        Self {
            uploads: uploads.collect(),
            began: Instant::now(),
            held_up_max,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.uploads.is_empty()
    }

    /// Gives the object's next bytes to every place. Waits for one that is slower, within its limit.
    pub async fn write(&mut self, bytes: &Bytes) {
        let (began, held_up_max) = (self.began, self.held_up_max);
        for upload in &mut self.uploads {
            upload.write(bytes.clone(), began, held_up_max).await;
        }
    }

    /// Completes the uploads. Gives what became of each, in their order.
    pub async fn complete(self) -> Vec<Result<store::Stored>> {
        let completing = self.uploads.into_iter().map(SideUpload::complete);
        futures_util::future::join_all(completing).await
    }
}

impl SideUpload {
    fn running(mut upload: store::Upload, rate: RateLimit) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let task = tokio::spawn(async move {
            while let Some(bytes) = waiting.recv().await {
                rate.take(bytes.len()).await;
                upload.write(&bytes).await?;
            }
            Ok(upload)
        });
        Self::Running {
            queue,
            task: AbortOnDropHandle::new(task),
            held_up: Duration::ZERO,
        }
    }

    async fn write(&mut self, bytes: Bytes, began: Instant, held_up_max: Duration) {
        let Self::Running { queue, task, held_up } = self else {
            return;
        };
        let asked = Instant::now();
        let own = (asked - began).saturating_sub(*held_up);
        let left = own.max(held_up_max).saturating_sub(*held_up);
        let failed = match timeout(left, queue.send(bytes)).await {
            Ok(Ok(())) => {
                *held_up += asked.elapsed();
                return;
            }
            // it has ended, by an error
            Ok(Err(_)) => match ended(task).await {
                Ok(_) => fell_behind(),
                Err(error) => error,
            },
            Err(_) => fell_behind(),
        };
        *self = Self::Failed(failed);
    }

    async fn complete(self) -> Result<store::Stored> {
        match self {
            Self::Failed(error) => Err(error),
            Self::Running { queue, mut task, .. } => {
                drop(queue);
                Ok(ended(&mut task).await?.complete().await?)
            }
        }
    }
}

async fn ended(task: &mut UploadTask) -> Result<store::Upload> {
    task.await.unwrap_or_else(|error| {
        let why = format!("the upload ended by a bug: {error}");
        Err(store::Error::new(Kind::Other, "upload an archive", why).into())
    })
}

fn fell_behind() -> Error {
    let error = store::Error::new(
        Kind::Busy,
        "upload an archive while it is dumped",
        "the place takes it so slowly that the dump would take more than twice as long",
    );
    let cure = "copy it by `pgcoffer copy` on a machine that may read the bucket";
    Error::Store(store::Error {
        cure: Some(cure.to_owned()),
        ..error
    })
}
