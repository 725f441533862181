//! Pauses between attempts, in one place: after each failure in a row twice as long as before, up to a limit.
//!
//! Whoever waits also decides what counts as a failure and when to give up: rules ask for a moment and sleep never,
//! a run of requests has a budget of attempts, a message has a total time. So this is no loop, only the arithmetic that
//! all of them share.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

/// Pauses that double from one failure to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// After failed runs of a database, whoever makes the next one: five minutes, and six hours at most.
    pub const OF_RUNS: Self = Self::new(Duration::from_secs(5 * 60), Duration::from_secs(6 * 3600));

    /// After requests to a place for backups: one second, and half a minute at most.
    pub const OF_REQUESTS: Self = Self::new(Duration::from_secs(1), Duration::from_secs(30));

    /// Pauses from `first` to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after this many failures in a row, counted from 1.
    #[must_use]
    pub fn pause(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// The same shortened by up to a quarter at random, so that agents which failed at once don't come back at once.
    #[must_use]
    pub fn jittered(self, failures: u32) -> Duration {
        let random = RandomState::new().build_hasher().finish() % 256;
        let share = 1024 - u32::try_from(random).unwrap_or(0);
        self.pause(failures).mul_f64(f64::from(share) / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let minutes = |failures| Backoff::OF_RUNS.pause(failures).as_secs() / 60;
        let pauses: Vec<u64> = (1..10).map(minutes).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 360, 360]);
        // where nothing has failed, as after the first failure
        assert_eq!(minutes(0), 5);
        assert_eq!(minutes(u32::MAX), 360);
        let endless = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!(endless.pause(40), Duration::MAX);
    }

    #[test]
    fn jitter_takes_a_quarter_at_most() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for failures in 1..200 {
            let (whole, taken) = (backoff.pause(failures), backoff.jittered(failures));
            assert!(taken <= whole && taken >= whole * 3 / 4, "{failures}: {taken:?}");
        }
    }
}
