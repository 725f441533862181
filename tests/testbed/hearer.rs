//! An HTTP server that hears what it is told: it keeps every request, and answers by a protocol's rules or to order.
//!
//! It speaks HTTP/1.1 over plain sockets, so that it can hang and cut connections like a service that fails.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

pub mod healthchecks;
pub mod slack;

/// A request as it was heard.
#[derive(Clone)]
pub struct Heard {
    pub at: Instant,
    pub method: String,
    pub path: String,
    pub query: String,
    /// names in lower case
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// a status, headers and words
    Status(u16, Vec<(&'static str, String)>, String),
    /// nothing, for as long as the other side waits
    Hang,
    /// the connection is cut after the request was read
    Cut,
}

type Rules = dyn Fn(&Heard) -> Answer + Send + Sync;

/// A server on a port of its own; it ends with this process.
pub struct Hearer {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    ordered: Arc<Mutex<VecDeque<Answer>>>,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {}?{} {body}", self.method, self.path, self.query)
    }
}

impl Heard {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), String::new())
    }

    pub fn words(status: u16, words: &str) -> Self {
        Self::Status(status, Vec::new(), words.to_owned())
    }
}

impl Hearer {
    /// One that takes whatever it is given.
    pub fn start() -> Self {
        Self::with(|_| Answer::status(204))
    }

    /// One that answers by these rules.
    pub fn with(rules: impl Fn(&Heard) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let hearer = Self {
            port: listener.local_addr().unwrap().port(),
            heard: Arc::default(),
            ordered: Arc::default(),
        };
        let (heard, ordered) = (hearer.heard.clone(), hearer.ordered.clone());
        let rules: Arc<Rules> = Arc::new(rules);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, ordered, rules) = (heard.clone(), ordered.clone(), rules.clone());
                thread::spawn(move || serve(stream, &heard, &ordered, &*rules));
            }
        });
        hearer
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next requests are answered so, whatever the rules say.
    pub fn order(&self, answers: impl IntoIterator<Item = Answer>) {
        self.ordered.lock().unwrap().extend(answers);
    }

    /// Everything heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Everything heard so far, which is then forgotten.
    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// The one thing that was heard.
    #[track_caller]
    pub fn only(&self) -> Heard {
        let mut heard = self.take();
        assert_eq!(heard.len(), 1, "{heard:#?}");
        heard.remove(0)
    }
}

fn serve(stream: TcpStream, heard: &Mutex<Vec<Heard>>, ordered: &Mutex<VecDeque<Answer>>, rules: &Rules) {
    let Some(request) = read(&stream) else {
        return;
    };
    let answer = ordered.lock().unwrap().pop_front();
    let answer = answer.unwrap_or_else(|| rules(&request));
    heard.lock().unwrap().push(request);
    match answer {
        Answer::Status(status, headers, words) => write(&stream, status, &headers, &words),
        Answer::Hang => wait_for_end(&stream),
        Answer::Cut => {}
    }
}

/// One request: the line, the headers, and as much body as they announce.
fn read(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Heard {
        at: Instant::now(),
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

fn write(mut stream: &TcpStream, status: u16, headers: &[(&str, String)], words: &str) {
    let length = words.len();
    let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    // who has gone away needs no answer
    let _ = stream.write_all(format!("{text}\r\n{words}").as_bytes());
}

fn wait_for_end(mut stream: &TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let _ = stream.read(&mut [0]);
}
