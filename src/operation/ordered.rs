use std::collections::VecDeque;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::{Error, Result};

/// Work done on several cores at once, its results given in the order of the requests. What waits is bounded by
/// `width`.
pub(super) struct Ordered<T> {
    under_way: VecDeque<JoinHandle<T>>,
    width: usize,
}

impl<T: Send + 'static> Ordered<T> {
    pub(super) fn new(width: usize) -> Self {
        Self {
            under_way: VecDeque::new(),
            width: width.max(1),
        }
    }

    /// Begins a piece of work; where `width` are under way already, waits for the oldest and gives its result.
    pub(super) async fn push(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Result<Option<T>> {
        let oldest = if self.under_way.len() >= self.width {
            self.next().await?
        } else {
            None
        };
        self.under_way.push_back(spawn_blocking(work));
        Ok(oldest)
    }

    /// The oldest result; `None` once nothing is under way.
    pub(super) async fn next(&mut self) -> Result<Option<T>> {
        match self.under_way.pop_front() {
            Some(handle) => done(handle).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The result of a piece of work, which ends early only by a panic.
pub(super) async fn done<T>(handle: JoinHandle<T>) -> Result<T> {
    handle.await.map_err(Error::from)
}

/// Cores that compress at once at zstd's `level`. One pg_dump gives some 300 MB/s: at the low levels two cores do more
/// than that, at the high ones every core counts, and each takes memory (`docs/performance.md`).
pub(super) fn compress_width(level: i32) -> usize {
    cores().min(if level <= 3 { 2 } else { 8 })
}

/// Cores that seal or open at once: one does more than a pg_dump gives, two keep up with any network, each takes 2 MiB.
pub(super) fn seal_width() -> usize {
    cores().min(2)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn results_come_in_the_order_of_requests() {
        let mut ordered = Ordered::new(3);
        let mut results = Vec::new();
        for n in 0..20_u64 {
            let work = move || {
                std::thread::sleep(Duration::from_millis((n * 7) % 5));
                n
            };
            results.extend(ordered.push(work).await.unwrap());
        }
        while let Some(n) = ordered.next().await.unwrap() {
            results.push(n);
        }
        assert!(results.into_iter().eq(0..20));
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let mut ordered = Ordered::new(1);
        ordered.push(|| panic!("boom")).await.unwrap();
        let result: Result<Option<()>> = ordered.next().await;
        assert!(matches!(result, Err(Error::Internal(_))));
    }
}
