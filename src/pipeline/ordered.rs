use std::collections::VecDeque;

use tokio::task::{JoinHandle, spawn_blocking};

use super::budget::{Slot, Slots};
use crate::error::{Error, Result};

/// Runs work on several cores and returns the results in the order of the requests. The slots limit how much is in
/// progress.
pub(super) struct Ordered<T> {
    under_way: VecDeque<(JoinHandle<T>, Slot)>,
    slots: Slots,
}

impl<T: Send + 'static> Ordered<T> {
    pub(super) fn new(slots: Slots) -> Self {
        Self {
            under_way: VecDeque::new(),
            slots,
        }
    }

    /// Begins a piece of work. If no slot is free, waits for the oldest one and returns its result.
    pub(super) async fn push(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Result<Option<T>> {
        let (oldest, slot) = match self.slots.try_take() {
            Some(slot) => (None, slot),
            None => self.oldest().await?,
        };
        self.under_way.push_back((spawn_blocking(work), slot));
        Ok(oldest)
    }

    async fn oldest(&mut self) -> Result<(Option<T>, Slot)> {
        let none = || Error::Internal("a stream without work has no slot".to_owned());
        let (handle, slot) = self.under_way.pop_front().ok_or_else(none)?;
        Ok((Some(joined(handle).await?), slot))
    }

    /// The oldest result. `None` once nothing is in progress.
    pub(super) async fn next(&mut self) -> Result<Option<T>> {
        match self.under_way.pop_front() {
            Some((handle, _slot)) => joined(handle).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The result of a piece of work. It fails only if the work panicked.
pub(crate) async fn joined<T>(handle: JoinHandle<T>) -> Result<T> {
    handle.await.map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pipeline::Budget;

    #[tokio::test]
    async fn results_come_in_the_order_of_requests() {
        for budget in [Budget::new(Some(1)), Budget::least()] {
            let mut ordered = Ordered::new(budget.groups());
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
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let mut ordered = Ordered::new(Budget::least().groups());
        ordered.push(|| panic!("boom")).await.unwrap();
        let result: Result<Option<()>> = ordered.next().await;
        assert!(matches!(result, Err(Error::Internal(_))));
    }
}
