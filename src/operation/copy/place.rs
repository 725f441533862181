//! A place that copies are brought to, and how fast.

use std::{
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    backup::{BackupId, PlaceName, Retention},
    catalog::{Catalog, CatalogEntry},
};

/// A place that holds copies of the backups: the catalog of its own, and what its settings say. Cheap to clone.
#[derive(Clone)]
pub struct CopyPlace {
    /// Its name.
    pub name: PlaceName,
    /// What is there.
    pub catalog: Catalog,
    /// How long a backup is kept there, in the place of its own retention.
    pub retention: Option<Retention>,
    /// How fast bytes are sent to it and read from it.
    pub rate: RateLimit,
}

/// The most bytes in a second, over everything that shares this limit.
#[derive(Clone, Default)]
pub struct RateLimit(Option<Arc<Limited>>);

struct Limited {
    bytes_per_second: NonZeroU64,
    /// When the bytes that were let through so far will have taken their time.
    free_at: Mutex<Option<Instant>>,
}

impl CopyPlace {
    /// How long a backup is kept there, and when that runs out, where at a fixed moment. What people decided about this
    /// one backup lengthens the retention of a place and never shortens it.
    pub(super) fn kept(&self, one: &CatalogEntry) -> (Retention, Option<Timestamp>) {
        one.kept_in(self.retention)
    }

    /// Whether a good backup belongs there: one whose retention there has run out does only if it is held, or the newest
    /// one there is.
    pub(super) fn wants(&self, one: &CatalogEntry, newest: Option<&BackupId>, now: Timestamp) -> bool {
        let has_run_out = self.kept(one).1.is_some_and(|end| end <= now);
        !has_run_out || one.hold().is_some() || newest == Some(&one.record.id)
    }
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
