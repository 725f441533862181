//! How often somebody may try to sign in: a pause that doubles from one failure to the next, for each client, and a
//! short one for all of them together, so that many addresses guess no faster.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{retry::Backoff, web::client_network};

/// Failures without a pause: people mistype.
const FREE: u32 = 3;
/// The pauses of one client.
const OF_CLIENT: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(15 * 60));
/// Failures of all clients together without a pause.
const FREE_OF_ALL: u32 = 30;
/// The pauses of all clients together. Short ones, as an attacker would otherwise lock everybody out.
const OF_ALL: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(4));
/// After this long without a failure everything is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// The most clients that are remembered. Beyond that, the one that has failed longest ago is forgotten.
const CLIENTS_MAX: usize = 1024;

/// The failures to sign in.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    of_clients: HashMap<IpAddr, Failing>,
    of_all: Option<Failing>,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    count: u32,
    last: Instant,
}

impl Attempts {
    /// Counts an attempt as a failure before it is looked at, so that many at once are no more than as many in a row.
    ///
    /// # Errors
    /// The time to wait, if this client may not try yet.
    pub(super) fn begin(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let client = client_network(client);
        let mut failures = self.locked();
        failures.forget(now);
        let own = failures.of_clients.get(&client);
        let wait = own.map_or(Duration::ZERO, |own| own.wait(FREE, OF_CLIENT, now));
        let of_all = failures
            .of_all
            .map_or(Duration::ZERO, |all| all.wait(FREE_OF_ALL, OF_ALL, now));
        let wait = wait.max(of_all);
        if !wait.is_zero() {
            return Err(wait);
        }
        failures.make_room(client);
        Failing::count(failures.of_clients.entry(client).or_insert(Failing::none(now)), now);
        Failing::count(failures.of_all.get_or_insert(Failing::none(now)), now);
        Ok(())
    }

    /// An attempt that was begun has succeeded.
    pub(super) fn succeeded(&self, client: IpAddr) {
        let mut failures = self.locked();
        failures.of_clients.remove(&client_network(client));
        if let Some(all) = &mut failures.of_all {
            all.count = all.count.saturating_sub(1);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    fn forget(&mut self, now: Instant) {
        let is_remembered = |one: &Failing| now.duration_since(one.last) < FORGOTTEN;
        self.of_clients.retain(|_, one| is_remembered(one));
        self.of_all = self.of_all.filter(is_remembered);
    }

    fn make_room(&mut self, client: IpAddr) {
        if self.of_clients.len() < CLIENTS_MAX || self.of_clients.contains_key(&client) {
            return;
        }
        let oldest = self.of_clients.iter().min_by_key(|(_, one)| one.last);
        if let Some(oldest) = oldest.map(|(address, _)| *address) {
            self.of_clients.remove(&oldest);
        }
    }
}

impl Failing {
    fn none(now: Instant) -> Self {
        Self { count: 0, last: now }
    }

    fn count(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        self.last = now;
    }

    /// How long to wait still.
    fn wait(self, free: u32, pauses: Backoff, now: Instant) -> Duration {
        match self.count.checked_sub(free) {
            None => Duration::ZERO,
            Some(beyond) => (self.last + pauses.pause(beyond + 1)).saturating_duration_since(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn each_failure_makes_the_next_pause_longer() {
        let (attempts, mut now) = (Attempts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..14 {
            if let Err(wait) = attempts.begin(address(1), now) {
                pauses.push(wait.as_secs());
                // a moment too early is no attempt, and does not count
                assert!(
                    attempts
                        .begin(address(1), now + wait - Duration::from_millis(1))
                        .is_err()
                );
                now += wait;
                attempts.begin(address(1), now).unwrap();
            }
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        // another client doesn't wait
        attempts.begin(address(2), now).unwrap();
        // and after an hour nobody does
        attempts.begin(address(1), now + FORGOTTEN).unwrap();
    }

    #[test]
    fn many_at_once_are_no_more_than_as_many_in_a_row() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let begun = (0..100).filter(|_| attempts.begin(address(1), now).is_ok()).count();
        assert_eq!(begun, 3);
        attempts.succeeded(address(1));
        attempts.begin(address(1), now).unwrap();
    }

    #[test]
    fn many_addresses_guess_no_faster_and_fill_no_memory() {
        let (attempts, mut now) = (Attempts::default(), Instant::now());
        let begun = (0..5000).filter(|n| attempts.begin(address(*n), now).is_ok()).count();
        assert_eq!(begun, 30);
        let began = now;
        for n in 0..5000 {
            while let Err(wait) = attempts.begin(address(10_000 + n), now) {
                now += wait;
            }
        }
        // some 900 an hour, from however many addresses
        assert!(now.duration_since(began) > Duration::from_secs(4 * 4900));
        assert!(attempts.locked().of_clients.len() <= CLIENTS_MAX);
    }
}
