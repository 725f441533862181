//! How often somebody may try to sign in: a pause that doubles from one failure to the next, for each client, and a
//! short one for all of them together, so that many addresses guess no faster. Of IPv6 a /64 is a client, and a /48, which
//! one customer has whole, is one once several of it have failed. A browser from which somebody has signed in before is
//! measured by itself, so that whoever guesses from everywhere doesn't keep its owner out.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{retry::Backoff, web::client_network};

/// The number of a browser from which somebody has signed in before.
pub(super) type Device = [u8; 16];

/// Failures without a pause: people mistype.
const FREE: u32 = 3;
/// The pauses of one client.
const OF_CLIENT: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(15 * 60));
/// Failures of one /48 without a pause.
const FREE_OF_WIDE: u32 = 12;
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
    of_clients: HashMap<Client, Failing>,
    of_all: Option<Failing>,
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    Network(IpAddr),
    /// The /48 of IPv6 networks.
    Wide(IpAddr),
    Device(Device),
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
    pub(super) fn begin(&self, client: IpAddr, device: Option<Device>, now: Instant) -> Result<(), Duration> {
        let mut failures = self.locked();
        failures.forget(now);
        let clients = clients(client, device);
        let own = clients.iter().filter_map(|client| {
            let failing = failures.of_clients.get(client)?;
            Some(failing.wait(client.free(), OF_CLIENT, now))
        });
        let own = own.max().unwrap_or(Duration::ZERO);
        let of_all = match device {
            None => failures.of_all,
            Some(_) => None,
        };
        let of_all = of_all.map_or(Duration::ZERO, |all| all.wait(FREE_OF_ALL, OF_ALL, now));
        let wait = own.max(of_all);
        if !wait.is_zero() {
            return Err(wait);
        }
        for client in clients {
            failures.make_room(client);
            Failing::count(failures.of_clients.entry(client).or_insert(Failing::none(now)), now);
        }
        if device.is_none() {
            Failing::count(failures.of_all.get_or_insert(Failing::none(now)), now);
        }
        Ok(())
    }

    /// An attempt that was begun has succeeded.
    pub(super) fn succeeded(&self, client: IpAddr, device: Option<Device>) {
        let mut failures = self.locked();
        for client in clients(client, device) {
            match client {
                // others of it go on failing
                Client::Wide(_) => {
                    if let Some(wide) = failures.of_clients.get_mut(&client) {
                        wide.count = wide.count.saturating_sub(1);
                    }
                }
                Client::Network(_) | Client::Device(_) => {
                    failures.of_clients.remove(&client);
                }
            }
        }
        if let Some(all) = failures.of_all.as_mut().filter(|_| device.is_none()) {
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

    fn make_room(&mut self, client: Client) {
        if self.of_clients.len() < CLIENTS_MAX || self.of_clients.contains_key(&client) {
            return;
        }
        let oldest = self.of_clients.iter().min_by_key(|(_, one)| one.last);
        if let Some(oldest) = oldest.map(|(address, _)| *address) {
            self.of_clients.remove(&oldest);
        }
    }
}

/// By what an attempt is measured.
fn clients(address: IpAddr, device: Option<Device>) -> Vec<Client> {
    let network = client_network(address);
    let mut clients = vec![Client::Network(network)];
    match device {
        Some(device) => clients.push(Client::Device(device)),
        None => {
            if let IpAddr::V6(network) = network {
                let wide = network.to_bits() >> 80 << 80;
                clients.push(Client::Wide(IpAddr::V6(wide.into())));
            }
        }
    }
    clients
}

impl Client {
    fn free(self) -> u32 {
        match self {
            Self::Network(_) | Self::Device(_) => FREE,
            Self::Wide(_) => FREE_OF_WIDE,
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
            if let Err(wait) = attempts.begin(address(1), None, now) {
                pauses.push(wait.as_secs());
                // a moment too early is no attempt, and does not count
                assert!(
                    attempts
                        .begin(address(1), None, now + wait - Duration::from_millis(1))
                        .is_err()
                );
                now += wait;
                attempts.begin(address(1), None, now).unwrap();
            }
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        // another client doesn't wait
        attempts.begin(address(2), None, now).unwrap();
        // and after an hour nobody does
        attempts.begin(address(1), None, now + FORGOTTEN).unwrap();
    }

    #[test]
    fn a_network_of_many_addresses_is_one_client_and_keeps_nobody_out_who_was_here_before() {
        let (attempts, mut now) = (Attempts::default(), Instant::now());
        let of_attacker = |n: u128| IpAddr::V6(((0x2001_0db8_0000_u128 << 80) | (n << 64) | 1).into());
        let begun = (0..1000)
            .filter(|n| attempts.begin(of_attacker(*n), None, now).is_ok())
            .count();
        assert_eq!(begun, 12);
        // a neighbour is none of them, nor is the owner with IPv4
        let neighbour = IpAddr::V6(((0x2001_0db8_0001_u128 << 80) | 1).into());
        attempts.begin(neighbour, None, now).unwrap();
        // many networks have all others wait, but not a browser that was here before
        for n in 0..100 {
            let _ = attempts.begin(address(n), None, now);
        }
        assert!(attempts.begin(address(500), None, now).is_err());
        let owner = Some([7; 16]);
        attempts.begin(address(500), owner, now).unwrap();
        attempts.succeeded(address(500), owner);
        // with which nobody guesses faster from elsewhere
        let begun = (0..1000)
            .filter(|n| attempts.begin(address(1000 + n), owner, now).is_ok())
            .count();
        assert_eq!(begun, 3);
        now += Duration::from_secs(2);
        attempts.begin(address(4000), owner, now).unwrap();
        assert!(attempts.begin(address(4001), owner, now).is_err());
    }

    #[test]
    fn many_at_once_are_no_more_than_as_many_in_a_row() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let begun = (0..100)
            .filter(|_| attempts.begin(address(1), None, now).is_ok())
            .count();
        assert_eq!(begun, 3);
        attempts.succeeded(address(1), None);
        attempts.begin(address(1), None, now).unwrap();
    }

    #[test]
    fn many_addresses_guess_no_faster_and_fill_no_memory() {
        let (attempts, mut now) = (Attempts::default(), Instant::now());
        let begun = (0..5000)
            .filter(|n| attempts.begin(address(*n), None, now).is_ok())
            .count();
        assert_eq!(begun, 30);
        let began = now;
        for n in 0..5000 {
            while let Err(wait) = attempts.begin(address(10_000 + n), None, now) {
                now += wait;
            }
        }
        // some 900 an hour, from however many addresses
        assert!(now.duration_since(began) > Duration::from_secs(4 * 4900));
        assert!(attempts.locked().of_clients.len() <= CLIENTS_MAX);
    }
}
