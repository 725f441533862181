//! Limits how much the streams of one command have in progress.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number of ranges of one object that are requested at once: with 4 MiB each, they take 16 MiB.
const RANGES: usize = 4;

/// Limits how much the streams of one command have in progress. Clones share the limit.
///
/// Every stream may have one chunk, one group of frames and one range in progress, and more while shared slots are
/// free. So no stream ever waits for another one. The memory of n streams is bounded: that of one stream, and for each
/// further one a chunk being read and one being compressed (1.5 MiB), a group being filled and one being sealed (4
/// MiB), and the memory of its own upload ([`PartPlan::buffers`](crate::store::PartPlan)).
#[derive(Clone)]
pub struct Budget {
    chunks: Arc<Semaphore>,
    groups: Arc<Semaphore>,
    ranges: Arc<Semaphore>,
    buffers: BufferPool,
}

impl Budget {
    /// Enough to keep one pg_dump or one download busy at this compression level; `None` for no compression.
    #[must_use]
    pub fn new(level: Option<i32>) -> Self {
        // one is read and one is waiting, in addition to those that are being compressed
        Self::of(compress_width(level.unwrap_or(0)) + 2, seal_width(), RANGES)
    }

    /// One of each, for a reader that may soon have read enough.
    #[must_use]
    pub fn least() -> Self {
        Self::of(1, 1, 1)
    }

    fn of(chunks: usize, groups: usize, ranges: usize) -> Self {
        let beside_the_first = |count: usize| Arc::new(Semaphore::new(count.saturating_sub(1)));
        Self {
            chunks: beside_the_first(chunks),
            groups: beside_the_first(groups),
            ranges: beside_the_first(ranges),
            buffers: BufferPool::default(),
        }
    }

    /// One stream's slots for chunks between pg_dump and the frames.
    pub(super) fn chunks(&self) -> Slots {
        Slots::new(&self.chunks)
    }

    /// One stream's slots for groups of frames that are being sealed or opened.
    pub(super) fn groups(&self) -> Slots {
        Slots::new(&self.groups)
    }

    /// One stream's slots for ranges that are being fetched.
    pub(super) fn ranges(&self) -> Slots {
        Slots::new(&self.ranges)
    }

    /// The buffers of chunks.
    pub(super) fn buffers(&self) -> BufferPool {
        self.buffers.clone()
    }
}

/// The number of cores that compress at zstd's `level`. One pg_dump produces some 300 MB/s. At low levels two cores
/// compress more than that, at high levels every core is needed, and each takes memory (`docs/performance.md`).
fn compress_width(level: i32) -> usize {
    cores().min(if level <= 3 { 2 } else { 8 })
}

/// The number of cores that seal or open: one is faster than a pg_dump, two are as fast as any network, and each takes
/// 2 MiB.
fn seal_width() -> usize {
    cores().min(2)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The slots of one stream: its own one, and those that it shares with the others.
pub(super) struct Slots {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

/// The permit for one thing in progress. Returned when it is dropped.
pub(super) struct Slot {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    fn new(shared: &Arc<Semaphore>) -> Self {
        Self {
            own: Arc::new(Semaphore::new(1)),
            shared: Arc::clone(shared),
        }
    }

    /// The next free slot. There is one at the latest when this stream's own one is free again.
    pub(super) async fn take(&self) -> Slot {
        // the semaphores are never closed
        let permit = tokio::select! {
            biased;
            permit = Arc::clone(&self.own).acquire_owned() => permit,
            permit = Arc::clone(&self.shared).acquire_owned() => permit,
        };
        Slot { _permit: permit.ok() }
    }

    /// A slot that is free now. `None` means that this stream has at least one thing in progress.
    pub(super) fn try_take(&self) -> Option<Slot> {
        let own = Arc::clone(&self.own).try_acquire_owned();
        let permit = own.or_else(|_| Arc::clone(&self.shared).try_acquire_owned());
        permit.ok().map(|permit| Slot { _permit: Some(permit) })
    }
}

/// Empty buffers for reuse, so that steady work allocates nothing.
#[derive(Clone, Default)]
pub(super) struct BufferPool(Arc<Mutex<Vec<Vec<u8>>>>);

impl BufferPool {
    pub(super) fn take(&self) -> Vec<u8> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pool.pop().unwrap_or_default()
    }

    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_stream_has_one_slot_of_its_own_and_all_together_no_more_than_the_budget() {
        let budget = Budget::of(1, 3, 1);
        let streams: Vec<Slots> = (0..4).map(|_| budget.groups()).collect();
        let mut greedy: Vec<Slot> = std::iter::from_fn(|| streams[0].try_take()).collect();
        assert_eq!(greedy.len(), 3);
        let others: Vec<Slot> = streams[1..].iter().filter_map(Slots::try_take).collect();
        assert_eq!(others.len(), 3);
        assert!(streams.iter().all(|slots| slots.try_take().is_none()));
        // a returned shared slot is free for any stream, an own slot only for its stream
        drop(greedy.pop());
        let slot = streams[2].take().await;
        greedy.clear();
        drop(slot);
        let free: usize = streams[1..]
            .iter()
            .map(|slots| usize::from(slots.try_take().is_some()))
            .sum();
        assert_eq!(free, 3);
    }
}
