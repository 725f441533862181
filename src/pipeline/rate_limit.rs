//! How fast bytes may pass.

use std::{
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The most bytes in a second, over everything that shares this limit.
#[derive(Clone, Default)]
pub struct RateLimit(Option<Arc<Limited>>);

struct Limited {
    bytes_per_second: NonZeroU64,
    /// When the bytes that were let through so far will have taken their time.
    free_at: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// So many bytes in a second; none for no limit.
    #[must_use]
    pub fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        Self(bytes_per_second.map(|bytes_per_second| {
            Arc::new(Limited {
                bytes_per_second,
                free_at: Mutex::default(),
            })
        }))
    }

    /// Waits until so many bytes may pass. Safe to cancel: the bytes then count as passed.
    pub async fn take(&self, bytes: usize) {
        let Some(limited) = &self.0 else {
            return;
        };
        let seconds = bytes as f64 / limited.bytes_per_second.get() as f64;
        let begin = {
            let mut free_at = limited.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = free_at.unwrap_or_else(Instant::now).max(Instant::now());
            *free_at = Some(begin + Duration::from_secs_f64(seconds));
            begin
        };
        tokio::time::sleep_until(begin).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_take_the_time_that_the_limit_says() {
        let limit = RateLimit::new(NonZeroU64::new(10_000));
        let began = Instant::now();
        for _ in 0..5 {
            limit.clone().take(500).await;
        }
        // the last ones are let through when those before them have taken their time
        let took = began.elapsed().as_millis();
        assert!((200..2000).contains(&took), "{took} ms");
        RateLimit::default().take(1 << 40).await;
        assert!(began.elapsed().as_secs() < 60);
    }
}
