use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How far an operation has come, to be watched from elsewhere. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    done_bytes: AtomicU64,
    expected_bytes: AtomicU64,
    moved_bytes: AtomicU64,
    /// Of this one and of those beside it: it only ever rises.
    motion: Arc<AtomicU64>,
}

impl Progress {
    /// Bytes of pg_dump's archive (or of the sealed object, where that is what is read) so far.
    #[must_use]
    pub fn done_bytes(&self) -> u64 {
        self.0.done_bytes.load(Ordering::Relaxed)
    }

    /// What `done_bytes` may come to; an estimate, 0 while there is none.
    #[must_use]
    pub fn expected_bytes(&self) -> u64 {
        self.0.expected_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that went to the bucket or came from it.
    #[must_use]
    pub fn moved_bytes(&self) -> u64 {
        self.0.moved_bytes.load(Ordering::Relaxed)
    }

    /// A number that rises whenever this one, or one beside it, comes further: where it stands still, so does the work.
    #[must_use]
    pub fn motion(&self) -> u64 {
        self.0.motion.load(Ordering::Relaxed)
    }

    /// One of its own for one of several at once, which shares only the motion.
    pub(crate) fn beside(&self) -> Self {
        Self(Arc::new(Counters {
            motion: Arc::clone(&self.0.motion),
            ..Counters::default()
        }))
    }

    fn moves(&self) {
        self.0.motion.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins anew, for the next of several.
    pub(crate) fn begin(&self) {
        self.moves();
        for counter in [&self.0.done_bytes, &self.0.expected_bytes, &self.0.moved_bytes] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.0.expected_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, bytes: usize) {
        self.0.done_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moves();
    }

    pub(crate) fn set_moved(&self, bytes: u64) {
        if self.0.moved_bytes.swap(bytes, Ordering::Relaxed) != bytes {
            self.moves();
        }
    }
}
