//! A pooler that hands server connections on between transactions, as others than PgBouncer do it: it may repeat the
//! process that a server announced, and may take from either end of its heap or go round. It speaks the simple protocol
//! to clients that are trusted.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::Cluster;

/// How it behaves.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// announces the process of a server, rather than a number of its own
    pub repeats_the_server: bool,
    /// takes the connection that came back last, rather than the one that has waited longest
    pub last_first: bool,
    /// server connections
    pub size: usize,
}

/// A running pooler; it takes no more clients once it is dropped.
pub struct Heap {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    free: Mutex<VecDeque<Server>>,
    came_back: Condvar,
    manner: Manner,
    stopped: AtomicBool,
    clients: AtomicUsize,
}

struct Server {
    stream: TcpStream,
    /// what it said of itself when we logged in, as it came
    said: Vec<u8>,
    key: Vec<u8>,
}

impl Heap {
    /// One before this database, logged in as the superuser.
    pub fn start(cluster: &Cluster, database: &str, manner: Manner) -> Self {
        let servers = (0..manner.size).map(|_| Server::connect(cluster.port(), database));
        let shared = Arc::new(Shared {
            free: Mutex::new(servers.collect()),
            came_back: Condvar::new(),
            manner,
            stopped: AtomicBool::new(false),
            clients: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    if shared.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        let _ = shared.serve(client);
                    });
                }
            }
        });
        Self { port, shared }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn take(&self) -> Server {
        let mut free = self.free.lock().unwrap();
        loop {
            let taken = match self.manner.last_first {
                true => free.pop_back(),
                false => free.pop_front(),
            };
            match taken {
                Some(server) => return server,
                None => free = self.came_back.wait(free).unwrap(),
            }
        }
    }

    fn give_back(&self, server: Server) {
        self.free.lock().unwrap().push_back(server);
        self.came_back.notify_one();
    }

    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        loop {
            let body = body(&mut client)?;
            match u32::from_be_bytes(body[..4].try_into().unwrap()) {
                80_877_103 | 80_877_104 => client.write_all(b"N")?,
                // somebody wants a statement cancelled, which is not done here
                80_877_102 => return Ok(()),
                _ => break,
            }
        }
        let server = self.take();
        let number = self.clients.fetch_add(1, Ordering::Relaxed) as u32 + 1_000_000;
        let key = match self.manner.repeats_the_server {
            true => server.key.clone(),
            false => [number.to_be_bytes(), [7; 4]].concat(),
        };
        let said = server.said.clone();
        self.give_back(server);
        client.write_all(&message(b'R', &[0; 4]))?;
        client.write_all(&said)?;
        client.write_all(&message(b'K', &key))?;
        client.write_all(&message(b'Z', b"I"))?;
        let mut held: Option<Server> = None;
        let ended = self.pass(&mut client, &mut held);
        if let Some(mut server) = held.take() {
            // whoever left in a transaction has it rolled back
            server.ask("ROLLBACK");
            self.give_back(server);
        }
        ended
    }

    /// Each statement to a server, and its answer back; the server stays while a transaction is open.
    fn pass(&self, client: &mut TcpStream, held: &mut Option<Server>) -> std::io::Result<()> {
        loop {
            let (letter, body) = next(client)?;
            if letter == b'X' {
                return Ok(());
            }
            let mut server = held.take().unwrap_or_else(|| self.take());
            server.stream.write_all(&message(letter, &body))?;
            loop {
                let (letter, body) = next(&mut server.stream)?;
                let is_written = client.write_all(&message(letter, &body));
                if letter == b'Z' {
                    match body[0] {
                        b'I' => self.give_back(server),
                        _ => *held = Some(server),
                    }
                    is_written?;
                    break;
                }
            }
        }
    }
}

impl Server {
    fn connect(port: u16, database: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let text = format!("user\0postgres\0database\0{database}\0application_name\0heap\0\0");
        let startup = [&196_608_u32.to_be_bytes()[..], text.as_bytes()].concat();
        let length = u32::try_from(startup.len() + 4).unwrap();
        stream.write_all(&length.to_be_bytes()).unwrap();
        stream.write_all(&startup).unwrap();
        let (mut said, mut key) = (Vec::new(), Vec::new());
        loop {
            match next(&mut stream).unwrap() {
                (b'S', body) => said.extend(message(b'S', &body)),
                (b'K', body) => key = body,
                (b'Z', _) => return Self { stream, said, key },
                (b'E', body) => panic!("{}", String::from_utf8_lossy(&body)),
                _ => {}
            }
        }
    }

    fn ask(&mut self, sql: &str) {
        let query = message(b'Q', format!("{sql}\0").as_bytes());
        let _ = self.stream.write_all(&query);
        while next(&mut self.stream).is_ok_and(|(letter, _)| letter != b'Z') {}
    }
}

fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[letter], &length.to_be_bytes()[..], body].concat()
}

fn next(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut letter = [0];
    stream.read_exact(&mut letter)?;
    Ok((letter[0], body(stream)?))
}

fn body(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut body)?;
    Ok(body)
}
