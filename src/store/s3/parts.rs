//! The memory of an upload: a few buffers that go round.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Error, Kind};

/// The buffers of one upload: as many as may be in memory at once. To take one is to wait for a permit.
pub(super) struct Buffers {
    empty: mpsc::UnboundedReceiver<Vec<u8>>,
    give_back: mpsc::UnboundedSender<Vec<u8>>,
}

impl Buffers {
    pub(super) fn new(count: u32) -> Self {
        let (give_back, empty) = mpsc::unbounded_channel();
        for _ in 0..count.max(1) {
            // the receiver stands beside us: this can't fail, and a missing buffer would only be a smaller pool
            let _ = give_back.send(Vec::new());
        }
        Self { empty, give_back }
    }

    /// The next empty buffer, with room for `bytes`, once an earlier part is done with one.
    pub(super) async fn take(&mut self, bytes: u64) -> Result<Vec<u8>, Error> {
        let mut buffer = self
            .empty
            .recv()
            .await
            .ok_or_else(|| Error::new(Kind::Other, "fill a part", "no buffer is left"))?;
        buffer.reserve_exact(
            usize::try_from(bytes)
                .unwrap_or(usize::MAX)
                .saturating_sub(buffer.len()),
        );
        Ok(buffer)
    }

    /// Makes a filled buffer into a body; when the last clone of it is gone, the buffer is empty again.
    pub(super) fn body(&self, filled: Vec<u8>) -> Bytes {
        Bytes::from_owner(Body {
            filled,
            give_back: self.give_back.clone(),
        })
    }
}

struct Body {
    filled: Vec<u8>,
    give_back: mpsc::UnboundedSender<Vec<u8>>,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.filled
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.filled);
        buffer.clear();
        // the upload may be over: then the buffer is simply freed
        let _ = self.give_back.send(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_gives_its_buffer_back_when_its_last_clone_is_gone() {
        let mut buffers = Buffers::new(1);
        let mut buffer = buffers.take(10).await.unwrap();
        buffer.extend_from_slice(b"part");
        let at = buffer.as_ptr();
        let body = buffers.body(buffer);
        let clone = body.clone();
        drop(body);
        assert!(buffers.empty.try_recv().is_err());
        drop(clone);
        let again = buffers.take(10).await.unwrap();
        assert!(again.is_empty() && again.as_ptr() == at);
    }
}
