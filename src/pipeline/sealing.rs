//! Bytes become sealed frames, several groups of them on several cores.

use super::{
    Budget,
    ordered::{Ordered, joined},
};
use crate::{
    error::{Error, Result},
    seal::{self, Sealer},
};

/// Seals a stream of bytes. The caller's loop is that of [`Sealer`]: push until nothing comes back, then take the rest,
/// then the last frame.
///
/// Dropped, it seals nothing more; groups that are being sealed at that moment are thrown away.
pub struct Sealing {
    sealer: Sealer,
    groups: Ordered<std::result::Result<Vec<u8>, seal::Error>>,
}

impl Sealing {
    /// Seals with this sealer, as far as the budget allows on several cores at once.
    #[must_use]
    pub fn new(sealer: Sealer, budget: &Budget) -> Self {
        Self {
            sealer,
            groups: Ordered::new(budget.groups()),
        }
    }

    /// Takes from the front of `bytes`: all of it, giving `None`, or less, giving the oldest group of sealed frames, in
    /// their order.
    ///
    /// # Errors
    /// [`Error::Seal`] where the system gives no random bytes.
    pub async fn push(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>> {
        while let Some(group) = self.sealer.push(bytes) {
            if let Some(sealed) = self.groups.push(move || group.seal()).await? {
                return sealed.map(Some).map_err(|e| Error::seal("a frame", e));
            }
        }
        Ok(None)
    }

    /// Takes back a buffer that is no longer needed.
    pub fn recycle(&mut self, sealed: Vec<u8>) {
        self.sealer.recycle(sealed);
    }

    /// The oldest group under way; none once there is none. The last frame is not among them.
    ///
    /// # Errors
    /// As [`Sealing::push`].
    pub async fn rest(&mut self) -> Result<Option<Vec<u8>>> {
        let sealed = self.groups.next().await?.transpose();
        sealed.map_err(|e| Error::seal("a frame", e))
    }

    /// The last frames, which make the object whole: only for bytes that are known to be all.
    ///
    /// # Errors
    /// As [`Sealing::push`].
    pub async fn finish(self) -> Result<Vec<u8>> {
        let last = self.sealer.finish();
        let sealed = joined(tokio::task::spawn_blocking(move || last.seal())).await?;
        sealed.map_err(|e| Error::seal("the last frame", e))
    }
}
