//! A wire between the agent and a server that does what wires do: it flips bits, is slow, or says nothing. Raw TCP:
//! headers, XML and bodies are alike to it.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// In which direction bits are flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Request,
    Answer,
}

/// What the wire does.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    /// Flips at most so many bits, one in every so many bytes or so. Lengths in headers are left alone: who waits for
    /// bytes that never come is another test's matter.
    Flips {
        direction: Direction,
        every_bytes: u64,
        most: u64,
        seed: u64,
    },
    /// Takes connections and bytes, and says nothing.
    Silent,
    /// Carries so many bytes a second to the server, those of all connections together.
    SlowUplink { bytes_per_second: u64 },
}

/// A running relay. It stops taking connections when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wire: Wire,
    server: String,
    stopped: AtomicBool,
    flips: Mutex<Flips>,
    flipped: AtomicU64,
    uplink: Mutex<()>,
}

#[derive(Debug)]
struct Flips {
    random: u64,
    left: u64,
    /// Bytes before the next one.
    next_in: u64,
}

impl Relay {
    /// Stands before the server at this endpoint, such as `http://127.0.0.1:40123`.
    pub fn start(endpoint: &str, wire: Wire) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seed, most) = match wire {
            Wire::Flips { seed, most, .. } => (seed, most),
            Wire::Silent | Wire::SlowUplink { .. } => (1, 0),
        };
        let mut flips = Flips {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            left: most,
            next_in: 0,
        };
        flips.rest(wire);
        let shared = Arc::new(Shared {
            wire,
            server: endpoint.trim_start_matches("http://").to_owned(),
            stopped: AtomicBool::new(false),
            flips: Mutex::new(flips),
            flipped: AtomicU64::new(0),
            uplink: Mutex::new(()),
        });
        let relay = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if relay.stopped.load(Ordering::Relaxed) {
                    return;
                }
                relay.connect(client);
            }
        });
        Self { address, shared }
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many bits have been flipped so far.
    pub fn flipped(&self) -> u64 {
        self.shared.flipped.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server) else {
            return;
        };
        for (from, to, direction) in [
            (client.try_clone(), server.try_clone(), Direction::Request),
            (Ok(server), Ok(client), Direction::Answer),
        ] {
            let (Ok(from), Ok(to), relay) = (from, to, Arc::clone(self)) else {
                return;
            };
            std::thread::spawn(move || relay.carry(from, to, direction));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, direction: Direction) {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read) = from.read(&mut buffer) {
            let bytes = &mut buffer[..read];
            if read == 0 {
                break;
            }
            match self.wire {
                Wire::Silent if direction == Direction::Request => continue,
                Wire::SlowUplink { bytes_per_second } if direction == Direction::Request => {
                    let _one_wire = self.uplink.lock().unwrap();
                    std::thread::sleep(Duration::from_secs_f64(read as f64 / bytes_per_second as f64));
                }
                Wire::Flips { direction: here, .. } if direction == here => self.damage(bytes),
                _ => {}
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn damage(&self, bytes: &mut [u8]) {
        let lengths = lengths(bytes);
        let mut flips = self.flips.lock().unwrap();
        let mut at = 0;
        while flips.left > 0 {
            let next = at + usize::try_from(flips.next_in).unwrap();
            if next >= bytes.len() {
                flips.next_in = (next - bytes.len()) as u64;
                return;
            }
            if lengths.iter().any(|line| line.contains(&next)) {
                flips.next_in = 100;
                at = next;
                continue;
            }
            bytes[next] ^= 1 << (flips.number() % 8);
            self.flipped.fetch_add(1, Ordering::Relaxed);
            flips.left -= 1;
            at = next + 1;
            flips.rest(self.wire);
        }
    }
}

impl Flips {
    /// Marsaglia's xorshift: the same flips for the same seed and the same bytes.
    fn number(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn rest(&mut self, wire: Wire) {
        if let Wire::Flips { every_bytes, .. } = wire {
            self.next_in = self.number() % (2 * every_bytes);
        }
    }
}

/// Where headers stand that say how long something is.
fn lengths(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let lower = bytes.to_ascii_lowercase();
    let found = ["content-length", "transfer-encoding"].map(|name| {
        memchr::memmem::find_iter(&lower, name.as_bytes())
            .map(|at| at.saturating_sub(2)..at + 48)
            .collect::<Vec<_>>()
    });
    found.concat()
}
