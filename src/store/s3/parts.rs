//! The memory of an upload: a few buffers that are used again and again.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Error, Kind};

/// The buffers of one upload. Taking one waits until one is free, which limits the memory.
pub(super) struct Buffers {
    empty: mpsc::UnboundedReceiver<Vec<u8>>,
    give_back: mpsc::UnboundedSender<Vec<u8>>,
}

impl Buffers {
    pub(super) fn new(count: u32) -> Self {
        let (give_back, empty) = mpsc::unbounded_channel();
        for _ in 0..count.max(1) {
            // the receiver exists, so this can't fail; a missing buffer would only make the pool smaller
            let _ = give_back.send(Vec::new());
        }
        Self { empty, give_back }
    }

    /// The next empty buffer, with a capacity of `bytes`. Waits until an earlier part has returned one.
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

    /// Turns a filled buffer into a body. When its last clone is dropped, the buffer is free again.
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
        // if the upload has ended, the buffer is freed
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
