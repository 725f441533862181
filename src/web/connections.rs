//! The connections that are being answered. There is always room for one more.
//!
//! A probe must be answered at once, whoever else keeps connections open: a platform restarts what doesn't answer, and
//! a restart gives up the backup under way. So nobody waits for a place. Where all places are taken, the client with
//! the most connections loses its oldest one. A client that has one connection keeps it as long as any other client has
//! two.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::client_network;

/// The connections under way. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    open: Arc<Mutex<Open>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// The connections, by the order in which they came.
    connections: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    client: IpAddr,
    evicted: CancellationToken,
}

/// A connection's place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPlace {
    open: Arc<Mutex<Open>>,
    number: u64,
    evicted: CancellationToken,
}

impl Connections {
    /// No connection yet, and never more than `most` of them.
    pub(super) fn new(most: usize) -> Self {
        Self {
            open: Arc::default(),
            most,
        }
    }

    /// Gives a place to a new connection from this address, at another connection's cost where all places are taken.
    pub(super) fn admit(&self, address: IpAddr) -> ConnectionPlace {
        let mut open = locked(&self.open);
        while open.connections.len() >= self.most {
            let Some(evicted) = open.least_deserving() else {
                break;
            };
            if let Some(connection) = open.connections.remove(&evicted) {
                connection.evicted.cancel();
            }
        }
        let (number, evicted) = (open.next, CancellationToken::new());
        open.next += 1;
        let connection = Connection {
            client: client_network(address),
            evicted: evicted.clone(),
        };
        open.connections.insert(number, connection);
        ConnectionPlace {
            open: Arc::clone(&self.open),
            number,
            evicted,
        }
    }
}

impl Open {
    /// The oldest connection of the client that has the most.
    fn least_deserving(&self) -> Option<u64> {
        let mut clients: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, connection) in &self.connections {
            clients.entry(connection.client).or_insert((0, *number)).0 += 1;
        }
        let busiest = clients
            .into_values()
            .max_by_key(|(count, oldest)| (*count, u64::MAX - oldest));
        busiest.map(|(_, oldest)| oldest)
    }
}

impl ConnectionPlace {
    /// Resolves when the place is given to somebody else.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        locked(&self.open).connections.remove(&self.number);
    }
}

fn locked(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn evicted(places: &[ConnectionPlace]) -> Vec<usize> {
        let gone = |place: &ConnectionPlace| place.evicted.is_cancelled();
        (0..places.len()).filter(|n| gone(&places[*n])).collect()
    }

    #[test]
    fn who_has_the_most_connections_loses_the_oldest() {
        let connections = Connections::new(4);
        let (few, many) = (address("10.0.0.1"), address("10.0.0.2"));
        let mut places: Vec<ConnectionPlace> = [few, many, many, many].map(|a| connections.admit(a)).into();
        places.push(connections.admit(many));
        assert_eq!(evicted(&places), [1]);
        // a newcomer takes nothing from who has one alone
        places.push(connections.admit(address("10.0.0.3")));
        assert_eq!(evicted(&places), [1, 2]);
        places.push(connections.admit(few));
        assert_eq!(evicted(&places), [1, 2, 3]);
    }

    #[test]
    fn where_each_has_one_the_oldest_goes() {
        let connections = Connections::new(2);
        let places: Vec<ConnectionPlace> = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
            .map(|text| connections.admit(address(text)))
            .into();
        assert_eq!(evicted(&places), [0, 1]);
    }

    #[test]
    fn a_place_that_was_left_is_free() {
        let connections = Connections::new(1);
        let first = connections.admit(address("::1"));
        drop(first);
        let second = connections.admit(address("::1"));
        assert!(!second.evicted.is_cancelled());
        assert_eq!(locked(&connections.open).connections.len(), 1);
    }
}
