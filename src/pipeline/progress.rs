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
    tables_done: AtomicU64,
    tables_expected: AtomicU64,
    /// Shared with the operations beside it. It only ever rises.
    motion: Arc<AtomicU64>,
    /// What counts the bytes of this one as well, if this is a part.
    whole: Option<Arc<Self>>,
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

    /// Of how many tables the rows are loaded, and how many there are; none where tables are not counted.
    #[must_use]
    pub fn tables(&self) -> Option<(u64, u64)> {
        let expected = self.0.tables_expected.load(Ordering::Relaxed);
        (expected > 0).then(|| (self.0.tables_done.load(Ordering::Relaxed), expected))
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

    /// A progress for one of several parts: its bytes count in this one too, and its estimate doesn't.
    pub(crate) fn part(&self) -> Self {
        Self(Arc::new(Counters {
            motion: Arc::clone(&self.0.motion),
            whole: Some(Arc::clone(&self.0)),
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
        let counters = &self.0;
        for counter in [
            &counters.done_bytes,
            &counters.expected_bytes,
            &counters.moved_bytes,
            &counters.tables_done,
            &counters.tables_expected,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.0.expected_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn expect_tables(&self, tables: usize) {
        self.0.tables_expected.store(tables as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_tables(&self, tables: usize) {
        self.0.tables_done.fetch_add(tables as u64, Ordering::Relaxed);
        self.moves();
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
        for counters in [Some(&self.0), self.0.whole.as_ref()].into_iter().flatten() {
            counters.done_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        self.moves();
    }

    pub(crate) fn set_moved(&self, bytes: u64) {
        let before = self.0.moved_bytes.swap(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.0.whole {
            whole
                .moved_bytes
                .fetch_add(bytes.saturating_sub(before), Ordering::Relaxed);
        }
        if before != bytes {
            self.moves();
        }
    }
}
