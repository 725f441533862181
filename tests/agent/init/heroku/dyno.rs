//! One-off dynos: what the CLI attaches to by TLS, and the command as a shell runs it, with the app's config vars as its
//! whole environment and both outputs in one stream.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use crate::testbed::{TlsFront, binary};

/// A dyno that waits for somebody to attach.
pub(super) struct Waiting {
    pub(super) command: String,
    pub(super) vars: BTreeMap<String, String>,
    /// Programs that come before ours, where somebody has changed the app.
    pub(super) programs: Option<PathBuf>,
}

/// Where dynos are attached to.
pub(super) struct Dynos {
    front: TlsFront,
    waiting: Arc<Mutex<BTreeMap<String, Waiting>>>,
}

impl Dynos {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let waiting = Arc::<Mutex<BTreeMap<String, Waiting>>>::default();
        let known = Arc::clone(&waiting);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let known = Arc::clone(&known);
                std::thread::spawn(move || attach(socket, &known));
            }
        });
        Self {
            front: TlsFront::start(&endpoint),
            waiting,
        }
    }

    /// The authority that the CLI has to know.
    pub(super) fn authority(&self) -> PathBuf {
        self.front.authority()
    }

    /// A new dyno; the URL that it is attached to by.
    pub(super) fn add(&self, id: &str, waiting: Waiting) -> String {
        self.waiting.lock().unwrap().insert(id.to_owned(), waiting);
        format!("{}/{id}", self.front.endpoint().replace("https://", "rendezvous://"))
    }
}

/// The first line names the dyno. <https://github.com/heroku/cli/blob/main/src/lib/run/dyno.ts>
fn attach(socket: TcpStream, waiting: &Mutex<BTreeMap<String, Waiting>>) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let Some(dyno) = waiting.lock().unwrap().remove(line.trim()) else {
        return;
    };
    let mut answer = &socket;
    if answer.write_all(b"rendezvous\r\n").is_err() {
        return;
    }
    // the CLI takes its first packet for this line, whatever else is in it; then it sends the end of its own input
    let _ = reader.read_exact(&mut [0]);
    let folder = tempfile::tempdir().unwrap();
    let own = binary().parent().unwrap().to_owned();
    let folders = dyno.programs.iter().chain([&own]);
    let folders: Vec<String> = folders.map(|folder| folder.display().to_string()).collect();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {}", dyno.command)])
        .current_dir(folder.path())
        .env_clear()
        .envs(&dyno.vars)
        .env(
            "PATH",
            format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap()),
        )
        .env("HOME", folder.path())
        .env("DYNO", "run.1234")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let _ = answer.write_all(&output.stdout);
    let _ = socket.shutdown(std::net::Shutdown::Write);
}
