use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::text::Untrusted;

/// What a restore does now, beside loading rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreStep {
    /// The kind of object that is made.
    pub kind: StepKind,
    /// Which of its kind it is, from 1 on.
    pub number: usize,
    /// How many of its kind there are.
    pub of: usize,
    /// The object's name.
    pub name: Untrusted,
}

/// A kind of object that may take long when all rows are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// An index.
    Index,
    /// A primary key or another constraint.
    Constraint,
    /// The rows of a materialized view.
    View,
}

/// The progress of an operation, for a display. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    done_bytes: AtomicU64,
    expected_bytes: AtomicU64,
    moved_bytes: AtomicU64,
    /// Whether everything that was to be read was read.
    all_read: AtomicBool,
    step: Mutex<Option<RestoreStep>>,
    /// Shared with the operations beside it. It only ever rises.
    motion: Arc<AtomicU64>,
}

impl Progress {
    /// The bytes of pg_dump's archive so far, or of the sealed object if that is read.
    #[must_use]
    pub fn done_bytes(&self) -> u64 {
        self.0.done_bytes.load(Ordering::Relaxed)
    }

    /// The estimated final value of `done_bytes`; 0 while there is no estimate.
    #[must_use]
    pub fn expected_bytes(&self) -> u64 {
        self.0.expected_bytes.load(Ordering::Relaxed)
    }

    /// The bytes that were sent to the bucket or read from it.
    #[must_use]
    pub fn moved_bytes(&self) -> u64 {
        self.0.moved_bytes.load(Ordering::Relaxed)
    }

    /// Whether everything was read that was to be read, and something else goes on.
    #[must_use]
    pub fn is_all_read(&self) -> bool {
        self.0.all_read.load(Ordering::Relaxed)
    }

    /// What a restore does now, beside loading rows; none before the first such step.
    #[must_use]
    pub fn step(&self) -> Option<RestoreStep> {
        self.0.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A number that rises with the progress of this operation and of those beside it. If it stands still, so does the
    /// work.
    #[must_use]
    pub fn motion(&self) -> u64 {
        self.0.motion.load(Ordering::Relaxed)
    }

    /// A separate progress for one of several operations at once, which shares only `motion`.
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
        self.0.all_read.store(false, Ordering::Relaxed);
        *self.0.step.lock().unwrap_or_else(PoisonError::into_inner) = None;
        for counter in [&self.0.done_bytes, &self.0.expected_bytes, &self.0.moved_bytes] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.0.expected_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_all_read(&self) {
        self.0.all_read.store(true, Ordering::Relaxed);
        self.moves();
    }

    pub(crate) fn set_step(&self, step: RestoreStep) {
        *self.0.step.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
        self.moves();
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
