//! A release made of the binary under test, and the server that it is downloaded from.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use tokio::sync::oneshot;

use crate::testbed::{INSTALL_HINT, binary, project};

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the documentation says that releases are.
pub(crate) const PUBLIC_URL: &str = concat!(
    "https://github.com/pgcoffer/pgcoffer/releases/download/v",
    env!("CARGO_PKG_VERSION")
);

/// The name of this machine's archive.
pub(crate) fn archive_name() -> String {
    format!("pgcoffer-{VERSION}-{}-linux.tar.gz", std::env::consts::ARCH)
}

/// A folder with this machine's archive and Debian package, packed once for all tests as a release is.
pub(crate) fn packed() -> &'static Path {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    PACKED.get_or_init(|| {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (folder, stripped) = (top.join("release"), top.join("pgcoffer"));
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let mut strip = Command::new("strip");
        run(strip.arg("-o").arg(&stripped).arg(binary()));
        let cargo_deb = project().join(".testbed/cargo/bin");
        assert!(
            cargo_deb.join("cargo-deb").exists(),
            "no cargo-deb: {INSTALL_HINT}"
        );
        let path = std::env::join_paths(
            [cargo_deb]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut pack = Command::new(project().join("packaging/package.sh"));
        pack.arg(&stripped).arg(&folder).arg("--fast");
        run(pack.env("PATH", path.unwrap()));
        folder
    })
}

/// Runs it to its end, which must be good; what it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    assert!(output.status.success(), "{command:?}:\n{}", said.concat());
    said[0].clone()
}

/// Serves files over HTTP on a free port of 127.0.0.1, and remembers what was asked for.
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

impl Server {
    /// A server of nothing yet.
    pub(crate) fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let served = axum::serve(listener, router);
                // a client that holds its connection open is not waited for
                tokio::select! { _ = served => {}, _ = stopped => {} }
            });
        });
        Self {
            url,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// A server of the packed release.
    pub(crate) fn of_release() -> Self {
        let server = Self::start();
        for entry in fs::read_dir(packed()).unwrap() {
            let entry = entry.unwrap();
            server.put(
                entry.file_name().to_str().unwrap(),
                fs::read(entry.path()).unwrap(),
            );
        }
        server
    }

    pub(crate) fn put(&self, name: &str, content: Vec<u8>) {
        self.shared
            .files
            .lock()
            .unwrap()
            .insert(format!("/{name}"), content);
    }

    /// How often this file was asked for.
    pub(crate) fn asked(&self, name: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap();
        asked
            .iter()
            .filter(|path| **path == format!("/{name}"))
            .count()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> (StatusCode, Vec<u8>) {
    let path = request.uri().path().to_owned();
    shared.asked.lock().unwrap().push(path.clone());
    match shared.files.lock().unwrap().get(&path) {
        Some(content) => (StatusCode::OK, content.clone()),
        None => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

/// The buildpack as a release of this version below that URL carries it, unpacked.
pub(crate) fn buildpack(url: &str) -> tempfile::TempDir {
    let (folder, unpacked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = folder.path().join(archive_name());
    fs::copy(packed().join(archive_name()), archive).unwrap();
    let mut finish = Command::new(project().join("packaging/package.sh"));
    run(finish.arg("--finish").arg(folder.path()).arg(url));
    let mut tar = Command::new("tar");
    tar.arg("-xzf")
        .arg(folder.path().join("pgcoffer-buildpack.tgz"));
    run(tar.arg("-C").arg(unpacked.path()));
    unpacked
}
