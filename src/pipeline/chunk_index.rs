//! Where in a payload the chunks of its content lie.

use std::ops::Range;

use crate::seal::PayloadCompression;

/// Chunks whose lengths are summed up beforehand.
const STRIDE: usize = 512;

/// Where in a payload each chunk of the content lies.
#[derive(Debug, Clone)]
pub struct ChunkIndex {
    lengths: Lengths,
    /// Bytes of content in each chunk; the last one holds the rest.
    chunk_bytes: u64,
    content_bytes: u64,
}

#[derive(Debug, Clone)]
enum Lengths {
    /// The payload is the content.
    Same,
    /// The length of each chunk in the payload, and where each [`STRIDE`]th one begins.
    Compressed { lengths: Vec<u32>, begins: Vec<u64> },
}

/// A range of whole chunks: what they hold, and where they lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    pub(super) content: Range<u64>,
    pub(super) payload: Range<u64>,
}

impl ChunkIndex {
    /// The index of a payload of so many bytes, from the compressed length of each chunk. None if the lengths can't be
    /// those of this payload.
    #[must_use]
    pub fn new(
        compression: PayloadCompression,
        lengths: Vec<u32>,
        chunk_bytes: u64,
        content_bytes: u64,
        payload_bytes: u64,
    ) -> Option<Self> {
        let lengths = match compression {
            PayloadCompression::None if content_bytes == payload_bytes => Lengths::Same,
            PayloadCompression::None => return None,
            PayloadCompression::Zstd => {
                let chunks = content_bytes.checked_add(chunk_bytes.checked_sub(1)?)? / chunk_bytes;
                let mut begins = Vec::with_capacity(lengths.len() / STRIDE + 1);
                let mut sum = 0_u64;
                for (at, length) in lengths.iter().enumerate() {
                    if at % STRIDE == 0 {
                        begins.push(sum);
                    }
                    sum = sum.checked_add(u64::from(*length))?;
                }
                if lengths.len() as u64 != chunks || sum != payload_bytes {
                    return None;
                }
                Lengths::Compressed { lengths, begins }
            }
        };
        Some(Self {
            lengths,
            chunk_bytes,
            content_bytes,
        })
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// The chunks that hold these bytes of the content, which end where it ends or before.
    pub(super) fn chunks_of(&self, content: &Range<u64>) -> Chunks {
        let Lengths::Compressed { lengths, begins } = &self.lengths else {
            let (content, payload) = (content.clone(), content.clone());
            return Chunks { content, payload };
        };
        let (first, end) = (content.start / self.chunk_bytes, content.end.div_ceil(self.chunk_bytes));
        let begin = |chunk: u64| {
            let chunk = usize::try_from(chunk).unwrap_or(usize::MAX).min(lengths.len());
            let known = (chunk / STRIDE).min(begins.len().saturating_sub(1));
            let behind = &lengths[(known * STRIDE).min(chunk)..chunk];
            let before = begins.get(known).copied().unwrap_or(0);
            before + behind.iter().copied().map(u64::from).sum::<u64>()
        };
        Chunks {
            content: first * self.chunk_bytes..(end * self.chunk_bytes).min(self.content_bytes),
            payload: begin(first)..begin(end),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_held_by_the_chunks_around_it() {
        let lengths: Vec<u32> = (1..=2000).collect();
        let payload_bytes: u64 = lengths.iter().copied().map(u64::from).sum();
        let index = ChunkIndex::new(PayloadCompression::Zstd, lengths.clone(), 100, 199_950, payload_bytes).unwrap();
        let begin = |chunk: usize| lengths[..chunk].iter().copied().map(u64::from).sum::<u64>();
        for (range, first, end) in [
            (0..1, 0, 1),
            (0..100, 0, 1),
            (99..101, 0, 2),
            (51_200..51_300, 512, 513),
            (51_199..153_601, 511, 1537),
            (199_949..199_950, 1999, 2000),
            (0..199_950, 0, 2000),
        ] {
            let found = index.chunks_of(&range);
            let content_end = (end as u64 * 100).min(199_950);
            assert_eq!(found.content, first as u64 * 100..content_end, "{range:?}");
            assert_eq!(found.payload, begin(first)..begin(end), "{range:?}");
        }
    }

    #[test]
    fn what_is_not_compressed_lies_where_it_lies() {
        let index = ChunkIndex::new(PayloadCompression::None, Vec::new(), 0, 1000, 1000).unwrap();
        assert_eq!(index.chunks_of(&(17..900)).payload, 17..900);
        assert!(ChunkIndex::new(PayloadCompression::None, Vec::new(), 0, 1000, 999).is_none());
    }

    #[test]
    fn lengths_of_another_payload_are_no_index() {
        let zstd = |lengths: &[u32], chunk, content, payload| {
            ChunkIndex::new(PayloadCompression::Zstd, lengths.to_vec(), chunk, content, payload).is_some()
        };
        assert!(zstd(&[5, 6], 100, 150, 11));
        assert!(!zstd(&[5, 6], 100, 150, 12));
        assert!(!zstd(&[5, 6], 100, 250, 11));
        assert!(!zstd(&[], 100, 250, 11));
        assert!(!zstd(&[5, 6], 0, 150, 11));
        assert!(!zstd(&[5, 6], 100, u64::MAX, 11));
    }
}
