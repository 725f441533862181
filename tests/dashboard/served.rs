//! A `serve` with a dashboard, and somebody who reads it as a browser does: with cookies, following forms.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::{
    stage::wait_until,
    testbed::{Agent, Outcome, Running},
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const VIEWER_PASSWORD: &str = "only looking at all of it";

/// The hash of a password, as the binary prints it.
pub(crate) fn hash_of(password: &str) -> String {
    let printed = Agent::new().run_with_input(["dashboard", "password"], password.as_bytes());
    printed.success().text().trim().to_owned()
}

/// An agent with a dashboard on this machine, an operator and a viewer.
pub(crate) fn with_dashboard(agent: Agent) -> Agent {
    agent
        .env("PGCOFFER_DASHBOARD_URL", "http://localhost:9187")
        .env("PGCOFFER_DASHBOARD_OPERATOR_HASH", hash_of(PASSWORD))
        .env("PGCOFFER_DASHBOARD_VIEWER_HASH", hash_of(VIEWER_PASSWORD))
}

/// A `serve` under way.
pub(crate) struct Served {
    running: Running,
    pub(crate) address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Somebody with a browser.
pub(crate) struct Reader<'a> {
    served: &'a Served,
    pub(crate) host: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// More lines of each request's head.
    pub(crate) lines: Vec<String>,
}

/// Starts it on any port, with a second between its ticks, and waits until it listens.
pub(crate) fn serve(agent: &Agent) -> Served {
    let args = [
        "serve",
        "--shortest-wait",
        "1",
        "--log-format",
        "json",
        "--listen",
        "127.0.0.1:0",
    ];
    let mut running = agent.spawn(args);
    let mut port = None;
    wait_until("it listens", || {
        port = listening_port(running.pid());
        port.is_some() || running.has_ended()
    });
    let Some(port) = port else {
        panic!("it ended: {}", running.wait().stderr);
    };
    Served {
        running,
        address: SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

/// The port that a process listens on, as the kernel tells.
fn listening_port(pid: u32) -> Option<u16> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let sockets: BTreeSet<String> = links
        .filter_map(|link| {
            let target = std::fs::read_link(link.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        // 0A is LISTEN: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = words[3] == "0A" && sockets.contains(words[9]);
        let port = words[1].rsplit(':').next()?;
        listens.then(|| u16::from_str_radix(port, 16).unwrap())
    })
}

impl Served {
    /// Somebody who is not signed in.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            served: self,
            host: format!("localhost:{}", self.address.port()),
            cookies: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// Somebody who has signed in with this password.
    pub(crate) fn signed_in(&self, password: &str) -> Reader<'_> {
        let mut reader = self.reader();
        let reply = reader.sign_in(password);
        assert_eq!(reply.status, 303, "{reply:?}");
        reader
    }

    /// Sends these bytes, and reads the answer to its end.
    pub(crate) fn send(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer to {request}: {text}"));
        Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Waits until a tick has ended.
    #[track_caller]
    pub(crate) fn wait_for_tick(&self) {
        wait_until("a tick has ended", || {
            let metrics = self.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
            let count = metrics
                .lines()
                .find_map(|line| line.strip_prefix("pgcoffer_ticks_total "));
            count.is_some_and(|count| count != "0")
        });
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(self) -> Outcome {
        self.running.signal("TERM");
        self.running.wait()
    }
}

impl Reply {
    /// The value of a header, without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The hidden field `token` of the page's first form that has one.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.value_of("token")
    }

    /// The value of the first field of this name.
    #[track_caller]
    pub(crate) fn value_of(&self, name: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The text of the page without its tags, on one line.
    pub(crate) fn text(&self) -> String {
        let tags = regex::Regex::new("<[^>]*>").unwrap();
        let bare = tags.replace_all(&self.body, " ");
        bare.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Reader<'_> {
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, None)
    }

    /// Sends a form.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let encoded =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        self.ask("POST", path, Some(&fields.join("&")))
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&str>) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request.push_str(&format!("Cookie: {}\r\n", pairs.join("; ")));
        }
        for line in &self.lines {
            request.push_str(&format!("{line}\r\n"));
        }
        if let Some(body) = body {
            let kind = "application/x-www-form-urlencoded";
            request.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
        }
        let reply = self.served.send(&format!("{request}\r\n{}", body.unwrap_or_default()));
        self.take_cookies(&reply);
        reply
    }

    fn take_cookies(&mut self, reply: &Reply) {
        for line in reply.head.lines() {
            let Some((name, value)) = line
                .split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            else {
                continue;
            };
            assert_eq!(name.to_ascii_lowercase(), "set-cookie");
            let (name, rest) = value.split_once('=').unwrap();
            match rest.split_once(';').unwrap().0 {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    /// Opens the page to sign in, and sends its form.
    pub(crate) fn sign_in(&mut self, password: &str) -> Reply {
        let token = self.get("/sign-in").token();
        self.post("/sign-in", &[("token", &token), ("password", password), ("next", "/")])
    }

    /// Asks for something on the page that asks before it acts, and answers it.
    pub(crate) fn act(&mut self, query: &str, fields: &[(&str, &str)]) -> Reply {
        let page = self.get(&format!("/act?{query}"));
        assert_eq!(page.status, 200, "{page:?}");
        let (token, what) = (page.token(), page.value_of("what"));
        let (database, id) = (page.value_of("database"), page.value_of("id"));
        let mut all = vec![("what", what.as_str()), ("database", &database), ("id", &id)];
        // the page has the form to sign out first, with the same token
        all.push(("token", &token));
        all.extend_from_slice(fields);
        self.post("/act", &all)
    }

    /// The page of work that a reply leads to, once it has ended.
    #[track_caller]
    pub(crate) fn ended(&mut self, reply: &Reply) -> Reply {
        assert_eq!(reply.status, 303, "{reply:?}");
        let path = reply.header("location").unwrap().to_owned();
        let mut page = None;
        wait_until("the work has ended", || {
            let shown = self.get(&path);
            let goes_on = shown.body.contains("It goes on.");
            page = Some(shown);
            !goes_on
        });
        page.unwrap()
    }
}
